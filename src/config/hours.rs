//! `hours:` as it is written: `{ open: "Mon..Fri 09:00-18:00", timezone: Europe/Berlin }`.

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::decode::At;
use crate::config::unbroken::Zone;
use crate::model::Calendar;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_MINUTES: u16 = 24 * 60;
const WEEK_MINUTES: u16 = 7 * DAY_MINUTES;

/// When a touchpoint is open.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hours {
    /// Days and local times, such as `Mon..Fri 09:00-18:00, Sat 10:00-14:00`.
    pub(super) open: At<String>,
    /// The company's, if absent.
    pub(super) timezone: Option<Zone>,
}

impl Hours {
    pub(super) fn calendar(&self, company: &TimeZone) -> Result<Calendar, String> {
        let timezone = self.timezone.as_ref().map_or(company, |zone| &zone.0);
        Ok(Calendar { spans: spans(&self.open.value)?, timezone: timezone.clone() })
    }
}

/// Minutes of the week, sorted and joined.
pub(super) fn spans(text: &str) -> Result<Vec<(u16, u16)>, String> {
    let mut spans = Vec::new();
    for part in text.split(',') {
        let wrong =
            || format!("`{}` is not a set of hours; write days and times, such as `Mon..Fri 09:00-18:00`", part.trim());
        let (days, times) = part.trim().split_once(' ').ok_or_else(wrong)?;
        let (from, to) = times.trim().split_once('-').ok_or_else(wrong)?;
        let (from, to) = (minute(from).ok_or_else(wrong)?, minute(to).ok_or_else(wrong)?);
        if from == to || from == DAY_MINUTES {
            return Err(wrong());
        }
        // A span that ends before it begins goes on past midnight.
        let length = if to > from { to - from } else { DAY_MINUTES - from + to };
        for day in days_of(days).ok_or_else(wrong)? {
            let start = day * DAY_MINUTES + from;
            let end = start + length;
            spans.push((start, end.min(WEEK_MINUTES)));
            if end > WEEK_MINUTES {
                spans.push((0, end - WEEK_MINUTES));
            }
        }
    }
    spans.sort_unstable();
    let mut joined: Vec<(u16, u16)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    Ok(joined)
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let at = hour * 60 + minute;
    (minute < 60 && at <= DAY_MINUTES).then_some(at)
}

/// `Mon`, or `Fri..Mon`, which goes on past Sunday.
fn days_of(text: &str) -> Option<Vec<u16>> {
    let day = |text: &str| DAYS.iter().position(|day| *day == text);
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(text)?, day(text)?),
    };
    let count = (last + 7 - first) % 7 + 1;
    Some((first..first + count).map(|day| (day % 7) as u16).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_become_minutes_of_the_week() {
        assert_eq!(spans("Mon 09:00-18:00"), Ok(vec![(540, 1080)]));
        assert_eq!(spans("Mon..Tue 00:00-24:00"), Ok(vec![(0, 2880)]));
        assert_eq!(spans("Sun 22:00-02:00"), Ok(vec![(0, 120), (6 * 1440 + 1320, 10_080)]));
        assert_eq!(spans("Sat..Mon 10:00-11:00").map(|spans| spans.len()), Ok(3));
        assert_eq!(spans("Mon 09:00-12:00, Mon 11:00-13:00"), Ok(vec![(540, 780)]));
        for wrong in ["", "Mon", "Mon 9:00-18:00", "Mon 09:00", "mon 09:00-10:00", "Mon 10:00-10:00", "Mon 25:00-26:00"]
        {
            spans(wrong).expect_err(wrong);
        }
    }

    fn open_at(open: &str, at: &str) -> bool {
        let timezone = TimeZone::get("Europe/Berlin").expect("a time zone");
        let calendar = Calendar { spans: spans(open).expect(open), timezone };
        calendar.contains(at.parse().expect("a time"))
    }

    /// Berlin is an hour ahead of UTC in winter and two in summer; the clocks change on 29 March and 25 October 2026.
    #[test]
    fn doors_follow_the_clock_on_the_wall() {
        for (open, at, expected) in [
            // The last Friday of winter, the first Monday of summer: nine is nine.
            ("Mon..Fri 09:00-18:00", "2026-03-27T07:59:59Z", false),
            ("Mon..Fri 09:00-18:00", "2026-03-27T08:00:00Z", true),
            ("Mon..Fri 09:00-18:00", "2026-03-30T06:59:59Z", false),
            ("Mon..Fri 09:00-18:00", "2026-03-30T07:00:00Z", true),
            ("Mon..Fri 09:00-18:00", "2026-03-30T15:59:59Z", true),
            ("Mon..Fri 09:00-18:00", "2026-03-30T16:00:00Z", false),
            // In UTC it is Sunday already, in Berlin Monday.
            ("Mon 00:00-01:00", "2026-11-22T23:00:00Z", true),
            ("Mon 00:00-01:00", "2026-11-22T22:59:59Z", false),
            // Past midnight, and past the end of the week.
            ("Sat 22:00-02:00", "2026-11-22T00:59:59Z", true),
            ("Sat 22:00-02:00", "2026-11-22T01:00:00Z", false),
            ("Sun 22:00-02:00", "2026-11-23T00:30:00Z", true),
            ("Fri 18:00-24:00", "2026-11-20T22:59:59Z", true),
            ("Fri 18:00-24:00", "2026-11-20T23:00:00Z", false),
            // Half past two does not come in the night of spring: two o'clock is three.
            ("Sat 22:00-02:30", "2026-03-29T00:59:59Z", true),
            ("Sat 22:00-02:30", "2026-03-29T01:00:00Z", false),
            // In autumn it comes twice.
            ("Sun 02:00-03:00", "2026-10-25T00:00:00Z", true),
            ("Sun 02:00-03:00", "2026-10-25T01:59:59Z", true),
            ("Sun 02:00-03:00", "2026-10-25T02:00:00Z", false),
        ] {
            assert_eq!(open_at(open, at), expected, "{open} at {at}");
        }
    }
}
