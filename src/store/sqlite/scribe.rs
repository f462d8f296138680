//! The one who writes.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::open::{self, Identity};
use super::record::Ledger;
use super::reserve::Reserve;
use super::tidy::{self, Chore};
use super::trouble::{Trouble, refused};
use super::{annotations, circulars, decide, letters, proofs, record, silences, stale, storms};
use crate::lasting::{Lasting, Telling};
use crate::model::{Annotation, Circular, ProbeId, Proof, Silence, Storm};
use crate::store::{Batch, Decision, Discard, Fate, Push, Refused, Replay, Retention, Sealing};

/// Readings in one commit; beyond it the rest waits for the next.
const GROUP_READINGS_MAX: usize = 20_000;
/// A disk that has not failed for so long is well.
const FAILURE_OVER_AFTER: Duration = Duration::from_mins(5);
/// Commits of readings before they are sorted into blocks: readers have to look through all of them.
const UNSORTED_MAX: u32 = 120;

/// What is written at once, whatever waits.
#[derive(Debug)]
pub(super) enum Job {
    Decide(Decision),
    Begin(Vec<i64>),
    Settle(i64, Fate),
    Replay(String, Timestamp),
    /// Id and why.
    Discard(String, String, Timestamp),
    /// The storm's number and that of its last member.
    Seal(i64, i64, Box<Storm>),
    Scatter(i64, Timestamp),
    /// A message's number, and how many ends it says now.
    Freshened(i64, i64),
    Push(ProbeId, Push),
    Silence(Silence),
    Annotation(Annotation),
    Proof(Box<Proof>),
    /// The schedule, up to when, and what goes out.
    Circulate(String, Timestamp, Vec<Circular>),
    Tidy(Chore),
}

#[derive(Debug)]
pub(super) enum Done {
    Written,
    Replay(Replay),
    Discard(Discard),
    Seal(Sealing),
    /// What is to be tidied next.
    Chore(Option<Chore>),
}

pub(super) struct Order {
    pub(super) job: Job,
    pub(super) reply: oneshot::Sender<Result<Done, Refused>>,
}

pub(super) struct Group {
    pub(super) batch: Batch,
    pub(super) reply: oneshot::Sender<Result<(), Refused>>,
}

/// What a transaction must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durable {
    /// A killed process.
    Normal,
    /// A power cut.
    Full,
}

pub(super) struct Scribe {
    path: PathBuf,
    identity: Identity,
    /// None after the disk failed, until it opens again.
    connection: Option<SqliteConnection>,
    durable: Durable,
    reserve: Reserve,
    ledger: Ledger,
    retention: Retention,
    unsorted: u32,
    failing: Lasting,
    _lock: File,
}

impl Scribe {
    pub(super) fn new(
        path: PathBuf,
        lock: File,
        connection: SqliteConnection,
        retention: Retention,
    ) -> io::Result<Self> {
        Ok(Self {
            identity: Identity::of(&path)?,
            reserve: Reserve::beside(&path),
            connection: Some(connection),
            durable: Durable::Normal,
            ledger: Ledger::default(),
            unsorted: 0,
            failing: Lasting::over_after(FAILURE_OVER_AFTER),
            retention,
            path,
            _lock: lock,
        })
    }

