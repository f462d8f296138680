//! The lines of an incident's timeline in other languages than that in which they are kept.
//!
//! A timeline is written in English, once, and stays as it was written: its shapes are known here. What has none of
//! these shapes is left as it is.

use jiff::fmt::strtime::BrokenDownTime;

use super::Words;
use crate::model::{Language, SelfFault};

/// A line: what happened, and what engineers are told of it, in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub what: String,
    pub detail: Option<String>,
}

impl From<String> for Happened {
    fn from(what: String) -> Self {
        Self { what, detail: None }
    }
}

/// Lines that are always the same.
const WHOLE: &[(&str, &str)] = &[
    ("Somebody should get up for this", "happened-urgent"),
    ("Everything works again", "happened-recovered"),
    ("No longer watched", "happened-removed"),
    ("Explained by another incident", "happened-merged"),
    ("Nobody is told while it is closed", "happened-hours"),
];

/// How a line begins, what it is about being the rest.
const BEGINS: &[(&str, &str)] = &[
    ("The cause is now ", "happened-cause"),
    ("It hurts the journey: ", "happened-hurts"),
    ("It breaks the journey: ", "happened-breaks"),
    ("Nobody is told: planned work, ", "happened-planned"),
];

/// How it is with a touchpoint, in the board's words.
const STATES: &[(&str, &str)] = &[
    ("down", "happened-down"),
    ("degraded", "happened-degraded"),
    ("flapping", "happened-flapping"),
    ("up", "happened-up"),
    ("unknown", "happened-unknown"),
    ("pending", "happened-pending"),
    ("closed", "happened-closed"),
];

impl Words {
    /// A line of a timeline.
    pub fn happened(&self, line: &str) -> Happened {
        if self.language() == Language::En {
            return line.to_owned().into();
        }
        self.known(line).unwrap_or_else(|| line.to_owned().into())
    }

    /// A line with what engineers are told.
    pub fn in_full(&self, happened: Happened) -> String {
        let Happened { what, detail } = happened;
        let Some(detail) = detail else { return what };
        self.say("happened-detail").with("what", what).with("detail", detail).to_string()
    }

    fn known(&self, line: &str) -> Option<Happened> {
        if let Some((_, key)) = WHOLE.iter().find(|(whole, _)| *whole == line) {
            return Some(self.text(key).into_owned().into());
        }
        for (start, key) in BEGINS {
            if let Some(name) = line.strip_prefix(start) {
                return Some(self.say(key).with("name", name).to_string().into());
            }
        }
        self.happened_to_ourselves(line)
            .or_else(|| self.silenced(line))
            .or_else(|| self.taken(line))
            .or_else(|| self.many(line).or_else(|| self.burning(line)).map(Into::into))
            .or_else(|| self.state_of(line))
    }

    /// "our store refuses to write: disk full"
    fn happened_to_ourselves(&self, line: &str) -> Option<Happened> {
        let (own, rest) = SelfFault::ALL.iter().find_map(|own| Some((*own, line.strip_prefix(own.words())?)))?;
        let detail = rest.strip_prefix(": ").filter(|detail| !detail.is_empty()).map(str::to_owned);
        Some(Happened { what: self.own(own).into_owned(), detail })
    }

    /// "Nobody is told: Anna silenced it until 12:00 on 22 November: we know"
    fn silenced(&self, line: &str) -> Option<Happened> {
        let (by, rest) = line.strip_prefix("Nobody is told: ")?.split_once(" silenced it until ")?;
        let (until, why) = rest.match_indices(": ").find_map(|(place, mark)| {
            let until = BrokenDownTime::parse("%H:%M on %d %B", &rest[..place]).ok()?;
            Some((until.to_string(&*self.text("moment-year")).ok()?, &rest[place + mark.len()..]))
        })?;
        Some(self.say("happened-silenced").with("by", by).with("until", until).with("why", why).to_string().into())
    }

    /// "Anna has it: the database is restarting", "It is worse than what Anna has"
    fn taken(&self, line: &str) -> Option<Happened> {
        if let Some(by) = line.strip_prefix("It is worse than what ").and_then(|rest| rest.strip_suffix(" has")) {
            return Some(self.say("happened-lapsed").with("by", by).to_string().into());
        }
        if let Some(by) = line.strip_suffix(" has it") {
            return Some(self.say("happened-taken").with("by", by).to_string().into());
        }
        let (by, why) = line.split_once(" has it: ")?;
        Some(self.say("happened-taken-why").with("by", by).with("why", why).to_string().into())
    }

