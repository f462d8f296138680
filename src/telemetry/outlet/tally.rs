//! What became of what was to be sent.

use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

/// Spans, data points or log records by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// A collector took it.
    pub sent: u64,
    /// A collector answered, and did not want it.
    pub refused: u64,
    /// No collector took it in all the time that it was offered.
    pub failed: u64,
    /// It was the oldest in a full queue.
    pub dropped: u64,
    /// It was of a good run that `sample` leaves out.
    pub unsampled: u64,
    /// It waits.
    pub queued: u64,
}

impl Tally {
    /// What is over, by the names that metrics have for it.
    pub const fn results(&self) -> [(&'static str, u64); 5] {
        [
            ("sent", self.sent),
            ("refused", self.refused),
            ("failed", self.failed),
            ("dropped", self.dropped),
            ("unsampled", self.unsampled),
        ]
    }

    /// Everything that should have arrived and never will.
    pub const fn lost(&self) -> u64 {
        self.refused + self.failed + self.dropped
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            refused: self.refused + other.refused,
            failed: self.failed + other.failed,
            dropped: self.dropped + other.dropped,
            unsampled: self.unsampled + other.unsampled,
            queued: self.queued + other.queued,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    unsampled: AtomicU64,
}

impl Counts {
    pub(super) fn sent(&self, many: u64) {
        self.sent.fetch_add(many, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self, many: u64) {
        self.refused.fetch_add(many, Ordering::Relaxed);
    }

    pub(super) fn fail(&self, many: u64) {
        self.failed.fetch_add(many, Ordering::Relaxed);
    }

    pub(super) fn overflow(&self, many: u64) {
        self.dropped.fetch_add(many, Ordering::Relaxed);
    }

    pub(super) fn pass_over(&self, many: u64) {
        self.unsampled.fetch_add(many, Ordering::Relaxed);
    }

    pub(super) fn read(&self, queued: u64) -> Tally {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            sent: read(&self.sent),
            refused: read(&self.refused),
            failed: read(&self.failed),
            dropped: read(&self.dropped),
            unsampled: read(&self.unsampled),
            queued,
        }
    }
}
