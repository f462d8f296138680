//! A time axis: where hours, days and months begin on the clocks of a zone.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::web::past::{Past, Range};
use crate::words::Words;

pub(super) struct Tick {
    pub(super) at: Timestamp,
    /// 0..=1 of the axis.
    pub(super) share: f64,
    /// Per cent of the width.
    pub(super) x: String,
    pub(super) label: String,
}

/// At the edges a label would be cut.
const EDGE: f64 = 0.02;

pub(super) fn ticks(words: &Words, past: &Past, zone: &TimeZone) -> Vec<Tick> {
    let first = past.from.to_zoned(zone.clone());
    let last = past.to.to_zoned(zone.clone());
    let mut ticks = Vec::new();
    let mut day = first.date();
    while day <= last.date() {
        for at in on(past.range, day).into_iter().filter_map(|time| day.to_datetime(time).to_zoned(zone.clone()).ok()) {
            let share = past.place(at.timestamp());
            if at.timestamp() > past.from && at.timestamp() < past.to {
                let inside = (EDGE..=1.0 - EDGE).contains(&share);
                let label = if inside { label(words, past.range, &at) } else { String::new() };
                ticks.push(Tick { at: at.timestamp(), share, x: format!("{:.2}%", share * 100.0), label });
            }
        }
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    ticks
}

/// The times of a day at which something begins.
fn on(range: Range, day: Date) -> Vec<Time> {
    let midnight = Time::midnight();
    let begins = match range {
        Range::Day => return (0..24).step_by(4).filter_map(|hour| midnight.checked_add(hour.hours()).ok()).collect(),
        Range::Week => true,
        Range::Month => day.weekday() == jiff::civil::Weekday::Monday,
        Range::Quarter => matches!(day.day(), 1 | 15),
        Range::Year => day.day() == 1,
    };
    if begins { vec![midnight] } else { Vec::new() }
}

fn label(words: &Words, range: Range, at: &Zoned) -> String {
    let format = match range {
        Range::Day => return at.strftime("%H:%M").to_string(),
        Range::Week => {
            let day: String = words.weekday(at).chars().take(3).collect();
            return at.strftime(&*words.say("axis-week").with("day", day).text()).to_string();
        }
        Range::Month | Range::Quarter => "axis-month",
        Range::Year if at.month() == 1 => "axis-january",
        Range::Year => "axis-year",
    };
    at.strftime(&*words.text(format)).to_string()
}

/// When a row of the table begins.
pub(super) fn named(words: &Words, range: Range, at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    let format = match range {
        Range::Day => "moment-year",
        Range::Week => {
            let pattern = words.say("spell-week").with("day", words.weekday(&at)).text().into_owned();
            return at.strftime(&pattern).to_string();
        }
        Range::Month | Range::Quarter => "spell-month",
        Range::Year => "spell-year",
    };
    at.strftime(&*words.text(format)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: Range, now: &str) -> Vec<String> {
        let past = Past::of(&[], range, now.parse().expect("a time"));
        let zone = TimeZone::get("Europe/Berlin").expect("a known zone");
        ticks(&Words::new(crate::model::Language::En), &past, &zone).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn days_begin_at_the_zones_midnight() {
        let now = "2026-11-21T09:07:30Z";
        assert_eq!(labels(Range::Day, now), ["12:00", "16:00", "20:00", "00:00", "04:00", "08:00"]);
        assert_eq!(labels(Range::Week, now), ["Sun 15", "Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21"]);
        assert_eq!(labels(Range::Month, now), ["26 Oct", "2 Nov", "9 Nov", "16 Nov"]);
        assert_eq!(labels(Range::Quarter, now), ["1 Sep", "15 Sep", "1 Oct", "15 Oct", "1 Nov", "15 Nov"]);
        let year = labels(Range::Year, now);
        assert_eq!((year.len(), year[1].as_str(), year[11].as_str()), (12, "2026", "Nov"), "{year:?}");
        let past = Past::of(&[], Range::Week, now.parse().expect("a time"));
        let first = &ticks(
            &Words::new(crate::model::Language::En),
            &past,
            &TimeZone::get("Europe/Berlin").expect("a known zone"),
        )[0];
        assert_eq!(first.at.to_string(), "2026-11-14T23:00:00Z");
    }

    #[test]
    fn the_night_that_doubles_an_hour_has_each_tick_once() {
        // Clocks went back at 03:00 on 25 October 2026.
        let labels = labels(Range::Day, "2026-10-25T12:00:00Z");
        assert_eq!(labels, ["16:00", "20:00", "00:00", "04:00", "08:00", "12:00"]);
    }
}
