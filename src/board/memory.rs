//! What a restart and a reload keep.
//!
//! Keys: `series:{series}` the window, detector and fault of a series; `journey:{id}` colour and told score;
//! `felt:{element}` what customers remember; `check:{journey}/{name}` compared values; `touchpoint:{id}` since when its
//! state; `board` the clock of evaluations. An entry that cannot be read is as good as none.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::consistency::Comparison;
use super::dirty::Dirty;
use super::keys::{felt_key, journey_key, series_key, touchpoint_key};
use super::net::Net;
use super::pulse::Pulse;
use super::watch::{Watch, whole};
use super::{Board, Ids, Place};
use crate::model::{
    Cause, Change, Close, Element, Incident, IncidentId, JourneyMap, ProbeId, Series, State, TouchpointId,
};
use crate::score::Felt;

/// When the board last looked round.
#[derive(Serialize, Deserialize)]
pub(super) struct Rounds {
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) evaluated: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) looked: Timestamp,
}

/// A touchpoint's state and since when.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) state: State,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) since: Timestamp,
}

/// Everything that outlives a net, by name.
struct Kept {
    series: HashMap<Series, Watch>,
    touchpoints: HashMap<TouchpointId, Place>,
    felt: HashMap<Element, Felt>,
    journeys: HashMap<String, Pulse>,
    checks: HashMap<String, Comparison>,
}

impl Board {
    /// When the board whose memory this is last looked round.
    pub fn last_looked(memory: &[(String, String)]) -> Option<Timestamp> {
        let (_, rounds) = memory.iter().find(|(key, _)| key == "board")?;
        serde_json::from_str::<Rounds>(rounds).ok().map(|rounds| rounds.looked)
    }

    /// A board that goes on where another stopped: what its memory and its open incidents say.
    pub fn restore(
        map: Arc<JourneyMap>,
        ids: Ids,
        memory: Vec<(String, String)>,
        incidents: Vec<Incident>,
        now: Timestamp,
    ) -> (Self, Vec<Change>) {
        let now = whole(now);
        let mut board = Self::new(map, ids, now);
        let memory: HashMap<String, String> = memory.into_iter().collect();
        let renamed = Net::renamed(&board.map);
        let former: HashMap<&TouchpointId, &TouchpointId> = renamed.iter().map(|(was, id)| (id, was)).collect();
        for (at, series) in board.net.series.iter().enumerate() {
            let own = read(&memory, &series_key(&series.series));
            let was = || {
                let touchpoint = (*former.get(&series.series.probe.touchpoint)?).clone();
                read(&memory, &series_key(&moved(&series.series, touchpoint)))
            };
            if let Some(watch) = own.or_else(was) {
                board.series[at] = watch;
            }
        }
        for (at, touchpoint) in board.net.touchpoints.iter().enumerate() {
            if let Some(Told { state, since }) = read(&memory, &touchpoint_key(&touchpoint.id)) {
                (board.touchpoints[at].state, board.touchpoints[at].since) = (state, since);
            }
        }
        fill(&memory, &mut board.felt, |at| felt_key(&board.net.elements[at].element));
        fill(&memory, &mut board.journeys, |at| journey_key(board.net.journeys[at].id.as_str()));
        fill(&memory, &mut board.checks, |at| board.net.check_key(at));
        if let Some(Rounds { evaluated, looked }) = read(&memory, "board") {
            (board.evaluated, board.looked) = (evaluated, looked);
        }
        board.dirty = Dirty::default();
        board.adopt(incidents);
        board.see(now);
        let mut changes = Vec::new();
        board.expel(now, &mut changes);
        (board, changes)
    }

