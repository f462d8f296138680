//! Counts by size.

mod exponential;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub(super) use self::exponential::Exponential;
use crate::model::{Reading, SpanId, TraceId};

/// Upper bounds in seconds, ascending; above the last one is `+Inf`.
pub(super) type Bounds = &'static [f64];

/// Of answers.
pub(super) const ANSWERS: Bounds = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Of starts that came late.
pub(super) const LATENESS: Bounds = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Of writes to disk.
pub(super) const WRITES: Bounds = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// The slowest one of so long is pointed at, besides the newest.
const SLOWEST_FOR: SignedDuration = SignedDuration::from_mins(1);

/// Which buckets a histogram has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Buckets {
    /// Those that Prometheus text has.
    #[default]
    Fixed,
    /// Those, and exponential ones for whoever is sent metrics: ten thousand probes have some megabytes of them.
    Exponential,
}

/// A histogram with fixed buckets.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    pub(super) bounds: Bounds,
    /// Per bucket, not cumulated; one more than bounds.
    pub(super) counts: Box<[u64]>,
    pub(super) sum: f64,
    /// Since when it counts.
    pub(super) since: Timestamp,
    pub(super) exponential: Option<Exponential>,
    newest: Option<Exemplar>,
    slowest: Option<Exemplar>,
}

/// One observation that can be looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) bucket: usize,
    pub(super) seconds: f64,
    pub(super) trace: TraceId,
    /// The run's.
    pub(super) span: SpanId,
    pub(super) at: Timestamp,
}

impl Histogram {
    pub(super) fn new(bounds: Bounds, buckets: Buckets, since: Timestamp) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1].into(),
            sum: 0.0,
            since,
            exponential: (buckets == Buckets::Exponential).then(Exponential::default),
            newest: None,
            slowest: None,
        }
    }

    pub(super) fn observe(&mut self, length: Duration) {
        self.count(length);
    }

    pub(super) fn observe_traced(&mut self, length: Duration, reading: &Reading) {
        let bucket = self.count(length);
        let (seconds, at) = (length.as_secs_f64(), reading.ended());
        let exemplar = Exemplar { bucket, seconds, trace: reading.trace, span: reading.span, at };
        self.newest = Some(exemplar);
        let stays = |slowest: &Exemplar| slowest.seconds > seconds && at.duration_since(slowest.at) <= SLOWEST_FOR;
        if !self.slowest.as_ref().is_some_and(stays) {
            self.slowest = Some(exemplar);
        }
    }

    /// The slowest of late, and the newest; once, if they are one.
    pub(super) fn exemplars(&self) -> impl Iterator<Item = &Exemplar> {
        self.slowest.iter().chain(self.newest.iter().filter(|newest| Some(**newest) != self.slowest))
    }

    fn count(&mut self, length: Duration) -> usize {
        let seconds = length.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[bucket] += 1;
        self.sum += seconds;
        if let Some(exponential) = &mut self.exponential {
            exponential.observe(seconds);
        }
        bucket
    }
}
