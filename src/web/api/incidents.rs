//! Incidents and what became of their notifications.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acks::Owner;
use super::{At, Fault, List, Paging};
use crate::model::{self, Annotation, Cause, Close, IncidentId, JourneyMap, Subject};
use crate::store::{Delivery, IncidentFilter, Noted};
use crate::web::problem::Problem;
use crate::web::routes::Shared;
use crate::web::{Audience, audience, postmortem};
use crate::words;

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Incident {
    id: String,
    version: u32,
    severity: &'static str,
    state: &'static str,
    headline: String,
    cause: Origin,
    opened: At,
    closed: Option<At>,
    #[schemars(with = "Option<String>")]
    close: Option<Close>,
    touchpoint: Option<String>,
    touchpoints: Vec<String>,
    probes: Vec<String>,
    impacts: Vec<Impact>,
    fault: Option<Fault>,
    /// Who has it at present.
    acknowledged: Option<Owner>,
    /// What the touchpoints have in common, in words.
    shared: Option<String>,
    trace_id: Option<String>,
    timeline: Vec<Happening>,
    /// Only where one incident is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    notifications: Option<Vec<Notice>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Origin {
    Touchpoint(String),
    Journey(String),
    /// A journey whose objective is used up too fast.
    Objective(String),
    /// A fault of our own, by its code.
    Own(&'static str),
}

#[derive(Debug, Serialize, JsonSchema)]
struct Impact {
    journey: String,
    loss_share: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Happening {
    at: At,
    what: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Notice {
    id: String,
    receiver: String,
    kind: String,
    version: u32,
    state: String,
    attempts: u32,
    created: At,
    settled: Option<At>,
    error: Option<String>,
}

/// `?state&limit&before`; not flattened, since a flattened number would arrive as text.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Asked {
    #[serde(default)]
    state: IncidentFilter,
    limit: Option<u32>,
    before: Option<String>,
}

pub(in crate::web) async fn list(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<List<Incident>>, Problem> {
    let Query(asked) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let paging = Paging { limit: asked.limit, before: asked.before, after: None };
    let (limit, before) = (paging.limit()?, paging.before()?);
    let found = shared.site.store.incidents(asked.state, before, limit).await;
    let found = found.map_err(|refused| Problem::store(&refused))?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|incident| incident.opened.to_string());
    let snapshot = shared.snapshot();
    let items = found.iter().filter_map(|incident| visible(&shared, incident, &snapshot.map));
    Ok(Json(List { items: items.map(|incident| describe(&incident, &snapshot.map)).collect(), next }))
}

pub(in crate::web) async fn one(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Incident>, Problem> {
    let known = read(&shared, &id).await?;
    let mut answer = describe(&known.incident, &shared.snapshot().map);
    answer.timeline = timeline(&known).map(Happening::from).collect();
    answer.notifications = Some(known.deliveries.into_iter().map(notice).collect());
    Ok(Json(answer))
}

pub(in crate::web) async fn postmortem(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let known = read(&shared, &id).await?;
    let markdown = HeaderValue::from_static("text/markdown; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, markdown)], postmortem::write(&shared, &known).await))
}

/// An incident, what was told of it, and what people noted.
#[derive(Debug)]
pub(in crate::web) struct Known {
    pub(in crate::web) incident: model::Incident,
    pub(in crate::web) deliveries: Vec<Delivery>,
    pub(in crate::web) notes: Vec<Annotation>,
}

/// Notes that one incident shows.
const NOTES_MAX: u32 = 200;

/// An incident with its deliveries and notes, as this site's visitors may see it.
pub(in crate::web) async fn read(shared: &Shared, id: &str) -> Result<Known, Problem> {
    let id = IncidentId(id.parse().map_err(|_| Problem::not_found())?);
    let found = shared.site.store.incident(id).await.map_err(|refused| Problem::store(&refused))?;
    let found = found.ok_or_else(Problem::not_found)?;
    let seen = visible(shared, &found, &shared.snapshot().map).ok_or_else(Problem::not_found)?;
    if shared.site.audience == Audience::Everybody {
        return Ok(Known { incident: seen, deliveries: Vec::new(), notes: Vec::new() });
    }
    let store = &shared.site.store;
    let deliveries = store.deliveries(id).await.map_err(|refused| Problem::store(&refused))?;
    let about = Noted { of: Some(Subject::Incident(id)), ..Noted::default() };
    let notes = store.annotations(&about, NOTES_MAX).await.map_err(|refused| Problem::store(&refused))?;
    Ok(Known { incident: seen, deliveries, notes })
}

/// The incident as this site's visitors may see it.
pub(in crate::web) fn visible(
    shared: &Shared,
    incident: &model::Incident,
    map: &JourneyMap,
) -> Option<model::Incident> {
    match shared.site.audience {
        Audience::Insiders => Some(incident.clone()),
        Audience::Everybody => audience::public_incident(incident, map),
    }
}

fn describe(incident: &model::Incident, map: &JourneyMap) -> Incident {
    Incident {
        id: incident.id.to_string(),
        version: incident.version,
        severity: incident.severity.as_str(),
        state: if incident.closed.is_some() { "closed" } else { "open" },
        headline: words::incident(incident, map),
        cause: match &incident.cause {
            Cause::Touchpoint(id) => Origin::Touchpoint(id.to_string()),
            Cause::Journey(id) => Origin::Journey(id.to_string()),
            Cause::Objective(id) => Origin::Objective(id.to_string()),
            Cause::Own(fault) => Origin::Own(fault.code()),
        },
        opened: At(incident.opened),
        closed: incident.closed.map(At),
        close: incident.close,
        touchpoint: incident.touchpoint.as_ref().map(ToString::to_string),
        touchpoints: incident.touchpoints.iter().map(ToString::to_string).collect(),
        probes: incident.probes.iter().map(ToString::to_string).collect(),
        impacts: incident
            .impacts
            .iter()
            .map(|impact| Impact { journey: impact.journey.to_string(), loss_share: impact.loss })
            .collect(),
        fault: incident.fault.as_ref().map(Fault::from),
        acknowledged: incident.answered().map(Owner::from),
        shared: words::shared(incident, map),
        trace_id: incident.trace.map(|trace| trace.to_string()),
        timeline: incident.timeline.iter().cloned().map(Happening::from).collect(),
        notifications: None,
    }
}

impl From<model::Happening> for Happening {
    fn from(happening: model::Happening) -> Self {
        Self { at: At(happening.at), what: happening.what }
    }
}

/// Everything that happened, in order: to the incident, who was told of it, and what people noted.
pub(in crate::web) fn timeline(known: &Known) -> impl DoubleEndedIterator<Item = model::Happening> + use<> {
    let told = known.deliveries.iter().filter_map(|delivery| {
        let what = match delivery.kind.as_str() {
            "open" => "it",
            "update" => "the change",
            "acknowledge" => "who has it",
            "escalate" => "that nobody answers",
            "resolve" => "its end",
            _ => return None,
        };
        let (at, said) = match (delivery.state.as_str(), delivery.settled) {
            ("delivered", Some(at)) => (at, "was told of"),
            ("dead", Some(at)) => (at, "could not be told of"),
            ("dropped", Some(at)) => (at, "is not told of"),
            _ => return None,
        };
        let why = delivery.why.as_ref().map_or_else(String::new, |why| format!(", somebody decided: {why}"));
        Some(model::Happening { at, what: format!("{} {said} {what}{why}", delivery.receiver) })
    });
    let noted = known.notes.iter().map(|note| {
        let more = note.text.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
        model::Happening { at: note.from, what: format!("{} noted: {}{more}", note.by, note.title) }
    });
    let mut all: Vec<model::Happening> = known.incident.timeline.iter().cloned().chain(told).chain(noted).collect();
    all.sort_by_key(|happening| happening.at);
    all.into_iter()
}

fn notice(delivery: Delivery) -> Notice {
    Notice {
        id: delivery.id,
        receiver: delivery.receiver,
        kind: delivery.kind,
        version: delivery.version,
        state: delivery.state,
        attempts: delivery.attempts,
        created: At(delivery.created),
        settled: delivery.settled.map(At),
        error: delivery.error,
    }
}
