//! A mistake on its way from where it was found to where it is reported.

use std::fmt;

use serde::de;

use super::Desk;
use super::scalar::short;
use crate::config::problem::Place;
use crate::config::tree::{Entry, Item, Node};
use crate::words::nearest;

/// Found while decoding.
#[derive(Debug)]
pub(in crate::config) struct Wrong {
    what: What,
    place: Option<Place>,
    fate: Fate,
}

#[derive(Debug)]
pub(super) enum What {
    Text(String),
    Hinted {
        text: String,
        hint: String,
    },
    /// A secret's value may stand in the line.
    Exposed(String),
    Missing(&'static str),
    UnknownKey {
        key: String,
        known: Vec<&'static str>,
    },
    UnknownVariant {
        word: String,
        known: Vec<&'static str>,
    },
}

/// What became of a mistake.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// To be reported and taken out.
    Open,
    /// Only there because something else was taken out: to be taken out in silence.
    Follows,
    /// Taken out of the tree: decoding again will not meet it.
    TakenOut,
}

impl Wrong {
    pub(super) fn new(what: What) -> Self {
        Self { what, place: None, fate: Fate::Open }
    }

    pub(in crate::config) fn text(text: impl Into<String>) -> Self {
        Self::new(What::Text(text.into()))
    }

    pub(in crate::config) fn hinted(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(What::Hinted { text: text.into(), hint: hint.into() })
    }

    /// Something stands where a reference to a secret should: it may be the secret, and is not shown.
    pub(in crate::config) fn exposed(text: impl Into<String>) -> Self {
        Self::new(What::Exposed(text.into()))
    }

    /// Keeps an earlier, more exact place.
    #[must_use]
    pub(in crate::config) fn at(self, place: Place) -> Self {
        Self { place: self.place.or(Some(place)), ..self }
    }

    pub(super) fn is_unknown_key(&self) -> bool {
        matches!(self.what, What::UnknownKey { .. }) && self.place.is_none()
    }

    pub(super) fn is_placed(&self) -> bool {
        self.place.is_some()
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.what, What::Missing(_))
    }

    pub(super) fn is_taken_out(&self) -> bool {
        self.fate == Fate::TakenOut
    }

    /// At the node whose visitor failed.
    pub(super) fn settle(self, node: &Node) -> Self {
        if self.place.is_some() {
            return self;
        }
        let fate = if node.damaged.get() { Fate::Follows } else { self.fate };
        Self { place: Some(node.place), fate, ..self }
    }

    pub(super) fn taken_out_with(self, entry: &Entry, parent: &Node, desk: &Desk<'_>) -> Self {
        if self.fate == Fate::TakenOut {
            return self;
        }
        self.report(desk);
        entry.gone.set(true);
        parent.damaged.set(true);
        Self { fate: Fate::TakenOut, ..self }
    }

    pub(super) fn taken_out_of_list(self, item: &Item, parent: &Node, desk: &Desk<'_>) -> Self {
        if self.fate == Fate::TakenOut {
            return self;
        }
        self.report(desk);
        item.gone.set(true);
        parent.damaged.set(true);
        Self { fate: Fate::TakenOut, ..self }
    }

    pub(super) fn report(&self, desk: &Desk<'_>) {
        if self.fate != Fate::Open {
            return;
        }
        let (text, hint) = self.what.words();
        let mut problem = desk.source.problem(self.place.unwrap_or_default(), text);
        if matches!(self.what, What::Exposed(_)) {
            problem.source_line =
                problem.source_line.chars().take(problem.column - 1).chain("********".chars()).collect();
        }
        desk.report(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }
}

impl What {
    fn words(&self) -> (String, Option<String>) {
        match self {
            // Settings types that know what was meant say so behind a semicolon.
            Self::Text(text) => match text.split_once("; did you mean ") {
                Some((text, meant)) => (text.to_owned(), Some(format!("did you mean {meant}"))),
                None => (text.clone(), None),
            },
            Self::Hinted { text, hint } => (text.clone(), Some(hint.clone())),
            Self::Exposed(text) => {
                (text.clone(), Some("a secret itself is never written into the configuration".to_owned()))
            }
            Self::Missing(field) => (format!("the key `{field}` is missing"), None),
            Self::UnknownKey { key, known } => (format!("unknown key `{key}`"), Some(advice(key, known))),
            Self::UnknownVariant { word, known } => (format!("unknown word `{word}`"), Some(advice(word, known))),
        }
    }
}

/// Words of the language that this version does not speak yet; each with what there is instead.
const LATER: &[(&str, &str)] = &[
    ("auth", "there is no sign-in yet; listen on a loopback address, or set `public: true`"),
    ("links", "there is no crawler yet"),
    ("sip", "phone calls cannot be made yet"),
    ("grpc", "gRPC cannot be probed yet"),
];

pub(in crate::config) fn advice(word: &str, known: &[&'static str]) -> String {
    if let Some((_, instead)) = LATER.iter().find(|(later, _)| *later == word) {
        return format!("this version does not know it: {instead}");
    }
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "no key may stand here".to_owned(),
        None => {
            let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("one of {}", known.join(", "))
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what.words().0)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::text(text.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::text(format!("expected {expected}, found {}", in_words(&found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::UnknownVariant { word: word.to_owned(), known: known.to_vec() })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::UnknownKey { key: key.to_owned(), known: known.to_vec() })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(What::Missing(field))
    }
}

fn in_words(found: &de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Bool(truth) => format!("`{truth}`"),
        de::Unexpected::Unsigned(number) => format!("`{number}`"),
        de::Unexpected::Signed(number) => format!("`{number}`"),
        de::Unexpected::Float(number) => format!("`{number}`"),
        de::Unexpected::Str(text) => format!("`{}`", short(text)),
        de::Unexpected::Bytes(_) => "a quoted text".to_owned(),
        de::Unexpected::Unit | de::Unexpected::Option => "nothing".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        de::Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}
