//! What a visitor waits for: the first byte of the pages of a large company with a year of history, from the daemon as a
//! user runs it.
//!
//! `cargo bench --bench page` fills a store with a synthetic year (scores of every minute, hour and day as retention
//! keeps them, incidents, annotations, hours and days of every probe), drops it from the system's cache, starts the daemon
//! over it, and asks for pages. Cold is the first time that the daemon is asked for it, warm every later one.
//! `-- --touchpoints 1000 --probes 5 --journeys 40` are the defaults. Then it asks a company of a thousand probes for its
//! first page again and again: the daemon's CPU for each, less what it takes when nobody asks.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "sides/child.rs"]
mod child;
#[path = "sides/cpu.rs"]
mod cpu;
#[path = "sides/server.rs"]
mod server;
#[path = "page/year.rs"]
mod year;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use child::{Beside, Child, free_address};

/// Pages, which of them, the goal for their first byte, cold.
const HOME_GOAL: Duration = Duration::from_millis(100);
const YEAR_GOAL: Duration = Duration::from_millis(200);
const WARM_ROUNDS: usize = 20;
/// Of CPU for the first page from memory, at a thousand probes.
const CPU_GOAL: Duration = Duration::from_millis(1);
const ASKED: u32 = 2_000;
const THOUSAND: Size = Size { touchpoints: 200, probes: 5, journeys: 10 };

#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) touchpoints: u64,
    /// Of each.
    pub(crate) probes: u64,
    pub(crate) journeys: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1));
    if let Some(address) = value("--serve") {
        return server::serve(address.parse().expect("an address"));
    }
    let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().expect("a number"));
    let size = Size {
        touchpoints: number("--touchpoints", 1000),
        probes: number("--probes", 5),
        journeys: number("--journeys", 40),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let target = Beside::start("--serve");
    let listen = free_address();
    write_company(folder.path(), size, target.address, listen);
    let began = Instant::now();
    let store = folder.path().join("bench.db");
    let kept = year::fill(&store, size);
    let bytes = fs::metadata(&store).expect("a store").len();
    println!(
        "{} touchpoints, {} probes, {} journeys; {kept}: {} MB, filled in {:.0?}\n",
        size.touchpoints,
        size.touchpoints * size.probes,
        size.journeys,
        bytes / 1_000_000,
        began.elapsed()
    );
    year::forget_cache(&store);
    let daemon = Daemon::start(folder.path(), listen);
    let met = measure(daemon.listen, size);
    drop(daemon);
    let cheap = measure_cpu(target.address);
    assert!(met && cheap, "a goal was not met");
}

/// What the first page costs the daemon, and whether that is little enough.
fn measure_cpu(target: SocketAddr) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = free_address();
    write_company(folder.path(), THOUSAND, target, listen);
    let daemon = Daemon::start(folder.path(), listen);
    let pid = daemon.child.0.id();
    ask(listen, "/");
    let (began, before) = (Instant::now(), cpu::cpu_of(pid));
    for _ in 0..ASKED {
        ask(listen, "/");
    }
    let (span, busy) = (began.elapsed(), cpu::cpu_of(pid).saturating_sub(before));
    // Its probes go on: the same time with nobody at the page.
    let before = cpu::cpu_of(pid);
    std::thread::sleep(span);
    let idle = cpu::cpu_of(pid).saturating_sub(before);
    let each = busy.saturating_sub(idle) / ASKED;
    let verdict = if each < CPU_GOAL { "met" } else { "not met" };
    println!("\nhome at 1 000 probes, {ASKED} times: {each:.2?} of CPU each (goal: under {CPU_GOAL:?}, {verdict})");
    each < CPU_GOAL
}

/// Asks for every page, cold and warm, and says whether the goals were met.
fn measure(listen: SocketAddr, size: Size) -> bool {
    println!(
        "| page | asked | cold, first | cold, median | cold, worst | warm, median | KB | goal |\n|---|---|---|---|---|---|---|---|"
    );
    let home = row(listen, "home", &["/".to_owned()], Some(HOME_GOAL));
    let journeys =
        |range: &str| (0..size.journeys).map(|n| format!("/journeys/j{n}?range={range}")).collect::<Vec<_>>();
    let year = row(listen, "journey, 1 year", &journeys("1y"), Some(YEAR_GOAL));
    for (name, range) in [
        ("journey, 90 days", "90d"),
        ("journey, 30 days", "30d"),
        ("journey, 7 days", "7d"),
        ("journey, 24 hours", "24h"),
    ] {
        row(listen, name, &journeys(range), None);
    }
    let touchpoints: Vec<String> = (0..20).map(|n| format!("/touchpoints/t{}", n * size.touchpoints / 20)).collect();
    row(listen, "touchpoint", &touchpoints, None);
    home && year
}

