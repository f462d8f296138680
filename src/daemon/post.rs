//! How the log tells what becomes of notifications.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::alert::{About, News};
use crate::lasting::{Lasting, Telling};

/// An outbox that has refused nothing for so long is well.
const REFUSAL_OVER_AFTER: Duration = Duration::from_mins(1);

/// What was told: of a receiver that takes nothing once, not for every letter and every attempt.
#[derive(Debug)]
pub(super) struct Told {
    receivers: BTreeMap<String, Lasting>,
    outbox: Lasting,
}

impl Default for Told {
    fn default() -> Self {
        Self { receivers: BTreeMap::new(), outbox: Lasting::over_after(REFUSAL_OVER_AFTER) }
    }
}

impl Told {
    /// Forgets who is no receiver any more.
    pub(super) fn keep<T>(&mut self, receivers: &BTreeMap<String, T>) {
        self.receivers.retain(|receiver, _| receivers.contains_key(receiver));
    }

    pub(super) fn tell(&mut self, news: &News) {
        match news {
            News::Moves { .. } => {}
            News::Delivered { receiver, .. } => {
                if let Some(times) = self.receivers.get_mut(receiver).and_then(Lasting::worked) {
                    tracing::info!(%receiver, times, "`{receiver}` takes notifications again");
                }
                // What was delivered was read, and written down.
                if let Some(times) = self.outbox.went_well(Instant::now()) {
                    tracing::info!(times, "The outbox can be read and written again");
                }
            }
            News::Failed { receiver, error } => {
                let failing = self.receivers.entry(receiver.clone()).or_default();
                match failing.failed(error, Instant::now()) {
                    Telling::News => {
                        tracing::warn!(%receiver, error, "`{receiver}` did not take a notification, it is tried again: {error}");
                    }
                    Telling::Again => {
                        tracing::debug!(%receiver, error, "`{receiver}` did not take a notification either: {error}");
                    }
                }
            }
            News::Dead { receiver, about, error } => {
                let incident = match about {
                    About::Incident(id) => Some(tracing::field::display(id)),
                    About::Many | About::Circular(_) => None,
                };
                tracing::error!(%receiver, incident.id = incident, error, "`{receiver}` never took {about}, it is given up: {error}");
            }
            News::Refused { error } => {
                if self.outbox.failed(error, Instant::now()) == Telling::News {
                    tracing::error!(error, "The outbox cannot be read or written: {error}");
                }
            }
        }
    }
}
