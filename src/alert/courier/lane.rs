//! One receiver's way out.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::stale::Patience;
use super::{About, LETTERS_MAX, Listener, News};
use crate::alert::pace::Bucket;
use crate::alert::policy::Tried;
use crate::alert::send::{Sender, chain};
use crate::alert::{Attempt, Failure, Receiver, Request, Taken, Teller, after};
use crate::clock::Clock;
use crate::model::Notification;
use crate::store::{Bundle, Fate, Holds, Letter, Refused, Sealing, Store};

/// How often a lane looks without being rung for: retries fall due by themselves.
const POLL: Duration = Duration::from_secs(1);
const RESTATE_EVERY: Duration = Duration::from_mins(1);
/// How long a receiver is told again of the end.
const RESTATE_RESOLVED: SignedDuration = SignedDuration::from_mins(15);
/// What is under way at a stop may still take so long.
const GRACE: Duration = Duration::from_secs(3);
/// Different incidents may go to one receiver at once.
const UNDER_WAY_MAX: usize = 4;
/// How long the store may take to count an attempt, before it is made uncounted: better that than late.
const COUNTED_WITHIN: Duration = Duration::from_secs(3);

/// A receiver that hangs, or wants to be told slowly, delays nobody but itself.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) receiver: Receiver,
    pub(super) teller: Teller,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    pub(super) sender: Sender,
    pub(super) listener: Listener,
    /// What became of letters when the store refused to write it: they are not sent again before it does.
    pub(super) unsettled: HashMap<i64, Fate>,
    /// With what is only put right.
    pub(super) patience: Patience,
    /// Letters are fetched when they may go, no sooner: what waits in the store can still be replaced by what is newer.
    pub(super) bucket: Bucket,
}

pub(super) enum Round {
    /// There may be more.
    Moved,
    Idle,
    /// The store did not tell what there is to do, or did not write it down.
    Barred,
    /// There may be more, but not before then.
    Paced(Instant),
}

impl Lane {
    pub(super) async fn guarded(mut self, mut bell: watch::Receiver<()>, shutdown: CancellationToken) {
        let cutoff = shutdown.clone();
        let cutoff = async move {
            cutoff.cancelled().await;
            sleep(GRACE).await;
        };
        tokio::pin!(cutoff);
        loop {
            let work = AssertUnwindSafe(self.run(&mut bell, &shutdown)).catch_unwind();
            tokio::select! {
                done = work => if done.is_ok() { return },
                () = &mut cutoff => return,
            }
            tracing::error!(receiver = %self.name, "The courier of `{}` crashed and starts again", self.name);
            sleep(POLL).await;
        }
    }

