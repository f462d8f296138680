//! How an HTTP exchange ends without an answer, and when it may be tried again.
//!
//! A server that leaves, or is full, may say that it has not touched a request: then to ask once more is safe whatever
//! was asked, and every client does it (RFC 9113, 8.7). Customers see nothing of it, so we must not either.

use std::error::Error as _;

use h2::Reason;

use crate::model::{Fault, FaultCode};
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

/// What the server of an HTTP/2 connection said to end it, or this answer.
pub fn broken_off(error: &hyper::Error) -> Option<Fault> {
    if error.is_canceled() {
        let text = "the server says goodbye before it is asked (GOAWAY)";
        return Some(Fault::new(FaultCode::H2Goaway, text));
    }
    let cause = remote(error)?;
    if cause.is_go_away() {
        let text = format!("the server says goodbye in the middle (GOAWAY): {cause}");
        return Some(Fault::new(FaultCode::H2Goaway, text));
    }
    let text = format!("the server gives the answer up (RST_STREAM): {cause}");
    cause.is_reset().then(|| Fault::new(FaultCode::Reset, text))
}

fn remote(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref::<h2::Error>().filter(|cause| cause.is_remote())
}
