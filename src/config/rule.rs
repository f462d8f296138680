//! `rrule:` as it is written: `FREQ=MONTHLY;BYDAY=2TU` (RFC 5545, section 3.3.10), over whole days.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::model::{Frequency, Rule};
use crate::words::nearest;

const PARTS: [&str; 9] = ["FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "WKST"];
const DAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];
const COUNT_MAX: usize = 10_000;
/// A rule that has not recurred so often by then has no end worth knowing.
const COUNTED_DAYS_MAX: i32 = 50 * 366;

/// Reads a rule whose first day is `start`.
pub(super) fn parse(text: &str, start: Date) -> Result<Rule, String> {
    let mut rule = Rule::daily(start);
    let (mut seen, mut count) = (Vec::new(), None);
    for part in text.trim().trim_start_matches("RRULE:").split(';') {
        let example = "write a rule such as `FREQ=MONTHLY;BYDAY=2TU`";
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is no part of a rule; {example}"))?;
        if seen.contains(&name) {
            return Err(format!("`{name}` stands in the rule twice"));
        }
        seen.push(name);
        match name {
            "FREQ" => rule.every = frequency(value)?,
            "INTERVAL" => rule.interval = number(name, value, 1..=1000)?,
            "COUNT" => count = Some(number(name, value, 1..=COUNT_MAX)?),
            "UNTIL" => rule.until = Some(until(value)?),
            "BYMONTH" => rule.months = list(name, value, 1..=12)?,
            "BYMONTHDAY" => rule.month_days = list(name, value, -31..=31)?,
            "BYDAY" => rule.weekdays = value.split(',').map(weekday).collect::<Result<_, _>>()?,
            "BYSETPOS" => rule.positions = list(name, value, -366..=366)?,
            "WKST" => rule.week_start = day(value).ok_or_else(|| format!("`{value}` is no day; write `MO`"))?,
            _ => return Err(unknown(name)),
        }
    }
    if !seen.contains(&"FREQ") {
        return Err(
            "the rule does not say how often; begin it with `FREQ=DAILY`, `WEEKLY`, `MONTHLY` or `YEARLY`".into()
        );
    }
    fits_together(&rule, count)?;
    if !rule.occurs(start) {
        let days = (1..COUNTED_DAYS_MAX).filter_map(|ahead| start.checked_add(ahead.days()).ok());
        let hint = days.into_iter().find(|day| rule.occurs(*day));
        let hint = hint.map_or_else(|| "it never recurs".to_owned(), |day| format!("the next is {day}"));
        return Err(format!("the first window is on {start}, which is no day of the rule; {hint}"));
    }
    rule.until = rule.until.or_else(|| count.and_then(|count| last(&rule, count)));
    Ok(rule)
}

fn fits_together(rule: &Rule, count: Option<usize>) -> Result<(), String> {
    let ordinal = rule.weekdays.iter().any(|(number, _)| *number != 0);
    if ordinal && matches!(rule.every, Frequency::Daily | Frequency::Weekly) {
        return Err("the second Tuesday is one of a month or a year: `FREQ=MONTHLY`, or `BYDAY` without numbers".into());
    }
    if !rule.month_days.is_empty() && rule.every == Frequency::Weekly {
        return Err("a week has no days of the month; use `FREQ=MONTHLY`, or `BYDAY`".into());
    }
    if count.is_some() && rule.until.is_some() {
        return Err("a rule ends by `COUNT` or by `UNTIL`, not by both".into());
    }
    Ok(())
}

fn unknown(name: &str) -> String {
    if ["BYHOUR", "BYMINUTE", "BYSECOND"].contains(&name) {
        return format!("`{name}` is not known here: the window begins when `from` says");
    }
    let hint = nearest(name, PARTS.into_iter())
        .map_or_else(|| format!("there are {}", PARTS.join(", ")), |near| format!("did you mean `{near}`?"));
    format!("`{name}` is not known in a rule; {hint}")
}

