//! The one list of routes: the router and the API's description both come from it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use super::problem::Problem;
use super::{Audience, Event, Site};
use super::{events, guard, vitals};
use crate::model::Snapshot;

/// No request needs more; a push needs less and says so itself.
const BODY_MAX: usize = 64 * 1024;
/// A page comes from memory, a list from an index.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Event streams at once, so that lookers-on never take every connection.
const LISTENERS_MAX: usize = super::serve::CONNECTIONS_MAX / 2;

/// What the handlers share.
pub(super) struct Shared {
    pub(super) site: Site,
    /// One per event stream.
    pub(super) seats: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(site: Site) -> Self {
        Self { site, seats: Arc::new(Semaphore::new(LISTENERS_MAX)) }
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.site.snapshot.borrow())
    }

    pub(super) fn insiders_only(&self) -> Result<(), Problem> {
        match self.site.audience {
            Audience::Insiders => Ok(()),
            Audience::Everybody => Err(Problem::not_found()),
        }
    }

    pub(super) fn may_hear(&self, _event: &Event) -> bool {
        self.site.audience == Audience::Insiders
    }
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v1/events", routing::get(events::events))
        .route("/metrics", routing::get(vitals::metrics))
        .route("/healthz", routing::get(vitals::healthz))
        .route("/readyz", routing::get(vitals::readyz))
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this is not done here") })
        .with_state(Arc::clone(&shared))
        .layer(RequestBodyLimitLayer::new(BODY_MAX))
        .layer(RequestBodyTimeoutLayer::new(ANSWER_WITHIN))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(shared, guard::guard))
        .layer(CatchPanicLayer::new())
}
