//! Moments, lengths of time and shares, as people of a language write them.

use std::borrow::Cow;
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::Words;
use crate::units::Period;

impl Words {
    /// A moment as a clock on the wall shows it: `09:40`, `yesterday 21:10`, `19 Nov 21:10`.
    pub fn moment(&self, at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
        let (then, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
        let yesterday = today.date().yesterday().ok();
        let format = if then.date() == today.date() {
            "moment-today"
        } else if Some(then.date()) == yesterday {
            "moment-yesterday"
        } else if then.year() == today.year() {
            "moment-year"
        } else {
            "moment-ever"
        };
        then.strftime(&*self.text(format)).to_string()
    }

    /// A moment to come, with its day unless that is today.
    pub fn moment_ahead(&self, at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
        let (then, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
        let format = if then.date() == today.date() { "moment-today" } else { "moment-year" };
        then.strftime(&*self.text(format)).to_string()
    }

    /// What a day of the week is called.
    pub fn weekday(&self, at: &Zoned) -> Cow<'_, str> {
        self.text(match at.weekday() {
            Weekday::Monday => "weekday-monday",
            Weekday::Tuesday => "weekday-tuesday",
            Weekday::Wednesday => "weekday-wednesday",
            Weekday::Thursday => "weekday-thursday",
            Weekday::Friday => "weekday-friday",
            Weekday::Saturday => "weekday-saturday",
            Weekday::Sunday => "weekday-sunday",
        })
    }

    /// A day, in UTC: `19 Nov 2026`.
    pub fn date(&self, at: Timestamp) -> String {
        at.strftime(&*self.text("moment-date")).to_string()
    }

    /// A length of time as people say it.
    pub fn length(&self, from: Timestamp, to: Timestamp) -> String {
        let minutes = to.duration_since(from).as_mins().max(0);
        let (key, count) = match minutes {
            0 => return self.text("length-moment").into_owned(),
            1..120 => ("length-minutes", minutes),
            120..2880 => ("length-hours", minutes / 60),
            _ => ("length-days", minutes / 1440),
        };
        self.say(key).with("count", count).to_string()
    }

    /// How long something has lasted: `12 min`, `3 h 5 min`, `4 days`.
    pub fn lasted(&self, from: Timestamp, to: Timestamp) -> String {
        let seconds = to.duration_since(from).as_secs().max(0);
        let one = |key: &'static str, count: i64| self.say(key).with("count", count).to_string();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => one("lasted-seconds", seconds),
            (0, 0, minutes) => one("lasted-minutes", minutes),
            (0, hours, 0) => one("lasted-hours", hours),
            (0, hours, minutes) => {
                self.say("lasted-hours-minutes").with("hours", hours).with("minutes", minutes).to_string()
            }
            (1, 1.., _) => self.say("lasted-days-hours").with("days", days).with("hours", hours).to_string(),
            _ => one("length-days", days),
        }
    }

    /// The same of a length by itself.
    pub fn spell(&self, length: SignedDuration) -> String {
        self.lasted(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH.saturating_add(length).unwrap_or(Timestamp::MAX))
    }

    /// A measured time: `640 ms`, `3.2 s`.
    pub fn took(&self, took: Duration) -> String {
        let millis = took.as_secs_f64() * 1000.0;
        let (key, number) = if millis < 10.0 {
            ("took-milliseconds", format!("{millis:.1}"))
        } else if millis < 1000.0 {
            ("took-milliseconds", format!("{millis:.0}"))
        } else {
            ("took-seconds", format!("{:.1}", millis / 1000.0))
        };
        self.say(key).with("number", number).to_string()
    }

    /// A share as per cent: never rounded up to a perfect 100.
    pub fn percent(&self, share: f64) -> String {
        let tenths = (share * 1000.0 + 1e-6).floor() / 10.0;
        let number =
            if (tenths - tenths.round()).abs() < 0.05 { format!("{tenths:.0}") } else { format!("{tenths:.1}") };
        self.say("percent").with("number", number).to_string()
    }

    /// A length of time as the configuration writes it: `30s`, `1h30m`.
    pub fn period(&self, period: Period) -> String {
        let parts = period.parts().into_iter();
        let told = parts.map(|(count, unit)| self.say(&format!("period-{unit}")).with("count", count).to_string());
        told.collect::<Vec<_>>().join(&self.text("period-and"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn quantities_are_honest_and_short() {
        let say = |language| {
            let words = Words::new(language);
            let from = Timestamp::UNIX_EPOCH;
            let lasted = |seconds| words.lasted(from, Timestamp::from_second(seconds).expect("a time"));
            let length = |seconds| words.length(from, Timestamp::from_second(seconds).expect("a time"));
            [
                words.percent(1.0),
                words.percent(0.9999),
                words.took(Duration::from_micros(1240)),
                words.took(Duration::from_millis(640)),
                words.took(Duration::from_millis(3240)),
                lasted(59),
                lasted(60),
                lasted(11_100),
                lasted(7200),
                lasted(90_000),
                lasted(86_400),
                lasted(400_000),
                length(59),
                length(60),
                length(7140),
                length(7200),
                length(172_800),
                words.period(Period::from_secs(5400)),
                words.period(Period::from_millis(250)),
            ]
        };
        assert_eq!(
            say(Language::En).join(" | "),
            "100 % | 99.9 % | 1.2 ms | 640 ms | 3.2 s | 59 s | 1 min | 3 h 5 min | 2 h | 1 day 1 h | 1 day | 4 days | \
             less than a minute | 1 minute | 119 minutes | 2 hours | 2 days | 1h30m | 250ms"
        );
        assert_eq!(
            say(Language::Zh).join(" | "),
            "100% | 99.9% | 1.2 毫秒 | 640 毫秒 | 3.2 秒 | 59 秒 | 1 分钟 | 3 小时 5 分钟 | 2 小时 | 1 天 1 小时 | 1 天 | 4 天 | \
             不到一分钟 | 1 分钟 | 119 分钟 | 2 小时 | 2 天 | 1 小时 30 分钟 | 250 毫秒"
        );
    }

    #[test]
    fn moments_are_told_as_a_language_tells_them() {
        let zone = TimeZone::get("Europe/Berlin").expect("a known zone");
        let now = at("2026-11-21T09:00:00Z");
        let say = |language| {
            let words = Words::new(language);
            let past = ["2026-11-21T08:40:00Z", "2026-11-20T20:10:00Z", "2026-03-02T20:10:00Z", "2025-12-31T23:30:00Z"];
            let past = past.map(|moment| words.moment(at(moment), now, &zone)).join(" | ");
            let ahead = ["2026-11-21T11:00:00Z", "2026-11-22T11:00:00Z"];
            let ahead = ahead.map(|moment| words.moment_ahead(at(moment), now, &zone)).join(" | ");
            format!("{past} | {ahead} | {}", words.date(now))
        };
        assert_eq!(
            say(Language::En),
            "09:40 | yesterday 21:10 | 2 Mar 21:10 | 1 Jan 00:30 | 12:00 | 22 Nov 12:00 | 21 Nov 2026"
        );
        assert_eq!(
            say(Language::Zh),
            "09:40 | 昨天 21:10 | 3月2日 21:10 | 1月1日 00:30 | 12:00 | 11月22日 12:00 | 2026年11月21日"
        );
        let old = |language| Words::new(language).moment(at("2025-03-02T20:10:00Z"), now, &zone);
        assert_eq!(
            (old(Language::En).as_str(), old(Language::Zh).as_str()),
            ("2 Mar 2025 21:10", "2025年3月2日 21:10")
        );
    }
}