fn frequency(text: &str) -> Result<Frequency, String> {
    match text {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        _ => Err(format!("`{text}` is no frequency of a window; write `DAILY`, `WEEKLY`, `MONTHLY` or `YEARLY`")),
    }
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    name: &str,
    text: &str,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, String> {
    let wrong = || format!("`{name}={text}` is not a number from {} to {}", range.start(), range.end());
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(wrong)
}

fn list<T: std::str::FromStr + PartialOrd + std::fmt::Display + Default + Copy>(
    name: &str,
    text: &str,
    range: std::ops::RangeInclusive<T>,
) -> Result<Vec<T>, String> {
    let numbers: Vec<T> = text.split(',').map(|one| number(name, one, range.clone())).collect::<Result<_, _>>()?;
    if numbers.contains(&T::default()) {
        return Err(format!("`{name}` counts from 1, or from the end with -1; there is no 0"));
    }
    Ok(numbers)
}

fn weekday(text: &str) -> Result<(i8, Weekday), String> {
    let wrong = || format!("`{text}` is no day of a rule; write `TU`, `2TU` or `-1FR`");
    let at = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at)).ok_or_else(wrong)?;
    let (ordinal, name) = text.split_at(at);
    let ordinal = if ordinal.is_empty() { 0 } else { number("BYDAY", ordinal, -53..=53)? };
    if at > 0 && ordinal == 0 {
        return Err(wrong());
    }
    Ok((ordinal, day(name).ok_or_else(wrong)?))
}

fn day(name: &str) -> Option<Weekday> {
    DAYS.iter().find(|(known, _)| *known == name).map(|(_, day)| *day)
}

/// The day alone counts: `20261231`, `20261231T235959` with or without `Z`.
fn until(text: &str) -> Result<Date, String> {
    let wrong = || format!("`UNTIL={text}` is no day; write `UNTIL=20261231`");
    let date = text.split_once('T').map_or(text, |(date, _)| date);
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    Date::strptime("%Y%m%d", date).map_err(|_| wrong())
}

/// The day on which it recurs for the last time.
fn last(rule: &Rule, count: usize) -> Option<Date> {
    let days = (0..COUNTED_DAYS_MAX).filter_map(|ahead| rule.start.checked_add(ahead.days()).ok());
    days.filter(|day| rule.occurs(*day)).nth(count - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS_AHEAD_MAX: i32 = 60 * 366;

    /// The days on which a rule recurs.
    fn days(rule: &Rule) -> impl Iterator<Item = String> {
        let days = (0..DAYS_AHEAD_MAX).filter_map(|ahead| rule.start.checked_add(ahead.days()).ok());
        days.filter(|day| rule.occurs(*day)).map(|day| day.to_string())
    }

    #[test]
    fn rules_recur_as_another_program_says() {
        let vectors = include_str!("../../tests/fixtures/rrule/days.txt");
        let mut count = 0;
        for line in vectors.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (text, start) = (words.next().unwrap(), words.next().unwrap());
            let rule = parse(text, start.parse().unwrap()).unwrap_or_else(|wrong| panic!("{line}: {wrong}"));
            let mut expected: Vec<&str> = words.collect();
            let ends = expected.last() == Some(&".");
            expected.retain(|word| *word != ".");
            let found: Vec<String> = days(&rule).take(if ends { 99 } else { expected.len() }).collect();
            assert_eq!(found, expected, "{text} from {start}");
            count += 1;
        }
        assert!(count > 80, "{count}");
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_said() {
        let start: Date = "2026-12-08".parse().unwrap();
        for (text, part) in [
            ("", "`` is no part of a rule"),
            ("every day", "is no part of a rule"),
            ("INTERVAL=2", "does not say how often"),
            ("FREQ=HOURLY", "no frequency of a window"),
            ("FREQ=DAILY;FREQ=DAILY", "twice"),
            ("FREQ=DAILY;INTERVAL=0", "not a number from 1"),
            ("FREQ=MONTHLY;BYDAY=2XX", "is no day of a rule"),
            ("FREQ=MONTHLY;BYDAY=0TU", "is no day of a rule"),
            ("FREQ=MONTHLY;BYDAY=é", "is no day of a rule"),
            ("FREQ=WEEKLY;BYDAY=2TU", "one of a month or a year"),
            ("FREQ=WEEKLY;BYMONTHDAY=1", "a week has no days of the month"),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "there is no 0"),
            ("FREQ=DAILY;BYHOUR=3", "begins when `from` says"),
            ("FREQ=DAILY;BYMONHT=3", "did you mean `BYMONTH`?"),
            ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "not by both"),
            ("FREQ=DAILY;UNTIL=soon", "is no day"),
            ("FREQ=MONTHLY;BYDAY=1TU", "no day of the rule; the next is 2027-01-05"),
            ("FREQ=DAILY;UNTIL=20200101", "it never recurs"),
        ] {
            let wrong = parse(text, start).unwrap_err();
            assert!(wrong.contains(part), "{text}: {wrong}");
        }
    }
}
