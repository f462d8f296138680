//! Old messages that are no longer so, because the end was told in another message: they are put right when nothing
//! else waits. Nobody misses anything by it, but a channel shows at a glance what is still broken.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::lane::{Lane, Round};
use crate::alert::policy::{Tried, after};
use crate::alert::{Attempt, Failure, Request};
use crate::store::{Fate, Stale, Thread};

/// Written down or not, it is right there: it need not be put right again at once.
const UNWRITTEN: SignedDuration = SignedDuration::from_mins(1);

/// How long a receiver is left alone with what is only put right.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// That failed, in a row.
    attempts: u32,
    until: Option<Instant>,
}

impl Lane {
    /// Puts the oldest of them right.
    pub(super) async fn freshen(&mut self) -> Round {
        if self.patience.until.is_some_and(|until| Instant::now() < until) {
            return Round::Idle;
        }
        let stale = match self.store.stale(&self.name).await {
            Ok(Some(stale)) => stale,
            Ok(None) => return Round::Idle,
            Err(refused) => return self.moved(Err(refused)),
        };
        let now = self.clock.now();
        if let Some(request) = self.amendment(&stale, now) {
            self.bucket.take(1, Instant::now());
            match self.attempt(request, now).await {
                Ok(_) => {}
                Err(passing @ Failure::Passing { .. }) => {
                    let tried = Tried { attempts: self.patience.attempts + 1, refusals: 0, queued: stale.since };
                    match after(&passing, tried, now, rand::random()) {
                        Fate::Retry { next, .. } => return self.wait(next, now),
                        _ => self.stays(passing.text()),
                    }
                }
                Err(failure) => self.stays(failure.text()),
            }
        }
        self.patience = Patience::default();
        match self.store.freshened(stale.number, stale.ends).await {
            Ok(()) => Round::Moved,
            Err(refused) => {
                self.refused(&refused);
                self.wait(now.saturating_add(UNWRITTEN).unwrap_or(now), now)
            }
        }
    }

    /// What it has to say now; none, if it cannot be changed.
    fn amendment(&self, stale: &Stale, now: Timestamp) -> Option<Request> {
        let thread = Some(stale.thread.clone());
        let attempt = Attempt { number: self.patience.attempts + 1, at: now, thread };
        match stale.thread {
            Thread::Own(_) => self.receiver.amend(stale.told.last()?, &attempt),
            Thread::Storm(_) => {
                // Equal for every attempt at saying just this.
                let id = format!("{}-{}", stale.id, stale.told.len());
                self.receiver.amend_storm(&self.teller.tell(&id, &stale.told, now), &attempt)
            }
        }
    }

    fn wait(&mut self, next: Timestamp, now: Timestamp) -> Round {
        let pause = next.duration_since(now).unsigned_abs();
        self.patience = Patience { attempts: self.patience.attempts + 1, until: Some(Instant::now() + pause) };
        Round::Idle
    }

    pub(super) fn stays(&self, error: &str) {
        let receiver = &self.name;
        tracing::info!(%receiver, error, "An old message to `{receiver}` stays as it was: {error}");
    }
}
