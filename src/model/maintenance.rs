//! Planned work: what is told of some touchpoints waits until it is over. Probing and the score go on.
//!
//! A window is open whenever a clock on the wall shows a time inside it. So a window inside the hour that spring skips
//! does not come that night, one inside the hour that autumn doubles comes twice, and every other one begins and ends at
//! the time that is written, whatever the clocks do in between.

use std::collections::BTreeSet;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::TouchpointId;
use super::calendar::minute_of_week;
use super::rule::Rule;

/// How far ahead the next window is looked for.
const LOOKED_AHEAD_DAYS: i32 = 366;
/// No zone's clocks jump further than this.
const JUMP_MAX_MINUTES: i64 = 180;
const WEEK_MINUTES: u16 = 7 * 1440;

/// A window of planned work, once or again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Maintenance {
    pub name: String,
    /// All, if empty.
    pub touchpoints: BTreeSet<TouchpointId>,
    pub timetable: Timetable,
    pub timezone: TimeZone,
}

/// Times on the wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timetable {
    Once {
        from: DateTime,
        to: DateTime,
    },
    /// Minutes of the week as in [`super::Calendar`].
    Weekly(Vec<(u16, u16)>),
    /// On the days of a rule, at a time, for so long as clocks on the wall count.
    Rule {
        rule: Rule,
        from: Time,
        length: SignedDuration,
    },
}

impl Maintenance {
    pub fn covers(&self, touchpoint: &TouchpointId) -> bool {
        self.touchpoints.is_empty() || self.touchpoints.contains(touchpoint)
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.end_on_the_wall(self.wall(at)).is_some()
    }

    /// When the window that is open at `at` ends; none outside of one, and of one without an end.
    pub fn ends(&self, at: Timestamp) -> Option<Timestamp> {
        let wall = self.end_on_the_wall(self.wall(at)).filter(|end| *end < DateTime::MAX)?;
        let found = self.timezone.to_ambiguous_zoned(wall);
        let first = found.clone().compatible().ok()?.timestamp();
        let end = if first > at { first } else { found.later().ok()?.timestamp() };
        // An end inside a skipped hour comes when the clocks jump.
        let minute = SignedDuration::from_mins(1);
        let earlier = (0..JUMP_MAX_MINUTES).scan(end, |end, _| {
            *end -= minute;
            Some(*end)
        });
        let inside = earlier.take_while(|before| *before > at && !self.contains(*before));
        Some(inside.last().unwrap_or(end))
    }

    /// The next window after `at` that has not begun: when it begins and ends.
    pub fn next(&self, at: Timestamp) -> Option<(Timestamp, Option<Timestamp>)> {
        let today = self.wall(at).date();
        let days = (0..LOOKED_AHEAD_DAYS).filter_map(|ahead| today.checked_add(ahead.days()).ok());
        let starts = days.flat_map(|day| self.starts_on(day));
        let instants = starts.filter_map(|start| Some(start.to_zoned(self.timezone.clone()).ok()?.timestamp()));
        let start = instants.filter(|start| *start > at).find(|start| self.contains(*start))?;
        Some((start, self.ends(start)))
    }

    fn wall(&self, at: Timestamp) -> DateTime {
        at.to_zoned(self.timezone.clone()).datetime()
    }

    /// When the window around this time ends, if there is one; the end of all days, if never.
    fn end_on_the_wall(&self, wall: DateTime) -> Option<DateTime> {
        match &self.timetable {
            Timetable::Once { from, to } => (*from <= wall && wall < *to).then_some(*to),
            Timetable::Weekly(spans) => {
                let minute = minute_of_week(wall);
                let (_, end) = *spans.iter().find(|(from, to)| *from <= minute && minute < *to)?;
                if spans == &[(0, WEEK_MINUTES)] {
                    return Some(DateTime::MAX);
                }
                let on = if end == WEEK_MINUTES { spans.first().filter(|first| first.0 == 0) } else { None };
                let left = i64::from(end - minute) + on.map_or(0, |first| i64::from(first.1));
                Some(whole_minute(wall).saturating_add(left.minutes()))
            }
            Timetable::Rule { rule, from, length } => {
                let days = length.as_hours() / 24 + 1;
                let back = (0..=days).filter_map(|back| wall.date().checked_sub(back.days()).ok());
                let begun = back.filter(|day| rule.occurs(*day)).map(|day| day.to_datetime(*from));
                let ends = begun.filter(|start| *start <= wall).filter_map(|start| start.checked_add(*length).ok());
                ends.filter(|end| wall < *end).max()
            }
        }
    }

    fn starts_on(&self, day: jiff::civil::Date) -> Vec<DateTime> {
        match &self.timetable {
            Timetable::Once { from, .. } => (from.date() == day).then_some(*from).into_iter().collect(),
            Timetable::Weekly(spans) => {
                let midnight = day.to_datetime(Time::midnight());
                let first = minute_of_week(midnight);
                let today = spans.iter().filter(|(from, _)| (first..first + 1440).contains(from));
                today.filter_map(|(from, _)| midnight.checked_add(i64::from(from - first).minutes()).ok()).collect()
            }
            Timetable::Rule { rule, from, .. } => {
                rule.occurs(day).then(|| day.to_datetime(*from)).into_iter().collect()
            }
        }
    }
}

fn whole_minute(wall: DateTime) -> DateTime {
    wall.with().second(0).subsec_nanosecond(0).build().unwrap_or(wall)
}

#[cfg(test)]
mod tests;
