//! Whether the wall clock can be believed: it must go as fast as time does.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// Smaller corrections are what time servers make; they endanger nothing.
const JUMP_MIN: SignedDuration = SignedDuration::from_mins(10);

/// When the wall clock was last believed.
#[derive(Debug)]
pub(super) struct Drift(Mutex<Reference>);

#[derive(Clone, Copy, Debug)]
struct Reference {
    wall: Timestamp,
    since_boot: Duration,
}

impl Reference {
    fn of(clock: &Clock) -> Self {
        Self { wall: clock.now(), since_boot: clock.since_boot() }
    }
}

impl Drift {
    /// Time does not go back: a clock that says less than what was already written by it is wrong from the start.
    pub(super) fn new(clock: &Clock, written: Option<Timestamp>) -> Self {
        let mut reference = Reference::of(clock);
        reference.wall = written.map_or(reference.wall, |written| written.max(reference.wall));
        Self(Mutex::new(reference))
    }

    /// The wall time, if it can be believed; or why not, until it is back or confirmed.
    pub(super) fn look(&self, clock: &Clock) -> Result<Timestamp, String> {
        let mut believed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Reference::of(clock);
        let passed = SignedDuration::try_from(now.since_boot.saturating_sub(believed.since_boot)).unwrap_or_default();
        let jump = now.wall.duration_since(believed.wall) - passed;
        if jump.abs() < JUMP_MIN {
            *believed = now;
            return Ok(now.wall);
        }
        let way = if jump.is_positive() { "ahead of" } else { "behind" };
        Err(format!(
            "it says {}, {} s {way} what was seen of it; nothing old is deleted until it is right again, or SIGHUP says that it is",
            now.wall,
            jump.abs().as_secs()
        ))
    }

    /// Somebody says that the wall clock is right.
    pub(super) fn confirm(&self, clock: &Clock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Reference::of(clock);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_wrong_before_the_start_is_told() {
        let start = Timestamp::from_second(1_000_000).expect("a time");
        let clock = Clock::new(move || start);
        let written = |seconds| Some(start + SignedDuration::from_secs(seconds));
        for good in [None, written(-86_400), written(0), written(90)] {
            assert!(Drift::new(&clock, good).look(&clock).is_ok(), "{good:?}");
        }
        let drift = Drift::new(&clock, written(86_400));
        let why = drift.look(&clock).expect_err("readings of tomorrow");
        assert!(why.contains("86400 s behind"), "{why}");
        drift.confirm(&clock);
        assert!(drift.look(&clock).is_ok(), "somebody says so");
    }

    #[tokio::test(start_paused = true)]
    async fn jumps_are_told_from_time_that_passes() {
        let wall = Arc::new(AtomicI64::new(1_000_000));
        let turned = Arc::clone(&wall);
        let clock = Clock::new(move || Timestamp::from_second(turned.load(Ordering::Relaxed)).expect("a time"));
        let drift = Drift::new(&clock, None);
        let turn = |seconds: i64| wall.fetch_add(seconds, Ordering::Relaxed);
        tokio::time::advance(Duration::from_hours(24)).await;
        turn(86_400);
        assert!(drift.look(&clock).is_ok(), "a day has passed");
        turn(-90);
        assert!(drift.look(&clock).is_ok(), "a time server has corrected it");
        turn(86_400);
        let why = drift.look(&clock).expect_err("a day too far");
        assert!(why.contains("86400 s ahead"), "{why}");
        tokio::time::advance(Duration::from_hours(1)).await;
        turn(3600);
        assert!(drift.look(&clock).is_err(), "it does not become right by lasting");
        turn(-86_400);
        assert!(drift.look(&clock).is_ok(), "it is back");
        turn(-86_400);
        assert!(drift.look(&clock).is_err_and(|why| why.contains("s behind")));
        drift.confirm(&clock);
        assert!(drift.look(&clock).is_ok(), "somebody says so");
    }
}
