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
    pub(super) fn new(clock: &Clock) -> Self {
        Self(Mutex::new(Reference::of(clock)))
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
        let way = if jump.is_positive() { "ahead" } else { "back" };
        Err(format!(
            "it says {} and has jumped {} s {way}; nothing old is deleted until it is right again, or SIGHUP says that it is",
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
    async fn jumps_are_told_from_time_that_passes() {
        let wall = Arc::new(AtomicI64::new(1_000_000));
        let turned = Arc::clone(&wall);
        let clock = Clock::new(move || Timestamp::from_second(turned.load(Ordering::Relaxed)).expect("a time"));
        let drift = Drift::new(&clock);
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
        assert!(drift.look(&clock).is_err_and(|why| why.contains("s back")));
        drift.confirm(&clock);
        assert!(drift.look(&clock).is_ok(), "somebody says so");
    }
}
