//! From a run to a number in 0..1 (`scoring`, "From a run to a number", 1).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much of a customer's wish a run fulfilled, 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quality(f64);

impl Quality {
    pub const PERFECT: Self = Self(1.0);
    pub const NONE: Self = Self(0.0);

    /// Clamps into 0..=1; not-a-number is 0.
    pub fn new(value: f64) -> Self {
        Self(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) })
    }

    pub const fn get(self) -> f64 {
        self.0
    }

    /// A failing attempt for the detector: below one half.
    pub fn fails(self) -> bool {
        self.0 < 0.5
    }

    /// Satisfaction with a latency: 1 up to `good`, `1/(1+((L-good)/(poor-good))^2)` above, 0 at the timeout.
    pub fn of_latency(latency: Duration, good: Duration, poor: Duration, timeout: Duration) -> Self {
        if latency >= timeout {
            return Self::NONE;
        }
        Self::of_measure(latency.as_secs_f64(), good.as_secs_f64(), poor.as_secs_f64())
    }

    /// The same curve for any measure of which less is better.
    pub fn of_measure(value: f64, good: f64, poor: f64) -> Self {
        if value <= good {
            return Self::PERFECT;
        }
        let reach = poor - good;
        if reach <= 0.0 {
            return Self(0.5);
        }
        let over = (value - good) / reach;
        Self::new(1.0 / (1.0 + over * over))
    }

    #[must_use]
    pub fn times(self, other: f64) -> Self {
        Self::new(self.0 * other)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "0 and 1 are meant exactly")]
mod tests {
    use super::*;

    #[test]
    fn latency_curve_meets_its_named_points() {
        let ms = Duration::from_millis;
        let q = |latency| Quality::of_latency(ms(latency), ms(2500), ms(4000), ms(10_000)).get();
        assert_eq!(q(2500), 1.0);
        assert!((q(3250) - 0.8).abs() < 1e-12);
        assert!((q(4000) - 0.5).abs() < 1e-12);
        assert_eq!(q(10_000), 0.0);
    }
}
