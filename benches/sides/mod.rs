//! The sides of the comparison, and what is measured of each.

pub(crate) mod bare;
pub(crate) mod blackbox;
pub(crate) mod gauge;
pub(crate) mod ours;
pub(crate) mod server;

use std::time::Duration;

pub(crate) use gauge::{cpu_of, peak_rss_of};

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
