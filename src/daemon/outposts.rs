//! What the daemon does outside its main line: carrying notifications, its own heartbeat, its canaries, tidying.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::canary;
use super::keeper::Tell;
use super::minutes::spent;
use super::post::Told;
use super::signs::{Attendance, Signs};
use crate::alert::{Bell, Courier, Heartbeat, News, Settings, Teller};
use crate::clock::Clock;
use crate::config::Vantage;
use crate::lasting::{Lasting, Telling};
use crate::model::{JourneyMap, SelfFault};
use crate::probe::browser::pool::Browsers;
use crate::probe::connect::Network;
use crate::score::KEPT;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::words::Words;

pub(super) const OUTBOX_LOOKED_AT_EVERY: Duration = Duration::from_secs(5);
const CANARIES_ASKED_EVERY: Duration = Duration::from_secs(10);
/// However often something fails, they are not asked more often.
const CANARIES_ASKED_APART: Duration = Duration::from_secs(1);
const CLOCK_LOOKED_AT_EVERY: Duration = Duration::from_secs(5);
const SPENDING_READ_AGAIN_AFTER: Duration = Duration::from_secs(10);
const TIDIED_EVERY: Duration = Duration::from_mins(1);
/// Soon after the start, for a store that was left untidy; not at once, for the start is busy enough.
const FIRST_TIDIED_AFTER: Duration = Duration::from_secs(10);

/// Receivers that missed a letter and have not taken one since. A letter that is dead stays so; the trouble is over
/// when whoever missed one takes letters again, or is no longer a receiver.
struct Deaf {
    receivers: BTreeSet<String>,
    missing: Mutex<BTreeSet<String>>,
}

impl Deaf {
    fn missed(&self, receiver: &str) {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).insert(receiver.to_owned());
    }

    /// It took a letter: whether nobody is left that did not.
    fn hears(&self, receiver: &str) -> bool {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = missing.len();
        missing.retain(|one| one != receiver && self.receivers.contains(one));
        before > 0 && missing.is_empty()
    }

    /// Only these have dead letters: whether nobody is left that misses one.
    fn only(&self, dead: &[String]) -> bool {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = missing.len();
        missing.retain(|one| dead.contains(one));
        before > 0 && missing.is_empty()
    }
}

/// What they all need.
#[derive(Clone)]
pub(super) struct Outposts {
    pub(super) browsers: Arc<Browsers>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    /// What `command` receivers may be given of.
    pub(super) environment: BTreeMap<String, String>,
    pub(super) bell: Bell,
    /// Where the page is, if we know it.
    pub(super) base: Option<Url>,
    pub(super) tells: mpsc::UnboundedSender<Tell>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) signs: Arc<Signs>,
    /// Of this machine.
    pub(super) network: Arc<Network>,
    /// What the log was told of receivers: it outlives what they are at present.
    pub(super) told: Arc<Mutex<Told>>,
}

impl Outposts {
    /// Carries what the outbox holds.
    pub(super) async fn carry(self, settings: Settings, map: Arc<JourneyMap>, stop: CancellationToken) {
        let lanes = settings.receivers.iter().map(|(name, receiver)| (name.clone(), receiver.patience()));
        self.signs.lay_lanes(lanes);
        let (metrics, tells, signs) = (Arc::clone(&self.metrics), self.tells.clone(), Arc::clone(&self.signs));
        let deaf = Arc::new(self.deaf(&settings).await);
        let relieved = self.clone().relieve(Arc::clone(&deaf), stop.clone());
        let told = Arc::clone(&self.told);
        told.lock().unwrap_or_else(PoisonError::into_inner).keep(&settings.receivers);
        let listener = move |news: News| {
            told.lock().unwrap_or_else(PoisonError::into_inner).tell(&news);
            match news {
                News::Moves { receiver } => signs.moved(&receiver),
                News::Delivered { receiver, .. } => {
                    metrics.notified(&receiver, "delivered");
                    if deaf.hears(&receiver) {
                        tells.send(Tell::Well(SelfFault::DeadLetter)).ok();
                    }
                }
                News::Failed { receiver, .. } => metrics.notified(&receiver, "retried"),
                News::Dead { receiver, about, error } => {
                    metrics.notified(&receiver, "dead");
                    deaf.missed(&receiver);
                    let text = format!("`{receiver}` never took {about}: {error}");
                    tells.send(Tell::Trouble(SelfFault::DeadLetter, text)).ok();
                }
                News::Refused { .. } => {}
            }
        };
        let words = Arc::new(Words::new(map.language));
        let teller = Teller { map, words, base: self.base };
        match Courier::new(settings, teller, self.store, self.clock, self.environment, self.bell, listener) {
            Ok(courier) => {
                tokio::join!(courier.run(stop), relieved);
            }
            Err(error) => {
                let error = super::chain(&error);
                tracing::error!(error, "No notification can be carried: {error}");
            }
        }
    }