    async fn run(&mut self, bell: &mut watch::Receiver<()>, shutdown: &CancellationToken) {
        let mut restate_at = Instant::now();
        while !shutdown.is_cancelled() {
            bell.mark_unchanged();
            let round = self.round().await;
            if !matches!(round, Round::Barred) {
                self.moves();
            }
            if restate_at <= Instant::now() {
                self.restate().await;
                restate_at = Instant::now() + RESTATE_EVERY;
            }
            match round {
                Round::Moved => {}
                Round::Idle | Round::Barred => tokio::select! {
                    () = shutdown.cancelled() => return,
                    rung = bell.changed() => if rung.is_err() { sleep(POLL).await },
                    () = sleep(POLL) => {}
                },
                Round::Paced(until) => tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = sleep_until(until.min(restate_at)) => {}
                },
            }
        }
    }

    async fn round(&mut self) -> Round {
        self.settle_again().await;
        let room = match self.bucket.room(LETTERS_MAX, Instant::now()) {
            Ok(room) => room,
            Err(next) => return Round::Paced(next),
        };
        // A storm first: it tells the most.
        match self.store.bundle(&self.name, self.clock.now()).await {
            Ok(Some(bundle)) if !self.unsettled.contains_key(&bundle.number) => return self.carry(bundle).await,
            Ok(_) => {}
            Err(refused) => return self.moved(Err(refused)),
        }
        let known = u32::try_from(self.unsettled.len()).unwrap_or(u32::MAX);
        let letters = match self.store.letters(&self.name, self.clock.now(), room.saturating_add(known)).await {
            Ok(letters) => letters,
            Err(refused) => return self.moved(Err(refused)),
        };
        let unsent = letters.into_iter().filter(|letter| !self.unsettled.contains_key(&letter.number));
        let letters: Vec<_> = unsent.take(room as usize).collect();
        if letters.is_empty() {
            // What is told already waits for what is not, and what is about no incident for what is.
            return match self.freshen().await {
                Round::Moved => Round::Moved,
                put_off => match self.circulate(room).await {
                    Round::Idle => put_off,
                    moved => moved,
                },
            };
        }
        self.begin(&letters.iter().map(|letter| letter.number).collect::<Vec<_>>()).await;
        self.bucket.take(u32::try_from(letters.len()).unwrap_or(room), Instant::now());
        let lane = &*self;
        let settled: Vec<_> =
            stream::iter(letters).map(|letter| lane.deliver(letter)).buffer_unordered(UNDER_WAY_MAX).collect().await;
        self.unsettled.extend(settled.into_iter().flatten());
        Round::Moved
    }

    /// A storm: told as one, or scattered where each is told for itself.
    async fn carry(&mut self, bundle: Bundle) -> Round {
        let now = self.clock.now();
        let storm = match bundle.holds {
            Holds::Loose { members, .. } if members.is_empty() => {
                return self.moved(self.store.settle(bundle.number, Fate::Superseded { at: now }).await);
            }
            Holds::Sealed(storm) => storm,
            Holds::Loose { members, last } => {
                let storm = self.teller.tell(&bundle.id, &members, now);
                match self.store.seal(bundle.number, last, &storm).await {
                    Ok(Sealing::Sealed) => storm,
                    Ok(Sealing::Grown) => return Round::Moved,
                    Err(refused) => return self.moved(Err(refused)),
                }
            }
        };
        let attempt = Attempt { number: bundle.attempts + 1, at: now, thread: None };
        let Some(request) = self.receiver.render_storm(&storm, &attempt) else {
            return self.moved(self.store.scatter(bundle.number, now).await);
        };
        self.begin(&[bundle.number]).await;
        self.bucket.take(1, Instant::now());
        let outcome = self.attempt(request, now).await;
        let tried = Tried { attempts: bundle.attempts + 1, refusals: bundle.refusals, queued: bundle.queued };
        let fate = self.fate(outcome, tried);
        let settled = self.store.settle(bundle.number, fate.clone()).await;
        self.tell(None, &fate);
        if let Err(refused) = settled {
            self.refused(&refused);
            self.unsettled.insert(bundle.number, fate);
        }
        Round::Moved
    }

    /// Whoever is killed after this and asks the store what to send makes an attempt of a higher number.
    pub(super) async fn begin(&self, numbers: &[i64]) {
        if let Ok(Err(refused)) = timeout(COUNTED_WITHIN, self.store.begin(numbers)).await {
            self.refused(&refused);
        }
    }

    pub(super) fn moved(&self, written: Result<(), Refused>) -> Round {
        match written {
            Ok(()) => Round::Moved,
            Err(refused) => {
                self.refused(&refused);
                Round::Barred
            }
        }
    }

    /// One attempt; its fate, if the store did not take it.
    async fn deliver(&self, letter: Letter) -> Option<(i64, Fate)> {
        let thread = letter.thread.clone();
        let attempt = Attempt { number: letter.attempts + 1, at: self.clock.now(), thread };
        let outcome = self.send(&letter.notification, &attempt).await;
        let tried = Tried { attempts: letter.attempts + 1, refusals: letter.refusals, queued: letter.queued };
        let fate = self.fate(outcome, tried);
        let settled = self.store.settle(letter.number, fate.clone()).await;
        self.tell(Some(&letter.notification), &fate);
        let refused = settled.err()?;
        self.refused(&refused);
        Some((letter.number, fate))
    }

    async fn send(&self, notification: &Notification, attempt: &Attempt) -> Result<Taken, Failure> {
        if let Some(amendment) = self.receiver.amend(notification, attempt) {
            match self.attempt(amendment, attempt.at).await {
                Err(passing @ Failure::Passing { .. }) => return Err(passing),
                // Nobody misses anything: the message that follows says it too.
                Err(failure) => self.stays(failure.text()),
                Ok(_) => {}
            }
        }
        let request = self.receiver.render(notification, attempt);
        self.attempt(request, attempt.at).await
    }

    /// Takes [`Receiver::patience`] at most.
    pub(super) async fn attempt(&self, request: Request, at: Timestamp) -> Result<Taken, Failure> {
        self.moves();
        self.sender.send(&self.receiver, request, at).await
    }

    fn moves(&self) {
        (self.listener)(News::Moves { receiver: self.name.clone() });
    }

    pub(super) fn fate(&self, outcome: Result<Taken, Failure>, tried: Tried) -> Fate {
        let now = self.clock.now();
        match outcome {
            Ok(said) => Fate::Delivered { at: now, receipt: said.receipt },
            Err(failure) => after(&failure, tried, now, rand::random()),
        }
    }

    /// Of a notification, or of a storm.
    fn tell(&self, notification: Option<&Notification>, fate: &Fate) {
        let receiver = self.name.clone();
        (self.listener)(match fate {
            Fate::Delivered { .. } | Fate::Superseded { .. } => {
                News::Delivered { receiver, kind: notification.map(|notification| notification.kind) }
            }
            Fate::Retry { error, .. } => News::Failed { receiver, error: error.clone() },
            Fate::Dead { error, .. } => {
                let about = notification.map_or(About::Many, |one| About::Incident(one.incident.id));
                News::Dead { receiver, about, error: error.clone() }
            }
        });
    }

    async fn settle_again(&mut self) {
        for (number, fate) in std::mem::take(&mut self.unsettled) {
            if let Err(refused) = self.store.settle(number, fate.clone()).await {
                self.refused(&refused);
                self.unsettled.insert(number, fate);
            }
        }
    }

    async fn restate(&self) {
        let now = self.clock.now();
        let since = now.saturating_sub(RESTATE_RESOLVED).unwrap_or(now);
        let attempt = Attempt::first(now);
        let Ok(standing) = self.store.standing(&self.name, since).await else { return };
        let Some(request) = self.receiver.restate(&standing, &attempt) else { return };
        if let Err(failure) = self.sender.send(&self.receiver, request, now).await {
            (self.listener)(News::Failed { receiver: self.name.clone(), error: failure.text().to_owned() });
        }
    }

    pub(super) fn refused(&self, refused: &Refused) {
        (self.listener)(News::Refused { error: chain(refused) });
    }
}
