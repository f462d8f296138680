//! Values that must agree wherever a customer meets them.
//!
//! A disagreement counts when it was seen in two fresh comparisons in a row, and every source was read anew between
//! them: a price that is being changed is not a contradiction. Values read as personas are compared within a persona;
//! an anonymous value is compared with everybody's.

mod agree;
mod hours;
mod money;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::agree::agree;
use super::Board;
use super::touch::Touched;
use super::watch::{elapsed, whole};
use crate::model::{PersonaId, Reading, State};
use crate::score::{FRESH_INTERVALS, freshness};

const DISAGREEMENTS: u8 = 2;

/// One check's values. What serde writes is the board's memory of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Comparison {
    #[serde(rename = "v")]
    pub(super) values: Vec<Seen>,
    /// Disagreements in a row.
    #[serde(rename = "n")]
    disagreements: u8,
    /// The personas who met the last disagreement; none: everybody.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    whose: Vec<PersonaId>,
    /// What was last concluded: Pending, Up or Down.
    #[serde(rename = "c")]
    concluded: State,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) since: Timestamp,
}

/// A captured value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    #[serde(rename = "s")]
    pub(super) source: usize,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) persona: Option<PersonaId>,
    #[serde(rename = "v")]
    pub(super) value: String,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) at: Timestamp,
    /// Read since the last comparison that counted.
    #[serde(rename = "a")]
    anew: bool,
}

/// What one look at the values says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    Incomparable,
    Agree,
    /// For these personas; none: for everybody.
    Disagree(Vec<PersonaId>),
}

impl Comparison {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { values: Vec::new(), disagreements: 0, whose: Vec::new(), concluded: State::Pending, since: now }
    }

    fn note(&mut self, source: usize, persona: Option<&PersonaId>, value: &str, at: Timestamp) {
        let known = self.values.iter_mut().find(|seen| seen.source == source && seen.persona.as_ref() == persona);
        let value = value.to_owned();
        if let Some(seen) = known {
            (seen.value, seen.at, seen.anew) = (value, at, true);
        } else {
            self.values.push(Seen { source, persona: persona.cloned(), value, at, anew: true });
        }
    }

    /// Compares what is fresh.
    fn conclude(&mut self, fresh: impl Fn(&Seen) -> bool, now: Timestamp) {
        let values: Vec<&Seen> = self.values.iter().filter(|seen| fresh(seen)).collect();
        let all_anew = values.iter().all(|seen| seen.anew);
        match finding(&values) {
            Finding::Agree => {
                self.disagreements = 0;
                self.turn(State::Up, now);
            }
            Finding::Disagree(whose) if all_anew || self.disagreements == 0 => {
                self.whose = whose;
                self.disagreements = self.disagreements.saturating_add(1);
                self.values.iter_mut().for_each(|seen| seen.anew = false);
                if self.disagreements >= DISAGREEMENTS {
                    self.turn(State::Down, now);
                }
            }
            Finding::Incomparable | Finding::Disagree(_) => {}
        }
    }

    /// The personas for whom it does not hold; none: everybody, or nobody in particular.
    pub(super) fn whose(&self) -> &[PersonaId] {
        if self.concluded == State::Down { &self.whose } else { &[] }
    }

    fn turn(&mut self, state: State, now: Timestamp) {
        if self.concluded != state {
            self.concluded = state;
            self.since = now;
        }
    }
}

fn finding(values: &[&Seen]) -> Finding {
    let everybody = finding_as(values, None);
    let personas: BTreeSet<_> = values.iter().filter_map(|seen| seen.persona.as_ref()).collect();
    if personas.is_empty() || matches!(everybody, Finding::Disagree(_)) {
        return everybody;
    }
    let (mut found, mut whose) = (Finding::Incomparable, Vec::new());
    for persona in personas {
        match finding_as(values, Some(persona)) {
            Finding::Disagree(mine) => whose.extend(mine),
            Finding::Agree => found = Finding::Agree,
            Finding::Incomparable => {}
        }
    }
    if whose.is_empty() { found } else { Finding::Disagree(whose) }
}

/// What one persona reads, and what is read as nobody in particular beside it.
fn finding_as(values: &[&Seen], persona: Option<&PersonaId>) -> Finding {
    let mut mine = values.iter().filter(|seen| seen.persona.is_none() || seen.persona.as_ref() == persona);
    let Some(first) = mine.next() else { return Finding::Incomparable };
    let rest: Vec<_> = mine.filter(|seen| seen.source != first.source).collect();
    if rest.is_empty() {
        Finding::Incomparable
    } else if rest.iter().all(|seen| agree(&first.value, &seen.value)) {
        Finding::Agree
    } else {
        Finding::Disagree(persona.cloned().into_iter().collect())
    }
}

