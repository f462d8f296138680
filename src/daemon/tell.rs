//! What the board's task is told by the rest of the daemon.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::desk::Acknowledge;
use crate::alert::{self, Ledger};
use crate::board::Spent;
use crate::model::{Incident, JourneyId, JourneyMap, SelfFault, Silence, VantageId};

/// What the rest of the daemon tells the board's task.
#[derive(Debug)]
pub(super) enum Tell {
    Reload {
        map: Arc<JourneyMap>,
        alerts: Arc<alert::Settings>,
    },
    Trouble(SelfFault, String),
    Well(SelfFault),
    /// What a journey lost in the last days, as the store has it.
    Spent(JourneyId, Vec<Spent>),
    /// A vantage has canaries, which are asked at once when this is rung.
    Canaries(VantageId, Arc<Notify>),
    /// None of them answers, and why; asked at that moment.
    Blind {
        vantage: VantageId,
        why: String,
        asked: Instant,
    },
    /// One answers, or there are none.
    Sees {
        vantage: VantageId,
        asked: Instant,
    },
    Acknowledge(Acknowledge),
    /// Something is silenced, or no longer is; the store has it.
    Silence(Silence),
}

/// What was before a start.
pub(super) struct Before {
    /// Open incidents as they are on disk.
    pub(super) open: Vec<Incident>,
    /// What was told of them.
    pub(super) ledger: Ledger,
    pub(super) silences: Vec<Silence>,
}
