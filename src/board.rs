//! The present state of everything. Pure and deterministic: a recorded list of readings *is* an end-to-end test.
//!
//! - [`Board::apply`] with the readings that came in together. What a detector decides changes states, incidents and the
//!   scores it touches within the same call; a sample that decides nothing only marks its journeys, so a reading costs
//!   the same however large the map is. A journey is worked out once a call: when ten thousand probes go down together,
//!   the first incidents must not wait for ten thousand scores.
//! - [`Board::tick`] every second: works out the marked journeys (so [`Change::ScoreChanged`] comes at most once a
//!   second per journey, decisions apart), looks for silence every 5 s, and evaluates every 30 s.
//! - [`Board::news`] with every write, [`Board::memory`] at the end: what a restart must know.
//!
//! A touchpoint is DOWN when an important or blocking probe of it is, or all its probes are; DEGRADED when any other
//! probe is DOWN or any is DEGRADED; else UNKNOWN or PENDING if any probe is; a probe is DOWN when it is so for one
//! persona from every vantage that sees, and DEGRADED when from some only. A touchpoint outside its opening hours is CLOSED: its readings count for nothing.
//!
//! *Invariants:* every DOWN touchpoint is in exactly one open incident; every incident opens once and closes once, over
//! restarts and reloads; nothing gets better by silence.

mod budget;
mod causes;
mod consistency;
mod dirty;
mod draft;
mod health;
mod heirs;
mod incidents;
mod keys;
mod layers;
mod losses;
mod memory;
mod merging;
mod net;
mod own;
mod people;
mod pulse;
mod renames;
mod rounds;
mod segments;
mod sight;
mod together;
mod touch;
mod turned_back;
mod view;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use self::budget::Spending;
use self::consistency::Comparison;
use self::dirty::Dirty;
use self::net::Net;
use self::own::Own;
use self::pulse::{Occasion, Pulse};
use self::sight::Sight;
use self::touch::Touched;
use self::watch::{Watch, elapsed, whole};
use crate::detect::Joint;
use crate::model::{
    Change, Incident, IncidentId, JourneyId, JourneyMap, LostTo, Quality, Reading, Series, State, Verdict,
};
use crate::score::Felt;

pub use self::budget::Spent;

/// Colours change and slow tracks are looked at.
pub const EVALUATION: Duration = Duration::from_secs(30);
/// How often silence is looked for.
const LOOK: Duration = Duration::from_secs(5);

/// Makes the ids of incidents.
pub type Ids = Box<dyn FnMut() -> Uuid + Send>;

/// What the board believes, and what it needs to go on.
pub struct Board {
    map: Arc<JourneyMap>,
    ids: Ids,
    net: Net,
    series: Vec<Watch>,
    joints: Vec<Joint>,
    sight: Sight,
    touchpoints: Vec<Place>,
    /// Per element that a journey names.
    felt: Vec<Felt>,
    journeys: Vec<Pulse>,
    checks: Vec<Comparison>,
    /// Per journey, where it has an objective.
    spending: Vec<Option<Spending>>,
    /// Open ones.
    incidents: BTreeMap<IncidentId, Incident>,
    /// Incidents whose timeline grew since they were last told.
    noted: BTreeSet<IncidentId>,
    own: Own,
    evaluated: Timestamp,
    looked: Timestamp,
    /// Journeys whose score has to be worked out anew.
    stale_scores: BTreeSet<usize>,
    /// Journeys that were worked out since the newest samples came in.
    fresh_scores: BTreeSet<usize>,
    /// Touchpoints that go on being well: looked at once a second, however many readings say so.
    stale_touchpoints: BTreeSet<usize>,
    dirty: Dirty,
    /// The quiet series whose turn it is to be written.
    told_next: usize,
}

/// A touchpoint's state as it was last told.
#[derive(Clone, Debug)]
struct Place {
    state: State,
    since: Timestamp,
    closed: bool,
    /// The open incident that it belongs to.
    incident: Option<IncidentId>,
}

impl Place {
    fn new(now: Timestamp) -> Self {
        Self { state: State::Pending, since: now, closed: false, incident: None }
    }
}

/// One journey's numbers, 0..=1, for its history.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreNow {
    pub journey: JourneyId,
    /// None: too little is observed for a number.
    pub score: Option<f64>,
    pub felt: Option<f64>,
    pub observed: f64,
    /// What lacks to 1, by what costs it; nothing without a score.
    pub losses: Vec<(LostTo, f64)>,
}

impl Board {
    /// A board that has seen nothing yet.
    pub fn new(map: Arc<JourneyMap>, ids: Ids, now: Timestamp) -> Self {
        let now = whole(now);
        let net = Net::new(&map);
        let grace = grace(&map);
        let mut board = Self {
            series: net.series.iter().map(|_| Watch::new(now)).collect(),
            joints: vec![Joint::default(); net.joints.len()],
            sight: Sight::new(net.series.len(), map.vantages.len()),
            touchpoints: net.touchpoints.iter().map(|_| Place::new(now)).collect(),
            felt: vec![Felt::default(); net.elements.len()],
            journeys: net.journeys.iter().map(|_| Pulse::new(now)).collect(),
            checks: net.checks.iter().map(|_| Comparison::new(now)).collect(),
            spending: Spending::of(&map),
            incidents: BTreeMap::new(),
            noted: BTreeSet::new(),
            own: Own::new(now + grace),
            evaluated: now,
            looked: now,
            stale_scores: (0..net.journeys.len()).collect(),
            fresh_scores: BTreeSet::new(),
            stale_touchpoints: BTreeSet::new(),
            dirty: Dirty::default(),
            told_next: 0,
            map,
            ids,
            net,
        };
        board.open_and_close(now, &mut Vec::new());
        board.see(now);
        board
    }

