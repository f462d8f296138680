//! States, health and the shown score.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What we believe about a probe or a touchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Never sampled.
    Pending,
    Up,
    Degraded,
    Down,
    /// We cannot see: stale, or blind. Never good news.
    Unknown,
    /// Outside opening hours; costs nothing.
    Closed,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Health of anything: a value 0..=1 and how much of it is observed freshly, 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    pub state: State,
    pub value: f64,
    pub observed: f64,
}

/// A score as shown: 0.0..=100.0 in tenths, rounded down, so that 100.0 means perfect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Score(u16);

impl Score {
    /// `floor(1000*J + 1e-6)/10` for J in 0..=1.
    pub fn of(value: f64) -> Self {
        let value = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        Self((1000.0 * value + 1e-6).floor() as u16)
    }

    /// Points, 0.0..=100.0.
    pub fn points(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        score.points()
    }
}

impl From<f64> for Score {
    fn from(points: f64) -> Self {
        Self::of(points / 100.0)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.points())
    }
}

/// A score's colour, with hysteresis applied by the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    Good,
    Watch,
    Bad,
    Broken,
    Unknown,
}

impl Color {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Watch => "watch",
            Self::Bad => "bad",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
