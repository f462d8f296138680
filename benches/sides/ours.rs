//! The daemon itself, from YAML to store, as a user runs it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::gauge::{metrics, sum_where};
use super::{Load, Usage};

const PROBES_PER_TOUCHPOINT: u64 = 100;

/// What it used, and what it says of its export.
pub(crate) struct Measured {
    pub(crate) usage: Usage,
    /// Since it started: what a collector took.
    pub(crate) exported: f64,
    /// What no collector took.
    pub(crate) lost: f64,
}

/// `settings` are further lines of `unbroken.yaml`.
pub(crate) fn measure(target: SocketAddr, load: Load, settings: &str) -> Measured {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = super::server::free_address();
    write_config(folder.path(), listen, target, load);
    add_settings(folder.path(), settings);
    let child = Command::new(env!("CARGO_BIN_EXE_unbroken"))
        .args(["--config".as_ref(), folder.path().join("config").as_os_str()])
        .arg("run")
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.path().join("log")).expect("a log"))
        .spawn()
        .expect("the daemon starts");
    crate::wait_for("the daemon", || metrics(listen).is_some());
    // One interval to settle: the first runs of all probes, the page's first snapshot, the store's first pages.
    std::thread::sleep(load.every);
    // One scrape is counted, the first: with a minute of measuring that is Prometheus's own pace.
    let (began, cpu) = (Instant::now(), super::cpu_of(child.id()));
    let before = metrics(listen).expect("metrics");
    std::thread::sleep((began + Duration::from_secs(load.seconds)).saturating_duration_since(Instant::now()));
    let (span, cpu_after) = (began.elapsed(), super::cpu_of(child.id()));
    let after = metrics(listen).expect("metrics");
    let peak_rss = super::peak_rss_of(child.id());
    crate::end(child);
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
    let usage =
        Usage { runs: runs as u64, cpu: cpu_after.saturating_sub(cpu), peak_rss, lateness: lateness(&before, &after) };
    let exported = sum_where(&after, "unbroken_exported_total", "signal=\"traces\",result=\"sent\"");
    Measured { usage, exported, lost: sum_where(&after, "unbroken_exported_total", "signal=\"traces\"") - exported }
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

/// Upper bounds of the histogram's buckets that hold the median, the 99th percentile and the last run.
fn lateness(before: &str, after: &str) -> String {
    let name = "unbroken_schedule_lateness_seconds_bucket";
    let buckets = |metrics: &str| -> Vec<(String, f64)> {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines
            .filter_map(|line| {
                let bound = line.split("le=\"").nth(1)?.split('"').next()?.to_owned();
                Some((bound, line.rsplit(' ').next()?.parse().ok()?))
            })
            .collect()
    };
    let (before, after) = (buckets(before), buckets(after));
    let counts: Vec<(&str, f64)> = after.iter().zip(&before).map(|(a, b)| (a.0.as_str(), a.1 - b.1)).collect();
    let total = counts.last().map_or(0.0, |last| last.1);
    let bound = |part: f64| {
        counts
            .iter()
            .find(|(_, count)| *count >= total * part)
            .map_or_else(|| "?".to_owned(), |(le, _)| format!("<= {le} s"))
    };
    format!("{} / {} / {}", bound(0.5), bound(0.99), bound(1.0))
}
