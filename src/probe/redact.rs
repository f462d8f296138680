//! Nothing secret leaves a run, and nothing endless.

mod needles;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use smol_str::SmolStr;

use needles::Needles;

use super::Stop;
use crate::model::Fault;

/// What stands for a secret.
const MASK: &str = "•••";
/// Shorter values are not hidden: replacing every `1` would hide more of the fault than of the secret.
const SECRET_CHARS_MIN: usize = 3;
/// Nobody's session is named by less, or by one word of at most so many letters.
const SESSION_CHARS_MIN: usize = 8;
const WORD_CHARS_MAX: usize = 12;
/// Characters of a fault's text and of its excerpt, and of each side of its evidence.
const FAULT_CHARS_MAX: usize = 300;
const EVIDENCE_CHARS_MAX: usize = 200;
/// Values hidden in one run; and of those that servers bring, as many as they like.
const SECRETS_MAX: usize = 512;
const FOUND_MAX: usize = 256;
/// In which each of them travels.
const FORMS: usize = 8;
/// Characters of one text that are looked at: a text of nothing but secrets ends here.
const LOOKED_AT_MAX: usize = 64 << 10;

/// What scripts leave as it is (ECMA-262, `encodeURIComponent`).
const COMPONENT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The values that must not be shown, in every form in which they travel.
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Needles,
}

/// What a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finds {
    Secret,
    Nothing,
}

impl Redactor {
    /// Hides what a server keeps a customer by: a cookie that scripts may not read. Such cookies keep a language or a
    /// currency, too, and hiding `EUR` would hide the price that is wrong.
    pub fn hide_session(&mut self, value: &str) {
        let is_one = |is: fn(&u8) -> bool| value.bytes().all(|byte| is(&byte));
        let is_word = is_one(u8::is_ascii_lowercase) || is_one(u8::is_ascii_uppercase);
        if value.len() >= SESSION_CHARS_MIN && !(is_word && value.len() <= WORD_CHARS_MAX) {
            self.hide_found(value);
        }
    }

    /// Hides a value that a server brought: however many it brings, there is room for those that we make.
    pub fn hide_found(&mut self, value: &str) {
        self.hide_within(value, FOUND_MAX);
    }

    /// Hides a value, also percent-encoded, JSON-escaped and in base64.
    pub fn hide(&mut self, value: &str) {
        self.hide_within(value, SECRETS_MAX);
    }

    fn hide_within(&mut self, value: &str, most: usize) {
        if is_short(value) || self.hidden().len() >= most * FORMS {
            return;
        }
        let json = serde_json::Value::from(value).to_string();
        let forms: [String; FORMS] = [
            value.to_owned(),
            // As it stands in a text whose blanks were drawn together.
            value.split_whitespace().collect::<Vec<_>>().join(" "),
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string(),
            percent_encoding::utf8_percent_encode(value, COMPONENT).to_string(),
            // As a browser sends a form, and as `URLSearchParams` writes it.
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            json[1..json.len() - 1].to_owned(),
            BASE64_STANDARD.encode(value).trim_end_matches('=').to_owned(),
            BASE64_URL_SAFE_NO_PAD.encode(value),
        ];
        self.needles.add(forms.into_iter().filter(|form| !is_short(form)));
    }

    /// Every value that is hidden, in each of its forms.
    pub(super) fn hidden(&self) -> &[String] {
        self.needles.all()
    }

    /// Whether `text` holds a hidden value, in any form.
    pub(super) fn finds(&self, text: &str) -> Finds {
        if self.hidden().iter().any(|needle| text.contains(needle.as_str())) { Finds::Secret } else { Finds::Nothing }
    }

    /// Like [`Redactor::clip`], but keeps what is short and plain as it is: most facts of most runs are.
    pub fn clip_own(&self, text: SmolStr, chars: usize) -> SmolStr {
        let plain = self.hidden().is_empty() && text.len() <= chars && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        if plain { text } else { self.clip(&text, chars).into() }
    }

    /// `text` without secrets and control characters, at most `chars` long.
    pub fn clip(&self, text: &str, chars: usize) -> String {
        let mut shown: Vec<char> = Vec::new();
        // Up to here what stands in the text belongs to a secret.
        let mut hidden = 0;
        // Where somebody has cut the text off: what stands before that may be the beginning of a secret.
        let mut cut = text.find('…').unwrap_or(text.len());
        for (looked_at, (at, c)) in text.char_indices().enumerate() {
            if at >= cut {
                cut = text[at..]
                    .char_indices()
                    .skip(1)
                    .find(|(_, c)| *c == '…')
                    .map_or(text.len(), |(next, _)| at + next);
            }
            if shown.len() > chars || looked_at == LOOKED_AT_MAX {
                shown.truncate(chars);
                shown.pop();
                shown.push('…');
                break;
            }
            // The whole text is compared, so that a secret goes as a whole wherever the end falls.
            let rest = &text[at..];
            let secret = self.secret(rest, &text[at..cut]);
            if at >= hidden {
                match secret {
                    Some(_) => shown.extend(MASK.chars()),
                    None => shown.push(visible(c)),
                }
            }
            hidden = secret.map_or(hidden, |secret| hidden.max(at + secret));
        }
        shown.into_iter().collect()
    }

    /// Bytes at the beginning of `rest` that belong to a secret: also to one in whose middle the text was cut off, at its
    /// end or where `uncut` ends.
    fn secret(&self, rest: &str, uncut: &str) -> Option<usize> {
        let begun = |text: &&str| text.len() >= SECRET_CHARS_MIN && self.needles.goes_on(text);
        let cut_off = [rest, uncut].into_iter().find(begun).map(str::len);
        cut_off.max(self.needles.beginning(rest))
    }
}

