//! What we wait for in a turn of lines: a regular expression, or words as they are.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::probe::Scope;
use crate::probe::spot::Pattern;
use crate::probe::template::Template;
use crate::secret::TEXT;

/// A pattern, whose named groups are captured, or `{ literal: TEXT }`.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// `^` and `$` match at the ends of each line.
    Pattern(Pattern),
    Literal(Template),
}

/// What was found in what was heard.
pub(super) struct Match {
    /// Behind the last byte that belongs to it.
    pub(super) end: usize,
    pub(super) captured: Vec<(String, String)>,
}

impl Wanted {
    pub(super) fn find(&self, text: &str, scope: &Scope) -> Option<Match> {
        match self {
            Self::Pattern(pattern) => pattern.find_in(text).map(|(end, captured)| Match {
                end,
                captured: captured.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            }),
            Self::Literal(template) => {
                let wanted = template.render(scope);
                text.find(&*wanted).map(|at| Match { end: at + wanted.len(), captured: Vec::new() })
            }
        }
    }

    /// The names of what it captures.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        let pattern = match self {
            Self::Pattern(pattern) => Some(pattern),
            Self::Literal(_) => None,
        };
        pattern.into_iter().flat_map(Pattern::names)
    }

    pub fn template(&self) -> Option<&Template> {
        match self {
            Self::Pattern(_) => None,
            Self::Literal(template) => Some(template),
        }
    }
}

/// As evidence tells it.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(pattern) => write!(f, "matching `{pattern}`"),
            Self::Literal(text) => write!(f, "`{text}`"),
        }
    }
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TEXT, PatternOrLiteral)
    }
}

struct PatternOrLiteral;

impl<'de> Visitor<'de> for PatternOrLiteral {
    type Value = Wanted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a regular expression, or `{ literal: TEXT }`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Wanted, E> {
        Pattern::of_lines(text).map(Wanted::Pattern).map_err(E::custom)
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Wanted, E> {
        self.visit_str(&String::from_utf8_lossy(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Wanted, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wanted, A::Error> {
        let wrong = || A::Error::custom("expected a regular expression, or `{ literal: TEXT }`");
        match map.next_key::<String>()?.as_deref() {
            Some("literal") => {
                let text = map.next_value::<Template>()?;
                if map.next_key::<String>()?.is_some() { Err(wrong()) } else { Ok(Wanted::Literal(text)) }
            }
            _ => Err(wrong()),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Wanted, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl JsonSchema for Wanted {
    fn schema_name() -> Cow<'static, str> {
        "Wanted".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (pattern, text) = (generator.subschema_for::<Pattern>(), generator.subschema_for::<Template>());
        json_schema!({ "anyOf": [pattern, {
            "type": "object", "properties": { "literal": text }, "required": ["literal"], "additionalProperties": false,
        }] })
    }
}
