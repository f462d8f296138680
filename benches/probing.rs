//! What a run costs: this daemon beside a bare hyper loop paced alike, and beside `blackbox_exporter`.
//!
//! `cargo bench --bench probing` starts a local server, runs each side in a process of its own, one after the other,
//! and prints a table. Compare rows of one table only: absolute figures move with the machine.
//! `-- --probes 10000 --every 10 --seconds 60` are the defaults.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod sides;

use std::io::Write as _;
use std::process::Child;
use std::time::{Duration, Instant};

use sides::{Load, Usage};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1));
    if let Some(port) = value("--serve") {
        return sides::server::serve(port.parse().expect("a port"));
    }
    let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().expect("a number"));
    let load = Load {
        probes: number("--probes", 10_000),
        every: Duration::from_secs(number("--every", 10)),
        seconds: number("--seconds", 60),
    };
    if let Some(target) = value("--bare") {
        return sides::bare::run(target.parse().expect("an address"), load);
    }
    let server = sides::server::start();
    println!("{} HTTP probes every {:?}, {} s a side, {} cores\n", load.probes, load.every, load.seconds, cores());
    println!("| side | runs | CPU ms a run | peak RSS MB | lateness p50 / p99 / max |");
    println!("|---|---|---|---|---|");
    let bare = sides::bare::measure(server.address, load);
    print_row("bare hyper loop", &bare);
    let ours = sides::ours::measure(server.address, load);
    print_row("unbroken, store and metrics on", &ours);
    let blackbox = sides::blackbox::measure(server.address, load);
    match &blackbox {
        Some(usage) => print_row("blackbox_exporter", usage),
        None => println!("| blackbox_exporter | not installed: `apt-get install prometheus-blackbox-exporter` | | | |"),
    }
    println!("\nunbroken / bare: {:.2} (goal: at most 1.5)", ours.cpu_per_run() / bare.cpu_per_run());
    if let Some(blackbox) = blackbox {
        println!("unbroken / blackbox_exporter: {:.2} (goal: under 0.25)", ours.cpu_per_run() / blackbox.cpu_per_run());
    }
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
