//! The last samples of one series, and how much they still say.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::State;

/// Samples kept.
pub const SAMPLES: usize = 10;
/// Fresh means an age of at most so many intervals.
pub const FRESH_INTERVALS: f64 = 2.0;
/// After so many intervals a sample says nothing any more.
pub const STALE_INTERVALS: f64 = 5.0;
/// So many samples, and the worst is taken for noise.
const WORST_DROPPED_FROM: usize = 3;

/// 1 up to two intervals, falling to 0 at five.
pub fn freshness(age: Duration, every: Duration) -> f64 {
    freshness_at(age.as_secs_f64() / every.as_secs_f64())
}

fn freshness_at(intervals: f64) -> f64 {
    ((STALE_INTERVALS - intervals) / (STALE_INTERVALS - FRESH_INTERVALS)).clamp(0.0, 1.0)
}

/// What is left of health `known` when it was seen with `freshness`: silence lowers it to `unseen`, and never raises it.
pub fn seen(known: f64, freshness: f64, unseen: f64) -> f64 {
    freshness * known + (1.0 - freshness) * known.min(unseen)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub struct Window {
    /// Oldest first.
    samples: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    last: Option<Timestamp>,
    /// Of the samples: asked for of every series, again and again, and changed by few.
    #[serde(skip)]
    sum: f64,
    #[serde(skip)]
    worst: f64,
}

/// What is kept of a window.
#[derive(Deserialize)]
struct Kept {
    samples: Vec<f64>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    last: Option<Timestamp>,
}

impl From<Kept> for Window {
    fn from(Kept { samples, last }: Kept) -> Self {
        let mut window = Self { samples, last, sum: 0.0, worst: 1.0 };
        window.count();
        window
    }
}

impl Default for Window {
    fn default() -> Self {
        Kept { samples: Vec::new(), last: None }.into()
    }
}

impl Window {
    pub fn push(&mut self, quality: f64, at: Timestamp) {
        if self.samples.len() >= SAMPLES {
            self.samples.remove(0);
        }
        self.samples.push(quality);
        self.count();
        self.last = self.last.max(Some(at));
    }

    /// Leaving DOWN keeps only the sample that decided it.
    pub fn keep_newest(&mut self) {
        self.samples.drain(..self.samples.len().saturating_sub(1));
        self.count();
    }

    fn count(&mut self) {
        self.sum = self.samples.iter().sum();
        self.worst = self.samples.iter().copied().fold(1.0, f64::min);
    }

    /// Counts what is known as known at `now`: it could not have been seen before.
    pub fn refresh(&mut self, now: Timestamp) {
        self.last = self.last.map(|last| last.max(now));
    }

    /// Changes when the newest sample was taken, by a clock that was set.
    pub fn turn(&mut self, turn: impl Fn(&mut Timestamp)) {
        self.last.iter_mut().for_each(turn);
    }

    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// When the newest sample was taken.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// The mean quality; the worst sample is left out while UP.
    pub fn mean(&self, state: State) -> Option<f64> {
        match self.samples.len() {
            0 => None,
            count if state == State::Up && count >= WORST_DROPPED_FROM => {
                Some(((self.sum - self.worst) / (count - 1) as f64).clamp(0.0, 1.0))
            }
            count => Some(self.sum / count as f64),
        }
    }

    /// The age of the newest sample, in intervals of `every`.
    pub fn age(&self, now: Timestamp, every: Duration) -> Option<f64> {
        // Whole milliseconds and no `Duration`: this is asked of every series whenever a score is worked out.
        let age = |last: Timestamp| (now.as_millisecond() - last.as_millisecond()).max(0) as f64 / 1000.0;
        self.last.map(|last| age(last) / every.as_secs_f64())
    }

    /// Health, with silence taken into account; `state` as the detector decided, `unseen` as much as may be assumed of
    /// what is not seen.
    pub fn value(&self, state: State, now: Timestamp, every: Duration, unseen: f64) -> f64 {
        match (state, self.mean(state)) {
            (State::Down, _) => 0.0,
            (_, None) => unseen,
            (_, Some(mean)) => seen(mean, self.age(now, every).map_or(0.0, freshness_at), unseen),
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "healths of exactly 0 and 1 mean something")]
mod tests {
    use super::*;
    use crate::score::PENDING;

    fn window(samples: &[f64]) -> Window {
        let mut window = Window::default();
        for (second, quality) in samples.iter().zip(0..) {
            window.push(*second, Timestamp::from_second(quality).expect("valid"));
        }
        window
    }

    #[test]
    fn the_worst_is_dropped_from_three_samples_on_while_up() {
        assert_eq!(window(&[1.0, 0.0]).mean(State::Up), Some(0.5));
        assert_eq!(window(&[1.0, 0.0, 1.0]).mean(State::Up), Some(1.0));
        assert_eq!(window(&[1.0, 0.0, 0.5]).mean(State::Degraded), Some(0.5));
        assert_eq!(window(&[]).mean(State::Up), None);
    }

    #[test]
    fn ten_are_kept() {
        let mut long = window(&[0.0; 10]);
        assert_eq!(long.mean(State::Degraded), Some(0.0));
        for _ in 0..5 {
            long.push(1.0, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(long.mean(State::Degraded), Some(0.5));
        long.keep_newest();
        assert_eq!(long.mean(State::Degraded), Some(1.0));
    }

    #[test]
    fn freshness_falls_between_two_and_five_intervals() {
        let every = Duration::from_secs(30);
        for (intervals, expected) in [(0.0, 1.0), (2.0, 1.0), (3.0, 2.0 / 3.0), (3.5, 0.5), (5.0, 0.0), (99.0, 0.0)] {
            assert!((freshness(every.mul_f64(intervals), every) - expected).abs() < 1e-9, "{intervals}");
        }
    }

    #[test]
    fn down_is_exactly_nothing_and_never_sampled_is_half() {
        let now = Timestamp::from_second(1).expect("valid");
        let every = Duration::from_secs(30);
        assert_eq!(window(&[1.0, 1.0]).value(State::Down, now, every, PENDING), 0.0);
        assert_eq!(window(&[]).value(State::Pending, now, every, PENDING), 0.5);
    }
}
