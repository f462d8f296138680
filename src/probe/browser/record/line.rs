//! What was done, as the lines that do it again.

use std::fmt::Write as _;

use serde::Deserialize;

/// Of a name that a page gives.
const NAME_CHARS_MAX: usize = 300;
/// Of a variable's name.
const VARIABLE_CHARS_MAX: usize = 40;

/// How an element is found again: one of these, and its number where it is not alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Named {
    /// What is read on it, or its label.
    #[serde(rename = "named")]
    shown: Option<String>,
    role: Option<String>,
    name: Option<String>,
    label: Option<String>,
    text: Option<String>,
    css: Option<String>,
    nth: Option<u32>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Click(Named),
    Fill(Named, Typed),
    Press(String),
    Select(Named, String),
    Tick(Named),
    Untick(Named),
    Upload(Named, String),
    Back,
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Text(String),
    /// Nobody wrote it down: it will be read from this variable of the environment.
    Secret(String),
    /// A one-time password; its secret will be read from this variable.
    Code(String),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Text(String),
    Url(String),
    NewTab(String),
    Dialog(String),
    Download(String),
}

/// One line of `do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) done: Done,
    pub(super) then: Option<Then>,
}

impl Typed {
    /// What was heard of a field; what stands for something else in a file is not written there, either.
    pub(super) fn text(value: String, element: &Named) -> Self {
        if value.contains("{{") || value.contains("${") {
            Self::Secret(element.variable(""))
        } else {
            Self::Text(value)
        }
    }
}

impl Named {
    /// A variable of the environment that is called after it.
    pub(super) fn variable(&self, end: &str) -> String {
        let name = [&self.shown, &self.label, &self.name, &self.css].into_iter().flatten().next();
        let words = name.map(String::as_str).unwrap_or_default().to_ascii_uppercase();
        let words: Vec<&str> =
            words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let name: String = words.join("_").chars().take(VARIABLE_CHARS_MAX).collect();
        let name = name.trim_end_matches('_');
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            format!("{name}{end}")
        } else {
            format!("SECRET{end}")
        }
    }

    fn yaml(&self) -> String {
        if let Some(shown) = &self.shown {
            return scalar(shown);
        }
        let ways = [
            ("role", &self.role),
            ("name", &self.name),
            ("label", &self.label),
            ("text", &self.text),
            ("css", &self.css),
        ];
        let given = ways.into_iter().filter_map(|(key, value)| Some(format!("{key}: {}", scalar(value.as_ref()?))));
        let nth = self.nth.map(|nth| format!("nth: {nth}"));
        format!("{{ {} }}", given.chain(nth).collect::<Vec<_>>().join(", "))
    }
}

impl Then {
    fn yaml(&self) -> String {
        let (key, value) = match self {
            Self::Text(text) => ("text", text),
            Self::Url(part) => ("url", part),
            Self::NewTab(part) => ("new_tab", part),
            Self::Dialog(text) => ("dialog", text),
            Self::Download(name) => ("download", name),
        };
        format!("{{ {key}: {} }}", scalar(value))
    }
}

impl Line {
    pub(super) const fn new(done: Done) -> Self {
        Self { done, then: None }
    }

    /// What the person who recorded it has still to do.
    pub(super) fn hint(&self) -> Option<String> {
        match &self.done {
            Done::Fill(_, Typed::Secret(variable)) => {
                Some(format!("what was typed is not written down: it is read from the variable {variable}"))
            }
            Done::Fill(_, Typed::Code(variable)) => {
                Some(format!("a one-time password: {variable} is the secret that the authenticator app was given"))
            }
            Done::Upload(_, file) if !file.starts_with('/') => {
                Some(format!("put {} beside the file that this is written to", scalar(file)))
            }
            _ => None,
        }
    }