    /// Tells the board what journeys with an objective lost before the start.
    pub(super) async fn recall_spending(self, map: Arc<JourneyMap>, stop: CancellationToken) {
        let kept = SignedDuration::from_mins(KEPT);
        for journey in map.journeys.iter().filter(|journey| journey.objective.is_some()) {
            let mut failing = Lasting::default();
            loop {
                let now = self.clock.now();
                let from = now.checked_sub(kept).unwrap_or(now);
                let reading = self.store.scores(&journey.id, from, now, Duration::from_mins(1));
                match stop.run_until_cancelled(reading).await {
                    None => return,
                    Some(Ok(points)) => {
                        let spent = points.iter().filter_map(spent).collect();
                        self.tells.send(Tell::Spent(journey.id.clone(), spent)).ok();
                        if let Some(times) = failing.worked() {
                            let journey = &journey.id;
                            tracing::info!(%journey, times, "What `{journey}` lost lately can be read again");
                        }
                        break;
                    }
                    Some(Err(error)) => {
                        let (error, journey) = (super::chain(&error), &journey.id);
                        if failing.failed(&error, Instant::now()) == Telling::News {
                            tracing::warn!(%journey, error, "What `{journey}` lost lately cannot be read: {error}");
                        }
                        stop.run_until_cancelled(tokio::time::sleep(SPENDING_READ_AGAIN_AFTER)).await;
                    }
                }
            }
        }
    }

    /// The receivers that missed a letter; without one, that trouble is over.
    async fn deaf(&self, settings: &Settings) -> Deaf {
        let unheard = self.store.deaf().await.unwrap_or_default().into_iter();
        let deaf: BTreeSet<String> = unheard.filter(|receiver| settings.receivers.contains_key(receiver)).collect();
        if deaf.is_empty() {
            self.tells.send(Tell::Well(SelfFault::DeadLetter)).ok();
        }
        Deaf { receivers: settings.receivers.keys().cloned().collect(), missing: Mutex::new(deaf) }
    }

