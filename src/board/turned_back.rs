//! A wall clock that is set back: what is remembered happened that much earlier, else everything that is waited for would
//! wait for the same hour once more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Board;
use super::watch::elapsed;

/// From the time that was shown before to the one that is shown since.
#[derive(Clone, Copy, Debug)]
pub(super) struct TurnedBack {
    by: SignedDuration,
    now: Timestamp,
}

impl TurnedBack {
    /// When `at` was by the present time.
    pub(super) fn earlier(self, at: &mut Timestamp) {
        *at = at.saturating_sub(self.by).unwrap_or(Timestamp::MIN).min(self.now);
    }
}

impl Board {
    /// Follows a clock that says less than when the board last looked.
    pub(super) fn turn_back(&mut self, now: Timestamp) {
        let by: Duration = elapsed(now, self.looked);
        let back = TurnedBack { by: SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX), now };
        for watch in &mut self.series {
            watch.turn_back(back);
        }
        for joint in &mut self.joints {
            joint.turn(|at| back.earlier(at));
        }
        for place in &mut self.touchpoints {
            back.earlier(&mut place.since);
        }
        for felt in &mut self.felt {
            felt.not_after(now);
        }
        for pulse in &mut self.journeys {
            back.earlier(&mut pulse.since);
        }
        self.own.turn_back(back);
        self.dirty.series.extend(0..self.series.len());
        self.dirty.joints.extend(0..self.joints.len());
        self.dirty.touchpoints.extend(0..self.touchpoints.len());
        self.dirty.felt.extend(0..self.felt.len());
        self.dirty.journeys.extend(0..self.journeys.len());
    }
}
