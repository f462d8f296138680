//! Whether the daemon lives, and what it counts: asked of whoever wires the site.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::routes::Shared;
use crate::model::Snapshot;

/// The daemon's own signs of life.
#[async_trait]
pub trait Vitals: Send + Sync + 'static {
    /// The scheduler, the store and the outbox move; or why not, in one line.
    fn alive(&self) -> Result<(), String>;

    /// The configuration is loaded, the store open, the schedule running; or what is still missing.
    fn ready(&self) -> Result<(), String>;

    /// All metrics as text.
    async fn metrics(&self, snapshot: &Snapshot, exposition: Exposition) -> String;
}

/// How metrics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus text format 0.0.4.
    #[default]
    Prometheus,
    /// OpenMetrics 1.0, with exemplars.
    OpenMetrics,
}

impl Exposition {
    /// What an `Accept` header asks for; a list that does not name OpenMetrics gets Prometheus text.
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
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
    let exposition = Exposition::accepted(accept);
    let snapshot = shared.snapshot();
    let text = shared.site.vitals.metrics(&snapshot, exposition).await;
    Ok(([(header::CONTENT_TYPE, exposition.content_type())], text).into_response())
}

fn answer(result: Result<(), String>) -> Response {
    match result {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}