    /// Notices when somebody dropped what a receiver missed, or had it sent after all.
    async fn relieve(self, deaf: Arc<Deaf>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(OUTBOX_LOOKED_AT_EVERY)).await.is_some() {
            let Ok(receivers) = self.store.deaf().await else { continue };
            if deaf.only(&receivers) {
                self.tells.send(Tell::Well(SelfFault::DeadLetter)).ok();
            }
        }
    }

    /// Says outside that we are well, as long as we are.
    pub(super) async fn beat(self, heartbeat: Heartbeat, stop: CancellationToken) {
        let mut attendance = Attendance::since(self.signs.runs());
        let mut failing = Lasting::default();
        while stop.run_until_cancelled(tokio::time::sleep(heartbeat.every.get())).await.is_some() {
            let well = if attendance.is_enough(self.signs.runs()) {
                self.signs.well()
            } else {
                Err("too few of the due runs took place".to_owned())
            };
            let beaten = match well {
                Ok(()) => crate::alert::beat(&heartbeat).await.map_err(|error| ("was not taken", error)),
                Err(why) => Err(("is held back", why)),
            };
            match beaten {
                Ok(()) => {
                    if let Some(times) = failing.worked() {
                        tracing::info!(times, "The heartbeat is taken again");
                    }
                }
                Err((what, error)) => {
                    if failing.failed(&format!("{what} {error}"), Instant::now()) == Telling::News {
                        tracing::warn!(error, "The heartbeat {what}: {error}");
                    }
                }
            }
        }
    }

    /// Sorts, rolls up and forgets, while the wall clock can be believed: one that is far ahead would delete what is
    /// not old. A store that refuses says so elsewhere already.
    pub(super) async fn tidy(self, stop: CancellationToken) {
        let mut due = Instant::now() + FIRST_TIDIED_AFTER;
        let mut doubted = None;
        let mut failing = Lasting::default();
        while stop.run_until_cancelled(tokio::time::sleep(CLOCK_LOOKED_AT_EVERY)).await.is_some() {
            if let Some(why) = self.clock.doubt() {
                let why = format!(
                    "{why}; until it is right again, or SIGHUP says that it is, nothing old is deleted and no certificate's dates are judged"
                );
                doubted.get_or_insert_with(|| tracing::error!(error = why, "Our clock cannot be believed: {why}"));
                self.tells.send(Tell::Trouble(SelfFault::Clock, why)).ok();
                continue;
            }
            if doubted.take().is_some() {
                tracing::info!("Our clock can be believed again");
                self.tells.send(Tell::Well(SelfFault::Clock)).ok();
            }
            if Instant::now() < due {
                continue;
            }
            due = Instant::now() + TIDIED_EVERY;
            match stop.run_until_cancelled(self.store.tidy(self.clock.now())).await {
                Some(Err(refused)) => {
                    let error = super::chain(&refused);
                    if failing.failed(&error, Instant::now()) == Telling::News {
                        tracing::warn!(error, "The store cannot be tidied, it is tried again: {error}");
                    }
                }
                Some(Ok(())) => {
                    if let Some(times) = failing.worked() {
                        tracing::info!(times, "The store is tidied again");
                    }
                }
                None => return,
            }
        }
    }

    /// A vantage of which no canary answers is blind; without any, nobody can tell. They are asked every 10 s, and at once
    /// when something fails that may be ours.
    pub(super) async fn ask_canaries(self, vantage: Vantage, stop: CancellationToken) {
        if let Err(why) = vantage.egress.try_out() {
            let vantage = &vantage.id;
            tracing::error!(%vantage, error = %why, "Nothing can be probed from the vantage `{vantage}` now: {why}");
        }
        let (id, canaries) = (vantage.id, vantage.canaries);
        if canaries.is_empty() {
            self.tells.send(Tell::Sees { vantage: id, asked: Instant::now() }).ok();
            return;
        }
        let bell = Arc::new(Notify::new());
        self.tells.send(Tell::Canaries(id.clone(), Arc::clone(&bell))).ok();
        let network = self.network.by(vantage.egress);
        let mut again = Instant::now();
        loop {
            let rung = async {
                tokio::time::sleep_until(again).await;
                bell.notified().await;
            };
            let due = tokio::time::timeout(CANARIES_ASKED_EVERY, rung);
            if stop.run_until_cancelled(due).await.is_none() {
                return;
            }
            let (asked, vantage) = (Instant::now(), id.clone());
            again = asked + CANARIES_ASKED_APART;
            let tell = match canary::any_answers(&network, &canaries).await {
                Ok(()) => Tell::Sees { vantage, asked },
                Err(why) => Tell::Blind { vantage, why, asked },
            };
            self.tells.send(tell).ok();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use jiff::Timestamp;

    use super::*;
    use crate::model::{Outcome, ProbeId, Reading, SpanId, TraceId, Trigger, Verdict};
    use crate::store::sqlite::Sqlite;
    use crate::store::{Batch, Retention};

    fn reading(at: Timestamp) -> Reading {
        Reading {
            probe: ProbeId::new("shop", "home"),
            persona: None,
            vantage: "here".into(),
            trigger: Trigger::Schedule,
            asked_by: None,
            scheduled: at,
            started: at,
            trace: TraceId(1),
            span: SpanId(1),
            outcome: Outcome { verdict: Verdict::Good, samples: Vec::new(), took: Duration::ZERO, steps: Vec::new() },
        }
    }

    pub(in crate::daemon) fn outposts(
        store: Arc<dyn Store>,
        clock: Clock,
        tells: mpsc::UnboundedSender<Tell>,
    ) -> Outposts {
        Outposts {
            browsers: Browsers::new(crate::probe::browser::pool::Settings::default(), Arc::new(|| 1)),
            store,
            clock,
            environment: BTreeMap::new(),
            bell: Bell::default(),
            base: None,
            tells,
            metrics: Arc::default(),
            signs: Arc::new(Signs::new()),
            network: Arc::new(Network::system(Clock::system())),
            told: Arc::default(),
        }
    }

    #[tokio::test]
    async fn a_clock_far_ahead_deletes_nothing_until_it_is_confirmed() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = crate::store::Settings { path: folder.path().join("x.db"), retention: Retention::default() };
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&settings).await.expect("a store"));
        let wall = Arc::new(AtomicI64::new(1_800_000_000));
        let turned = Arc::clone(&wall);
        let clock = Clock::new(move || Timestamp::from_second(turned.load(Ordering::Relaxed)).expect("a time"));
        let today = clock.now();
        store.record(Batch { readings: vec![Arc::new(reading(today))], scores: vec![] }).await.expect("it is written");
        let (tells, mut told) = mpsc::unbounded_channel();
        let outposts = outposts(Arc::clone(&store), clock, tells);
        let stop = CancellationToken::new();
        let tidying = tokio::spawn(outposts.clone().tidy(stop.clone()));
        // Only the waiting is skipped: what the store does takes its real time.
        let minutes_later = async || {
            tokio::time::pause();
            tokio::time::sleep(TIDIED_EVERY * 3).await;
            tokio::time::resume();
        };
        let kept = async || {
            // Behind whatever is being tidied.
            store.tidy(today).await.expect("it is tidied");
            store.readings(&ProbeId::new("shop", "home"), None, 10).await.expect("it reads").len()
        };
        // Beyond what is kept of single runs.
        wall.fetch_add(200 * 86_400, Ordering::Relaxed);
        minutes_later().await;
        assert!(matches!(told.recv().await, Some(Tell::Trouble(SelfFault::Clock, why)) if why.contains("ahead")));
        assert_eq!(kept().await, 1);
        outposts.clock.confirm();
        while kept().await > 0 {
            assert!(!tidying.is_finished());
            minutes_later().await;
        }
        stop.cancel();
        tidying.await.expect("it ends");
        store.close().await;
    }
}
