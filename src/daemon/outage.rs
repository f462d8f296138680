//! Ten minutes in which the collector is not there. Nobody waits for it, and what was lost is counted.
//!
//! Time flies here, so that only waiting takes any: what it costs of a processor's time and of memory is measured by
//! `cargo bench --bench telemetry`.

use std::collections::HashSet;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::hour::{EVERY_SECONDS, TIMER_SECONDS, beat, lateness, wired, write_config};
use super::*;
use crate::telemetry::Tally;

/// So many that the queue is full before the ten minutes are over.
const PLACES: u64 = 120;
const WELL: Duration = Duration::from_mins(5);
const DARK: Duration = Duration::from_mins(10);
/// It is found again by then.
const BACK_WITHIN: Duration = Duration::from_mins(1);
/// Spans that may wait for a collector, at most.
const QUEUED_MAX: u64 = 16_384;

/// A collector that can be taken away and brought back.
struct Collector {
    address: SocketAddr,
    /// The ids of the spans that it got: in a time that flies an answer may come too late, and a batch twice.
    got: Arc<Mutex<HashSet<Vec<u8>>>>,
    serving: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Collector {
    async fn start() -> Self {
        // An address that is nobody's: connections of others begin at ports of 127.0.0.1, and one may take this meanwhile.
        let listener = TcpListener::bind("127.0.37.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut collector = Self { address, got: Arc::default(), serving: None };
        collector.serve(listener);
        collector
    }

    fn serve(&mut self, listener: TcpListener) {
        let got = Arc::clone(&self.got);
        let take = move |headers: HeaderMap, body: Bytes| async move {
            got.lock().expect("not poisoned").extend(spans_in(&headers, &body));
            [("content-type", "application/x-protobuf")]
        };
        let protobuf = async || [("content-type", "application/x-protobuf")];
        let router = Router::new().route("/v1/traces", post(take)).route("/v1/metrics", post(protobuf));
        let router = router.layer(DefaultBodyLimit::disable());
        let closing = CancellationToken::new();
        let closed = closing.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(closed).await.expect("it serves");
        });
        self.serving = Some((closing, server));
    }

    /// Nobody is connected afterwards, and nobody can connect.
    async fn leave(&mut self) {
        let (closing, server) = self.serving.take().expect("it is there");
        closing.cancel();
        server.await.expect("it ends");
    }

    async fn come_back(&mut self) {
        self.serve(TcpListener::bind(self.address).await.expect("nobody took its place"));
    }
}

fn spans_in(headers: &HeaderMap, body: &[u8]) -> Vec<Vec<u8>> {
    let mut plain = Vec::new();
    if headers.contains_key("content-encoding") {
        flate2::read::GzDecoder::new(body).read_to_end(&mut plain).expect("gzip");
    } else {
        plain.extend_from_slice(body);
    }
    let request = ExportTraceServiceRequest::decode(&*plain).expect("spans");
    let spans = request.resource_spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans);
    spans.map(|span| span.span_id).collect()
}

/// Twenty minutes of probing.
#[derive(Debug)]
struct Course {
    runs: u64,
    /// Seconds, as the histogram has it.
    p99: f64,
}

impl Course {
    fn of(metrics: &str) -> Self {
        let (runs, p99) = lateness(metrics);
        Self { runs, p99 }
    }
}

async fn without_export() -> Course {
    let folder = tempfile::tempdir().expect("a folder");
    write_config(folder.path(), "", PLACES);
    let (daemon, page) = wired(folder.path()).await;
    Course::of(&beat(daemon, &page, tokio::time::sleep(WELL + DARK + WELL)).await)
}

/// What became of the spans when the collector left, before it came back, a minute later, and in the end.
struct Told {
    well: Tally,
    dark: Tally,
    back: Tally,
    end: Tally,
    /// Different spans that arrived.
    got: u64,
    /// What became of data points while it was away, and in the end.
    points: [Tally; 2],
}

async fn with_an_outage() -> (Course, Told) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut collector = Collector::start().await;
    let otlp = format!(
        "{{ endpoint: \"http://{}\", protocol: http/protobuf, signals: [ traces, metrics ] }}",
        collector.address
    );
    write_config(folder.path(), &format!("telemetry: {{ otlp: {otlp} }}\n"), PLACES);
    let (daemon, page) = wired(folder.path()).await;
    let exporter = Arc::clone(&daemon.shared.exporter);
    let tally = || exporter.tally(Signal::Traces);
    let (mut well, mut dark, mut back, mut points) = Default::default();
    let course = async {
        tokio::time::sleep(WELL).await;
        well = tally();
        collector.leave().await;
        tokio::time::sleep(DARK).await;
        (dark, points) = (tally(), exporter.tally(Signal::Metrics));
        collector.come_back().await;
        tokio::time::sleep(BACK_WITHIN).await;
        back = tally();
        tokio::time::sleep(WELL.saturating_sub(BACK_WITHIN)).await;
    };
    let metrics = beat(daemon, &page, course).await;
    let got = collector.got.lock().expect("not poisoned").len() as u64;
    let points = [points, exporter.tally(Signal::Metrics)];
    (Course::of(&metrics), Told { well, dark, back, end: tally(), got, points })
}

#[tokio::test]
async fn nobody_waits_for_a_collector_that_is_away_for_ten_minutes() {
    let without = without_export().await;
    let (with, Told { well, dark, back, end, got, points: [lost, told] }) = with_an_outage().await;
    assert!(with.p99 <= without.p99 * 1.05 + TIMER_SECONDS, "{with:?}, otherwise {without:?}");
    let due = PLACES * (WELL + DARK + WELL).as_secs() / EVERY_SECONDS;
    for course in [&with, &without] {
        assert!(course.runs * 100 >= due * 95, "{due} were due: {course:?}");
    }
    assert!(well.sent > 0 && well.lost() == 0, "{well:?}");
    // What waits is bounded, and what had to go is counted.
    assert!(dark.queued <= QUEUED_MAX && dark.lost() > 0, "{dark:?}");
    // It resumes by itself, within a minute, and the newest of the dark is told after all.
    assert!(back.sent > dark.sent + QUEUED_MAX / 2, "{back:?}, before {dark:?}");
    assert_eq!((end.lost(), end.queued), (back.lost(), 0), "nothing is lost afterwards: {end:?}");
    assert!(end.sent > back.sent, "{end:?}, before {back:?}");
    // What we call sent has arrived.
    assert!(got >= end.sent, "{got} arrived of {end:?}");
    assert!(lost.failed > 0 && told.sent > lost.sent, "{lost:?}, then {told:?}");
}
