//! A lost uplink looks like an outage of everything. From one vantage alone nobody contradicts it but its canaries: what
//! fails there waits until one of them was asked after it, so that the vantage is known to be blind before anything is
//! condemned from there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::{Reading, VantageId};

/// Longer than canaries take to say nothing; nobody waits for those who ask them.
const WAITS_AT_MOST: Duration = Duration::from_secs(10);
/// Beyond it what comes is taken as it is.
const WAITING_MAX: usize = 16_384;

#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Rung, a vantage's canaries are asked at once.
    bells: BTreeMap<VantageId, Arc<Notify>>,
    /// What waits, in the order in which it came, and since when.
    waiting: VecDeque<(Instant, Arc<Reading>)>,
}

impl Doubt {
    /// This vantage has canaries.
    pub(super) fn hang(&mut self, vantage: VantageId, bell: Arc<Notify>) {
        self.bells.insert(vantage, bell);
    }

    /// Who can be asked is about to change: what waited.
    pub(super) fn clear(&mut self) -> Vec<Arc<Reading>> {
        self.bells.clear();
        self.waiting.drain(..).map(|(_, reading)| reading).collect()
    }

    /// Keeps what raises suspicion, and what the same errand said after it.
    pub(super) fn keep(&mut self, readings: &mut Vec<Arc<Reading>>, raises: impl Fn(&Reading) -> bool) {
        if self.bells.is_empty() {
            return;
        }
        let now = Instant::now();
        readings.retain(|reading| {
            let Some(bell) = self.bells.get(&reading.vantage) else { return true };
            let follows = || self.waiting.iter().any(|(_, before)| is_same(before, reading));
            if self.waiting.len() >= WAITING_MAX || !raises(reading) && !follows() {
                return true;
            }
            bell.notify_one();
            self.waiting.push_back((now, Arc::clone(reading)));
            false
        });
    }

    /// Canaries were asked at that moment, and what they said is known: what waited for it.
    pub(super) fn asked(&mut self, at: Instant) -> Vec<Arc<Reading>> {
        let count = self.waiting.partition_point(|(since, _)| *since <= at);
        let known = self.waiting.drain(..count).map(|(_, reading)| reading).collect();
        for (_, reading) in &self.waiting {
            if let Some(bell) = self.bells.get(&reading.vantage) {
                bell.notify_one();
            }
        }
        known
    }

    /// What has waited for too long.
    pub(super) fn overdue(&mut self) -> Vec<Arc<Reading>> {
        match Instant::now().checked_sub(WAITS_AT_MOST) {
            Some(long_ago) => self.asked(long_ago),
            None => Vec::new(),
        }
    }
}

fn is_same(one: &Reading, other: &Reading) -> bool {
    one.probe == other.probe && one.persona == other.persona && one.vantage == other.vantage
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fault, FaultCode, ProbeId, Verdict};

    fn reading(probe: &str, verdict: Verdict) -> Arc<Reading> {
        Arc::new(Reading { probe: ProbeId::new("shop", probe), ..Reading::of_one_probe(verdict) })
    }

    fn bad(probe: &str) -> Arc<Reading> {
        reading(probe, Verdict::Failed(Fault::new(FaultCode::Timeout, "no answer")))
    }

    fn good(probe: &str) -> Arc<Reading> {
        reading(probe, Verdict::Good)
    }

    fn fails(reading: &Reading) -> bool {
        matches!(reading.outcome.verdict, Verdict::Failed(_))
    }

    /// What goes on at once of these.
    fn keep(doubt: &mut Doubt, readings: &[Arc<Reading>]) -> usize {
        let mut readings = readings.to_vec();
        doubt.keep(&mut readings, fails);
        readings.len()
    }

    async fn is_rung(bell: &Notify) -> Result<(), tokio::time::error::Elapsed> {
        tokio::time::timeout(Duration::from_millis(1), bell.notified()).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_waits_for_an_answer_that_is_younger() {
        let mut doubt = Doubt::default();
        assert_eq!(keep(&mut doubt, &[bad("home")]), 1, "nobody can be asked");
        let bell = Arc::new(Notify::new());
        doubt.hang("here".into(), Arc::clone(&bell));
        assert_eq!(keep(&mut doubt, &[good("home"), good("pay")]), 2);
        is_rung(&bell).await.expect_err("nothing is suspected");
        let before = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(keep(&mut doubt, &[bad("home"), good("pay"), good("home")]), 1, "what follows it waits behind it");
        is_rung(&bell).await.expect("they are asked at once");
        assert!(doubt.asked(before).is_empty(), "asked before it failed");
        is_rung(&bell).await.expect("and again");
        let known = doubt.asked(Instant::now());
        assert_eq!(known.iter().map(|reading| fails(reading)).collect::<Vec<_>>(), [true, false]);
        is_rung(&bell).await.expect_err("nothing waits");
        assert_eq!(keep(&mut doubt, &[bad("home")]), 0, "every one that fails");
        assert_eq!(doubt.clear().len(), 1);
        assert_eq!(keep(&mut doubt, &[bad("home")]), 1, "of those who were asked none is left");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_and_not_everything() {
        let mut doubt = Doubt::default();
        doubt.hang("here".into(), Arc::new(Notify::new()));
        assert_eq!(keep(&mut doubt, &[bad("home")]), 0);
        tokio::time::advance(WAITS_AT_MOST / 2).await;
        assert!(doubt.overdue().is_empty());
        tokio::time::advance(WAITS_AT_MOST / 2).await;
        assert_eq!(doubt.overdue().len(), 1);
        let many: Vec<_> = (0..=WAITING_MAX).map(|_| bad("home")).collect();
        assert_eq!(keep(&mut doubt, &many), 1);
    }
}
