//! What a restart and a reload keep.
//!
//! Keys: `series:{series}` the window, detector and fault of a series; `journey:{id}` colour and told score;
//! `joint:{probe}` what several vantages saw together;
//! `felt:{element}` what customers remember; `check:{journey}/{name}` compared values; `touchpoint:{id}` since when its
//! state; `board` the clock of evaluations. An entry that cannot be read is as good as none.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::consistency::Comparison;
use super::dirty::Dirty;
use super::heirs::Lost;
use super::incidents::note;
use super::keys::{felt_key, joint_key, journey_key, series_key, touchpoint_key, touchpoint_of};
use super::net::{JointAt, SeriesAt};
use super::pulse::Pulse;
use super::renames::{Naming, Renames};
use super::watch::{Watch, whole};
use super::{Board, Ids, Place};
use crate::detect::Joint;
use crate::model::{
    Cause, Change, Close, Element, Incident, IncidentId, JourneyMap, PersonaId, ProbeId, Series, State, TouchpointId,
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
    joints: HashMap<(ProbeId, Option<PersonaId>), Joint>,
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
        let mut renames = Renames::of(&board.map);
        renames.retain(|was| is_remembered(&memory, was) || incidents.iter().any(|it| it.touchpoints.contains(was)));
        let new = board.recollect(&memory, renames.former());
        if let Some(Rounds { evaluated, looked }) = read(&memory, "board") {
            (board.evaluated, board.looked) = (evaluated, looked);
        }
        board.dirty = Dirty::default();
        let keys: BTreeSet<String> = board.keys().chain(["board".to_owned()]).collect();
        let gone: Vec<(String, String)> = memory.into_iter().filter(|(key, _)| !keys.contains(key)).collect();
        let lost = Lost { new, at: board.lost_at(&gone, &renames) };
        board.dirty.forgotten = gone.into_iter().map(|(key, _)| key).collect();
        let mut changes = Vec::new();
        board.adopt_renamed(incidents, &renames, now, &mut changes);
        board.hand_down(&lost, now, &mut changes);
        board.see(now);
        board.expel(now, &mut changes);
        (board, changes)
    }

    /// Takes what memory holds, under the present name or else under the former one; the series that it does not hold.
    fn recollect(&mut self, memory: &HashMap<String, String>, former: Naming<'_>) -> Vec<usize> {
        let new = fill(memory, &mut self.series, |at| {
            let series = &self.net.series[at].series;
            [series_key(series), series_key(&former.series(series))]
        });
        fill(memory, &mut self.joints, |at| {
            let joint = &self.net.joints[at];
            [self.net.joint_key(at), joint_key(&former.probe(&joint.probe), joint.persona.as_ref())]
        });
        for (at, touchpoint) in self.net.touchpoints.iter().enumerate() {
            let keys = [touchpoint_key(&touchpoint.id), touchpoint_key(&former.touchpoint(&touchpoint.id))];
            if let Some(Told { state, since }) = keys.iter().find_map(|key| read(memory, key)) {
                (self.touchpoints[at].state, self.touchpoints[at].since) = (state, since);
            }
        }
        fill(memory, &mut self.felt, |at| {
            let element = &self.net.elements[at].element;
            [felt_key(element), felt_key(&former.element(element))]
        });
        fill(memory, &mut self.journeys, |at| [journey_key(self.net.journeys[at].id.as_str())]);
        fill(memory, &mut self.checks, |at| [self.net.check_key(at), self.net.check_key_as(at, former)]);
        new
    }

    /// The touchpoints, as they are called now, of ailing series that memory holds under no name that we know.
    fn lost_at(&self, gone: &[(String, String)], renames: &Renames) -> BTreeSet<TouchpointId> {
        let former = |at: &SeriesAt| series_key(&renames.former().series(&at.series));
        let known: HashSet<String> = self.net.series.iter().map(former).collect();
        let series = gone.iter().filter(|(key, _)| !known.contains(key));
        let ailing = series.filter(|(_, text)| serde_json::from_str::<Watch>(text).is_ok_and(|watch| watch.may_ail()));
        ailing.filter_map(|(key, _)| touchpoint_of(key)).map(|id| renames.present().touchpoint(&id)).collect()
    }

    /// Takes open incidents under the present names. What was renamed is written anew.
    fn adopt_renamed(
        &mut self,
        incidents: Vec<Incident>,
        renames: &Renames,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        for (from, to) in renames.all() {
            changes.push(Change::Renamed { from: from.clone(), to: to.clone() });
        }
        if !renames.is_empty() {
            self.dirty.series.extend(0..self.series.len());
            self.dirty.joints.extend(0..self.joints.len());
            self.dirty.touchpoints.extend(0..self.touchpoints.len());
            self.dirty.felt.extend(0..self.felt.len());
            self.dirty.checks.extend(0..self.checks.len());
        }
        let rename = |incident: Incident| {
            let moved: Vec<_> = renames.all().filter(|(was, _)| incident.touchpoints.contains(*was)).collect();
            let mut present = renames.present().incident(incident);
            for (was, id) in &moved {
                note(&mut present, now, format!("`{was}` is called `{id}` now"));
            }
            if !moved.is_empty() && present.closed.is_none() {
                changes.push(Change::IncidentNoted(present.clone()));
            }
            present
        };
        let incidents = incidents.into_iter().map(rename).collect();
        self.adopt(incidents);
        self.forget_burning();
    }

    /// Takes a new map. What did not change keeps its streaks, its memory and its incidents.
    pub fn reload(&mut self, map: Arc<JourneyMap>, now: Timestamp) -> Vec<Change> {
        let now = whole(now);
        let mut renames = Renames::of(&map);
        renames.retain(|was| self.net.touchpoint_of.contains_key(was));
        let keys: BTreeSet<String> = self.keys().collect();
        let kept = self.take(renames.present());
        let incidents: Vec<Incident> = std::mem::take(&mut self.incidents).into_values().collect();
        let ids = std::mem::replace(&mut self.ids, Box::new(uuid::Uuid::nil));
        let (evaluated, looked, own) = (self.evaluated, self.looked, self.own.clone());
        let sight = self.sight.clone();
        *self = Self::new(map, ids, now);
        (self.evaluated, self.looked, self.own) = (evaluated, looked, own.over(&self.map.vantages));
        self.sight = sight.over(self.net.series.len(), &self.map.vantages);
        let lost = self.put(kept);
        self.dirty = Dirty::default();
        let new: BTreeSet<String> = self.keys().collect();
        self.dirty.forgotten = keys.difference(&new).cloned().collect();
        let mut changes = Vec::new();
        self.adopt_renamed(incidents, &renames, now, &mut changes);
        self.hand_down(&lost, now, &mut changes);
        self.see(now);
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
        let joints = (0..self.joints.len()).map(|at| self.net.joint_key(at));
        series.chain(joints).chain(touchpoints).chain(felt).chain(journeys).chain(checks)
    }

    fn take(&mut self, present: Naming<'_>) -> Kept {
        let series = self.net.series.iter().map(|at| present.series(&at.series));
        let joint = |at: &JointAt| (present.probe(&at.probe), at.persona.clone());
        let joints: Vec<_> = self.net.joints.iter().map(joint).collect();
        let touchpoints = self.net.touchpoints.iter().map(|at| present.touchpoint(&at.id));
        let elements = self.net.elements.iter().map(|at| present.element(&at.element));
        let journeys = self.net.journeys.iter().map(|at| at.id.to_string());
        let checks: Vec<String> = (0..self.checks.len()).map(|at| self.net.check_key_as(at, present)).collect();
        Kept {
            series: series.zip(std::mem::take(&mut self.series)).collect(),
            joints: joints.into_iter().zip(std::mem::take(&mut self.joints)).collect(),
            touchpoints: touchpoints.zip(std::mem::take(&mut self.touchpoints)).collect(),
            felt: elements.zip(std::mem::take(&mut self.felt)).collect(),
            journeys: journeys.zip(std::mem::take(&mut self.journeys)).collect(),
            checks: checks.into_iter().zip(std::mem::take(&mut self.checks)).collect(),
        }
    }

    fn put(&mut self, mut kept: Kept) -> Lost {
        let mut lost = Lost::default();
        for (at, (known, place)) in self.net.series.iter().zip(&mut self.series).enumerate() {
            match kept.series.remove(&known.series) {
                Some(watch) => *place = watch,
                None => lost.new.push(at),
            }
        }
        let ailing = kept.series.into_iter().filter(|(_, watch)| watch.may_ail());
        lost.at.extend(ailing.map(|(series, _)| series.probe.touchpoint));
        for (at, place) in self.net.joints.iter().zip(&mut self.joints) {
            kept.joints.remove(&(at.probe.clone(), at.persona.clone())).into_iter().for_each(|joint| *place = joint);
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
        lost
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
                    self.own.restore(*what, &incident, &self.map.vantages);
                }
                Cause::Own(_) | Cause::Journey(_) | Cause::Objective(_) => {}
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
                Cause::Objective(journey) if self.map.journey(&journey).is_none_or(|at| at.objective.is_none()) => {
                    self.close(id, Close::Removed, now, changes);
                }
                Cause::Journey(_) | Cause::Objective(_) | Cause::Own(_) => {}
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

/// Something is kept under the name of this touchpoint.
fn is_remembered(memory: &HashMap<String, String>, id: &TouchpointId) -> bool {
    let series = format!("series:{id}/");
    memory.contains_key(&touchpoint_key(id)) || memory.keys().any(|key| key.starts_with(&series))
}

fn read<T: DeserializeOwned>(memory: &HashMap<String, String>, key: &str) -> Option<T> {
    serde_json::from_str(memory.get(key)?).ok()
}

/// Of each one's keys, the first that memory has; those of which it has none.
fn fill<T: DeserializeOwned, const N: usize>(
    memory: &HashMap<String, String>,
    all: &mut [T],
    keys: impl Fn(usize) -> [String; N],
) -> Vec<usize> {
    let mut new = Vec::new();
    for (at, place) in all.iter_mut().enumerate() {
        match keys(at).iter().find_map(|key| read(memory, key)) {
            Some(known) => *place = known,
            None => new.push(at),
        }
    }
    new
}
