//! One request over HTTP/3 (RFC 9114): QUIC's handshake is one phase, then the same phases as over TCP.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::{Buf as _, Bytes, BytesMut};
use h3::error::StreamError;
use http::Request;
use http::response::Parts;

use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::quic::{HEARD_BYTES_MAX, Quic};
use crate::probe::{Phases, Stop};

use super::body::{Coding, Received, Want, unpack};
use super::exchange::Answer;

const HEAD_BYTES_MAX: u64 = 64 << 10;

type Sender = h3::client::SendRequest<h3_quinn::OpenStreams, Bytes>;

/// Sends the request; `want` looks at the head and says how much of the body matters.
pub(super) async fn exchange(
    phases: &mut Phases,
    quic: &Quic,
    request: Request<()>,
    body: Bytes,
    want: impl FnOnce(&Parts) -> Want,
) -> Result<Answer, Stop> {
    phases.begin(Phase::Send);
    let (mut driver, sender) = h3::client::builder()
        .max_field_section_size(HEAD_BYTES_MAX)
        .build(h3_quinn::Connection::new(quic.connection.clone()))
        .await
        .map_err(|error| broken(format!("the server does not speak HTTP/3: {error}"), Phase::Send))?;
    let head_came = AtomicBool::new(false);
    let mut closed = None;
    let mut talk = pin!(talk(phases, &head_came, sender, request, body, want));
    // The connection is driven here, in the run's own task; its end reaches the talk through its stream.
    poll_fn(|cx| {
        if closed.is_none() {
            closed = match driver.poll_close(cx) {
                Poll::Ready(error) => Some(error),
                Poll::Pending => None,
            };
        }
        match talk.as_mut().poll(cx) {
            Poll::Pending if quic.heard.bytes(cx) > HEARD_BYTES_MAX => Poll::Ready(Err(flood(&head_came))),
            polled => polled,
        }
    })
    .await
}

/// What stands against a server that sent all that is heard of one, and its answer is not whole.
fn flood(head_came: &AtomicBool) -> Stop {
    let text = format!("the server has sent more than {HEARD_BYTES_MAX} bytes, and");
    if head_came.load(Ordering::Relaxed) {
        let text = format!("{text} something beside the body of its answer does not end");
        Fault::new(FaultCode::Protocol, text).during(Phase::Receive).into()
    } else {
        let text = format!("{text} the head of its answer does not end");
        Fault::new(FaultCode::HeadTooLarge, text).during(Phase::Wait).into()
    }
}

async fn talk(
    phases: &mut Phases,
    head_came: &AtomicBool,
    mut sender: Sender,
    request: Request<()>,
    body: Bytes,
    want: impl FnOnce(&Parts) -> Want,
) -> Result<Answer, Stop> {
    let sending = |error: StreamError| stop(&error, Phase::Send);
    let mut stream = sender.send_request(request).await.map_err(sending)?;
    if !body.is_empty() {
        stream.send_data(body).await.map_err(sending)?;
    }
    stream.finish().await.map_err(sending)?;
    phases.begin(Phase::Wait);
    let response = stream.recv_response().await.map_err(|error| stop(&error, Phase::Wait))?;
    phases.begin(Phase::Receive);
    head_came.store(true, Ordering::Relaxed);
    let (head, ()) = response.into_parts();
    let (want, coding) = (want(&head), Coding::of(&head.headers));
    let most = match want {
        Want::Nothing => 0,
        Want::Arrival(most) | Want::Itself(most) => most,
    };
    let mut received = Received::default();
    let mut kept = BytesMut::new();
    while want != Want::Nothing
        && !received.capped
        && let Some(mut data) = stream.recv_data().await.map_err(|error| stop(&error, Phase::Receive))?
    {
        let room = data.remaining().min(most - received.length);
        received.capped = data.remaining() > room;
        received.length += room;
        let data = data.copy_to_bytes(room);
        if matches!(want, Want::Itself(_)) {
            kept.extend_from_slice(&data);
        }
    }
    received.bytes = kept.freeze();
    let body = if matches!(want, Want::Itself(_)) { unpack(received, most, coding).await } else { Ok(received) };
    phases.end();
    Ok(Answer { head, body })
}

fn stop(error: &StreamError, phase: Phase) -> Stop {
    match error {
        StreamError::HeaderTooBig { .. } => {
            let text = format!("the head of the answer is longer than {HEAD_BYTES_MAX} bytes");
            Fault::new(FaultCode::HeadTooLarge, text).during(phase).into()
        }
        StreamError::RemoteTerminate { code, .. } => {
            Fault::new(FaultCode::Reset, format!("the server gives the answer up: {code}")).during(phase).into()
        }
        other => broken(format!("the answer makes no sense: {other}"), phase),
    }
}

fn broken(text: String, phase: Phase) -> Stop {
    Fault::new(FaultCode::Protocol, text).during(phase).into()
}
