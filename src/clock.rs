//! Wall time as an argument: whoever needs to know what time it is, is given a clock.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// Tells the wall time. Lengths of time are measured with tokio's monotonic clock, never with this one.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that a test turns.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
