//! Wall time as an argument: whoever needs to know what time it is, is given a clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the wall time. Lengths of time are measured with tokio's monotonic clock, never with this one.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    since_boot: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
        let now = Arc::new(Timestamp::now);
        Self { now, since_boot: Arc::new(since_boot) }
    }

    /// A clock that a test turns.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let origin = Instant::now();
        Self { now: Arc::new(now), since_boot: Arc::new(move || origin.elapsed()) }
    }

    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Time that has passed, a suspended machine's sleep too, whatever the wall clock was set to.
    pub fn since_boot(&self) -> Duration {
        (self.since_boot)()
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
