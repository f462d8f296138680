//! One side of the comparison: a process that runs the errand that each line of its input names, and tells of each.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::child::Child;
use super::median::median;
use super::tree;
use super::{ERRANDS, WARM_UP};

/// Between two runs.
const PAUSE: Duration = Duration::from_millis(300);

/// What a batch of errands came to.
pub(crate) struct Batch {
    /// Milliseconds a run.
    pub(crate) cpu: f64,
    /// Milliseconds until a run's result is told, the median.
    pub(crate) time: f64,
    /// Of each run, in milliseconds.
    pub(crate) lcp: Vec<f64>,
    pub(crate) ttfb: Vec<f64>,
}

pub(crate) struct Side {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    leader: Child,
}

impl Side {
    pub(crate) fn start(command: &[&OsStr]) -> Self {
        let mut leader = Command::new(std::env::current_exe().expect("this program"))
            .arg("--tree")
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the side starts");
        let (input, output) = (leader.stdin.take().expect("an input"), leader.stdout.take().expect("an output"));
        Self { input, output: BufReader::new(output), leader: Child(leader) }
    }

    /// Of each run, in milliseconds: how long it took, LCP and TTFB. Each begins when the one before has long been tidied
    /// away, as those of a monitor do.
    pub(crate) fn run(&mut self, errand: &str, runs: usize) -> Vec<(f64, f64, f64)> {
        let each = |_| {
            std::thread::sleep(PAUSE);
            let began = Instant::now();
            writeln!(self.input, "{errand}").expect("it listens");
            let mut line = String::new();
            self.output.read_line(&mut line).expect("it tells");
            let took = began.elapsed().as_secs_f64() * 1000.0;
            let told =
                line.split_once(' ').and_then(|(lcp, ttfb)| Some((took, lcp.parse().ok()?, ttfb.trim().parse().ok()?)));
            told.unwrap_or_else(|| panic!("a run failed: {line}"))
        };
        (0..runs).map(each).collect()
    }

    pub(crate) fn warm_up(&mut self) {
        for errand in ERRANDS {
            self.run(errand, WARM_UP);
        }
    }

    pub(crate) fn measure(&mut self, errand: &str, runs: usize, settled: Duration) -> Batch {
        let pid = self.leader.0.id();
        let before = tree::cpu(pid);
        let told = self.run(errand, runs);
        std::thread::sleep(settled);
        let cpu = tree::cpu(pid).saturating_sub(before).as_secs_f64() * 1000.0 / runs as f64;
        let (time, _, _) = median(told.iter().map(|(took, ..)| *took).collect()).expect("a run");
        let (lcp, ttfb) = told.into_iter().map(|(_, lcp, ttfb)| (lcp, ttfb)).unzip();
        Batch { cpu, time, lcp, ttfb }
    }

    /// PSS of its browsers when nothing runs, bytes.
    pub(crate) fn idle_browsers(&self, settled: Duration) -> Option<u64> {
        std::thread::sleep(settled);
        tree::browsers_pss(self.leader.0.id())
    }
}
