//! The pages: rendered here, complete without JavaScript, escaped by their templates.

mod ahead;
pub(super) mod album;
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
mod proof;
mod quiet;
pub(super) mod reports;
mod rich;
mod run;
mod segments;
mod tone;
mod touchpoint;
mod voices;
pub(super) mod walk;
mod wall;

use std::borrow::Cow;
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
use super::visitor::Visitor;
use crate::model::{self, Fault, Language, Snapshot, TouchpointId, TraceId};
use crate::words::{Said, Words};
use rich::{Marked, Rich};

/// What stands around every page.
struct Frame {
    words: Arc<Words>,
    /// The same page in every language.
    tongues: Vec<(Language, String, String)>,
    company: String,
    /// Of the page, before the company's name.
    title: String,
    /// Who looks may see reports.
    insiders: bool,
    /// It follows what happens; a report stays as it is.
    is_live: bool,
    /// When the snapshot was taken, on the wall.
    clock: String,
    zone: String,
    troubles: Vec<Marked>,
    /// Of the assets.
    version: String,
    program: &'static str,
    now: Timestamp,
    timezone: TimeZone,
    trace_link: Option<String>,
}

impl Frame {
    fn new(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot, title: impl Into<String>) -> Self {
        let zone = snapshot.map.timezone.clone();
        let words = &visitor.words;
        let troubles = snapshot.troubles.iter().map(|trouble| {
            let key = if trouble.text.is_empty() { "trouble-since" } else { "trouble-since-why" };
            let told = Rich::new(words.say(key)).with("what", capital(&words.own(trouble.what)));
            let told = told.with("since", words.moment(trouble.since, snapshot.at, &zone));
            told.with("why", &trouble.text).done()
        });
        Self {
            tongues: visitor.tongues.clone(),
            company: snapshot.map.company.clone(),
            title: title.into(),
            insiders: shared.insiders_only().is_ok(),
            is_live: true,
            clock: snapshot.at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            troubles: troubles.collect(),
            words: Arc::clone(words),
            version: shared.version.clone(),
            program: env!("CARGO_PKG_VERSION"),
            now: snapshot.at,
            timezone: zone,
            trace_link: snapshot.map.trace_link.clone(),
        }
    }

    /// Around a document that stands for itself, where there is no site.
    fn alone(words: &Arc<Words>, snapshot: &Snapshot, title: impl Into<String>) -> Self {
        let zone = snapshot.map.timezone.clone();
        Self {
            tongues: Vec::new(),
            company: snapshot.map.company.clone(),
            title: title.into(),
            insiders: true,
            is_live: false,
            clock: String::new(),
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            troubles: Vec::new(),
            words: Arc::clone(words),
            version: String::new(),
            program: env!("CARGO_PKG_VERSION"),
            now: snapshot.at,
            timezone: zone,
            trace_link: snapshot.map.trace_link.clone(),
        }
    }

    /// Around what does not change while it is looked at.
    fn still(self) -> Self {
        Self { is_live: false, ..self }
    }

    fn since(&self, at: Timestamp) -> String {
        self.words.moment(at, self.now, &self.timezone)
    }

    fn lasted(&self, from: Timestamp) -> String {
        self.words.lasted(from, self.now)
    }

    /// A message, of which everything is made inert.
    fn say<'a>(&'a self, key: &'a str) -> Said<'a> {
        self.words.say(key)
    }

    /// A message with markup of its own.
    fn rich<'a>(&'a self, key: &'a str) -> Rich<'a> {
        Rich::new(self.words.say(key))
    }

