//! What a collector was told of our log.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use crate::telemetry::collector::Collector;

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

pub(super) fn records(collector: &Collector) -> Vec<Record> {
    let requests = collector.of::<ExportLogsServiceRequest>("logs");
    let all = requests.into_iter().flat_map(|request| request.resource_logs).flat_map(|of| {
        let service = of.resource.expect("a resource").attributes;
        assert!(service.iter().any(|pair| pair.key == "service.name"), "{service:?}");
        of.scope_logs.into_iter().flat_map(|scope| scope.log_records)
    });
    all.map(Record).collect()
}

pub(super) fn events(collector: &Collector, name: &str) -> Vec<Record> {
    records(collector).into_iter().filter(|record| record.0.event_name == name).collect()
}

/// Trace and id of every span without a parent.
pub(super) fn roots(collector: &Collector) -> Vec<(Vec<u8>, Vec<u8>)> {
    let requests = collector.of::<ExportTraceServiceRequest>("trace");
    let scopes = requests.into_iter().flat_map(|request| request.resource_spans).flat_map(|of| of.scope_spans);
    let roots = scopes.flat_map(|scope| scope.spans).filter(|span| span.parent_span_id.is_empty());
    roots.map(|span| (span.trace_id, span.span_id)).collect()
}