fn row(listen: SocketAddr, name: &str, paths: &[String], goal: Option<Duration>) -> bool {
    let mut cold: Vec<Duration> = Vec::new();
    let mut bytes = 0;
    for path in paths {
        let (waited, length) = ask(listen, path);
        cold.push(waited);
        bytes = bytes.max(length);
    }
    let first = cold[0];
    let mut warm: Vec<Duration> = (0..WARM_ROUNDS).map(|n| ask(listen, &paths[n % paths.len()]).0).collect();
    cold.sort();
    warm.sort();
    let worst = *cold.last().expect("asked");
    let met = goal.is_none_or(|goal| worst < goal);
    let verdict =
        goal.map_or_else(String::new, |goal| format!("under {goal:?}: {}", if met { "met" } else { "not met" }));
    let millis = |waited: Duration| format!("{:.1} ms", waited.as_secs_f64() * 1000.0);
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {verdict} |",
        paths.len(),
        millis(first),
        millis(cold[cold.len() / 2]),
        millis(worst),
        millis(warm[warm.len() / 2]),
        bytes / 1000
    );
    met
}

/// Until the first byte, and the answer's length.
fn ask(listen: SocketAddr, path: &str) -> (Duration, usize) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(listen).expect("the daemon listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {listen}\r\nconnection: close\r\n\r\n").expect("is sent");
    let mut answer = vec![0; 1];
    stream.read_exact(&mut answer).expect("an answer");
    let waited = began.elapsed();
    stream.read_to_end(&mut answer).expect("an answer");
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{path}: {}",
        String::from_utf8_lossy(&answer[..answer.len().min(200)])
    );
    (waited, answer.len())
}

fn write_company(folder: &Path, size: Size, target: SocketAddr, listen: SocketAddr) {
    for place in ["config", "probes"] {
        fs::create_dir_all(folder.join(place)).expect("a folder");
    }
    let write = |path: &str, text: &str| fs::write(folder.join(path), text).expect("writes");
    write(
        "config/unbroken.yaml",
        &format!("company: Bench\nlisten: {listen}\nstore: ../bench.db\ntimezone: Europe/Berlin\n"),
    );
    let mut journeys = "journeys:\n".to_owned();
    let each = (size.touchpoints / size.journeys).max(1);
    for journey in 0..size.journeys {
        write!(journeys, "  j{journey}:\n    title: Journey {journey}\n    objective: 99% over 30d\n    stages:\n")
            .expect("a text");
        for stage in 0..5.min(each) {
            let places = (0..each).filter(|n| n % 5.min(each) == stage).map(|n| format!("t{}", journey * each + n));
            writeln!(journeys, "      s{stage}: {{ touchpoints: [{}] }}", places.collect::<Vec<_>>().join(", "))
                .expect("a text");
        }
    }
    write("config/journeys.yaml", &journeys);
    for touchpoint in 0..size.touchpoints {
        let mut yaml =
            format!("title: Touchpoint {touchpoint}\nchannel: web\ndefaults: {{ every: 5m, timeout: 5s }}\nprobes:\n");
        for probe in 0..size.probes {
            write!(yaml, "  p{probe}:\n    steps:\n      - http: {{ get: \"http://{target}/\" }}\n").expect("a text");
        }
        write(&format!("probes/t{touchpoint}.yaml"), &yaml);
    }
}

struct Daemon {
    child: Child,
    listen: SocketAddr,
}

impl Daemon {
    fn start(folder: &Path, listen: SocketAddr) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_unbroken"))
            .args(["--config".as_ref(), folder.join("config").as_os_str()])
            .arg("run")
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).expect("a log"))
            .spawn()
            .map(Child)
            .expect("the daemon starts");
        let mut daemon = Self { child, listen };
        let began = Instant::now();
        // It listens before it has opened its store, and answers after.
        while !is_well(listen) {
            let ended = daemon.child.0.try_wait().ok().flatten();
            let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < Duration::from_mins(2), "the daemon did not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        daemon
    }
}

fn is_well(listen: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(listen) else { return false };
    let asked = write!(stream, "GET /healthz HTTP/1.1\r\nhost: {listen}\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}
