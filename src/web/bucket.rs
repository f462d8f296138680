//! How often a token may be used.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::ProbeId;

/// Reports at once, and after that one per second.
const BURST: f64 = 30.0;
const PER_SECOND: f64 = 1.0;

/// A probe, and which of its tokens.
type Sender = (ProbeId, usize);

/// A bucket per sender; only senders that exist get one.
#[derive(Debug, Default)]
pub(super) struct Buckets(Mutex<HashMap<Sender, (f64, Instant)>>);

impl Buckets {
    /// Takes one token; or says how long to wait.
    pub(super) fn take(&self, sender: Sender, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, last) = buckets.entry(sender).or_insert((BURST, now));
        *level = (*level + now.duration_since(*last).as_secs_f64() * PER_SECOND).min(BURST);
        *last = now;
        if *level < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - *level) / PER_SECOND));
        }
        *level -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let buckets = Buckets::default();
        let sender = |token| (ProbeId::new("billing", "night-run"), token);
        let start = Instant::now();
        for _ in 0..30 {
            buckets.take(sender(0), start).expect("within the burst");
        }
        buckets.take(sender(0), start).expect_err("beyond the burst");
        buckets.take(sender(1), start).expect("another token is another sender");
        buckets.take(sender(0), start + Duration::from_secs(2)).expect("refilled");
    }
}
