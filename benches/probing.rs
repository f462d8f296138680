//! What a run costs: this daemon beside a bare hyper loop paced alike, and beside `blackbox_exporter`.
//!
//! `cargo bench --bench probing` starts a local server and runs each side in a process of its own, one after the other,
//! in rounds: absolute figures move with the machine, so a ratio is taken within a round, and the median of the rounds
//! is what counts. `-- --probes 10000 --every 10 --seconds 20 --rounds 5` are the defaults (five minutes).

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod sides;

use std::io::Write as _;
use std::time::Duration;

use sides::child::Beside;
use sides::median::median;
use sides::ours::Measured;
use sides::{Load, Usage};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1));
    if let Some(address) = value("--serve") {
        return sides::server::serve(address.parse().expect("an address"));
    }
    let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().expect("a number"));
    let load = Load {
        probes: number("--probes", 10_000),
        every: Duration::from_secs(number("--every", 10)),
        seconds: number("--seconds", 20),
    };
    if let Some(target) = value("--bare") {
        return sides::bare::run(target.parse().expect("an address"), load);
    }
    let server = Beside::start("--serve");
    let rounds = number("--rounds", 5);
    println!("{} HTTP probes every {:?}, {} s a side, {} cores\n", load.probes, load.every, load.seconds, cores());
    println!("| side | runs | CPU ms a run | peak RSS MB | lateness p50 / p99 / max |");
    println!("|---|---|---|---|---|");
    let (mut of_bare, mut of_blackbox) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let bare = sides::bare::measure(server.address, load);
        print_row("bare hyper loop", &bare);
        let Measured { usage: ours, p99, exported, lost } = sides::ours::measure(server.address, load, "");
        assert!(exported + lost == 0.0, "nobody is there to export to");
        print_row("unbroken, store and metrics on", &ours);
        println!("(of its runs 99 % began within about {:.2} ms)", p99 * 1000.0);
        of_bare.push(ours.cpu_per_run() / bare.cpu_per_run());
        if let Some(blackbox) = sides::blackbox::measure(server.address, load) {
            print_row("blackbox_exporter", &blackbox);
            of_blackbox.push(ours.cpu_per_run() / blackbox.cpu_per_run());
        }
    }
    print_ratio("unbroken / bare", of_bare, "at most 1.5");
    print_ratio("unbroken / blackbox_exporter", of_blackbox, "under 0.25");
}

/// The median of the rounds, and their span.
fn print_ratio(name: &str, rounds: Vec<f64>, goal: &str) {
    let Some((median, lowest, highest)) = median(rounds) else {
        return println!("{name}: not installed (`apt-get install prometheus-blackbox-exporter`)");
    };
    println!("{name}: {median:.2}, from {lowest:.2} to {highest:.2} (goal: {goal})");
}

fn print_row(side: &str, usage: &Usage) {
    println!(
        "| {side} | {} | {:.4} | {:.0} | {} |",
        usage.runs,
        usage.cpu_per_run(),
        usage.peak_rss as f64 / 1e6,
        usage.lateness
    );
    std::io::stdout().flush().ok();
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, std::num::NonZero::get)
}
