//! A failure that lasts: told when it begins, when it becomes another and when it is over, not at every attempt.

use std::num::NonZeroU64;
use std::time::Duration;

use tokio::time::Instant;

/// In one failure; should it change its face all the time, that is no news any more.
const FACES_MAX: u32 = 10;

/// What is known of something that is tried again and again.
#[derive(Debug, Default)]
pub struct Lasting {
    why: String,
    times: u64,
    faces: u32,
    last: Option<Instant>,
    /// Without a failure for so long, it is over; else only when it worked.
    over_after: Option<Duration>,
}

/// How a failure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It is new, or not for the same reason as before.
    News,
    Again,
}

impl Lasting {
    /// Of something of which nobody says that it worked.
    pub fn over_after(quiet: Duration) -> Self {
        Self { over_after: Some(quiet), ..Self::default() }
    }

    /// It failed.
    pub fn failed(&mut self, why: &str, now: Instant) -> Telling {
        let quiet = self.last.map(|last| now.saturating_duration_since(last));
        if quiet.zip(self.over_after).is_some_and(|(quiet, over)| quiet >= over) {
            self.worked();
        }
        self.last = Some(now);
        let same = self.times > 0 && self.why == why;
        self.times += 1;
        if same || self.faces >= FACES_MAX {
            return Telling::Again;
        }
        why.clone_into(&mut self.why);
        self.faces += 1;
        Telling::News
    }

    /// It worked once, which says nothing of what must be quiet for a while; how often it had failed, if it is over.
    pub fn went_well(&mut self, now: Instant) -> Option<NonZeroU64> {
        let quiet = self.last.map(|last| now.saturating_duration_since(last));
        if quiet.zip(self.over_after).is_some_and(|(quiet, over)| quiet < over) {
            return None;
        }
        self.worked()
    }

    /// It worked; how often it had failed before, if it had.
    pub fn worked(&mut self) -> Option<NonZeroU64> {
        let over_after = self.over_after;
        NonZeroU64::new(std::mem::replace(self, Self { over_after, ..Self::default() }).times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_when_it_begins_and_when_it_changes() {
        let now = Instant::now();
        let mut lasting = Lasting::default();
        assert_eq!(lasting.worked(), None);
        let told = ["refused", "refused", "timed out", "timed out"].map(|why| lasting.failed(why, now));
        assert_eq!(told, [Telling::News, Telling::Again, Telling::News, Telling::Again]);
        assert_eq!(lasting.failed("timed out", now + Duration::from_hours(9)), Telling::Again);
        assert_eq!(lasting.worked().map(NonZeroU64::get), Some(5));
        assert_eq!(lasting.worked(), None);
        assert_eq!(lasting.failed("timed out", now), Telling::News);
        let faces = (0..1000).filter(|face| lasting.failed(&face.to_string(), now) == Telling::News).count();
        assert_eq!(faces, 9);
    }

    #[test]
    fn what_nobody_calls_well_is_over_when_it_stops() {
        let mut lasting = Lasting::over_after(Duration::from_mins(1));
        let begun = Instant::now();
        let told = [0, 30, 80, 139, 199, 200].map(|second| lasting.failed("full", begun + Duration::from_secs(second)));
        assert_eq!(told.map(|one| one == Telling::News), [true, false, false, false, true, false]);
        let over = [201, 259, 260, 261].map(|second| lasting.went_well(begun + Duration::from_secs(second)));
        assert_eq!(over.map(|times| times.map(NonZeroU64::get)), [None, None, Some(2), None]);
    }
}
