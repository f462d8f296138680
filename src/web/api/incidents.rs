//! Incidents and what became of their notifications.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acks::Owner;
use super::{At, Fault, List, Paging};
use crate::model::{self, Annotation, Cause, Close, IncidentId, JourneyMap, Subject};
use crate::store::{Delivery, IncidentFilter, Noted};
use crate::web::problem::Problem;
use crate::web::routes::Shared;
use crate::web::visitor::{Reader, Spoken};
use crate::web::{Audience, audience, postmortem};
use crate::words::{self, Words};

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
    reader: Reader,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Spoken<Json<List<Incident>>>, Problem> {
    let Query(asked) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let paging = Paging { limit: asked.limit, before: asked.before, after: None };
    let (limit, before) = (paging.limit()?, paging.before()?);
    let found = shared.site.store.incidents(asked.state, before, limit).await;
    let found = found.map_err(|refused| Problem::store(&refused))?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|incident| incident.opened.to_string());
    let snapshot = shared.snapshot();
    let items = found.iter().filter_map(|incident| visible(&shared, incident, &snapshot.map));
    let items = items.map(|incident| describe(&reader.words, &incident, &snapshot.map)).collect();
    Ok(reader.answered(Json(List { items, next })))
}

pub(in crate::web) async fn one(
    State(shared): State<Arc<Shared>>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Spoken<Json<Incident>>, Problem> {
    let known = read(&shared, &id).await?;
    let words = &reader.words;
    let mut answer = describe(words, &known.incident, &shared.snapshot().map);
    answer.timeline = timeline(words, &known).into_iter().map(|line| happening(words, line)).collect();
    answer.notifications = Some(known.deliveries.into_iter().map(notice).collect());
    Ok(reader.answered(Json(answer)))
}

pub(in crate::web) async fn postmortem(
    State(shared): State<Arc<Shared>>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    document(&shared, &reader.words, &id).await.map(|document| reader.answered(document))
}

/// The same, for whoever reads it.
pub(in crate::web) async fn document(
    shared: &Shared,
    words: &Words,
    id: &str,
) -> Result<impl IntoResponse + use<>, Problem> {
    let known = read(shared, id).await?;
    let markdown = HeaderValue::from_static("text/markdown; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, markdown)], postmortem::write(shared, words, &known).await))
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

fn describe(words: &Words, incident: &model::Incident, map: &JourneyMap) -> Incident {
    Incident {
        id: incident.id.to_string(),
        version: incident.version,
        severity: incident.severity.as_str(),
        state: if incident.closed.is_some() { "closed" } else { "open" },
        headline: words.incident(incident, map),
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
        shared: words.shared(incident, map),
        trace_id: incident.trace.map(|trace| trace.to_string()),
        timeline: incident
            .timeline
            .iter()
            .map(|line| happening(words, (line.at, words.happened(&line.what))))
            .collect(),
        notifications: None,
    }
}

/// Everything that happened, in order: to the incident, who was told of it, and what people noted.
pub(in crate::web) fn timeline(words: &Words, known: &Known) -> Vec<(Timestamp, words::Happened)> {
    let happened = known.incident.timeline.iter().map(|line| (line.at, words.happened(&line.what)));
    let told = known.deliveries.iter().filter_map(|delivery| told(words, delivery));
    let noted = known.notes.iter().map(|note| {
        let key = if note.text.is_some() { "happened-noted-more" } else { "happened-noted" };
        let said = words.say(key).with("by", &note.by).with("title", &note.title);
        (note.from, said.with("text", note.text.as_deref().unwrap_or_default()).to_string().into())
    });
    let mut all: Vec<_> = happened.chain(told).chain(noted).collect();
    all.sort_by_key(|(at, _)| *at);
    all
}

/// Who was told of what, or not.
fn told(words: &Words, delivery: &Delivery) -> Option<(Timestamp, words::Happened)> {
    let what = match delivery.kind.as_str() {
        "open" => "told-open",
        "update" => "told-update",
        "acknowledge" => "told-acknowledge",
        "escalate" => "told-escalate",
        "resolve" => "told-resolve",
        _ => return None,
    };
    let at = delivery.settled?;
    let key = match delivery.state.as_str() {
        "delivered" => "told-delivered",
        "dead" => "told-dead",
        "dropped" => "told-dropped",
        _ => return None,
    };
    let said = words.say(key).with("receiver", &delivery.receiver).with("what", words.text(what)).to_string();
    let decided = |why: &String| words.say("told-decided").with("told", &said).with("why", why).to_string();
    Some((at, delivery.why.as_ref().map_or_else(|| said.clone(), decided).into()))
}

fn happening(words: &Words, (at, happened): (Timestamp, words::Happened)) -> Happening {
    Happening { at: At(at), what: words.in_full(happened) }
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
