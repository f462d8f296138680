//! What is known of one series.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::causes::{Clue, clues};
use super::turned_back::TurnedBack;
use crate::detect::{Attempt, Detector, Rule, Step};
use crate::model::{Fault, Health, LastRun, Reading, Sample, State, TraceId};
use crate::score::{FRESH_INTERVALS, STALE_INTERVALS, Window};

/// The window, the detector and the last fault of one series. What serde writes is the board's memory of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Watch {
    #[serde(rename = "w")]
    pub(super) window: Window,
    #[serde(rename = "d")]
    pub(super) detector: Detector,
    /// As shown: the detector's, or Unknown while nothing fresh is known.
    #[serde(rename = "s")]
    pub(super) state: State,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) since: Timestamp,
    /// When the detector last changed its mind.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) decided: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<Fault>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<TraceId>,
    /// What its newest failing run met.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) clues: Vec<Clue>,
    #[serde(skip)]
    pub(super) last: Option<LastRun>,
    /// Nothing is known of it, because the errand fails somewhere else before.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    excused: bool,
    /// As one that is DOWN sees it, where it stands for one that ailed and is watched no more (`heirs`).
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    heir: Option<Detector>,
}

/// One sample, as it came in.
#[derive(Clone, Copy)]
pub(super) struct Glance<'a> {
    pub(super) sample: &'a Sample,
    pub(super) reading: &'a Reading,
    /// Since when all that saw it DOWN have been passing.
    pub(super) passing_since: Option<Timestamp>,
}

impl Glance<'_> {
    pub(super) fn attempt(&self) -> Attempt {
        Attempt {
            at: whole(self.reading.started),
            quality: self.sample.quality,
            trigger: self.reading.trigger,
            passing_since: self.passing_since,
        }
    }
}

