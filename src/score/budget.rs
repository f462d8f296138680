//! How fast a journey uses up what its objective allows. Pure: time is a number of minutes.
//!
//! "99 over 30d" allows a hundredth of the journey-minutes to be lost. A burn rate of 1 uses exactly that. An alert needs a
//! long window, so that a blip is none, and a short one, so that it ends soon after the loss does (Google, "The Site
//! Reliability Workbook", chapter 5, with its figures).

use std::collections::VecDeque;

use crate::model::{Burn, Severity};

/// Minutes that are remembered: the longest window.
pub const KEPT: i64 = 3 * DAY;
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// Burning so many times as fast as allowed, over both windows (minutes), is told like this.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rule {
    factor: f64,
    long: i64,
    short: i64,
    severity: Severity,
}

const RULES: [Rule; 4] = [
    Rule { factor: 14.4, long: HOUR, short: 5, severity: Severity::Page },
    Rule { factor: 6.0, long: 6 * HOUR, short: 30, severity: Severity::Page },
    Rule { factor: 3.0, long: DAY, short: 2 * HOUR, severity: Severity::Ticket },
    Rule { factor: 1.0, long: 3 * DAY, short: 6 * HOUR, severity: Severity::Ticket },
];

/// What was lost in each of the last three days' minutes, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The part of the time that may be lost, above 0.
    spare: f64,
    /// The minute of the first entry.
    first: i64,
    /// Lost minutes, 0..=1; NaN for a minute in which nobody watched.
    lost: VecDeque<f32>,
}

impl Budget {
    /// `target` is per cent, below 100.
    pub fn new(target: f64) -> Self {
        Self { spare: (1.0 - target / 100.0).max(f64::EPSILON), first: 0, lost: VecDeque::new() }
    }

    /// Takes what was lost of one minute, 0..=1; the minutes between are unknown until somebody says otherwise. Saying
    /// it twice changes nothing.
    pub fn set(&mut self, minute: i64, lost: f64) {
        let lost = lost.clamp(0.0, 1.0) as f32;
        let next = self.end();
        if self.lost.is_empty() || minute >= next + KEPT {
            self.lost.clear();
            self.first = minute;
            self.lost.push_back(lost);
            return;
        }
        if minute < next - KEPT {
            return;
        }
        while self.first > minute {
            self.lost.push_front(f32::NAN);
            self.first -= 1;
        }
        while self.end() <= minute {
            self.lost.push_back(f32::NAN);
        }
        self.lost[(minute - self.first) as usize] = lost;
        while self.end() - self.first > KEPT {
            self.lost.pop_front();
            self.first += 1;
        }
    }

    /// The minute after the last known one.
    fn end(&self) -> i64 {
        self.first + i64::try_from(self.lost.len()).unwrap_or(i64::MAX)
    }

    /// Minutes lost and minutes unknown among the `window` minutes before `now`. Before the first known one nothing was
    /// lost, and nothing is unknown.
    fn sum(&self, window: i64, now: i64) -> (f64, i64) {
        let from = (now - window).max(self.first);
        let known = (now.min(self.end()) - from).max(0);
        let later = (now - from - known).max(0);
        let mut sum = (0.0, if self.lost.is_empty() { 0 } else { later });
        for lost in self.lost.iter().skip((from - self.first) as usize).take(known as usize) {
            if lost.is_nan() {
                sum.1 += 1;
            } else {
                sum.0 += f64::from(*lost);
            }
        }
        sum
    }

    /// How many times as fast as allowed minutes were lost in the `window` minutes before `now`. What is unknown is not
    /// counted as lost.
    pub fn burn(&self, window: i64, now: i64) -> f64 {
        self.sum(window, now).0 / (window as f64 * self.spare)
    }

    /// The same of the minutes that are known: what was not watched has not recovered. None if none is known.
    fn burn_of_known(&self, window: i64, now: i64) -> Option<f64> {
        let (lost, unknown) = self.sum(window, now);
        let known = window - unknown;
        (known > 0).then(|| lost / (known as f64 * self.spare))
    }

    /// What the burning of this moment deserves, if anything.
    pub fn alarm(&self, now: i64) -> Option<Severity> {
        let fires = |rule: &&Rule| [rule.long, rule.short].iter().all(|window| self.burn(*window, now) >= rule.factor);
        RULES.iter().filter(fires).map(|rule| rule.severity).max()
    }

