//! Hands spans to OpenTelemetry collectors, without ever making a run wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue};
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanExporter, SpanLinks, SpanProcessor,
};

use super::spans::{Kind, Span, Value};
use super::{Otlp, Protocol, Settings, spans};
use crate::model::{JourneyMap, Reading, VantageId};

/// Spans that wait for one collector; beyond it a whole trace is dropped, and counted.
const QUEUED_MAX: usize = 16_384;
const BATCH_MAX: usize = 512;
const BATCH_WITHIN: Duration = Duration::from_secs(1);
const SEND_WITHIN: Duration = Duration::from_secs(5);
const FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// Who says it: the resource of every span.
#[derive(Clone, Debug)]
pub struct Identity {
    /// One per process.
    pub instance: String,
    pub vantage: VantageId,
}

/// A collector's settings do not fit together.
#[derive(Debug, thiserror::Error)]
#[error("telemetry to {endpoint} ({protocol}) cannot be set up: {detail}")]
pub struct Unbuilt {
    endpoint: String,
    protocol: Protocol,
    detail: String,
}

/// Spans by what became of them, over all collectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub sent: u64,
    /// The collector refused or did not answer.
    pub failed: u64,
    /// The queue was full.
    pub dropped: u64,
}

/// Sends every run's trace to every collector.
#[derive(Debug)]
pub struct Exporter {
    outlets: Vec<Outlet>,
}

#[derive(Debug)]
struct Outlet {
    processor: BatchSpanProcessor,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    queued: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Exporter {
    /// Connects to nothing yet. Must be called within a tokio runtime, on which gRPC then runs.
    pub fn new(settings: &Settings, identity: &Identity) -> Result<Self, Unbuilt> {
        let resource = resource(identity);
        let outlets = settings.otlp.iter().map(|otlp| Outlet::new(otlp, &resource)).collect::<Result<_, _>>()?;
        Ok(Self { outlets })
    }

    /// Queues the run's trace and returns at once.
    pub fn export(&self, reading: &Reading, map: &JourneyMap) {
        if self.outlets.is_empty() {
            return;
        }
        let spans = spans(reading, map);
        for outlet in &self.outlets {
            outlet.queue(&spans);
        }
    }

    pub fn tally(&self) -> Tally {
        let sum = |of: fn(&Counts) -> &AtomicU64| {
            self.outlets.iter().map(|outlet| of(&outlet.counts).load(Ordering::Relaxed)).sum()
        };
        Tally {
            sent: sum(|counts| &counts.sent),
            failed: sum(|counts| &counts.failed),
            dropped: sum(|counts| &counts.dropped),
        }
    }

    /// Sends what is queued, for at most five seconds.
    pub async fn shutdown(self) -> Tally {
        let counts: Vec<Arc<Counts>> = self.outlets.iter().map(|outlet| Arc::clone(&outlet.counts)).collect();
        let flushes: Vec<_> = self
            .outlets
            .into_iter()
            // It blocks, and on a current-thread runtime it would wait for itself.
            .map(|outlet| tokio::task::spawn_blocking(move || outlet.processor.shutdown_with_timeout(FLUSH_WITHIN)))
            .collect();
        for flush in flushes {
            if let Ok(Err(error)) = flush.await {
                tracing::warn!(%error, "Not all spans were sent before the end");
            }
        }
        let sum = |of: fn(&Counts) -> &AtomicU64| counts.iter().map(|one| of(one).load(Ordering::Relaxed)).sum();
        Tally { sent: sum(|one| &one.sent), failed: sum(|one| &one.failed), dropped: sum(|one| &one.dropped) }
    }
}

impl Outlet {
    fn new(otlp: &Otlp, resource: &Resource) -> Result<Self, Unbuilt> {
        let counts = Arc::new(Counts::default());
        let exporter = Counting { inner: exporter(otlp)?, counts: Arc::clone(&counts) };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUED_MAX)
            .with_max_export_batch_size(BATCH_MAX)
            .with_scheduled_delay(BATCH_WITHIN)
            .build();
        let mut processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        processor.set_resource(resource);
        Ok(Self { processor, counts })
    }

