//! The daemon's signs of life: whether the pulse beats, the board thinks, the store writes and the outbox moves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::OutboxDepth;

/// A part that gave no sign for so long is stuck.
const SIGN_WITHIN: Duration = Duration::from_secs(30);
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

/// Who takes what we say of ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Somebody,
    Nobody,
}

/// A receiver's way out of the outbox.
#[derive(Clone, Copy, Debug)]
struct Lane {
    moved: Instant,
    /// Longest that one attempt takes there.
    patience: Duration,
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
    unheard: AtomicBool,
    lanes: Mutex<BTreeMap<String, Lane>>,
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
            unheard: AtomicBool::new(false),
            lanes: Mutex::default(),
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

    pub(super) fn heard_by(&self, heard: Heard) {
        self.unheard.store(heard == Heard::Nobody, Ordering::Relaxed);
    }

    /// These are the ways out from now on, each with the longest that one attempt takes there.
    pub(super) fn lay_lanes(&self, lanes: impl Iterator<Item = (String, Duration)>) {
        let moved = Instant::now();
        let lanes = lanes.map(|(receiver, patience)| (receiver, Lane { moved, patience })).collect();
        *self.lanes.lock().unwrap_or_else(PoisonError::into_inner) = lanes;
    }

    /// The one to this receiver is at work, with or without success.
    pub(super) fn moved(&self, receiver: &str) {
        if let Some(lane) = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).get_mut(receiver) {
            lane.moved = Instant::now();
        }
    }

    pub(super) fn depth(&self, depth: OutboxDepth) {
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner) = depth;
    }

    /// The outbox as it was at the last look.
    pub(super) fn last_depth(&self) -> OutboxDepth {
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Well enough to say so outside: more than being alive, for somebody has to hear us too.
    pub(super) fn well(&self) -> Result<(), String> {
        self.alive()?;
        if self.unheard.load(Ordering::Relaxed) {
            Err("nobody takes what we say of ourselves".to_owned())
        } else {
            Ok(())
        }
    }

    /// Runs due and runs skipped so far.
    pub(super) fn runs(&self) -> (u64, u64) {
        (self.due.load(Ordering::Relaxed), self.skipped.load(Ordering::Relaxed))
    }

    /// Every part gave a sign lately, and so did one of the lanes; or what did not. That one lane of several stands
    /// still is told by the others, and no reason to be started anew.
    pub(super) fn alive(&self) -> Result<(), String> {
        let now = self.origin.elapsed().as_millis() as u64;
        for (part, stuck) in PARTS {
            let silent = now.saturating_sub(self.last[part as usize].load(Ordering::Relaxed));
            if silent > SIGN_WITHIN.as_millis() as u64 {
                return Err(format!("{stuck}: no sign for {} s", silent / 1000));
            }
        }
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if !lanes.is_empty() && lanes.values().all(|lane| lane.moved.elapsed() > SIGN_WITHIN + lane.patience) {
            let silent = lanes.values().map(|lane| lane.moved.elapsed()).min().unwrap_or_default();
            return Err(format!("nothing is taken out of the outbox: no sign for {} s", silent.as_secs()));
        }
        Ok(())
    }
}

/// Whether enough of what was due lately took place: from the last look but one on.
#[derive(Debug)]
pub(super) struct Attendance {
    /// Runs due and runs skipped, at the last look but one and at the last.
    looks: [(u64, u64); 2],
}

impl Attendance {
    pub(super) fn since(runs: (u64, u64)) -> Self {
        Self { looks: [runs; 2] }
    }

    /// Looks again.
    pub(super) fn is_enough(&mut self, runs: (u64, u64)) -> bool {
        let [before, last] = self.looks;
        self.looks = [last, runs];
        let (due, skipped) = (runs.0 - before.0, runs.1 - before.1);
        due == 0 || (due - skipped.min(due)) as f64 / due as f64 >= RAN_AT_LEAST
    }
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
        signs.heard_by(Heard::Nobody);
        assert_eq!(signs.alive(), Ok(()), "a restart would not help");
        assert_eq!(signs.well(), Err("nobody takes what we say of ourselves".to_owned()));
        signs.heard_by(Heard::Somebody);
        assert_eq!(signs.well(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outbox_of_which_no_lane_moves_is_stuck() {
        let signs = Signs::new();
        let later = async |seconds| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            for (part, _) in PARTS {
                signs.give(part);
            }
            signs.alive()
        };
        assert_eq!(later(1000).await, Ok(()), "who has no receivers has nothing to carry");
        let (hook, script) = (Duration::from_secs(15), Duration::from_mins(5));
        signs.lay_lanes([("hook".to_owned(), hook), ("script".to_owned(), script)].into_iter());
        assert_eq!(later(330).await, Ok(()), "a program may take its time");
        assert_eq!(later(1).await, Err("nothing is taken out of the outbox: no sign for 331 s".to_owned()));
        signs.moved("hook");
        assert_eq!(later(45).await, Ok(()), "one of them moves");
        assert!(later(1).await.is_err());
        signs.moved("another");
        assert!(later(1).await.is_err());
        signs.lay_lanes([("hook".to_owned(), hook)].into_iter());
        assert_eq!(later(45).await, Ok(()), "it has just been set up");
    }

    #[test]
    fn the_heartbeat_wants_nearly_all_runs() {
        let mut attendance = Attendance::since((0, 0));
        assert!(attendance.is_enough((0, 0)));
        assert!(attendance.is_enough((100, 5)));
        assert!(!attendance.is_enough((200, 11)), "of the last two intervals");
        assert!(!attendance.is_enough((300, 16)));
        assert!(attendance.is_enough((400, 16)), "what was two intervals ago is over");
    }
}