impl Board {
    /// Takes what a reading captured.
    pub(super) fn compare(&mut self, reading: &Arc<Reading>, now: Timestamp, touched: &mut Touched) {
        let Some(places) = self.net.captures.get(&reading.probe) else { return };
        let mut checks = BTreeSet::new();
        for &(check, source) in places {
            let name = &*self.net.checks[check].check.values[source].value;
            let captured = reading.outcome.steps.iter().flat_map(|step| &step.captured);
            let mut captured = captured.filter(|captured| captured.name == name);
            let Some(value) = captured.next_back().and_then(|captured| captured.value.as_deref()) else { continue };
            self.checks[check].note(source, reading.persona.as_ref(), value, whole(reading.ended()));
            checks.insert(check);
        }
        for check in checks {
            let sources = self.net.checks[check].sources.clone();
            let fresh = |seen: &Seen| elapsed(seen.at, now) <= sources[seen.source].0.mul_f64(FRESH_INTERVALS);
            let before = self.checks[check].concluded;
            self.checks[check].conclude(fresh, now);
            self.dirty.checks.insert(check);
            let journey = self.net.checks[check].journey;
            self.stale_scores.insert(journey);
            if before != self.checks[check].concluded {
                touched.journeys.insert(journey);
            }
        }
    }

    /// Read within the last two intervals of its source.
    pub(super) fn is_fresh(&self, check: usize, seen: &Seen, now: Timestamp) -> bool {
        elapsed(seen.at, now) <= self.net.checks[check].sources[seen.source].0.mul_f64(FRESH_INTERVALS)
    }

    /// The check's state as shown, and the freshness of what it rests on.
    pub(super) fn check_sight(&self, check: usize, now: Timestamp) -> (State, f64) {
        let at = &self.net.checks[check];
        let comparison = &self.checks[check];
        let open = |source: &usize| at.sources[*source].1.is_none_or(|place| !self.touchpoints[place].closed);
        let sources: Vec<usize> = (0..at.sources.len()).filter(open).collect();
        if sources.len() < 2 && sources.len() < at.sources.len() {
            return (State::Closed, 1.0);
        }
        let freshest = |source: &usize| {
            let seen = comparison.values.iter().filter(|seen| seen.source == *source).map(|seen| seen.at).max();
            seen.map_or(0.0, |seen| freshness(elapsed(seen, now), at.sources[*source].0))
        };
        let fresh: Vec<f64> = sources.iter().map(freshest).collect();
        let least = fresh.iter().copied().fold(1.0, f64::min);
        let unseen = |source: &usize| !comparison.values.iter().any(|seen| seen.source == *source);
        let state = match comparison.concluded {
            // So many as were read agree: that they all do is still to be seen.
            State::Up if sources.iter().any(unseen) => State::Pending,
            State::Up if fresh.iter().filter(|freshness| **freshness >= 1.0).count() < 2 => State::Unknown,
            concluded => concluded,
        };
        (state, least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_comparisons_of_values_read_anew_make_a_disagreement() {
        let at = |second| Timestamp::from_second(second).expect("valid");
        let mut check = Comparison::new(at(0));
        let mut take = |source, value: &str, second| {
            check.note(source, None, value, at(second));
            check.conclude(|_| true, at(second));
            check.concluded
        };
        assert_eq!(take(0, "29", 0), State::Pending);
        assert_eq!(take(1, "29.0", 10), State::Up);
        assert_eq!(take(0, "30", 60), State::Up, "the price is being changed");
        assert_eq!(take(1, "30", 70), State::Up, "it was");
        assert_eq!(take(0, "31", 120), State::Up);
        assert_eq!(take(0, "31", 130), State::Up, "the other was not read since");
        assert_eq!(take(1, "30", 140), State::Down, "both read anew, and still not the same");
        assert_eq!(take(1, "31", 150), State::Up, "agreement is believed at once");
    }

    #[test]
    fn personas_are_compared_with_themselves() {
        let at = Timestamp::UNIX_EPOCH;
        let seen = |source, persona: Option<&str>, value: &str| Seen {
            source,
            persona: persona.map(PersonaId::new),
            value: value.into(),
            at,
            anew: true,
        };
        let check = |values: &[Seen]| finding(&values.iter().collect::<Vec<_>>());
        let (anna, li) = (Some("anna"), Some("li-wei"));
        let bills = [seen(0, anna, "10"), seen(1, anna, "10"), seen(0, li, "20"), seen(1, li, "20")];
        assert_eq!(check(&bills), Finding::Agree);
        let mixed = check(&[seen(0, anna, "10"), seen(1, None, "10"), seen(0, li, "20")]);
        assert_eq!(mixed, Finding::Disagree(vec![PersonaId::new("li-wei")]), "Anna reads the same everywhere");
        let public = [seen(0, None, "10"), seen(1, None, "11"), seen(2, li, "10")];
        assert_eq!(
            check(&public),
            Finding::Disagree(Vec::new()),
            "everybody reads what is told to nobody in particular"
        );
        assert_eq!(check(&[seen(0, anna, "10"), seen(1, li, "20")]), Finding::Incomparable);
    }
}
