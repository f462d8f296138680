//! Carries letters from the outbox to their receivers, each receiver in a lane of its own.
//!
//! At least once: a letter leaves the outbox only when the receiver has taken it and the store has written so. In
//! order: of each incident a receiver is offered the oldest letter only.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::alert::send::{Sender, chain};
use crate::alert::{Attempt, Receiver, Settings, after};
use crate::clock::Clock;
use crate::model::{IncidentId, NotificationKind};
use crate::store::{Fate, Letter, Refused, Store};

/// How often a lane looks without being rung for: retries fall due by themselves.
const POLL: Duration = Duration::from_secs(1);
const STRAYS_EVERY: Duration = Duration::from_mins(1);
const RESTATE_EVERY: Duration = Duration::from_mins(1);
/// How long a receiver is told again of the end.
const RESTATE_RESOLVED: SignedDuration = SignedDuration::from_mins(15);
/// What is under way at a stop may still take so long.
const GRACE: Duration = Duration::from_secs(3);
const LETTERS_MAX: u32 = 64;
/// Different incidents may go to one receiver at once.
const UNDER_WAY_MAX: usize = 4;

/// Tells the courier that there is something in the outbox.
#[derive(Clone, Debug)]
pub struct Bell(Arc<watch::Sender<()>>);

impl Default for Bell {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

impl Bell {
    pub fn ring(&self) {
        self.0.send_replace(());
    }
}

/// What the courier has to tell: for metrics, and for our own trouble.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    Delivered {
        receiver: String,
        kind: NotificationKind,
    },
    /// It will be tried again.
    Failed {
        receiver: String,
        error: String,
    },
    /// Given up.
    Dead {
        receiver: String,
        incident: IncidentId,
        error: String,
    },
    /// The store could not be read or written; nothing is lost by it.
    Refused {
        error: String,
    },
}

type Listener = Arc<dyn Fn(News) + Send + Sync>;

pub struct Courier {
    settings: Settings,
    store: Arc<dyn Store>,
    clock: Clock,
    sender: Sender,
    bell: Bell,
    listener: Listener,
}

impl Courier {
    /// `environment` is what `command` receivers may be given of; `listener` must not block.
    ///
    /// # Errors
    /// If this machine's trusted certificates cannot be read.
    pub fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        clock: Clock,
        environment: BTreeMap<String, String>,
        bell: Bell,
        listener: impl Fn(News) + Send + Sync + 'static,
    ) -> Result<Self, reqwest::Error> {
        let sender = Sender::new(environment)?;
        Ok(Self { settings, store, clock, sender, bell, listener: Arc::new(listener) })
    }

    /// Works until `shutdown`; then what is under way has three seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut lanes = JoinSet::new();
        for (name, receiver) in &self.settings.receivers {
            let lane = Lane {
                name: name.clone(),
                receiver: receiver.clone(),
                store: Arc::clone(&self.store),
                clock: self.clock.clone(),
                sender: self.sender.clone(),
                listener: Arc::clone(&self.listener),
                unsettled: HashMap::new(),
            };
            lanes.spawn(lane.guarded(self.bell.0.subscribe(), shutdown.clone()));
        }
        lanes.spawn(async move {
            while shutdown.run_until_cancelled(self.bury_strays()).await.is_some() {
                if shutdown.run_until_cancelled(sleep(STRAYS_EVERY)).await.is_none() {
                    break;
                }
            }
        });
        lanes.join_all().await;
    }

    /// Letters to receivers that have left the configuration are dead, not forgotten.
    async fn bury_strays(&self) {
        let Ok(addressees) = self.store.addressees().await else { return };
        for name in addressees.iter().filter(|name| !self.settings.receivers.contains_key(*name)) {
            let now = self.clock.now();
            while let Ok(letters) = self.store.letters(name, Timestamp::MAX, LETTERS_MAX).await {
                for letter in &letters {
                    let error = format!("the receiver `{name}` is no longer configured");
                    if self.store.settle(letter.number, Fate::Dead { at: now, error: error.clone() }).await.is_err() {
                        return;
                    }
                    let incident = letter.notification.incident.id;
                    (self.listener)(News::Dead { receiver: name.clone(), incident, error });
                }
                if letters.is_empty() {
                    break;
                }
            }
        }
    }
}

