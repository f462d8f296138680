//! The pages, the API and the events, from a snapshot in memory.
//!
//! *Invariants:* no GET changes anything; no request makes us probe anything; nothing that a probed server sent is
//! ever markup; what is hidden answers exactly as what is missing.

mod api;
mod assets;
mod audience;
mod badge;
mod bucket;
mod compared;
mod desk;
mod events;
mod feed;
mod guard;
mod openapi;
mod page;
mod past;
mod patient;
mod postmortem;
mod problem;
mod proof;
mod push;
mod routes;
mod serve;
mod shares;
mod trend;
mod visitor;
mod vitals;
mod voice;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use desk::{Answer, Desk};
pub use events::Event;
pub use page::album::Album;
pub use serve::serve;
pub use vitals::{Scrape, Vitals};

use crate::clock::Clock;
use crate::model::{JourneyId, ProbeId, Reading, Snapshot, TouchpointId};
use crate::report::walk::Walk;
use crate::secret::Secret;
use crate::store::Store;
use crate::words::Words;

/// What the pages and the API are made of.
#[derive(Clone)]
pub struct Site {
    pub clock: Clock,
    /// What the board believes; swapped whole, after the commit.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    pub store: Arc<dyn Store>,
    /// Who does what people ask for.
    pub desk: Arc<dyn Desk>,
    /// What changed, for those who look live. Send after the snapshot that shows it.
    pub events: broadcast::Sender<Event>,
    /// Who may report what; swapped whole by a reload.
    pub tokens: watch::Receiver<Arc<Tokens>>,
    /// How each touchpoint is defined; swapped whole by a reload. For insiders.
    pub written: watch::Receiver<Arc<Written>>,
    /// What opens the outbox; only whoever may read the store's folder has it.
    pub key: Secret,
    /// Our own address as others write it, if we know it; browsers may ask for us under its host's name, and under any
    /// address and `localhost`.
    pub base: Option<Url>,
    pub audience: Audience,
    pub vitals: Arc<dyn Vitals>,
    /// Ends the event streams, so that a stop need not wait for those who look.
    pub stopping: CancellationToken,
}

/// The bearer tokens of each `push` probe; several live at once while one is replaced.
pub type Tokens = BTreeMap<ProbeId, Vec<Secret>>;

/// Each touchpoint's file, with nothing in it that could open something.
pub type Written = BTreeMap<TouchpointId, Arc<str>>;

/// Who can reach the site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// The company's own people: everything.
    #[default]
    Insiders,
    /// Anybody: journeys with `public: true`, without faults, traces and evidence.
    Everybody,
}

/// A journey as `GET /api/v1/journeys/{id}` tells it, but for its objective: for those who ask without a daemon.
pub fn journey(words: &Words, snapshot: &Snapshot, id: &JourneyId) -> Option<serde_json::Value> {
    let now = snapshot.journey(id)?;
    serde_json::to_value(api::journeys::full(words, now, snapshot, None)).ok()
}

/// A run as `GET /api/v1/probes/{touchpoint}/{probe}/readings` tells it.
pub fn reading(reading: &Reading) -> Option<serde_json::Value> {
    serde_json::to_value(api::readings::reading(reading)).ok()
}

/// Walks as a document of its own with the pictures that were taken, for a file.
///
/// # Errors
/// If it cannot be rendered.
pub fn walk_document(
    words: &Arc<Words>,
    (snapshot, album): (&Snapshot, &Album),
    walks: &[Walk],
) -> Result<String, askama::Error> {
    page::walk::document(words, (snapshot, album), walks, assets::STYLE)
}

/// Every route, behind the guards.
pub fn router(site: Site) -> Router {
    routes::router(Arc::new(routes::Shared::new(site)))
}
