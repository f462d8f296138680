//! Carries letters from the outbox to their receivers, each receiver in a lane of its own.
//!
//! At least once: a letter leaves the outbox only when the receiver has taken it and the store has written so. In
//! order: of each incident a receiver is offered the oldest letter only.

mod circulars;
mod lane;
mod stale;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::lane::Lane;
use self::stale::Patience;
use crate::alert::pace::Bucket;
use crate::alert::send::Sender;
use crate::alert::{Settings, Teller};
use crate::clock::Clock;
use crate::model::{IncidentId, NotificationKind};
use crate::store::{Fate, Store};

const STRAYS_EVERY: Duration = Duration::from_mins(1);
const LETTERS_MAX: u32 = 64;

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
    /// This lane is at work: before every attempt, and after every round that the store did not bar.
    Moves { receiver: String },
    Delivered {
        receiver: String,
        /// None: a storm or a circular.
        kind: Option<NotificationKind>,
    },
    /// It will be tried again.
    Failed { receiver: String, error: String },
    /// Given up.
    Dead { receiver: String, about: About, error: String },
    /// The store could not be read or written; nothing is lost by it.
    Refused { error: String },
}

/// What a letter was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    Incident(IncidentId),
    /// A storm.
    Many,
    /// A circular, by its headline.
    Circular(String),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incident(id) => write!(f, "the notification of incident {id}"),
            Self::Many => f.write_str("the storm of notifications"),
            Self::Circular(headline) => write!(f, "the report “{headline}”"),
        }
    }
}

type Listener = Arc<dyn Fn(News) + Send + Sync>;

pub struct Courier {
    settings: Settings,
    teller: Teller,
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
        teller: Teller,
        store: Arc<dyn Store>,
        clock: Clock,
        environment: BTreeMap<String, String>,
        bell: Bell,
        listener: impl Fn(News) + Send + Sync + 'static,
    ) -> Result<Self, reqwest::Error> {
        let sender = Sender::new(environment)?;
        Ok(Self { settings, teller, store, clock, sender, bell, listener: Arc::new(listener) })
    }

    /// Works until `shutdown`; then what is under way has three seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut lanes = JoinSet::new();
        for (name, receiver) in &self.settings.receivers {
            let lane = Lane {
                name: name.clone(),
                receiver: receiver.clone(),
                teller: self.teller.clone(),
                store: Arc::clone(&self.store),
                clock: self.clock.clone(),
                sender: self.sender.clone(),
                listener: Arc::clone(&self.listener),
                unsettled: HashMap::new(),
                patience: Patience::default(),
                bucket: Bucket::new(receiver.pace(), Instant::now()),
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
            while let Ok(Some(bundle)) = self.store.bundle(name, Timestamp::MAX).await {
                if self.store.scatter(bundle.number, now).await.is_err() {
                    return;
                }
            }
            while let Ok(letters) = self.store.letters(name, Timestamp::MAX, LETTERS_MAX).await {
                for letter in &letters {
                    let error = format!("the receiver `{name}` is no longer configured");
                    if self.store.settle(letter.number, Fate::Dead { at: now, error: error.clone() }).await.is_err() {
                        return;
                    }
                    let about = About::Incident(letter.notification.incident.id);
                    (self.listener)(News::Dead { receiver: name.clone(), about, error });
                }
                if letters.is_empty() {
                    break;
                }
            }
            self.bury_circulars(name, now).await;
        }
    }
}
