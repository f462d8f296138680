//! What OpenTelemetry's messages have in common. Pure.

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_semantic_conventions::attribute as semantic;

use super::Identity;
use super::spans::Value;

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
    let attributes = all.map(|(name, value)| (name, Value::Text(value.into()))).collect();
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

pub(super) fn pairs(attributes: Vec<(&str, Value<'_>)>) -> Vec<KeyValue> {
    attributes
        .into_iter()
        .map(|(key, value)| KeyValue { key: key.to_owned(), value: Some(any(value)), ..KeyValue::default() })
        .collect()
}

fn any(value: Value<'_>) -> AnyValue {
    let value = match value {
        Value::Text(text) => Any::StringValue(text.into_owned()),
        Value::Integer(number) => Any::IntValue(number),
        Value::Number(number) => Any::DoubleValue(number),
        Value::Flag(truth) => Any::BoolValue(truth),
        Value::Texts(texts) => {
            let values = texts.iter().map(|text| any(Value::Text(text.into()))).collect();
            Any::ArrayValue(ArrayValue { values })
        }
    };
    AnyValue { value: Some(value) }
}
