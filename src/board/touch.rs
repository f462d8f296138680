//! What a sample touches: its series, its touchpoint, what customers feel, the journeys that lead there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Board;
use super::pulse::Occasion;
use crate::model::{Change, State};

/// What readings that came in together have touched.
#[derive(Debug, Default)]
pub(super) struct Touched {
    touchpoints: BTreeMap<usize, Occasion>,
    /// Journeys that something was decided about beside their touchpoints.
    pub(super) journeys: BTreeSet<usize>,
}

impl Touched {
    pub(super) fn touchpoint(&mut self, touchpoint: usize, occasion: Occasion) {
        let known = self.touchpoints.entry(touchpoint).or_insert(occasion);
        *known = occasion.max(*known);
    }
}

impl Board {
    /// Brings one series' shown state up to date, and says whether its detector made up its mind.
    pub(super) fn settle(&mut self, at: usize, now: Timestamp, changes: &mut Vec<Change>) -> Occasion {
        let known = &self.net.series[at];
        let watch = &mut self.series[at];
        let Some(from) = watch.settle(known.rule.every, now) else { return Occasion::Sample };
        self.dirty.series.insert(at);
        changes.push(Change::StateChanged {
            series: known.series.clone(),
            from,
            to: watch.state,
            at: now,
            fault: watch.fault.clone(),
            trace: watch.trace,
        });
        Occasion::of(from, watch.state)
    }

    /// Follows what happened: to touchpoints and their memory, to the journeys that something was decided about, to
    /// incidents, which say what they cost the journeys.
    pub(super) fn follow(&mut self, touched: Touched, now: Timestamp, changes: &mut Vec<Change>) {
        let Touched { touchpoints, journeys: mut decided } = touched;
        for (&touchpoint, &occasion) in &touchpoints {
            self.feel(touchpoint, now);
            let occasion = occasion.max(self.retell(touchpoint, now, changes));
            let journeys = &self.net.touchpoints[touchpoint].journeys;
            self.stale_scores.extend(journeys);
            if occasion == Occasion::Decision {
                decided.extend(journeys);
            }
        }
        for &journey in &decided {
            self.pulse(journey, Occasion::Decision, now, changes);
        }
        self.fresh_scores = decided;
        self.review(touchpoints.into_keys(), now, changes);
    }

    /// What customers of a touchpoint feel after a sample.
    pub(super) fn feel(&mut self, touchpoint: usize, now: Timestamp) {
        let every = self.net.touchpoints[touchpoint].every;
        for element in self.net.touchpoints[touchpoint].elements.clone() {
            if self.is_unmet(element) {
                continue;
            }
            let health = self.element_health(element, now).value;
            let before = self.felt[element];
            self.felt[element].sampled(health, now, every);
            if before.matters() || self.felt[element].matters() {
                self.dirty.felt.insert(element);
            }
        }
    }

    /// Some of it was never sampled: what nobody has met yet, nobody remembers.
    fn is_unmet(&self, element: usize) -> bool {
        let probes = self.net.elements[element].probes.clone();
        let mut series = probes.flat_map(|probe| &self.series[self.net.probes[probe].series.clone()]);
        series.any(|watch| watch.state == State::Pending && !watch.is_excused())
    }

    /// Tells a touchpoint's state if it changed; whether a detector's decision is behind it.
    pub(super) fn retell(&mut self, touchpoint: usize, now: Timestamp, changes: &mut Vec<Change>) -> Occasion {
        let to = self.touchpoint_state(touchpoint);
        let place = &mut self.touchpoints[touchpoint];
        let from = place.state;
        if from == to {
            return Occasion::Sample;
        }
        place.state = to;
        place.since = now;
        self.dirty.touchpoints.insert(touchpoint);
        self.note_state(touchpoint, to, now);
        let id = self.net.touchpoints[touchpoint].id.clone();
        changes.push(Change::TouchpointChanged { touchpoint: id, from, to, at: now });
        Occasion::of(from, to)
    }
}
