//! The daemon itself, from YAML to store, as a user runs it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::child::Child;
use super::gauge::{metrics, sum_where};
use super::{Load, Usage};

const PROBES_PER_TOUCHPOINT: u64 = 100;

/// What it used, and what it says of its export.
pub(crate) struct Measured {
    pub(crate) usage: Usage,
    /// Seconds within which 99 % of the runs began.
    pub(crate) p99: f64,
    /// Since it started: what a collector took.
    pub(crate) exported: f64,
    /// What no collector took.
    pub(crate) lost: f64,
}

/// `settings` are further lines of `unbroken.yaml`.
pub(crate) fn measure(target: SocketAddr, load: Load, settings: &str) -> Measured {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = super::child::free_address();
    write_config(folder.path(), listen, target, load);
    add_settings(folder.path(), settings);
    let daemon = Command::new(env!("CARGO_BIN_EXE_unbroken"))
        .args(["--config".as_ref(), folder.path().join("config").as_os_str()])
        .arg("run")
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.path().join("log")).expect("a log"))
        .spawn()
        .map(Child)
        .expect("the daemon starts");
    let pid = daemon.0.id();
    super::child::wait_for("the daemon", || metrics(listen).is_some());
    // One interval to settle: the first runs of all probes, the page's first snapshot, the store's first pages.
    std::thread::sleep(load.every);
    // One scrape is counted, the first: with a minute of measuring that is Prometheus's own pace.
    let (began, cpu) = (Instant::now(), super::cpu_of(pid));
    let before = metrics(listen).expect("metrics");
    std::thread::sleep((began + Duration::from_secs(load.seconds)).saturating_duration_since(Instant::now()));
    let (span, cpu_after) = (began.elapsed(), super::cpu_of(pid));
    let after = metrics(listen).expect("metrics");
    let peak_rss = super::peak_rss_of(pid);
    drop(daemon);
    let grown = |name: &str, label: &str| sum_where(&after, name, label) - sum_where(&before, name, label);
    let (due, runs) = (grown("unbroken_runs_due_total", ""), grown("unbroken_readings_total", ""));
    let of = |verdict: &str| grown("unbroken_readings_total", &format!("verdict=\"{verdict}\""));
    let (good, slow, skipped) = (of("good"), of("slow"), of("skipped"));
    let expected = load.probes as f64 * span.as_secs_f64() / load.every.as_secs_f64();
    println!(
        "(unbroken: {expected:.0} runs expected in {:.2} s, {due} were due, {runs} ended: {good} good, {slow} slow, {skipped} skipped)",
        span.as_secs_f64()
    );
    assert!(runs > 0.0 && (good + slow - runs).abs() < 1.0, "some runs failed or were skipped: not a fair measurement");
    assert!((due / expected - 1.0).abs() < 0.01, "the schedule drifts");
    let late = Lateness::between(&before, &after);
    let lateness = [0.5, 0.99, 1.0].map(|share| late.bound(share)).join(" / ");
    let usage = Usage { runs: runs as u64, cpu: cpu_after.saturating_sub(cpu), peak_rss, lateness };
    let exported = sum_where(&after, "unbroken_exported_total", "signal=\"traces\",result=\"sent\"");
    let lost = sum_where(&after, "unbroken_exported_total", "signal=\"traces\"") - exported;
    Measured { usage, p99: late.within(0.99), exported, lost }
}

fn add_settings(folder: &std::path::Path, settings: &str) {
    let file = fs::File::options().append(true).open(folder.join("config/unbroken.yaml"));
    file.and_then(|mut file| file.write_all(settings.as_bytes())).expect("writes");
}

fn write_config(folder: &std::path::Path, listen: SocketAddr, target: SocketAddr, load: Load) {
    fs::create_dir_all(folder.join("config")).expect("a folder");
    fs::create_dir_all(folder.join("probes")).expect("a folder");
    let write = |path: &str, text: &str| {
        fs::File::create(folder.join(path)).and_then(|mut file| file.write_all(text.as_bytes())).expect("writes");
    };
    write("config/unbroken.yaml", &format!("company: Bench\nlisten: {listen}\nstore: ../bench.db\n"));
    let touchpoints = load.probes.div_ceil(PROBES_PER_TOUCHPOINT);
    let names: Vec<String> = (0..touchpoints).map(|t| format!("t{t}")).collect();
    write(
        "config/journeys.yaml",
        &format!("journeys:\n  all:\n    stages:\n      use: {{ touchpoints: [{}] }}\n", names.join(", ")),
    );
    for (t, name) in names.iter().enumerate() {
        let mut yaml =
            format!("channel: web\ndefaults: {{ every: {}s, timeout: 5s }}\nprobes:\n", load.every.as_secs());
        let first = t as u64 * PROBES_PER_TOUCHPOINT;
        for p in first..(first + PROBES_PER_TOUCHPOINT).min(load.probes) {
            write!(yaml, "  p{p}:\n    steps:\n      - http: {{ get: \"http://{target}/\" }}\n        expect: {{ status: 200, body: {{ contains: ok }} }}\n").ok();
        }
        write(&format!("probes/{name}.yaml"), &yaml);
    }
}

/// How late runs began, by the daemon's own histogram.
struct Lateness {
    /// Upper bounds in seconds, and how many runs were no later.
    buckets: Vec<(f64, f64)>,
}

impl Lateness {
    fn between(before: &str, after: &str) -> Self {
        let name = "unbroken_schedule_lateness_seconds_bucket";
        let bucket = |line: &str| -> Option<(f64, f64)> {
            let bound = line.strip_prefix(name)?.split("le=\"").nth(1)?.split('"').next()?;
            Some((bound.parse().unwrap_or(f64::INFINITY), line.rsplit(' ').next()?.parse().ok()?))
        };
        let buckets = |metrics: &str| metrics.lines().filter_map(bucket).collect::<Vec<_>>();
        let (before, after) = (buckets(before), buckets(after));
        Self { buckets: after.iter().zip(&before).map(|(after, before)| (after.0, after.1 - before.1)).collect() }
    }

    /// The bucket in which a share of the runs is reached, and how many runs that are.
    fn reached(&self, share: f64) -> (usize, f64) {
        let runs = self.buckets.last().map_or(0.0, |last| last.1) * share;
        (self.buckets.iter().position(|(_, count)| *count >= runs).expect("the last one holds all"), runs)
    }

    fn bound(&self, share: f64) -> String {
        format!("<= {} s", self.buckets[self.reached(share).0].0)
    }

    /// Seconds, as if the runs lay evenly within their bucket.
    fn within(&self, share: f64) -> f64 {
        let (at, runs) = self.reached(share);
        let (low, below) = at.checked_sub(1).map_or((0.0, 0.0), |before| self.buckets[before]);
        let (high, count) = self.buckets[at];
        if high.is_finite() { low + (high - low) * (runs - below) / (count - below).max(1.0) } else { low }
    }
}
