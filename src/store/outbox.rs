//! Letters: notifications on their way, and what becomes of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Circular, IncidentId, Notification, Storm};

/// One notification on its way to one receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Order of writing.
    pub number: i64,
    pub notification: Notification,
    /// Attempts that were begun so far.
    pub attempts: u32,
    /// How often in a row it was refused.
    pub refusals: u32,
    pub next_attempt: Timestamp,
    /// When it was written, or queued again: its time runs from here.
    pub queued: Timestamp,
    /// The first message of this incident that this receiver gave a receipt for.
    pub thread: Option<Thread>,
}

/// A message that a receiver has, by its receipt: what follows belongs under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thread {
    /// It tells of one incident.
    Own(String),
    /// It tells of many.
    Storm(String),
}

impl Thread {
    pub fn receipt(&self) -> &str {
        let (Self::Own(receipt) | Self::Storm(receipt)) = self;
        receipt
    }
}

/// A circular on its way to one receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Order of writing, among all letters.
    pub number: i64,
    pub circular: Circular,
    /// Attempts so far.
    pub attempts: u32,
    /// How often in a row it was refused.
    pub refusals: u32,
    /// When it was written, or queued again: its time runs from here.
    pub queued: Timestamp,
}

/// A storm on its way to one receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// Order of writing.
    pub number: i64,
    pub id: String,
    /// Attempts that were begun so far.
    pub attempts: u32,
    /// How often in a row it was refused.
    pub refusals: u32,
    /// When it fell due, or was queued again: its time runs from here.
    pub queued: Timestamp,
    pub holds: Holds,
}

/// What a storm consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Holds {
    /// It was never told, and may grow until it is sealed.
    Loose {
        members: Vec<Notification>,
        /// The number of the last one.
        last: i64,
    },
    Sealed(Storm),
}

/// A message that a receiver has, and that is no longer so.
#[derive(Clone, Debug, PartialEq)]
pub struct Stale {
    pub number: i64,
    pub id: String,
    pub thread: Thread,
    /// How often ends were told elsewhere since it was last put right.
    pub ends: i64,
    /// When the last of them was told.
    pub since: Timestamp,
    /// What the receiver was told by it, if it is a storm, and the ends of what it speaks of; in order of writing.
    pub told: Vec<Notification>,
}

/// What came of the wish to seal a storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    Sealed,
    /// Something joined it or left it meanwhile: it has to be composed anew.
    Grown,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    Delivered {
        at: Timestamp,
        /// What the receiver gave for it, if what follows needs it.
        receipt: Option<String>,
    },
    /// To be tried again at `next`.
    Retry {
        next: Timestamp,
        error: String,
        /// In a row, this one among them; none, if it was no refusal.
        refusals: u32,
    },
    /// Given up: shown, told about, and kept for `outbox replay`.
    Dead { at: Timestamp, error: String },
    /// A newer version went out instead.
    Superseded { at: Timestamp },
}

/// A notification and what became of it, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub id: String,
    /// None's, of a storm.
    pub incident: IncidentId,
    pub receiver: String,
    /// That of the notification, or `storm`.
    pub kind: String,
    pub version: u32,
    /// What it says first.
    pub headline: String,
    /// One of [`LetterState`], or `gathered`: in a storm that is not yet told.
    pub state: String,
    pub attempts: u32,
    pub created: Timestamp,
    /// When a pending one is sent, or tried again; in the past for one that waits its turn.
    pub next_attempt: Option<Timestamp>,
    pub settled: Option<Timestamp>,
    pub error: Option<String>,
    /// Why it was dropped, in somebody's words.
    pub why: Option<String>,
}

/// Where a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterState {
    Pending,
    Delivered,
    Dead,
    /// A newer version went out instead.
    Superseded,
    /// Somebody said that nobody needs it any more.
    Dropped,
}

impl LetterState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Superseded => "superseded",
            Self::Dropped => "dropped",
        }
    }
}

/// Which letters to list; all, where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    pub state: Option<LetterState>,
    pub receiver: Option<String>,
    /// How the id begins.
    pub id: Option<String>,
    /// Written before the letter of this id.
    pub before: Option<String>,
}

/// What came of the wish to send a dead letter after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It is pending again, or was all the time.
    Queued,
    /// The receiver was told of the end in the meantime, or never will be: sending it now would be a false alarm.
    Overtaken,
    /// It was delivered, superseded or dropped.
    Settled,
    /// There is no letter of that id.
    Unknown,
}

/// What came of the wish to drop a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    Dropped,
    /// It was delivered or superseded.
    Settled,
    /// There is no letter of that id.
    Unknown,
}

/// How the outbox is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OutboxDepth {
    pub pending: u64,
    pub dead: u64,
    /// When the oldest pending row was written that does not merely wait its turn: of rows that never failed, since
    /// when their receiver took nothing.
    pub oldest: Option<Timestamp>,
}
