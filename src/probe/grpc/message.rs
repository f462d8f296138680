//! The health service's messages (`grpc.health.v1`), and the five bytes before each.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message as _;

/// The bytes before a message: whether it is compressed, and how long it is.
pub(super) const PREFIX: usize = 5;

#[derive(Clone, PartialEq, prost::Message)]
struct Question {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Reply {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// How a server says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Unknown,
    Serving,
    NotServing,
    ServiceUnknown,
}

/// The question, ready for the wire.
pub(super) fn question(service: &str) -> Bytes {
    let message = Question { service: service.to_owned() };
    let mut wire = BytesMut::with_capacity(PREFIX + message.encoded_len());
    wire.put_u8(0);
    wire.put_u32(message.encoded_len() as u32);
    wire.extend_from_slice(&message.encode_to_vec());
    wire.freeze()
}

/// Reads the answer, or says what is wrong with it.
pub(super) fn answer(message: &[u8]) -> Result<Health, String> {
    let reply = Reply::decode(message).map_err(|error| format!("an answer that cannot be read: {error}"))?;
    Ok(match reply.status {
        1 => Health::Serving,
        2 => Health::NotServing,
        3 => Health::ServiceUnknown,
        _ => Health::Unknown,
    })
}

/// A status code's name.
pub(super) const fn name_of(code: u32) -> &'static str {
    match code {
        0 => "OK",
        1 => "CANCELLED",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_protocol() {
        assert_eq!(&question("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&question("a.B")[..], b"\0\0\0\0\x05\x0a\x03a.B");
        for (wire, health) in [
            (&[][..], Ok(Health::Unknown)),
            (&[8, 1], Ok(Health::Serving)),
            (&[8, 2], Ok(Health::NotServing)),
            (&[8, 3], Ok(Health::ServiceUnknown)),
            (&[8, 77], Ok(Health::Unknown)),
            // A field that is not known yet.
            (&[8, 1, 0x12, 1, b'x'], Ok(Health::Serving)),
        ] {
            assert_eq!(answer(wire), health, "{wire:?}");
        }
        answer(&[8]).expect_err("cut");
    }
}
