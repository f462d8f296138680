//! What an errand in a browser costs, and whether its timings are right: our `browser` kind from its warm pool beside
//! Playwright (playwright-core from npm), its browser kept warm or launched for every run.
//!
//! `cargo bench --bench browser` serves a shop's page ([`shop`]) from a process of its own that is not counted, and has
//! each side run the same two errands on it, one after the other, in rounds. `look`: open the page, wait for all its
//! parts, find its heading, tell LCP, TTFB and errors. `buy`: the same, and fill in an address, press the button as soon
//! as it can be, see the order confirmed. All drive the same Chromium without a window, at 1440 × 900, with nothing kept
//! from run to run.
//!
//! - ours: the configuration as a user writes it, run by what `unbroken probe` runs, with a pool as it is by default.
//!   It does more: its Chromium is in its sandbox (as root: as another user)
//!   and behind the run's gate, pages and calls carry `traceparent`, all five vitals are measured and judged, broken pictures,
//!   mixed content and third parties are looked for.
//! - Playwright, warm: one browser, a context and a page of its own for every run, closed after it. Its script tells LCP
//!   and TTFB (`PerformanceObserver`), console errors, uncaught exceptions and failed requests.
//! - Playwright, launched: the same with a browser of its own for every run.
//! - Playwright, started: the same script, started for every run, as `cron` does it.
//!
//! A side's CPU is that of all its processes, also of those that have ended ([`tree`]) and of what is tidied behind a run;
//! its time is how long a run takes until its result is told, tidying not included, the median of a round. Between two
//! runs a side rests, as monitors do. Ratios are taken within a round; their median counts. `-- --rounds 5 --runs 10
//! --chromium /usr/lib/chromium/chromium-headless-shell` are the defaults (eight minutes), where Debian's package of that
//! name is installed; it is what both take for themselves before the whole browser. playwright-core is installed into
//! `target/parts/playwright` where it is missing. It fails where a goal is missed.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "sides/child.rs"]
mod child;
#[path = "sides/median.rs"]
mod median;
#[path = "browser/ours.rs"]
mod ours;
#[path = "browser/shop.rs"]
mod shop;
#[path = "browser/side.rs"]
mod side;
#[path = "browser/tree.rs"]
mod tree;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use child::Beside;
use median::median;
use side::{Batch, Side};

const PLAYWRIGHT: &str = "1.65.1";
/// What each side drives, by default: the first that is there. Both run pages of no window by default, too.
const CHROMIUM: [&str; 2] = ["/usr/lib/chromium/chromium-headless-shell", "/usr/lib/chromium/chromium"];
/// Of warm Playwright's CPU and time.
const OF_WARM: f64 = 1.0;
/// Of the CPU and time of Playwright that launches its browser, or is started, for every run.
const OF_LAUNCHED: f64 = 0.5;
/// How far a timing may be off, as a share.
const OFF: f64 = 0.1;
/// Of the idle pool, PSS in bytes.
const IDLE: f64 = 250e6;
/// Starts what its arguments say anew for every line.
const EACH: &str = r#"while read -r errand; do echo "$errand" | "$@"; done"#;
const ERRANDS: [&str; 2] = ["look", "buy"];
/// Runs of each errand before anything is counted.
const WARM_UP: usize = 3;
/// Until what a run leaves to be done is done.
const SETTLED: Duration = Duration::from_secs(2);
/// Until the pool keeps no more browsers than it keeps for long: a second one waits for a minute.
const RESTED: Duration = Duration::from_secs(65);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let values = |name: &str| args.iter().position(|a| a == name).map(|at| &args[at + 1..]);
    let value = |name: &str| values(name).and_then(<[String]>::first);
    match (value("--serve"), values("--tree"), values("--ours")) {
        (Some(address), ..) => return shop::serve(address.parse().expect("an address")),
        (_, Some(command), _) => return tree::lead(command),
        (.., Some([folder, address, chromium])) => return ours::run(Path::new(folder), address, chromium),
        _ => {}
    }
    let number = |name: &str, default: usize| value(name).map_or(default, |text| text.parse().expect("a number"));
    let (rounds, runs) = (number("--rounds", 5), number("--runs", 10));
    let there = CHROMIUM.into_iter().find(|path| Path::new(path).exists());
    let chromium =
        value("--chromium").map(String::as_str).or(there).expect("`apt-get install chromium-headless-shell`");
    let (package, shop) = (playwright(), Beside::start("--serve"));
    let address = shop.address.to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("this program");
    println!("{rounds} rounds of {runs} errands a side with {chromium}, playwright-core {PLAYWRIGHT}\n");

    let mut ours = Side::start(&[
        this.as_os_str(),
        "--ours".as_ref(),
        folder.path().as_os_str(),
        address.as_ref(),
        chromium.as_ref(),
    ]);
    ours.warm_up();
    // While no other browser shares what they have in common.
    let idle = ours.idle_browsers(RESTED);
    ours.warm_up();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/browser/playwright.cjs");
    let playwright = |first: &[&str], how: &str| {
        let first = first.iter().map(OsStr::new);
        let script = ["node".as_ref(), script.as_os_str(), package.as_os_str(), how.as_ref()];
        let mut side =
            Side::start(&first.chain(script).chain([address.as_ref(), chromium.as_ref()]).collect::<Vec<_>>());
        side.warm_up();
        side
    };
    let mut sides = [
        ("unbroken", ours),
        ("Playwright, warm", playwright(&[], "warm")),
        ("Playwright, launched", playwright(&[], "launched")),
        ("Playwright, started", playwright(&["sh", "-c", EACH, "sh"], "launched")),
    ];
    println!("| errand | side | CPU ms a run | ms a run | LCP ms | TTFB ms |\n|---|---|---|---|---|---|");
    let mut all = ERRANDS.map(|errand| (errand, Rounds::default()));
    for _ in 0..rounds {
        for (errand, rounds) in &mut all {
            rounds.note(&sides.each_mut().map(|(name, side)| {
                let batch = side.measure(errand, runs, SETTLED);
                print_row(errand, name, &batch);
                batch
            }));
        }
    }
    println!("\n| errand | | median | from | to | goal |\n|---|---|---|---|---|---|");
    let met = all.map(|(errand, rounds)| rounds.meet(errand)).into_iter().fold(resting(idle), |all, met| all && met);
    assert!(met, "a goal was not met");
}

