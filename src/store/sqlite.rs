//! The embedded store: one file, one writer, many readers.
//!
//! All writing is one task with one connection. Decisions go first, each in a transaction that is on the disk before it
//! returns (`synchronous=FULL`); readings wait for each other and are committed in groups (`NORMAL`: a killed process
//! loses nothing, a power cut at most the last of them). Readers have connections of their own and never wait.
//!
//! Readings are kept twice at most: every one as a brief of some six bytes, whole only those worth looking at.

mod annotations;
mod circulars;
mod decide;
mod digest;
mod letters;
mod look;
mod losses;
mod open;
mod proofs;
mod record;
mod reserve;
mod roll;
mod scores;
mod scribe;
mod silences;
mod stale;
mod storms;
mod tidy;
mod trouble;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::scribe::{Done, Group, Job, Order, Scribe};
use self::tidy::Chore;
use self::trouble::refused;
use crate::model::{
    Annotation, AnnotationId, Circular, Incident, IncidentId, JourneyId, Loss, Notification, ProbeId, Proof, Reading,
    Silence, SilenceId, Sort, Storm, TraceId,
};
use crate::store::{
    Batch, Bundle, Decision, Delivery, Digest, Discard, Fate, Hurt, IncidentFilter, Kept, Letter, Noted, OutboxDepth,
    Outgoing, Push, Refused, Replay, Restored, ScorePoint, Sealing, Settings, Sought, Stale, Store, Stretch,
};

const READERS: u32 = 4;
const READER_WAIT: Duration = Duration::from_secs(5);
/// Callers wait when so much is queued.
const ORDERS_QUEUED_MAX: usize = 64;
const GROUPS_QUEUED_MAX: usize = 64;

/// History and outbox in one SQLite file.
pub struct Sqlite {
    readers: SqlitePool,
    orders: mpsc::Sender<Order>,
    groups: mpsc::Sender<Group>,
    closing: CancellationToken,
    scribe: Mutex<Option<JoinHandle<()>>>,
    _guard: DropGuard,
}

impl Sqlite {
    /// Opens the store for the one daemon that may write to it, making it if there is none.
    ///
    /// # Errors
    /// If another process holds it, if it is damaged or newer than this program, or if the disk refuses.
    pub async fn open(settings: &Settings) -> Result<Self, Refused> {
        let path = open::prepare(&settings.path).map_err(|error| Refused::failed("be made", error))?;
        let lock = open::lock(&path)?;
        let connection = open::verified(&path).await?;
        let closing = CancellationToken::new();
        let (orders, orders_in) = mpsc::channel(ORDERS_QUEUED_MAX);
        let (groups, groups_in) = mpsc::channel(GROUPS_QUEUED_MAX);
        let scribe = Scribe::new(path.clone(), lock, connection, settings.retention.clone());
        let scribe = scribe.map_err(|error| Refused::failed("be looked at", error))?;
        let task = tokio::spawn(scribe.run(orders_in, groups_in, closing.clone()));
        Ok(Self {
            readers: readers(&path),
            orders,
            groups,
            _guard: closing.clone().drop_guard(),
            closing,
            scribe: Mutex::new(Some(task)),
        })
    }

    /// Opens a store for looking only, beside the daemon that holds it. Whatever writes is refused.
    ///
    /// # Errors
    /// If there is none, or it is damaged or newer than this program.
    pub async fn peek(settings: &Settings) -> Result<Self, Refused> {
        let path = settings.path.canonicalize().map_err(|error| Refused::failed("be found", error))?;
        open::readable(&path).await?;
        let closing = CancellationToken::new();
        Ok(Self {
            readers: readers(&path),
            orders: mpsc::channel(1).0,
            groups: mpsc::channel(1).0,
            _guard: closing.clone().drop_guard(),
            closing,
            scribe: Mutex::new(None),
        })
    }

    async fn order(&self, job: Job) -> Result<Done, Refused> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order { job, reply }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

fn readers(path: &std::path::Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READER_WAIT)
        .test_before_acquire(false)
        .connect_lazy_with(open::reading(path))
}

fn closed() -> Refused {
    Refused::failed("be written", "it is closed, or open for looking only")
}

#[async_trait]
impl Store for Sqlite {
    async fn decide(&self, decision: Decision) -> Result<(), Refused> {
        self.order(Job::Decide(decision)).await.map(drop)
    }

