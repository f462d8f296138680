//! Journeys: their scores, what the scores are made of, and how they were.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;

use super::maintenance::{Planned, planned};
use super::segments::{Segment, segments};
use super::touchpoints::{Voice, voices};
use super::{At, Fault};
use crate::model::{self, Element, ElementNow, FindingSeverity, JourneyId, JourneyNow, NeedNow, Severity, Snapshot};
use crate::units::Period;
use crate::web::past::total;
use crate::web::problem::Problem;
use crate::web::routes::Shared;
use crate::web::shares::Shares;
use crate::web::trend::Trend;
use crate::web::visitor::{Reader, Spoken};
use crate::web::voice;
use crate::words::{self, Words};

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Status {
    company: String,
    at: At,
    /// The worst journey's.
    score: Option<f64>,
    felt: Option<f64>,
    observed: f64,
    /// Beside the worst, never instead of it.
    mean: Option<f64>,
    journeys: Vec<Brief>,
    open_incidents: usize,
    troubles: Vec<Trouble>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Trouble {
    code: &'static str,
    what: String,
    text: String,
    since: At,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Brief {
    id: String,
    title: String,
    score: Option<f64>,
    /// Nothing costs it but first looks that are still under way.
    pending: bool,
    felt: Option<f64>,
    color: &'static str,
    observed: f64,
    range: [f64; 2],
    since: At,
    sentence: String,
    /// It loses minutes faster than its objective allows: `page` or `ticket`.
    burning: Option<&'static str>,
    worst: Option<String>,
    /// Against the same time of day yesterday and a week ago; absent where nobody looks back.
    #[serde(skip_serializing_if = "Option::is_none")]
    trend: Option<Trend>,
    /// The same journey as the customers of each segment meet it; empty where no persona has a segment.
    segments: Vec<Segment>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Full {
    #[serde(flatten)]
    brief: Brief,
    at: At,
    /// The company's, in which its sentences tell times.
    timezone: String,
    stages: Vec<Stage>,
    consistency: Vec<Check>,
    /// What customers say of its touchpoints; in no score.
    voice: Vec<Voice>,
    /// Windows of planned work that are open over a touchpoint of it; the score counts them like all time.
    maintenance: Vec<Planned>,
    objective: Option<Objective>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Stage {
    id: String,
    title: String,
    score: Option<f64>,
    color: &'static str,
    elements: Vec<Need>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Need {
    One(Box<Part>),
    Of { any_of: Vec<Part>, need: usize, shares: Vec<f64>, share: f64, health: f64 },
}

/// An element of a journey.
#[derive(Debug, Serialize, JsonSchema)]
struct Part {
    touchpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<String>,
    title: String,
    state: &'static str,
    health: f64,
    criticality: f64,
    share: f64,
    gain_if_fixed: f64,
    since: At,
    fault: Option<Fault>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Check {
    name: String,
    #[schemars(with = "String")]
    severity: FindingSeverity,
    state: &'static str,
    values: Vec<Seen>,
    share: f64,
    since: At,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Seen {
    source: String,
    value: Option<String>,
    at: Option<At>,
    /// Read within the last two intervals of its source: older values are compared with nothing.
    fresh: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Objective {
    pub(in crate::web) target: f64,
    /// As it is configured: `30d`.
    pub(in crate::web) window: String,
    pub(in crate::web) lost_minutes: f64,
    pub(in crate::web) budget_minutes: f64,
    /// How many times faster than sustainable the last hour lost minutes.
    pub(in crate::web) burn: f64,
    /// What that deserves: `page` or `ticket`.
    pub(in crate::web) alert: Option<&'static str>,
    pub(in crate::web) burns: Vec<Burn>,
}

/// How many times as fast as the objective allows minutes were lost: told when both windows reach the factor.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Burn {
    factor: f64,
    severity: &'static str,
    long_seconds: f64,
    long: f64,
    short_seconds: f64,
    short: f64,
}

impl From<&model::Burn> for Burn {
    fn from(burn: &model::Burn) -> Self {
        Self {
            factor: burn.factor,
            severity: burn.severity.as_str(),
            long_seconds: burn.long.0 as f64 * 60.0,
            long: burn.long.1,
            short_seconds: burn.short.0 as f64 * 60.0,
            short: burn.short.1,
        }
    }
}

pub(in crate::web) async fn status(State(shared): State<Arc<Shared>>, reader: Reader) -> Spoken<Json<Status>> {
    let snapshot = shared.snapshot();
    let worst = snapshot.worst();
    let scores: Vec<f64> =
        snapshot.journeys.iter().filter_map(|journey| journey.score).map(model::Score::points).collect();
    let mean = (!scores.is_empty()).then(|| (scores.iter().sum::<f64>() / scores.len() as f64 * 10.0).floor() / 10.0);
    let troubles = snapshot.troubles.iter();
    let mut journeys = Vec::with_capacity(snapshot.journeys.len());
    for journey in &snapshot.journeys {
        journeys.push(Brief { trend: Some(shared.trend(journey).await), ..brief(&reader.words, journey, &snapshot) });
    }
    reader.answered(Json(Status {
        company: snapshot.map.company.clone(),
        at: At(snapshot.at),
        score: worst.and_then(|journey| journey.score).map(model::Score::points),
        felt: worst.and_then(|journey| journey.felt).map(model::Score::points),
        observed: worst.map_or(0.0, |journey| journey.observed),
        mean,
        journeys,
        open_incidents: snapshot.incidents.len(),
        troubles: troubles.map(|one| trouble(&reader.words, one)).collect(),
    }))
}

fn trouble(words: &Words, trouble: &model::Trouble) -> Trouble {
    let model::Trouble { what, since, text } = trouble;
    Trouble { code: what.code(), what: words.own(*what).into_owned(), text: text.clone(), since: At(*since) }
}

pub(in crate::web) async fn journey(
    State(shared): State<Arc<Shared>>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Spoken<Json<Full>>, Problem> {
    let snapshot = shared.snapshot();
    let id = JourneyId::new(&id);
    let now = snapshot.journey(&id).ok_or_else(Problem::not_found)?;
    let objective = objective(&shared, &snapshot, &id).await?;
    let mut answer = full(&reader.words, now, &snapshot, objective);
    answer.brief.trend = Some(shared.trend(now).await);
    Ok(reader.answered(Json(answer)))
}

pub(in crate::web) fn full(words: &Words, now: &JourneyNow, snapshot: &Snapshot, objective: Option<Objective>) -> Full {
    let split = Shares::of(now);
    let stages = now.stages.iter().enumerate().map(|(place, stage)| Stage {
        id: stage.id.to_string(),
        title: stage_title(snapshot, &now.id, place).to_owned(),
        score: stage.score.map(model::Score::points),
        color: stage.color.as_str(),
        elements: stage
            .needs
            .iter()
            .enumerate()
            .map(|(need, now)| self::need(&split, (place, need), now, snapshot))
            .collect(),
    });
    let (stages, consistency) = (stages.collect(), checks(now, &split));
    let voice = voice::on_journey(now, snapshot).into_iter().flat_map(|now| voices(now, snapshot)).collect();
    let timezone = snapshot.map.timezone.iana_name().unwrap_or("UTC").to_owned();
    let needs = snapshot.map.journey(&now.id);
    let over = |window: &model::Maintenance| {
        needs.is_some_and(|journey| journey.elements().any(|element| window.covers(element.touchpoint())))
    };
    let maintenance = planned(snapshot, over);
    Full {
        brief: brief(words, now, snapshot),
        at: At(snapshot.at),
        timezone,
        stages,
        consistency,
        voice,
        maintenance,
        objective,
    }
}

/// The title of the stage at that place, from the map.
pub(in crate::web) fn stage_title<'a>(snapshot: &'a Snapshot, journey: &JourneyId, place: usize) -> &'a str {
    let stages = snapshot.map.journey(journey).map(|journey| &journey.stages);
    stages.and_then(|stages| stages.get(place)).map_or("", |stage| &stage.title)
}

fn brief(words: &Words, journey: &JourneyNow, snapshot: &Snapshot) -> Brief {
    Brief {
        id: journey.id.to_string(),
        title: words::title(&journey.id, &snapshot.map).to_owned(),
        score: journey.score.map(model::Score::points),
        pending: words::is_pending(journey),
        felt: journey.felt.map(model::Score::points),
        color: journey.color.as_str(),
        observed: journey.observed,
        range: [journey.range.0.points(), journey.range.1.points()],
        since: At(journey.since),
        sentence: words.journey(journey, snapshot),
        burning: journey.burning.map(Severity::as_str),
        worst: journey.worst.as_ref().map(ToString::to_string),
        trend: None,
        segments: segments(words, journey, snapshot),
    }
}

fn need(shares: &Shares, (stage, need): (usize, usize), now: &NeedNow, snapshot: &Snapshot) -> Need {
    let part = |(member, element): (usize, &ElementNow)| part(element, shares.element(stage, need, member), snapshot);
    match now {
        NeedNow::One(element) => Need::One(Box::new(part((0, element)))),
        NeedNow::Of { need, members, shares, share, health } => Need::Of {
            any_of: members.iter().enumerate().map(part).collect(),
            need: *need,
            shares: shares.clone(),
            share: (share * 10.0).round() / 10.0,
            health: *health,
        },
    }
}

fn part(element: &ElementNow, share: f64, snapshot: &Snapshot) -> Part {
    let touchpoint = element.element.touchpoint();
    Part {
        touchpoint: touchpoint.to_string(),
        probe: match &element.element {
            Element::Touchpoint(_) => None,
            Element::Probe(probe) => Some(probe.name.to_string()),
        },
        title: words::touchpoint(touchpoint, &snapshot.map).to_owned(),
        state: element.health.state.as_str(),
        health: element.health.value,
        criticality: element.criticality,
        share,
        gain_if_fixed: (element.gain_if_fixed * 10.0).floor() / 10.0,
        since: At(element.since),
        fault: element.fault.as_ref().map(Fault::from),
    }
}

fn checks(journey: &JourneyNow, shares: &Shares) -> Vec<Check> {
    let seen = |value: &model::ValueNow| Seen {
        source: value.source.to_string(),
        value: value.value.clone(),
        at: value.at.map(At),
        fresh: value.fresh,
    };
    let checks = journey.consistency.iter().enumerate().map(|(place, check)| Check {
        name: check.name.clone(),
        severity: check.severity,
        state: check.state.as_str(),
        values: check.values.iter().map(seen).collect(),
        share: shares.check(place),
        since: At(check.since),
    });
    checks.collect()
}

/// What the journey's objective allows, and how much of it is gone.
pub(in crate::web) async fn objective(
    shared: &Shared,
    snapshot: &Snapshot,
    id: &JourneyId,
) -> Result<Option<Objective>, Problem> {
    let Some(objective) = snapshot.map.journey(id).and_then(|journey| journey.objective) else {
        return Ok(None);
    };
    let journey = snapshot.journey(id);
    let now = shared.site.clock.now();
    let lost = async |window: Duration, step: Duration| {
        let from = SignedDuration::try_from(window).ok().and_then(|window| now.checked_sub(window).ok()).unwrap_or(now);
        let points = shared.site.store.scores(id, from, now, step).await.map_err(|refused| Problem::store(&refused))?;
        Ok::<f64, Problem>(total(&points, |point| point.lost_minutes))
    };
    let spare = 1.0 - objective.target / 100.0;
    let hour = lost(Duration::from_hours(1), Duration::from_mins(1)).await?;
    Ok(Some(Objective {
        target: objective.target,
        window: Period::from_millis(objective.window.as_millis() as u64).to_string(),
        lost_minutes: lost(objective.window, Duration::from_hours(24)).await?,
        budget_minutes: objective.window.as_secs_f64() / 60.0 * spare,
        burn: if spare > 0.0 { hour / (60.0 * spare) } else { 0.0 },
        alert: journey.and_then(|now| now.burning).map(Severity::as_str),
        burns: journey.map(|now| now.burns.iter().map(Burn::from).collect()).unwrap_or_default(),
    }))
}
