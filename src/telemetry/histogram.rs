//! Counts by size.

mod exponential;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use self::exponential::Exponential;
use crate::model::{Reading, SpanId, TraceId, Verdict};

/// Upper bounds in seconds, ascending; above the last one is `+Inf`.
pub(super) type Bounds = &'static [f64];

/// Of answers.
pub(super) const ANSWERS: Bounds = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Of starts that came late.
pub(super) const LATENESS: Bounds = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Of writes to disk.
pub(super) const WRITES: Bounds = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// The worst run of so long is the one to look at.
const WORST_FOR: SignedDuration = SignedDuration::from_mins(1);
/// It is told a little longer, so that who asks once a minute misses none.
const TOLD_FOR: SignedDuration = SignedDuration::from_secs(90);

/// Which buckets collectors are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Buckets {
    /// Those that Prometheus text has.
    #[default]
    #[serde(rename = "explicit")]
    Fixed,
    /// As fine as what is measured allows; kept besides, ten thousand probes have some megabytes of them.
    #[serde(rename = "exponential")]
    Exponential,
}

/// Whether a run's trace can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    Yes,
    /// It is not of the share that is traced.
    No,
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
    /// Boxed, as most have none and there are thousands.
    pub(super) exponential: Option<Box<Exponential>>,
    /// One that failed, else the slowest of late.
    exemplar: Option<Exemplar>,
}

/// One observation that can be looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) seconds: f64,
    pub(super) trace: TraceId,
    /// The run's.
    pub(super) span: SpanId,
    pub(super) at: Timestamp,
    failed: bool,
}

impl Histogram {
    pub(super) fn new(bounds: Bounds, buckets: Buckets, since: Timestamp) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1].into(),
            sum: 0.0,
            since,
            exponential: (buckets == Buckets::Exponential).then(Box::default),
            exemplar: None,
        }
    }

    pub(super) fn observe(&mut self, length: Duration) {
        self.count(length);
    }

    /// Of a run that can be looked at.
    pub(super) fn observe_traced(&mut self, length: Duration, reading: &Reading) {
        self.count(length);
        let failed = matches!(reading.outcome.verdict, Verdict::Failed(_));
        let (seconds, at) = (length.as_secs_f64(), reading.ended());
        let stays =
            |worst: &Exemplar| (worst.failed, worst.seconds) > (failed, seconds) && apart(at, worst.at) <= WORST_FOR;
        if !self.exemplar.as_ref().is_some_and(stays) {
            self.exemplar = Some(Exemplar { seconds, trace: reading.trace, span: reading.span, at, failed });
        }
    }

    /// The one to look at now.
    pub(super) fn exemplar_of_late(&self, now: Timestamp) -> Option<Exemplar> {
        self.exemplar.filter(|exemplar| apart(now, exemplar.at) <= TOLD_FOR)
    }

    /// The bucket of a length.
    pub(super) fn bucket(&self, seconds: f64) -> usize {
        self.bounds.partition_point(|bound| *bound < seconds)
    }

    fn count(&mut self, length: Duration) {
        let seconds = length.as_secs_f64();
        self.counts[self.bucket(seconds)] += 1;
        self.sum += seconds;
        if let Some(exponential) = &mut self.exponential {
            exponential.observe(seconds);
        }
    }
}

/// However the clock was set between.
fn apart(one: Timestamp, other: Timestamp) -> SignedDuration {
    one.duration_since(other).abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fault, FaultCode, Outcome, ProbeId, Trigger};

    fn run(second: i64, took: f64, verdict: Verdict) -> Reading {
        let started = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let took = Duration::from_secs_f64(took);
        Reading {
            probe: ProbeId::new("shop", "home"),
            persona: None,
            vantage: "here".into(),
            trigger: Trigger::Schedule,
            asked_by: None,
            scheduled: started,
            started,
            trace: TraceId(second as u128),
            span: SpanId(1),
            outcome: Outcome { verdict, samples: Vec::new(), took, steps: Vec::new() },
        }
    }

    #[test]
    fn ten_thousand_probes_have_six_each() {
        assert!(size_of::<Histogram>() <= 128, "{}", size_of::<Histogram>());
    }

    #[test]
    fn the_worst_run_of_late_is_the_one_to_look_at() {
        let mut histogram = Histogram::new(ANSWERS, Buckets::Fixed, Timestamp::UNIX_EPOCH);
        let fault = || Verdict::Failed(Fault::new(FaultCode::Status, "500"));
        let mut looked_at = |second, took, verdict| {
            let run = run(second, took, verdict);
            histogram.observe_traced(run.outcome.took, &run);
            histogram.exemplar.expect("one").trace.0
        };
        assert_eq!(looked_at(10, 0.2, Verdict::Good), 10);
        assert_eq!(looked_at(20, 0.1, Verdict::Good), 10, "it was slower");
        assert_eq!(looked_at(30, 0.3, Verdict::Good), 30);
        assert_eq!(looked_at(40, 0.01, fault()), 40, "it failed");
        assert_eq!(looked_at(50, 0.9, Verdict::Good), 40);
        assert_eq!(looked_at(101, 0.1, Verdict::Good), 101, "that was a minute ago");
        assert_eq!(looked_at(7, 0.01, Verdict::Good), 7, "the clock was set back");
    }

    #[test]
    fn what_is_old_is_not_looked_at() {
        let mut histogram = Histogram::new(ANSWERS, Buckets::Fixed, Timestamp::UNIX_EPOCH);
        let run = run(100, 0.0, Verdict::Good);
        histogram.observe_traced(run.outcome.took, &run);
        let told = [100, 160, 190, 191, 3600].map(|second| {
            histogram.exemplar_of_late(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)).is_some()
        });
        assert_eq!(told, [true, true, true, false, false]);
    }
}