    /// Takes a new map. What did not change keeps its streaks, its memory and its incidents.
    pub fn reload(&mut self, map: Arc<JourneyMap>, now: Timestamp) -> Vec<Change> {
        let now = whole(now);
        let renamed = Net::renamed(&map);
        let keys: BTreeSet<String> = self.keys().collect();
        let kept = self.take(&renamed);
        let incidents: Vec<Incident> = std::mem::take(&mut self.incidents).into_values().collect();
        let ids = std::mem::replace(&mut self.ids, Box::new(uuid::Uuid::nil));
        let (evaluated, looked, own) = (self.evaluated, self.looked, self.own.clone());
        *self = Self::new(map, ids, now);
        (self.evaluated, self.looked, self.own) = (evaluated, looked, own);
        self.put(kept);
        self.dirty = Dirty::default();
        let new: BTreeSet<String> = self.keys().collect();
        self.dirty.forgotten = keys.difference(&new).cloned().collect();
        // A renamed touchpoint is written under its new name.
        let renamed_to: BTreeSet<&TouchpointId> = renamed.values().collect();
        let series = self.net.series.iter().enumerate();
        self.dirty
            .series
            .extend(series.filter(|(_, at)| renamed_to.contains(&at.series.probe.touchpoint)).map(|(place, _)| place));
        self.adopt(incidents.into_iter().map(|incident| rename(incident, &renamed)).collect());
        self.see(now);
        let mut changes = Vec::new();
        self.open_and_close(now, &mut changes);
        for touchpoint in 0..self.touchpoints.len() {
            self.retell(touchpoint, now, &mut changes);
        }
        self.expel(now, &mut changes);
        self.review(0..self.touchpoints.len(), now, &mut changes);
        changes
    }

    fn keys(&self) -> impl Iterator<Item = String> {
        let series = self.net.series.iter().map(|at| series_key(&at.series));
        let touchpoints = self.net.touchpoints.iter().map(|at| touchpoint_key(&at.id));
        let felt = self.net.elements.iter().map(|at| felt_key(&at.element));
        let journeys = self.net.journeys.iter().map(|at| journey_key(at.id.as_str()));
        let checks = (0..self.checks.len()).map(|at| self.net.check_key(at));
        series.chain(touchpoints).chain(felt).chain(journeys).chain(checks)
    }

    fn take(&mut self, renamed: &HashMap<TouchpointId, TouchpointId>) -> Kept {
        let to = |id: &TouchpointId| renamed.get(id).unwrap_or(id).clone();
        let series = self.net.series.iter().map(|at| moved(&at.series, to(&at.series.probe.touchpoint)));
        let touchpoints = self.net.touchpoints.iter().map(|at| to(&at.id));
        let element = |element: &Element| match element {
            Element::Touchpoint(id) => Element::Touchpoint(to(id)),
            Element::Probe(id) => Element::Probe(ProbeId { touchpoint: to(&id.touchpoint), name: id.name.clone() }),
        };
        let elements = self.net.elements.iter().map(|at| element(&at.element));
        let journeys = self.net.journeys.iter().map(|at| at.id.to_string());
        let checks: Vec<String> = (0..self.checks.len()).map(|at| self.net.check_key(at)).collect();
        Kept {
            series: series.zip(std::mem::take(&mut self.series)).collect(),
            touchpoints: touchpoints.zip(std::mem::take(&mut self.touchpoints)).collect(),
            felt: elements.zip(std::mem::take(&mut self.felt)).collect(),
            journeys: journeys.zip(std::mem::take(&mut self.journeys)).collect(),
            checks: checks.into_iter().zip(std::mem::take(&mut self.checks)).collect(),
        }
    }

    fn put(&mut self, mut kept: Kept) {
        for (at, place) in self.net.series.iter().zip(&mut self.series) {
            kept.series.remove(&at.series).into_iter().for_each(|watch| *place = watch);
        }
        for (at, place) in self.net.touchpoints.iter().zip(&mut self.touchpoints) {
            let closed = place.closed;
            kept.touchpoints
                .remove(&at.id)
                .into_iter()
                .for_each(|old| *place = Place { incident: None, closed, ..old });
        }
        for (at, place) in self.net.elements.iter().zip(&mut self.felt) {
            kept.felt.remove(&at.element).into_iter().for_each(|felt| *place = felt);
        }
        for (at, place) in self.net.journeys.iter().zip(&mut self.journeys) {
            kept.journeys.remove(at.id.as_str()).into_iter().for_each(|pulse| *place = pulse);
        }
        for (at, place) in self.checks.iter_mut().enumerate() {
            kept.checks.remove(&self.net.check_key(at)).into_iter().for_each(|check| *place = check);
        }
    }