impl Watch {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            window: Window::default(),
            detector: Detector::default(),
            state: State::Pending,
            since: now,
            decided: now,
            fault: None,
            trace: None,
            clues: Vec::new(),
            last: None,
            excused: false,
            heir: None,
        }
    }

    /// Stands for one that ailed and is watched no more: until it was seen to work as after an outage, or is DOWN itself.
    pub(super) fn inherit(&mut self) {
        let mut down = Detector::default();
        down.condemn();
        self.heir = Some(down);
    }

    /// Stands for nothing else any more; whether it did.
    pub(super) fn disown(&mut self) -> bool {
        self.heir.take().is_some()
    }

    pub(super) fn is_heir(&self) -> bool {
        self.heir.is_some()
    }

    /// It may be why an incident is open.
    pub(super) fn may_ail(&self) -> bool {
        let bad = matches!(self.detector.state(), State::Down | State::Degraded);
        bad || self.detector.is_flapping() || self.is_heir()
    }

    /// Takes one sample of a reading.
    pub(super) fn take(&mut self, glance: &Glance<'_>, rule: &Rule, now: Timestamp) -> Step {
        let Glance { sample, reading, .. } = *glance;
        self.window.push(sample.quality.get(), whole(reading.ended()));
        let mut step = self.detector.step(glance.attempt(), rule);
        if let Some(heir) = &mut self.heir {
            let seen = heir.step(glance.attempt(), rule);
            // Asked for again is only what would end it: what it suspects of its own is looked into at its own pace.
            let again = seen.recheck.filter(|_| !sample.quality.fails());
            step.recheck = [step.recheck, again].into_iter().flatten().min();
            if seen.recovered() || step.to == State::Down {
                self.heir = None;
            }
        }
        if step.recovered() {
            self.window.keep_newest();
        }
        if sample.fault.is_some() {
            self.fault.clone_from(&sample.fault);
            self.trace = Some(reading.trace);
            self.clues = clues(reading, sample);
        } else if step.to == State::Up {
            self.fault = None;
            self.trace = None;
            self.clues = Vec::new();
        }
        if step.from != step.to {
            self.decided = now;
        }
        self.last = Some(LastRun::of(reading));
        self.excused = false;
        step
    }

    /// Several vantages together say that it is DOWN.
    pub(super) fn condemn(&mut self, now: Timestamp) {
        self.detector.condemn();
        self.heir = None;
        self.decided = now;
    }

    /// Those that saw it DOWN agree that it is over; whether it is so from here.
    pub(super) fn recover(&mut self, now: Timestamp) -> bool {
        let step = self.detector.recover_with_others();
        if step.recovered() {
            self.window.keep_newest();
            (self.fault, self.trace, self.decided) = (None, None, now);
        }
        step.recovered()
    }

    /// The clock was set back.
    pub(super) fn turn_back(&mut self, back: TurnedBack) {
        back.earlier(&mut self.since);
        back.earlier(&mut self.decided);
        self.window.turn(|at| back.earlier(at));
        self.detector.turn(|at| back.earlier(at));
        self.heir.iter_mut().for_each(|heir| heir.turn(|at| back.earlier(at)));
    }

    /// Nothing is wrong, and nothing is suspected.
    pub(super) fn is_well(&self) -> bool {
        self.state == State::Up && self.fault.is_none() && !self.detector.is_undecided() && !self.may_ail()
    }

    /// Looks at the mean quality, every 30 s.
    pub(super) fn evaluate(&mut self, rule: &Rule, together: f64, now: Timestamp) {
        if !self.is_fresh(rule.every, now) {
            return;
        }
        let Some(mean) = self.window.mean(self.detector.state()) else { return };
        // What one of several vantages saw by chance is no ailment as long as all of them together see little of it.
        let step = self.detector.evaluate(mean.max(together));
        if step.from != step.to {
            self.decided = now;
        }
    }

    /// Brings the shown state up to date; the former one if it changed.
    pub(super) fn settle(&mut self, every: Duration, now: Timestamp) -> Option<State> {
        let to = match self.detector.state() {
            // Silence makes nothing better: DOWN stays DOWN until it is seen to work.
            state @ (State::Pending | State::Down) => state,
            state if self.is_fresh(every, now) => state,
            _ => State::Unknown,
        };
        if to == self.state {
            return None;
        }
        self.since = now;
        Some(std::mem::replace(&mut self.state, to))
    }

    pub(super) fn is_fresh(&self, every: Duration, now: Timestamp) -> bool {
        self.window.age(now, every).is_some_and(|intervals| intervals <= FRESH_INTERVALS)
    }

    /// Its errand failed elsewhere before it got here: what is known stays known, what is not costs nothing. That it
    /// is DOWN is not known for longer than it was seen.
    pub(super) fn excuse(&mut self, now: Timestamp) {
        if self.detector.state() != State::Down {
            self.window.refresh(now);
        }
        self.excused = self.window.is_empty();
    }

    pub(super) fn is_excused(&self) -> bool {
        self.excused
    }

    /// DOWN when it was last reached, or when what it stands for was, and that was long ago.
    pub(super) fn is_down_by_hearsay(&self, every: Duration, now: Timestamp) -> bool {
        let long_ago = |intervals: f64| intervals >= STALE_INTERVALS;
        let seen_down = self.detector.state() == State::Down && self.window.age(now, every).is_some_and(long_ago);
        let never_reached = || self.window.is_empty() && elapsed(self.decided, now) >= every.mul_f64(STALE_INTERVALS);
        seen_down || self.is_heir() && never_reached()
    }

    /// Knows nothing of it any more; what is shown follows when it is settled.
    pub(super) fn forget(&mut self, now: Timestamp) {
        *self = Self { state: self.state, since: self.since, last: self.last.take(), ..Self::new(now) };
    }

    /// Its health; `unseen` as much as may be assumed of what is not seen.
    pub(super) fn health(&self, every: Duration, now: Timestamp, unseen: f64) -> Health {
        if self.excused {
            return Health { state: self.state, value: 1.0, observed: 0.0 };
        }
        let observed = if self.is_fresh(every, now) { 1.0 } else { 0.0 };
        Health { state: self.state, value: self.window.value(self.detector.state(), now, every, unseen), observed }
    }

    /// The lowest and the highest that what we saw allows.
    pub(super) fn range(&self, health: &Health) -> (f64, f64) {
        if health.observed > 0.0 {
            return (health.value, health.value);
        }
        let state = self.detector.state();
        let known = if state == State::Down { 0.0 } else { self.window.mean(state).unwrap_or(1.0) };
        (0.0, known)
    }
}

/// Milliseconds are what memory keeps: working with them from the start makes a restart change nothing.
pub(super) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// The time from `since` to `now`; none if the clock went back.
pub(super) fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(since).try_into().unwrap_or(Duration::ZERO)
}
