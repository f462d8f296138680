//! History, incidents and the outbox behind one trait.
//!
//! *Invariant:* an incident and its outbox rows are one durable transaction; whoever shows or sends an incident does so
//! after [`Store::decide`] has returned. The store interprets no verdict.

mod brief;
mod outbox;
mod past;
mod rollup;
pub mod sqlite;

pub use outbox::{
    Bundle, Delivery, Discard, Fate, Holds, Letter, LetterState, OutboxDepth, Outgoing, Replay, Sealing, Sought, Stale,
    Thread,
};
pub use past::{Hurt, Kept, Noted, Removed, Stretch};

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    Annotation, AnnotationId, Circular, Incident, IncidentId, JourneyId, Loss, Notification, ProbeId, Proof, Reading,
    Silence, SilenceId, Sort, Storm, TouchpointId, TraceId,
};
use crate::units::{Bytes, Period};

/// Where the store is, and how long it remembers.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub path: PathBuf,
    pub retention: Retention,
}

/// How long things are kept (`retention:`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Readings with their steps and evidence.
    pub readings: Period,
    /// Verdict and latency of every run; the scores of every minute.
    pub minutes: Period,
    pub hours: Period,
    pub days: Period,
    /// Of the file; beyond it the oldest go first, whatever their age.
    pub at_most: Bytes,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            readings: Period::from_secs(30 * DAY),
            minutes: Period::from_secs(90 * DAY),
            hours: Period::from_secs(400 * DAY),
            days: Period::from_secs(5 * 365 * DAY),
            at_most: Bytes::new(4 << 30),
        }
    }
}

/// Why the store did not do as asked: our own fault, never the touchpoint's.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the store {path} is held by another daemon{holder}")]
    Held { path: String, holder: String },
    #[error("the store {path} is damaged: {detail}; restore a backup, or move the file away to begin anew")]
    Damaged { path: String, detail: String },
    #[error("the store {path} was written by a newer version (schema {found}, this one knows {known})")]
    Newer { path: String, found: i64, known: i64 },
    #[error("the store cannot {doing}")]
    Failed { doing: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
}

impl Refused {
    pub fn failed(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { doing, source: source.into() }
    }
}

/// What must be on disk before anybody hears of it.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Inserted or replaced by id.
    pub incidents: Vec<Incident>,
    /// One row per receiver and version; a row that exists already (same id) stays as it is.
    pub outbox: Vec<Notification>,
    /// Receivers that are told of a storm as one.
    pub together: BTreeSet<String>,
    /// Touchpoints whose history and closed incidents stand under another name from now on: from, to. What is there
    /// already stays.
    pub renamed: Vec<(TouchpointId, TouchpointId)>,
    /// The board's memory, by key; `None` forgets. It has no other way in: on two, an older state could arrive last.
    pub memory: Vec<(String, Option<String>)>,
}

/// What may be lost with the last second before a power cut, never with a killed process.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub readings: Vec<Arc<Reading>>,
    pub scores: Vec<ScorePoint>,
}

/// A journey's score over one minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScorePoint {
    pub journey: JourneyId,
    /// The minute's beginning, or the bucket's when read back.
    pub at: Timestamp,
    /// Points; none where too little was observed.
    pub score: Option<f64>,
    pub felt: Option<f64>,
    pub observed: f64,
    /// Integral of (1-J) over the time that was observed, minutes.
    pub lost_minutes: f64,
    /// Minutes not watched.
    pub unobserved_minutes: f64,
    /// Minutes of planned work at a touchpoint that the journey needs.
    #[serde(default)]
    pub planned_minutes: f64,
    /// Minutes that have a number.
    #[serde(default)]
    pub scored_minutes: f64,
    /// What the lost minutes were lost to, on the way in; read back by [`Store::losses`].
    #[serde(default)]
    pub losses: Vec<Loss>,
}

/// What a restart begins with.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    pub memory: Vec<(String, String)>,
    /// Open incidents.
    pub incidents: Vec<Incident>,
    /// What was written to whom of those.
    pub told: Vec<Told>,
}

/// What was written to one receiver of one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub incident: IncidentId,
    pub receiver: String,
    /// The newest version.
    pub version: u32,
    pub first: Timestamp,
    /// That somebody has it is not counted.
    pub last: Timestamp,
    /// When it was last told that somebody has it.
    pub acknowledged: Option<Timestamp>,
    /// When it was last told that nobody answers.
    pub escalated: Option<Timestamp>,
}

