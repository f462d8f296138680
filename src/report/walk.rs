//! A journey walked stage by stage: what was tried at every touchpoint, what was found there, and what it costs. Pure.

mod csv;
mod text;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use csv::csv;
pub use text::text;
pub(super) use text::{heading, pain_line};

use crate::model::{
    CheckNow, Color, Element, ElementNow, Fault, Health, JourneyId, JourneyMap, JourneyNow, Need, NeedNow, Probe,
    ProbeId, Reading, Score, Snapshot, StageId, State, StepOutcome, TouchpointId,
};

/// What costs less is noise to a customer.
const POINTS_WORTH_NAMING: f64 = 0.05;

/// One journey, walked.
#[derive(Clone, Debug)]
pub struct Walk {
    pub company: String,
    pub journey: JourneyId,
    pub title: String,
    /// When what it says was so.
    pub at: Timestamp,
    pub score: Option<Score>,
    pub felt: Option<Score>,
    pub color: Color,
    /// 0..=1.
    pub observed: f64,
    pub stages: Vec<WalkedStage>,
    /// All of the journey's consistency checks.
    pub checks: Vec<CheckNow>,
    /// What costs the score, the dearest first.
    pub pains: Vec<Pain>,
}

#[derive(Clone, Debug)]
pub struct WalkedStage {
    pub id: StageId,
    pub title: String,
    pub score: Option<Score>,
    pub color: Color,
    pub places: Vec<Place>,
}

/// A touchpoint where a stage needs it.
#[derive(Clone, Debug)]
pub struct Place {
    pub touchpoint: TouchpointId,
    pub title: String,
    pub channel: &'static str,
    pub owner: Option<String>,
    pub health: Health,
    pub since: Timestamp,
    /// Points of the journey's score.
    pub share: f64,
    /// Points, if only this were mended.
    pub gain: f64,
    /// It is one of so many of which so many are needed.
    pub choice: Option<(usize, usize)>,
    pub told: Told,
    pub visits: Vec<Visit>,
}

/// Where a place's visits are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Here,
    /// In an earlier stage.
    Above,
}

/// What was tried: one run, or what another touchpoint's errand did here.
#[derive(Clone, Debug)]
pub struct Visit {
    pub probe: ProbeId,
    pub title: String,
    /// The errand that came from elsewhere.
    pub origin: Option<ProbeId>,
    /// With the steps that belong here.
    pub reading: Reading,
}

/// Something that costs the score.
#[derive(Clone, Debug)]
pub struct Pain {
    pub of: PainOf,
    pub owner: Option<String>,
    pub state: State,
    /// Points of the score.
    pub share: f64,
    /// Points, if only this were mended.
    pub gain: Option<f64>,
    pub since: Timestamp,
    pub fault: Option<Fault>,
}

#[derive(Clone, Debug)]
pub enum PainOf {
    Place { stage: String, touchpoint: TouchpointId, title: String },
    Check(String),
}

impl Visit {
    /// What each step found, those that block first.
    pub fn findings(&self) -> impl Iterator<Item = (&StepOutcome, &Fault)> {
        let steps = self.reading.outcome.steps.iter();
        steps.flat_map(|step| {
            step.fault.iter().chain(step.findings.iter().map(|one| &one.fault)).map(move |fault| (step, fault))
        })
    }
}

/// The probes of a journey, in the order in which a customer meets them.
pub fn probes<'a>(map: &'a JourneyMap, journey: &JourneyId) -> Vec<&'a Probe> {
    let mut seen = BTreeSet::new();
    let elements = map.journey(journey).into_iter().flat_map(crate::model::Journey::elements);
    elements.flat_map(|element| probes_of(map, element)).filter(|probe| seen.insert(&probe.id)).collect()
}

fn probes_of<'a>(map: &'a JourneyMap, element: &Element) -> impl Iterator<Item = &'a Probe> {
    let known =
        map.touchpoints.get(element.touchpoint()).map(|touchpoint| touchpoint.probes.as_slice()).unwrap_or_default();
    let only = match element {
        Element::Touchpoint(_) => None,
        Element::Probe(id) => Some(id.clone()),
    };
    known.iter().filter(move |probe| probe.signal.is_none() && only.as_ref().is_none_or(|id| probe.id == *id))
}

