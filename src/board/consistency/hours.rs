//! Opening hours as people write them: `Mo-Fr 9-18`, `Mon..Fri 09:00-18:00`, `Montag bis Freitag 9-18 Uhr`.

use super::agree::plain;

const DAY: u16 = 24 * 60;
const WEEK: u16 = 7 * DAY;

/// Minutes of the week, Monday 00:00 first; sorted, joined, half open.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hours(Vec<(u16, u16)>);

/// Beginnings of the names of days, in English, German and Chinese; the first that fits counts.
const DAYS: &[(&str, u16)] = &[
    ("mo", 0),
    ("tu", 1),
    ("di", 1),
    ("we", 2),
    ("mi", 2),
    ("th", 3),
    ("do", 3),
    ("fr", 4),
    ("sa", 5),
    ("su", 6),
    ("so", 6),
    ("周一", 0),
    ("周二", 1),
    ("周三", 2),
    ("周四", 3),
    ("周五", 4),
    ("周六", 5),
    ("周日", 6),
    ("周天", 6),
];
const EVERY_DAY: &[&str] = &["daily", "every", "everyday", "täglich", "每天"];
const UNTIL: &[&str] = &["to", "bis", "until", "through", "-", "至", "到"];
/// Words between a time and the next thing that say nothing.
const PASSED_OVER: &[&str] = &["uhr", "h", "from", "von", "open", "and", "und", "&", "day"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Day(u16),
    EveryDay,
    /// Minutes of the day.
    Time(u16),
    Until,
    Next,
}

impl Hours {
    /// `None` where this is something else: hours name at least one day, and at least one span of time.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = plain(text);
        if matches!(text.as_str(), "24/7" | "24x7") {
            return Some(Self(vec![(0, WEEK)]));
        }
        let tokens = tokens(&text)?;
        let mut spans = Vec::new();
        let mut days: Vec<u16> = Vec::new();
        let mut named = false;
        let mut at = 0;
        while at < tokens.len() {
            match (tokens[at], tokens.get(at + 1), tokens.get(at + 2)) {
                (Token::Time(from), Some(Token::Until), Some(Token::Time(to))) => {
                    if days.is_empty() {
                        return None;
                    }
                    for day in &days {
                        add(&mut spans, *day, from, *to);
                    }
                    named = false;
                    at += 3;
                }
                (Token::Day(from), Some(Token::Until), Some(Token::Day(to))) => {
                    begin(&mut days, &mut named);
                    days.extend((0..=(to + 7 - from) % 7).map(|day| (from + day) % 7));
                    at += 3;
                }
                (Token::Day(day), ..) => {
                    begin(&mut days, &mut named);
                    days.push(day);
                    at += 1;
                }
                (Token::EveryDay, ..) => {
                    begin(&mut days, &mut named);
                    days.extend(0..7);
                    at += 1;
                }
                (Token::Next, ..) => at += 1,
                _ => return None,
            }
        }
        // Days without times at the end say nothing that could be compared.
        (!spans.is_empty() && !named).then(|| Self(joined(spans)))
    }
}

/// Days after a span of time begin a new list of them.
fn begin(days: &mut Vec<u16>, named: &mut bool) {
    if !*named {
        days.clear();
        *named = true;
    }
}

/// A span that ends before it begins goes on into the next day.
fn add(spans: &mut Vec<(u16, u16)>, day: u16, from: u16, to: u16) {
    let (from, to) = (day * DAY + from, day * DAY + if to <= from { to + DAY } else { to });
    if to <= WEEK {
        spans.push((from, to));
    } else {
        // Sunday 24:00 is Monday already.
        spans.extend([(from, WEEK), (0, to - WEEK)].into_iter().filter(|(from, to)| from < to));
    }
}

