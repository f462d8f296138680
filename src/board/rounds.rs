//! What the board does as time passes: looks for silence, evaluates, follows opening hours.

use jiff::Timestamp;

use super::Board;
use super::pulse::Occasion;
use crate::model::{Change, Reading, Series};

impl Board {
    /// Looks for silence.
    pub(super) fn look(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        for at in 0..self.series.len() {
            self.settle(at, now, changes);
        }
        for touchpoint in 0..self.touchpoints.len() {
            self.retell(touchpoint, now, changes);
        }
        self.stale_scores = (0..self.journeys.len()).collect();
    }

    pub(super) fn evaluate(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        for (at, watch) in self.series.iter_mut().enumerate() {
            let before = watch.detector.clone();
            watch.evaluate(&self.net.series[at].rule, now);
            if watch.detector != before {
                self.dirty.series.insert(at);
            }
        }
        self.look(now, changes);
        for journey in 0..self.journeys.len() {
            self.pulse(journey, Occasion::Evaluation, now, changes);
        }
        for touchpoint in 0..self.touchpoints.len() {
            if self.is_case(touchpoint, now) {
                self.review(touchpoint, now, changes);
            }
        }
        self.journey_layer(now, changes);
        self.note_impacts(changes);
        self.own_evaluate(now, changes);
    }

    /// What an errand could not reach, because it failed before, is no silence of ours: the fault counts where it
    /// happened, and once. A touchpoint with probes of its own keeps what is known of the steps credited to it.
    pub(super) fn excuse(&mut self, reading: &Reading, now: Timestamp) {
        for id in self.net.credited.get(&reading.probe).into_iter().flatten() {
            if reading.outcome.samples.iter().any(|sample| sample.probe == *id) {
                continue;
            }
            let series = Series { probe: id.clone(), ..reading.series() };
            if let Some(&at) = self.net.series_of.get(&series) {
                self.series[at].excuse(now);
                self.dirty.series.insert(at);
            }
        }
    }

    /// Follows opening hours. What was known at closing time counts as known when it opens again.
    pub(super) fn open_and_close(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        for touchpoint in 0..self.touchpoints.len() {
            let Some(hours) = &self.net.touchpoints[touchpoint].hours else { continue };
            let closed = !hours.contains(now);
            if closed == self.touchpoints[touchpoint].closed {
                continue;
            }
            self.touchpoints[touchpoint].closed = closed;
            if !closed {
                for at in self.net.series_at(touchpoint) {
                    self.series[at].window.refresh(now);
                    self.dirty.series.insert(at);
                    self.settle(at, now, changes);
                }
            }
            self.retell(touchpoint, now, changes);
            self.stale_scores.extend(&self.net.touchpoints[touchpoint].journeys);
        }
    }
}
