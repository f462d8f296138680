//! Numbers as people read them.

use crate::model::Score;

/// A score in two sizes: the whole points large, the tenth small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// `62`, or a dash where there is no number.
    pub(super) whole: String,
    /// `.4`, or nothing.
    pub(super) tenth: String,
    /// Per cent of the ring that is unbroken.
    pub(super) arc: String,
}

impl From<Option<Score>> for Number {
    fn from(score: Option<Score>) -> Self {
        let Some(score) = score else {
            return Self { whole: "–".to_owned(), tenth: String::new(), arc: "0".to_owned() };
        };
        let text = score.to_string();
        let (whole, tenth) = text.split_once('.').unwrap_or((&text, "0"));
        Self { whole: whole.to_owned(), tenth: format!(".{tenth}"), arc: text.clone() }
    }
}

impl Number {
    /// In one piece.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.whole, self.tenth)
    }
}

/// Points lost, with a real minus sign: `−21.0`.
pub(super) fn minus(points: f64) -> String {
    if points < 0.05 { "0".to_owned() } else { format!("−{points:.1}") }
}

/// Minutes of loss: `0`, `4.2`, `132`.
pub(super) fn minutes(minutes: f64) -> String {
    if minutes < 0.05 {
        "0".to_owned()
    } else if minutes < 10.0 {
        format!("{minutes:.1}")
    } else {
        format!("{minutes:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_honest_and_short() {
        let number = Number::from(Some(Score::of(0.624)));
        assert_eq!((number.whole.as_str(), number.tenth.as_str()), ("62", ".4"));
        assert_eq!(Number::from(None).whole, "–");
        assert_eq!(minus(21.0), "−21.0");
    }
}
