//! What the board does as time passes: looks for silence, evaluates, follows opening hours.

use std::ops::Range;

use jiff::Timestamp;

use super::Board;
use super::pulse::Occasion;
use super::touch::Touched;
use crate::model::{Change, ProbeId, Reading, Series, State};

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
        let together: Vec<f64> = self.net.joints.iter().map(|joint| self.mean_of(joint.series.clone())).collect();
        for (at, watch) in self.series.iter_mut().enumerate() {
            let before = watch.detector.clone();
            let known = &self.net.series[at];
            watch.evaluate(&known.rule, known.joint.map_or(0.0, |joint| together[joint]), now);
            if watch.detector != before {
                self.dirty.series.insert(at);
            }
        }
        self.look(now, changes);
        for journey in 0..self.journeys.len() {
            self.pulse(journey, Occasion::Evaluation, now, changes);
        }
        self.review(0..self.touchpoints.len(), now, changes);
        self.journey_layer(now, changes);
        self.note_impacts(changes);
        self.own_evaluate(now, changes);
    }

    /// The mean quality that several vantages saw of late; one that saw nothing yet does not count.
    fn mean_of(&self, series: Range<usize>) -> f64 {
        let means = self.series[series].iter().filter_map(|watch| watch.window.mean(watch.detector.state()));
        let (sum, count) = means.fold((0.0, 0.0), |(sum, count), mean| (sum + mean, count + 1.0));
        if count == 0.0 { 0.0 } else { sum / count }
    }

    /// What an errand could not reach, because it failed before, is no silence of ours: the fault counts where it
    /// happened, and once. A touchpoint with probes of its own keeps what is known of the steps credited to it. A step
    /// that was DOWN when it was last reached is let go once those probes of its own all say that it is well.
    pub(super) fn excuse(
        &mut self,
        reading: &Reading,
        now: Timestamp,
        touched: &mut Touched,
        changes: &mut Vec<Change>,
    ) {
        let Some(credited) = self.net.credited.get(&reading.probe) else { return };
        let reached = |id: &ProbeId| reading.outcome.samples.iter().any(|sample| sample.probe == *id);
        let series = |id: &ProbeId| Series { probe: id.clone(), ..reading.series() };
        let missed = credited.iter().filter(|id| !reached(id));
        let missed: Vec<usize> = missed.filter_map(|id| self.net.series_of.get(&series(id)).copied()).collect();
        for at in missed {
            let known = &self.net.series[at];
            let touchpoint = self.net.probes[known.probe].touchpoint;
            let lost = self.series[at].is_down_by_hearsay(known.rule.every, now);
            if lost && self.is_well_by_itself(touchpoint, now) {
                self.series[at].forget(now);
                self.settle(at, now, changes);
                touched.touchpoint(touchpoint, Occasion::Decision);
            }
            self.series[at].excuse(now);
            self.dirty.series.insert(at);
        }
    }

    /// Every probe of its own was just seen to work: silence says nothing here.
    fn is_well_by_itself(&self, touchpoint: usize, now: Timestamp) -> bool {
        let probes = self.net.touchpoints[touchpoint].probes.clone();
        let own = probes.map(|probe| &self.net.probes[probe]).filter(|probe| !probe.credited);
        let mut series = own.flat_map(|probe| probe.series.clone()).peekable();
        let is_up = |at: usize| {
            self.series[at].state == State::Up && self.series[at].is_fresh(self.net.series[at].rule.every, now)
        };
        series.peek().is_some() && series.all(is_up)
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
