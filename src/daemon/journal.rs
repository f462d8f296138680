//! The journal: what changed, of whom and why, as events of the log. Each is a sentence that can be read alone, with
//! fields to search by, and names the run that caused it.
//!
//! A failure is said aloud once: by the touchpoint whose state it changes, else by the first series of its probe. The
//! rest, and what moves a score by a little, is said aside: the log tells it when it is asked for more.

mod said;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::board::Board;
use crate::model::{
    Change, Color, Fault, Journey, JourneyId, JourneyMap, ProbeId, Reading, Score, Series, SpanId, State, TouchpointId,
    TraceId,
};
use crate::telemetry::Traced;

pub(super) use self::said::{Turn, incident};

/// Points by which a score must move before that is said aloud.
const MOVED: f64 = 5.0;

/// How a thing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Aloud,
    Aside,
}

/// A run, as it is found in traces.
#[derive(Clone, Copy, Debug)]
struct Origin {
    trace: TraceId,
    /// Its root span; unknown of a run that is not at hand any more.
    span: Option<SpanId>,
    started: Timestamp,
}

impl Origin {
    fn of(reading: &Reading) -> Self {
        Self { trace: reading.trace, span: Some(reading.span), started: reading.started }
    }
}

/// What is behind a change of state.
#[derive(Clone, Copy, Debug)]
struct Behind<'a> {
    series: &'a Series,
    fault: Option<&'a Fault>,
    origin: Option<Origin>,
}

impl<'a> Behind<'a> {
    fn of(change: &'a Change, origins: &HashMap<Series, Origin>) -> Option<Self> {
        let Change::StateChanged { series, at, fault, trace, .. } = change else { return None };
        // A series that fell silent has failed before, in a run of which only the trace is known.
        let known = || trace.map(|trace| Origin { trace, span: None, started: *at });
        Some(Self { series, fault: fault.as_ref(), origin: origins.get(series).copied().or_else(known) })
    }
}

/// What must be remembered to say a thing once.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Of every probe that is not well, the series that are not.
    ailing: HashMap<ProbeId, BTreeSet<(Series, State)>>,
    /// What was last said aloud of a journey.
    said: HashMap<JourneyId, (Option<Score>, Color)>,
    /// The newest run of each touchpoint since the last tick that can be looked at.
    newest: HashMap<TouchpointId, Origin>,
}

impl Journal {
    /// Notes runs that came in together, whether each can be looked at, and what they changed.
    pub(super) fn runs(
        &mut self,
        readings: &[(Arc<Reading>, Traced)],
        changes: &[Change],
        board: &Board,
        map: &JourneyMap,
    ) {
        let mut origins = HashMap::new();
        for (reading, traced) in readings {
            said::run(reading);
            // A link that leads nowhere is worse than none.
            if *traced == Traced::No {
                continue;
            }
            let origin = Origin::of(reading);
            for sample in &reading.outcome.samples {
                match self.newest.get_mut(&sample.probe.touchpoint) {
                    Some(newest) => *newest = origin,
                    None => _ = self.newest.insert(sample.probe.touchpoint.clone(), origin),
                }
                if !changes.is_empty() {
                    origins.insert(Series { probe: sample.probe.clone(), ..reading.series() }, origin);
                }
            }
        }
        self.note(changes, &origins, board, map);
    }

    /// Notes what time changed, or a person.
    pub(super) fn others(&mut self, changes: &[Change], board: &Board, map: &JourneyMap) {
        self.note(changes, &HashMap::new(), board, map);
    }

    /// Forgets what is not looked at any more: it would ail for ever.
    pub(super) fn keep(&mut self, map: &JourneyMap) {
        self.ailing.retain(|_, ailing| {
            ailing.retain(|(series, _)| map.has(series));
            !ailing.is_empty()
        });
        self.said.retain(|journey, _| map.journey(journey).is_some());
    }

    /// A second has passed: older runs move no score any more.
    pub(super) fn tick(&mut self) {
        self.newest.clear();
    }

