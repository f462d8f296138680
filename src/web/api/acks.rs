//! Somebody has an incident.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::At;
use super::incidents::{self, Incident};
use super::outbox::authorise;
use crate::model::{Acknowledgement, IncidentId};
use crate::web::Answer;
use crate::web::problem::Problem;
use crate::web::push::clean;
use crate::web::routes::Shared;
use crate::web::visitor::{Reader, Spoken};

const NAME_MAX_CHARS: usize = 80;

/// Who has it, and why.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Said {
    pub(in crate::web) by: String,
    pub(in crate::web) why: Option<String>,
}

/// Who has an incident; reminders and escalation stop until it grows severer.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Owner {
    at: At,
    by: String,
    why: Option<String>,
}

impl From<&Acknowledgement> for Owner {
    fn from(said: &Acknowledgement) -> Self {
        Self { at: At(said.at), by: said.by.clone(), why: said.why.clone() }
    }
}

pub(in crate::web) async fn acknowledge(
    State(shared): State<Arc<Shared>>,
    reader: Reader,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Spoken<Json<Incident>>, Problem> {
    authorise(&shared, &headers)?;
    let said: Said = serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    take(&shared, &id, said).await?;
    incidents::one(State(shared), reader, Path(id)).await
}

/// Writes down who has it.
pub(in crate::web) async fn take(shared: &Shared, id: &str, said: Said) -> Result<(), Problem> {
    let id = IncidentId(id.parse().map_err(|_| Problem::not_found())?);
    let by = name(&said.by)?;
    let why = said.why.map(|why| clean(why.trim())).filter(|why| !why.is_empty());
    let known = shared.site.store.incident(id).await.map_err(|refused| Problem::store(&refused))?;
    known.ok_or_else(Problem::not_found)?;
    match shared.site.desk.acknowledge(id, by.clone(), why).await {
        Answer::Done => {
            tracing::info!(incident.id = %id, by, "{by} has the incident");
            Ok(())
        }
        Answer::Over => Err(Problem::new(StatusCode::CONFLICT, "it is over")),
        Answer::Refused(text) => {
            let error = text;
            tracing::warn!(
                incident.id = %id, by, error,
                "That {by} has the incident is kept in memory until the store takes it: {error}"
            );
            let detail = "the store does not take it at present; it is kept and tried again";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail))
        }
    }
}

/// A name as it will stand on pages and in messages.
pub(in crate::web) fn name(by: &str) -> Result<String, Problem> {
    let by: String = clean(by.trim()).chars().take(NAME_MAX_CHARS).collect();
    if by.is_empty() { Err(Problem::bad_request("say `by` whom: others will look for you")) } else { Ok(by) }
}