    async fn record(&self, batch: Batch) -> Result<(), Refused> {
        let (reply, answer) = oneshot::channel();
        self.groups.send(Group { batch, reply }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    async fn restore(&self) -> Result<Restored, Refused> {
        look::restore(&self.readers).await.map_err(|error| refused("be read at the start", error))
    }

    async fn letters(&self, receiver: &str, now: Timestamp, at_most: u32) -> Result<Vec<Letter>, Refused> {
        letters::letters(&self.readers, receiver, now, at_most)
            .await
            .map_err(|error| refused("tell what is to be sent", error))
    }

    async fn bundle(&self, receiver: &str, now: Timestamp) -> Result<Option<Bundle>, Refused> {
        storms::bundle(&self.readers, receiver, now).await.map_err(|error| refused("tell what is to be sent", error))
    }

    async fn seal(&self, number: i64, last: i64, storm: &Storm) -> Result<Sealing, Refused> {
        match self.order(Job::Seal(number, last, Box::new(storm.clone()))).await? {
            Done::Seal(sealing) => Ok(sealing),
            _ => Ok(Sealing::Grown),
        }
    }

    async fn scatter(&self, number: i64, now: Timestamp) -> Result<(), Refused> {
        self.order(Job::Scatter(number, now)).await.map(drop)
    }

    async fn stale(&self, receiver: &str) -> Result<Option<Stale>, Refused> {
        stale::oldest(&self.readers, receiver).await.map_err(|error| refused("tell what is no longer so", error))
    }

    async fn freshened(&self, number: i64, ends: i64) -> Result<(), Refused> {
        self.order(Job::Freshened(number, ends)).await.map(drop)
    }

    async fn addressees(&self) -> Result<Vec<String>, Refused> {
        letters::addressees(&self.readers).await.map_err(|error| refused("tell what is to be sent", error))
    }

    async fn standing(&self, receiver: &str, resolved_since: Timestamp) -> Result<Vec<Notification>, Refused> {
        letters::standing(&self.readers, receiver, resolved_since)
            .await
            .map_err(|error| refused("tell what was sent", error))
    }

    async fn begin(&self, numbers: &[i64]) -> Result<(), Refused> {
        self.order(Job::Begin(numbers.to_vec())).await.map(drop)
    }

    async fn settle(&self, number: i64, fate: Fate) -> Result<(), Refused> {
        self.order(Job::Settle(number, fate)).await.map(drop)
    }

    async fn outbox(&self) -> Result<OutboxDepth, Refused> {
        letters::depth(&self.readers).await.map_err(|error| refused("tell what is to be sent", error))
    }

    async fn owed(&self, receiver: &str) -> Result<Option<Timestamp>, Refused> {
        letters::owed(&self.readers, receiver).await.map_err(|error| refused("tell what was sent", error))
    }

    async fn sought(&self, sought: &Sought, at_most: u32) -> Result<Vec<Delivery>, Refused> {
        letters::sought(&self.readers, sought, at_most).await.map_err(|error| refused("tell what was sent", error))
    }

    async fn deaf(&self) -> Result<Vec<String>, Refused> {
        letters::deaf(&self.readers).await.map_err(|error| refused("tell what was sent", error))
    }

    async fn replay(&self, id: &str, now: Timestamp) -> Result<Replay, Refused> {
        match self.order(Job::Replay(id.to_owned(), now)).await? {
            Done::Replay(replay) => Ok(replay),
            _ => Ok(Replay::Unknown),
        }
    }

    async fn discard(&self, id: &str, why: &str, now: Timestamp) -> Result<Discard, Refused> {
        match self.order(Job::Discard(id.to_owned(), why.to_owned(), now)).await? {
            Done::Discard(discard) => Ok(discard),
            _ => Ok(Discard::Unknown),
        }
    }

    async fn deliveries(&self, incident: IncidentId) -> Result<Vec<Delivery>, Refused> {
        letters::deliveries(&self.readers, incident).await.map_err(|error| refused("tell what was sent", error))
    }

    async fn readings(
        &self,
        probe: &ProbeId,
        before: Option<Timestamp>,
        at_most: u32,
    ) -> Result<Vec<Reading>, Refused> {
        look::readings(&self.readers, probe, before, at_most)
            .await
            .map_err(|error| refused("read a probe's runs", error))
    }

    async fn scores(
        &self,
        journey: &JourneyId,
        from: Timestamp,
        to: Timestamp,
        step: Duration,
    ) -> Result<Vec<ScorePoint>, Refused> {
        scores::read(&self.readers, journey, from, to, step)
            .await
            .map_err(|error| refused("read a journey's scores", error))
    }

    async fn stretch(&self, journey: &JourneyId, from: Timestamp, to: Timestamp) -> Result<Stretch, Refused> {
        let found = scores::stretch(&self.readers, journey, from, to).await;
        found.map_err(|error| refused("read a journey's scores", error))
    }

    async fn hurts(
        &self,
        journey: &JourneyId,
        from: Timestamp,
        to: Timestamp,
        at_most: u32,
    ) -> Result<Vec<Hurt>, Refused> {
        let found = annotations::hurts(&self.readers, journey, from, to, at_most).await;
        found.map_err(|error| refused("read incidents", error))
    }

    async fn digest(&self, probe: &ProbeId, from: Timestamp, to: Timestamp) -> Result<Digest, Refused> {
        digest::digest(&self.readers, probe, from, to).await.map_err(|error| refused("read a probe's runs", error))
    }

    async fn incidents(
        &self,
        filter: IncidentFilter,
        before: Option<Timestamp>,
        at_most: u32,
    ) -> Result<Vec<Incident>, Refused> {
        look::incidents(&self.readers, filter, before, at_most).await.map_err(|error| refused("read incidents", error))
    }

    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, Refused> {
        look::incident(&self.readers, id).await.map_err(|error| refused("read an incident", error))
    }

    async fn keep_silence(&self, silence: Silence) -> Result<(), Refused> {
        self.order(Job::Silence(silence)).await.map(drop)
    }

    async fn silence(&self, id: SilenceId) -> Result<Option<Silence>, Refused> {
        silences::one(&self.readers, id).await.map_err(|error| refused("tell what is silenced", error))
    }

    async fn silences(&self, after: Timestamp, at_most: u32) -> Result<Vec<Silence>, Refused> {
        let found = silences::ending_after(&self.readers, after, at_most).await;
        found.map_err(|error| refused("tell what is silenced", error))
    }

    async fn keep_annotation(&self, annotation: Annotation) -> Result<(), Refused> {
        self.order(Job::Annotation(annotation)).await.map(drop)
    }

    async fn annotation(&self, id: AnnotationId) -> Result<Option<Annotation>, Refused> {
        annotations::one(&self.readers, id).await.map_err(|error| refused("read what was noted", error))
    }

    async fn annotations(&self, noted: &Noted, at_most: u32) -> Result<Vec<Annotation>, Refused> {
        annotations::list(&self.readers, noted, at_most).await.map_err(|error| refused("read what was noted", error))
    }

    async fn losses(&self, journey: &JourneyId, from: Timestamp, to: Timestamp) -> Result<Vec<Loss>, Refused> {
        let found = losses::read(&self.readers, journey, from, to).await;
        found.map_err(|error| refused("read what a journey lost", error))
    }

    async fn keep_proof(&self, proof: Proof) -> Result<(), Refused> {
        self.order(Job::Proof(Box::new(proof))).await.map(drop)
    }

    async fn proof(&self, probe: &ProbeId) -> Result<Option<Kept>, Refused> {
        proofs::newest(&self.readers, probe).await.map_err(|error| refused("tell what runs left", error))
    }

    async fn exhibit(&self, trace: TraceId, sort: Sort) -> Result<Option<Vec<u8>>, Refused> {
        proofs::one(&self.readers, trace, sort).await.map_err(|error| refused("show what a run left", error))
    }

    async fn circulate(&self, schedule: &str, upto: Timestamp, circulars: Vec<Circular>) -> Result<(), Refused> {
        self.order(Job::Circulate(schedule.to_owned(), upto, circulars)).await.map(drop)
    }

    async fn circulated(&self, schedule: &str) -> Result<Option<Timestamp>, Refused> {
        circulars::upto(&self.readers, schedule).await.map_err(|error| refused("tell what was sent", error))
    }

    async fn circulars(&self, receiver: &str, now: Timestamp, at_most: u32) -> Result<Vec<Outgoing>, Refused> {
        let due = circulars::due(&self.readers, receiver, now, at_most).await;
        due.map_err(|error| refused("tell what is to be sent", error))
    }

    async fn push(&self, probe: &ProbeId, push: Push) -> Result<(), Refused> {
        self.order(Job::Push(probe.clone(), push)).await.map(drop)
    }

    async fn last_push(&self, probe: &ProbeId) -> Result<Option<Push>, Refused> {
        look::last_push(&self.readers, probe).await.map_err(|error| refused("read what was pushed", error))
    }

    async fn tidy(&self, now: Timestamp) -> Result<(), Refused> {
        // Chore by chore, so that a decision never waits for more than one of them.
        let mut next = Some(Chore::everything(now));
        while let Some(chore) = next {
            next = match self.order(Job::Tidy(chore)).await? {
                Done::Chore(next) => next,
                _ => None,
            };
        }
        Ok(())
    }

    async fn close(&self) {
        self.closing.cancel();
        if let Some(scribe) = self.scribe.lock().await.take() {
            _ = scribe.await;
        }
        self.readers.close().await;
    }
}
