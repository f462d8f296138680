//! Numbers as people read them.

use std::time::Duration;

use jiff::Timestamp;

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

/// Points lost, with a real minus sign: `−21.0`.
pub(super) fn minus(points: f64) -> String {
    if points < 0.05 { "0".to_owned() } else { format!("−{points:.1}") }
}

/// A measured time: `640 ms`, `3.2 s`.
pub(super) fn length(took: Duration) -> String {
    let millis = took.as_secs_f64() * 1000.0;
    if millis < 10.0 {
        format!("{millis:.1} ms")
    } else if millis < 1000.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{:.1} s", millis / 1000.0)
    }
}

/// A share as per cent: never rounded up to a perfect 100.
pub(super) fn percent(share: f64) -> String {
    let tenths = (share * 1000.0 + 1e-6).floor() / 10.0;
    if (tenths - tenths.round()).abs() < 0.05 { format!("{tenths:.0} %") } else { format!("{tenths:.1} %") }
}

/// How long something has lasted: `12 min`, `3 h 5 min`, `4 days`.
pub(super) fn lasted(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, 0, _) => "1 day".to_owned(),
        (1, hours, _) => format!("1 day {hours} h"),
        (days, ..) => format!("{days} days"),
    }
}

/// A length of time in minutes: `45 s`, `12 min`, `3 h 5 min`, `4 days`.
pub(super) fn lasting(minutes: f64) -> String {
    let length = jiff::SignedDuration::from_secs((minutes * 60.0).round() as i64);
    lasted(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH.saturating_add(length).unwrap_or(Timestamp::MAX))
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
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.9999), "99.9 %");
        assert_eq!(length(Duration::from_millis(640)), "640 ms");
        assert_eq!(length(Duration::from_millis(3240)), "3.2 s");
        assert_eq!(minus(21.0), "−21.0");
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        assert_eq!(lasted(at(0), at(59)), "59 s");
        assert_eq!(lasted(at(0), at(11_100)), "3 h 5 min");
        assert_eq!(lasted(at(0), at(400_000)), "4 days");
    }
}
