//! What an expectation wanted and what it found, as our own words for both say it. Values stay as they are.

use std::borrow::Cow;

use super::Words;
use crate::model::Language;

/// What begins with one of these is ours; the value follows.
const BEGINS: &[(&str, &str)] = &[
    ("containing ", "wanted-containing"),
    ("matching ", "wanted-matching"),
    ("above ", "wanted-above"),
    ("below ", "wanted-below"),
    ("one of ", "wanted-one-of"),
];
/// What goes on with another expectation.
const LEADS: &[(&str, &str)] = &[("not ", "wanted-not"), ("length ", "wanted-length")];
const WHOLE: &[(&str, &str)] = &[
    ("nothing", "wanted-nothing"),
    ("something", "wanted-something"),
    ("no elements", "wanted-no-elements"),
    ("an empty text", "wanted-empty"),
    ("to be there", "wanted-there"),
];

impl Words {
    /// "below 20" in the reader's language.
    pub fn wanted<'a>(&'a self, text: &'a str) -> Cow<'a, str> {
        if self.language() == Language::En {
            return text.into();
        }
        let begins = |(start, key): &(&'static str, &'static str)| Some((*key, text.strip_prefix(start)?));
        if let Some((_, key)) = WHOLE.iter().find(|(whole, _)| *whole == text) {
            return self.text(key);
        }
        if let Some((low, high)) = text.strip_prefix("between ").and_then(|rest| rest.split_once(" and ")) {
            return self.say("wanted-between").with("low", low).with("high", high).to_string().into();
        }
        if let Some((key, value)) = BEGINS.iter().find_map(begins) {
            return self.say(key).with("value", value).to_string().into();
        }
        match LEADS.iter().find_map(begins) {
            Some((key, rest)) => self.say(key).with("value", self.wanted(rest)).to_string().into(),
            None => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_words_are_told_from_values() {
        let words = Words::new(Language::Zh);
        for (text, told) in [
            ("29.99", "29.99"),
            ("below 20", "低于 20"),
            ("between 1 and 5", "介于 1 与 5 之间"),
            ("not containing `Sorry`", "不应：包含 `Sorry`"),
            ("length above 3", "长度：高于 3"),
            ("nothing", "无"),
            ("nothing at all", "nothing at all"),
        ] {
            assert_eq!(words.wanted(text), told);
            assert_eq!(Words::new(Language::En).wanted(text), text);
        }
    }
}
