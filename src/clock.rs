//! Wall time as an argument: whoever needs to know what time it is, is given a clock, and may ask whether to believe it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Smaller corrections are what time servers make; they endanger nothing.
const JUMP_MIN: SignedDuration = SignedDuration::from_mins(10);
/// 2026-01-01: this program was written later, and so runs later. A machine without a battery begins in 1970.
const WRITTEN: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Tells the wall time. Lengths of time are measured with tokio's monotonic clock, never with this one.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    since_boot: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// When it was last believed.
    believed: Arc<Mutex<Reference>>,
}

/// One moment on both clocks of the machine.
#[derive(Clone, Copy, Debug)]
struct Reference {
    wall: Timestamp,
    since_boot: Duration,
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
        let now = Arc::new(Timestamp::now);
        Self::of(now, Arc::new(since_boot))
    }

    /// A clock that a test turns.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let origin = Instant::now();
        Self::of(Arc::new(now), Arc::new(move || origin.elapsed()))
    }

    fn of(now: Arc<dyn Fn() -> Timestamp + Send + Sync>, since_boot: Arc<dyn Fn() -> Duration + Send + Sync>) -> Self {
        let believed = Arc::new(Mutex::new(Reference { wall: now(), since_boot: since_boot() }));
        Self { now, since_boot, believed }
    }

    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Time does not go back: a clock that says less than what was `written` by it is wrong from the start.
    pub fn follow(&self, written: Timestamp) {
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        believed.wall = believed.wall.max(written);
    }

    /// Why what it says cannot be believed, until it is right again or [confirmed](Self::confirm): it must go as fast as
    /// time does, a suspended machine's sleep included.
    pub fn doubt(&self) -> Option<String> {
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.reference();
        let passed = SignedDuration::try_from(now.since_boot.saturating_sub(believed.since_boot)).unwrap_or_default();
        let jump = now.wall.duration_since(believed.wall) - passed;
        if now.wall < WRITTEN {
            return Some(format!("it says {}: no program is older than its author", now.wall));
        }
        if jump.abs() < JUMP_MIN {
            *believed = now;
            return None;
        }
        let way = if jump.is_positive() { "ahead of" } else { "behind" };
        Some(format!("it says {}, {} s {way} what was seen of it", now.wall, jump.abs().as_secs()))
    }

    /// Somebody says that it is right.
    pub fn confirm(&self) {
        *self.believed.lock().unwrap_or_else(PoisonError::into_inner) = self.reference();
    }

    fn reference(&self) -> Reference {
        Reference { wall: self.now(), since_boot: (self.since_boot)() }
    }
}

fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const TODAY: i64 = 1_800_000_000;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_wrong_before_the_start_is_told() {
        let start = Timestamp::from_second(TODAY).expect("a time");
        for good in [-86_400, 0, 90] {
            let clock = Clock::new(move || start);
            clock.follow(start + SignedDuration::from_secs(good));
            assert_eq!(clock.doubt(), None, "{good:?}");
        }
        let clock = Clock::new(move || start);
        clock.follow(start + SignedDuration::from_secs(86_400));
        let why = clock.doubt().expect("readings of tomorrow");
        assert!(why.contains("86400 s behind"), "{why}");
        clock.confirm();
        assert_eq!(clock.doubt(), None, "somebody says so");
    }

    #[test]
    fn nobody_confirms_1970() {
        let clock = Clock::new(|| Timestamp::UNIX_EPOCH);
        assert!(clock.doubt().is_some_and(|why| why.contains("1970-01-01")));
        clock.confirm();
        assert!(clock.doubt().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn jumps_are_told_from_time_that_passes() {
        let wall = Arc::new(AtomicI64::new(TODAY));
        let turned = Arc::clone(&wall);
        let clock = Clock::new(move || Timestamp::from_second(turned.load(Ordering::Relaxed)).expect("a time"));
        let turn = |seconds: i64| wall.fetch_add(seconds, Ordering::Relaxed);
        tokio::time::advance(Duration::from_hours(24)).await;
        turn(86_400);
        assert_eq!(clock.doubt(), None, "a day has passed");
        turn(-90);
        assert_eq!(clock.doubt(), None, "a time server has corrected it");
        turn(86_400);
        let why = clock.doubt().expect("a day too far");
        assert!(why.contains("86400 s ahead"), "{why}");
        tokio::time::advance(Duration::from_hours(1)).await;
        turn(3600);
        assert!(clock.doubt().is_some(), "it does not become right by lasting");
        turn(-86_400);
        assert_eq!(clock.doubt(), None, "it is back");
        turn(-86_400);
        assert!(clock.doubt().is_some_and(|why| why.contains("s behind")));
        clock.confirm();
        assert_eq!(clock.doubt(), None, "somebody says so");
    }
}
