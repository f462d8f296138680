//! What becomes of a letter that was not taken. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::store::Fate;

/// Given up after so long.
pub const DEAD_AFTER: SignedDuration = SignedDuration::from_hours(72);
/// A receiver that says "never" (401, 403, 404, a 5xx of SMTP) so often in a row is believed: about 23 minutes. What
/// stands before it may say so too while it starts; whoever is away in between ends the row.
const REFUSALS_MAX: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const FIRST_PAUSE_REFUSED: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// Longest that we do as `Retry-After` says.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// Why a letter was not taken, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not reached, overloaded or broken: worth trying again soon.
    Passing { text: String, retry_after: Option<Duration> },
    /// It was understood and refused: trying again helps only if somebody mends something.
    Refused { text: String },
    /// The message itself was refused: trying again cannot help.
    Unfit { text: String },
}

impl Failure {
    pub fn text(&self) -> &str {
        let (Self::Passing { text, .. } | Self::Refused { text } | Self::Unfit { text }) = self;
        text
    }
}

/// How hard it was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The last one among them.
    pub attempts: u32,
    /// In a row, before the last one.
    pub refusals: u32,
    /// Its time runs from here.
    pub queued: Timestamp,
}

/// The fate of a letter after an attempt that failed at `now`. `chance` in 0..1 spreads the retries.
pub fn after(failure: &Failure, tried: Tried, now: Timestamp, chance: f64) -> Fate {
    let too_old = now.duration_since(tried.queued) >= DEAD_AFTER;
    let text = failure.text();
    let refused = tried.refusals.saturating_add(1);
    let (first, times, refusals, asked) = match failure {
        Failure::Passing { retry_after, .. } => (FIRST_PAUSE, tried.attempts, 0, *retry_after),
        Failure::Refused { .. } => (FIRST_PAUSE_REFUSED, refused, refused, None),
        Failure::Unfit { .. } => (FIRST_PAUSE_REFUSED, refused, REFUSALS_MAX, None),
    };
    if too_old || refusals >= REFUSALS_MAX {
        return Fate::Dead { at: now, error: text.to_owned() };
    }
    let doubled =
        first.saturating_mul(1_u32.checked_shl(times.saturating_sub(1).min(20)).unwrap_or(u32::MAX)).min(PAUSE_MAX);
    // Between half and all of it: receivers that came back are not all called at once.
    let pause = doubled.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0));
    let pause = asked.map_or(pause, |asked| asked.min(RETRY_AFTER_MAX).max(FIRST_PAUSE));
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::from_mins(5));
    Fate::Retry { next: now.saturating_add(pause).unwrap_or(now), error: text.to_owned(), refusals }
}

/// Reads `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. What makes no sense is none.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        return Some(value.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs).min(RETRY_AFTER_MAX));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Duration::try_from(date.duration_since(now)).ok().map(|pause| pause.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_to_wait_is_read_as_it_may_be_written() {
        let now: Timestamp = "2026-11-20T08:00:00Z".parse().expect("a time");
        let read = |value| retry_after(value, now).map(|pause| pause.as_secs());
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("1000000000", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("Fri, 20 Nov 2026 08:02:00 GMT", Some(120)),
            ("Fri, 20 Nov 2048 08:02:00 GMT", Some(3600)),
            ("Fri, 20 Nov 2026 07:00:00 GMT", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(read(value), seconds, "{value}");
        }
    }
}
