//! What the store knows of a moment past: the runs of then, put into a board.
//!
//! Of every run a brief is kept, and of some the whole. Two things stand only in the whole: what the run says of other
//! touchpoints (`on:`), which is kept beside it as briefs of its own and is put back here; and what it captured, which
//! is not. A comparison of values that were not kept is left out, and said to be.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::board::Board;
use crate::command::Stop;
use crate::config::Plan;
use crate::model::{Consistency, JourneyId, JourneyMap, ProbeId, Reading, Series, Snapshot, Verdict};
use crate::store::sqlite::Sqlite;
use crate::store::{Refused, Store};

/// Readings of a series that decide its health at a moment: its window of ten, and enough before it for the detector.
const READINGS_PER_SERIES: u32 = 60;
/// Runs of a source that a comparison rests on: two in a row that disagree, and what they follow.
const RUNS_COMPARED: usize = 3;

/// A moment past.
pub(super) struct Past {
    pub(super) snapshot: Snapshot,
    /// Checks of the journey of which nothing is known any more.
    pub(super) left_out: Vec<String>,
    /// What was written down then: the mean over that minute, points.
    pub(super) recorded: Option<f64>,
}

fn refused(error: &Refused) -> Stop {
    Stop::own("cannot read the store", error)
}

/// The store, beside the daemon that may hold it.
pub(in crate::command) async fn peek(plan: &Plan) -> Result<Sqlite, Stop> {
    let path: &Path = &plan.store.path;
    if !path.exists() {
        return Err(Stop::failure(format!("no daemon answers, and there is no store at {}", path.display())));
    }
    Sqlite::peek(&plan.store).await.map_err(|error| refused(&error))
}

/// The board that the last daemon left, as it was when it last looked round.
pub(super) async fn last_known(plan: &Plan) -> Result<Option<Snapshot>, Stop> {
    let restored = peek(plan).await?.restore().await.map_err(|error| refused(&error))?;
    let Some(at) = Board::last_looked(&restored.memory) else { return Ok(None) };
    let ids = Box::new(uuid::Uuid::now_v7);
    let (board, _) = Board::restore(Arc::clone(&plan.map), ids, restored.memory, restored.incidents, at);
    Ok(Some(board.snapshot(at)))
}

/// The same readings give the same score.
pub(super) async fn recall(plan: &Plan, journey: &JourneyId, at: Timestamp) -> Result<Past, Stop> {
    let store = peek(plan).await?;
    let (mut readings, mut credited) = (Vec::new(), Vec::new());
    for probe in plan.map.probes() {
        let series = (probe.personas.len().max(1) * plan.map.vantages.len()) as u32;
        let before = at.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(at);
        let some = store
            .readings(&probe.id, Some(before), READINGS_PER_SERIES * series)
            .await
            .map_err(|error| refused(&error))?;
        match &probe.origin {
            None => readings.extend(some),
            Some(origin) => credited.extend(some.into_iter().map(|reading| (origin.clone(), reading))),
        }
    }
    put_back(&mut readings, credited);
    // What was still under way then was not known yet.
    readings.retain(|reading| reading.ended() <= at);
    readings.sort_by_key(Reading::ended);
    let (map, left_out) = comparable(&plan.map, journey, &readings);
    let minute = Duration::from_mins(1);
    let points = store
        .scores(journey, at, at.saturating_add(minute).unwrap_or(at), minute)
        .await
        .map_err(|error| refused(&error))?;
    let recorded = points.first().filter(|point| point.at <= at).and_then(|point| point.score);
    Ok(Past { snapshot: replay(map, readings, at), left_out, recorded })
}

fn replay(map: Arc<JourneyMap>, readings: Vec<Reading>, at: Timestamp) -> Snapshot {
    let began = readings.first().map_or(at, |reading| reading.started);
    let mut board = Board::new(map, Box::new(uuid::Uuid::now_v7), began);
    for reading in readings {
        let ended = reading.ended();
        board.apply(&[Arc::new(reading)], ended);
    }
    board.tick(at);
    board.snapshot(at)
}

/// Gives runs of which only the brief was kept what they said of other touchpoints: the errand, and that.
fn put_back(readings: &mut [Reading], credited: Vec<(ProbeId, Reading)>) {
    let due = |series: Series, at: Timestamp| (series, at.as_millisecond());
    let places: HashMap<(Series, i64), usize> =
        readings.iter().enumerate().map(|(place, run)| (due(run.series(), run.scheduled), place)).collect();
    for (origin, told) in credited {
        let series = Series { probe: origin, ..told.series() };
        let Some(&place) = places.get(&due(series, told.scheduled)) else { continue };
        let samples = &mut readings[place].outcome.samples;
        for sample in told.outcome.samples {
            if samples.iter().all(|known| known.probe != sample.probe) {
                samples.push(sample);
            }
        }
    }
}

/// The map without this journey's comparisons of values that were not kept, and the names of those.
fn comparable(map: &Arc<JourneyMap>, journey: &JourneyId, readings: &[Reading]) -> (Arc<JourneyMap>, Vec<String>) {
    let is_gone = |check: &&Consistency| check.values.iter().any(|source| was_captured_unseen(readings, &source.probe));
    let gone: Vec<String> = map
        .journey(journey)
        .into_iter()
        .flat_map(|journey| journey.consistency.iter().filter(is_gone).map(|check| check.name.clone()))
        .collect();
    if gone.is_empty() {
        return (Arc::clone(map), gone);
    }
    let mut without = JourneyMap::clone(map);
    for known in without.journeys.iter_mut().filter(|known| known.id == *journey) {
        known.consistency.retain(|check| !gone.contains(&check.name));
    }
    (Arc::new(without), gone)
}

/// Of the newest runs of a probe, as anybody, only the brief was kept.
fn was_captured_unseen(readings: &[Reading], probe: &ProbeId) -> bool {
    let mut newest: HashMap<Series, usize> = HashMap::new();
    for run in readings.iter().rev().filter(|run| run.probe == *probe) {
        let says_something = matches!(run.outcome.verdict, Verdict::Good | Verdict::Slow | Verdict::Failed(_));
        let looked_at = newest.entry(run.series()).or_default();
        if says_something && *looked_at < RUNS_COMPARED {
            *looked_at += 1;
            if run.outcome.steps.is_empty() {
                return true;
            }
        }
    }
    false
}