/// Availability and latency of one probe over a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    pub runs: u64,
    pub good: u64,
    pub slow: u64,
    pub failed: u64,
    pub inconclusive: u64,
    pub skipped: u64,
    /// (good + slow) / (good + slow + failed); none without such a run.
    pub availability: Option<f64>,
    /// Seconds.
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
}

/// A value that an outside system reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Push {
    pub received: Timestamp,
    pub value: Option<f64>,
    pub ok: Option<bool>,
    pub message: Option<String>,
    pub at: Option<Timestamp>,
}

/// Which incidents to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentFilter {
    #[default]
    All,
    Open,
    Closed,
}

#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes incidents, outbox rows and memory as one durable transaction. Of the outbox rows:
    /// - one whose id is known stays as it is;
    /// - an update or a resolve supersedes pending updates and reminders of the same incident and receiver, so that a
    ///   receiver that was away gets the opening, the latest and the end;
    /// - a resolve supersedes a pending escalation, too, where the opening is before it;
    /// - a resolve is written only for a receiver that has a row of that incident, and after it nothing else is;
    /// - that somebody has it is written only for such a receiver, too, and replaces no update;
    /// - the labels are those of the incident's first row, whatever has changed since;
    /// - for a receiver in `together`, what comes after [`Storm::AFTER`] others within [`Storm::WITHIN`] is gathered in
    ///   a storm, as is what follows of an incident that a storm is about to tell of. Not so what is about ourselves,
    ///   and what would overtake an earlier letter of its incident.
    async fn decide(&self, decision: Decision) -> Result<(), Refused>;

    /// Writes a group of readings and score points.
    async fn record(&self, batch: Batch) -> Result<(), Refused>;

    async fn restore(&self) -> Result<Restored, Refused>;

    /// A receiver's pending letters that are due, in order of writing; per incident only the oldest, due or not, and
    /// none that follows one in a storm that is not yet told.
    async fn letters(&self, receiver: &str, now: Timestamp, at_most: u32) -> Result<Vec<Letter>, Refused>;

    /// A receiver's oldest storm that is not yet told, if it is due.
    async fn bundle(&self, receiver: &str, now: Timestamp) -> Result<Option<Bundle>, Refused>;

    /// Fixes what a storm says, if its last member is still that of this number. Its fate is told by [`Store::settle`]
    /// and shared by those in it.
    async fn seal(&self, number: i64, last: i64, storm: &Storm) -> Result<Sealing, Refused>;

    /// Lets those in a storm go out by themselves after all.
    async fn scatter(&self, number: i64, now: Timestamp) -> Result<(), Refused>;

    /// A receiver's oldest message that is no longer so, because an end was told where it does not show there.
    async fn stale(&self, receiver: &str) -> Result<Option<Stale>, Refused>;

    /// A stale message was put right up to here ([`Stale::ends`]), or never will be.
    async fn freshened(&self, number: i64, ends: i64) -> Result<(), Refused>;

    /// Who has pending letters.
    async fn addressees(&self) -> Result<Vec<String>, Refused>;

    /// What a receiver may believe: the newest delivered notification of each incident, without resolves delivered
    /// before `resolved_since`, and without what is over and was never taken back there: its end is on the way, was
    /// given up or dropped.
    async fn standing(&self, receiver: &str, resolved_since: Timestamp) -> Result<Vec<Notification>, Refused>;

    /// Counts an attempt at each of these pending letters, before it is made: if we die between the receiver's yes and
    /// [`Store::settle`], the next attempt is known to be another one.
    async fn begin(&self, numbers: &[i64]) -> Result<(), Refused>;

    /// Writes what became of an attempt. Only a pending letter can be put off or given up.
    async fn settle(&self, number: i64, fate: Fate) -> Result<(), Refused>;

    async fn outbox(&self) -> Result<OutboxDepth, Refused>;

    /// Since when a receiver has taken nothing of what it should have: of what waits for it, and of what it was given
    /// up for since it took something. Circulars do not count.
    async fn owed(&self, receiver: &str) -> Result<Option<Timestamp>, Refused>;

    /// Letters and what became of them, newest first. Those in storms are left out, unless an id asks for them.
    async fn sought(&self, sought: &Sought, at_most: u32) -> Result<Vec<Delivery>, Refused>;

    /// Who has dead letters.
    async fn deaf(&self) -> Result<Vec<String>, Refused>;

    /// Queues a dead letter again, by its notification's id; and the end of its incident with it, where that is dead,
    /// too: an alarm never goes out without its end.
    async fn replay(&self, id: &str, now: Timestamp) -> Result<Replay, Refused>;

    /// Gives up a pending or dead letter because somebody says so, by its notification's id. An attempt that is under
    /// way may still be taken.
    async fn discard(&self, id: &str, why: &str, now: Timestamp) -> Result<Discard, Refused>;

    async fn deliveries(&self, incident: IncidentId) -> Result<Vec<Delivery>, Refused>;

    /// Newest first, before `before`.
    async fn readings(&self, probe: &ProbeId, before: Option<Timestamp>, at_most: u32)
    -> Result<Vec<Reading>, Refused>;

    /// Buckets of `step` between `from` and `to`; time without any point is absent.
    async fn scores(
        &self,
        journey: &JourneyId,
        from: Timestamp,
        to: Timestamp,
        step: Duration,
    ) -> Result<Vec<ScorePoint>, Refused>;

    /// How a journey went from one moment to another.
    async fn stretch(&self, journey: &JourneyId, from: Timestamp, to: Timestamp) -> Result<Stretch, Refused>;

    /// Incidents that hurt a journey between two moments, newest first.
    async fn hurts(
        &self,
        journey: &JourneyId,
        from: Timestamp,
        to: Timestamp,
        at_most: u32,
    ) -> Result<Vec<Hurt>, Refused>;

    async fn digest(&self, probe: &ProbeId, from: Timestamp, to: Timestamp) -> Result<Digest, Refused>;

    /// Newest first, opened before `before`.
    async fn incidents(
        &self,
        filter: IncidentFilter,
        before: Option<Timestamp>,
        at_most: u32,
    ) -> Result<Vec<Incident>, Refused>;

    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, Refused>;

    /// Inserts or replaces it by its id. Durable before it returns.
    async fn keep_silence(&self, silence: Silence) -> Result<(), Refused>;

    async fn silence(&self, id: SilenceId) -> Result<Option<Silence>, Refused>;

    /// Those that end after `after`, the latest end first.
    async fn silences(&self, after: Timestamp, at_most: u32) -> Result<Vec<Silence>, Refused>;

    /// Inserts or replaces it by its id. Durable before it returns.
    async fn keep_annotation(&self, annotation: Annotation) -> Result<(), Refused>;

    async fn annotation(&self, id: AnnotationId) -> Result<Option<Annotation>, Refused>;

    /// The latest beginning first.
    async fn annotations(&self, noted: &Noted, at_most: u32) -> Result<Vec<Annotation>, Refused>;

    /// What a journey lost to each of its parts from one moment to another, in quarters of an hour.
    async fn losses(&self, journey: &JourneyId, from: Timestamp, to: Timestamp) -> Result<Vec<Loss>, Refused>;

    /// Keeps what a failed run shows, unless its probe has lately failed for the same reason. Bounded in all.
    async fn keep_proof(&self, proof: Proof) -> Result<(), Refused>;

    /// What the newest run of a probe left of those that left something.
    async fn proof(&self, probe: &ProbeId) -> Result<Option<Kept>, Refused>;

    /// One exhibit of a run.
    async fn exhibit(&self, trace: TraceId, sort: Sort) -> Result<Option<Vec<u8>>, Refused>;

    /// Puts circulars into the outbox, and remembers up to when those of this schedule have been. One durable
    /// transaction; a circular whose id is known stays as it is.
    async fn circulate(&self, schedule: &str, upto: Timestamp, circulars: Vec<Circular>) -> Result<(), Refused>;

    /// Up to when those of a schedule have been; none if there was never one of it.
    async fn circulated(&self, schedule: &str) -> Result<Option<Timestamp>, Refused>;

    /// A receiver's pending circulars that are due, in order of writing. Their fate is told by [`Store::settle`].
    async fn circulars(&self, receiver: &str, now: Timestamp, at_most: u32) -> Result<Vec<Outgoing>, Refused>;

    /// Durable before it returns.
    async fn push(&self, probe: &ProbeId, push: Push) -> Result<(), Refused>;

    async fn last_push(&self, probe: &ProbeId) -> Result<Option<Push>, Refused>;

    /// Rolls up, forgets what retention says, keeps the size under its cap.
    async fn tidy(&self, now: Timestamp) -> Result<(), Refused>;

    /// Finishes what is queued and closes.
    async fn close(&self);
}
