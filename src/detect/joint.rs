//! What several vantages saw of one probe, as one persona: every attempt of all of them feeds one [`Dual`], a failing
//! scheduled one is followed by re-probes from elsewhere, and a vantage that keeps passing meanwhile is cleared.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::dual::{Dual, Fails, Place, Ruling, SCHEDULED_AFTER};
use super::{Attempt, CLOCK_WOBBLE, RECOVERY_SPAN, Rule};
use crate::model::{Trigger, VantageId};

/// Passes in a row, while something is suspected, that speak for a vantage: what fails half of the time does so five
/// times in a row in one case of 32.
const CLEARED_AFTER: u8 = 5;

/// What an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Calm,
    /// Try again at that time, from another vantage than this attempt.
    Reprobe(Timestamp),
    /// Suspected; the next scheduled attempt will say more.
    Waiting,
    /// Down from every vantage that is not cleared.
    Down,
}

/// The common memory of the vantages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Joint {
    #[serde(rename = "d")]
    dual: Dual,
    /// The attempt before: when it began, from where, how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Last>,
    /// The failing scheduled attempt that the re-probes follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    began: Option<Timestamp>,
    /// Passes in a row of each vantage, since something is suspected.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    passes: BTreeMap<VantageId, u8>,
    /// The first of an unbroken row of passes among the vantages from which it is DOWN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    passing_since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Last {
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    at: Timestamp,
    vantage: VantageId,
    failed: bool,
}

impl Joint {
    /// Changes when attempts were made, by a clock that was set.
    pub fn turn(&mut self, turn: impl Fn(&mut Timestamp)) {
        let last = self.last.iter_mut().map(|last| &mut last.at);
        last.chain(&mut self.began).chain(&mut self.passing_since).for_each(turn);
    }

    /// Takes an attempt from a vantage that it is not DOWN from.
    pub fn attempt(&mut self, attempt: &Attempt, vantage: &VantageId, rule: &Rule) -> Finding {
        let fails = if attempt.quality.fails() { Fails::Yes } else { Fails::No };
        if !self.is_suspicious() {
            self.passes.clear();
        }
        let passes = self.passes.entry(vantage.clone()).or_default();
        *passes = if fails == Fails::Yes { 0 } else { passes.saturating_add(1) };
        let (after, place) = self.distance(attempt, vantage);
        let ruling = if attempt.trigger == Trigger::Schedule {
            if fails == Fails::Yes {
                self.began = Some(attempt.at);
            }
            let (after, place) = self.since_scheduled(after, place, rule);
            self.dual.scheduled(fails, after, place, rule.probes)
        } else {
            self.dual.reprobed(fails, after, place, rule.probes)
        };
        self.last = Some(Last { at: attempt.at, vantage: vantage.clone(), failed: fails == Fails::Yes });
        if ruling == Ruling::Down {
            self.dual = Dual::default();
        }
        self.finding(ruling)
    }

    /// A re-probe did not take place, or said nothing: its turn is over.
    pub fn missed(&mut self, rule: &Rule) -> Finding {
        let ruling = self.dual.missed(rule.probes);
        self.finding(ruling)
    }

    /// Takes an attempt from a vantage that it is DOWN from; whether all of those together have recovered by it.
    pub fn recheck(&mut self, attempt: &Attempt) -> Recovery {
        if attempt.quality.fails() {
            self.passing_since = None;
            return Recovery::NotYet;
        }
        let since = *self.passing_since.get_or_insert(attempt.at);
        if attempt.at.duration_since(since) >= RECOVERY_SPAN - CLOCK_WOBBLE { Recovery::Seen } else { Recovery::NotYet }
    }

    /// Since when those vantages pass, with no failure between.
    pub fn passing_since(&self) -> Option<Timestamp> {
        self.passing_since
    }

    /// It is DOWN from nowhere any more.
    pub fn recovered(&mut self) {
        self.passing_since = None;
    }

    /// Whether that vantage kept passing all the while.
    pub fn clears(&self, vantage: &VantageId) -> bool {
        self.passes.get(vantage).is_some_and(|passes| *passes >= CLEARED_AFTER)
    }

    /// There is some evidence against it.
    pub fn is_suspicious(&self) -> bool {
        self.dual.hard() > 0.0 || self.dual.partial() > 0.0
    }

    /// The two statistics, for those who explain: hard, partial.
    pub fn statistics(&self) -> (f64, f64) {
        (self.dual.hard(), self.dual.partial())
    }

    fn finding(&self, ruling: Ruling) -> Finding {
        match (ruling, self.began) {
            (Ruling::Down, _) => Finding::Down,
            (Ruling::Reprobe(after), Some(began)) => {
                Finding::Reprobe(began + SignedDuration::try_from(after).unwrap_or_default())
            }
            (Ruling::Waiting, _) => Finding::Waiting,
            (Ruling::Calm | Ruling::Reprobe(_), _) => Finding::Calm,
        }
    }

    /// How far this attempt is from the one before.
    fn distance(&self, attempt: &Attempt, vantage: &VantageId) -> (Duration, Place) {
        let Some(last) = &self.last else { return (SCHEDULED_AFTER, Place::Same) };
        let place = if last.vantage == *vantage { Place::Same } else { Place::Other };
        (attempt.at.duration_since(last.at).try_into().unwrap_or_default(), place)
    }

    /// A scheduled attempt counts as half a minute after the one before. Where it is due more often than that, failing
    /// right after a failure is no more than it is.
    fn since_scheduled(&self, after: Duration, place: Place, rule: &Rule) -> (Duration, Place) {
        let turn = rule.every / u32::try_from(rule.vantages).unwrap_or(1).max(1);
        let close = turn < SCHEDULED_AFTER && after < SCHEDULED_AFTER && self.last.as_ref().is_some_and(|it| it.failed);
        if close { (after, place) } else { (SCHEDULED_AFTER, Place::Same) }
    }
}

/// What the vantages that it is DOWN from saw last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// All of their passes together span long enough, with no failure between.
    Seen,
    NotYet,
}

#[cfg(test)]
mod tests;