    /// A trace goes whole or not at all; the count is ours because the processor keeps its own to itself.
    fn queue(&self, spans: &[Span]) {
        let many = spans.len() as u64;
        if self.counts.queued.fetch_add(many, Ordering::Relaxed) + many > QUEUED_MAX as u64 {
            self.counts.queued.fetch_sub(many, Ordering::Relaxed);
            self.counts.dropped.fetch_add(many, Ordering::Relaxed);
            return;
        }
        for span in spans {
            self.processor.on_end(finished(span));
        }
    }
}

/// Counts what became of every batch.
#[derive(Debug)]
struct Counting {
    inner: OtlpExporter,
    counts: Arc<Counts>,
}

impl SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let many = batch.len() as u64;
        let result = self.inner.export(batch).await;
        let counter = if result.is_ok() { &self.counts.sent } else { &self.counts.failed };
        counter.fetch_add(many, Ordering::Relaxed);
        self.counts.queued.fetch_sub(many, Ordering::Relaxed);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

fn exporter(otlp: &Otlp) -> Result<OtlpExporter, Unbuilt> {
    let unbuilt = |detail: String| Unbuilt { endpoint: otlp.shown().into_owned(), protocol: otlp.protocol, detail };
    let base = otlp.endpoint.as_str().trim_end_matches('/');
    let built = match otlp.protocol {
        Protocol::Grpc => {
            let mut headers = HeaderMap::new();
            for (name, value) in otlp.headers.iter() {
                let name = HeaderName::try_from(name).map_err(|error| unbuilt(error.to_string()))?;
                let value = HeaderValue::try_from(value).map_err(|error| unbuilt(error.to_string()))?;
                headers.insert(name, value);
            }
            OtlpExporter::builder()
                .with_tonic()
                .with_endpoint(base)
                .with_timeout(SEND_WITHIN)
                .with_metadata(MetadataMap::from_headers(headers))
                .build()
        }
        Protocol::HttpProtobuf => OtlpExporter::builder()
            .with_http()
            .with_endpoint(format!("{base}/v1/traces"))
            .with_timeout(SEND_WITHIN)
            .with_headers(otlp.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
            .build(),
    };
    built.map_err(|error| unbuilt(error.to_string()))
}

fn resource(identity: &Identity) -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "unbroken"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", identity.instance.clone()),
            KeyValue::new("unbroken.vantage", identity.vantage.to_string()),
        ])
        .build()
}

fn finished(span: &Span) -> SpanData {
    let context = SpanContext::new(span.trace.0.into(), span.id.0.into(), TraceFlags::SAMPLED, false, TraceState::NONE);
    let mut events = SpanEvents::default();
    events.events = span
        .events
        .iter()
        .map(|event| opentelemetry::trace::Event::new(event.name, time(event.at), pairs(&event.attributes), 0))
        .collect();
    SpanData {
        span_context: context,
        parent_span_id: span.parent.map_or(opentelemetry::trace::SpanId::INVALID, |id| id.0.into()),
        parent_span_is_remote: false,
        span_kind: match span.kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Client => SpanKind::Client,
        },
        name: span.name.clone().into(),
        start_time: time(span.start),
        end_time: time(span.end),
        attributes: pairs(&span.attributes),
        dropped_attributes_count: 0,
        events,
        links: SpanLinks::default(),
        status: span.error.clone().map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("unbroken")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}

fn time(at: Timestamp) -> SystemTime {
    SystemTime::from(at)
}

fn pairs(attributes: &[(String, Value)]) -> Vec<KeyValue> {
    let value = |value: &Value| -> opentelemetry::Value {
        match value {
            Value::Text(text) => text.clone().into(),
            Value::Integer(number) => (*number).into(),
            Value::Number(number) => (*number).into(),
            Value::Texts(texts) => {
                let texts = texts.iter().map(|text| StringValue::from(text.clone())).collect();
                opentelemetry::Value::Array(Array::String(texts))
            }
        }
    };
    attributes.iter().map(|(name, of)| KeyValue::new(name.clone(), value(of))).collect()
}