fn joined(mut spans: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    spans.sort_unstable();
    let mut out: Vec<(u16, u16)> = Vec::new();
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let spaced = text.replace("..", "-").replace('星', "").replace('期', "周");
    let mut out = Vec::new();
    let mut rest = spaced.as_str();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '-' | '至' | '到' => first.len_utf8(),
            // A Chinese day is two characters, whatever follows.
            '周' | '每' => rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at),
            c if c.is_ascii_digit() => {
                rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(rest.len())
            }
            c if c.is_alphabetic() || c == '&' => {
                let ends = |c: char| !(c.is_alphabetic() || c == '&') || matches!(c, '周' | '每' | '至' | '到');
                rest.find(ends).unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length.max(first.len_utf8()));
        rest = after;
        let (known, behind) = token(word, rest)?;
        out.extend(known);
        rest = &rest[behind..];
    }
    Some(out)
}

/// The token, and how much behind the word belongs to it.
fn token(word: &str, after: &str) -> Option<(Option<Token>, usize)> {
    let is_day = |(name, _): &&(&str, u16)| word.starts_with(name);
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let blank = after.len() - after.trim_start().len();
        let half = after.trim_start();
        let (half, taken) = match half.get(..2) {
            Some("am") => (Some(0), blank + 2),
            Some("pm") => (Some(12), blank + 2),
            _ => (None, 0),
        };
        return Some((Some(Token::Time(time(word, half)?)), taken));
    }
    let token = if UNTIL.contains(&word) {
        Token::Until
    } else if EVERY_DAY.contains(&word) {
        Token::EveryDay
    } else if PASSED_OVER.contains(&word) || word.trim().is_empty() || word == ":" {
        return Some((None, 0));
    } else if matches!(word, "," | ";" | "/" | "|" | ".") {
        Token::Next
    } else {
        Token::Day(DAYS.iter().find(is_day)?.1)
    };
    Some((Some(token), 0))
}

/// `9`, `09:00`, `9.30`, `24`; `half` is what am and pm add.
fn time(word: &str, half: Option<u16>) -> Option<u16> {
    let word = word.trim_end_matches([':', '.']);
    let (hour, minute) = word.split_once([':', '.']).unwrap_or((word, "0"));
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = match half {
        Some(_) if hour == 0 || hour > 12 => return None,
        Some(half) => hour % 12 + half,
        None => hour,
    };
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_from_other_texts() {
        assert_eq!(Hours::read("Sa 10-14"), Some(Hours(vec![(5 * DAY + 600, 5 * DAY + 840)])));
        assert_eq!(Hours::read("So 22-2"), Some(Hours(vec![(0, 120), (6 * DAY + 1320, WEEK)])));
        assert_eq!(Hours::read("So 24-2"), Some(Hours(vec![(0, 120)])));
        assert_eq!(Hours::read("Mo, We 12 am - 12 pm"), Some(Hours(vec![(0, 720), (2 * DAY, 2 * DAY + 720)])));
        for text in
            ["", "9-18", "Mo-Fr", "Sale 10-14", "Mo 25-26", "Mo 9", "Mo 9:75-10", "Anna", "30 days", "-", "Mo 13pm-14"]
        {
            // "Sale" begins like a Saturday: hours are compared only with hours, so it would do no harm.
            assert!(Hours::read(text).is_none() || text.starts_with("Sale"), "{text}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn hours_lie_in_a_week_and_never_twice() {
        let corpus: &[&[u8]] = &[
            b"Mo-Fr 9-18, Sa 10:00-14:30",
            b"Mon..Fri 09:00 am to 6 pm; Sun 22-2",
            "\u{661f}\u{671f}\u{4e00}\u{81f3}\u{5468}\u{4e94} 9:00-18:00 \u{6bcf}\u{5929} 8-20".as_bytes(),
            b"daily 0-24 | 24/7",
        ];
        for input in Bent::of(3000, corpus) {
            let text = String::from_utf8_lossy(&input);
            let Some(Hours(spans)) = Hours::read(&text) else { continue };
            assert!(
                !spans.is_empty() && spans.iter().all(|(from, to)| from < to && *to <= WEEK),
                "{text:?}: {spans:?}"
            );
            assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "{text:?}: {spans:?}");
        }
    }
}
