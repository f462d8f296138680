//! What many hostile peers at once cost in memory, measured in a process of its own: in this one other tests run.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use unbroken::model::{FaultCode, Phase};
use unbroken::probe::Prober;

use super::bodies::bomb;
use super::{floods, quic};
use crate::support::raw::{Act, Raw, say};
use crate::walk::{errand, order, step, tools};

const RUNS_AT_ONCE: usize = 48;
/// The promise for one run.
const RUN_KIB_MAX: usize = 4 << 10;
const STEP: &str = "UNBROKEN_TEST_HOSTILE_STEP";
const WITHIN: &str = "UNBROKEN_TEST_HOSTILE_MILLIS";
const OTHER: &str = "hostile::memory::the_other_process";

/// A peer that never stops, and what a run against it comes to.
pub(super) struct Flood {
    pub(super) name: &'static str,
    pub(super) step: Value,
    /// The run's deadline: where the flood cannot be told from what is waited for, that is what ends it.
    pub(super) within: Duration,
    pub(super) ends: (FaultCode, Phase),
}

impl Flood {
    /// Ended by a cap, long before its time is up: half a hundred floods at once may take their time.
    pub(super) fn capped(name: &'static str, step: Value, code: FaultCode, phase: Phase) -> Self {
        Self { name, step, within: Duration::from_secs(300), ends: (code, phase) }
    }

    /// As many runs at once as the other process makes; what is wrong with them.
    async fn problem(&self) -> Option<String> {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", OTHER, "--nocapture"])
            .env(STEP, self.step.to_string())
            .env(WITHIN, self.within.as_millis().to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().find_map(|line| Some(line.split_once("measured ")?.1));
        let Some(measured) = line.and_then(|line| serde_json::from_str::<Value>(line).ok()) else {
            return Some(format!("{}: {said}", self.name));
        };
        let (code, phase) = self.ends;
        let each = measured["grown"].as_u64().unwrap() as usize / RUNS_AT_ONCE;
        let ends = json!([format!("{} {}", code.code(), phase.code())]);
        let right = measured["ends"] == ends && each <= RUN_KIB_MAX;
        (!right).then(|| format!("{}: {each} KiB a run, {}, {}", self.name, measured["ends"], measured["texts"]))
    }
}

async fn cost_at_most_4_mib_a_run(floods: Vec<Flood>) {
    let mut problems = Vec::new();
    for flood in floods {
        problems.extend(flood.problem().await);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_conversations_cost_at_most_4_mib_a_run() {
    cost_at_most_4_mib_a_run(floods::conversations().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_mail_servers_cost_at_most_4_mib_a_run() {
    cost_at_most_4_mib_a_run(floods::mail().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_telephones_and_brokers_cost_at_most_4_mib_a_run() {
    cost_at_most_4_mib_a_run(floods::telephones_and_brokers().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_and_sites_cost_at_most_4_mib_a_run() {
    cost_at_most_4_mib_a_run(floods::names_and_sites().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_http_3_servers_cost_at_most_4_mib_a_run() {
    cost_at_most_4_mib_a_run(quic::floods()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bodies_cost_at_most_4_mib_a_run() {
    let chunk = [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    let endless = vec![say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), Act::Flood(chunk)];
    let heads = vec![say("HTTP/1.1 200 OK\r\n"), say("x-a: ".to_owned() + &"a".repeat(1 << 20)), Act::Hang];
    let body = (FaultCode::Expectation, Phase::Assert);
    for (name, script, ends) in [
        ("gzip", bomb("gzip").await, body),
        ("br", bomb("br").await, body),
        ("zstd", bomb("zstd").await, body),
        ("endless", endless, body),
        ("heads", heads, (FaultCode::HeadTooLarge, Phase::Wait)),
    ] {
        let raw = Raw::serve(script).await;
        let step = json!({ "http": { "get": raw.url("/") }, "expect": { "body": { "contains": "never" } } });
        assert_eq!(Flood { ends, ..Flood::capped(name, step, ends.0, ends.1) }.problem().await, None);
    }
}

/// In the other process: says its own growth while all runs hold what they have read, and how they ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_process() {
    let told = |name: &str| std::env::var_os(name).and_then(|text| text.into_string().ok());
    // On its own, in an ordinary run, it has nothing to do.
    let (Some(written), Some(within)) = (told(STEP), told(WITHIN)) else { return };
    let within = Duration::from_millis(within.parse().unwrap());
    let errand = errand(within, vec![step(&serde_json::from_str(&written).unwrap())]);
    let prober = Prober::new(tools());
    // Code and threads are paid for before.
    prober.run(&errand, order()).await;
    let before = peak_kib();
    let met = futures::future::join_all((0..RUNS_AT_ONCE).map(|_| prober.run(&errand, order()))).await;
    let grown = peak_kib() - before;
    let end = |reading: &unbroken::model::Reading| match reading.outcome.verdict.fault() {
        Some(fault) => (format!("{} {}", fault.code, fault.phase.map_or("", |phase| phase.code())), fault.text.clone()),
        None => (format!("{:?}", reading.outcome.verdict), String::new()),
    };
    let (mut ends, mut texts): (Vec<_>, Vec<_>) = met.iter().map(end).unzip();
    ends.sort_unstable();
    ends.dedup();
    texts.sort_unstable();
    texts.dedup();
    println!("\nmeasured {}", json!({ "grown": grown, "ends": ends, "texts": texts }));
}

/// The most that this process ever had in memory (`VmHWM`).
pub(crate) fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
