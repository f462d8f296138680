//! One request and its answer over one connection, with marks where the bytes went over the wire.
//!
//! The connection is driven here, in the run's own task: spawning a task per run would cost more than the rest of it,
//! and a run that is dropped at its deadline leaves nothing behind.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::response::Parts;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::manned::{self, Crew, Manned};
use crate::probe::connect::stream::{Stream, Watch, Watched, broken};
use crate::probe::connect::unanswered::{Unanswered, broken_off};
use crate::probe::{Phases, Stop};

use super::body::{Coding, Missing, Received, Want, receive};

/// A hundred, the usual limit, has called healthy sites down.
const HEADERS_MAX: usize = 1000;
const HEAD_MAX: usize = 64 << 10;
const INTERIM_MAX: u32 = 10;
/// What an HTTP/2 server may send before we have looked at it.
const WINDOW: u32 = 512 << 10;

/// What is spoken over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// An answer's head, and of its body what was wanted.
pub(super) struct Answer {
    pub(super) head: Parts,
    pub(super) body: Result<Received, String>,
}

/// Sends the request; `want` looks at the head and says how much of the body matters.
pub(super) async fn exchange(
    phases: &mut Phases,
    stream: Stream,
    protocol: Protocol,
    mut request: http::Request<Full<Bytes>>,
    want: impl FnOnce(&Parts) -> Want,
) -> Result<Answer, Unanswered> {
    let (io, watch) = match protocol {
        Protocol::Http1 => Watched::new(stream),
        Protocol::Http2 => Watched::http2(stream),
    };
    let length = request.body().size_hint().lower();
    let interim = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&interim);
    hyper::ext::on_informational(&mut request, move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let talk = Talk { phases, watch, protocol, interim, length };
    talk.phases.begin(Phase::Send);
    match protocol {
        Protocol::Http1 => {
            let (mut sender, line) = http1::Builder::new()
                .max_headers(HEADERS_MAX)
                .max_buf_size(HEAD_MAX)
                .handshake(TokioIo::new(io))
                .await
                .map_err(|error| talk.stop(&error))?;
            let response = sender.send_request(request);
            talk.carry(line, response, want).await
        }
        Protocol::Http2 => {
            let crew = Crew::default();
            let (mut sender, line) = http2::Builder::new(crew.clone())
                .max_header_list_size(HEAD_MAX as u32)
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .handshake(TokioIo::new(io))
                .await
                .map_err(|error| talk.stop(&error))?;
            let line = Manned::new(line, crew);
            talk.watch.begin();
            let response = sender.send_request(request);
            talk.carry(line, response, want).await
        }
    }
}

/// One exchange on its way.
struct Talk<'a> {
    phases: &'a mut Phases,
    watch: Watch,
    protocol: Protocol,
    /// Interim (1xx) responses so far.
    interim: Arc<AtomicU32>,
    /// Of the request's body.
    length: u64,
}

impl Talk<'_> {
    async fn carry<L: Future + Unpin>(
        mut self,
        line: L,
        response: impl Future<Output = hyper::Result<http::Response<Incoming>>>,
        want: impl FnOnce(&Parts) -> Want,
    ) -> Result<Answer, Unanswered> {
        let mut line = Some(line);
        let response = self.along(&mut line, response).await?;
        let response = response.map_err(|error| match self.protocol {
            Protocol::Http1 => self.stop(&error).into(),
            Protocol::Http2 => Unanswered::of(&error, self.stop(&error)),
        })?;
        self.first_byte();
        let (head, body) = response.into_parts();
        let (want, coding) = (want(&head), Coding::of(&head.headers));
        let body = match self.along(&mut line, receive(body, want, coding)).await? {
            Ok(received) => Ok(received),
            Err(Missing::Garbled(why)) => Err(why),
            Err(Missing::Broken(error)) => return Err(self.stop(&error).into()),
        };
        self.phases.end();
        Ok(Answer { head, body })
    }

    /// Drives the connection and `future` together.
    async fn along<L, F>(&mut self, line: &mut Option<L>, future: F) -> Result<F::Output, Stop>
    where
        L: Future + Unpin,
        F: Future,
    {
        let Self { phases, watch, interim, length, .. } = self;
        manned::along(line, future, || {
            watch.note_sent(phases, *length);
            if interim.load(Ordering::Relaxed) > INTERIM_MAX {
                let text = format!("the server sends more than {INTERIM_MAX} interim responses");
                return Err(Fault::new(FaultCode::Protocol, text).during(Phase::Wait).into());
            }
            Ok(())
        })
        .await
    }

    fn first_byte(&mut self) {
        let marks = self.watch.marks();
        // An HTTP/2 server speaks before it is asked, so that there the first byte is where the head was understood.
        let first = match self.protocol {
            Protocol::Http1 => marks.first_read.unwrap_or_else(Instant::now),
            Protocol::Http2 => Instant::now(),
        };
        if self.phases.running() == Some(Phase::Send) {
            self.phases.begin_at(Phase::Wait, marks.last_write.unwrap_or(first).min(first));
        }
        self.phases.begin_at(Phase::Receive, first);
    }

    /// What an error of the exchange means.
    fn stop(&self, error: &hyper::Error) -> Stop {
        let phase = match self.phases.running() {
            Some(Phase::Send) if self.watch.marks().written > 0 => Phase::Wait,
            Some(phase) => phase,
            None => Phase::Receive,
        };
        if self.protocol == Protocol::Http2
            && let Some(fault) = broken_off(error, &self.watch, phase)
        {
            return fault.during(phase).into();
        }
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                return broken(io, phase);
            }
            source = cause.source();
        }
        let (code, text) = if error.is_parse_too_large() {
            (
                FaultCode::HeadTooLarge,
                format!("the head of the answer is longer than {HEADERS_MAX} headers or {HEAD_MAX} bytes"),
            )
        } else if error.is_incomplete_message() && self.watch.marks().read == 0 {
            (FaultCode::Reset, "the server hung up without an answer".to_owned())
        } else if error.is_incomplete_message() {
            (FaultCode::Truncated, "the server hung up in the middle of its answer".to_owned())
        } else {
            let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            match () {
                // `HTTP` read as a frame's length is one that no frame may have.
                () if self.protocol == Protocol::Http2 && why.contains("frame with invalid size") => {
                    (FaultCode::AlpnMismatch, "the server agreed on HTTP/2 and sends something else".to_owned())
                }
                () if why.contains("invalid HTTP version") || why.contains("unexpected message") => {
                    (FaultCode::Protocol, format!("what listens there answers, and not in HTTP: {why}"))
                }
                () => (FaultCode::Protocol, format!("the answer makes no sense: {why}")),
            }
        };
        Fault::new(code, text).during(phase).into()
    }
}
