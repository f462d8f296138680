//! From the outbox to receivers that fail in every way, and to real ones.

mod deaf;
mod delivery;
mod histories;
mod real;
mod refusing;
mod rendered;
mod restated;
mod rush;
pub(crate) mod told;
mod tried;
mod vendors;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use unbroken::alert::{Bell, Courier, News, Settings, Teller};
use unbroken::clock::Clock;
use unbroken::model::Notification;
use unbroken::store::sqlite::Sqlite;
use unbroken::store::{Decision, Store};

use crate::given::at;

/// A store and a courier at work on it, with a clock that the test turns.
pub(crate) struct Office {
    pub(crate) store: Arc<Sqlite>,
    together: BTreeSet<String>,
    now: Arc<AtomicI64>,
    bell: Bell,
    news: Arc<Mutex<Vec<News>>>,
    /// How often the courier has looked.
    rounds: Arc<AtomicUsize>,
    shutdown: CancellationToken,
    courier: JoinHandle<()>,
}

/// `webhook` receivers by name.
pub(crate) fn hooks(hooks: &[(&str, SocketAddr)]) -> Settings {
    let receivers: BTreeMap<_, _> =
        hooks.iter().map(|(name, to)| (*name, json!({ "webhook": { "url": format!("http://{to}/hook") } }))).collect();
    serde_json::from_value(json!({ "receivers": receivers })).unwrap()
}

impl Office {
    pub(crate) async fn open(folder: &Path, settings: Settings) -> Self {
        let store = Arc::new(crate::store::open(folder).await);
        let now = Arc::new(AtomicI64::new(0));
        let clock = Clock::new({
            let now = Arc::clone(&now);
            move || at(now.load(Ordering::Relaxed))
        });
        let (bell, news) = (Bell::default(), Arc::new(Mutex::new(Vec::new())));
        let heard = Arc::clone(&news);
        let environment = BTreeMap::from([("PATH", "/usr/bin:/bin"), ("SHOWN", "yes"), ("HIDDEN", "secret")]);
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let rounds = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rounds);
        let heard_of = move |news| {
            if matches!(news, News::Moves { .. }) {
                counted.fetch_add(1, Ordering::Relaxed);
            } else {
                heard.lock().unwrap().push(news);
            }
        };
        let base = "https://unbroken.example.com/".parse().ok();
        let teller = Teller {
            map: Arc::new(told::map()),
            words: Arc::new(unbroken::words::Words::new(unbroken::model::Language::En)),
            base,
        };
        let together = settings.chats();
        let courier =
            Courier::new(settings, teller, store.clone(), clock, environment, bell.clone(), heard_of).unwrap();
        let shutdown = CancellationToken::new();
        let courier = tokio::spawn(courier.run(shutdown.clone()));
        Self { store, together, now, bell, news, rounds, shutdown, courier }
    }

    pub(crate) async fn post(&self, outbox: Vec<Notification>) {
        let incidents = outbox.iter().map(|notification| notification.incident.clone()).collect();
        let together = self.together.clone();
        self.store.decide(Decision { incidents, outbox, together, ..Decision::default() }).await.unwrap();
        self.bell.ring();
    }

    pub(crate) fn turn_clock(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
        self.bell.ring();
    }

    /// Turns the clock, and waits until the courier has looked at it.
    pub(crate) async fn turns(&self, seconds: i64) {
        let before = self.rounds.load(Ordering::Relaxed);
        self.turn_clock(seconds);
        let looks = async {
            while self.rounds.load(Ordering::Relaxed) <= before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), looks).await.expect("it looks");
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        at(self.now.load(Ordering::Relaxed))
    }

    /// Waits until the courier has said something that fits.
    pub(crate) async fn hears(&self, fits: impl Fn(&News) -> bool) -> News {
        let found = || self.news.lock().unwrap().iter().find(|news| fits(news)).cloned();
        let wait = async {
            loop {
                if let Some(news) = found() {
                    return news;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(20), wait).await;
        heard.unwrap_or_else(|_| panic!("never heard; only {:?}", self.news.lock().unwrap()))
    }

    pub(crate) async fn delivers(&self, to: &str, kind: &str) {
        self.hears(
            |news| matches!(news, News::Delivered { receiver, kind: k } if receiver == to && k.map_or("storm", |k| k.as_str()) == kind),
        )
        .await;
    }

    /// How many messages were taken.
    pub(crate) fn heard(&self) -> usize {
        self.news.lock().unwrap().iter().filter(|news| matches!(news, News::Delivered { .. })).count()
    }

    pub(crate) async fn fails(&self, times: usize) {
        let wait = async {
            let failed = || self.news.lock().unwrap().iter().filter(|n| matches!(n, News::Failed { .. })).count();
            while failed() < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it fails so often");
    }

    pub(crate) async fn close(self) {
        self.shutdown.cancel();
        self.courier.await.unwrap();
        self.store.close().await;
    }
}
