//! Incidents as an Atom feed (RFC 4287), for readers and chats that subscribe.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use super::api::incidents::visible;
use super::problem::Problem;
use super::routes::Shared;
use super::visitor::Reader;
use crate::model::Incident;
use crate::store::IncidentFilter;
use crate::words::Words;

const ENTRIES_MAX: u32 = 50;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "feed.xml", escape = "html")]
struct Feed {
    title: String,
    company: String,
    id: String,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    title: String,
    published: String,
    updated: String,
    text: String,
}

pub(super) async fn feed(State(shared): State<Arc<Shared>>, reader: Reader) -> Result<Response, Problem> {
    let snapshot = shared.snapshot();
    let found = shared.site.store.incidents(IncidentFilter::All, None, ENTRIES_MAX).await;
    let found = found.map_err(|refused| Problem::store(&refused))?;
    let seen = found.iter().filter_map(|incident| visible(&shared, incident, &snapshot.map));
    let entries: Vec<Entry> = seen.map(|incident| entry(&reader.words, &incident, &snapshot.map)).collect();
    let newest = entries.iter().map(|entry| entry.updated.clone()).max();
    let feed = Feed {
        title: plain(&reader.words.say("feed-title").with("company", &snapshot.map.company).text()),
        company: plain(&snapshot.map.company),
        id: identity(&snapshot.map.company),
        updated: newest.unwrap_or_else(|| snapshot.at.to_string()),
        entries,
    };
    let text = feed.render().map_err(|_| Problem::not_found())?;
    let answer = ([(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")], text);
    Ok(reader.answered(answer).into_response())
}

fn entry(words: &Words, incident: &Incident, map: &crate::model::JourneyMap) -> Entry {
    let changed = incident.timeline.iter().map(|happening| happening.at).chain(incident.closed).max();
    let fault = incident.fault.as_ref().map(|fault| fault.text.clone());
    Entry {
        id: incident.id.to_string(),
        title: plain(&words.incident(incident, map)),
        published: incident.opened.to_string(),
        updated: changed.unwrap_or(incident.opened).to_string(),
        text: plain(&words.shared(incident, map).or(fault).unwrap_or_default()),
    }
}

/// The same for as long as the company keeps its name.
fn identity(company: &str) -> String {
    let digest = Sha256::digest(company.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Without what XML cannot hold even escaped (XML 1.0, 2.2).
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}