    /// Writes until both queues are closed, or `closing` and they are empty.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut groups: mpsc::Receiver<Group>,
        closing: CancellationToken,
    ) {
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled(), if open => {
                    open = false;
                    orders.close();
                    groups.close();
                }
                Some(order) = orders.recv() => self.perform(order).await,
                Some(group) = groups.recv() => {
                    self.write_down(group, &mut groups).await;
                    self.sort_if_due(&mut orders).await;
                }
                else => break,
            }
        }
        if let Some(connection) = self.connection.take() {
            _ = connection.close().await;
        }
    }

    async fn perform(&mut self, order: Order) {
        let result = self.attempt(&order.job).await;
        // Whoever asked may have gone; it is written all the same.
        _ = order.reply.send(result);
    }

    async fn attempt(&mut self, job: &Job) -> Result<Done, Refused> {
        let (doing, durable) = match job {
            Job::Decide(_) => ("write an incident", Durable::Full),
            Job::Push(..) => ("write what was pushed", Durable::Full),
            Job::Circulate(..) => ("write a report", Durable::Full),
            Job::Silence(_) => ("write what is silenced", Durable::Full),
            Job::Annotation(_) => ("write what was noted", Durable::Full),
            Job::Replay(..) => ("queue a letter again", Durable::Full),
            Job::Discard(..) => ("drop a letter", Durable::Full),
            // What was sent under an id must be known to have been, or it would be sent otherwise.
            Job::Seal(..) => ("compose a storm", Durable::Full),
            Job::Scatter(..) => ("scatter a storm", Durable::Full),
            Job::Freshened(..) => ("write what was put right", Durable::Normal),
            Job::Begin(..) => ("count an attempt", Durable::Normal),
            Job::Settle(..) => ("write what became of a letter", Durable::Normal),
            Job::Proof(_) => ("keep what a run shows", Durable::Normal),
            Job::Tidy(_) => ("be tidied", Durable::Normal),
        };
        self.ready().await?;
        let first = self.transact(durable, What::Job(job)).await;
        let result = match first {
            // Tidying makes room itself, and may have the reserve for it too.
            // Pictures are not what the reserve is for.
            Err(error)
                if Trouble::of(&error) == Trouble::Full
                    && !matches!(job, Job::Proof(_))
                    && self.reserve.spend().is_ok() =>
            {
                self.transact(durable, What::Job(job)).await
            }
            other => other,
        };
        if matches!(job, Job::Decide(decision) if !decision.renamed.is_empty()) {
            // The numbers of renamed series are known under their former names.
            self.ledger = Ledger::default();
        }
        result.map_err(|error| self.blame(doing, error))
    }

    /// Writes a group and whatever has queued up behind it in one commit.
    async fn write_down(&mut self, first: Group, queue: &mut mpsc::Receiver<Group>) {
        let mut readings = first.batch.readings.len();
        let mut replies = vec![first.reply];
        let mut batches = vec![first.batch];
        while readings < GROUP_READINGS_MAX {
            let Ok(group) = queue.try_recv() else { break };
            readings += group.batch.readings.len();
            replies.push(group.reply);
            batches.push(group.batch);
        }
        let result = self.record(&batches).await;
        let text = result.err().map(|error| match error {
            Refused::Failed { source, .. } => source.to_string(),
            other => other.to_string(),
        });
        for reply in replies {
            _ = reply.send(text.as_ref().map_or(Ok(()), |text| Err(Refused::failed("write readings", text.clone()))));
        }
    }

    async fn record(&mut self, batches: &[Batch]) -> Result<(), Refused> {
        self.ready().await?;
        self.reserve.regain().map_err(|error| Refused::failed("write readings", error))?;
        match self.transact(Durable::Normal, What::Readings(batches)).await {
            Ok(_) => {
                self.unsorted += 1;
                Ok(())
            }
            Err(error) => Err(self.blame("write readings", error)),
        }
    }

    async fn sort_if_due(&mut self, orders: &mut mpsc::Receiver<Order>) {
        if self.unsorted < UNSORTED_MAX {
            return;
        }
        self.unsorted = 0;
        let mut next = Some(Chore::sort());
        while let Some(chore) = next {
            next = match self.attempt(&Job::Tidy(chore)).await {
                Ok(Done::Chore(next)) => next,
                _ => None,
            };
            while let Ok(order) = orders.try_recv() {
                self.perform(order).await;
            }
        }
    }

    /// A connection to the file that we opened, not to another one of its name.
    async fn ready(&mut self) -> Result<(), Refused> {
        if Identity::of(&self.path).ok() != Some(self.identity) {
            self.connection = None;
            let text = format!("{} was deleted or replaced while it was open; start again", self.path.display());
            return Err(Refused::failed("be written", text));
        }
        if self.connection.is_none() {
            // After a failed write nothing that was believed of the file holds: it is looked at as at the start.
            self.connection = Some(open::verified(&self.path).await?);
            self.durable = Durable::Normal;
            self.ledger = Ledger::default();
        }
        Ok(())
    }

    async fn transact(&mut self, durable: Durable, what: What<'_>) -> Result<Done, sqlx::Error> {
        let Some(connection) = &mut self.connection else { return Err(sqlx::Error::WorkerCrashed) };
        if self.durable != durable {
            let level = if durable == Durable::Full { "FULL" } else { "NORMAL" };
            sqlx::query(AssertSqlSafe(format!("PRAGMA synchronous={level}"))).execute(&mut *connection).await?;
            self.durable = durable;
        }
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let done = match what {
            What::Job(job) => perform(connection, job, &self.retention).boxed().await,
            What::Readings(batches) => record::write(connection, &mut self.ledger, batches).boxed().await,
        };
        let done = match done {
            Ok(done) => sqlx::query("COMMIT").execute(&mut *connection).await.map(|_| done),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // It may be over already: SQLite rolls back by itself after some errors.
            _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
            self.ledger = Ledger::default();
        }
        done
    }

    fn blame(&mut self, doing: &'static str, error: sqlx::Error) -> Refused {
        if matches!(Trouble::of(&error), Trouble::Disk | Trouble::Damaged) {
            if self.failing.failed(doing, Instant::now()) == Telling::News {
                tracing::error!(%error, "The store's disk failed, the file is opened again: {error}");
            }
            self.connection = None;
        }
        refused(doing, error)
    }
}

#[derive(Clone, Copy)]
enum What<'a> {
    Job(&'a Job),
    Readings(&'a [Batch]),
}

async fn perform(connection: &mut SqliteConnection, job: &Job, retention: &Retention) -> Result<Done, sqlx::Error> {
    match job {
        Job::Decide(decision) => decide::write(connection, decision).await?,
        Job::Begin(numbers) => letters::begin(connection, numbers).await?,
        Job::Settle(number, fate) => letters::settle(connection, *number, fate).await?,
        Job::Push(probe, push) => record::push(connection, probe, push).await?,
        Job::Circulate(schedule, upto, all) => circulars::write(connection, schedule, *upto, all).await?,
        Job::Silence(silence) => silences::write(connection, silence).await?,
        Job::Annotation(annotation) => annotations::write(connection, annotation).await?,
        Job::Proof(proof) => proofs::write(connection, proof).await?,
        Job::Replay(id, now) => return letters::replay(connection, id, *now).await.map(Done::Replay),
        Job::Discard(id, why, now) => return letters::discard(connection, id, why, *now).await.map(Done::Discard),
        Job::Seal(number, last, storm) => {
            return storms::seal(connection, *number, *last, storm).await.map(Done::Seal);
        }
        Job::Scatter(number, now) => storms::scatter(connection, *number, *now).await?,
        Job::Freshened(number, ends) => stale::freshened(connection, *number, *ends).await?,
        Job::Tidy(chore) => return tidy::perform(connection, chore, retention).await.map(Done::Chore),
    }
    Ok(Done::Written)
}
