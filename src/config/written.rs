//! A touchpoint's file as its page may show it: as it was written, with nothing in it that could open something.
//!
//! Fields for secrets take references only, so that none stands in a file. What people write into free texts all the
//! same - a password in an address, a token in a header - is masked by its looks.

use std::sync::Arc;

use regex::{Captures, Regex};

/// Nobody reads further on a page.
const SHOWN_BYTES_MAX: usize = 64 * 1024;
const MASK: &str = "•••";

/// What hides it.
pub(super) struct Veil {
    /// `name: value`, `name=value`: where the name sounds like something that opens, and the value is no reference.
    named: Regex,
    /// `https://name:password@host`
    user: Regex,
    /// `Bearer something`
    scheme: Regex,
    below: Regex,
}

const NAMED: &str = r#"(?ix) (?<name> [\w-]* (?: passw | secret | token | authori[sz]ation | cookie | credential | api-?_?key | access-?_?key | private-?_?key | signature ) [\w-]* ["']? \s* [:=] \s* )
    (?<value> "(?:[^"\\\n]|\\.)*" | '[^'\n]*' | [^\s"'{}\[\],&\#|>$][^"'{}\[\],&\#\n]* )"#;
/// A text that goes on below it, deeper: `cookie: |`
const BELOW: &str = r#"(?i)^(?<indent>[\s-]*)["']?[\w-]*(?:passw|secret|token|authori[sz]ation|cookie|credential|api-?_?key)[\w-]*["']?\s*:\s*[|>][0-9+-]*\s*$"#;
const USER: &str = r#"(?<start>[a-z][a-z0-9+.-]*://)[^\s/"'@{}]+@"#;
const SCHEME: &str = r"(?i)(?<scheme>\b(?:bearer|basic|digest)[ \t]+)(?<value>[\w+/=.~-]{8,})";

impl Veil {
    /// None, if a pattern of ours is wrong: then nothing is shown.
    pub(super) fn new() -> Option<Self> {
        let regex = |pattern| Regex::new(pattern).ok();
        Some(Self { named: regex(NAMED)?, user: regex(USER)?, scheme: regex(SCHEME)?, below: regex(BELOW)? })
    }

    pub(super) fn over(&self, text: &str) -> Arc<str> {
        let end = (0..=text.len().min(SHOWN_BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let text = self.named.replace_all(&text[..end], |found: &Captures<'_>| {
            let (name, value) = (&found["name"], &found["value"]);
            // What `{ secret: NAME }` refers to is a name; what is filled in at run time is none yet.
            let referred = name.trim_end_matches([' ', ':', '=', '"', '\'']).eq_ignore_ascii_case("secret");
            let filled_in =
                value.contains("{{") || value.contains("${") || value.trim_matches(['"', '\'']).starts_with('$');
            if referred || filled_in {
                return found[0].to_owned();
            }
            format!("{name}{MASK}{}", &value[value.trim_end().len()..])
        });
        let text = self.user.replace_all(&text, format!("${{start}}{MASK}@"));
        let text = self.scheme.replace_all(&text, format!("${{scheme}}{MASK}"));
        self.without_texts_below(&text).into()
    }

    fn without_texts_below(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut hidden: Option<usize> = None;
        for line in text.split_inclusive('\n') {
            let indent = line.len() - line.trim_start().len();
            if hidden.is_some_and(|than| indent > than) && !line.trim().is_empty() {
                shown.push_str(&line[..indent]);
                shown.push_str(MASK);
                shown.push('\n');
                continue;
            }
            if !line.trim().is_empty() {
                hidden = self.below.captures(line.trim_end()).map(|found| found["indent"].len());
            }
            shown.push_str(line);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_open_something_is_masked_and_references_are_not() {
        let cases = [
            ("password: { env: BILLING_PASSWORD }", "password: { env: BILLING_PASSWORD }"),
            ("password: { secret: billing_password }", "password: { secret: billing_password }"),
            (
                "headers: { authorization: \"Bearer {{ token }}\" }",
                "headers: { authorization: \"Bearer {{ token }}\" }",
            ),
            ("capture: { token: { json: $.token } }", "capture: { token: { json: $.token } }"),
            ("token: $.token", "token: $.token"),
            ("get: \"https://x/${TENANT}?token=${TOKEN}\"", "get: \"https://x/${TENANT}?token=${TOKEN}\""),
            ("title: Reset your password", "title: Reset your password"),
            ("headers: { x-api-key: abc123, accept: text/html }", "headers: { x-api-key: •••, accept: text/html }"),
            ("authorization: \"Bearer abc.def\"", "authorization: •••"),
            ("get: https://anna:hunter2@shop.example/", "get: https://•••@shop.example/"),
            ("get: \"https://x/?access_token=abc&a=b\"", "get: \"https://x/?access_token=•••&a=b\""),
            ("# the old password: hunter2", "# the old password: •••"),
            ("send: \"AUTH Basic QWxhZGRpbjpvcGVu\"", "send: \"AUTH Basic •••\""),
            ("cookie: |\n  a=b\nnext: 1\n", "cookie: |\n  •••\nnext: 1\n"),
            ("authorization: Basic abc", "authorization: •••"),
            ("body: '{\"password\": \"hunter2\"}'", "body: '{\"password\": •••}'"),
        ];
        let veil = Veil::new().expect("patterns");
        for (written, wanted) in cases {
            assert_eq!(&*veil.over(written), wanted);
        }
    }

    #[test]
    fn a_large_file_is_cut_between_characters() {
        let text = "ü".repeat(SHOWN_BYTES_MAX);
        assert_eq!(Veil::new().expect("patterns").over(&text).len(), SHOWN_BYTES_MAX);
    }
}
