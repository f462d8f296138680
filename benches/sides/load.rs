//! What a side is asked to do, and what it used.

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
