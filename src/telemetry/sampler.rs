//! Which runs are traced, where not all are.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::model::{JourneyMap, Reading, Series, TraceId, Trigger, Verdict};
use crate::units::Percent;

/// Beyond so many that are bad at once, a recovery may lack its trace.
const BAD_MAX: usize = 100_000;

/// Keeps whatever is not simply good: failed, slow and inconclusive runs, what was asked for, and the first good run
/// after a bad one. Of the rest a share, by the trace's id, so that everyone who sees the id chooses alike.
///
/// It is chosen when the run is over. The target is told that it is sampled in any case: whether this run fails is not
/// known then, and of a run that fails its own spans are what is wanted most.
#[derive(Debug)]
pub(super) struct Sampler {
    /// An id whose lower 56 bits are below is left out (OpenTelemetry, "Consistent probability sampling").
    threshold: u64,
    bad: Mutex<HashSet<Series>>,
}

const RANDOM_BITS: u32 = 56;

impl Sampler {
    pub(super) fn new(share: Percent) -> Self {
        let all = (1_u64 << RANDOM_BITS) as f64;
        Self { threshold: ((1.0 - share.fraction()) * all) as u64, bad: Mutex::default() }
    }

    pub(super) fn keeps(&self, reading: &Reading) -> bool {
        let good = reading.outcome.verdict == Verdict::Good;
        if !good && matches!(reading.outcome.verdict, Verdict::Skipped(_)) {
            return true;
        }
        let mut bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
        if !good {
            if bad.len() < BAD_MAX {
                bad.insert(reading.series());
            }
            return true;
        }
        let recovers = !bad.is_empty() && bad.remove(&reading.series());
        drop(bad);
        recovers || reading.trigger != Trigger::Schedule || self.takes(reading.trace)
    }

    /// Forgets what is not looked at any more.
    pub(super) fn keep(&self, map: &JourneyMap) {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner).retain(|series| map.has(series));
    }

    fn takes(&self, trace: TraceId) -> bool {
        let random = trace.0 as u64 & ((1 << RANDOM_BITS) - 1);
        random >= self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fault, FaultCode};

    fn share(text: &str) -> Sampler {
        Sampler::new(Percent::parse(text).expect("a share"))
    }

    #[test]
    fn what_is_not_looked_at_any_more_is_forgotten() {
        let run = |persona: &str, verdict| Reading { persona: Some(persona.into()), ..Reading::of_one_probe(verdict) };
        let failed = || Verdict::Failed(Fault::new(FaultCode::Status, "500"));
        let sampler = share("0%");
        assert!(sampler.keeps(&run("ben", failed())) && sampler.keeps(&run("eva", failed())));
        sampler.keep(&JourneyMap::of_one_probe(&["eva"]));
        assert!(!sampler.keeps(&run("ben", Verdict::Good)), "it is another ben");
        assert!(sampler.keeps(&run("eva", Verdict::Good)), "it recovers");
    }

    #[test]
    fn a_share_of_ids_is_taken_and_more_of_them_by_more() {
        // Any spread will do; SplitMix64 has one.
        let ids = (0..10_000_u64).map(|n| {
            let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            TraceId(u128::from((mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9)))
        });
        let ids: Vec<TraceId> = ids.collect();
        let taken = |sampler: &Sampler| ids.iter().filter(|id| sampler.takes(**id)).count();
        assert!((800..1200).contains(&taken(&share("10%"))), "{}", taken(&share("10%")));
        assert_eq!((taken(&share("0%")), taken(&share("100%"))), (0, 10_000));
        let (few, many) = (share("10%"), share("40%"));
        assert!(ids.iter().all(|id| !few.takes(*id) || many.takes(*id)), "whoever takes more takes the same, too");
    }
}