    fn text(&self, key: &str) -> Cow<'_, str> {
        self.words.text(key)
    }

    fn channel(&self, id: &TouchpointId, snapshot: &Snapshot) -> String {
        let channel = snapshot.map.touchpoints.get(id).map_or("other", |place| place.channel.as_str());
        self.words.channel(channel).into_owned()
    }

    /// How it is with a place, in a sentence.
    fn sentence(&self, place: &str, state: model::State, fault: Option<&Fault>) -> String {
        self.say("sentence").with("text", self.words.clause(place, state, fault)).to_string()
    }

    /// A fault as engineers are told of it. Their text is English, as logs are; other languages say first what it means.
    fn told(&self, fault: &Fault, text: &str) -> Marked {
        if fault.text == fault.code.words() {
            // Everybody is told no more than that.
            return Marked::inert(&capital(&self.words.code(fault.code)));
        }
        let told = self.rich("fault-told").with("clause", self.words.meaning(fault));
        told.marked("text", &Marked::coded(&capital(text))).done()
    }

    /// The same beside a sentence that says already what it means.
    fn technical(&self, fault: &Fault) -> Marked {
        if fault.text == fault.code.words() {
            return Marked::inert(&capital(&self.words.code(fault.code)));
        }
        self.rich("fault-text").marked("text", &Marked::coded(&capital(&fault.text))).done()
    }

    /// What to do about it, in a sentence.
    fn advice(&self, fault: &Fault) -> Option<Marked> {
        let advice = self.words.advice(fault)?;
        Some(Marked::coded(&self.say("sentence").with("text", capital(&advice)).text()))
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

pub(super) async fn home(State(shared): State<Arc<Shared>>, visitor: Visitor) -> Response {
    let snapshot = shared.snapshot();
    answer(&visitor, home::page(&shared, &visitor, &snapshot).await)
}

/// `?range`; what is not understood there shows a day.
#[derive(serde::Deserialize)]
pub(super) struct Shown {
    range: Option<String>,
}

pub(super) async fn journey(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    Path(id): Path<String>,
    shown: Result<Query<Shown>, QueryRejection>,
) -> Response {
    let snapshot = shared.snapshot();
    let range = shown.ok().and_then(|Query(shown)| Range::parse(shown.range.as_deref()?)).unwrap_or_default();
    found(&shared, &visitor, &snapshot, journey::page(&shared, &visitor, &snapshot, &id, range).await)
}

pub(super) async fn touchpoint(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    let snapshot = shared.snapshot();
    found(&shared, &visitor, &snapshot, touchpoint::page(&shared, &visitor, &snapshot, &id).await)
}

pub(super) async fn incident(State(shared): State<Arc<Shared>>, visitor: Visitor, Path(id): Path<String>) -> Response {
    if let Some(id) = id.strip_suffix(".md") {
        let document = api::incidents::document(&shared, &visitor.words, id).await;
        return document.map_or_else(|_| lost(&shared, &visitor, &shared.snapshot()), |it| visitor.answered(it));
    }
    let snapshot = shared.snapshot();
    found(&shared, &visitor, &snapshot, incident::page(&shared, &visitor, &snapshot, &id).await)
}

pub(super) async fn wall(State(shared): State<Arc<Shared>>, visitor: Visitor) -> Response {
    let snapshot = shared.snapshot();
    answer(&visitor, wall::page(&shared, &visitor, &snapshot))
}

/// What answers every address that is none: a page for browsers, a problem document for programs.
pub(super) async fn missing(State(shared): State<Arc<Shared>>, visitor: Visitor, headers: HeaderMap) -> Response {
    if is_read(&headers) { lost(&shared, &visitor, &shared.snapshot()) } else { Problem::not_found().into_response() }
}

/// A browser shows the answer to somebody.
fn is_read(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html")
}

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "missing.html")]
struct Missing {
    frame: Frame,
}

/// What was asked for and not done.
#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "refused.html")]
struct Refused {
    frame: Frame,
    /// A message.
    why: &'static str,
    /// The same as programs are told it, in English.
    detail: String,
}

/// Why a form was not done, for people.
fn refused(shared: &Shared, visitor: &Visitor, problem: &Problem) -> Response {
    let status = problem.status();
    let why = match status {
        StatusCode::NOT_FOUND => "missing-heading",
        StatusCode::CONFLICT => "refused-over",
        StatusCode::FORBIDDEN => "refused-forbidden",
        StatusCode::SERVICE_UNAVAILABLE => "refused-later",
        _ => "refused-wrongly-put",
    };
    let frame = Frame::new(shared, visitor, &shared.snapshot(), visitor.words.text("refused-title"));
    (status, answer(visitor, Refused { frame, why, detail: problem.detail().to_owned() })).into_response()
}

/// One page for what is missing and for what is hidden.
fn lost(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot) -> Response {
    let page = Missing { frame: Frame::new(shared, visitor, snapshot, visitor.words.text("missing-title")) };
    (StatusCode::NOT_FOUND, answer(visitor, page)).into_response()
}

fn found<T: Template>(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot, page: Option<T>) -> Response {
    page.map_or_else(|| lost(shared, visitor, snapshot), |page| answer(visitor, page))
}

fn answer<T: Template>(visitor: &Visitor, page: T) -> Response {
    match page.render() {
        Ok(html) => visitor.answered(Html(html)),
        Err(error) => {
            tracing::error!(%error, "A page could not be rendered: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn").into_response()
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
