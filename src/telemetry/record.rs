//! A line of the log as OpenTelemetry's message. Pure.

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use serde_json::Value;
use tracing::Level;

use super::{Line, message};

/// Of the sentence and of each attribute.
const TEXT_CHARS_MAX: usize = 4_096;

pub(super) fn record(line: Line, at: Timestamp) -> LogRecord {
    let (mut trace_id, mut span_id) = (Vec::new(), Vec::new());
    let mut attributes = vec![pair("unbroken.module".to_owned(), any(line.target.into()))];
    for (name, value) in line.fields {
        match (name.as_str(), &value) {
            // They have a place of their own, where a backend finds the trace by them.
            ("trace_id", Value::String(hex)) => trace_id = bytes::<16>(hex),
            ("span_id", Value::String(hex)) => span_id = bytes::<8>(hex),
            _ => attributes.push(pair(format!("unbroken.{name}"), any(value))),
        }
    }
    LogRecord {
        time_unix_nano: message::nanos(at),
        observed_time_unix_nano: message::nanos(at),
        severity_number: severity(line.level).into(),
        severity_text: line.level.as_str().to_owned(),
        body: any(line.message.into()),
        attributes,
        trace_id,
        span_id,
        event_name: line.event.unwrap_or_default().to_owned(),
        ..LogRecord::default()
    }
}

const fn severity(level: Level) -> SeverityNumber {
    match level {
        Level::ERROR => SeverityNumber::Error,
        Level::WARN => SeverityNumber::Warn,
        Level::INFO => SeverityNumber::Info,
        Level::DEBUG => SeverityNumber::Debug,
        Level::TRACE => SeverityNumber::Trace,
    }
}

fn pair(key: String, value: Option<AnyValue>) -> KeyValue {
    KeyValue { key, value, ..KeyValue::default() }
}

fn any(value: Value) -> Option<AnyValue> {
    let value = match value {
        Value::Null => return None,
        Value::Bool(value) => Any::BoolValue(value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Any::IntValue(number),
            None => Any::DoubleValue(number.as_f64()?),
        },
        Value::String(text) => Any::StringValue(bounded(text)),
        Value::Array(values) => Any::ArrayValue(ArrayValue { values: values.into_iter().filter_map(any).collect() }),
        Value::Object(map) => {
            let values = map.into_iter().map(|(key, value)| pair(key, any(value))).collect();
            Any::KvlistValue(KeyValueList { values })
        }
    };
    Some(AnyValue { value: Some(value) })
}

fn bounded(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(end);
    }
    text
}

/// The bytes of an id; none, if it is no such id.
fn bytes<const N: usize>(hex: &str) -> Vec<u8> {
    let digits = hex.len() == 2 * N && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
    let id = u128::from_str_radix(hex, 16).ok().filter(|id| digits && *id != 0);
    id.map(|id| id.to_be_bytes()[16 - N..].to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(fields: Value) -> Line {
        let Value::Object(fields) = fields else { panic!("{fields}") };
        Line {
            level: Level::WARN,
            event: Some("unbroken.incident.opened"),
            target: "unbroken::daemon::journal::said".to_owned(),
            message: "é".repeat(TEXT_CHARS_MAX + 1),
            fields,
        }
    }

    #[test]
    fn a_line_becomes_a_record_that_is_found_by_its_trace() {
        let fields = json!({
            "trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "00000000000000ff", "touchpoint": "shop",
            "score.to": 58.3, "times": 3, "loss_share": { "shop": 41.7 }, "journeys": ["buy"]
        });
        let record = record(line(fields), Timestamp::from_second(7).expect("a time"));
        assert_eq!(record.trace_id, (1..=16).collect::<Vec<u8>>());
        assert_eq!(record.span_id, [0, 0, 0, 0, 0, 0, 0, 255]);
        assert_eq!((record.time_unix_nano, record.severity_text.as_str()), (7_000_000_000, "WARN"));
        assert_eq!((record.severity_number, record.event_name.as_str()), (13, "unbroken.incident.opened"));
        let Some(Any::StringValue(body)) = record.body.and_then(|body| body.value) else { panic!("no sentence") };
        assert_eq!(body.chars().count(), TEXT_CHARS_MAX);
        let attribute = |name: &str| {
            let found = record.attributes.iter().find(|pair| pair.key == name).and_then(|pair| pair.value.clone());
            found.and_then(|value| value.value)
        };
        assert_eq!(attribute("unbroken.touchpoint"), Some(Any::StringValue("shop".to_owned())));
        assert_eq!(attribute("unbroken.score.to"), Some(Any::DoubleValue(58.3)));
        assert_eq!(attribute("unbroken.times"), Some(Any::IntValue(3)));
        let shop = pair("shop".to_owned(), any(json!(41.7)));
        assert_eq!(attribute("unbroken.loss_share"), Some(Any::KvlistValue(KeyValueList { values: vec![shop] })));
        assert!(matches!(attribute("unbroken.journeys"), Some(Any::ArrayValue(of)) if of.values.len() == 1));
        assert!(attribute("unbroken.trace_id").is_none());
    }

    #[test]
    fn what_is_no_id_is_none() {
        for wrong in ["", "12", "zz00000000000000", "0000000000000000", "+000000000000001"] {
            assert_eq!(record(line(json!({ "span_id": wrong })), Timestamp::UNIX_EPOCH).span_id, [0; 0], "{wrong}");
        }
    }
}
