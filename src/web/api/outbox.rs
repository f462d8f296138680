//! The outbox: what waits, what is dead, and what is to become of it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, List, Paging};
use crate::store::{Delivery, Discard, LetterState, Replay, Sought};
use crate::web::problem::Problem;
use crate::web::push;
use crate::web::routes::Shared;

/// A notification on its way to one receiver.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Letter {
    id: String,
    /// None, of a storm, which tells of many, and of a report, which is about none.
    incident: Option<String>,
    receiver: String,
    /// `open`, `remind`, `update`, `resolve`, `storm`, `report`.
    kind: String,
    version: u32,
    headline: String,
    /// `pending`, `delivered`, `dead`, `superseded`, `dropped`.
    state: String,
    attempts: u32,
    created: At,
    /// Of a pending one.
    next_attempt: Option<At>,
    settled: Option<At>,
    /// What the receiver said last.
    error: Option<String>,
    /// Why it was dropped.
    why: Option<String>,
}

/// What became of a wish.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Done {
    id: String,
    /// `pending` or `dropped`.
    state: &'static str,
}

/// Why a letter is dropped.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Reason {
    why: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Asked {
    state: Option<LetterState>,
    receiver: Option<String>,
    /// How the id begins.
    id: Option<String>,
    limit: Option<u32>,
    /// A letter's id.
    before: Option<String>,
}

pub(in crate::web) async fn list(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<List<Letter>>, Problem> {
    shared.insiders_only()?;
    let Query(asked) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = Paging { limit: asked.limit, ..Paging::default() }.limit()?;
    let sought = Sought { state: asked.state, receiver: asked.receiver, id: asked.id, before: asked.before };
    let found = shared.site.store.sought(&sought, limit).await.map_err(|refused| Problem::store(&refused))?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|letter| letter.id.clone());
    Ok(Json(List { items: found.into_iter().map(letter).collect(), next }))
}

pub(in crate::web) async fn replay(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Done>, Problem> {
    authorise(&shared, &headers)?;
    let replay = shared.site.store.replay(&id, shared.site.clock.now()).await;
    match replay.map_err(|refused| Problem::store(&refused))? {
        Replay::Queued => Ok(Json(Done { id, state: LetterState::Pending.as_str() })),
        Replay::Overtaken => Err(conflict("its receiver knows already that it is over: it would be a false alarm")),
        Replay::Settled => Err(conflict("it is not dead")),
        Replay::Unknown => Err(Problem::not_found()),
    }
}

pub(in crate::web) async fn drop(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Done>, Problem> {
    authorise(&shared, &headers)?;
    let reason: Reason = serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let why = push::clean(reason.why.trim());
    if why.is_empty() {
        return Err(Problem::bad_request("say `why`: it stays with the letter"));
    }
    let discard = shared.site.store.discard(&id, &why, shared.site.clock.now()).await;
    match discard.map_err(|refused| Problem::store(&refused))? {
        Discard::Dropped => {
            tracing::info!(notification.id = %id, "Somebody dropped a notification that was never taken: {why}");
            Ok(Json(Done { id, state: LetterState::Dropped.as_str() }))
        }
        Discard::Settled => Err(conflict("it waits for nothing any more")),
        Discard::Unknown => Err(Problem::not_found()),
    }
}

/// Only whoever may read the store's folder decides what is sent.
pub(super) fn authorise(shared: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    shared.insiders_only()?;
    push::shown(headers)
        .and_then(|shown| push::opens(shown, std::slice::from_ref(&shared.site.key)))
        .map(|_| ())
        .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "the token does not open this"))
}

fn conflict(detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, detail)
}

fn letter(delivery: Delivery) -> Letter {
    Letter {
        id: delivery.id,
        incident: (!matches!(delivery.kind.as_str(), "storm" | "report")).then(|| delivery.incident.to_string()),
        receiver: delivery.receiver,
        kind: delivery.kind,
        version: delivery.version,
        headline: delivery.headline,
        state: delivery.state,
        attempts: delivery.attempts,
        created: At(delivery.created),
        next_attempt: delivery.next_attempt.map(At),
        settled: delivery.settled.map(At),
        error: delivery.error,
        why: delivery.why,
    }
}
