//! What many kinds at once cost: 1 000 mixed probes at 30 s against small local servers, the daemon as a user runs it.
//!
//! `cargo bench --bench mixed` prints the daemon's share of one core and its peak memory. Everything is on: expectations,
//! captures, detection, score, store, metrics. The servers run in a process of their own and are not counted.
//! `-- --probes 1000 --every 30 --seconds 60` are the defaults.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "mixed/company.rs"]
mod company;
#[path = "sides/cpu.rs"]
mod cpu;
#[path = "sides/gauge.rs"]
mod gauge;
#[path = "mixed/peers.rs"]
mod peers;

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Of one core.
const SHARE_GOAL: f64 = 0.25;
const RSS_GOAL: u64 = 150_000_000;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1));
    if let Some(ca) = value("--serve") {
        return peers::serve(ca);
    }
    let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().expect("a number"));
    let (probes, every) = (number("--probes", 1000), Duration::from_secs(number("--every", 30)));
    let folder = tempfile::tempdir().expect("a folder");
    let peers = peers::start(folder.path());
    let company = company::Company::write(folder.path(), &peers.addresses, probes, every);
    let daemon = Daemon::start(folder.path(), company.listen);
    company.push_all();
    // One interval to settle: the first runs of all probes, the page's first snapshot, the store's first pages.
    std::thread::sleep(every);
    let measured = daemon.measure(Duration::from_secs(number("--seconds", 60)));
    println!("{probes} probes every {every:?}: {}", company.mix());
    println!("{} runs in {:.1?}, {} of them good", measured.runs, measured.span, measured.good);
    println!("| of one core | CPU ms a run | peak RSS MB |\n|---|---|---|");
    let share = measured.cpu.as_secs_f64() / measured.span.as_secs_f64();
    let each = measured.cpu.as_secs_f64() * 1000.0 / measured.runs;
    println!("| {:.1} % | {each:.3} | {:.0} |", share * 100.0, measured.peak_rss as f64 / 1e6);
    let verdict = |met: bool| if met { "met" } else { "not met" };
    println!("goals: under {:.0} % {}", SHARE_GOAL * 100.0, verdict(share < SHARE_GOAL));
    println!("goals: under {} MB {}", RSS_GOAL / 1_000_000, verdict(measured.peak_rss < RSS_GOAL));
    assert!(
        measured.runs > 0.0 && (measured.good - measured.runs).abs() < 1.0,
        "some runs failed: not a fair measurement"
    );
}

struct Measured {
    runs: f64,
    good: f64,
    span: Duration,
    cpu: Duration,
    /// Bytes.
    peak_rss: u64,
}

struct Daemon {
    child: Child,
    listen: SocketAddr,
}

impl Daemon {
    fn start(folder: &std::path::Path, listen: SocketAddr) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_unbroken"))
            .args(["--config".as_ref(), folder.join("config").as_os_str()])
            .arg("run")
            .env(company::TOKEN_NAME, company::TOKEN)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).expect("a log"))
            .spawn()
            .expect("the daemon starts");
        let daemon = Self { child, listen };
        wait_for(|| gauge::metrics(listen).is_some(), || fs::read_to_string(folder.join("log")).unwrap_or_default());
        daemon
    }

    fn measure(&self, length: Duration) -> Measured {
        let pid = self.child.id();
        let (began, cpu) = (Instant::now(), cpu::cpu_of(pid));
        let before = gauge::metrics(self.listen).expect("metrics");
        std::thread::sleep(length);
        let (span, cpu) = (began.elapsed(), cpu::cpu_of(pid).saturating_sub(cpu));
        let after = gauge::metrics(self.listen).expect("metrics");
        let grown = |label: &str| {
            let of = |text: &str| gauge::sum_where(text, "unbroken_readings_total", label);
            of(&after) - of(&before)
        };
        let good = grown("verdict=\"good\"");
        Measured { runs: grown(""), good, span, cpu, peak_rss: gauge::peak_rss_of(pid) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits for something to come true, or panics with what went wrong after half a minute.
fn wait_for(mut ready: impl FnMut() -> bool, wrong: impl FnOnce() -> String) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() <= Duration::from_secs(30), "not ready after half a minute: {}", wrong());
        std::thread::sleep(Duration::from_millis(50));
    }
}
