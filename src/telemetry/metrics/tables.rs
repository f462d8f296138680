//! What is counted of each probe, touchpoint and receiver.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::catalogue::{LATENESS, NOTIFICATIONS, WRITES};
use super::sink::{Series, Sink};
use crate::model::{JourneyMap, Phase, ProbeId, Reading, TouchpointId, Verdict};
use crate::telemetry::histogram::{self, ANSWERS, Buckets, Histogram, Traced};

#[derive(Debug)]
pub(super) struct Tables {
    buckets: Buckets,
    durations: HashMap<ProbeId, Histogram>,
    phases: HashMap<TouchpointId, BTreeMap<Phase, Histogram>>,
    lateness: Histogram,
    writes: Histogram,
    /// By receiver and result.
    notifications: BTreeMap<(String, &'static str), u64>,
}

impl Tables {
    pub(super) fn new(buckets: Buckets, since: Timestamp) -> Self {
        Self {
            buckets,
            durations: HashMap::new(),
            phases: HashMap::new(),
            lateness: Histogram::new(histogram::LATENESS, buckets, since),
            writes: Histogram::new(histogram::WRITES, buckets, since),
            notifications: BTreeMap::new(),
        }
    }

    pub(super) fn observe(&mut self, reading: &Reading, lateness: Duration, traced: Traced) {
        match reading.outcome.verdict {
            // It did not begin.
            Verdict::Skipped(_) => return,
            // Its times are ours, not the touchpoint's.
            Verdict::Inconclusive { .. } => return self.lateness.observe(lateness),
            Verdict::Good | Verdict::Slow | Verdict::Failed(_) => {}
        }
        self.lateness.observe(lateness);
        // A series begins with the run that it first tells of.
        let new = || Histogram::new(ANSWERS, self.buckets, reading.started);
        let observe = |histogram: &mut Histogram, length| match traced {
            Traced::Yes => histogram.observe_traced(length, reading),
            Traced::No => histogram.observe(length),
        };
        let note = |histogram: &mut Histogram| observe(histogram, reading.outcome.took);
        with(&mut self.durations, &reading.probe, new, note);
        with(&mut self.phases, &reading.probe.touchpoint, BTreeMap::new, |phases| {
            for phase in reading.outcome.steps.iter().flat_map(|step| &step.phases) {
                observe(phases.entry(phase.phase).or_insert_with(new), phase.took);
            }
        });
    }

    pub(super) fn wrote(&mut self, took: Duration) {
        self.writes.observe(took);
    }

    pub(super) fn notified(&mut self, receiver: &str, result: &'static str) {
        *self.notifications.entry((receiver.to_owned(), result)).or_default() += 1;
    }

    /// Forgets what is not on the map: whatever comes back begins anew.
    pub(super) fn keep(&mut self, map: &JourneyMap) {
        self.durations.retain(|probe, _| map.probe(probe).is_some());
        self.phases.retain(|touchpoint, _| map.touchpoints.contains_key(touchpoint));
    }

    pub(super) fn write_durations<S: Sink>(&self, series: &mut Series<S>, map: &JourneyMap, touchpoint: &TouchpointId) {
        for probe in map.touchpoints.get(touchpoint).into_iter().flat_map(|touchpoint| &touchpoint.probes) {
            if let Some(histogram) = self.durations.get(&probe.id) {
                series.histogram(&[touchpoint.as_str(), &probe.id.name], histogram);
            }
        }
    }

    pub(super) fn write_phases<S: Sink>(&self, series: &mut Series<S>, touchpoint: &TouchpointId) {
        for (phase, histogram) in self.phases.get(touchpoint).into_iter().flatten() {
            series.histogram(&[touchpoint.as_str(), phase.code()], histogram);
        }
    }

    pub(super) fn write_rest<S: Sink>(&self, series: &mut Series<S>) {
        series.family(LATENESS);
        series.histogram(&[], &self.lateness);
        series.family(WRITES);
        series.histogram(&[], &self.writes);
        series.family(NOTIFICATIONS);
        for ((receiver, result), count) in &self.notifications {
            series.number(&[receiver, result], *count);
        }
    }
}

/// Does something with an entry; looks for it once, and clones the key only the first time.
fn with<K, V>(map: &mut HashMap<K, V>, key: &K, new: impl FnOnce() -> V, what: impl FnOnce(&mut V))
where
    K: Clone + Eq + std::hash::Hash,
{
    if let Some(known) = map.get_mut(key) {
        return what(known);
    }
    let mut value = new();
    what(&mut value);
    map.insert(key.clone(), value);
}
