//! What customers still remember: at least as long as the problem lasted.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A loss above it is a problem that people remember.
const NOTICED: f64 = 0.1;
/// A memory below it is gone.
const FORGOTTEN: f64 = 0.005;
const HALF_LIFE_MIN_SECS: f64 = 120.0;
const HALF_LIFE_MAX_SECS: f64 = 86_400.0;

/// The memory of one element.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Felt {
    /// The loss that is remembered, 0..=1.
    #[serde(rename = "r")]
    remembered: f64,
    /// How long the problem lasted, seconds.
    #[serde(rename = "d")]
    lasted: f64,
    /// As of the last sample.
    #[serde(rename = "h")]
    health: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    at: Option<Timestamp>,
}

impl Default for Felt {
    fn default() -> Self {
        Self { remembered: 0.0, lasted: 0.0, health: 1.0, at: None }
    }
}

impl Felt {
    /// Takes the health that a new sample led to. Time without samples passes for at most two intervals: silence heals
    /// nothing.
    pub fn sampled(&mut self, health: f64, now: Timestamp, every: Duration) {
        let since = self.at.map_or(Duration::ZERO, |at| now.duration_since(at).try_into().unwrap_or(Duration::ZERO));
        let passed = since.min(every * 2).as_secs_f64();
        if 1.0 - self.health > NOTICED {
            self.lasted += passed;
            self.remembered = self.remembered.max(1.0 - self.health);
        } else if self.remembered > 0.0 {
            self.remembered *= (-passed / self.lasted.clamp(HALF_LIFE_MIN_SECS, HALF_LIFE_MAX_SECS)).exp2();
            if self.remembered < FORGOTTEN {
                (self.remembered, self.lasted) = (0.0, 0.0);
            }
        }
        if 1.0 - health > NOTICED {
            self.remembered = self.remembered.max(1.0 - health);
        }
        self.health = health;
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
    }

    /// The clock was set back to `now`.
    pub fn not_after(&mut self, now: Timestamp) {
        self.at = self.at.map(|at| at.min(now));
    }

    /// There is something to remember: without it, nothing is lost by forgetting this.
    pub fn matters(&self) -> bool {
        self.remembered > 0.0 || 1.0 - self.health > NOTICED
    }

    /// The most that customers feel, 0..=1: `felt = min(h, ceiling)`.
    pub fn ceiling(&self) -> f64 {
        1.0 - self.remembered
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "healths of exactly 0 and 1 mean something")]
mod tests {
    use super::*;

    /// Samples every 30 s with these healths.
    fn felt(healths: impl IntoIterator<Item = f64>) -> (Felt, Timestamp) {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut felt = Felt::default();
        for health in healths {
            felt.sampled(health, now, Duration::from_secs(30));
            now += Duration::from_secs(30);
        }
        (felt, now)
    }

    #[test]
    fn ten_minutes_down_and_twenty_well_leave_three_quarters() {
        let (felt, _) = felt([0.0; 20].into_iter().chain([1.0; 41]));
        assert!((felt.ceiling() - 0.75).abs() < 1e-9, "{felt:?}");
    }

    #[test]
    fn a_short_problem_is_remembered_for_two_minutes_at_least() {
        let (felt, _) = felt([0.5].into_iter().chain([1.0; 5]));
        assert!((felt.ceiling() - 0.75).abs() < 1e-9, "{felt:?}");
    }

    #[test]
    fn silence_heals_nothing() {
        let (mut felt, now) = felt([0.0; 20]);
        felt.sampled(1.0, now, Duration::from_secs(30));
        felt.sampled(1.0, now + Duration::from_hours(24), Duration::from_secs(30));
        assert!(felt.ceiling() < 0.1, "{felt:?}");
    }

    #[test]
    fn little_losses_are_not_remembered_and_old_ones_forgotten() {
        assert_eq!(felt([0.91; 5]).0.ceiling(), 1.0);
        assert_eq!(
            felt([0.0].into_iter().chain([1.0; 60])).0,
            Felt { remembered: 0.0, lasted: 0.0, health: 1.0, at: felt([1.0; 61]).0.at }
        );
    }
}
