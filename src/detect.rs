//! Samples of one series in; UP, DEGRADED or DOWN out. Pure: time is an argument (`alerting`, "Deciding that something
//! is down").
//!
//! A threshold on consecutive failures is slow and yet false too often; a sequential likelihood test is neither. Each
//! failing sample adds to a statistic what it says for "broken" over "noise", each passing one takes away, and the
//! statistic never falls below 0. Reaching the threshold means DOWN.
//!
//! [`Detector`] watches one series from one vantage. [`Joint`] watches a probe from several vantages at once, by the test
//! [`Dual`]: there a quick re-probe from another place is real evidence. Each vantage's own detector then only says from
//! where it fails, and needs far more to say so by itself.

mod dual;
mod flapping;
mod joint;

pub use dual::{Dual, Fails, Place, Ruling};
pub use flapping::Flapping;
pub use joint::{Finding, Joint, Recovery};

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::{DetectRule, Quality, State, Trigger};

/// ln(.35/.01): how much likelier a failing sample is when a third of them fail than when one in a hundred does.
pub const HARD_FAIL: f64 = 3.555_348_061_489_413_6;
/// ln(.65/.99)
pub const HARD_PASS: f64 = -0.420_732_580_237_956_36;
/// ln(.15/.01)
pub const SLOW_FAIL: f64 = 2.708_050_201_102_21;
/// ln(.85/.99)
pub const SLOW_PASS: f64 = -0.152_468_593_644_267_6;
/// The slow track's threshold.
pub const SLOW_THRESHOLD: f64 = 10.0;
/// A mean quality below it in [`POOR_EVALUATIONS`] evaluations in a row is DEGRADED.
pub const POOR: f64 = 0.9;
pub const POOR_EVALUATIONS: u8 = 3;
/// Two passes at least so far apart end DOWN.
pub const RECOVERY_SPAN: SignedDuration = SignedDuration::from_secs(10);
/// What the wall clock may wobble while we measure that span.
const CLOCK_WOBBLE: SignedDuration = SignedDuration::from_millis(50);
/// Runs are brought forward to this, or to a third of the interval where that is longer.
const FORWARD: Duration = Duration::from_secs(30);
/// A sample sooner than this part of the due distance repeats the noise of the one before: it is not counted.
const TOO_SOON: f64 = 0.6;

/// The threshold for one vantage: grows with the number of probes that could raise a false alert.
pub fn threshold(probes: usize) -> f64 {
    (9.0 + (probes as f64 / 50.0).ln()).max(9.0)
}

/// The threshold of one of several vantages by itself: what they see together is told much sooner.
fn threshold_beside_others(probes: usize) -> f64 {
    (16.0 + (probes as f64 / 500.0).ln()).max(16.0)
}

/// How soon the next run is due while the statistic is above 0: `min(interval, max(30 s, interval/3))`.
pub fn forward(every: Duration) -> Duration {
    every.min(FORWARD.max(every / 3))
}

/// How long a hard outage of a probe that runs so often takes to be told, in the middle case.
pub fn tells_after(every: Duration, probes: usize, vantages: usize) -> Duration {
    if vantages > 1 {
        return every / 2 + dual::REPROBES[dual::REPROBES.len() - 1];
    }
    let failures = (threshold(probes) / HARD_FAIL).ceil() as u32;
    every / 2 + forward(every) * failures.saturating_sub(1)
}

/// What a detector must know of its probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub rule: DetectRule,
    /// From one run of the series to the next; with several vantages each has its turn.
    pub every: Duration,
    /// How soon it runs again while DOWN.
    pub recheck: Duration,
    /// All probes that are watched.
    pub probes: usize,
    /// How many look at it in turns.
    pub vantages: usize,
}

/// One sample.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// When the run started.
    pub at: Timestamp,
    pub quality: Quality,
    pub trigger: Trigger,
    /// Since when those vantages that see it DOWN too have been passing, if they have.
    pub passing_since: Option<Timestamp>,
}

/// What a sample led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub from: State,
    pub to: State,
    /// When the detector wants the next run, if sooner than usual.
    pub recheck: Option<Timestamp>,
}

impl Step {
    /// UP was reached from DOWN: only the deciding sample stays in the window.
    pub fn recovered(&self) -> bool {
        self.from == State::Down && self.to != State::Down
    }
}

/// The detector of one series from one vantage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    /// Pending, Up, Degraded or Down.
    state: State,
    #[serde(rename = "hard", default, skip_serializing_if = "is_zero")]
    hard: f64,
    #[serde(default, skip_serializing_if = "is_zero")]
    slow: f64,
    /// Evaluations in a row with a poor mean, or with a good one while DEGRADED.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    evaluations: u8,
    /// The last sample that the statistics counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    counted: Option<Timestamp>,
    /// The first of an unbroken row of passes while DOWN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    passing_since: Option<Timestamp>,
    /// Failures in a row while not DOWN, passes in a row while DOWN.
    #[serde(default, skip_serializing_if = "is_none_in_row")]
    row: u32,
    #[serde(default)]
    flapping: Flapping,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none_yet(value: &u8) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none_in_row(value: &u32) -> bool {
    *value == 0
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            state: State::Pending,
            hard: 0.0,
            slow: 0.0,
            evaluations: 0,
            counted: None,
            passing_since: None,
            row: 0,
            flapping: Flapping::default(),
        }
    }
}

impl Detector {
    /// Pending, Up, Degraded or Down; never Unknown: silence is the board's to see.
    pub fn state(&self) -> State {
        self.state
    }

