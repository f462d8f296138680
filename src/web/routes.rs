//! The one list of routes: the router and the API's description both come from it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use schemars::{Schema, SchemaGenerator};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use super::bucket::Buckets;
use super::past::Pasts;
use super::problem::Problem;
use super::trend::Thens;
use super::{Audience, Event, Site};
use super::{api, assets, audience, badge, events, feed, guard, openapi, page, proof, push, vitals};
use crate::lasting::{Lasting, Telling};
use crate::model::Snapshot;
use crate::words::Tongues;

/// A page comes from memory, a list from an index.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Event streams at once, so that lookers-on never take every connection.
const LISTENERS_MAX: usize = super::serve::CONNECTIONS_MAX / 2;

/// A store that has refused no visitor for so long is well.
const UNREAD_OVER_AFTER: Duration = Duration::from_mins(1);

/// A route, for the API's description.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// As the contract writes it: `/badge/{journey}.svg`.
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) answer: Answer,
}

/// What a route answers with.
pub(super) enum Answer {
    Html,
    Svg,
    Atom,
    Text,
    Markdown,
    /// A file of one of several kinds.
    Bytes,
    /// Server-sent events whose data has this schema.
    Events(fn(&mut SchemaGenerator) -> Schema),
    Json(fn(&mut SchemaGenerator) -> Schema),
}

macro_rules! routes {
    ($($method:ident $path:literal $handler:path => $answer:expr, $summary:literal;)*) => {
        pub(super) const ROUTES: &[Route] = &[$(Route {
            method: stringify!($method), path: $path, summary: $summary, answer: $answer,
        }),*];

        fn wired() -> Router<Arc<Shared>> {
            // The router knows no suffix behind a name; the badge cuts it off itself.
            Router::new()$(.route(&$path.replace("{journey}.svg", "{file}"), axum::routing::$method($handler)))*
        }
    };
}

const fn json<T: schemars::JsonSchema>() -> Answer {
    Answer::Json(SchemaGenerator::subschema_for::<T>)
}

routes! {
    get "/" page::home => Answer::Html, "The health of every journey";
    get "/journeys/{id}" page::journey => Answer::Html, "One journey: its path, what costs its score and how it was: ?range";
    get "/touchpoints/{id}" page::touchpoint => Answer::Html, "One touchpoint: its probes and their latest runs";
    get "/incidents/{id}" page::incident => Answer::Html, "One incident: cause, impacts, timeline, notifications; with .md behind its id, as a document";
    get "/wall" page::wall => Answer::Html, "Every journey's number, large, for a screen on the wall";
    get "/card/{id}" page::card::card => Answer::Html, "One journey in a small frame, for pages of others";
    get "/reports" page::reports::index => Answer::Html, "How the journeys went: every report there is";
    get "/reports/week/{period}" page::reports::week => Answer::Html, "A week, such as 2026-W47";
    get "/reports/month/{period}" page::reports::month => Answer::Html, "A month, such as 2026-10";
    get "/reports/quarter/{period}" page::reports::quarter => Answer::Html, "A quarter, such as 2026-Q4";
    get "/reports/walk/{id}" page::walk::show => Answer::Html, "A journey stage by stage, from the latest runs: ?format=csv";
    post "/silences" page::forms::silence => Answer::Html, "The page's form to hold something back";
    post "/silences/{id}/end" page::forms::end => Answer::Html, "The page's button to end that early";
    post "/annotations" page::forms::annotate => Answer::Html, "The page's form to note something on the time axis";
    post "/annotations/{id}/remove" page::forms::remove => Answer::Html, "The page's button to take that off";
    post "/incidents/{id}/ack" page::forms::acknowledge => Answer::Html, "The page's form to take an incident";
    get "/api/v1/status" api::journeys::status => json::<api::journeys::Status>(), "Every journey's score";
    get "/api/v1/journeys/{id}" api::journeys::journey => json::<api::journeys::Full>(), "What a journey's score is made of";
    get "/api/v1/journeys/{id}/history" api::history::history => json::<Vec<api::history::Past>>(), "A journey's past scores: ?from&to&step";
    get "/api/v1/journeys/{id}/walk" api::reports::walk => json::<serde_json::Value>(), "A journey and the latest runs of all that it needs";
    get "/api/v1/reports/{period}" api::reports::report => json::<serde_json::Value>(), "How the journeys went in a week, a month or a quarter: ?journey";
    get "/api/v1/touchpoints" api::touchpoints::list => json::<api::List<api::touchpoints::Touchpoint>>(), "Every touchpoint's state: ?limit&after";
    get "/api/v1/touchpoints/{id}" api::touchpoints::one => json::<api::touchpoints::Touchpoint>(), "One touchpoint with its probes and their windows";
    get "/api/v1/probes/{touchpoint}/{probe}/readings" api::readings::list => json::<api::List<api::readings::Reading>>(), "A probe's runs, newest first: ?limit&before";
    get "/api/v1/incidents" api::incidents::list => json::<api::List<api::incidents::Incident>>(), "Incidents, newest first: ?state&limit&before";
    get "/api/v1/incidents/{id}" api::incidents::one => json::<api::incidents::Incident>(), "One incident with its timeline and notifications";
    get "/api/v1/incidents/{id}/postmortem" api::incidents::postmortem => Answer::Markdown, "The incident as a document";
    post "/api/v1/incidents/{id}/ack" api::acks::acknowledge => json::<api::incidents::Incident>(), "Somebody has it; with the key beside the store";
    get "/api/v1/silences" api::silences::list => json::<api::List<api::silences::Silence>>(), "What is held back, the latest end first: ?state&limit";
    post "/api/v1/silences" api::silences::begin => json::<api::silences::Silence>(), "Holds something back; with the key beside the store";
    delete "/api/v1/silences/{id}" api::silences::end => json::<api::silences::Silence>(), "Ends that early, with the key beside the store: ?by";
    get "/api/v1/annotations" api::annotations::list => json::<api::List<api::annotations::Annotation>>(), "Campaigns, releases, launches and notes, the latest first: ?journey&incident&state&from&to&limit&before";
    get "/api/v1/annotations/{id}" api::annotations::one => json::<api::annotations::Annotation>(), "One of them, with how each journey went before and since";
    post "/api/v1/annotations" api::annotations::note => json::<api::annotations::Annotation>(), "Notes something; with the key beside the store";
    delete "/api/v1/annotations/{id}" api::annotations::remove => json::<api::annotations::Annotation>(), "Takes that off, with the key beside the store: ?by";
    get "/api/v1/maintenance" api::maintenance::list => json::<api::List<api::maintenance::Window>>(), "Windows of planned work";
    get "/api/v1/outbox" api::outbox::list => json::<api::List<api::outbox::Letter>>(), "Notifications and what became of them, newest first: ?state&receiver&id&limit&before";
    post "/api/v1/outbox/{id}/replay" api::outbox::replay => json::<api::outbox::Done>(), "Sends a dead letter after all, with the key beside the store";
    post "/api/v1/outbox/{id}/drop" api::outbox::drop => json::<api::outbox::Done>(), "Gives a letter up, with the key beside the store";
    get "/api/v1/events" events::events => Answer::Events(SchemaGenerator::subschema_for::<Event>), "What changes, live: score, state, incident";
    post "/api/v1/push/{touchpoint}/{probe}" push::push => json::<push::Receipt>(), "An outside system reports, with its bearer token";
    put "/api/v1/push/{touchpoint}/{probe}" push::push => json::<push::Receipt>(), "The same, for senders that put";
    get "/api/v1/openapi.json" openapi::openapi => json::<serde_json::Value>(), "This description";
    get "/metrics" vitals::metrics => Answer::Text, "Metrics for Prometheus";
    get "/healthz" vitals::healthz => Answer::Text, "Whether schedule, store and outbox move";
    get "/readyz" vitals::readyz => Answer::Text, "Whether the daemon has begun";
    get "/feed.atom" feed::feed => Answer::Atom, "Incidents, for feed readers";
    get "/badge/{journey}.svg" badge::badge => Answer::Svg, "A journey's score as a picture";
    get "/proofs/{trace}/{file}" proof::exhibit => Answer::Bytes, "What a failed run left to be looked at: page.webp, page.txt, console.txt, requests.har";
    get "/assets/{name}" assets::asset => Answer::Text, "Style, script and icon of the pages";
}

