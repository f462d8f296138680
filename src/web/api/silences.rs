//! What is silenced: said, listed, ended early.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acks::name;
use super::outbox::authorise;
use super::{At, List, Paging};
use crate::model::{self, IncidentId, JourneyId, Scope, SilenceId, TouchpointId};
use crate::units::Period;
use crate::web::problem::Problem;
use crate::web::push::clean;
use crate::web::routes::Shared;

/// Whoever means longer than this means maintenance.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is held back, and until when.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Silence {
    id: String,
    /// `active` or `ended`.
    state: &'static str,
    touchpoint: Option<String>,
    journey: Option<String>,
    incident: Option<String>,
    from: At,
    until: At,
    by: String,
    why: String,
    /// When it was ended early, and by whom.
    ended: Option<At>,
    ended_by: Option<String>,
}

/// One of `touchpoint`, `journey` and `incident`; how long, who, and why.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::web) struct Wish {
    pub(in crate::web) touchpoint: Option<String>,
    pub(in crate::web) journey: Option<String>,
    pub(in crate::web) incident: Option<String>,
    /// `2h`
    pub(in crate::web) r#for: String,
    pub(in crate::web) by: String,
    pub(in crate::web) why: String,
}

/// Who ends it.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Ender {
    #[serde(default)]
    by: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    #[default]
    Active,
    All,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Asked {
    #[serde(default)]
    state: Standing,
    limit: Option<u32>,
}

pub(in crate::web) async fn list(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<List<Silence>>, Problem> {
    shared.insiders_only()?;
    let Query(asked) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = Paging { limit: asked.limit, ..Paging::default() }.limit()?;
    let now = shared.site.clock.now();
    let after = if asked.state == Standing::All { Timestamp::MIN } else { now };
    let found = shared.site.store.silences(after, limit).await.map_err(|refused| Problem::store(&refused))?;
    Ok(Json(List { items: found.iter().map(|silence| describe(silence, now)).collect(), next: None }))
}

pub(in crate::web) async fn begin(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Silence>), Problem> {
    authorise(&shared, &headers)?;
    let wish: Wish = serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let silence = silence(&shared, wish).await?;
    Ok((StatusCode::CREATED, Json(describe(&silence, silence.from))))
}

pub(in crate::web) async fn end(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    query: Result<Query<Ender>, QueryRejection>,
) -> Result<Json<Silence>, Problem> {
    authorise(&shared, &headers)?;
    let Query(ender) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let silence = finish(&shared, &id, &ender.by).await?;
    Ok(Json(describe(&silence, shared.site.clock.now())))
}

/// Silences as is wished.
pub(in crate::web) async fn silence(shared: &Shared, wish: Wish) -> Result<model::Silence, Problem> {
    let now = shared.site.clock.now();
    let length = Period::parse(&wish.r#for).map_err(|text| Problem::bad_request(format!("`for`: {text}")))?;
    let length = SignedDuration::try_from(length.get()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| {
        Problem::bad_request("`for` is at most 30d: what is longer is planned, and belongs under `maintenance:`")
    })?;
    let why = clean(wish.why.trim());
    if why.is_empty() {
        return Err(Problem::bad_request("say `why`: others will wonder at the silence"));
    }
    let by = name(&wish.by)?;
    let silence = model::Silence {
        id: SilenceId(uuid::Uuid::now_v7()),
        of: scope(shared, wish)?,
        from: now,
        until: now.saturating_add(length).unwrap_or(now),
        by,
        why,
        ended: None,
    };
    keep(shared, &silence).await?;
    let model::Silence { id, until, by, why, .. } = &silence;
    tracing::info!(silence.id = %id, by, until = %until, "{by} silenced notifications until {until:.0}: {why}");
    Ok(silence)
}

/// Ends a silence; one that is over stays as it was.
pub(in crate::web) async fn finish(shared: &Shared, id: &str, by: &str) -> Result<model::Silence, Problem> {
    let id = SilenceId(id.parse().map_err(|_| Problem::not_found())?);
    let known = shared.site.store.silence(id).await.map_err(|refused| Problem::store(&refused))?;
    let known = known.ok_or_else(Problem::not_found)?;
    let now = shared.site.clock.now();
    if !known.holds(now) {
        return Ok(known);
    }
    let by = if by.trim().is_empty() { "somebody".to_owned() } else { name(by)? };
    let silence = model::Silence { ended: Some((now, by.clone())), ..known };
    keep(shared, &silence).await?;
    tracing::info!(silence.id = %silence.id, by, "{by} ended a silence early: {}", silence.why);
    Ok(silence)
}

/// Durable before anything is held back, and before we say so.
async fn keep(shared: &Shared, silence: &model::Silence) -> Result<(), Problem> {
    shared.site.store.keep_silence(silence.clone()).await.map_err(|refused| Problem::store(&refused))?;
    shared.site.desk.silenced(silence.clone());
    Ok(())
}

/// The one thing that is meant, if it is there.
fn scope(shared: &Shared, wish: Wish) -> Result<Scope, Problem> {
    let snapshot = shared.snapshot();
    let (scope, known) = match (wish.touchpoint, wish.journey, wish.incident) {
        (Some(id), None, None) => {
            let id = TouchpointId::new(&id);
            let known = snapshot.touchpoints.contains_key(&id);
            (Scope::Touchpoint(id), known)
        }
        (None, Some(id), None) => {
            let id = JourneyId::new(&id);
            let known = snapshot.journey(&id).is_some();
            (Scope::Journey(id), known)
        }
        (None, None, Some(id)) => {
            let id = IncidentId(id.parse().map_err(|_| Problem::not_found())?);
            let known = snapshot.incidents.iter().any(|incident| incident.id == id);
            (Scope::Incident(id), known)
        }
        _ => return Err(Problem::bad_request("name one `touchpoint`, one `journey` or one `incident`")),
    };
    if known { Ok(scope) } else { Err(Problem::not_found()) }
}

fn describe(silence: &model::Silence, now: Timestamp) -> Silence {
    let (mut touchpoint, mut journey, mut incident) = (None, None, None);
    match &silence.of {
        Scope::Touchpoint(id) => touchpoint = Some(id.to_string()),
        Scope::Journey(id) => journey = Some(id.to_string()),
        Scope::Incident(id) => incident = Some(id.to_string()),
    }
    Silence {
        id: silence.id.to_string(),
        state: if silence.holds(now) { "active" } else { "ended" },
        touchpoint,
        journey,
        incident,
        from: At(silence.from),
        until: At(silence.until),
        by: silence.by.clone(),
        why: silence.why.clone(),
        ended: silence.ended.as_ref().map(|(at, _)| At(*at)),
        ended_by: silence.ended.as_ref().map(|(_, by)| by.clone()),
    }
}
