//! Spans as they go over the wire. Pure.
//!
//! They are written straight from what a reading says. As a tree of the official messages, which own their every string,
//! eight spans a run were half of what exporting costs (`cargo bench --bench telemetry`).
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, `common/v1/common.proto`.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::message::nanos;
use super::spans::{Kind, Span, Value};
use crate::model::Reading;

/// W3C trace flags: sampled.
const SAMPLED: u32 = 1;
/// `Status.StatusCode`
const ERROR: u64 = 2;
/// Most spans are smaller.
const USUAL_BYTES: usize = 512;

/// A `Span`, without the key and the length that stand before it in a `ScopeSpans`.
pub(super) fn span(span: &Span<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_BYTES);
    bytes(&mut out, 1, &span.trace.0.to_be_bytes());
    bytes(&mut out, 2, &span.id.0.to_be_bytes());
    // As it went out with the context.
    if span.kind == Kind::Client {
        bytes(&mut out, 3, Reading::TRACESTATE.as_bytes());
    }
    if let Some(parent) = span.parent {
        bytes(&mut out, 4, &parent.0.to_be_bytes());
    }
    bytes(&mut out, 5, span.name.as_bytes());
    let kind = match span.kind {
        Kind::Internal => 1,
        Kind::Client => 3,
    };
    varint(&mut out, 6, kind);
    fixed64(&mut out, 7, nanos(span.start));
    fixed64(&mut out, 8, nanos(span.end));
    pairs(&mut out, 9, &span.attributes);
    for event in &span.events {
        nested(&mut out, 11, |out| {
            fixed64(out, 1, nanos(event.at));
            bytes(out, 2, event.name.as_bytes());
            pairs(out, 3, &event.attributes);
        });
    }
    for link in &span.links {
        nested(&mut out, 13, |out| {
            bytes(out, 1, &link.to.trace.0.to_be_bytes());
            bytes(out, 2, &link.to.span.0.to_be_bytes());
            pairs(out, 4, &link.attributes);
            fixed32(out, 6, SAMPLED);
        });
    }
    if let Some(error) = &span.error {
        nested(&mut out, 15, |out| {
            bytes(out, 2, error.as_bytes());
            varint(out, 3, ERROR);
        });
    }
    fixed32(&mut out, 16, SAMPLED);
    out
}

fn pairs(out: &mut Vec<u8>, tag: u32, attributes: &[(&str, Value<'_>)]) {
    for (name, value) in attributes {
        nested(out, tag, |out| {
            bytes(out, 1, name.as_bytes());
            nested(out, 2, |out| any(out, value));
        });
    }
}

fn any(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Text(text) => bytes(out, 1, text.as_bytes()),
        Value::Flag(truth) => varint(out, 2, u64::from(*truth)),
        Value::Integer(number) => varint(out, 3, number.cast_unsigned()),
        Value::Number(number) => fixed64(out, 4, number.to_bits()),
        Value::Texts(texts) => nested(out, 5, |out| {
            for text in texts.iter() {
                nested(out, 1, |out| bytes(out, 1, text.as_bytes()));
            }
        }),
    }
}

/// A message in a message: its length stands before it, and is known after it.
fn nested(out: &mut Vec<u8>, tag: u32, write: impl FnOnce(&mut Vec<u8>)) {
    encode_key(tag, WireType::LengthDelimited, out);
    let start = out.len();
    write(out);
    let length = out.len() - start;
    let room = encoded_len_varint(length as u64);
    out.resize(start + room + length, 0);
    out.copy_within(start..start + length, start + room);
    encode_varint(length as u64, &mut &mut out[start..start + room]);
}

fn bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, tag: u32, number: u64) {
    encode_key(tag, WireType::Varint, out);
    encode_varint(number, out);
}

fn fixed64(out: &mut Vec<u8>, tag: u32, number: u64) {
    encode_key(tag, WireType::SixtyFourBit, out);
    out.extend_from_slice(&number.to_le_bytes());
}

fn fixed32(out: &mut Vec<u8>, tag: u32, number: u32) {
    encode_key(tag, WireType::ThirtyTwoBit, out);
    out.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use opentelemetry_proto::tonic::trace::v1 as proto;
    use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
    use prost::Message as _;

    use super::*;
    use crate::model::{SpanId, SpanRef, TraceId};
    use crate::telemetry::message;
    use crate::telemetry::spans::{Event, Link};

    fn attributes() -> Vec<(&'static str, Value<'static>)> {
        vec![
            ("text", Value::Text("ä text that is longer than a varint of one byte can say, ".repeat(4).into())),
            ("empty", Value::Text("".into())),
            ("texts", Value::Texts(["a".to_owned(), String::new(), "b".repeat(200)].into())),
            ("none", Value::Texts([].into())),
            ("integer", Value::Integer(-7)),
            ("number", Value::Number(0.25)),
            ("flag", Value::Flag(false)),
        ]
    }

    fn full() -> Span<'static> {
        let at = |millis: i64| Timestamp::from_millisecond(1_795_000_000_000 + millis).expect("a time");
        Span {
            trace: TraceId(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c),
            id: SpanId(0x00f0_67aa_0ba9_02b7),
            parent: Some(SpanId(7)),
            name: "GET".into(),
            kind: Kind::Client,
            start: at(0),
            end: at(640),
            attributes: attributes(),
            events: vec![Event { at: at(3), name: "unbroken.expectation.failed", attributes: attributes() }],
            links: vec![Link { to: SpanRef { trace: TraceId(5), span: SpanId(6) }, attributes: attributes() }],
            error: Some("status 500 instead of 200".into()),
        }
    }

    /// The official message with the same in it.
    fn official(span: &Span<'static>) -> proto::Span {
        let id = |id: u64| id.to_be_bytes().to_vec();
        let event = |event: &Event<'static>| proto::span::Event {
            time_unix_nano: nanos(event.at),
            name: event.name.to_owned(),
            attributes: message::pairs(event.attributes.clone()),
            ..proto::span::Event::default()
        };
        let link = |link: &Link<'static>| proto::span::Link {
            trace_id: link.to.trace.0.to_be_bytes().to_vec(),
            span_id: id(link.to.span.0),
            attributes: message::pairs(link.attributes.clone()),
            flags: SAMPLED,
            ..proto::span::Link::default()
        };
        let status = |text: &std::borrow::Cow<'_, str>| proto::Status {
            message: text.to_string(),
            code: StatusCode::Error.into(),
        };
        proto::Span {
            trace_id: span.trace.0.to_be_bytes().to_vec(),
            span_id: id(span.id.0),
            parent_span_id: span.parent.map(|parent| id(parent.0)).unwrap_or_default(),
            trace_state: if span.kind == Kind::Client { Reading::TRACESTATE.to_owned() } else { String::new() },
            flags: SAMPLED,
            name: span.name.to_string(),
            kind: if span.kind == Kind::Client { SpanKind::Client } else { SpanKind::Internal }.into(),
            start_time_unix_nano: nanos(span.start),
            end_time_unix_nano: nanos(span.end),
            attributes: message::pairs(span.attributes.clone()),
            events: span.events.iter().map(event).collect(),
            links: span.links.iter().map(link).collect(),
            status: span.error.as_ref().map(status),
            ..proto::Span::default()
        }
    }

    #[test]
    fn what_is_written_reads_as_the_official_message() {
        let plain = Span {
            parent: None,
            kind: Kind::Internal,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            error: None,
            ..full()
        };
        for one in [full(), plain] {
            assert_eq!(proto::Span::decode(&*span(&one)).expect("a span"), official(&one));
        }
    }
}
