//! When something is open, week after week.

use std::time::Duration;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// What began longer ago than this has lasted for so long.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A weekly set of local times, such as "Mon..Fri 09:00-18:00".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Minutes of the week, Monday 00:00 first; half open, sorted, within 0..10080 (a span across the week's end is two).
    pub spans: Vec<(u16, u16)>,
    pub timezone: TimeZone,
}

impl Calendar {
    pub fn contains(&self, at: Timestamp) -> bool {
        let minute = minute_of_week(at.to_zoned(self.timezone.clone()).datetime());
        self.spans.iter().any(|&(from, to)| from <= minute && minute < to)
    }

    /// When it is open between these moments, in order.
    pub fn open_between(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let from = from.max(to.saturating_sub(LOOKED_BACK).unwrap_or(Timestamp::MIN));
        let first = from.to_zoned(self.timezone.clone()).date();
        let back = i64::from(first.weekday().since(Weekday::Monday));
        let weeks = (0..).map_while(|week: i64| {
            let monday = first.checked_add((7 * week - back).days()).ok()?.to_datetime(Time::midnight());
            self.instant(monday, 0).filter(|monday| *monday < to).map(|_| monday)
        });
        let open = weeks.flat_map(|monday| {
            self.spans
                .iter()
                .filter_map(move |span| Some((self.instant(monday, span.0)?, self.instant(monday, span.1)?)))
        });
        open.map(|(opens, closes)| (opens.max(from), closes.min(to))).filter(|(opens, closes)| opens < closes).collect()
    }

    /// For how long it is open between these moments.
    pub fn open_for(&self, from: Timestamp, to: Timestamp) -> Duration {
        let open = self.open_between(from, to).into_iter();
        open.map(|(opens, closes)| closes.duration_since(opens).unsigned_abs()).sum()
    }

    /// So many minutes into the week, by the clock on the wall.
    fn instant(&self, monday: DateTime, minute: u16) -> Option<Timestamp> {
        let wall = monday.checked_add(i64::from(minute).minutes()).ok()?;
        Some(wall.to_zoned(self.timezone.clone()).ok()?.timestamp())
    }
}

/// Monday 00:00 is 0.
pub(super) fn minute_of_week(wall: DateTime) -> u16 {
    let part = |number: i8| u16::from(number.unsigned_abs());
    part(wall.weekday().to_monday_zero_offset()) * 1440 + part(wall.hour()) * 60 + part(wall.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// "Mon..Fri 08:00-20:00" in Berlin.
    fn office() -> Calendar {
        let timezone = TimeZone::get("Europe/Berlin").expect("a zone");
        Calendar { spans: (0..5).map(|day| (day * 1440 + 480, day * 1440 + 1200)).collect(), timezone }
    }

    #[test]
    fn only_the_time_in_which_it_is_open_counts() {
        let hours = |from: &str, to: &str| office().open_for(at(from), at(to)).as_secs_f64() / 3600.0;
        for (from, to, expected) in [
            ("2026-11-20T08:00:00Z", "2026-11-20T09:30:00Z", 1.5),
            ("2026-11-20T18:30:00Z", "2026-11-20T23:00:00Z", 0.5),
            ("2026-11-20T20:00:00Z", "2026-11-23T06:59:00Z", 0.0),
            ("2026-11-20T18:30:00Z", "2026-11-23T07:15:00Z", 0.75),
            ("2026-11-16T00:00:00Z", "2026-11-30T00:00:00Z", 120.0),
            // The clocks go back on the Sunday between: 08:00 is an hour later by UTC.
            ("2026-10-23T17:00:00Z", "2026-10-26T08:00:00Z", 2.0),
            ("2026-11-20T09:30:00Z", "2026-11-20T08:00:00Z", 0.0),
        ] {
            assert!((hours(from, to) - expected).abs() < 1e-9, "{from} {to}: {}", hours(from, to));
        }
        let always = Calendar { spans: vec![(0, 10080)], timezone: TimeZone::UTC };
        assert_eq!(always.open_for(at("2026-11-20T08:00:00Z"), at("2026-12-20T08:00:00Z")), Duration::from_hours(720));
        assert_eq!(always.open_for(Timestamp::MIN, at("2026-12-20T08:00:00Z")), Duration::from_hours(366 * 24));
    }

    #[test]
    fn what_is_open_is_inside_the_hours() {
        for (opens, closes) in office().open_between(at("2026-10-01T00:30:00Z"), at("2026-11-20T10:10:00Z")) {
            let last = closes - SignedDuration::from_secs(1);
            assert!(office().contains(opens) && office().contains(last), "{opens} {closes}");
        }
    }
}
