//! What changed, live: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use super::api::At;
use super::problem::Problem;
use super::routes::Shared;
use crate::model::{Change, Color, Incident, JourneyMap, State as Condition};
use crate::words::Words;

/// Proxies and phones drop a silent connection.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// One change, as it is told to pages and to the API's listeners.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Event {
    Score {
        journey: String,
        score: Option<f64>,
        #[schemars(with = "String")]
        color: Color,
        at: At,
    },
    State {
        touchpoint: String,
        #[schemars(with = "String")]
        from: Condition,
        #[schemars(with = "String")]
        to: Condition,
        at: At,
    },
    Incident {
        id: String,
        /// `open` or `closed`.
        state: &'static str,
        version: u32,
        headline: String,
        at: At,
    },
}

impl Event {
    /// What of a change is worth telling: nothing of what only the schedule and the detector care about.
    pub fn of(change: &Change, words: &Words, map: &JourneyMap) -> Option<Self> {
        match change {
            Change::ScoreChanged { journey, to, color, at, .. } => Some(Self::Score {
                journey: journey.to_string(),
                score: to.map(crate::model::Score::points),
                color: *color,
                at: At(*at),
            }),
            Change::TouchpointChanged { touchpoint, from, to, at } => {
                Some(Self::State { touchpoint: touchpoint.to_string(), from: *from, to: *to, at: At(*at) })
            }
            Change::IncidentOpened(incident)
            | Change::IncidentUpdated(incident)
            | Change::IncidentNoted(incident)
            | Change::IncidentClosed(incident) => Some(Self::of_incident(incident, words, map)),
            Change::StateChanged { .. } | Change::Renamed { .. } | Change::Recheck { .. } => None,
        }
    }

    fn of_incident(incident: &Incident, words: &Words, map: &JourneyMap) -> Self {
        let last = incident.timeline.last().map_or(incident.opened, |happening| happening.at);
        Self::Incident {
            id: incident.id.to_string(),
            state: if incident.closed.is_some() { "closed" } else { "open" },
            version: incident.version,
            headline: words.incident(incident, map),
            at: At(incident.closed.unwrap_or(last)),
        }
    }

    /// The event's name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Score { .. } => "score",
            Self::State { .. } => "state",
            Self::Incident { .. } => "incident",
        }
    }
}

pub(super) async fn events(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let Ok(seat) = Arc::clone(&shared.seats).try_acquire_owned() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many listeners; try again later"));
    };
    let told = shared.site.events.subscribe();
    let stopping = shared.site.stopping.clone().cancelled_owned();
    let events = stream::unfold((told, seat, shared), |(mut told, seat, shared)| async move {
        loop {
            match told.recv().await {
                Ok(event) if shared.may_hear(&event) => return Some((frame(&event), (told, seat, shared))),
                Ok(_) => {}
                // Whoever cannot keep up is told to look again, instead of being told everything too late.
                Err(RecvError::Lagged(_)) => {
                    return Some((sse::Event::default().event("score").data("{}"), (told, seat, shared)));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    });
    let hello = stream::once(async { sse::Event::default().comment("unbroken").retry(Duration::from_secs(3)) });
    Ok(Sse::new(fallible(hello.chain(events).take_until(stopping)))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

fn frame(event: &Event) -> sse::Event {
    let body = serde_json::to_string(event).unwrap_or_default();
    sse::Event::default().event(event.name()).data(body)
}

fn fallible(events: impl Stream<Item = sse::Event>) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    events.map(Ok)
}
