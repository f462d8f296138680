//! A recurrence rule over whole days (RFC 5545, section 3.3.10), as a question: does it recur on this day?
//!
//! Times of day, years' days and weeks' numbers are not in it: what recurs is a window, and it begins at one time.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// `FREQ=MONTHLY;BYDAY=2TU` and its like, from a first day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub start: Date,
    pub every: Frequency,
    /// Every so many days, weeks, months or years; at least 1.
    pub interval: i32,
    /// The last day, if there is one.
    pub until: Option<Date>,
    /// 1..=12; all, if empty.
    pub months: Vec<i8>,
    /// 1..=31, or from the month's end: -1 is the last day.
    pub month_days: Vec<i8>,
    /// The so-manieth of the month or year, from the end if below zero; 0: every one.
    pub weekdays: Vec<(i8, Weekday)>,
    /// Of the days of one period that fit, the so-manieth; from the end if below zero.
    pub positions: Vec<i16>,
    pub week_start: Weekday,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Rule {
    /// Every day from the first on.
    pub const fn daily(start: Date) -> Self {
        Self {
            start,
            every: Frequency::Daily,
            interval: 1,
            until: None,
            months: Vec::new(),
            month_days: Vec::new(),
            weekdays: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Monday,
        }
    }

    pub fn occurs(&self, day: Date) -> bool {
        day >= self.start
            && self.until.is_none_or(|until| day <= until)
            && self.is_in_turn(day)
            && self.fits(day)
            && self.is_in_position(day)
    }

    fn is_in_turn(&self, day: Date) -> bool {
        let periods = match self.every {
            Frequency::Daily => days(self.start, day),
            Frequency::Weekly => days(self.week_of(self.start), self.week_of(day)) / 7,
            Frequency::Monthly => months(day) - months(self.start),
            Frequency::Yearly => i32::from(day.year()) - i32::from(self.start.year()),
        };
        periods.rem_euclid(self.interval.max(1)) == 0
    }

    fn fits(&self, day: Date) -> bool {
        if !self.months.is_empty() && !self.months.contains(&day.month()) {
            return false;
        }
        if self.month_days.is_empty() && self.weekdays.is_empty() {
            return match self.every {
                Frequency::Daily => true,
                Frequency::Weekly => day.weekday() == self.start.weekday(),
                Frequency::Monthly => day.day() == self.start.day(),
                Frequency::Yearly => {
                    let month = !self.months.is_empty() || day.month() == self.start.month();
                    month && day.day() == self.start.day()
                }
            };
        }
        let from_end = day.day() - day.days_in_month() - 1;
        let of_month = || self.month_days.iter().any(|number| *number == day.day() || *number == from_end);
        let of_week = || self.weekdays.iter().any(|(number, weekday)| self.is_nth(day, *number, *weekday));
        (self.month_days.is_empty() || of_month()) && (self.weekdays.is_empty() || of_week())
    }

    fn is_nth(&self, day: Date, number: i8, weekday: Weekday) -> bool {
        if day.weekday() != weekday {
            return false;
        }
        // Of a year without months, ordinals count through the year.
        let (place, length) = if self.every == Frequency::Yearly && self.months.is_empty() {
            (day.day_of_year(), day.days_in_year())
        } else {
            (i16::from(day.day()), i16::from(day.days_in_month()))
        };
        let number = i16::from(number);
        number == 0 || number == (place - 1) / 7 + 1 || number == -((length - place) / 7 + 1)
    }

    fn is_in_position(&self, day: Date) -> bool {
        if self.positions.is_empty() {
            return true;
        }
        let (first, length) = match self.every {
            Frequency::Daily => (day, 1),
            Frequency::Weekly => (self.week_of(day), 7),
            Frequency::Monthly => (day.first_of_month(), i32::from(day.days_in_month())),
            Frequency::Yearly => (day.first_of_year(), i32::from(day.days_in_year())),
        };
        let period = (0..length).filter_map(|offset| first.checked_add(offset.days()).ok());
        let fitting: Vec<Date> = period.filter(|day| self.fits(*day)).collect();
        let Some(place) = fitting.iter().position(|fits| *fits == day) else { return false };
        let number = |place: usize| i16::try_from(place).unwrap_or(i16::MAX);
        let (front, back) = (number(place) + 1, number(place) - number(fitting.len()));
        self.positions.iter().any(|position| *position == front || *position == back)
    }

    /// The day with which the week of this day begins.
    fn week_of(&self, day: Date) -> Date {
        day.saturating_sub(i32::from(day.weekday().since(self.week_start)).days())
    }
}

fn days(from: Date, to: Date) -> i32 {
    i32::try_from(to.duration_since(from).as_hours() / 24).unwrap_or(i32::MAX)
}

fn months(day: Date) -> i32 {
    i32::from(day.year()) * 12 + i32::from(day.month())
}
