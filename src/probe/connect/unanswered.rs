//! How an HTTP exchange ends without an answer, and when it may be tried again.
//!
//! A server that leaves, or is full, may say that it has not touched a request: then to ask once more is safe whatever
//! was asked, and every client does it (RFC 9113, 8.7). Customers see nothing of it, so we must not either.

use std::error::Error as _;
use std::io;

use h2::Reason;

use super::farewell::Farewell;
use super::stream::Watch;
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::Stop;

/// How often a request is sent that nobody touches.
pub const TRIES_MAX: u8 = 2;

/// An exchange without an answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The server says that it has not looked at the request, or it never got it.
    Untouched(Stop),
    Stop(Stop),
}

impl Unanswered {
    /// What `error` of an HTTP/2 connection is, told as `stop`.
    pub fn of(error: &hyper::Error, stop: Stop) -> Self {
        let untouched = remote(error).is_some_and(|cause| {
            // Only requests above the last that the server means to answer end by a GOAWAY.
            cause.is_go_away() || cause.reason() == Some(Reason::REFUSED_STREAM)
        });
        if untouched || error.is_canceled() { Self::Untouched(stop) } else { Self::Stop(stop) }
    }
}

impl From<Stop> for Unanswered {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Unanswered> for Stop {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Untouched(stop) | Unanswered::Stop(stop) => stop,
        }
    }
}

/// How the server of an HTTP/2 connection ended it, or this answer, if it was the server.
pub fn broken_off(error: &hyper::Error, watch: &Watch, phase: Phase) -> Option<Fault> {
    if error.is_canceled() {
        let text = "the server says goodbye before it is asked (GOAWAY)";
        return Some(Fault::new(FaultCode::H2Goaway, text));
    }
    let cause = error.source()?;
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        return hung_up(error.kind(), watch, phase);
    }
    let cause = cause.downcast_ref::<h2::Error>()?;
    if let Some(error) = cause.get_io() {
        return hung_up(error.kind(), watch, phase);
    }
    let cause = Some(cause).filter(|cause| cause.is_remote())?;
    if cause.is_go_away() {
        let text = format!("the server says goodbye in the middle (GOAWAY): {cause}");
        return Some(Fault::new(FaultCode::H2Goaway, text));
    }
    let text = format!("the server gives the answer up (RST_STREAM): {cause}");
    cause.is_reset().then(|| Fault::new(FaultCode::Reset, text))
}

/// The line is dead, and the answer not whole.
fn hung_up(how: io::ErrorKind, watch: &Watch, phase: Phase) -> Option<Fault> {
    use io::ErrorKind as K;
    // A broken pipe is our library's own word for a line that ends.
    let ended = matches!(how, K::BrokenPipe | K::UnexpectedEof);
    if let Some(Farewell { reason, words }) = watch.farewell()
        && (ended || matches!(how, K::ConnectionReset | K::ConnectionAborted))
    {
        let words = if words.is_empty() { words } else { format!(": {words}") };
        let text = format!(
            "the server says goodbye (GOAWAY, {}{words}), as if it would end this answer, and is gone before it has",
            reason.description()
        );
        return Some(Fault::new(FaultCode::H2Goaway, text));
    }
    let fault = match phase {
        Phase::Receive => Fault::new(FaultCode::Truncated, "the server hung up in the middle of its answer"),
        _ => Fault::new(FaultCode::Reset, "the server hung up without an answer"),
    };
    ended.then_some(fault)
}

fn remote(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref::<h2::Error>().filter(|cause| cause.is_remote())
}