    /// Takes the readings that came in together; what they changed, in order.
    pub fn apply(&mut self, readings: &[Arc<Reading>], now: Timestamp) -> Vec<Change> {
        let now = whole(now);
        self.fresh_scores.clear();
        let mut changes = Vec::new();
        let mut touched = Touched::default();
        for reading in readings {
            self.glimpse(reading);
            match &reading.outcome.verdict {
                Verdict::Inconclusive { why, text } => {
                    self.inconclusive(*why, (text, &reading.vantage), now, &mut changes);
                    self.missed(reading, &mut changes);
                }
                Verdict::Skipped(_) => self.missed(reading, &mut changes),
                _ if self.is_blind(&reading.vantage) => self.missed(reading, &mut changes),
                _ => {
                    self.conclusive(&reading.vantage, now, &mut changes);
                    self.learn(reading, now, &mut touched, &mut changes);
                }
            }
        }
        self.follow(touched, now, &mut changes);
        changes
    }

    /// Takes a reading that says something of its touchpoints.
    fn learn(&mut self, reading: &Arc<Reading>, now: Timestamp, touched: &mut Touched, changes: &mut Vec<Change>) {
        let mut recheck: Option<Timestamp> = None;
        for sample in &reading.outcome.samples {
            let series = Series { probe: sample.probe.clone(), ..reading.series() };
            let Some(&at) = self.net.series_of.get(&series) else { continue };
            let touchpoint = self.net.probes[self.net.series[at].probe].touchpoint;
            if self.touchpoints[touchpoint].closed {
                continue;
            }
            let was_well = self.series[at].is_well();
            let step = self.sample(at, (sample, reading), now, touched, changes);
            let still_well = was_well && self.series[at].is_well() && sample.quality >= Quality::PERFECT;
            recheck = [recheck, step.recheck].into_iter().flatten().min();
            let occasion = self.settle(at, now, changes);
            if still_well && self.touchpoints[touchpoint].incident.is_none() {
                self.dirty.quiet.insert(at);
                self.stale_touchpoints.insert(touchpoint);
                continue;
            }
            self.dirty.series.insert(at);
            touched.touchpoint(touchpoint, occasion);
        }
        self.excuse(reading, now, touched, changes);
        self.compare(reading, now, touched);
        if let Some(at) = recheck {
            changes.push(Change::Recheck { series: reading.series(), at, by: reading.root() });
        }
    }

    /// Lets time pass; called every second.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let now = whole(now);
        self.fresh_scores.clear();
        let mut changes = Vec::new();
        if now < self.looked {
            self.turn_back(now);
        }
        self.open_and_close(now, &mut changes);
        if elapsed(self.looked, now) >= LOOK || now < self.looked {
            self.looked = now;
            self.dirty.clock = true;
            self.look(now, &mut changes);
        }
        if elapsed(self.evaluated, now) >= EVALUATION || now < self.evaluated {
            self.evaluated = now;
            self.evaluate(now, &mut changes);
        }
        for touchpoint in std::mem::take(&mut self.stale_touchpoints) {
            self.feel(touchpoint, now);
            self.stale_scores.extend(&self.net.touchpoints[touchpoint].journeys);
        }
        for journey in std::mem::take(&mut self.stale_scores) {
            self.pulse(journey, Occasion::Sample, now, &mut changes);
        }
        self.look_through_each(now, &mut changes);
        self.escalate(now, &mut changes);
        self.own_tick(now, &mut changes);
        changes
    }

    /// The numbers of every journey, for their history.
    pub fn scores(&self) -> Vec<ScoreNow> {
        (0..self.journeys.len()).map(|journey| self.score_now(journey)).collect()
    }

    /// The numbers of one journey.
    pub fn score_of(&self, id: &JourneyId) -> Option<ScoreNow> {
        let journey = self.net.journeys.iter().position(|at| at.id == *id)?;
        Some(self.score_now(journey))
    }

    fn score_now(&self, journey: usize) -> ScoreNow {
        let pulse = &self.journeys[journey];
        ScoreNow {
            journey: self.net.journeys[journey].id.clone(),
            score: pulse.number(),
            felt: pulse.number().map(|_| pulse.sight.felt),
            observed: pulse.sight.observed,
            losses: self.losses(journey),
        }
    }

    /// Works every journey out without telling.
    fn see(&mut self, now: Timestamp) {
        for journey in 0..self.journeys.len() {
            self.journeys[journey].sight = self.sight(journey, now);
        }
    }
}

/// No alert about ourselves in the first five intervals after a start.
fn grace(map: &JourneyMap) -> Duration {
    const AT_MOST: Duration = Duration::from_mins(5);
    map.probes().map(|probe| probe.every * 5).max().unwrap_or_default().min(AT_MOST)
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board")
            .field("series", &self.series.len())
            .field("incidents", &self.incidents.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
