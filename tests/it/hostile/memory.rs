//! What many hostile servers at once cost in memory, measured in a process of its own: in this one other tests run.

use std::ffi::OsString;
use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use super::bodies::bomb;
use crate::support::probe::{get, http, network, prober, run};
use crate::support::raw::{Act, Raw, say};

const RUNS_AT_ONCE: usize = 48;
/// The promise for one run.
const RUN_KIB_MAX: usize = 4 << 10;
const URL: &str = "UNBROKEN_TEST_HOSTILE_URL";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bodies_cost_at_most_4_mib_a_run() {
    if let Some(url) = std::env::var_os(URL).map(OsString::into_string) {
        return many_runs_against_one_server(&url.unwrap()).await;
    }
    let chunk = [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    let endless = vec![say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), Act::Flood(chunk)];
    let heads = vec![say("HTTP/1.1 200 OK\r\n"), say("x-a: ".to_owned() + &"a".repeat(1 << 20)), Act::Hang];
    for (name, script) in [
        ("gzip", bomb("gzip").await),
        ("br", bomb("br").await),
        ("zstd", bomb("zstd").await),
        ("endless", endless),
        ("heads", heads),
    ] {
        let raw = Raw::serve(script).await;
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hostile::memory::hostile_bodies_cost_at_most_4_mib_a_run", "--nocapture"])
            .env(URL, raw.url("/"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let grown =
            said.lines().find_map(|line| line.split("grown by ").nth(1)?.strip_suffix(" KiB")?.parse::<usize>().ok());
        let grown = grown.unwrap_or_else(|| panic!("{name}: {said}"));
        let each = grown / RUNS_AT_ONCE;
        assert!(each <= RUN_KIB_MAX, "{name}: {each} KiB a run, {grown} KiB in all");
    }
}

/// The other process: the same test, told a server's address, says its own growth while all runs hold what they have read.
async fn many_runs_against_one_server(url: &str) {
    let errand = http(get(url)).expect(json!({ "body": { "contains": "never" } })).errand();
    let prober = prober(network());
    // Code and threads are paid for before.
    run(&prober, &errand).await;
    let before = peak_kib();
    let runs = (0..RUNS_AT_ONCE).map(|_| run(&prober, &errand));
    let met = futures::future::join_all(runs).await;
    assert!(met.iter().all(|met| met.0.outcome.verdict.fault().is_some()));
    println!("grown by {} KiB", peak_kib() - before);
}

/// The most that this process ever had in memory (`VmHWM`).
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
