//! Requests, as they go over the wire.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_semantic_conventions::SCHEMA_URL;
use prost::Message;

/// Most collectors take no more than four MiB at once.
const PARCEL_BYTES_MAX: usize = 1024 * 1024;
/// Data points of one metric that go together.
const POINTS_MAX: usize = 512;

/// One request, and how much is in it.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct Parcel {
    pub(super) body: Bytes,
    /// Spans, data points or log records.
    pub(super) items: u64,
}

/// Who says it, and of what it is a part: the same around everything that we send.
#[derive(Debug)]
pub(in crate::telemetry) struct Envelope {
    pub(in crate::telemetry) resource: Resource,
    pub(in crate::telemetry) scope: InstrumentationScope,
}

/// `ExportTraceServiceRequest` of spans that are encoded: on the wire a message and its bytes are the same.
#[derive(Clone, PartialEq, Message)]
struct Traces {
    #[prost(message, repeated, tag = "1")]
    told: Vec<Told>,
}

/// `ResourceSpans`
#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scoped: Vec<Scoped>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

/// `ScopeSpans`
#[derive(Clone, PartialEq, Message)]
struct Scoped {
    #[prost(message, optional, tag = "1")]
    scope: Option<InstrumentationScope>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    spans: Vec<Vec<u8>>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

impl Envelope {
    /// Each span is its bytes already.
    pub(in crate::telemetry) fn spans(&self, spans: impl IntoIterator<Item = Vec<u8>>) -> Vec<Parcel> {
        let parcels = Parcels::new(spans.into_iter().map(|span| (span, 1)), |spans| {
            let scope = Some(self.scope.clone());
            let scoped = Scoped { scope, spans, schema_url: SCHEMA_URL.to_owned() };
            let resource = Some(self.resource.clone());
            let of = Told { resource, scoped: vec![scoped], schema_url: SCHEMA_URL.to_owned() };
            Traces { told: vec![of] }.encode_to_vec()
        });
        parcels.collect()
    }

    pub(in crate::telemetry) fn records(&self, records: impl IntoIterator<Item = LogRecord>) -> Vec<Parcel> {
        let parcels = Parcels::new(records.into_iter().map(|record| (record, 1)), |log_records| {
            let scope = Some(self.scope.clone());
            let scoped = ScopeLogs { scope, log_records, schema_url: SCHEMA_URL.to_owned() };
            let resource = Some(self.resource.clone());
            let of = ResourceLogs { resource, scope_logs: vec![scoped], schema_url: SCHEMA_URL.to_owned() };
            ExportLogsServiceRequest { resource_logs: vec![of] }.encode_to_vec()
        });
        parcels.collect()
    }

    /// One by one, for all of them at once may be large.
    pub(in crate::telemetry) fn metrics(&self, metrics: impl Iterator<Item = Metric>) -> impl Iterator<Item = Parcel> {
        let pieces = metrics.flat_map(pieces).map(|metric| {
            let points = points(&metric);
            (metric, points)
        });
        Parcels::new(pieces, |metrics| {
            let scope = Some(self.scope.clone());
            let scoped = ScopeMetrics { scope, metrics, schema_url: SCHEMA_URL.to_owned() };
            let resource = Some(self.resource.clone());
            let of = ResourceMetrics { resource, scope_metrics: vec![scoped], schema_url: SCHEMA_URL.to_owned() };
            ExportMetricsServiceRequest { resource_metrics: vec![of] }.encode_to_vec()
        })
    }
}

/// Fills requests until they are full.
struct Parcels<I: Iterator, W> {
    from: I,
    /// Did not fit into the request before.
    kept: Option<I::Item>,
    wrap: W,
}

impl<M, I: Iterator<Item = (M, u64)>, W: Fn(Vec<M>) -> Vec<u8>> Parcels<I, W> {
    fn new(from: I, wrap: W) -> Self {
        Self { from, kept: None, wrap }
    }
}

impl<M: Message, I: Iterator<Item = (M, u64)>, W: Fn(Vec<M>) -> Vec<u8>> Iterator for Parcels<I, W> {
    type Item = Parcel;

