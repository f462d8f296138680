//! Templates as they stand in settings, alone or beside references to secrets.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Place, Template};
use crate::probe::{Part, Scope};
use crate::secret::{PROOF, RESOLVE, Secret, TEXT};
use crate::units::SCALAR;

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Cow<'de, str> = deserializer.deserialize_newtype_struct(SCALAR, AsWritten)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// A scalar's text, plain or quoted: `1.10` stays `1.10`.
struct AsWritten;

impl<'de> Visitor<'de> for AsWritten {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.to_owned().into())
    }

    fn visit_bytes<E: serde::de::Error>(self, text: &[u8]) -> Result<Self::Value, E> {
        Ok(String::from_utf8_lossy(text).into_owned().into())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        String::deserialize(deserializer).map(Cow::Owned)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "number", "boolean"],
            "description": "A text; {{name}} stands for a variable, persona.FIELD or a captured value",
        })
    }
}

/// A text with names in it, or a reference to a secret.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplateOrSecret {
    Template(Template),
    Secret(Secret),
}

impl TemplateOrSecret {
    /// Itself, as [`crate::probe::Act::parts`] shows it.
    pub fn part(&self, place: Place) -> Part<'_> {
        match self {
            Self::Template(template) => Part::Template(template, place),
            Self::Secret(secret) => Part::Secret(secret),
        }
    }

    /// What goes over the wire.
    pub fn render<'a>(&'a self, scope: &Scope) -> Cow<'a, str> {
        match self {
            Self::Template(template) => template.render(scope),
            Self::Secret(secret) => secret.expose().into(),
        }
    }
}

impl<'de> Deserialize<'de> for TemplateOrSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TEXT, TextOrReference)
    }
}

/// For `deserialize_with`: what proves who one is, a reference to a secret or a text with a `{{name}}` in it.
pub fn proof<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TemplateOrSecret, D::Error> {
    deserializer.deserialize_newtype_struct(PROOF, TextOrReference)
}

/// Like [`proof`], where it may be left out.
pub fn proof_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TemplateOrSecret>, D::Error> {
    proof(deserializer).map(Some)
}

struct TextOrReference;

impl<'de> Visitor<'de> for TextOrReference {
    type Value = TemplateOrSecret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a reference to a secret such as `{ env: NAME }`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Template::parse(text).map(TemplateOrSecret::Template).map_err(E::custom)
    }

    fn visit_bytes<E: serde::de::Error>(self, text: &[u8]) -> Result<Self::Value, E> {
        self.visit_str(&String::from_utf8_lossy(text))
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Self::Value, E> {
        self.visit_str(&truth.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        match map.next_key::<String>()? {
            Some(key) if key == RESOLVE => map.next_value().map(TemplateOrSecret::Secret),
            _ => Err(A::Error::custom("expected a text, or a reference to a secret such as `{ env: NAME }`")),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl JsonSchema for TemplateOrSecret {
    fn schema_name() -> Cow<'static, str> {
        "TemplateOrSecret".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let either = [generator.subschema_for::<Template>(), generator.subschema_for::<Secret>()];
        schemars::json_schema!({ "anyOf": either })
    }
}
