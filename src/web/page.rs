//! The pages: rendered here, complete without JavaScript, escaped by their templates.

mod ahead;
mod axis;
pub(super) mod card;
mod chart;
mod costs;
pub(super) mod forms;
mod home;
mod incident;
mod journey;
mod look_back;
mod number;
mod past;
mod quiet;
mod run;
mod segments;
mod tone;
mod touchpoint;
mod voices;
mod wall;

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::api;
use super::past::Range;
use super::problem::Problem;
use super::routes::Shared;
use crate::model::{Snapshot, TraceId};
use crate::words;

/// What stands around every page.
struct Frame {
    company: String,
    /// Of the page, before the company's name.
    title: String,
    /// When the snapshot was taken, on the wall.
    clock: String,
    zone: String,
    troubles: Vec<TroubleRow>,
    /// Of the assets.
    version: String,
    program: &'static str,
    now: Timestamp,
    timezone: TimeZone,
    trace_link: Option<String>,
}

struct TroubleRow {
    what: String,
    detail: String,
    since: String,
}

impl Frame {
    fn new(shared: &Shared, snapshot: &Snapshot, title: impl Into<String>) -> Self {
        let zone = snapshot.map.timezone.clone();
        let troubles = snapshot.troubles.iter().map(|trouble| TroubleRow {
            what: capital(trouble.what.words()),
            detail: trouble.text.clone(),
            since: words::clock(trouble.since, snapshot.at, &zone),
        });
        Self {
            company: snapshot.map.company.clone(),
            title: title.into(),
            clock: snapshot.at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            troubles: troubles.collect(),
            version: shared.version.clone(),
            program: env!("CARGO_PKG_VERSION"),
            now: snapshot.at,
            timezone: zone,
            trace_link: snapshot.map.trace_link.clone(),
        }
    }

    fn since(&self, at: Timestamp) -> String {
        words::clock(at, self.now, &self.timezone)
    }

    fn lasted(&self, from: Timestamp) -> String {
        number::lasted(from, self.now)
    }

    /// None of a run whose details were not kept.
    fn trace(&self, id: TraceId) -> Option<Trace> {
        if id == TraceId::default() {
            return None;
        }
        let id = id.to_string();
        let link = self.trace_link.as_ref().map(|link| link.replace("{trace_id}", &id));
        // A link comes from our own configuration and is still only followed to the web.
        Some(Trace { link: link.filter(|link| link.starts_with("http://") || link.starts_with("https://")), id })
    }
}

/// A trace's id, with its place in the backend if the configuration names one.
struct Trace {
    id: String,
    link: Option<String>,
}

pub(super) async fn home(State(shared): State<Arc<Shared>>) -> Response {
    let snapshot = shared.snapshot();
    answer(home::page(&shared, &snapshot).await)
}

/// `?range`; what is not understood there shows a day.
#[derive(serde::Deserialize)]
pub(super) struct Shown {
    range: Option<String>,
}

pub(super) async fn journey(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    shown: Result<Query<Shown>, QueryRejection>,
) -> Response {
    let snapshot = shared.snapshot();
    let range = shown.ok().and_then(|Query(shown)| Range::parse(shown.range.as_deref()?)).unwrap_or_default();
    found(&shared, &snapshot, journey::page(&shared, &snapshot, &id, range).await)
}

pub(super) async fn touchpoint(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let snapshot = shared.snapshot();
    found(&shared, &snapshot, touchpoint::page(&shared, &snapshot, &id).await)
}

pub(super) async fn incident(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    if let Some(id) = id.strip_suffix(".md") {
        let document = api::incidents::postmortem(State(shared.clone()), Path(id.to_owned())).await;
        return document.map_or_else(|_| lost(&shared, &shared.snapshot()), IntoResponse::into_response);
    }
    let snapshot = shared.snapshot();
    found(&shared, &snapshot, incident::page(&shared, &snapshot, &id).await)
}

pub(super) async fn wall(State(shared): State<Arc<Shared>>) -> Response {
    let snapshot = shared.snapshot();
    answer(wall::page(&shared, &snapshot))
}

/// What answers every address that is none: a page for browsers, a problem document for programs.
pub(super) async fn missing(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") { lost(&shared, &shared.snapshot()) } else { Problem::not_found().into_response() }
}

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "missing.html")]
struct Missing {
    frame: Frame,
}

/// One page for what is missing and for what is hidden.
fn lost(shared: &Shared, snapshot: &Snapshot) -> Response {
    let page = Missing { frame: Frame::new(shared, snapshot, "Not here") };
    (StatusCode::NOT_FOUND, answer(page)).into_response()
}

fn found<T: Template>(shared: &Shared, snapshot: &Snapshot, page: Option<T>) -> Response {
    page.map_or_else(|| lost(shared, snapshot), answer)
}

fn answer<T: Template>(page: T) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "A page could not be rendered");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn").into_response()
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
