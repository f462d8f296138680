//! How a journey was.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, moment};
use crate::model::JourneyId;
use crate::store::ScorePoint;
use crate::units::Period;
use crate::web::problem::Problem;
use crate::web::routes::Shared;

/// Points of one history; a screen shows no more.
const POINTS_MAX: u64 = 2000;

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Past {
    at: At,
    score: Option<f64>,
    felt: Option<f64>,
    observed: f64,
    lost_minutes: f64,
    unobserved_minutes: f64,
    /// Minutes of planned work; they count like all others.
    planned_minutes: f64,
    /// Minutes that have a number; of the rest of the time nothing is known.
    scored_minutes: f64,
}

/// `?from&to&step`: the last day in quarters of an hour, unless asked otherwise.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Span {
    from: Option<String>,
    to: Option<String>,
    step: Option<String>,
}

pub(in crate::web) async fn history(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    query: Result<Query<Span>, QueryRejection>,
) -> Result<Json<Vec<Past>>, Problem> {
    let Query(span) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let id = JourneyId::new(&id);
    shared.snapshot().journey(&id).ok_or_else(Problem::not_found)?;
    let to = span.to.as_deref().map_or(Ok(shared.site.clock.now()), |text| moment("to", text))?;
    let day_before =
        || to.checked_sub(SignedDuration::from_hours(24)).map_err(|_| Problem::bad_request("`to` is too early"));
    let from = span.from.as_deref().map_or_else(day_before, |text| moment("from", text))?;
    let step =
        span.step.as_deref().map_or(Ok(Period::from_secs(900)), Period::parse).map_err(Problem::bad_request)?.get();
    let length =
        Duration::try_from(to.duration_since(from)).map_err(|_| Problem::bad_request("`from` lies after `to`"))?;
    if step < Duration::from_mins(1) || length.as_secs() / step.as_secs() > POINTS_MAX {
        return Err(Problem::bad_request(format!("`step` is at least 1m, and at most {POINTS_MAX} of them fit in")));
    }
    let points = shared.site.store.scores(&id, from, to, step).await.map_err(|refused| Problem::store(&refused))?;
    Ok(Json(points.iter().map(past).collect()))
}

fn past(point: &ScorePoint) -> Past {
    let tenth = |points: f64| (points * 10.0 + 1e-6).floor() / 10.0;
    Past {
        at: At(point.at),
        score: point.score.map(tenth),
        felt: point.felt.map(tenth),
        observed: point.observed,
        lost_minutes: point.lost_minutes,
        unobserved_minutes: point.unobserved_minutes,
        planned_minutes: point.planned_minutes,
        scored_minutes: point.scored_minutes,
    }
}
