//! What it costs to export everything: the daemon with a collector beside the same daemon with none.
//!
//! `cargo bench --bench telemetry` starts a local server and a collector that takes everything and keeps nothing, each in
//! a process of its own that is not counted. Absolute figures move with the machine, so both daemons are measured in
//! turn, in rounds, the ratio is taken within a round, and the median of the rounds is what counts. A side is measured
//! for a minute, which holds one export of the metrics. `-- --probes 10000 --every 10 --seconds 60 --rounds 3
//! --protocol grpc` are the defaults (seven minutes).

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "sides/collector.rs"]
mod collector;
#[path = "sides/cpu.rs"]
mod cpu;
#[path = "sides/gauge.rs"]
mod gauge;
#[path = "sides/load.rs"]
mod load;
#[path = "sides/ours.rs"]
mod ours;
#[path = "sides/server.rs"]
mod server;

use std::process::Child;
use std::time::{Duration, Instant};

use cpu::cpu_of;
use gauge::peak_rss_of;
use load::{Load, Usage};
use ours::Measured;

/// More CPU per run than without export.
const GOAL: f64 = 0.15;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1));
    if let Some(port) = value("--serve") {
        return server::serve(port.parse().expect("a port"));
    }
    if let Some(address) = value("--collect") {
        return collector::serve(address.parse().expect("an address"));
    }
    let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().expect("a number"));
    let load = Load {
        probes: number("--probes", 10_000),
        every: Duration::from_secs(number("--every", 10)),
        seconds: number("--seconds", 60),
    };
    let protocol = value("--protocol").map_or("grpc", String::as_str);
    let (server, collector) = (server::start(), collector::start());
    let export =
        format!("telemetry: {{ otlp: {{ endpoint: \"http://{}\", protocol: {protocol} }} }}\n", collector.address);
    println!("{} HTTP probes every {:?}, {} s a side, OTLP by {protocol}\n", load.probes, load.every, load.seconds);
    println!("| side | runs | CPU ms a run | peak RSS MB | lateness p50 / p99 / max | exported | lost |");
    println!("|---|---|---|---|---|---|---|");
    let mut more = Vec::new();
    for _ in 0..number("--rounds", 3) {
        let without = ours::measure(server.address, load, "");
        print_row("no export", &without);
        let with = ours::measure(server.address, load, &export);
        print_row("everything exported", &with);
        assert!(without.exported + without.lost == 0.0, "nobody is there to export to");
        assert!(with.exported >= with.usage.runs as f64, "not every run was exported");
        more.push(with.usage.cpu_per_run() / without.usage.cpu_per_run() - 1.0);
    }
    more.sort_by(f64::total_cmp);
    let percent = |share: f64| format!("{:+.1} %", share * 100.0);
    let (median, lowest, highest) = (more[more.len() / 2], more[0], more[more.len() - 1]);
    let verdict = if median < GOAL { "met" } else { "not met" };
    println!("more CPU a run: {}, from {} to {}", percent(median), percent(lowest), percent(highest));
    println!("goal: under {} {verdict}", percent(GOAL));
}

fn print_row(side: &str, measured: &Measured) {
    let usage = &measured.usage;
    let (cpu, rss) = (usage.cpu_per_run(), usage.peak_rss as f64 / 1e6);
    let Measured { exported, lost, .. } = measured;
    println!("| {side} | {} | {cpu:.4} | {rss:.0} | {} | {exported} | {lost} |", usage.runs, usage.lateness);
}

/// Waits for `what` to come true, or panics with its name after half a minute.
fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what} did not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends a child that this program started.
fn end(mut child: Child) {
    child.kill().ok();
    child.wait().ok();
}
