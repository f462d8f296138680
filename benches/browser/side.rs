//! One side of the comparison: a process that runs as many errands as it is told on its input, and tells of each.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::child::Child;
use super::tree;

/// What a batch of errands came to.
pub(crate) struct Batch {
    /// Milliseconds a run.
    pub(crate) cpu: f64,
    /// Milliseconds from a run's begin to the next one's.
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

    /// LCP and TTFB of each run, in milliseconds.
    pub(crate) fn run(&mut self, runs: usize) -> Vec<(f64, f64)> {
        writeln!(self.input, "{runs}").expect("it listens");
        let each = |_| {
            let mut line = String::new();
            self.output.read_line(&mut line).expect("it tells");
            let told =
                line.split_once(' ').and_then(|(lcp, ttfb)| Some((lcp.parse().ok()?, ttfb.trim().parse().ok()?)));
            told.unwrap_or_else(|| panic!("a run failed: {line}"))
        };
        (0..runs).map(each).collect()
    }

    pub(crate) fn measure(&mut self, runs: usize, settled: Duration) -> Batch {
        let pid = self.leader.0.id();
        let (began, before) = (Instant::now(), tree::cpu(pid));
        let told = self.run(runs);
        let time = began.elapsed();
        std::thread::sleep(settled);
        let cpu = tree::cpu(pid).saturating_sub(before);
        let each = |all: Duration| all.as_secs_f64() * 1000.0 / runs as f64;
        let (lcp, ttfb) = told.into_iter().unzip();
        Batch { cpu: each(cpu), time: each(time), lcp, ttfb }
    }

    /// PSS of its browsers when nothing runs, bytes.
    pub(crate) fn idle_browsers(&self, settled: Duration) -> Option<u64> {
        std::thread::sleep(settled);
        tree::browsers_pss(self.leader.0.id())
    }
}
