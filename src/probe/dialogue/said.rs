//! What we say in a turn: text with names in it, secrets, and both in base64, as SASL wants them (RFC 4954, RFC 6120).

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::probe::template::{Place, Template, escape};
use crate::probe::{Part, Run, Scope};
use crate::secret::{MIXED, RESOLVE, Secret};

/// Deeper than this nobody means it.
const DEPTH_MAX: usize = 8;

/// A text, a secret, something in base64, or several of these one after another.
#[derive(Clone, Debug)]
pub enum Said {
    Text(Template),
    Secret(Secret),
    Base64(Box<Said>),
    Several(Vec<Said>),
}

impl Said {
    /// JSON and XML show at their beginning.
    fn place(&self, otherwise: Place) -> Place {
        match self {
            Self::Text(text) => match text.to_string().trim_start().chars().next() {
                Some('{' | '[') => Place::Json,
                Some('<') => Place::Xml,
                _ => otherwise,
            },
            Self::Several(pieces) => pieces.first().map_or(otherwise, |first| first.place(otherwise)),
            Self::Secret(_) | Self::Base64(_) => otherwise,
        }
    }

    /// Shows every template and every secret in it. What is neither JSON nor XML stands at that place.
    pub fn parts<'a>(&'a self, otherwise: Place, see: &mut dyn FnMut(Part<'a>)) {
        self.show(self.place(otherwise), see);
    }

    fn show<'a>(&'a self, place: Place, see: &mut dyn FnMut(Part<'a>)) {
        match self {
            Self::Text(text) => see(Part::Template(text, place)),
            Self::Secret(secret) => see(Part::Secret(secret)),
            // What goes out in base64 proves who one is.
            Self::Base64(inner) => inner.show(Place::Credential, see),
            Self::Several(pieces) => pieces.iter().for_each(|piece| piece.show(place, see)),
        }
    }

    /// What goes over the wire. What it holds in base64 is kept out of every text that leaves the run.
    pub fn render(&self, otherwise: Place, scope: &Scope, run: &mut Run<'_>) -> String {
        let mut out = String::new();
        self.write(self.place(otherwise), scope, &mut |encoded| run.hide(encoded), &mut out);
        out
    }

    fn write(&self, place: Place, scope: &Scope, hide: &mut dyn FnMut(&str), out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(&text.render(scope)),
            Self::Secret(secret) if place == Place::Credential => out.push_str(secret.expose()),
            Self::Secret(secret) => {
                let mut escaped = String::new();
                escape(place, out, secret.expose(), &mut escaped);
                // Escaped it is another text, which is as secret.
                hide(&escaped);
                out.push_str(&escaped);
            }
            Self::Base64(inner) => {
                let mut plain = String::new();
                inner.write(Place::Credential, scope, hide, &mut plain);
                let encoded = BASE64_STANDARD.encode(plain);
                hide(&encoded);
                out.push_str(&encoded);
            }
            Self::Several(pieces) => pieces.iter().for_each(|piece| piece.write(place, scope, hide, out)),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Text(_) | Self::Secret(_) => 0,
            Self::Base64(inner) => 1 + inner.depth(),
            Self::Several(pieces) => 1 + pieces.iter().map(Self::depth).max().unwrap_or_default(),
        }
    }
}

const EXPECTED: &str = "a text, a reference to a secret such as `{ env: NAME }`, `{ base64: ... }`, or a list of these";

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = deserializer.deserialize_newtype_struct(MIXED, Pieces)?;
        if said.depth() > DEPTH_MAX {
            return Err(D::Error::custom(format!("nested deeper than {DEPTH_MAX} times")));
        }
        Ok(said)
    }
}

struct Pieces;

impl<'de> Visitor<'de> for Pieces {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Said, E> {
        Template::parse(text).map(Said::Text).map_err(E::custom)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Said, E> {
        self.visit_str(&truth.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Said, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Said, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Said, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Said, A::Error> {
        let mut pieces = Vec::new();
        while let Some(piece) = seq.next_element()? {
            pieces.push(piece);
        }
        Ok(Said::Several(pieces))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said, A::Error> {
        let said = match map.next_key::<String>()?.as_deref() {
            Some(RESOLVE) => Said::Secret(map.next_value()?),
            Some("base64") => Said::Base64(Box::new(map.next_value()?)),
            Some(other) => return Err(A::Error::custom(format!("unknown key `{other}`; expected {EXPECTED}"))),
            None => return Err(A::Error::custom(format!("expected {EXPECTED}"))),
        };
        match map.next_key::<String>()? {
            Some(other) => Err(A::Error::custom(format!("`{other}` is one key too many; expected {EXPECTED}"))),
            None => Ok(said),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Said, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl JsonSchema for Said {
    fn schema_name() -> Cow<'static, str> {
        "Said".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (template, secret) = (generator.subschema_for::<Template>(), generator.subschema_for::<Secret>());
        let itself = generator.subschema_for::<Self>();
        json_schema!({ "description": "What is said: text, secrets, both in base64", "anyOf": [
            template, secret,
            { "type": "object", "properties": { "base64": itself }, "required": ["base64"],
              "additionalProperties": false },
            { "type": "array", "items": itself },
        ] })
    }
}
