//! One marked trace, metric and log record to every collector, to see that they are taken before they are missed.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, number_data_point};
use tokio::sync::watch;
use tokio::time::Instant;

use super::outlet::{Answer, Envelope, Outlet, Parcel, Refusal, WEB_PAGE};
use super::spans::{Kind, Span, Value};
use super::{Identity, Protocol, Settings, Signal, Unbuilt, encode, message};
use crate::model::{SpanId, TraceId};

/// What it is called wherever it is looked for.
const NAME: &str = "unbroken telemetry test";
const METRIC: &str = "unbroken_telemetry_test";
/// How long the one span lasts.
const LENGTH: SignedDuration = SignedDuration::from_millis(100);

/// What the test is found by in a backend.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub trace: TraceId,
    pub span: SpanId,
    pub now: Timestamp,
}

/// What one collector said to one signal.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    pub collector: String,
    pub protocol: Protocol,
    pub signal: Signal,
    pub took: Duration,
    pub answer: Result<Answer, Refusal>,
}

impl Rehearsed {
    /// Whether the whole of it was taken.
    pub fn is_taken(&self) -> bool {
        self.answer.as_ref().is_ok_and(|answer| answer.refused == 0)
    }

    /// What may be wrong in the settings, where the collector speaks something else than it is spoken to.
    pub fn hint(&self) -> Option<&'static str> {
        let text = self.answer.as_ref().err()?.to_string();
        let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
        match self.protocol {
            _ if says(&[WEB_PAGE]) => {
                Some("it may be the port of a page for people; OTLP over HTTP often has 4318, and the path `/v1/...`")
            }
            _ if says(&["InvalidContentType"]) => Some("it may not speak TLS there; write `http://`"),
            Protocol::Grpc
                if says(&["frame with invalid size", "grpc-status header missing", "operation was canceled"]) =>
            {
                Some("it may speak HTTP there; write `protocol: http/protobuf`, or the port of its gRPC, often 4317")
            }
            Protocol::HttpProtobuf if says(&["invalid HTTP version", "unexpected message from connection"]) => {
                Some("it may speak gRPC there; write `protocol: grpc`, or the port of its HTTP, often 4318")
            }
            _ => None,
        }
    }
}

/// Sends each collector what it takes, once, and waits for the answers; in the order of the settings. Must be called
/// within a tokio runtime.
pub async fn rehearse(settings: &Settings, identity: &Identity, mark: Mark) -> Result<Vec<Rehearsed>, Unbuilt> {
    let resource = message::resource(identity, &settings.standard.resource);
    let envelope = Arc::new(Envelope { resource, scope: message::scope() });
    let (_ending, deadline) = watch::channel(None);
    let mut asked = Vec::new();
    for otlp in &settings.otlp {
        let outlet = Outlet::new(otlp, &settings.standard, &envelope, &deadline);
        let outlet = Arc::new(outlet.map_err(|why| Unbuilt::new(otlp, why))?);
        for signal in Signal::ALL.into_iter().filter(|signal| otlp.takes(*signal)) {
            // It is one message, and so one request.
            for parcel in parcels(&envelope, signal, mark) {
                let (outlet, collector, protocol) = (Arc::clone(&outlet), otlp.shown().into_owned(), otlp.protocol);
                asked.push(async move {
                    let begun = Instant::now();
                    let answer = outlet.send(signal, &parcel).await;
                    Rehearsed { collector, protocol, signal, took: begun.elapsed(), answer }
                });
            }
        }
    }
    Ok(futures::future::join_all(asked).await)
}

fn parcels(envelope: &Envelope, signal: Signal, mark: Mark) -> Vec<Parcel> {
    match signal {
        Signal::Traces => envelope.spans([encode::span(&span(mark))]),
        Signal::Logs => envelope.records([record(mark)]),
        Signal::Metrics => envelope.metrics(std::iter::once(metric(mark))).collect(),
    }
}

fn span(mark: Mark) -> Span<'static> {
    Span {
        trace: mark.trace,
        id: mark.span,
        parent: None,
        name: NAME.into(),
        kind: Kind::Internal,
        start: mark.now.checked_sub(LENGTH).unwrap_or(mark.now),
        end: mark.now,
        attributes: vec![("unbroken.test", Value::Flag(true))],
        events: Vec::new(),
        links: Vec::new(),
        error: None,
    }
}

fn record(mark: Mark) -> LogRecord {
    let body = format!("This is a test by `{NAME}`; nothing is wrong");
    LogRecord {
        time_unix_nano: message::nanos(mark.now),
        observed_time_unix_nano: message::nanos(mark.now),
        severity_number: SeverityNumber::Info.into(),
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue { value: Some(Any::StringValue(body)) }),
        attributes: marked(),
        trace_id: mark.trace.0.to_be_bytes().to_vec(),
        span_id: mark.span.0.to_be_bytes().to_vec(),
        ..LogRecord::default()
    }
}

fn metric(mark: Mark) -> Metric {
    let point = NumberDataPoint {
        attributes: marked(),
        time_unix_nano: message::nanos(mark.now),
        value: Some(number_data_point::Value::AsInt(1)),
        ..NumberDataPoint::default()
    };
    Metric {
        name: METRIC.to_owned(),
        description: "Always 1; sent by `unbroken telemetry test`.".to_owned(),
        data: Some(Data::Gauge(Gauge { data_points: vec![point] })),
        ..Metric::default()
    }
}

fn marked() -> Vec<KeyValue> {
    message::pairs(vec![("unbroken.test", Value::Flag(true))])
}