/// One receiver's way out. A receiver that hangs delays nobody but itself.
struct Lane {
    name: String,
    receiver: Receiver,
    store: Arc<dyn Store>,
    clock: Clock,
    sender: Sender,
    listener: Listener,
    /// What became of letters when the store refused to write it: they are not sent again before it does.
    unsettled: HashMap<i64, Fate>,
}

enum Round {
    /// There may be more.
    Moved,
    Idle,
}

impl Lane {
    async fn guarded(mut self, mut bell: watch::Receiver<()>, shutdown: CancellationToken) {
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
            tracing::error!(receiver = %self.name, "the courier's lane crashed and starts again");
            sleep(POLL).await;
        }
    }

    async fn run(&mut self, bell: &mut watch::Receiver<()>, shutdown: &CancellationToken) {
        let mut restate_at = Instant::now();
        while !shutdown.is_cancelled() {
            bell.mark_unchanged();
            let round = self.round().await;
            if restate_at <= Instant::now() {
                self.restate().await;
                restate_at = Instant::now() + RESTATE_EVERY;
            }
            if matches!(round, Round::Idle) {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    rung = bell.changed() => if rung.is_err() { sleep(POLL).await },
                    () = sleep(POLL) => {}
                }
            }
        }
    }

    async fn round(&mut self) -> Round {
        self.settle_again().await;
        let letters = match self.store.letters(&self.name, self.clock.now(), LETTERS_MAX).await {
            Ok(letters) => letters,
            Err(refused) => {
                self.refused(&refused);
                return Round::Idle;
            }
        };
        let letters: Vec<_> =
            letters.into_iter().filter(|letter| !self.unsettled.contains_key(&letter.number)).collect();
        if letters.is_empty() {
            return Round::Idle;
        }
        let lane = &*self;
        let settled: Vec<_> =
            stream::iter(letters).map(|letter| lane.deliver(letter)).buffer_unordered(UNDER_WAY_MAX).collect().await;
        self.unsettled.extend(settled.into_iter().flatten());
        Round::Moved
    }

    /// One attempt; its fate, if the store did not take it.
    async fn deliver(&self, letter: Letter) -> Option<(i64, Fate)> {
        let thread = letter.thread.clone();
        let attempt = Attempt { number: letter.attempts + 1, at: self.clock.now(), thread };
        let request = self.receiver.render(&letter.notification, &attempt);
        let outcome = self.sender.send(&self.receiver, request, attempt.at).await;
        let now = self.clock.now();
        let fate = match &outcome {
            Ok(said) => Fate::Delivered { at: now, receipt: said.receipt.clone() },
            Err(failure) => after(failure, &letter, now, rand::random()),
        };
        let settled = self.store.settle(letter.number, fate.clone()).await;
        self.tell(&letter, &fate);
        let refused = settled.err()?;
        self.refused(&refused);
        Some((letter.number, fate))
    }

    fn tell(&self, letter: &Letter, fate: &Fate) {
        let receiver = self.name.clone();
        let notification = &letter.notification;
        (self.listener)(match fate {
            Fate::Delivered { .. } | Fate::Superseded { .. } => News::Delivered { receiver, kind: notification.kind },
            Fate::Retry { error, .. } => News::Failed { receiver, error: error.clone() },
            Fate::Dead { error, .. } => {
                tracing::error!(receiver = %self.name, incident.id = %notification.incident.id, "gave up a notification: {error}");
                News::Dead { receiver, incident: notification.incident.id, error: error.clone() }
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

    fn refused(&self, refused: &Refused) {
        (self.listener)(News::Refused { error: chain(refused) });
    }
}