    fn next(&mut self) -> Option<Parcel> {
        let (mut messages, mut bytes, mut items) = (Vec::new(), 0, 0);
        while let Some((message, weight)) = self.kept.take().or_else(|| self.from.next()) {
            let length = message.encoded_len();
            if bytes + length > PARCEL_BYTES_MAX && !messages.is_empty() {
                self.kept = Some((message, weight));
                break;
            }
            bytes += length;
            items += weight;
            messages.push(message);
        }
        let full = !messages.is_empty();
        full.then(|| Parcel { body: (self.wrap)(messages).into(), items })
    }
}

/// A metric of ten thousand series does not fit into one request.
fn pieces(metric: Metric) -> Vec<Metric> {
    if points(&metric) <= POINTS_MAX as u64 {
        return vec![metric];
    }
    let Metric { name, description, unit, metadata, data } = metric;
    let part = |data| Metric {
        name: name.clone(),
        description: description.clone(),
        unit: unit.clone(),
        metadata: metadata.clone(),
        data: Some(data),
    };
    macro_rules! cut {
        ($kind:ident, $whole:ident) => {
            split($whole.data_points.split_off(0))
                .map(|data_points| {
                    let mut piece = $whole.clone();
                    piece.data_points = data_points;
                    part(Data::$kind(piece))
                })
                .collect()
        };
    }
    match data {
        Some(Data::Gauge(mut whole)) => cut!(Gauge, whole),
        Some(Data::Sum(mut whole)) => cut!(Sum, whole),
        Some(Data::Histogram(mut whole)) => cut!(Histogram, whole),
        Some(Data::ExponentialHistogram(mut whole)) => cut!(ExponentialHistogram, whole),
        Some(Data::Summary(mut whole)) => cut!(Summary, whole),
        None => Vec::new(),
    }
}

fn split<T>(points: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut points = points.into_iter();
    std::iter::from_fn(move || {
        let piece: Vec<T> = points.by_ref().take(POINTS_MAX).collect();
        (!piece.is_empty()).then_some(piece)
    })
}

fn points(metric: &Metric) -> u64 {
    let points = match &metric.data {
        Some(Data::Gauge(of)) => of.data_points.len(),
        Some(Data::Sum(of)) => of.data_points.len(),
        Some(Data::Histogram(of)) => of.data_points.len(),
        Some(Data::ExponentialHistogram(of)) => of.data_points.len(),
        Some(Data::Summary(of)) => of.data_points.len(),
        None => 0,
    };
    points as u64
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::{Gauge, NumberDataPoint};
    use opentelemetry_proto::tonic::trace::v1::Span;

    use super::*;

    fn envelope() -> Envelope {
        Envelope { resource: Resource::default(), scope: InstrumentationScope::default() }
    }

    #[test]
    fn a_large_metric_goes_in_pieces_and_loses_no_point() {
        let points = 3 * POINTS_MAX + 1;
        let data_points = (0..points as u64).map(|at| NumberDataPoint { time_unix_nano: at, ..Default::default() });
        let gauge = Gauge { data_points: data_points.collect() };
        let metric = Metric { name: "m".to_owned(), data: Some(Data::Gauge(gauge)), ..Default::default() };
        let pieces = pieces(metric);
        assert_eq!(pieces.len(), 4);
        assert!(pieces.iter().all(|piece| piece.name == "m"));
        let times: Vec<u64> = pieces
            .iter()
            .flat_map(|piece| match &piece.data {
                Some(Data::Gauge(gauge)) => {
                    gauge.data_points.iter().map(|point| point.time_unix_nano).collect::<Vec<_>>()
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(times.iter().copied().eq(0..points as u64));
    }

    #[test]
    fn no_request_is_too_large_and_nothing_is_left_out() {
        let span = |_| Span { name: "x".repeat(100_000), ..Default::default() }.encode_to_vec();
        let parcels = envelope().spans((0..45).map(span));
        assert_eq!(parcels.iter().map(|parcel| parcel.items).sum::<u64>(), 45);
        assert!(parcels.len() >= 5 && parcels.iter().all(|parcel| parcel.body.len() <= PARCEL_BYTES_MAX + 4096));
        let told: Vec<Span> = parcels
            .iter()
            .flat_map(|parcel| {
                ExportTraceServiceRequest::decode(parcel.body.clone()).expect("a request").resource_spans
            })
            .flat_map(|of| of.scope_spans)
            .flat_map(|of| of.spans)
            .collect();
        assert!(told.len() == 45 && told.iter().all(|span| span.name.len() == 100_000));
        assert_eq!(envelope().spans([]).len(), 0);
        let one = envelope().records([LogRecord { event_name: "y".repeat(3_000_000), ..Default::default() }]);
        assert_eq!(one.len(), 1, "what is too large alone goes alone");
    }
}