impl Redactor {
    /// Bounded, without secrets, and with the step's name.
    pub(super) fn fault(&self, mut fault: Fault, step: &str) -> Fault {
        if let Some(evidence) = &mut fault.evidence {
            for text in [&mut evidence.of, &mut evidence.expected, &mut evidence.found] {
                *text = self.clip(text, EVIDENCE_CHARS_MAX);
            }
            if fault.text.is_empty() {
                fault.text = format!("{}: expected {}, found {}", evidence.of, evidence.expected, evidence.found);
            }
        }
        fault.text = self.clip(&fault.text, FAULT_CHARS_MAX);
        fault.excerpt = fault.excerpt.map(|excerpt| self.clip(&excerpt, FAULT_CHARS_MAX));
        fault.step = Some(step.to_owned());
        fault
    }

    pub(super) fn stop(&self, stop: Stop, step_name: &str) -> Stop {
        match stop {
            Stop::Fault(fault) => Stop::Fault(self.fault(fault, step_name)),
            Stop::Own(why, text) => Stop::Own(why, self.clip(&text, FAULT_CHARS_MAX)),
        }
    }
}

fn is_short(value: &str) -> bool {
    value.chars().nth(SECRET_CHARS_MIN - 1).is_none()
}

/// Control characters, and those that turn the direction of a line, as blanks or a sign for "something was here".
fn visible(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.hidden().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_in_every_form() {
        let mut redactor = Redactor::default();
        redactor.hide("p/\"ss");
        for (text, shown) in [
            ("Bearer p/\"ss!", "Bearer •••!"),
            ("?a=p%2F%22ss&b", "?a=•••&b"),
            ("{\"p\":\"p/\\\"ss\"}", "{\"p\":\"•••\"}"),
            ("Basic cC8ic3M=", "Basic •••="),
            ("?a=p%2F%22ss+%26", "?a=•••+%26"),
            ("nothing", "nothing"),
            ("a\u{1b}[31m\nb\u{202e}", "a\u{fffd}[31m b\u{fffd}"),
        ] {
            assert_eq!(redactor.clip(text, 100), shown, "{text}");
        }
    }

    #[test]
    fn sessions_are_hidden_and_ordinary_words_are_not() {
        let mut redactor = Redactor::default();
        for value in ["EUR", "en-US", "dark", "consented", "ea93f1c0", "QUJDREVGR0hJ", "abcdefghijklm"] {
            redactor.hide_session(value);
        }
        assert_eq!(redactor.clip("9 EUR en-US dark consented", 100), "9 EUR en-US dark consented");
        assert_eq!(redactor.clip("ea93f1c0 QUJDREVGR0hJ abcdefghijklm", 100), "••• ••• •••");
        // Blanks alone come to nothing in one of their forms, and nothing stands everywhere.
        redactor.hide("   ");
        assert_eq!(redactor.clip("9 EUR", 100), "9 EUR");
    }

    #[test]
    fn however_much_a_server_brings_what_we_make_is_hidden() {
        let mut redactor = Redactor::default();
        (0..1000).for_each(|n| redactor.hide_session(&format!("ea93f1c0+{n}/")));
        redactor.hide("492 816");
        assert_eq!(redactor.clip("the code 492 816 is wrong", 100), "the code ••• is wrong");
    }

    #[test]
    fn secrets_go_as_browsers_write_them_into_addresses() {
        let mut redactor = Redactor::default();
        redactor.hide("c-4 7/1+x!");
        for written in ["c-4+7%2F1%2Bx%21", "c-4%207%2F1%2Bx!", "c%2D4%207%2F1%2Bx%21"] {
            assert_eq!(redactor.clip(&format!("?p={written}&q=1"), 100), "?p=•••&q=1", "{written}");
        }
    }

    #[test]
    fn a_secret_across_the_end_does_not_show_its_beginning() {
        let mut redactor = Redactor::default();
        redactor.hide("hunter2hunter2");
        assert_eq!(redactor.clip("12345678hunter2hunter2 and more", 10), "12345678•…");
        assert_eq!(redactor.clip("李伟李伟李伟", 3), "李伟…");
        assert_eq!(redactor.clip("李伟李", 3), "李伟李");
        assert_eq!(redactor.clip("123456789hunter2hunter2", 10), "123456789…");
        // What was cut off before it came here.
        assert_eq!(redactor.clip("token hunter2hun…, line 3", 100), "token •••…, line 3");
        assert_eq!(redactor.clip("a… token hunt… b hunter2h…", 100), "a… token •••… b •••…");
        assert_eq!(redactor.clip("token hunter2hun", 100), "token •••");
    }

    #[test]
    fn no_number_of_secrets_moves_the_beginning_of_one_into_sight() {
        let mut redactor = Redactor::default();
        let secret = "abcdefghijklmnopqrstuvwxyz0123456789ABCD";
        redactor.hide(secret);
        assert_eq!(redactor.clip(&secret.repeat(8), 200), MASK.repeat(8));
        // Secrets that overlap go together.
        redactor.hide("ABCDABCD");
        assert_eq!(redactor.clip(&format!("<{secret}ABCD>"), 200), "<•••>");
        let endless = redactor.clip(&"ABCD".repeat(100_000), 200);
        assert_eq!(endless, "••…");
    }
}