/// What the sides of each round came to, for one errand.
#[derive(Default)]
struct Rounds {
    /// Our share of the CPU and time of each other side, in their order.
    cpu: [Vec<f64>; 3],
    time: [Vec<f64>; 3],
    /// Milliseconds of every run: ours, and warm Playwright's.
    lcp: [Vec<f64>; 2],
    ttfb: [Vec<f64>; 2],
}

impl Rounds {
    fn note(&mut self, [ours, warm, launched, started]: &[Batch; 4]) {
        for (at, theirs) in [warm, launched, started].into_iter().enumerate() {
            self.cpu[at].push(ours.cpu / theirs.cpu);
            self.time[at].push(ours.time / theirs.time);
        }
        for (at, batch) in [ours, warm].into_iter().enumerate() {
            self.lcp[at].extend(&batch.lcp);
            self.ttfb[at].extend(&batch.ttfb);
        }
    }

    /// Prints how the goals fare, and says whether all are met.
    fn meet(self, errand: &str) -> bool {
        let others = [("warm", OF_WARM), ("launched", OF_LAUNCHED), ("started", OF_LAUNCHED)];
        let mut met = true;
        for (((name, goal), cpu), time) in others.into_iter().zip(self.cpu).zip(self.time) {
            met &= ratio(errand, &format!("CPU, of Playwright's, {name}"), cpu, goal);
            met &= ratio(errand, &format!("time, of Playwright's, {name}"), time, goal);
        }
        met & timing(errand, "LCP", self.lcp) & timing(errand, "TTFB", self.ttfb)
    }
}

fn ratio(errand: &str, what: &str, rounds: Vec<f64>, goal: f64) -> bool {
    let (median, lowest, highest) = median(rounds).expect("a round");
    let met = median < goal;
    println!("| {errand} | {what} | {median:.2} | {lowest:.2} | {highest:.2} | under {goal} {} |", verdict(met));
    met
}

/// Ours beside warm Playwright's.
fn timing(errand: &str, what: &str, [ours, theirs]: [Vec<f64>; 2]) -> bool {
    let (ours, lowest, highest) = median(ours).expect("a run");
    let (theirs, ..) = median(theirs).expect("a run");
    let off = ours / theirs - 1.0;
    let met = off.abs() <= OFF;
    let goal = format!("{theirs:.0} ms ± {:.0} %", OFF * 100.0);
    println!(
        "| {errand} | {what}, ms | {ours:.0} ({:+.1} %) | {lowest:.0} | {highest:.0} | {goal} {} |",
        off * 100.0,
        verdict(met)
    );
    met
}

fn resting(pss: Option<u64>) -> bool {
    let Some(pss) = pss else {
        println!("| | idle pool, MB PSS | not known: only root may read that of processes in a sandbox | | | |");
        return false;
    };
    let met = (pss as f64) < IDLE;
    println!("| | idle pool, MB PSS | {:.0} | | | under {:.0} {} |", pss as f64 / 1e6, IDLE / 1e6, verdict(met));
    met
}

fn verdict(met: bool) -> &'static str {
    if met { "(met)" } else { "(not met)" }
}

fn print_row(errand: &str, name: &str, batch: &Batch) {
    let middle = |all: &[f64]| median(all.to_vec()).map_or(f64::NAN, |(median, ..)| median);
    let (lcp, ttfb) = (middle(&batch.lcp), middle(&batch.ttfb));
    println!("| {errand} | {name} | {:.0} | {:.0} | {lcp:.0} | {ttfb:.0} |", batch.cpu, batch.time);
}

/// Where playwright-core is, fetched if need be.
fn playwright() -> PathBuf {
    let prefix = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/parts/playwright");
    let package = prefix.join("node_modules/playwright-core");
    let written = std::fs::read_to_string(package.join("package.json")).unwrap_or_default();
    if !written.contains(&format!("\"version\": \"{PLAYWRIGHT}\"")) {
        println!("installing: playwright-core {PLAYWRIGHT} (npm, without a browser)");
        let done = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&prefix)
            .arg(format!("playwright-core@{PLAYWRIGHT}"))
            .status();
        assert!(done.is_ok_and(|status| status.success()), "npm does not install playwright-core");
    }
    package
}
