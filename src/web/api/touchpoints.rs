//! Touchpoints: their states, their probes and how those did over a day and a week.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;

use super::maintenance::{Planned, planned};
use super::{At, Fault, List, Paging};
use crate::model::{Divergence, JourneyId, NeedNow, ProbeNow, SeriesNow, Snapshot, TouchpointId, TouchpointNow};
use crate::store::Digest;
use crate::web::problem::Problem;
use crate::web::routes::Shared;
use crate::web::voice;
use crate::words;

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Touchpoint {
    id: String,
    title: String,
    channel: &'static str,
    owner: Option<String>,
    state: &'static str,
    health: f64,
    observed: f64,
    since: At,
    fault: Option<Fault>,
    /// Journeys that need it.
    journeys: Vec<String>,
    /// Windows of planned work that are open.
    maintenance: Vec<Planned>,
    probes: Vec<Probe>,
    /// What customers say of it; in no score.
    voice: Vec<Voice>,
    /// `customers_red` or `probes_red`, where our probes and the customers tell different stories.
    divergence: Option<&'static str>,
}

/// A signal beside the score.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Voice {
    id: String,
    title: String,
    /// As it was last reported.
    value: Option<String>,
    state: &'static str,
    since: At,
    fault: Option<Fault>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Probe {
    id: String,
    title: String,
    state: &'static str,
    health: f64,
    since: At,
    every_seconds: Option<f64>,
    fault: Option<Fault>,
    series: Vec<Series>,
    /// Only where one touchpoint is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    windows: Option<Windows>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Series {
    persona: Option<String>,
    vantage: String,
    state: &'static str,
    health: f64,
    since: At,
    flapping: bool,
    undecided: bool,
    /// Its vantage cannot see: what it says counts for nothing.
    blind: bool,
    last_run: Option<At>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Windows {
    #[serde(rename = "24h")]
    day: Window,
    #[serde(rename = "7d")]
    week: Window,
    #[serde(rename = "30d")]
    month: Window,
}

/// Availability and latency over a window.
#[derive(Debug, Serialize, JsonSchema)]
struct Window {
    runs: u64,
    good: u64,
    slow: u64,
    failed: u64,
    inconclusive: u64,
    skipped: u64,
    availability: Option<f64>,
    p50_seconds: Option<f64>,
    p95_seconds: Option<f64>,
    p99_seconds: Option<f64>,
}

pub(in crate::web) async fn list(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Paging>, QueryRejection>,
) -> Result<Json<List<Touchpoint>>, Problem> {
    let Query(paging) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = paging.limit()? as usize;
    let snapshot = shared.snapshot();
    let after = paging.after.as_deref().map(TouchpointId::new);
    let mut rest = snapshot.touchpoints.values().filter(|now| after.as_ref().is_none_or(|after| now.id > *after));
    let items: Vec<Touchpoint> = rest.by_ref().take(limit).map(|now| touchpoint(now, &snapshot)).collect();
    let next = rest.next().and(items.last()).map(|last| last.id.clone());
    Ok(Json(List { items, next }))
}

pub(in crate::web) async fn one(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Touchpoint>, Problem> {
    let snapshot = shared.snapshot();
    let now = snapshot.touchpoints.get(&TouchpointId::new(&id)).ok_or_else(Problem::not_found)?;
    let mut answer = touchpoint(now, &snapshot);
    for (probe, now) in answer.probes.iter_mut().zip(&now.probes) {
        let [day, week, month] = windows(&shared, now).await.map_err(|refused| Problem::store(&refused))?;
        probe.windows = Some(Windows { day: day.into(), week: week.into(), month: month.into() });
    }
    Ok(Json(answer))
}

/// How a probe did over the last day, week and month.
pub(in crate::web) async fn windows(shared: &Shared, probe: &ProbeNow) -> Result<[Digest; 3], crate::store::Refused> {
    let now = shared.site.clock.now();
    let ago = |hours| now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(now);
    let store = &shared.site.store;
    let day = store.digest(&probe.id, ago(24), now).await?;
    let week = store.digest(&probe.id, ago(24 * 7), now).await?;
    Ok([day, week, store.digest(&probe.id, ago(24 * 30), now).await?])
}

/// The journeys that pass a touchpoint, in the map's order.
pub(in crate::web) fn journeys(touchpoint: &TouchpointId, snapshot: &Snapshot) -> Vec<JourneyId> {
    let passes = |needs: &[NeedNow]| {
        needs.iter().flat_map(NeedNow::elements).any(|element| element.element.touchpoint() == touchpoint)
    };
    let journeys = snapshot.journeys.iter();
    journeys.filter(|now| now.stages.iter().any(|stage| passes(&stage.needs))).map(|now| now.id.clone()).collect()
}

fn touchpoint(now: &TouchpointNow, snapshot: &Snapshot) -> Touchpoint {
    let place = snapshot.map.touchpoints.get(&now.id);
    Touchpoint {
        id: now.id.to_string(),
        title: words::touchpoint(&now.id, &snapshot.map).to_owned(),
        channel: place.map_or("other", |place| place.channel.as_str()),
        owner: place.and_then(|place| place.owner.clone()),
        state: now.health.state.as_str(),
        health: now.health.value,
        observed: now.health.observed,
        since: At(now.since),
        fault: now.fault.as_ref().map(Fault::from),
        journeys: journeys(&now.id, snapshot).iter().map(ToString::to_string).collect(),
        maintenance: planned(snapshot, |window| window.covers(&now.id)),
        probes: now.probes.iter().map(|now| probe(now, snapshot)).collect(),
        voice: voices(now, snapshot),
        divergence: now.divergence.map(Divergence::as_str),
    }
}

pub(in crate::web) fn voices(now: &TouchpointNow, snapshot: &Snapshot) -> Vec<Voice> {
    let told = voice::of_touchpoint(now, snapshot).into_iter().map(|voice| Voice {
        id: voice.id.to_string(),
        title: voice.title,
        value: voice.value,
        state: voice.state.as_str(),
        since: At(voice.since),
        fault: voice.fault.as_ref().map(Fault::from),
    });
    told.collect()
}

fn probe(now: &ProbeNow, snapshot: &Snapshot) -> Probe {
    let known = snapshot.map.probe(&now.id);
    Probe {
        id: now.id.to_string(),
        title: known.map_or_else(|| now.id.name.to_string(), |probe| probe.title.clone()),
        state: now.health.state.as_str(),
        health: now.health.value,
        since: At(now.since),
        every_seconds: known.map(|probe| probe.every.as_secs_f64()),
        fault: now.fault.as_ref().map(Fault::from),
        series: now.series.iter().map(series).collect(),
        windows: None,
    }
}

fn series(now: &SeriesNow) -> Series {
    Series {
        persona: now.series.persona.as_ref().map(ToString::to_string),
        vantage: now.series.vantage.to_string(),
        state: now.health.state.as_str(),
        health: now.health.value,
        since: At(now.since),
        flapping: now.flapping,
        undecided: now.undecided,
        blind: now.blind,
        last_run: now.last.as_ref().map(|run| At(run.at)),
    }
}

impl From<Digest> for Window {
    fn from(digest: Digest) -> Self {
        Self {
            runs: digest.runs,
            good: digest.good,
            slow: digest.slow,
            failed: digest.failed,
            inconclusive: digest.inconclusive,
            skipped: digest.skipped,
            availability: digest.availability,
            p50_seconds: digest.p50,
            p95_seconds: digest.p95,
            p99_seconds: digest.p99,
        }
    }
}
