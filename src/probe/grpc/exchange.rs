//! One question and its answer over HTTP/2, with phases; the connection is driven here, in the run's own task.

use std::error::Error as _;
use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::message::{self, Health, PREFIX};
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::manned::{self, Crew, Manned};
use crate::probe::connect::stream::{Stream, Watch, Watched, broken};
use crate::probe::connect::unanswered::{Unanswered, broken_off};
use crate::probe::{Phases, Stop};

/// The longest answer that is read; how something is takes two bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
const HEAD_BYTES_MAX: u32 = 32 << 10;
const WINDOW: u32 = 128 << 10;
/// Everything that the server sends in one run, empty frames and settings among it.
const READ_BYTES_MAX: u64 = 1 << 20;

/// How it ended.
pub(super) struct Answer {
    /// `grpc-status`.
    pub(super) code: u32,
    /// `grpc-message`, readable.
    pub(super) text: String,
    pub(super) message: Option<Health>,
    pub(super) headers: HeaderMap,
    pub(super) trailers: HeaderMap,
}

pub(super) async fn exchange(
    phases: &mut Phases,
    stream: Stream,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Unanswered> {
    let (io, watch) = Watched::http2(stream);
    let length = request.body().size_hint().lower();
    phases.begin(Phase::Send);
    let mut talk = Talk { phases, watch, length };
    let crew = Crew::default();
    let (mut sender, line) = http2::Builder::new(crew.clone())
        .max_header_list_size(HEAD_BYTES_MAX)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake(TokioIo::new(io))
        .await
        .map_err(|error| talk.stop(&error))?;
    let mut line = Some(Manned::new(line, crew));
    talk.watch.begin();
    let response = talk.along(&mut line, sender.send_request(request)).await?;
    let response = response.map_err(|error| Unanswered::of(&error, talk.stop(&error)))?;
    talk.first_byte();
    let received = talk.along(&mut line, receive(response)).await?;
    let answer = received.map_err(|missing| match missing {
        Missing::Fault(fault) => Stop::from(fault.during(Phase::Receive)),
        Missing::Broken(error) => talk.stop(&error),
    })?;
    talk.phases.end();
    Ok(answer)
}

enum Missing {
    Fault(Fault),
    Broken(hyper::Error),
}

impl From<Fault> for Missing {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads the answer: one message at most, then how it ended.
async fn receive(response: Response<Incoming>) -> Result<Answer, Missing> {
    let (head, mut body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(Fault::new(FaultCode::Status, format!("answers HTTP {}, not gRPC", head.status)).into());
    }
    let media = head.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.starts_with("application/grpc") {
        return Err(Fault::new(FaultCode::GrpcMalformed, format!("answers with `{media}`, not with gRPC")).into());
    }
    let mut content = BytesMut::new();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        match frame.map_err(Missing::Broken)?.into_data() {
            Ok(data) => {
                content.extend_from_slice(&data);
                check(&content)?;
            }
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    // An answer that is over before it begins has everything in its head.
    let told = if head.headers.contains_key("grpc-status") { &head.headers } else { &trailers };
    let code = told.get("grpc-status").ok_or_else(|| {
        Fault::new(FaultCode::GrpcNoStatus, "the answer ends without `grpc-status`: nobody knows how it went")
    })?;
    let code = code.to_str().ok().and_then(|code| code.parse().ok());
    let code = code.ok_or_else(|| malformed("the answer ends with a `grpc-status` that is no number"))?;
    let text = told.get("grpc-message").map(|text| percent_encoding::percent_decode(text.as_bytes()));
    let text = text.map(|text| text.decode_utf8_lossy().into_owned()).unwrap_or_default();
    let message = take(content.freeze())?;
    Ok(Answer { code, text, message, headers: head.headers, trailers })
}

/// What can be said of a message before it is whole.
fn check(heard: &[u8]) -> Result<(), Fault> {
    let Some((prefix, rest)) = heard.split_first_chunk::<PREFIX>() else { return Ok(()) };
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    if prefix[0] != 0 {
        let text = "the answer is compressed, and we did not say that we can read that";
        return Err(Fault::new(FaultCode::Decode, text));
    }
    if length > MESSAGE_BYTES_MAX {
        let text = format!("the answer says that it has {length} bytes; {MESSAGE_BYTES_MAX} are read");
        return Err(Fault::new(FaultCode::GrpcTooLarge, text));
    }
    if rest.len() > length {
        return Err(malformed("more than one answer to one question"));
    }
    Ok(())
}

fn take(mut heard: Bytes) -> Result<Option<Health>, Fault> {
    if heard.is_empty() {
        return Ok(None);
    }
    if heard.len() < PREFIX {
        return Err(malformed("the answer ends in the middle"));
    }
    let length = (&heard[1..PREFIX]).get_u32() as usize;
    heard.advance(PREFIX);
    if heard.len() < length {
        return Err(malformed("the answer ends in the middle"));
    }
    message::answer(&heard).map(Some).map_err(malformed)
}

fn malformed(text: impl Into<String>) -> Fault {
    Fault::new(FaultCode::GrpcMalformed, text)
}

/// One exchange on its way.
struct Talk<'a> {
    phases: &'a mut Phases,
    watch: Watch,
    /// Of the request's body.
    length: u64,
}

impl Talk<'_> {
    /// Drives the connection and `future` together, for as long as the server keeps within bounds.
    async fn along<L, F>(&mut self, line: &mut Option<L>, future: F) -> Result<F::Output, Stop>
    where
        L: Future + Unpin,
        F: Future,
    {
        let Self { phases, watch, length } = self;
        manned::along(line, future, || {
            watch.note_sent(phases, *length);
            if watch.marks().read > READ_BYTES_MAX {
                let text = format!("the server sends more than {READ_BYTES_MAX} bytes, and no answer");
                // Whoever is heard so long has been asked.
                let phase = phases.running().filter(|phase| *phase != Phase::Send).unwrap_or(Phase::Wait);
                return Err(Fault::new(FaultCode::GrpcTooLarge, text).during(phase).into());
            }
            Ok(())
        })
        .await
    }

    fn first_byte(&mut self) {
        let now = Instant::now();
        if self.phases.running() == Some(Phase::Send) {
            self.phases.begin_at(Phase::Wait, self.watch.marks().last_write.unwrap_or(now));
        }
        self.phases.begin_at(Phase::Receive, now);
    }

    fn stop(&self, error: &hyper::Error) -> Stop {
        let phase = self.phases.running().unwrap_or(Phase::Receive);
        if let Some(fault) = broken_off(error, &self.watch, phase) {
            return fault.during(phase).into();
        }
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                return broken(io, phase);
            }
            source = cause.source();
        }
        let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        let (code, text) = if error.is_incomplete_message() || error.is_closed() {
            (FaultCode::Reset, "the server hung up without an answer".to_owned())
        } else if why.contains("frame with invalid size") {
            // Letters read as a frame's length are one that no frame may have.
            (FaultCode::Protocol, format!("what listens there does not speak gRPC (HTTP/2): {why}"))
        } else {
            (FaultCode::Protocol, format!("the answer makes no sense: {why}"))
        };
        Fault::new(code, text).during(phase).into()
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    /// As [`receive`] takes it: looked at with every piece.
    fn heard(pieces: &[Vec<u8>]) -> Result<Option<Health>, Fault> {
        let mut content = BytesMut::new();
        for piece in pieces {
            content.extend_from_slice(piece);
            check(&content)?;
        }
        take(content.freeze())
    }

    #[test]
    fn messages_are_the_same_however_they_arrive() {
        let corpus: &[&[u8]] =
            &[&[0, 0, 0, 0, 2, 8, 1], &[0, 0, 0, 0, 5, 8, 2, 0x12, 1, b'x'], &[0, 0, 0, 0, 0], &[1, 0, 0, 0, 1, 8]];
        let mut bent = Bent::of(5000, corpus);
        while let Some(input) = bent.next() {
            let pieces = bent.pieces(&input);
            let (whole, split) = (heard(std::slice::from_ref(&input)), heard(&pieces));
            assert_eq!(whole, split);
            let announced = input.get(1..5).map_or(0, |length| (&*length).get_u32() as usize);
            assert!(whole.is_err() || input.is_empty() || announced + PREFIX == input.len());
        }
    }
}
