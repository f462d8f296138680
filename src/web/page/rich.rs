//! Messages with markup of their own, and texts with code among their words.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::words::{Said, markup};

/// A message with markup in it: the message is ours, what is put into it is made inert.
#[derive(Debug)]
pub(super) struct Rich<'a>(Said<'a>);

/// The same, written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marked(String);

impl<'a> Rich<'a> {
    pub(super) const fn new(said: Said<'a>) -> Self {
        Self(said)
    }

    #[must_use]
    pub(super) fn with(self, name: &'static str, value: impl AsRef<str>) -> Self {
        Self(self.0.with(name, markup(value.as_ref())))
    }

    /// A number, which may choose a plural form.
    #[must_use]
    pub(super) fn count(self, name: &'static str, count: usize) -> Self {
        Self(self.0.with(name, count))
    }

    /// What is inert already.
    #[must_use]
    pub(super) fn marked(self, name: &'static str, value: &Marked) -> Self {
        Self(self.0.with(name, value.0.clone()))
    }

    pub(super) fn done(&self) -> Marked {
        Marked(self.0.to_string())
    }
}

impl fmt::Display for Rich<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl HtmlSafe for Rich<'_> {}

impl Marked {
    pub(super) fn inert(text: &str) -> Self {
        Self(markup(text))
    }

    /// A text in which what stands between `backticks` is code. All of it is inert.
    pub(super) fn coded(text: &str) -> Self {
        let inert = markup(text);
        let mut out = String::with_capacity(inert.len() + 16);
        let mut parts = inert.split('`').peekable();
        let mut is_code = false;
        while let Some(part) = parts.next() {
            // A backtick without a partner is a backtick.
            match (is_code, parts.peek().is_some()) {
                (true, true) => out.extend(["<code>", part, "</code>"]),
                (true, false) => out.extend(["`", part]),
                (false, _) => out.push_str(part),
            }
            is_code = !is_code;
        }
        Self(out)
    }
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Marked {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;
    use crate::words::Words;

    #[test]
    fn what_is_put_into_a_message_is_inert() {
        let words = Words::new(Language::En);
        let told = Rich::new(words.say("fact-felt")).with("score", "<script>\"&'");
        assert_eq!(told.to_string(), "Felt <strong>&lt;script&gt;&quot;&amp;&#39;</strong>");
        assert_eq!(told.done().to_string(), told.to_string());
    }

    #[test]
    fn backticks_become_code_in_pairs() {
        let coded = |text: &str| Marked::coded(text).to_string();
        assert_eq!(
            coded("where it logs `trace<parent>`, look"),
            "where it logs <code>trace&lt;parent&gt;</code>, look"
        );
        assert_eq!(coded("`a` and `b`"), "<code>a</code> and <code>b</code>");
        assert_eq!(coded("one ` alone"), "one ` alone");
        assert_eq!(coded("`a` and ` alone"), "<code>a</code> and ` alone");
        assert_eq!(coded(""), "");
    }
}
