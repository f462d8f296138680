//! An hour in which whoever is to be told does not listen. Probing does not notice.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::*;
use crate::config::{self, Secrets};

const PROBES: u64 = 20;
pub(super) const EVERY_SECONDS: u64 = 10;
/// Timers are no finer than this: what is later by less is not later.
pub(super) const TIMER_SECONDS: f64 = 0.001;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receivers {
    Take,
    Hang,
}

/// How it went.
#[derive(Debug)]
struct Hour {
    runs: u64,
    /// Seconds, as the histogram has it.
    p99: f64,
    /// Attempts to tell.
    calls: usize,
}

/// So many touchpoints with one probe each; `settings` are further lines of `unbroken.yaml`.
pub(super) fn write_config(folder: &Path, settings: &str, places: u64) {
    let settings = format!("company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\n{settings}");
    let mut touchpoints = String::new();
    fs::create_dir_all(folder.join("config")).expect("a folder");
    fs::create_dir_all(folder.join("probes")).expect("a folder");
    for number in 0..places {
        // Nobody listens there: there is something to tell all the time.
        let yaml = format!(
            "title: Place {number}\nchannel: other\nprobes:\n  door: {{ every: {EVERY_SECONDS}s, timeout: 5s, recheck: {EVERY_SECONDS}s, steps: [ {{ tcp: {{ connect: \"127.0.1.{number}:9\" }} }} ] }}\n"
        );
        fs::write(folder.join(format!("probes/place-{number}.yaml")), yaml).expect("it is written");
        _ = write!(touchpoints, "place-{number}, ");
    }
    let journeys =
        format!("journeys: {{ walk: {{ title: Walk, stages: {{ all: {{ touchpoints: [{touchpoints}] }} }} }} }}");
    fs::write(folder.join("config/unbroken.yaml"), settings).expect("it is written");
    fs::write(folder.join("config/journeys.yaml"), journeys).expect("it is written");
}

async fn receiver(receivers: Receivers, calls: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let answer = move || {
        calls.fetch_add(1, Ordering::Relaxed);
        async move {
            match receivers {
                Receivers::Take => StatusCode::NO_CONTENT,
                Receivers::Hang => std::future::pending().await,
            }
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await });
    url
}

async fn an_hour(receivers: Receivers) -> Hour {
    let folder = tempfile::tempdir().expect("a folder");
    let calls = Arc::new(AtomicUsize::new(0));
    let hook = format!("{{ webhook: {{ url: \"{}\" }} }}", receiver(receivers, Arc::clone(&calls)).await);
    let alerts = format!("alerts:\n  repeat: 5m\n  receivers: {{ a: {hook}, b: {hook}, c: {hook} }}\n");
    write_config(folder.path(), &alerts, PROBES);
    let (daemon, page) = wired(folder.path()).await;
    let metrics = beat(daemon, &page, tokio::time::sleep(Duration::from_hours(1))).await;
    let (runs, p99) = lateness(&metrics);
    Hour { runs, p99, calls: calls.load(Ordering::Relaxed) }
}

/// The daemon of that folder before its first run, and where its metrics are.
pub(super) async fn wired(folder: &Path) -> (Assembled, String) {
    let (setup, page) = setup(folder).await;
    (assemble(setup).await.expect("it starts"), page)
}

/// What it is started with. Its time is the runtime's.
pub(super) async fn setup(folder: &Path) -> (Setup, String) {
    let folders = Folders::new(folder.join("config"));
    let loaded = config::load(&folders, &Environment::new(BTreeMap::<String, String>::new()), Secrets::Needed);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let page = format!("http://{}/metrics", listener.local_addr().expect("an address"));
    let (start, origin) = (Timestamp::from_second(1_800_000_000).expect("a time"), Instant::now());
    let passed = move || SignedDuration::try_from(origin.elapsed()).expect("not long");
    let setup = Setup {
        plan,
        folders,
        variables: BTreeMap::new(),
        listener,
        clock: Clock::new(move || start + passed()),
        program: PathBuf::from("unbroken"),
        stop: CancellationToken::new(),
        relay: Relay::new(Clock::system()),
        opened: Box::new(|| {}),
    };
    (setup, page)
}

/// Lets it run, in a time that flies, until `course` is over; then asks for its metrics, and ends it.
pub(super) async fn beat(daemon: Assembled, page: &str, course: impl Future<Output = ()>) -> String {
    let Assembled { shared, pulse, asks, parts, closing, stop, .. } = daemon;
    tokio::time::pause();
    let course = async {
        course.await;
        tokio::time::resume();
        let metrics = reqwest::get(page).await.expect("it answers").text().await.expect("text");
        stop.cancel();
        metrics
    };
    let ((), metrics) = tokio::join!(pulse.beat(asks, stop.clone(), RUNS_GRACE), course);
    closing.cancel();
    shared.close(parts).await.expect("it ends");
    metrics
}

/// How many runs there were, and within how many seconds 99 % of them began.
pub(super) fn lateness(metrics: &str) -> (u64, f64) {
    let bucket = |line: &str| {
        let (bound, count) =
            line.strip_prefix("unbroken_schedule_lateness_seconds_bucket{le=\"")?.split_once("\"} ")?;
        Some((bound.parse().unwrap_or(f64::INFINITY), count.parse().ok()?))
    };
    let buckets: Vec<(f64, u64)> = metrics.lines().filter_map(bucket).collect();
    let (_, runs) = *buckets.last().expect("a histogram");
    let (p99, _) = *buckets.iter().find(|(_, count)| *count * 100 >= runs * 99).expect("the last one holds all");
    (runs, p99)
}

#[tokio::test]
async fn receivers_that_hang_for_an_hour_delay_no_probe() {
    let (well, hanging) = (an_hour(Receivers::Take).await, an_hour(Receivers::Hang).await);
    // Retries are at most five minutes and fifteen seconds apart.
    assert!(hanging.calls >= 3 * 11, "they were asked all the time: {hanging:?}");
    assert!(hanging.p99 <= well.p99 * 1.05 + TIMER_SECONDS, "{hanging:?}, otherwise {well:?}");
    let due = PROBES * 3600 / EVERY_SECONDS;
    for hour in [&well, &hanging] {
        assert!(hour.runs * 100 >= due * 95, "{due} were due: {hour:?}");
    }
}