    /// Takes open incidents, and lets their touchpoints know.
    fn adopt(&mut self, incidents: Vec<Incident>) {
        for incident in incidents.into_iter().filter(|incident| incident.closed.is_none()) {
            match &incident.cause {
                Cause::Touchpoint(_) => {
                    for place in incident.touchpoints.iter().filter_map(|id| self.net.touchpoint_of.get(id)) {
                        self.touchpoints[*place].incident = Some(incident.id);
                    }
                }
                Cause::Own(what) if !self.own.has(*what) => {
                    let text = incident.timeline.first().map(|first| first.what.clone()).unwrap_or_default();
                    self.own.restore(*what, incident.opened, incident.id, text);
                }
                Cause::Own(_) | Cause::Journey(_) => {}
            }
            self.incidents.insert(incident.id, incident);
        }
    }

    /// Ends incidents of what is no longer watched, and follows those that lost a part.
    fn expel(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let known: Vec<(IncidentId, Cause, BTreeSet<TouchpointId>)> = self
            .incidents
            .values()
            .map(|incident| (incident.id, incident.cause.clone(), incident.touchpoints.clone()))
            .collect();
        for (id, cause, touchpoints) in known {
            let left = touchpoints.iter().filter_map(|id| self.net.touchpoint_of.get(id));
            let ails = left.clone().any(|place| self.ailment(*place, now).is_some());
            let is_whole = left.count() == touchpoints.len();
            match cause {
                // What is as it was has its turn with the next evaluation: a restart by itself tells nothing.
                Cause::Touchpoint(root) if ails && is_whole => self.recall(id, &root),
                Cause::Touchpoint(_) if ails => self.revise(id, now, changes),
                Cause::Touchpoint(_) => self.close(id, Close::Removed, now, changes),
                Cause::Journey(journey) if self.map.journey(&journey).is_none() => {
                    self.close(id, Close::Removed, now, changes);
                }
                Cause::Journey(_) | Cause::Own(_) => {}
            }
        }
    }

    /// An incident's newest trace is not worth a writing of its own, but is known from the series.
    fn recall(&mut self, id: IncidentId, root: &TouchpointId) {
        let Some(place) = self.net.touchpoint_of.get(root).copied() else { return };
        let Some(mut now) = self.incidents.get(&id).cloned() else { return };
        self.fill(&mut now, place);
        if let Some(incident) = self.incidents.get_mut(&id) {
            incident.trace = now.trace;
        }
    }
}

fn rename(mut incident: Incident, renamed: &HashMap<TouchpointId, TouchpointId>) -> Incident {
    let to = |id: &TouchpointId| renamed.get(id).unwrap_or(id).clone();
    if let Cause::Touchpoint(id) = &incident.cause {
        incident.cause = Cause::Touchpoint(to(id));
    }
    incident.touchpoint = incident.touchpoint.as_ref().map(to);
    incident.touchpoints = incident.touchpoints.iter().map(to).collect();
    let probe = |id: &ProbeId| ProbeId { touchpoint: to(&id.touchpoint), name: id.name.clone() };
    incident.probes = incident.probes.iter().map(probe).collect();
    incident
}

fn moved(series: &Series, touchpoint: TouchpointId) -> Series {
    Series { probe: ProbeId { touchpoint, name: series.probe.name.clone() }, ..series.clone() }
}

fn read<T: DeserializeOwned>(memory: &HashMap<String, String>, key: &str) -> Option<T> {
    serde_json::from_str(memory.get(key)?).ok()
}

fn fill<T: DeserializeOwned>(memory: &HashMap<String, String>, all: &mut [T], key: impl Fn(usize) -> String) {
    for (at, place) in all.iter_mut().enumerate() {
        if let Some(known) = read(memory, &key(at)) {
            *place = known;
        }
    }
}
