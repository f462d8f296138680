//! The daemon's signs of life: whether the pulse beats, the board thinks, the store writes and the outbox moves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::OutboxDepth;

/// A part that gave no sign for so long is stuck.
const SIGN_WITHIN: Duration = Duration::from_secs(30);
/// A notification older than this is stuck.
pub(super) const OUTBOX_MOVES_WITHIN: Duration = Duration::from_mins(1);
/// Of the runs that were due, at least so many must have taken place for the outgoing heartbeat.
const RAN_AT_LEAST: f64 = 0.95;

/// A part of the daemon that must give signs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Schedule,
    Board,
    Store,
    Outbox,
}

/// What a look at the outbox says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outbox {
    Moves,
    Stuck,
}

const PARTS: [(Part, &str); 4] = [
    (Part::Schedule, "the schedule is stuck"),
    (Part::Board, "the board is stuck"),
    (Part::Store, "the store does not write"),
    (Part::Outbox, "the outbox does not move"),
];

/// Counted in milliseconds since the start; read by `/healthz`, written by everybody.
#[derive(Debug)]
pub(super) struct Signs {
    origin: Instant,
    last: [AtomicU64; PARTS.len()],
    due: AtomicU64,
    skipped: AtomicU64,
    outbox_stuck: AtomicBool,
    /// At the last look.
    outbox: Mutex<OutboxDepth>,
}

impl Signs {
    pub(super) fn new() -> Self {
        Self {
            origin: Instant::now(),
            last: Default::default(),
            due: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            outbox_stuck: AtomicBool::new(false),
            outbox: Mutex::default(),
        }
    }

    pub(super) fn give(&self, part: Part) {
        self.last[part as usize].store(self.origin.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    pub(super) fn due(&self) {
        self.due.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn skipped(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether notifications get out.
    pub(super) fn outbox(&self, moves: Outbox) {
        self.outbox_stuck.store(moves == Outbox::Stuck, Ordering::Relaxed);
    }

    pub(super) fn depth(&self, depth: OutboxDepth) {
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner) = depth;
    }

    /// The outbox as it was at the last look.
    pub(super) fn last_depth(&self) -> OutboxDepth {
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Well enough to say so outside: more than being alive, for notifications have to get out too.
    pub(super) fn well(&self) -> Result<(), String> {
        self.alive()?;
        if self.outbox_stuck.load(Ordering::Relaxed) { Err("notifications do not get out".to_owned()) } else { Ok(()) }
    }

    /// Runs due and runs skipped so far.
    pub(super) fn runs(&self) -> (u64, u64) {
        (self.due.load(Ordering::Relaxed), self.skipped.load(Ordering::Relaxed))
    }

    /// Every part gave a sign lately; or the first that did not.
    pub(super) fn alive(&self) -> Result<(), String> {
        let now = self.origin.elapsed().as_millis() as u64;
        for (part, stuck) in PARTS {
            let silent = now.saturating_sub(self.last[part as usize].load(Ordering::Relaxed));
            if silent > SIGN_WITHIN.as_millis() as u64 {
                return Err(format!("{stuck}: no sign for {} s", silent / 1000));
            }
        }
        Ok(())
    }
}

/// Enough of what was due between two looks took place.
pub(super) fn enough_ran(before: (u64, u64), after: (u64, u64)) -> bool {
    let (due, skipped) = (after.0 - before.0, after.1 - before.1);
    due == 0 || (due - skipped.min(due)) as f64 / due as f64 >= RAN_AT_LEAST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_of_any_part_is_noticed() {
        let signs = Signs::new();
        assert_eq!(signs.alive(), Ok(()));
        tokio::time::advance(SIGN_WITHIN + Duration::from_secs(1)).await;
        for part in [Part::Schedule, Part::Board, Part::Outbox] {
            signs.give(part);
        }
        assert_eq!(signs.alive(), Err("the store does not write: no sign for 31 s".to_owned()));
        signs.give(Part::Store);
        assert_eq!(signs.alive(), Ok(()));
    }

    #[tokio::test]
    async fn who_cannot_tell_anybody_is_alive_and_not_well() {
        let signs = Signs::new();
        signs.outbox(Outbox::Stuck);
        assert_eq!(signs.alive(), Ok(()), "a restart would not help");
        assert_eq!(signs.well(), Err("notifications do not get out".to_owned()));
        signs.outbox(Outbox::Moves);
        assert_eq!(signs.well(), Ok(()));
    }

    #[test]
    fn the_heartbeat_wants_nearly_all_runs() {
        assert!(enough_ran((0, 0), (0, 0)));
        assert!(enough_ran((100, 0), (200, 5)));
        assert!(!enough_ran((100, 0), (200, 6)));
    }
}
