//! What collectors are sent, and what becomes of it when they do not want it, cannot have it or are not there.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric, NumberDataPoint, Sum, number_data_point,
};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};
use unbroken::telemetry::{Exporter, Identity, Settings, Signal, Source, Tally, spans};

use super::collector::{Collector, Reply};
use super::failing;
use crate::support::certificates::{Authority, Valid};
use crate::web::halcyon::{self, Mood};

const BOTH: [&str; 2] = ["grpc", "http/protobuf"];

pub(super) fn exporter(telemetry: &Value) -> Exporter {
    let settings: Settings = serde_json::from_value(telemetry.clone()).unwrap();
    Exporter::new(&settings, &Identity { instance: "test-1".into(), vantage: "here".into() }).unwrap()
}

fn to(collector: &Collector, protocol: &str) -> Exporter {
    exporter(&json!({ "otlp": { "endpoint": format!("http://{}", collector.address), "protocol": protocol } }))
}

fn trace(exporter: &Exporter) -> u64 {
    let (reading, map) = (Arc::new(failing()), halcyon::snapshot(Mood::BillingDown).map);
    exporter.export(&reading, &map);
    spans(&reading, &map).len() as u64
}

pub(super) fn record(body: &str) -> LogRecord {
    let body = Some(AnyValue { value: Some(Any::StringValue(body.to_owned())) });
    LogRecord { body, time_unix_nano: 1, observed_time_unix_nano: 1, ..LogRecord::default() }
}

pub(super) fn metric(name: &str, points: usize) -> Metric {
    let value = Some(number_data_point::Value::AsInt(7));
    let point = NumberDataPoint { value, start_time_unix_nano: 1, time_unix_nano: 2, ..NumberDataPoint::default() };
    let sum = Sum {
        data_points: vec![point; points],
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
        is_monotonic: true,
    };
    Metric { name: name.to_owned(), data: Some(Data::Sum(sum)), ..Metric::default() }
}

pub(super) fn source(metric: Metric) -> Source {
    Arc::new(move |_| Box::new(std::iter::once(metric.clone())))
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(Duration::from_secs(20), waiting).await.is_ok(), "waited in vain: {what}");
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()?;
    if let Any::StringValue(text) = value { Some(text) } else { None }
}

