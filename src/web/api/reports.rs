//! How journeys went, and how they are stage by stage.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::JourneyId;
use crate::report::{self, Every, Period, Report};
use crate::web::problem::Problem;
use crate::web::routes::Shared;
use crate::web::visitor::{Reader, Spoken};

/// `?journey=ID`: of that one only.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct About {
    journey: Option<String>,
}

pub(in crate::web) async fn report(
    State(shared): State<Arc<Shared>>,
    reader: Reader,
    Path(text): Path<String>,
    query: Result<Query<About>, QueryRejection>,
) -> Result<Spoken<Json<Report>>, Problem> {
    shared.insiders_only()?;
    let Query(about) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let snapshot = shared.snapshot();
    let now = shared.site.clock.now();
    let running = Every::ALL.into_iter().find(|every| every.as_str() == text);
    let running = running.map(|every| every.around(now, &snapshot.map.timezone));
    let period = running.or_else(|| Period::parse(&text)).ok_or_else(|| {
        Problem::bad_request(format!("`{text}` is no week (2026-W47, or `week` for this one), month or quarter"))
    })?;
    if period > period.every().around(now, &snapshot.map.timezone) {
        return Err(Problem::not_found());
    }
    let journeys: BTreeSet<JourneyId> = about.journey.iter().map(|id| JourneyId::new(id)).collect();
    if journeys.iter().any(|id| snapshot.journey(id).is_none()) {
        return Err(Problem::not_found());
    }
    let report = report::read(&*shared.site.store, &snapshot.map, &reader.words, period, &journeys, now).await;
    Ok(reader.answered(Json(report.map_err(|refused| Problem::store(&refused))?)))
}

pub(in crate::web) async fn walk(
    State(shared): State<Arc<Shared>>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Spoken<Json<Value>>, Problem> {
    shared.insiders_only()?;
    let snapshot = shared.snapshot();
    let walk = crate::web::page::walk::walked(&shared, &snapshot, &id).await;
    let walk = walk.map_err(|refused| Problem::store(&refused))?.ok_or_else(Problem::not_found)?;
    let visits = walk.stages.iter().flat_map(|stage| &stage.places).flat_map(|place| &place.visits);
    let readings: Vec<Value> = visits.filter_map(|visit| crate::web::reading(&visit.reading)).collect();
    let journey = crate::web::journey(&reader.words, &snapshot, &walk.journey);
    Ok(reader.answered(Json(json!({ "journeys": [journey], "readings": readings }))))
}
