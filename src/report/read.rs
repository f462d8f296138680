//! Asks the store what a report is made of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::compose::{JourneyMaterial, Length, Material, Report, compose};
use super::{Period, walk};
use crate::model::{Incident, IncidentId, Journey, JourneyId, JourneyMap, ProbeId, Reading};
use crate::store::{Refused, Store};
use crate::words::Words;

/// Incidents of one journey that are looked at; of more the newest.
const INCIDENTS_MAX: u32 = 500;
/// Runs of a probe that are looked through for one of which more than the verdict was kept.
const RUNS_LOOKED_AT: u32 = 24;
const RUNS_LOOKED_AT_MAX: u32 = 240;

/// How these journeys went in a period, or all if none is named; up to now, if it is not over.
///
/// # Errors
/// If the store cannot be read.
pub async fn read(
    store: &dyn Store,
    map: &JourneyMap,
    words: &Words,
    period: Period,
    journeys: &BTreeSet<JourneyId>,
    now: Timestamp,
) -> Result<Report, Refused> {
    let length = length(period, map, now);
    let mut material = Material::default();
    let mut incidents = BTreeMap::new();
    let wanted = |journey: &&Journey| journeys.is_empty() || journeys.contains(&journey.id);
    for journey in map.journeys.iter().filter(wanted) {
        material.journeys.push(of_journey(store, map, journey, length).await?);
        for hurt in store.hurts(&journey.id, length.from, length.until, INCIDENTS_MAX).await? {
            longest(&mut incidents, hurt.incident, length, hurt.opened, hurt.closed);
        }
    }
    // Whole incidents are large: only those that will be told are read.
    let mut ids: Vec<(IncidentId, SignedDuration)> = incidents.into_iter().collect();
    ids.sort_by_key(|(_, within)| std::cmp::Reverse(*within));
    for (id, _) in ids.into_iter().take(INCIDENTS_MAX as usize) {
        if let Some(incident) = store.incident(id).await? {
            let headline = headline(&incident, map, words);
            material.incidents.push((incident, headline));
        }
    }
    Ok(compose(map, length, &material))
}

fn headline(incident: &Incident, map: &JourneyMap, words: &Words) -> String {
    words.incident(incident, map)
}

fn length(period: Period, map: &JourneyMap, now: Timestamp) -> Length {
    let (from, to) = period.bounds(&map.timezone);
    Length { period, from, to, until: to.min(now).max(from) }
}

fn longest(
    incidents: &mut BTreeMap<IncidentId, SignedDuration>,
    id: IncidentId,
    length: Length,
    opened: Timestamp,
    closed: Option<Timestamp>,
) {
    let end = closed.unwrap_or(length.until).min(length.until);
    incidents.insert(id, end.duration_since(opened.max(length.from)));
}

async fn of_journey(
    store: &dyn Store,
    map: &JourneyMap,
    journey: &Journey,
    length: Length,
) -> Result<JourneyMaterial, Refused> {
    let id = &journey.id;
    let (before_from, before_to) = length.period.before().bounds(&map.timezone);
    // As much of the time before as has passed of this one.
    let passed = length.until.duration_since(length.from);
    let before_until = if length.until >= length.to {
        before_to
    } else {
        before_from.saturating_add(passed).unwrap_or(before_to).min(before_to)
    };
    let window = match journey.objective {
        Some(objective) => {
            let window = SignedDuration::try_from(objective.window).unwrap_or(SignedDuration::MAX);
            let from = length.until.saturating_sub(window).unwrap_or(Timestamp::MIN);
            Some(store.stretch(id, from, length.until).await?)
        }
        None => None,
    };
    Ok(JourneyMaterial {
        id: id.clone(),
        now: store.stretch(id, length.from, length.until).await?,
        losses: store.losses(id, length.from, length.until).await?,
        before: store.stretch(id, before_from, before_until).await?,
        losses_before: store.losses(id, before_from, before_until).await?,
        window,
    })
}

/// The newest runs of all that a journey needs, those of which more than the verdict was kept first.
///
/// # Errors
/// If the store cannot be read.
pub async fn latest(store: &dyn Store, map: &JourneyMap, journey: &JourneyId) -> Result<Vec<Reading>, Refused> {
    let mut asked: BTreeSet<&ProbeId> = BTreeSet::new();
    let mut all = Vec::new();
    for probe in walk::probes(map, journey) {
        let runs = probe.origin.as_ref().unwrap_or(&probe.id);
        if !asked.insert(runs) {
            continue;
        }
        let series = u32::try_from(probe.personas.len().max(1) * map.vantages.len()).unwrap_or(1);
        let limit = RUNS_LOOKED_AT.saturating_mul(series).min(RUNS_LOOKED_AT_MAX);
        let mut readings = store.readings(runs, None, limit).await?;
        readings.sort_by_key(|reading| reading.outcome.steps.is_empty());
        all.extend(readings);
    }
    Ok(all)
}