/// All three signals, to a collector with these settings; everything arrives, and nothing else.
async fn all_arrives(collector: &Collector, otlp: Value) {
    let mut otlp = otlp;
    otlp["headers"] = json!({ "x-tenant": "halcyon" });
    let exporter = exporter(&json!({ "otlp": otlp }));
    let many = trace(&exporter);
    exporter.log(&record("the store is full"));
    exporter.measure(&source(metric("unbroken_test_total", 700)));
    exporter.shutdown(Duration::from_secs(5)).await;
    let sent = |sent: u64| Tally { sent, ..Tally::default() };
    assert_eq!(Signal::ALL.map(|signal| exporter.tally(signal)), [sent(many), sent(700), sent(1)], "{otlp}");

    let [traces] = &collector.of::<ExportTraceServiceRequest>("trace")[..] else { panic!("one request") };
    let of = &traces.resource_spans[0];
    assert_eq!(of.schema_url, opentelemetry_semantic_conventions::SCHEMA_URL);
    let resource = &of.resource.as_ref().unwrap().attributes;
    let said = ["service.name", "service.instance.id", "unbroken.vantage"].map(|name| text(resource, name));
    assert_eq!(said, [Some("unbroken"), Some("test-1"), Some("here")]);
    let reading = failing();
    let wanted = spans(&reading, &halcyon::snapshot(Mood::BillingDown).map);
    let got = &of.scope_spans[0].spans;
    assert_eq!(got.len(), wanted.len());
    for (got, wanted) in got.iter().zip(&wanted) {
        assert_eq!(
            (&*got.trace_id, &*got.span_id),
            (&wanted.trace.0.to_be_bytes()[..], &wanted.id.0.to_be_bytes()[..])
        );
        assert_eq!(i128::from(got.start_time_unix_nano), wanted.start.as_nanosecond());
        assert_eq!(i128::from(got.end_time_unix_nano), wanted.end.as_nanosecond());
        assert_eq!((&*got.name, got.attributes.len()), (&*wanted.name, wanted.attributes.len()));
        assert_eq!(got.status.as_ref().map(|status| &*status.message), wanted.error.as_deref());
        assert_eq!(got.events.len(), wanted.events.len());
    }
    let metrics = collector.of::<ExportMetricsServiceRequest>("metrics");
    let points =
        metrics.iter().flat_map(|request| &request.resource_metrics[0].scope_metrics[0].metrics).map(|metric| {
            let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
            sum.data_points.len()
        });
    assert_eq!(points.sum::<usize>(), 700);
    let logs = collector.of::<ExportLogsServiceRequest>("logs");
    assert_eq!(logs[0].resource_logs[0].scope_logs[0].log_records, [record("the store is full")]);
    for taken in collector.taken() {
        assert_eq!(taken.headers["x-tenant"], "halcyon");
        assert!(taken.headers["user-agent"].to_str().unwrap().starts_with("unbroken/"), "{:?}", taken.headers);
        let packed =
            ["content-encoding", "grpc-encoding"].map(|name| taken.headers.get(name).is_some_and(|it| it == "gzip"));
        assert_eq!(packed.contains(&true), otlp["compression"] == "gzip", "{:?}", taken.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_three_signals_arrive_plain_and_packed() {
    for protocol in BOTH {
        for compression in ["none", "gzip"] {
            let collector = Collector::start().await;
            let endpoint = format!("http://{}", collector.address);
            all_arrives(&collector, json!({ "endpoint": endpoint, "protocol": protocol, "compression": compression }))
                .await;
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_three_signals_arrive_over_tls_to_whom_is_known() {
    let (folder, ours, theirs) = (tempfile::tempdir().unwrap(), Authority::new("Ours"), Authority::new("Theirs"));
    let ca = write(folder.path(), "ca.pem", &theirs.pem());
    let (chain, key) = ours.sign(&["daemon.test"], Valid::Now).pem();
    let (cert, key) = (write(folder.path(), "cert.pem", &chain), write(folder.path(), "key.pem", &key));
    let server = theirs.sign(&["collector.test", "localhost"], Valid::Now);
    for protocol in BOTH {
        let otlp = |address: SocketAddr, tls: Value| json!({ "endpoint": format!("https://localhost:{}", address.port()), "protocol": protocol, "tls": tls });
        let open = Collector::secured(server.server(&[])).await;
        all_arrives(&open, otlp(open.address, json!({ "ca": ca }))).await;
        let demanding = || server.demanding(ours.roots(), rustls::DEFAULT_VERSIONS);
        let closed = Collector::secured(demanding()).await;
        let tls = json!({ "ca": ca, "cert": cert, "key": key, "server_name": "collector.test" });
        all_arrives(&closed, otlp(closed.address, tls)).await;
        // Whom we do not know, and who does not know us.
        for (collector, tls) in [
            (&open, json!({})),
            (&open, json!({ "ca": ca, "server_name": "other.test" })),
            (&closed, json!({ "ca": ca })),
        ] {
            let before = collector.taken().len();
            let exporter = exporter(&json!({ "otlp": otlp(collector.address, tls.clone()) }));
            let many = trace(&exporter);
            exporter.shutdown(Duration::from_secs(5)).await;
            assert_eq!(exporter.tally(Signal::Traces), Tally { failed: many, ..Tally::default() }, "{protocol} {tls}");
            assert_eq!(collector.taken().len(), before, "nothing was said to it");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_does_not_want_is_counted_and_not_offered_again() {
    let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "three are too long".into() };
    let partial = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    for protocol in BOTH {
        let collector = Collector::start().await;
        let refusal = match protocol {
            "grpc" => Reply::Trailers(vec![("grpc-status", "3".into()), ("grpc-message", "no".into())]),
            _ => Reply::Status(400, vec![]),
        };
        collector.answers([Reply::Saying(partial.clone()), refusal]);
        let exporter = to(&collector, protocol);
        let many = trace(&exporter);
        until("the first is answered", || exporter.tally(Signal::Traces).sent > 0).await;
        assert_eq!(exporter.tally(Signal::Traces), Tally { sent: many - 3, refused: 3, ..Tally::default() });
        trace(&exporter);
        exporter.shutdown(Duration::from_secs(5)).await;
        assert_eq!(exporter.tally(Signal::Traces), Tally { sent: many - 3, refused: 3 + many, ..Tally::default() });
        assert_eq!(collector.taken().len(), 2, "{protocol}");
    }
}

/// `google.rpc.Status` with a `RetryInfo`, as gRPC carries it.
fn retry_in(seconds: u64) -> String {
    use base64::Engine as _;
    use tonic_types::{ErrorDetails, StatusExt as _};

    let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(seconds)));
    let status = tonic::Status::with_error_details(tonic::Code::ResourceExhausted, "busy", details);
    base64::prelude::BASE64_STANDARD_NO_PAD.encode(status.details())
}

/// Come back in so many seconds.
fn busy(protocol: &str, seconds: u64) -> Reply {
    match protocol {
        "grpc" => Reply::Trailers(vec![
            ("grpc-status", "8".into()),
            ("grpc-message", "busy".into()),
            ("grpc-status-details-bin", retry_in(seconds)),
        ]),
        _ => Reply::Status(429, vec![("retry-after", seconds.to_string())]),
    }
}

/// How long it was left alone between one request and the next.
fn pauses(collector: &Collector) -> Vec<Duration> {
    collector.taken().windows(2).map(|two| two[1].at - two[0].at).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_asks_for_time_gets_it() {
    for protocol in BOTH {
        let collector = Collector::start().await;
        collector.answers([busy(protocol, 1)]);
        let exporter = to(&collector, protocol);
        let many = trace(&exporter);
        until("it is taken", || exporter.tally(Signal::Traces).sent > 0).await;
        assert_eq!(exporter.tally(Signal::Traces), Tally { sent: many, ..Tally::default() });
        let [first, second] = &collector.taken()[..] else { panic!("two attempts") };
        assert!(second.at - first.at >= Duration::from_secs(1), "{:?}", second.at - first.at);
        assert_eq!(first.body, second.body);
        exporter.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_asks_for_no_time_is_not_hammered() {
    for protocol in BOTH {
        let collector = Collector::start().await;
        collector.answers([busy(protocol, 0), busy(protocol, 0)]);
        let exporter = to(&collector, protocol);
        trace(&exporter);
        until("it is taken", || exporter.tally(Signal::Traces).sent > 0).await;
        let pauses = pauses(&collector);
        // One second and two, of each at least the half.
        assert!(pauses.len() == 2 && pauses.iter().all(|pause| pause.as_millis() >= 500), "{protocol}: {pauses:?}");
        exporter.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_a_collector_asks_for_is_not_shortened_by_what_waits() {
    let collector = Collector::start().await;
    collector.answers([busy("grpc", 1), busy("grpc", 1)]);
    let settings: Settings =
        serde_json::from_value(json!({ "otlp": { "endpoint": format!("http://{}", collector.address) } })).unwrap();
    let variables = [("OTEL_BSP_EXPORT_TIMEOUT", "200"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")];
    let (settings, odd) = settings.or_environment(&variables.map(|(name, value)| (name.into(), value.into())).into());
    assert!(odd.is_empty(), "{odd:?}");
    let exporter = Exporter::new(&settings, &Identity { instance: "test-1".into(), vantage: "here".into() }).unwrap();
    let (one, other) = (trace(&exporter), trace(&exporter));
    until("the second is taken", || exporter.tally(Signal::Traces).sent > 0).await;
    // The first is given up after its time; it was offered once more before.
    assert_eq!(exporter.tally(Signal::Traces), Tally { sent: other, failed: one, ..Tally::default() });
    let pauses = pauses(&collector);
    assert!(pauses.len() == 2 && pauses.iter().all(|pause| pause.as_secs() >= 1), "{pauses:?}");
    exporter.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_is_tried_again_on_another_connection() {
    for protocol in BOTH {
        let collector = Collector::start().await;
        collector.answers([Reply::Silence]);
        let endpoint = format!("http://{}", collector.address);
        let exporter = exporter(&json!({ "otlp": { "endpoint": endpoint, "protocol": protocol, "timeout": "300ms" } }));
        let many = trace(&exporter);
        until("it is taken", || exporter.tally(Signal::Traces).sent > 0).await;
        assert_eq!(exporter.tally(Signal::Traces), Tally { sent: many, ..Tally::default() }, "{protocol}");
        assert_eq!(collector.taken().len(), 2);
        exporter.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_comes_back_gets_what_waited() {
    for protocol in BOTH {
        // Bound and not listening, so that nobody else gets the port meanwhile.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let endpoint = format!("http://{}", socket.local_addr().unwrap());
        let exporter = exporter(&json!({ "otlp": { "endpoint": endpoint, "protocol": protocol }, "every": "1s" }));
        exporter.measure(&source(metric("unbroken_test_total", 1)));
        let many = trace(&exporter) + trace(&exporter);
        exporter.log(&record("nobody hears"));
        until("numbers were lost", || exporter.tally(Signal::Metrics).failed > 0).await;
        assert_eq!(exporter.tally(Signal::Traces).sent, 0);
        let listener: TcpListener = socket.listen(64).unwrap();
        let collector = Collector::serve(listener, None);
        until("traces are taken", || exporter.tally(Signal::Traces).sent == many).await;
        until("metrics are taken", || exporter.tally(Signal::Metrics).sent > 0).await;
        until("logs are taken", || exporter.tally(Signal::Logs).sent == 1).await;
        assert_eq!(exporter.tally(Signal::Traces).lost() + exporter.tally(Signal::Logs).lost(), 0);
        assert_eq!(collector.of::<ExportLogsServiceRequest>("logs").len(), 1);
        exporter.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_collector_gets_its_signals_and_one_that_hangs_keeps_none_from_the_others() {
    let (all, traces, stuck) = (Collector::start().await, Collector::start().await, Collector::start().await);
    stuck.answers(std::iter::repeat_n(Reply::Silence, 100));
    let at = |collector: &Collector| format!("http://{}", collector.address);
    let exporter = exporter(&json!({ "otlp": [
        { "endpoint": at(&stuck), "protocol": "http/protobuf" },
        { "endpoint": at(&all), "protocol": "http/protobuf" },
        { "endpoint": at(&traces), "signals": ["traces"] },
    ] }));
    let begun = Instant::now();
    let many = trace(&exporter);
    exporter.log(&record("one"));
    until("both have it", || exporter.tally(Signal::Traces).sent == 2 * many).await;
    until("one has the record", || exporter.tally(Signal::Logs).sent == 1).await;
    exporter.shutdown(Duration::from_millis(700)).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(exporter.tally(Signal::Traces), Tally { sent: 2 * many, failed: many, ..Tally::default() });
    assert_eq!(exporter.tally(Signal::Logs), Tally { sent: 1, failed: 1, ..Tally::default() });
    assert_eq!((all.taken().len(), traces.taken().len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_not_simply_good_is_traced() {
    let collector = Collector::start().await;
    let endpoint = format!("http://{}", collector.address);
    let exporter = exporter(&json!({ "otlp": { "endpoint": endpoint }, "sample": "0%" }));
    let map = halcyon::snapshot(Mood::BillingDown).map;
    let bad = failing();
    let mut good = failing();
    good.outcome.verdict = unbroken::model::Verdict::Good;
    let mut checked = good.clone();
    checked.trigger = unbroken::model::Trigger::Recheck;
    // Left out, kept, kept as the first good one after a bad one, left out, kept.
    for reading in [&good, &bad, &good, &good, &checked] {
        exporter.export(&Arc::new(reading.clone()), &map);
    }
    let each = spans(&good, &map).len() as u64;
    exporter.shutdown(Duration::from_secs(5)).await;
    let tally = exporter.tally(Signal::Traces);
    assert_eq!(tally, Tally { sent: 3 * each, unsampled: 2 * each, ..Tally::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_collector_delays_nothing_and_what_is_lost_is_counted() {
    let exporter = exporter(&json!({ "otlp": [{ "endpoint": "http://127.0.0.1:9" }] }));
    let (reading, map) = (Arc::new(failing()), halcyon::snapshot(Mood::BillingDown).map);
    let offered = 3000 * spans(&reading, &map).len() as u64;
    let begun = Instant::now();
    for _ in 0..3000 {
        exporter.export(&reading, &map);
    }
    // One that waited for the collector once would take longer; it is milliseconds.
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    exporter.shutdown(Duration::from_secs(5)).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let tally = exporter.tally(Signal::Traces);
    assert!(tally.dropped > 0 && tally.failed > 0, "{tally:?}");
    assert_eq!((tally.sent, tally.queued, tally.lost()), (0, 0, offered), "{tally:?}");
}