    /// No rule fires, nor would one if what was not watched was like the rest.
    pub fn is_calm(&self, now: i64) -> bool {
        let burns = |window: i64, factor: f64| self.burn_of_known(window, now).is_none_or(|burn| burn >= factor);
        !RULES.iter().any(|rule| burns(rule.long, rule.factor) && burns(rule.short, rule.factor))
    }

    /// Every rule's windows now.
    pub fn burns(&self, now: i64) -> Vec<Burn> {
        let burn = |rule: &Rule| Burn {
            factor: rule.factor,
            severity: rule.severity,
            long: (rule.long, self.burn(rule.long, now)),
            short: (rule.short, self.burn(rule.short, now)),
        };
        RULES.iter().map(burn).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 29_000_000;

    /// 99 %: `minutes` before `NOW` lost `each`, the three days before them nothing.
    fn after(minutes: i64, each: f64) -> Budget {
        let mut budget = Budget::new(99.0);
        (NOW - KEPT..NOW - minutes).for_each(|minute| budget.set(minute, 0.0));
        (NOW - minutes..NOW).for_each(|minute| budget.set(minute, each));
        budget
    }

    #[test]
    fn vectors() {
        let page = Some(Severity::Page);
        let ticket = Some(Severity::Ticket);
        // Everything down: 14.4 % of the hour are 8.64 minutes.
        assert_eq!(after(8, 1.0).alarm(NOW), None);
        assert_eq!(after(9, 1.0).alarm(NOW), page);
        // 14.4 times the allowed hundredth for an hour, and a little less: six hours of it are 21.6 minutes.
        assert_eq!(after(60, 0.145).alarm(NOW), page);
        assert_eq!(after(60, 0.143).alarm(NOW), None);
        assert_eq!(after(152, 0.143).alarm(NOW), page);
        // Three times as fast for a day, as fast as allowed for three days.
        assert_eq!(after(1440, 0.031).alarm(NOW), ticket);
        assert_eq!(after(4320, 0.0101).alarm(NOW), ticket);
        assert_eq!(after(4320, 0.0099).alarm(NOW), None);
        assert!((after(60, 0.5).burn(60, NOW) - 50.0).abs() < 1e-4);
    }

    #[test]
    fn it_ends_soon_after_the_loss_and_not_by_a_gap() {
        let mut budget = after(20, 1.0);
        assert_eq!(budget.alarm(NOW), Some(Severity::Page));
        assert!(!budget.is_calm(NOW));
        // Nobody watched for ten minutes.
        assert!(!budget.is_calm(NOW + 10), "what was not watched has not recovered");
        // Well again: five minutes, half an hour, and six hours decide one after the other.
        (NOW + 10..NOW + 30).for_each(|minute| budget.set(minute, 0.0));
        assert_eq!(budget.alarm(NOW + 30), None, "20 of 4320 minutes are fewer than a hundredth");
        assert!(budget.is_calm(NOW + 30));
    }

    #[test]
    fn a_journey_that_is_new_is_calm() {
        assert!(Budget::new(99.0).is_calm(NOW));
        let mut budget = Budget::new(99.0);
        (NOW - 60..NOW).for_each(|minute| budget.set(minute, 0.02));
        assert!(budget.is_calm(NOW), "an hour at twice the rate is little of three days");
    }

    fn minutes() -> impl Strategy<Value = Vec<(i64, f64)>> {
        prop::collection::vec((NOW - KEPT - 100..NOW, 0.0..=1.0_f64), 0..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

        #[test]
        fn laws(minutes in minutes(), more in 0.0..=1.0_f64, window in 1..KEPT) {
            let mut budget = Budget::new(99.5);
            for (minute, lost) in &minutes {
                budget.set(*minute, *lost);
            }
            let burn = budget.burn(window, NOW);
            prop_assert!((0.0..=200.0 + 1e-6).contains(&burn), "{burn}");
            // What alarms is not calm.
            prop_assert!(budget.alarm(NOW).is_none() || !budget.is_calm(NOW));
            // Saying it again in another order changes nothing, as long as nothing is contradicted.
            let mut last = std::collections::BTreeMap::new();
            last.extend(minutes.iter().copied());
            let mut again = Budget::new(99.5);
            for (minute, lost) in last.iter().rev().chain(&last) {
                again.set(*minute, *lost);
            }
            prop_assert!((again.burn(window, NOW) - burn).abs() < 1e-9);
            // More loss never burns less.
            let mut worse = budget.clone();
            worse.set(NOW - 1, more.max(last.get(&(NOW - 1)).copied().unwrap_or(0.0)));
            prop_assert!(worse.burn(window, NOW) >= burn - 1e-9);
        }
    }
}