    /// What is written, without its indentation.
    pub(super) fn yaml(&self) -> String {
        let mut yaml = match &self.done {
            Done::Click(element) => format!("click: {}", element.yaml()),
            Done::Fill(element, typed) => {
                let typed = match typed {
                    Typed::Text(text) => format!("with: {}", scalar(text)),
                    Typed::Secret(variable) => format!("with: {{ env: {variable} }}"),
                    Typed::Code(variable) => format!("totp: {{ env: {variable} }}"),
                };
                format!("fill: {}\n{typed}", element.yaml())
            }
            Done::Press(keys) => format!("press: {}", scalar(keys)),
            Done::Select(element, option) => format!("select: {}\noption: {}", element.yaml(), scalar(option)),
            Done::Tick(element) => format!("check: {}", element.yaml()),
            Done::Untick(element) => format!("uncheck: {}", element.yaml()),
            Done::Upload(element, file) => format!("upload: {}\nfile: {}", element.yaml(), scalar(file)),
            Done::Back => "back".to_owned(),
        };
        if let Some(then) = &self.then {
            // Writing to a text does not fail.
            let _ = write!(yaml, "\nthen: {}", then.yaml());
        }
        yaml
    }
}

/// A text of YAML, in quotes unless it can only be a text; a page cannot write anything else with it.
pub(super) fn scalar(text: &str) -> String {
    let word = |c: char| c.is_alphanumeric() || " _-./+@()".contains(c);
    let is_plain = text.starts_with(char::is_alphabetic)
        && text.ends_with(|c: char| c.is_alphanumeric() || ".)".contains(c))
        && text.chars().all(word)
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// What a page says, as far as it goes into a line.
pub(super) fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::browser::deed::Deed;

    fn named(name: &str) -> Named {
        Named { shown: Some(name.to_owned()), ..Named::default() }
    }

    #[test]
    fn lines_are_written_as_people_write_them() {
        let order =
            Named { role: Some("button".into()), name: Some("Order: now".into()), nth: Some(2), ..Named::default() };
        let line = Line { done: Done::Click(order), then: Some(Then::Text("Thank you".into())) };
        assert_eq!(line.yaml(), "click: { role: button, name: \"Order: now\", nth: 2 }\nthen: { text: Thank you }");
        let line = Line::new(Done::Fill(named("Your e-mail"), Typed::Text("anna@probe.example".into())));
        assert_eq!(line.yaml(), "fill: Your e-mail\nwith: anna@probe.example");
        let secret = Line::new(Done::Fill(named("Your password"), Typed::Secret(named("Your password").variable(""))));
        assert_eq!(secret.yaml(), "fill: Your password\nwith: { env: YOUR_PASSWORD }");
        assert!(secret.hint().is_some_and(|hint| hint.ends_with("YOUR_PASSWORD")));
        assert_eq!(Line::new(Done::Back).yaml(), "back");
    }

    #[test]
    fn whatever_a_page_says_stays_a_text() {
        for text in
            ["a: b", "- x", "yes", "No", "12", "#1", "a #b", "\"", "a\nb", "{", "*a", "&a", "!a", "", " ", "~", "a:"]
        {
            let written = scalar(text);
            assert_eq!(serde_json::from_str::<String>(&written).ok().as_deref(), Some(text), "{written}");
        }
        assert_eq!(scalar("密码 eins"), "密码 eins");
    }

    #[test]
    fn what_stands_for_something_else_is_not_written() {
        assert_eq!(Typed::text("{{x}}".into(), &named("Note")), Typed::Secret("NOTE".into()));
        assert_eq!(named("密码").variable(""), "SECRET");
        assert_eq!(named("2FA code").variable("_SECRET"), "SECRET_SECRET");
    }

    #[test]
    fn every_line_is_one_that_can_be_done() {
        let field = || named("Field");
        let dones = [
            Done::Click(field()),
            Done::Fill(field(), Typed::Text("x".into())),
            Done::Press("Enter".into()),
            Done::Select(field(), "Germany".into()),
            Done::Tick(field()),
            Done::Untick(field()),
            Done::Upload(field(), "/photo.png".into()),
            Done::Back,
        ];
        for done in dones {
            let yaml = Line::new(done).yaml();
            // One line each of texts in a block: as JSON, which is what the settings are tested with everywhere.
            let entries = yaml.lines().map(|line| line.split_once(": "));
            let json: serde_json::Value = entries.collect::<Option<Vec<_>>>().map_or_else(
                || yaml.as_str().into(),
                |entries| entries.into_iter().map(|(key, value)| (key, value.trim_matches('"'))).collect(),
            );
            serde_json::from_value::<Deed>(json).unwrap_or_else(|error| panic!("{yaml}: {error}"));
        }
    }
}
