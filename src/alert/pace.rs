//! How often a receiver may be told. Pure: time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once, and then one in every so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) burst: u32,
    pub(super) every: Duration,
}

/// A bucket of tokens, one for each attempt; it fills at its pace.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// None: as often as there is something to tell.
    pace: Option<Pace>,
    /// When it is full again.
    full: Instant,
}

impl Bucket {
    pub(super) const fn new(pace: Option<Pace>, now: Instant) -> Self {
        Self { pace, full: now }
    }

    /// How many may go now, at most `at_most`; if none, when the next one may.
    pub(super) fn room(&self, at_most: u32, now: Instant) -> Result<u32, Instant> {
        let Some(Pace { burst, every }) = self.pace else { return Ok(at_most) };
        let missing = self.full.saturating_duration_since(now).as_nanos().div_ceil(every.as_nanos().max(1));
        match burst.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX)) {
            0 => Err(self.full - every * (burst - 1)),
            room => Ok(room.min(at_most)),
        }
    }

    pub(super) fn take(&mut self, tokens: u32, now: Instant) {
        if let Some(pace) = self.pace {
            self.full = self.full.max(now) + pace.every * tokens;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { burst: 3, every: Duration::from_secs(2) };

    #[test]
    fn a_burst_then_one_at_a_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut bucket = Bucket::new(Some(PACE), start);
        assert_eq!(bucket.room(64, at(0)), Ok(3));
        assert_eq!(bucket.room(2, at(0)), Ok(2));
        bucket.take(3, at(0));
        assert_eq!(bucket.room(64, at(0)), Err(at(2)));
        assert_eq!(bucket.room(64, at(1)), Err(at(2)));
        assert_eq!(bucket.room(64, at(2)), Ok(1));
        bucket.take(1, at(2));
        assert_eq!(bucket.room(64, at(3)), Err(at(4)));
        assert_eq!(bucket.room(64, at(7)), Ok(2));
        assert_eq!(bucket.room(64, at(999)), Ok(3), "it never holds more");
    }

    /// Whoever takes what there is never exceeds the pace, however long it goes on, and nobody waits in vain.
    #[test]
    fn the_pace_is_kept() {
        let start = Instant::now();
        let (mut bucket, mut now, mut taken) = (Bucket::new(Some(PACE), start), start, 0);
        while taken < 100 {
            match bucket.room(2, now) {
                Ok(room) => {
                    bucket.take(room, now);
                    taken += room;
                    let allowed = 3 + (now - start).as_secs() / 2;
                    assert!(u64::from(taken) <= allowed, "{taken} after {:?}", now - start);
                }
                Err(next) => {
                    assert!(next > now, "it is worth waiting");
                    now = next;
                }
            }
        }
        assert_eq!(now - start, Duration::from_secs(2 * 97));
        assert_eq!(Bucket::new(None, start).room(64, start), Ok(64));
    }
}
