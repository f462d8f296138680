//! Weeks, months and quarters on the company's calendar.

use std::fmt;

use jiff::civil::{Date, ISOWeekDate, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reports go out on the first day after their time, at this hour on the wall.
const HOUR_OF_MAIL: i8 = 7;

/// How often a report is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    Week,
    Month,
    Quarter,
}

impl Every {
    pub const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Quarter];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }

    fn length(self) -> Span {
        match self {
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Quarter => 3.months(),
        }
    }

    fn first_of(self, day: Date) -> Date {
        match self {
            Self::Week => ISOWeekDate::from(day).first_of_week().map_or(day, ISOWeekDate::date),
            Self::Month => day.first_of_month(),
            Self::Quarter => date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1),
        }
    }

    /// The one that holds this moment.
    pub fn around(self, at: Timestamp, zone: &TimeZone) -> Period {
        Period { every: self, first: self.first_of(at.to_zoned(zone.clone()).date()) }
    }
}

/// A week (`2026-W47`), a month (`2026-10`) or a quarter (`2026-Q4`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    every: Every,
    /// Its first day.
    first: Date,
}

impl Period {
    pub fn parse(text: &str) -> Option<Self> {
        let (year, rest) = text.split_once('-')?;
        if year.len() != 4 || !(year.bytes().chain(rest.bytes().skip(1))).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let year: i16 = year.parse().ok()?;
        let (every, first) = if let Some(week) = rest.strip_prefix('W') {
            (Every::Week, ISOWeekDate::new(year, week.parse().ok()?, Weekday::Monday).ok()?.date())
        } else if let Some(quarter) = rest.strip_prefix('Q') {
            let quarter: i8 = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
            (Every::Quarter, date(year, quarter * 3 - 2, 1))
        } else {
            (Every::Month, Date::new(year, rest.parse().ok()?, 1).ok()?)
        };
        let period = Self { every, first };
        // One way to write each: what is linked once is found again.
        (period.to_string() == text).then_some(period)
    }

    pub const fn every(self) -> Every {
        self.every
    }

    pub const fn first_day(self) -> Date {
        self.first
    }

    pub fn last_day(self) -> Date {
        self.after().first.yesterday().unwrap_or(self.first)
    }

    #[must_use]
    pub fn before(self) -> Self {
        Self { first: self.first.saturating_sub(self.every.length()), ..self }
    }

    #[must_use]
    pub fn after(self) -> Self {
        Self { first: self.first.saturating_add(self.every.length()), ..self }
    }

    /// From the midnight before its first day to the one after its last, as the wall has them.
    pub fn bounds(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        (start_of(self.first, zone), start_of(self.after().first, zone))
    }

    /// When its report goes out.
    pub fn mailed(self, zone: &TimeZone) -> Timestamp {
        let wall = self.after().first.at(HOUR_OF_MAIL, 0, 0, 0);
        // An hour that the wall skips is the one after it; one that it shows twice, the first.
        zone.to_timestamp(wall).unwrap_or(Timestamp::MAX)
    }

    /// The newest one whose report has gone out by then.
    pub fn last_mailed(every: Every, now: Timestamp, zone: &TimeZone) -> Self {
        let mut period = every.around(now, zone).before();
        if period.mailed(zone) > now {
            period = period.before();
        }
        period
    }
}

fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.every {
            Every::Week => {
                let week = ISOWeekDate::from(self.first);
                write!(f, "{:04}-W{:02}", week.year(), week.week())
            }
            Every::Month => write!(f, "{:04}-{:02}", self.first.year(), self.first.month()),
            Every::Quarter => write!(f, "{:04}-Q{}", self.first.year(), (self.first.month() + 2) / 3),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no week, month or quarter")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn period(text: &str) -> Period {
        Period::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn what_is_written_is_read_in_one_way_only() {
        for text in ["2026-W47", "2026-W53", "2020-W01", "2026-10", "2026-Q4", "2026-Q1"] {
            assert_eq!(period(text).to_string(), text);
        }
        for wrong in ["2026-W54", "2025-W53", "2026-W7", "2026-13", "2026-1", "2026-Q5", "2026-Q0", "2026", "26-W01"] {
            assert_eq!(Period::parse(wrong), None, "{wrong}");
        }
        for wrong in ["2026-W+1", "2026-+1", "2026-w47", "2026-", "-W01", "", "2026-W", "２０２６-W01", "2026-W4７"]
        {
            assert_eq!(Period::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_week_belongs_to_the_year_of_its_thursday() {
        assert_eq!(period("2026-W01").first_day(), date(2025, 12, 29));
        assert_eq!(period("2026-W53").last_day(), date(2027, 1, 3));
        assert_eq!(period("2027-W01").before(), period("2026-W53"));
        assert_eq!(period("2026-01").before(), period("2025-12"));
        assert_eq!(period("2026-Q4").after(), period("2027-Q1"));
        assert_eq!(period("2026-Q1").last_day(), date(2026, 3, 31));
    }

    #[test]
    fn days_begin_at_the_company_and_may_have_23_hours() {
        let berlin = zone("Europe/Berlin");
        let hours = |text: &str| {
            let (from, to) = period(text).bounds(&berlin);
            to.duration_since(from).as_hours()
        };
        assert_eq!(hours("2026-W47"), 168);
        assert_eq!(hours("2026-W13"), 167, "the clock is put forward");
        assert_eq!(hours("2026-W43"), 169, "and back");
        assert_eq!(period("2026-W47").bounds(&berlin).0, at("2026-11-15T23:00:00Z"));
        assert_eq!(period("2026-W47").bounds(&zone("Asia/Kathmandu")).0, at("2026-11-15T18:15:00Z"));
    }

    #[test]
    fn mail_goes_out_at_seven_on_the_wall() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(period("2026-W47").mailed(&berlin), at("2026-11-23T06:00:00Z"));
        assert_eq!(period("2026-W27").mailed(&berlin), at("2026-07-06T05:00:00Z"), "in summer");
        assert_eq!(period("2026-10").mailed(&berlin), at("2026-11-01T06:00:00Z"));
        assert_eq!(period("2026-Q3").mailed(&berlin), at("2026-10-01T05:00:00Z"));
        // There the clock went from 00:00 to 01:00 on the day itself: seven is seven.
        assert_eq!(period("2018-10").mailed(&zone("America/Sao_Paulo")), at("2018-11-01T10:00:00Z"));
    }

    #[test]
    fn the_last_that_was_mailed_is_known_at_any_time() {
        let berlin = zone("Europe/Berlin");
        let last = |every, now: &str| Period::last_mailed(every, at(now), &berlin).to_string();
        assert_eq!(last(Every::Week, "2026-11-23T05:59:59Z"), "2026-W46");
        assert_eq!(last(Every::Week, "2026-11-23T06:00:00Z"), "2026-W47");
        assert_eq!(last(Every::Week, "2026-11-29T22:59:00Z"), "2026-W47", "Sunday night");
        assert_eq!(last(Every::Week, "2026-11-29T23:59:00Z"), "2026-W47", "before seven on Monday");
        assert_eq!(last(Every::Month, "2026-11-01T05:00:00Z"), "2026-09");
        assert_eq!(last(Every::Month, "2026-11-01T07:00:00Z"), "2026-10");
        assert_eq!(last(Every::Quarter, "2027-01-01T06:00:00Z"), "2026-Q4");
    }
}
