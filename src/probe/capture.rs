//! Values taken from a reply for later steps, expectations and consistency checks.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::spot::{Path, Pattern, Selector};
use super::view::{Found, View};
use super::{Field, Needs};
use crate::model::{Evidence, Fault, FaultCode};

/// Characters kept of a captured value.
const CAPTURED_CHARS_MAX: usize = 64 << 10;

/// Where a value stands in a reply: a map with one key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// In the body as JSON.
    Json(Path),
    /// A header's value.
    Header(String),
    /// A cookie's value.
    Cookie(String),
    /// In the body as text: the first group of a regular expression, or all that it matches.
    Text(Pattern),
    /// The text of the first element that a CSS selector finds; `@attribute` behind it takes that attribute's value.
    Html(Selector),
    /// In the text of a PDF file, by a regular expression.
    Pdf(Pattern),
    /// A whole field of the reply, such as `status` or `records`.
    Field(Field),
}

impl Capture {
    /// The field of the reply that it reads.
    pub const fn field(&self) -> Field {
        match self {
            Self::Json(_) => Field::Json,
            Self::Header(_) => Field::Headers,
            Self::Cookie(_) => Field::Cookies,
            Self::Text(_) => Field::Text,
            Self::Html(_) => Field::Html,
            Self::Pdf(_) => Field::Pdf,
            Self::Field(field) => *field,
        }
    }

    pub(super) const fn needs(&self) -> Needs {
        self.field().needs()
    }

    /// The value's text; a blocking fault if there is none.
    pub(super) fn take(&self, name: &str, view: &View<'_>) -> Result<String, Fault> {
        let found = match self {
            Self::Json(path) => view.at(path),
            Self::Header(header) => view.header(header),
            Self::Cookie(cookie) => view.cookie(cookie),
            Self::Text(pattern) => within(pattern, view.field(Field::Text)),
            Self::Html(selector) => view.elements(selector),
            Self::Pdf(pattern) => within(pattern, view.field(Field::Pdf)),
            Self::Field(field) => view.field(*field),
        };
        let words = match &found {
            Found::Json(value) if value.is_null() => "null".to_owned(),
            found => found.words().into_owned(),
        };
        match found.captured() {
            Some(value) if value.chars().nth(CAPTURED_CHARS_MAX).is_some() => {
                Ok(value.chars().take(CAPTURED_CHARS_MAX).collect())
            }
            Some(value) => Ok(value),
            None => Err(Fault {
                evidence: Some(Evidence {
                    of: self.to_string(),
                    expected: format!("a value for `{name}`"),
                    found: words,
                }),
                ..Fault::new(FaultCode::Expectation, format!("nothing to capture as `{name}` at {self}"))
            }),
        }
    }
}

/// What a pattern takes of a text.
fn within<'a>(pattern: &Pattern, found: Found<'a>) -> Found<'a> {
    match found {
        Found::Text(text) => {
            pattern.take(&text).map_or(Found::Nothing, |part| Found::Text(Cow::Owned(part.to_owned())))
        }
        Found::Any(texts) => texts
            .iter()
            .find_map(|text| pattern.take(text))
            .map_or(Found::Nothing, |part| Found::Text(Cow::Owned(part.to_owned()))),
        other => other,
    }
}

impl fmt::Display for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(path) => write!(f, "json {path}"),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::Text(pattern) => write!(f, "text {pattern}"),
            Self::Html(selector) => write!(f, "html {selector}"),
            Self::Pdf(pattern) => write!(f, "pdf {pattern}"),
            Self::Field(field) => field.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| D::Error::custom(format!("no reply has a field `{name}`")))
    }
}

impl JsonSchema for Field {
    fn schema_name() -> Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|field| field.name()).collect();
        json_schema!({ "enum": names, "description": "A field of the reply" })
    }
}
