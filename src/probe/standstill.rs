//! How long we stood still: we wanted to go on, and the machine or a task of ours had the processor instead.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Shorter ones are the ordinary course of a busy machine.
const LEAST: Duration = Duration::from_millis(10);
/// What is measured over a stretch of time is worth nothing, if one part in so many of it was lost.
const SPOILS: u32 = 4;

/// The time that was lost since the start.
#[derive(Debug, Default)]
pub struct Standstill(Mutex<Beats>);

#[derive(Debug, Default)]
struct Beats {
    lost: Duration,
    /// When we wanted to go on.
    wanted: Option<Instant>,
}

/// How much of a stretch of time was lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) lost: Duration,
    pub(super) of: Duration,
}

impl Standstill {
    /// We go on now, and want to do so again at `next`.
    pub fn beat(&self, now: Instant, next: Instant) {
        let mut beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = beats.waits(now);
        beats.lost += waited;
        beats.wanted = Some(next);
    }

    /// Nothing, if nobody beats.
    pub fn lost(&self, now: Instant) -> Duration {
        let beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beats.lost + beats.waits(now)
    }
}

impl Beats {
    /// For how long by now.
    fn waits(&self, now: Instant) -> Duration {
        let waits = self.wanted.map_or(Duration::ZERO, |wanted| now.saturating_duration_since(wanted));
        if waits < LEAST { Duration::ZERO } else { waits }
    }
}

impl Loss {
    /// Whoever had so little time cannot say that somebody else took too much.
    pub(super) fn spoils(self) -> bool {
        self.lost >= LEAST && self.lost * SPOILS >= self.of
    }

    /// Without it what took `latency` would have taken at most `limit`.
    pub(super) fn explains(self, latency: Duration, limit: Duration) -> bool {
        self.lost >= LEAST && latency > limit && latency.saturating_sub(self.lost) <= limit
    }

    pub(super) fn words(self) -> String {
        let (lost, of) = (self.lost.as_secs_f64(), self.of.as_secs_f64());
        format!("we stood still ourselves for {lost:.2} s of {of:.2} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_lost_adds_up() {
        let (start, still) = (Instant::now(), Standstill::default());
        let lost = |at: u64| still.lost(start + millis(at));
        let beat = |at: u64, next: u64| still.beat(start + millis(at), start + millis(next));
        assert_eq!(lost(9_000), Duration::ZERO, "nobody beats");
        beat(0, 100);
        assert_eq!(lost(109), Duration::ZERO, "that is nothing");
        assert_eq!(lost(400), millis(300), "while it lasts");
        beat(400, 500);
        assert_eq!((lost(400), lost(500)), (millis(300), millis(300)));
        beat(450, 550);
        beat(559, 559);
        assert_eq!(lost(560), millis(300), "woken early, and a little late");
        beat(609, 700);
        assert_eq!(lost(700), millis(350), "a piece of work that let nobody go on");
    }

    #[test]
    fn a_quarter_spoils_and_what_is_deducted_must_explain() {
        let loss = |lost, of| Loss { lost: millis(lost), of: millis(of) };
        assert!(loss(250, 1000).spoils() && !loss(249, 1000).spoils() && !loss(0, 0).spoils());
        assert!(loss(300, 900).explains(millis(800), millis(500)));
        assert!(!loss(299, 900).explains(millis(800), millis(500)), "it is slow all the same");
        assert!(!loss(300, 900).explains(millis(500), millis(500)), "there is nothing to explain");
        assert_eq!(loss(1520, 1800).words(), "we stood still ourselves for 1.52 s of 1.80 s");
    }
}
