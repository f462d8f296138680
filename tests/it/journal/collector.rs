//! A collector that keeps what it is told.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use tokio::net::TcpListener;

use crate::support::Task;
use crate::support::otlp::plain;

/// One record, as backends look at it.
#[derive(Clone, Debug)]
pub(super) struct Record(pub(super) LogRecord);

impl Record {
    fn value(&self, name: &str) -> Option<&Any> {
        let pair = self.0.attributes.iter().find(|pair| pair.key == name)?;
        pair.value.as_ref()?.value.as_ref()
    }

    pub(super) fn text(&self, name: &str) -> &str {
        match self.value(name) {
            Some(Any::StringValue(text)) => text,
            _ => "",
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.value(name) {
            Some(Any::DoubleValue(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn map(&self, name: &str) -> Vec<(String, f64)> {
        let Some(Any::KvlistValue(list)) = self.value(name) else { return Vec::new() };
        let number = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| match pair.value.as_ref()?.value {
            Some(Any::DoubleValue(number)) => Some((pair.key.clone(), number)),
            _ => None,
        };
        list.values.iter().filter_map(number).collect()
    }

    pub(super) fn body(&self) -> &str {
        match self.0.body.as_ref().and_then(|body| body.value.as_ref()) {
            Some(Any::StringValue(text)) => text,
            _ => "",
        }
    }
}

#[derive(Clone, Default)]
struct Kept {
    records: Arc<Mutex<Vec<Record>>>,
    /// Trace and id of every span without a parent.
    roots: Arc<Mutex<Vec<(Vec<u8>, Vec<u8>)>>>,
}

pub(super) struct Collector {
    base: String,
    kept: Kept,
    _serving: Task,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let kept = Kept::default();
        let (of_logs, of_traces) = (kept.clone(), kept.clone());
        let logs = async move |headers: HeaderMap, body: Bytes| {
            let request = ExportLogsServiceRequest::decode(&plain(&headers, &body)[..]).expect("log records");
            for resource in request.resource_logs {
                let service = resource.resource.expect("a resource").attributes;
                assert!(service.iter().any(|pair| pair.key == "service.name"), "{service:?}");
                let records = resource.scope_logs.into_iter().flat_map(|scope| scope.log_records).map(Record);
                of_logs.records.lock().expect("not poisoned").extend(records);
            }
        };
        let traces = async move |headers: HeaderMap, body: Bytes| {
            let request = ExportTraceServiceRequest::decode(&plain(&headers, &body)[..]).expect("spans");
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            let roots = scopes.flat_map(|scope| scope.spans).filter(|span| span.parent_span_id.is_empty());
            let roots = roots.map(|span| (span.trace_id, span.span_id));
            of_traces.roots.lock().expect("not poisoned").extend(roots);
        };
        let router = Router::new().route("/v1/logs", post(logs)).route("/v1/traces", post(traces));
        let router = router.route("/v1/metrics", post(async || ())).layer(DefaultBodyLimit::disable());
        let serving = Task::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { base, kept, _serving: serving }
    }

    pub(super) fn url(&self) -> &str {
        &self.base
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.kept.records.lock().expect("not poisoned").clone()
    }

    pub(super) fn events(&self, name: &str) -> Vec<Record> {
        self.records().into_iter().filter(|record| record.0.event_name == name).collect()
    }

    pub(super) fn roots(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.kept.roots.lock().expect("not poisoned").clone()
    }
}