    fn note(&mut self, changes: &[Change], origins: &HashMap<Series, Origin>, board: &Board, map: &JourneyMap) {
        let mut behind: HashMap<&TouchpointId, Behind<'_>> = HashMap::new();
        let mut moved: HashSet<&TouchpointId> = HashSet::new();
        for change in changes {
            if let Some(one) = Behind::of(change, origins) {
                let known = behind.entry(&one.series.probe.touchpoint).or_insert(one);
                if one.fault.is_some() || known.fault.is_none() {
                    *known = one;
                }
            } else if let Change::TouchpointChanged { touchpoint, .. } = change {
                moved.insert(touchpoint);
            }
        }
        for change in changes {
            match change {
                Change::StateChanged { series, from, to, .. } => {
                    let first = self.is_first(series, *to) && !moved.contains(&series.probe.touchpoint);
                    let voice = if first { voice_of(*from, *to) } else { Voice::Aside };
                    if let Some(one) = Behind::of(change, origins) {
                        said::probe(voice, &one, (*from, *to));
                    }
                }
                Change::TouchpointChanged { touchpoint, from, to, .. } => {
                    said::touchpoint(voice_of(*from, *to), touchpoint, behind.get(touchpoint), (*from, *to));
                }
                Change::ScoreChanged { journey, from, to, color, .. } => {
                    let voice = self.voice(journey, *to, *color);
                    let cause = map.journey(journey).and_then(|plan| self.cause(plan, &behind));
                    if let Some(now) = board.score_of(journey) {
                        said::score(voice, &now, (*from, *to, *color), cause);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a probe is the first time in that state, or the last of its series has left another.
    fn is_first(&mut self, series: &Series, to: State) -> bool {
        let ailing = self.ailing.entry(series.probe.clone()).or_default();
        ailing.retain(|(known, _)| known != series);
        if matches!(to, State::Up | State::Closed | State::Pending) {
            let last = ailing.is_empty();
            if last {
                self.ailing.remove(&series.probe);
            }
            return last;
        }
        let first = ailing.iter().all(|(_, state)| *state != to);
        ailing.insert((series.clone(), to));
        first
    }

    fn voice(&mut self, journey: &JourneyId, score: Option<Score>, color: Color) -> Voice {
        if let Some((before, shown)) = self.said.get(journey) {
            let little = match (*before, score) {
                (Some(before), Some(now)) => (before.points() - now.points()).abs() < MOVED,
                (before, now) => before == now,
            };
            if little && *shown == color {
                return Voice::Aside;
            }
        }
        self.said.insert(journey.clone(), (score, color));
        Voice::Aloud
    }

    /// What moved a journey's score: of what was decided about its touchpoints the newest, else their newest run.
    fn cause(&self, journey: &Journey, behind: &HashMap<&TouchpointId, Behind<'_>>) -> Option<Origin> {
        let sources = journey.consistency.iter().flat_map(|check| &check.values).map(|source| &source.probe.touchpoint);
        let touchpoints: BTreeSet<_> =
            journey.elements().map(crate::model::Element::touchpoint).chain(sources).collect();
        let decided = touchpoints.iter().filter_map(|id| behind.get(*id)?.origin);
        let ran = || touchpoints.iter().filter_map(|id| self.newest.get(*id).copied());
        decided.max_by_key(|origin| origin.started).or_else(|| ran().max_by_key(|origin| origin.started))
    }
}

/// That a thing is first seen to be well is no news.
fn voice_of(from: State, to: State) -> Voice {
    if from == State::Pending && matches!(to, State::Up | State::Closed) { Voice::Aside } else { Voice::Aloud }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PersonaId;

    fn series(persona: &str) -> Series {
        Series { probe: ProbeId::new("shop", "home"), persona: Some(PersonaId::new(persona)), vantage: "here".into() }
    }

    #[test]
    fn who_is_not_looked_at_any_more_ails_no_longer() {
        let mut journal = Journal::default();
        assert!(journal.is_first(&series("ben"), State::Down));
        journal.keep(&JourneyMap::of_one_probe(&["ben", "eva"]));
        assert!(!journal.is_first(&series("eva"), State::Down), "ben was down before");
        assert!(!journal.is_first(&series("eva"), State::Up), "ben is not up");
        journal.keep(&JourneyMap::of_one_probe(&["eva"]));
        assert!(journal.is_first(&series("eva"), State::Down), "ben is gone");
        assert!(journal.is_first(&series("eva"), State::Up), "nobody else ails");
        assert!(journal.ailing.is_empty());
    }

    #[test]
    fn a_journey_that_is_gone_is_forgotten() {
        let mut journal = Journal::default();
        assert_eq!(journal.voice(&"buy".into(), None, Color::Good), Voice::Aloud);
        assert_eq!(journal.voice(&"buy".into(), None, Color::Good), Voice::Aside);
        journal.keep(&JourneyMap::of_one_probe(&[]));
        assert_eq!(journal.voice(&"buy".into(), None, Color::Good), Voice::Aloud, "it is back");
    }
}
