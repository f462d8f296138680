//! How good something is, as eyes and ears take it in: a colour, a shape and a word, never a colour alone.

use crate::model::{Color, State, Verdict};
use crate::words;

/// A style class, the icon of the same shape everywhere, and the message that is the word beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tone {
    pub(super) class: &'static str,
    pub(super) word: &'static str,
}

impl Tone {
    pub(super) const fn new(class: &'static str, word: &'static str) -> Self {
        Self { class, word }
    }
}

impl From<Color> for Tone {
    fn from(color: Color) -> Self {
        Self::new(color.as_str(), words::color(color))
    }
}

impl From<State> for Tone {
    fn from(state: State) -> Self {
        let class = match state {
            State::Up => "good",
            State::Degraded => "watch",
            State::Down => "broken",
            State::Pending => "pending",
            State::Unknown => "unknown",
            State::Closed => "closed",
        };
        Self::new(class, words::state(state))
    }
}

impl From<&Verdict> for Tone {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::new("good", "verdict-good"),
            Verdict::Slow => Self::new("watch", "verdict-slow"),
            Verdict::Failed(_) => Self::new("broken", "verdict-failed"),
            Verdict::Inconclusive { .. } => Self::new("unknown", "verdict-inconclusive"),
            Verdict::Skipped(_) => Self::new("unknown", "verdict-skipped"),
        }
    }
}

/// The tone of a number of points without a memory of its own: a stage's, a past hour's.
pub(super) fn of_points(points: f64) -> Tone {
    Tone::from(match points {
        points if points >= 95.0 => Color::Good,
        points if points >= 80.0 => Color::Watch,
        points if points >= 50.0 => Color::Bad,
        _ => Color::Broken,
    })
}
