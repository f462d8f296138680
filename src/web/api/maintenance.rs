//! Windows of planned work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{At, List};
use crate::model::{Maintenance, Snapshot};
use crate::web::problem::Problem;
use crate::web::routes::Shared;

/// A window: what breaks meanwhile is told when it is over. The score counts it all.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Window {
    name: String,
    /// All, if empty.
    touchpoints: Vec<String>,
    timezone: String,
    /// Whether it is open now.
    open: bool,
    /// When the open one ends.
    until: Option<At>,
    /// When the next one begins, within a year.
    next: Option<At>,
    next_until: Option<At>,
}

/// A window that is open.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Planned {
    name: String,
    until: Option<At>,
}

pub(in crate::web) async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<List<Window>>, Problem> {
    shared.insiders_only()?;
    let (snapshot, now) = (shared.snapshot(), shared.site.clock.now());
    let items = snapshot.map.maintenance.iter().map(|window| describe(window, now)).collect();
    Ok(Json(List { items, next: None }))
}

/// Those that are open now and fit.
pub(super) fn planned(snapshot: &Snapshot, fits: impl Fn(&Maintenance) -> bool) -> Vec<Planned> {
    let open = snapshot.map.maintenance.iter().filter(|window| window.contains(snapshot.at) && fits(window));
    open.map(|window| Planned { name: window.name.clone(), until: window.ends(snapshot.at).map(At) }).collect()
}

fn describe(window: &Maintenance, now: Timestamp) -> Window {
    let next = window.next(now);
    Window {
        name: window.name.clone(),
        touchpoints: window.touchpoints.iter().map(ToString::to_string).collect(),
        timezone: window.timezone.iana_name().unwrap_or("UTC").to_owned(),
        open: window.contains(now),
        until: window.ends(now).map(At),
        next: next.map(|(start, _)| At(start)),
        next_until: next.and_then(|(_, end)| end).map(At),
    }
}
