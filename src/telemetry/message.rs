//! Our spans as OpenTelemetry's messages. Pure.

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as proto;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_semantic_conventions::attribute as semantic;

use super::Identity;
use super::spans::{Kind, Span, Value};
use crate::model::Reading;

/// W3C trace flags: sampled.
const SAMPLED: u32 = 1;

pub(super) fn span(span: Span) -> proto::Span {
    proto::Span {
        trace_id: span.trace.0.to_be_bytes().to_vec(),
        span_id: span.id.0.to_be_bytes().to_vec(),
        parent_span_id: span.parent.map(|id| id.0.to_be_bytes().to_vec()).unwrap_or_default(),
        // As it went out with the context.
        trace_state: match span.kind {
            Kind::Client => Reading::TRACESTATE.to_owned(),
            Kind::Internal => String::new(),
        },
        flags: SAMPLED,
        name: span.name,
        kind: match span.kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Client => SpanKind::Client,
        }
        .into(),
        start_time_unix_nano: nanos(span.start),
        end_time_unix_nano: nanos(span.end),
        attributes: pairs(span.attributes),
        events: span
            .events
            .into_iter()
            .map(|event| proto::span::Event {
                time_unix_nano: nanos(event.at),
                name: event.name.to_owned(),
                attributes: pairs(event.attributes),
                dropped_attributes_count: 0,
            })
            .collect(),
        links: span
            .links
            .into_iter()
            .map(|link| proto::span::Link {
                trace_id: link.to.trace.0.to_be_bytes().to_vec(),
                span_id: link.to.span.0.to_be_bytes().to_vec(),
                attributes: pairs(link.attributes),
                flags: SAMPLED,
                ..proto::span::Link::default()
            })
            .collect(),
        status: span.error.map(|message| proto::Status { message, code: StatusCode::Error.into() }),
        ..proto::Span::default()
    }
}

/// `said` is what the environment says of us, which counts more than what we say ourselves.
pub(super) fn resource(identity: &Identity, said: &[(String, String)]) -> Resource {
    let own = [
        (semantic::SERVICE_NAME, "unbroken"),
        (semantic::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
        (semantic::SERVICE_INSTANCE_ID, &identity.instance),
        ("unbroken.vantage", identity.vantage.as_str()),
    ];
    let own = own.into_iter().filter(|(name, _)| said.iter().all(|(known, _)| known != name));
    let all = own.chain(said.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let attributes = all.map(|(name, value)| (name.to_owned(), Value::Text(value.to_owned()))).collect();
    Resource { attributes: pairs(attributes), ..Resource::default() }
}

pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "unbroken".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// Nanoseconds since 1970; what is before has no place in the protocol.
pub(super) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

pub(super) fn pairs(attributes: Vec<(String, Value)>) -> Vec<KeyValue> {
    attributes
        .into_iter()
        .map(|(key, value)| KeyValue { key, value: Some(any(value)), ..KeyValue::default() })
        .collect()
}

fn any(value: Value) -> AnyValue {
    let value = match value {
        Value::Text(text) => Any::StringValue(text),
        Value::Integer(number) => Any::IntValue(number),
        Value::Number(number) => Any::DoubleValue(number),
        Value::Flag(truth) => Any::BoolValue(truth),
        Value::Texts(texts) => {
            let values = texts.into_iter().map(|text| any(Value::Text(text))).collect();
            Any::ArrayValue(ArrayValue { values })
        }
    };
    AnyValue { value: Some(value) }
}