/// Of one journey, as the board sees it, with these runs: of each probe and persona the first that is there counts.
pub fn walk(snapshot: &Snapshot, journey: &JourneyId, readings: &[Reading]) -> Option<Walk> {
    let now = snapshot.journey(journey)?;
    let drawn = snapshot.map.journey(journey)?;
    let mut seen = BTreeSet::new();
    let stages = drawn.stages.iter().zip(&now.stages).map(|(stage, at)| WalkedStage {
        id: stage.id.clone(),
        title: stage.title.clone(),
        score: at.score,
        color: at.color,
        places: stage
            .needs
            .iter()
            .zip(&at.needs)
            .flat_map(|(need, at)| places(&snapshot.map, need, at, readings, &mut seen))
            .collect(),
    });
    Some(Walk {
        company: snapshot.map.company.clone(),
        journey: now.id.clone(),
        title: drawn.title.clone(),
        at: snapshot.at,
        score: now.score,
        felt: now.felt,
        color: now.color,
        observed: now.observed,
        stages: stages.collect(),
        checks: now.consistency.clone(),
        pains: pains(snapshot, now),
    })
}

fn places(
    map: &JourneyMap,
    need: &Need,
    at: &NeedNow,
    readings: &[Reading],
    seen: &mut BTreeSet<Element>,
) -> Vec<Place> {
    let choice = match need {
        Need::One(_) => None,
        Need::Of { need, members, .. } => Some((*need, members.len())),
    };
    let place = |element: &ElementNow| {
        let id = element.element.touchpoint();
        let known = map.touchpoints.get(id);
        let is_first = seen.insert(element.element.clone());
        let visits = probes_of(map, &element.element).filter(|_| is_first).flat_map(|probe| visits(probe, readings));
        Place {
            touchpoint: id.clone(),
            title: known.map_or_else(|| id.to_string(), |known| known.title.clone()),
            channel: known.map_or("other", |known| known.channel.as_str()),
            owner: known.and_then(|known| known.owner.clone()),
            health: element.health,
            since: element.since,
            share: element.share,
            gain: element.gain_if_fixed,
            choice,
            told: if is_first { Told::Here } else { Told::Above },
            visits: visits.collect(),
        }
    };
    at.elements().iter().map(place).collect()
}

/// One per persona.
fn visits(probe: &Probe, readings: &[Reading]) -> Vec<Visit> {
    let runs = probe.origin.as_ref().unwrap_or(&probe.id);
    let mut personas = BTreeSet::new();
    let mine = readings.iter().filter(|reading| reading.probe == *runs);
    let first = mine.filter(|reading| personas.insert(reading.persona.clone()));
    let visit = |reading: &Reading| {
        let mut reading = reading.clone();
        if probe.origin.is_some() {
            reading.outcome.steps.retain(|step| step.on.as_ref() == Some(&probe.id.touchpoint));
        }
        Visit { probe: probe.id.clone(), title: probe.title.clone(), origin: probe.origin.clone(), reading }
    };
    first.map(visit).collect()
}

/// Fix first: the larger share, then DOWN, then by name.
fn pains(snapshot: &Snapshot, now: &JourneyNow) -> Vec<Pain> {
    let map = &snapshot.map;
    let stages = map.journey(&now.id).into_iter().flat_map(|journey| &journey.stages).zip(&now.stages);
    let elements = stages.flat_map(|(stage, at)| {
        at.needs.iter().flat_map(NeedNow::elements).map(move |element| (stage.title.clone(), element))
    });
    let places = elements.map(|(stage, element)| {
        let id = element.element.touchpoint();
        let known = map.touchpoints.get(id);
        Pain {
            of: PainOf::Place {
                stage,
                touchpoint: id.clone(),
                title: known.map_or_else(|| id.to_string(), |known| known.title.clone()),
            },
            owner: known.and_then(|known| known.owner.clone()),
            state: element.health.state,
            share: element.share,
            gain: Some(element.gain_if_fixed),
            since: element.since,
            fault: element.fault.clone(),
        }
    });
    let checks = now.consistency.iter().map(|check| Pain {
        of: PainOf::Check(check.name.clone()),
        owner: None,
        state: check.state,
        share: check.share,
        gain: None,
        since: check.since,
        fault: None,
    });
    let mut pains: Vec<Pain> = places.chain(checks).filter(|pain| pain.share >= POINTS_WORTH_NAMING).collect();
    let is_down = |pain: &Pain| pain.state == State::Down;
    pains.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| is_down(b).cmp(&is_down(a))));
    pains
}
