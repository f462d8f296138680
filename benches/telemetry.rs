//! What it costs to export everything: the daemon with a collector, and with one that is away, beside the same daemon
//! with none.
//!
//! `cargo bench --bench telemetry` starts a local server and a collector that takes everything and keeps nothing, each in
//! a process of its own that is not counted. Absolute figures move with the machine, so the sides are measured in turn,
//! in rounds, in each of which another one is first; they are compared within a round, and the median of the rounds is
//! what counts. A side is measured for a minute, which holds one export of the metrics. `-- --probes 10000 --every 10
//! --seconds 60 --rounds 3 --protocol grpc` are the defaults (eleven minutes). It fails where a goal is missed.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "sides/child.rs"]
mod child;
#[path = "sides/collector.rs"]
mod collector;
#[path = "sides/cpu.rs"]
mod cpu;
#[path = "sides/gauge.rs"]
mod gauge;
#[path = "sides/load.rs"]
mod load;
#[path = "sides/median.rs"]
mod median;
#[path = "sides/ours.rs"]
mod ours;
#[path = "sides/server.rs"]
mod server;

use std::time::Duration;

use child::Beside;
use cpu::cpu_of;
use gauge::peak_rss_of;
use load::{Load, Usage};
use median::median;
use ours::Measured;

/// More CPU per run with a collector than without export.
const CPU_GOAL: f64 = 0.15;
/// More lateness while the collector is away.
const LATENESS_GOAL: f64 = 0.05;
/// Timers are no finer than this: what is later by less is not later. Seconds.
const TIMER: f64 = 0.001;
/// More memory while the collector is away, bytes: full queues are some ten megabytes, a minute without a bound is more
/// than a hundred.
const RSS_GOAL: f64 = 40e6;
/// Nobody listens there.
const AWAY: &str = "127.0.0.1:9";

/// How the sides of each round compare to the one without export.
#[derive(Default)]
struct Rounds {
    /// A share.
    cpu: Vec<f64>,
    /// Seconds beyond what is allowed.
    late: Vec<f64>,
    /// Bytes.
    rss: Vec<f64>,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1));
    if let Some(address) = value("--serve") {
        return server::serve(address.parse().expect("an address"));
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
    let (server, collector) = (Beside::start("--serve"), Beside::start("--collect"));
    let to = |collector: &str| {
        format!("telemetry: {{ otlp: {{ endpoint: \"http://{collector}\", protocol: {protocol} }} }}\n")
    };
    println!("{} HTTP probes every {:?}, {} s a side, OTLP by {protocol}\n", load.probes, load.every, load.seconds);
    println!(
        "| side | runs | CPU ms a run | peak RSS MB | lateness p50 / p99 / max | p99 about, ms | exported | lost |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut rounds = Rounds::default();
    let sides = [
        ("no export", String::new()),
        ("everything exported", to(&collector.address.to_string())),
        ("collector away", to(AWAY)),
    ];
    for round in 0..number("--rounds", 3) {
        let mut measured = sides.clone().map(|_| None);
        // Each comes first, second and third: what one leaves to be written burdens the next.
        for turn in 0..sides.len() {
            let at = (turn + usize::try_from(round).expect("few")) % sides.len();
            let (name, settings) = &sides[at];
            let side = measured[at].insert(ours::measure(server.address, load, settings));
            print_row(name, side);
        }
        let [without, with, away] = measured.map(|side| side.expect("each had its turn"));
        assert!(without.exported + without.lost == 0.0, "nobody is there to export to");
        assert!(with.exported >= with.usage.runs as f64, "not every run was exported");
        assert!(away.exported == 0.0 && away.lost > 0.0, "nobody was there to take it");
        rounds.cpu.push(with.usage.cpu_per_run() / without.usage.cpu_per_run() - 1.0);
        rounds.late.push(away.p99 - (without.p99 * (1.0 + LATENESS_GOAL)).max(without.p99 + TIMER));
        rounds.rss.push(away.usage.peak_rss as f64 - without.usage.peak_rss as f64);
    }
    assert!(rounds.meet(), "a goal was not met");
}

impl Rounds {
    /// Prints how the goals fare, and says whether all are met.
    fn meet(self) -> bool {
        let percent = |share: f64| format!("{:+.1} %", share * 100.0);
        let millis = |seconds: f64| format!("{:+.2} ms", seconds * 1000.0);
        let megabytes = |bytes: f64| format!("{:+.1} MB", bytes / 1e6);
        let cpu = row("more CPU a run with a collector", self.cpu, CPU_GOAL, percent);
        let late = row("p99 while it is away, beyond 5 % more and timers", self.late, 0.0, millis);
        let rss = row("more memory while it is away", self.rss, RSS_GOAL, megabytes);
        cpu && late && rss
    }
}

fn row(what: &str, rounds: Vec<f64>, goal: f64, shown: impl Fn(f64) -> String) -> bool {
    let (median, lowest, highest) = median(rounds).expect("a round");
    let met = median <= goal;
    let verdict = if met { "met" } else { "not met" };
    println!("{what}: {}, from {} to {}", shown(median), shown(lowest), shown(highest));
    println!("goal: at most {} {verdict}", shown(goal));
    met
}

fn print_row(side: &str, measured: &Measured) {
    let usage = &measured.usage;
    let (cpu, rss) = (usage.cpu_per_run(), usage.peak_rss as f64 / 1e6);
    let Measured { exported, lost, p99, .. } = measured;
    let p99 = p99 * 1000.0;
    println!("| {side} | {} | {cpu:.4} | {rss:.0} | {} | {p99:.2} | {exported} | {lost} |", usage.runs, usage.lateness);
}
