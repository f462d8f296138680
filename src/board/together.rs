//! A probe that several vantages look at in turns: what they see together, and whose turn it is when one of them fails.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;

use super::Board;
use super::pulse::Occasion;
use super::touch::Touched;
use super::watch::Glance;
use crate::detect::{Finding, Recovery, Rule, Step};
use crate::model::{Change, DetectRule, Reading, Sample, Series, State, Trigger, VantageId};
use crate::score::PENDING;

impl Board {
    /// Takes one sample of a reading; what its vantage's detector made of it, and when it wants the next run from there.
    pub(super) fn sample(
        &mut self,
        at: usize,
        (sample, reading): (&Sample, &Reading),
        now: Timestamp,
        touched: &mut Touched,
        changes: &mut Vec<Change>,
    ) -> Step {
        let rule = self.net.series[at].rule;
        let Some(joint) = self.net.series[at].joint else {
            return self.series[at].take(&Glance { sample, reading, passing_since: None }, &rule, now);
        };
        let circle = self.net.joints[joint].series.clone();
        let is_down = |at: &usize| self.series[*at].detector.state() == State::Down;
        let down = circle.clone().filter(is_down).count();
        let rule = Rule { recheck: rule.recheck * u32::try_from(down.max(1)).unwrap_or(1), ..rule };
        let before = self.joints[joint].is_suspicious();
        if is_down(&at) {
            self.dirty.joints.insert(joint);
            return self.recheck_together((at, joint), (sample, reading), &rule, now, (touched, changes));
        }
        let attempt = Glance { sample, reading, passing_since: None };
        let mut step = self.series[at].take(&attempt, &rule, now);
        if rule.rule != DetectRule::Sequential || step.to == State::Down {
            return step;
        }
        let finding = self.joints[joint].attempt(&attempt.attempt(), &reading.vantage, &rule);
        // Of what goes on being well there is nothing to remember.
        if before || self.joints[joint].is_suspicious() || finding == Finding::Down {
            self.dirty.joints.insert(joint);
        }
        match finding {
            Finding::Down => {
                self.condemn(joint, (at, reading), now, (touched, changes));
                step.to = self.series[at].detector.state();
                step.recheck = Some(attempt.attempt().at + rule.recheck);
            }
            Finding::Reprobe(when) => self.pass_on(at, reading, when, changes),
            Finding::Calm | Finding::Waiting => {}
        }
        step
    }

    /// A run that was asked for said nothing: the next vantage is asked.
    pub(super) fn missed(&mut self, reading: &Reading, changes: &mut Vec<Change>) {
        if reading.trigger != Trigger::Recheck {
            return;
        }
        let Some(&at) = self.net.series_of.get(&reading.series()) else { return };
        let Some(joint) = self.net.series[at].joint else { return };
        let rule = self.net.series[at].rule;
        if let Finding::Reprobe(when) = self.joints[joint].missed(&rule) {
            self.pass_on(at, reading, when, changes);
        }
    }

    /// Something is suspected of it, from this vantage or from all of them.
    pub(super) fn is_undecided(&self, at: usize) -> bool {
        let together = self.net.series[at].joint.is_some_and(|joint| self.joints[joint].is_suspicious());
        self.series[at].detector.is_undecided() || together
    }

    /// As much as may be assumed of a series that is not seen: what another vantage sees is so from there, too.
    pub(super) fn unseen(&self, at: usize, now: Timestamp) -> f64 {
        let known = &self.net.series[at];
        let every = known.rule.every;
        let Some(joint) = known.joint.filter(|_| !self.series[at].is_fresh(every, now)) else { return PENDING };
        let others = self.net.joints[joint].series.clone().filter(|other| *other != at);
        let watches = others.map(|other| &self.series[other]);
        watches.map(|it| it.window.value(it.detector.state(), now, every, PENDING)).fold(PENDING, f64::max)
    }

    /// It is not seen from there, and DOWN from wherever it is.
    pub(super) fn is_down_elsewhere(&self, at: usize) -> bool {
        let circle = || self.net.series[at].joint.map(|joint| self.net.joints[joint].series.clone());
        let down = |at: usize| self.series[at].state == State::Down;
        !self.sees_it(at) && circle().is_some_and(|circle| self.all_that_see(circle, down))
    }

    /// Its vantage is blind, and another one sees what it would.
    pub(super) fn is_left_to_others(&self, at: usize) -> bool {
        self.is_blind(&self.net.series[at].series.vantage) && self.others_that_see(at).next().is_some()
    }

