//! What the daemon does outside its main line: carrying notifications, its own heartbeat, its canaries, its outbox's age.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use url::Url;

use super::canary;
use super::keeper::Tell;
use super::signs::{self, Outbox, Part, Signs};
use crate::alert::{Bell, Courier, Direct, Heartbeat, News, Settings};
use crate::clock::Clock;
use crate::model::{Notification, SelfFault};
use crate::store::Store;
use crate::telemetry::Metrics;

const OUTBOX_LOOKED_AT_EVERY: Duration = Duration::from_secs(5);
const CANARIES_ASKED_EVERY: Duration = Duration::from_secs(10);
const DIRECT_TRIED_EVERY: Duration = Duration::from_secs(10);
const TIDIED_EVERY: Duration = Duration::from_mins(1);
/// Soon after the start, for a store that was left untidy; not at once, for the start is busy enough.
const FIRST_TIDIED_AFTER: Duration = Duration::from_secs(10);

/// What they all need.
#[derive(Clone)]
pub(super) struct Outposts {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    /// What `command` receivers may be given of.
    pub(super) environment: BTreeMap<String, String>,
    pub(super) bell: Bell,
    pub(super) tells: mpsc::UnboundedSender<Tell>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) signs: Arc<Signs>,
}

impl Outposts {
    /// Carries what the outbox holds.
    pub(super) async fn carry(self, settings: Settings, stop: CancellationToken) {
        let (metrics, tells) = (Arc::clone(&self.metrics), self.tells.clone());
        let listener = move |news: News| match news {
            News::Delivered { receiver, .. } => metrics.notified(&receiver, "delivered"),
            News::Failed { receiver, error } => {
                tracing::warn!(%receiver, "`{receiver}` did not take a notification, it is tried again: {error}");
                metrics.notified(&receiver, "retried");
            }
            News::Dead { receiver, incident, error } => {
                metrics.notified(&receiver, "dead");
                let text = format!("`{receiver}` never took the notification of incident {incident}: {error}");
                tells.send(Tell::Trouble(SelfFault::DeadLetter, text)).ok();
            }
            News::Refused { error } => {
                tracing::error!("The outbox cannot be read or written: {error}");
            }
        };
        match Courier::new(settings, self.store, self.clock, self.environment, self.bell, listener) {
            Ok(courier) => courier.run(stop).await,
            Err(error) => tracing::error!("No courier: {}", super::chain(&error)),
        }
    }

    /// Notices when notifications do not get out.
    pub(super) async fn watch_outbox(self, stop: CancellationToken) {
        let patience = SignedDuration::try_from(signs::OUTBOX_MOVES_WITHIN).unwrap_or_default();
        while stop.run_until_cancelled(tokio::time::sleep(OUTBOX_LOOKED_AT_EVERY)).await.is_some() {
            let Ok(depth) = self.store.outbox().await else { continue };
            self.signs.give(Part::Outbox);
            let stuck = depth.oldest.filter(|oldest| self.clock.now().duration_since(*oldest) > patience);
            self.signs.outbox(if stuck.is_some() { Outbox::Stuck } else { Outbox::Moves });
            let tell = match stuck {
                Some(since) => Tell::Trouble(
                    SelfFault::OutboxStuck,
                    format!("{} notifications wait, the oldest since {since}", depth.pending),
                ),
                None => Tell::Well(SelfFault::OutboxStuck),
            };
            self.tells.send(tell).ok();
            if depth.dead == 0 {
                self.tells.send(Tell::Well(SelfFault::DeadLetter)).ok();
            }
        }
    }

    /// Says outside that we are well, as long as we are.
    pub(super) async fn beat(self, heartbeat: Heartbeat, stop: CancellationToken) {
        let mut before = self.signs.runs();
        while stop.run_until_cancelled(tokio::time::sleep(heartbeat.every.get())).await.is_some() {
            let after = self.signs.runs();
            let well = if signs::enough_ran(before, after) {
                self.signs.well()
            } else {
                Err("too few of the due runs took place".to_owned())
            };
            before = after;
            if let Err(why) = well {
                tracing::warn!("The heartbeat is held back: {why}");
                continue;
            }
            if let Err(error) = crate::alert::beat(&heartbeat).await {
                tracing::warn!("The heartbeat was not taken: {error}");
            }
        }
    }

    /// Sorts, rolls up and forgets. A store that refuses says so elsewhere already.
    pub(super) async fn tidy(self, stop: CancellationToken) {
        let mut pause = FIRST_TIDIED_AFTER;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            pause = TIDIED_EVERY;
            if let Some(Err(refused)) = stop.run_until_cancelled(self.store.tidy(self.clock.now())).await {
                tracing::warn!("The store cannot be tidied: {}", super::chain(&refused));
            }
        }
    }

    /// If no canary answers, we are blind; without any, we cannot tell.
    pub(super) async fn ask_canaries(self, canaries: Vec<Url>, stop: CancellationToken) {
        if canaries.is_empty() {
            self.tells.send(Tell::Well(SelfFault::BlindVantage)).ok();
            return;
        }
        while stop.run_until_cancelled(tokio::time::sleep(CANARIES_ASKED_EVERY)).await.is_some() {
            let answers = futures::future::join_all(canaries.iter().map(canary::answers)).await;
            let tell = if answers.iter().any(Result::is_ok) {
                Tell::Well(SelfFault::BlindVantage)
            } else {
                let why: BTreeSet<String> = answers.into_iter().filter_map(Result::err).collect();
                let why: Vec<String> = why.into_iter().collect();
                Tell::Trouble(SelfFault::BlindVantage, format!("no canary answers: {}", why.join("; ")))
            };
            self.tells.send(tell).ok();
        }
    }

    /// Sends what the store refuses, again and again until it is taken.
    pub(super) async fn send_direct(
        self,
        settings: watch::Receiver<Settings>,
        mut inlet: mpsc::UnboundedReceiver<Vec<Notification>>,
        stop: CancellationToken,
    ) {
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<Notification> = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                more = inlet.recv() => match more {
                    // The same letters come again with every refusal; each goes out once.
                    Some(more) => waiting.extend(more.into_iter().filter(|letter| seen.insert(letter.id.clone()))),
                    None => return,
                },
                () = tokio::time::sleep(DIRECT_TRIED_EVERY), if !waiting.is_empty() => {}
            }
            if waiting.is_empty() {
                continue;
            }
            // As the receivers are now: a reload may have mended the very one that did not take it.
            let present = settings.borrow().clone();
            match Direct::new(present, self.clock.clone(), self.environment.clone()) {
                Ok(direct) => waiting = direct.send(std::mem::take(&mut waiting)).await,
                Err(error) => tracing::error!("What the store refuses cannot be sent either: {}", super::chain(&error)),
            }
        }
    }
}
