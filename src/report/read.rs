//! Asks the store what a report is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::compose::{JourneyMaterial, Length, Material, Report, compose};
use super::{Period, walk};
use crate::model::{Incident, IncidentId, Journey, JourneyId, JourneyMap, ProbeId, Reading};
use crate::store::{Refused, Store, Stretch};
use crate::words::Words;

/// Incidents of one journey that are looked at; of more the newest.
const INCIDENTS_MAX: u32 = 500;
/// Seconds.
const HOUR: i64 = 3600;
/// Of good runs more than the verdict is kept every five minutes: so far back runs are looked through for one.
const LOOKED_BACK: Duration = Duration::from_mins(6);
const RUNS_LOOKED_AT: u32 = 12;
const RUNS_LOOKED_AT_MAX: u32 = 800;

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
            Some(stretch(store, id, from, length.until).await?)
        }
        None => None,
    };
    Ok(JourneyMaterial {
        id: id.clone(),
        now: stretch(store, id, length.from, length.until).await?,
        losses: store.losses(id, length.from, length.until).await?,
        before: stretch(store, id, before_from, before_until).await?,
        losses_before: store.losses(id, before_from, before_until).await?,
        window,
    })
}

/// The whole hours of it together, as histories keep them; what sticks out on either side by the minute.
async fn stretch(store: &dyn Store, journey: &JourneyId, from: Timestamp, to: Timestamp) -> Result<Stretch, Refused> {
    let hour = |at: i64| Timestamp::from_second(at * HOUR).unwrap_or(to);
    let first = hour(-(-from.as_second()).div_euclid(HOUR)).clamp(from, to.max(from));
    let last = hour(to.as_second().div_euclid(HOUR)).clamp(first, to.max(first));
    let mut whole = Stretch::default();
    for (from, to) in [(from, first), (first, last), (last, to)] {
        if from < to {
            whole = together(&whole, &store.stretch(journey, from, to).await?);
        }
    }
    Ok(whole)
}

fn together(a: &Stretch, b: &Stretch) -> Stretch {
    let scored_minutes = a.scored_minutes + b.scored_minutes;
    let mean = |of: fn(&Stretch) -> Option<f64>| {
        let sum = |one: &Stretch| of(one).unwrap_or(0.0) * one.scored_minutes;
        (scored_minutes > 0.0).then(|| (sum(a) + sum(b)) / scored_minutes)
    };
    Stretch {
        score: mean(|one| one.score),
        felt: mean(|one| one.felt),
        lost_minutes: a.lost_minutes + b.lost_minutes,
        planned_minutes: a.planned_minutes + b.planned_minutes,
        scored_minutes,
    }
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
        let since = LOOKED_BACK.as_secs_f64() / map.turn_of(probe).as_secs_f64().max(1.0);
        let limit = (since as u32).max(RUNS_LOOKED_AT).saturating_mul(series).min(RUNS_LOOKED_AT_MAX);
        let mut readings = store.readings(runs, None, limit).await?;
        readings.sort_by_key(|reading| reading.outcome.steps.is_empty());
        all.extend(readings);
    }
    Ok(all)
}
