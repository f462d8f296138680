//! Whether the daemon lives, and what it counts: asked of whoever wires the site.

use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;

use super::problem::Problem;
use super::routes::Shared;
use crate::model::Snapshot;

/// Metrics as text, and the format's name.
pub struct Scrape {
    pub content_type: &'static str,
    /// Asked for one after the other, as the visitor takes them.
    pub pieces: Box<dyn Iterator<Item = String> + Send>,
}

/// The daemon's own signs of life.
#[async_trait]
pub trait Vitals: Send + Sync + 'static {
    /// The scheduler, the store and the outbox move; or why not, in one line.
    fn alive(&self) -> Result<(), String>;

    /// The configuration is loaded, the store open, the schedule running; or what is still missing.
    fn ready(&self) -> Result<(), String>;

    /// All metrics, in the format that `accept` (an `Accept` header, maybe empty) asks for.
    async fn metrics(&self, snapshot: &Arc<Snapshot>, accept: &str) -> Scrape;
}

pub(super) async fn healthz(State(shared): State<Arc<Shared>>) -> Response {
    answer(shared.site.vitals.alive())
}

pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    answer(shared.site.vitals.ready())
}

pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Problem> {
    shared.insiders_only()?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let snapshot = shared.snapshot();
    let scrape = shared.site.vitals.metrics(&snapshot, accept).await;
    let pieces = scrape.pieces.map(Ok::<_, Infallible>);
    Ok(([(header::CONTENT_TYPE, scrape.content_type)], Body::from_stream(stream::iter(pieces))).into_response())
}

fn answer(result: Result<(), String>) -> Response {
    match result {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}