    pub fn is_flapping(&self) -> bool {
        self.flapping.is_on()
    }

    /// There is suspicion, or a recovery has begun.
    pub fn is_undecided(&self) -> bool {
        match self.state {
            State::Down => self.row > 0,
            _ => self.hard > 0.0 || (self.state != State::Pending && self.row > 0),
        }
    }

    /// The hard statistic, for those who explain.
    pub fn statistic(&self) -> f64 {
        self.hard
    }

    /// Changes when samples were taken, by a clock that was set.
    pub fn turn(&mut self, turn: impl Fn(&mut Timestamp)) {
        self.counted.iter_mut().chain(&mut self.passing_since).for_each(turn);
    }

    /// Takes one sample.
    pub fn step(&mut self, attempt: Attempt, rule: &Rule) -> Step {
        let from = self.state;
        let fails = attempt.quality.fails();
        if attempt.trigger == Trigger::Schedule {
            self.flapping.note(fails);
        }
        if self.state == State::Down {
            self.recover(attempt, rule, fails);
        } else {
            self.suspect(attempt, rule, fails);
        }
        Step { from, to: self.state, recheck: self.recheck(attempt.at, rule) }
    }

    /// Takes the mean quality of the window, every 30 s, when there is one that is fresh. It can only find fault:
    /// DEGRADED is left with a sample, since without one nothing may rise.
    pub fn evaluate(&mut self, mean: f64) -> Step {
        let from = self.state;
        let noteworthy = match self.state {
            State::Up => mean < POOR,
            State::Degraded => mean >= POOR && self.slow < SLOW_THRESHOLD / 2.0,
            _ => false,
        };
        self.evaluations = if noteworthy { self.evaluations.saturating_add(1) } else { 0 };
        if self.state == State::Up && self.evaluations >= POOR_EVALUATIONS {
            self.evaluations = 0;
            self.state = State::Degraded;
        }
        Step { from, to: self.state, recheck: None }
    }

    fn suspect(&mut self, attempt: Attempt, rule: &Rule, fails: bool) {
        self.row = if fails { self.row.saturating_add(1) } else { 0 };
        if self.state == State::Pending {
            self.state = State::Up;
        }
        if self.counts(&attempt, rule) {
            self.counted = Some(attempt.at);
            let (hard, slow) = if fails { (HARD_FAIL, SLOW_FAIL) } else { (HARD_PASS, SLOW_PASS) };
            self.hard = (self.hard + hard).max(0.0);
            self.slow = (self.slow + slow).clamp(0.0, SLOW_THRESHOLD);
        }
        let down = match rule.rule {
            DetectRule::Sequential if rule.vantages > 1 => fails && self.hard >= threshold_beside_others(rule.probes),
            DetectRule::Sequential => fails && self.hard >= threshold(rule.probes),
            DetectRule::Consecutive { failures, .. } => self.row >= failures.max(1),
        };
        if down {
            self.condemn();
        } else if self.slow >= SLOW_THRESHOLD && self.state == State::Up {
            self.state = State::Degraded;
            self.evaluations = 0;
        } else if self.state == State::Degraded && self.evaluations >= POOR_EVALUATIONS && !fails {
            self.state = State::Up;
            self.evaluations = 0;
        }
    }

    /// It is DOWN: by its own samples, or because several vantages together say so.
    pub fn condemn(&mut self) {
        *self = Self { state: State::Down, flapping: self.flapping, ..Self::default() };
    }

    /// It is UP, if it passed when last seen: those that saw it DOWN too agree that it is over.
    pub fn recover_with_others(&mut self) -> Step {
        let from = self.state;
        if self.state == State::Down && self.row > 0 {
            *self = Self { state: State::Up, flapping: self.flapping, counted: self.counted, ..Self::default() };
        }
        Step { from, to: self.state, recheck: None }
    }

    /// Whether a sample is evidence of its own. Beside other vantages, what they ask for is theirs to count.
    fn counts(&self, attempt: &Attempt, rule: &Rule) -> bool {
        let due = if rule.vantages > 1 { rule.every } else { forward(rule.every) }.mul_f64(TOO_SOON);
        let soon = self.counted.is_some_and(|before| attempt.at < before + due);
        !soon && (rule.vantages == 1 || attempt.trigger == Trigger::Schedule)
    }

    fn recover(&mut self, attempt: Attempt, rule: &Rule, fails: bool) {
        if fails {
            self.row = 0;
            self.passing_since = None;
            return;
        }
        self.row = self.row.saturating_add(1);
        let own = *self.passing_since.get_or_insert(attempt.at);
        let since = attempt.passing_since.map_or(own, |others| others.min(own));
        let up = match rule.rule {
            DetectRule::Sequential => attempt.at.duration_since(since) >= RECOVERY_SPAN - CLOCK_WOBBLE,
            DetectRule::Consecutive { passes, .. } => self.row >= passes.max(1),
        };
        if up {
            let counted = Some(attempt.at);
            *self = Self { state: State::Up, flapping: self.flapping, counted, ..Self::default() };
        }
    }

    fn recheck(&self, at: Timestamp, rule: &Rule) -> Option<Timestamp> {
        match (self.state, rule.rule) {
            (State::Down, _) => Some(at + rule.recheck),
            (_, DetectRule::Sequential) if self.hard > 0.0 && rule.vantages == 1 => {
                Some(self.counted.unwrap_or(at) + forward(rule.every)).filter(|_| forward(rule.every) < rule.every)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