    /// "Pay my bill: many small problems break it. Chat takes 3.2 points, App takes 2.0 points"
    fn many(&self, line: &str) -> Option<String> {
        let (title, rest) = line.split_once(": many small problems break it. ")?;
        let takes = |one: &str| {
            let (name, loss) = one.strip_suffix(" points")?.rsplit_once(" takes ")?;
            Some(self.say("happened-takes").with("name", name).with("loss", loss).to_string())
        };
        let names = self.list(rest.split(", ").map(|one| takes(one).unwrap_or_else(|| one.to_owned())));
        Some(self.say("happened-many").with("title", title).with("names", names).to_string())
    }

    /// "Pay my bill loses minutes 20.0 times as fast over an hour and 30.0 times as fast over 5 minutes as its objective
    /// allows"
    fn burning(&self, line: &str) -> Option<String> {
        let (title, rest) = line.split_once(" loses minutes ")?;
        let (long, rest) = rest.split_once(" times as fast over ")?;
        let (hours, rest) = rest.split_once(" and ")?;
        let (short, rest) = rest.split_once(" times as fast over ")?;
        let minutes = rest.strip_suffix(" as its objective allows")?;
        let told = self.say("happened-burning").with("title", title).with("long", long).with("short", short);
        Some(told.with("hours", self.stretch(hours)?).with("minutes", self.stretch(minutes)?).to_string())
    }

    /// "an hour", "5 minutes"
    fn stretch(&self, text: &str) -> Option<String> {
        let (count, unit) = text.split_once(' ')?;
        let count: i64 = if count.starts_with('a') { 1 } else { count.parse().ok()? };
        let key = match unit.trim_end_matches('s') {
            "minute" => "length-minutes",
            "hour" => "length-hours",
            "day" => "length-days",
            _ => return None,
        };
        Some(self.say(key).with("count", count).to_string())
    }

    /// "Bills and payments is down: pay: answers 503", "Bills and payments is up", "`bills` is called `billing` now"
    fn state_of(&self, line: &str) -> Option<Happened> {
        if let Some((was, id)) = line.strip_suffix(" now").and_then(|line| line.split_once(" is called ")) {
            let (was, id) = (was.trim_matches('`'), id.trim_matches('`'));
            return Some(self.say("happened-renamed").with("was", was).with("id", id).to_string().into());
        }
        line.match_indices(" is ").find_map(|(place, mark)| {
            let rest = &line[place + mark.len()..];
            let (word, detail) = rest.split_once(": ").map_or((rest, None), |(word, detail)| (word, Some(detail)));
            let (_, key) = STATES.iter().find(|(state, _)| *state == word)?;
            let what = self.say(key).with("name", &line[..place]).to_string();
            Some(Happened { what, detail: detail.map(str::to_owned) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_is_read_in_chinese() {
        let words = Words::new(Language::Zh);
        for (line, what, detail) in [
            ("Bills and payments is down: pay: answers 503", "「Bills and payments」中断", Some("pay: answers 503")),
            ("What is new is degraded", "「What is new」欠佳", None),
            ("Chat is up", "「Chat」恢复正常", None),
            ("The cause is now Chat", "原因现在是「Chat」", None),
            ("It hurts the journey: Pay my bill", "影响旅程「Pay my bill」", None),
            ("Somebody should get up for this", "需要立即有人处理", None),
            ("Everything works again", "一切恢复正常", None),
            ("Anna has it: the database: restarting", "Anna 正在处理：the database: restarting", None),
            ("李伟 has it", "李伟 正在处理", None),
            ("It is worse than what Anna has", "情况比 Anna 认领时更严重", None),
            (
                "Nobody is told: Anna silenced it until 12:00 on 22 November: moving: two racks",
                "暂停通知：Anna 已静默，至 11月22日 12:00：moving: two racks",
                None,
            ),
            ("Nobody is told: planned work, billing run", "暂停通知：计划维护「billing run」", None),
            ("Nobody is told while it is closed", "非营业时间，暂停通知", None),
            ("`bills` is called `billing` now", "`bills` 现更名为 `billing`", None),
            ("our store refuses to write: disk full", "我们的存储拒绝写入", Some("disk full")),
            (
                "Pay my bill: many small problems break it. Chat takes 3.2 points, App takes 2.0 points",
                "「Pay my bill」因许多小问题而受损：「Chat」扣 3.2 分、「App」扣 2.0 分",
                None,
            ),
            (
                "Pay my bill loses minutes 20.0 times as fast over an hour and 30.5 times as fast over 5 minutes as its \
                 objective allows",
                "「Pay my bill」的损失速度：1 小时内为目标所允许的 20.0 倍，5 分钟内为 30.5 倍",
                None,
            ),
            ("Something else", "Something else", None),
        ] {
            assert_eq!(words.happened(line), Happened { what: what.into(), detail: detail.map(str::to_owned) });
            assert_eq!(Words::new(Language::En).happened(line), Happened::from(line.to_owned()));
        }
    }
}