    /// A series' value; of one that is not seen what the best of the others sees, or else the most that was seen of it.
    pub(super) fn series_at_best(&self, at: usize, now: Timestamp) -> f64 {
        let health = self.series_health(at, now);
        let others = || self.others_that_see(at).map(|other| self.series_health(other, now).value);
        if self.is_left_to_others(at) || health.observed == 0.0 {
            others().reduce(f64::max).unwrap_or_else(|| self.series[at].range(&health).1)
        } else {
            health.value
        }
    }

    fn others_that_see(&self, at: usize) -> impl Iterator<Item = usize> {
        let circle = self.net.series[at].joint.map_or(0..0, |joint| self.net.joints[joint].series.clone());
        circle.filter(move |other| *other != at && self.sees_it(*other))
    }

    /// From where these series are bad, if something of them is well from other vantages.
    pub(super) fn only_from(&self, bad: impl Iterator<Item = usize>) -> BTreeSet<VantageId> {
        let bad: BTreeSet<usize> = bad.collect();
        let circle =
            |at: &usize| self.net.series[*at].joint.map_or(0..0, |joint| self.net.joints[joint].series.clone());
        let well = bad.iter().flat_map(circle).any(|other| !bad.contains(&other) && self.sees_it(other));
        let from = bad.iter().filter(|_| well).map(|at| self.net.series[*at].series.vantage.clone());
        from.collect()
    }

    /// DOWN from every vantage that sees it and that it is not well from.
    fn condemn(
        &mut self,
        joint: usize,
        (failing, reading): (usize, &Reading),
        now: Timestamp,
        (touched, changes): (&mut Touched, &mut Vec<Change>),
    ) {
        let circle = self.net.joints[joint].series.clone();
        let mut wait = self.net.series[failing].rule.recheck;
        for at in circle {
            let series = &self.net.series[at].series;
            let known = self.sees_it(at) && !self.own.blinds(&series.vantage) || at == failing;
            if !known || self.joints[joint].clears(&series.vantage) || self.series[at].detector.state() == State::Down {
                continue;
            }
            self.series[at].condemn(now);
            self.dirty.series.insert(at);
            if at == failing {
                continue;
            }
            // One after the other: while it is DOWN, too, the probe runs once in a while, not once from everywhere.
            let series = Series { vantage: series.vantage.clone(), ..reading.series() };
            wait += self.net.series[at].rule.recheck;
            changes.push(Change::Recheck { series, at: now + wait, by: reading.root() });
            let occasion = self.settle(at, now, changes);
            touched.touchpoint(self.net.probes[self.net.series[at].probe].touchpoint, occasion);
        }
    }

    fn recheck_together(
        &mut self,
        (at, joint): (usize, usize),
        (sample, reading): (&Sample, &Reading),
        rule: &Rule,
        now: Timestamp,
        (touched, changes): (&mut Touched, &mut Vec<Change>),
    ) -> Step {
        let alone = Glance { sample, reading, passing_since: None };
        let recovery = self.joints[joint].recheck(&alone.attempt());
        let passing_since = self.joints[joint].passing_since();
        let step = self.series[at].take(&Glance { passing_since, ..alone }, rule, now);
        let circle = self.net.joints[joint].series.clone();
        if recovery == Recovery::Seen && rule.rule == DetectRule::Sequential {
            for other in circle.clone().filter(|other| *other != at) {
                if self.series[other].recover(now) {
                    self.dirty.series.insert(other);
                    let occasion = self.settle(other, now, changes).max(Occasion::Decision);
                    touched.touchpoint(self.net.probes[self.net.series[other].probe].touchpoint, occasion);
                }
            }
        }
        if self.none_down(circle) {
            self.joints[joint].recovered();
        }
        step
    }

    fn none_down(&self, mut circle: Range<usize>) -> bool {
        circle.all(|at| self.series[at].detector.state() != State::Down)
    }

    /// Asks the next vantage: one that sees, and that it is not DOWN from; the same again only if there is no other.
    fn pass_on(&self, at: usize, reading: &Reading, when: Timestamp, changes: &mut Vec<Change>) {
        let Some(joint) = self.net.series[at].joint else { return };
        let circle = self.net.joints[joint].series.clone();
        let count = circle.len();
        let turns = (1..=count).map(|turn| circle.start + (at - circle.start + turn) % count);
        let fit = |at: &usize| {
            !self.is_blind(&self.net.series[*at].series.vantage) && self.series[*at].detector.state() != State::Down
        };
        let Some(next) = turns.clone().find(fit).or_else(|| turns.clone().next()) else { return };
        let series = Series { vantage: self.net.series[next].series.vantage.clone(), ..reading.series() };
        changes.push(Change::Recheck { series, at: when, by: reading.root() });
    }
}
