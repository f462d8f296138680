//! Letters about no incident: no alert waits for them.

use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use super::lane::{Lane, Round};
use super::{About, Courier, LETTERS_MAX, News};
use crate::alert::Failure;
use crate::alert::policy::Tried;
use crate::store::{Fate, Outgoing};

/// At once: each is a mail of its own connection.
const UNDER_WAY_MAX: usize = 4;

impl Lane {
    /// Carries those that are due.
    pub(super) async fn circulate(&mut self, room: u32) -> Round {
        let due = match self.store.circulars(&self.name, self.clock.now(), room).await {
            Ok(due) => due,
            Err(refused) => return self.moved(Err(refused)),
        };
        let due: Vec<Outgoing> = due.into_iter().filter(|one| !self.unsettled.contains_key(&one.number)).collect();
        if due.is_empty() {
            return Round::Idle;
        }
        self.begin(&due.iter().map(|one| one.number).collect::<Vec<_>>()).await;
        self.bucket.take(u32::try_from(due.len()).unwrap_or(room), Instant::now());
        let lane = &*self;
        let carried = stream::iter(due).map(|one| lane.hand_over(one)).buffer_unordered(UNDER_WAY_MAX);
        let refused: Vec<_> = carried.collect().await;
        self.unsettled.extend(refused.into_iter().flatten());
        Round::Moved
    }

    /// One attempt; its fate, if the store did not take it.
    async fn hand_over(&self, one: Outgoing) -> Option<(i64, Fate)> {
        let now = self.clock.now();
        let outcome = match self.receiver.render_circular(&one.circular) {
            Some(request) => self.attempt(request, now).await,
            None => Err(Failure::Unfit { text: format!("`{}` sends no mail", self.name) }),
        };
        let tried = Tried { attempts: one.attempts + 1, refusals: one.refusals, queued: one.queued };
        let fate = self.fate(outcome, tried);
        let settled = self.store.settle(one.number, fate.clone()).await;
        let receiver = self.name.clone();
        (self.listener)(match &fate {
            Fate::Delivered { .. } | Fate::Superseded { .. } => News::Delivered { receiver, kind: None },
            Fate::Retry { error, .. } => News::Failed { receiver, error: error.clone() },
            Fate::Dead { error, .. } => {
                let about = About::Circular(one.circular.headline);
                News::Dead { receiver, about, error: error.clone() }
            }
        });
        let refused = settled.err()?;
        self.refused(&refused);
        Some((one.number, fate))
    }
}

impl Courier {
    /// Those to a receiver that has left the configuration are dead, not forgotten.
    pub(super) async fn bury_circulars(&self, receiver: &str, now: Timestamp) {
        while let Ok(circulars) = self.store.circulars(receiver, Timestamp::MAX, LETTERS_MAX).await {
            for one in &circulars {
                let error = format!("the receiver `{receiver}` is no longer configured");
                if self.store.settle(one.number, Fate::Dead { at: now, error: error.clone() }).await.is_err() {
                    return;
                }
                let about = About::Circular(one.circular.headline.clone());
                (self.listener)(News::Dead { receiver: receiver.to_owned(), about, error });
            }
            if circulars.is_empty() {
                return;
            }
        }
    }
}