/// What the handlers share.
pub(super) struct Shared {
    pub(super) site: Site,
    /// What is said, in every language.
    pub(super) tongues: Tongues,
    /// One per event stream.
    pub(super) seats: Arc<Semaphore>,
    pub(super) pasts: Pasts,
    pub(super) thens: Thens,
    pub(super) buckets: Buckets,
    /// Of the assets.
    pub(super) version: String,
    /// The snapshot last narrowed for everybody, and what it was narrowed from.
    narrowed: Mutex<Option<(Arc<Snapshot>, Arc<Snapshot>)>>,
    unread: Mutex<Lasting>,
}

impl Shared {
    pub(super) fn new(site: Site) -> Self {
        Self {
            site,
            tongues: Tongues::new(),
            seats: Arc::new(Semaphore::new(LISTENERS_MAX)),
            pasts: Pasts::default(),
            thens: Thens::default(),
            buckets: Buckets::default(),
            version: assets::version(),
            narrowed: Mutex::new(None),
            unread: Mutex::new(Lasting::over_after(UNREAD_OVER_AFTER)),
        }
    }

    /// What this site's visitors may see.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        let whole = Arc::clone(&self.site.snapshot.borrow());
        if self.site.audience == Audience::Insiders {
            return whole;
        }
        let mut last = self.narrowed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((from, narrowed)) if Arc::ptr_eq(from, &whole) => Arc::clone(narrowed),
            _ => {
                let narrowed = audience::narrowed(&whole, self.site.audience);
                *last = Some((whole, Arc::clone(&narrowed)));
                narrowed
            }
        }
    }

    /// Says that the store refused something to a visitor: however many ask, once.
    pub(super) fn unread(&self, what: &str, why: &str) {
        let telling = self.unread.lock().unwrap_or_else(PoisonError::into_inner).failed(why, Instant::now());
        match telling {
            Telling::News => tracing::warn!(error = why, "{what} cannot be read from the store: {why}"),
            Telling::Again => tracing::debug!(error = why, "{what} cannot be read from the store: {why}"),
        }
    }

    pub(super) fn insiders_only(&self) -> Result<(), Problem> {
        match self.site.audience {
            Audience::Insiders => Ok(()),
            Audience::Everybody => Err(Problem::not_found()),
        }
    }

    pub(super) fn may_hear(&self, event: &Event) -> bool {
        self.site.audience == Audience::Insiders || audience::may_hear(event, &self.snapshot())
    }
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    wired()
        .fallback(page::missing)
        .method_not_allowed_fallback(|| async { Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this is not done here") })
        .with_state(Arc::clone(&shared))
        // What takes a body takes a small one.
        .layer(DefaultBodyLimit::max(push::BODY_MAX))
        .layer(RequestBodyTimeoutLayer::new(ANSWER_WITHIN))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(CompressionLayer::new().no_br().quality(CompressionLevel::Fastest))
        .layer(from_fn_with_state(shared, guard::guard))
        .layer(CatchPanicLayer::new())
}
