//! Secrets: written as references, resolved once at load, never printed.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The name under which a [`Secret`] asks its deserializer to resolve `{ env: NAME }`, `{ file: PATH }` or
/// `{ secret: NAME }`. The deserializer answers with a sequence of two texts: how the secret is referred to, and its value.
pub const RESOLVE: &str = "$unbroken::secret";

/// The name under which a type asks its deserializer for whatever was written, where references to secrets may stand
/// among it (a JSON body, a header). The deserializer answers as `deserialize_any` does, but shows a map whose only key
/// is `env`, `file` or `secret`, with a text as its value, as a map with the one key [`RESOLVE`], whose value decodes as
/// a [`Secret`]. The elements of lists and maps are asked for in the same way.
pub const MIXED: &str = "$unbroken::mixed";

/// The name under which a type asks its deserializer for a text or a reference to a secret. A scalar arrives just as
/// [`crate::units::SCALAR`] says, a reference as under [`MIXED`], anything else as usual.
pub const TEXT: &str = "$unbroken::text";

/// Like [`TEXT`], for what proves who one is: a text that is written out, without any `{{name}}` in it, is a secret's
/// value, and the deserializer refuses it.
pub const PROOF: &str = "$unbroken::proof";

/// The name under which a type asks its deserializer for one secret or a list of them: a list arrives as a sequence whose
/// elements decode as a [`Secret`], anything else by `visit_newtype_struct`.
pub const ONE_OR_MORE: &str = "$unbroken::secrets";

/// The value of a secret that was not to be looked up.
pub const NOT_LOOKED_UP: &str = "not-looked-up";

/// A resolved secret. Neither `Debug` nor `Display` shows it, and it cannot be serialised.
#[derive(Clone)]
pub struct Secret {
    reference: String,
    value: SecretString,
}

impl Secret {
    /// `reference` is what may be shown: `env TOKEN`, `file /run/secrets/x`.
    pub fn new(reference: impl Into<String>, value: impl Into<String>) -> Self {
        Self { reference: reference.into(), value: SecretString::from(value.into()) }
    }

    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Whether it was looked up: where it was not, its value is a placeholder.
    pub fn is_known(&self) -> bool {
        self.expose() != NOT_LOOKED_UP
    }

    /// The value itself; for the wire only.
    pub fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.reference)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.reference == other.reference && self.expose() == other.expose()
    }
}

struct Resolved;

/// What stands where a secret is proved with, in words.
pub const REFERRED: &str =
    "a secret is referred to, not written out: `{ env: NAME }`, `{ file: PATH }` or `{ secret: NAME }`";

const EXPECTED: &str = "a reference to a secret: `{ env: NAME }`, `{ file: PATH }` or `{ secret: NAME }`";

impl<'de> Visitor<'de> for Resolved {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Secret, A::Error> {
        let wrong = || A::Error::custom(format!("expected {EXPECTED}"));
        let reference: String = seq.next_element()?.ok_or_else(wrong)?;
        let value: String = seq.next_element()?.ok_or_else(wrong)?;
        Ok(Secret::new(reference, value))
    }

    /// What is not configuration (a test's JSON) writes the two texts in its place.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RESOLVE, Resolved)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let reference = |key: &str| {
            serde_json::json!({ "type": "object", "properties": { key: { "type": "string" } },
                "required": [key], "additionalProperties": false })
        };
        json_schema!({
            "description": "A reference to a secret, never the secret itself",
            "oneOf": [reference("env"), reference("file"), reference("secret")],
        })
    }
}
