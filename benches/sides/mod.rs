//! The sides of the comparison, and what is measured of each.

pub(crate) mod bare;
pub(crate) mod blackbox;
pub(crate) mod ours;
pub(crate) mod server;

use std::fs;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) probes: u64,
    pub(crate) every: Duration,
    /// How long a side is measured.
    pub(crate) seconds: u64,
}

/// What a side used while it was measured.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) runs: u64,
    pub(crate) cpu: Duration,
    /// Bytes.
    pub(crate) peak_rss: u64,
    pub(crate) lateness: String,
}

impl Usage {
    /// Milliseconds.
    pub(crate) fn cpu_per_run(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.runs as f64
    }
}

/// User and system time of a process so far (proc(5), fields 14 and 15, in ticks of 10 ms).
pub(crate) fn cpu_of(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let after_name = stat.rsplit_once(')').expect("a stat line").1;
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).map(|t| t.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

/// Peak resident set of a process, bytes.
pub(crate) fn peak_rss_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("kB") * 1024
}
