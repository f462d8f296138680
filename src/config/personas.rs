//! `personas:` as it is written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::config::decode::{At, Keyed};

/// A synthetic customer: `name`, and whatever else its errands want to know.
#[derive(Clone, Debug)]
pub(super) struct RawPersona {
    pub(super) name: String,
    pub(super) fields: Vec<(At<String>, String)>,
}

impl RawPersona {
    /// As [`crate::model::Persona::segment`].
    pub(super) fn segment(&self) -> Option<&str> {
        let segment = self.fields.iter().find(|(key, _)| key.value == "segment");
        segment.map(|(_, segment)| segment.trim()).filter(|segment| !segment.is_empty())
    }
}

impl<'de> Deserialize<'de> for RawPersona {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Keyed(fields) = Keyed::<String>::deserialize(deserializer)?;
        let name = fields.iter().find(|(key, _)| key.value == "name");
        let name = name.map(|(_, name)| name.clone()).ok_or_else(|| D::Error::missing_field("name"))?;
        Ok(Self { name, fields })
    }
}

impl JsonSchema for RawPersona {
    fn schema_name() -> Cow<'static, str> {
        "Persona".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A synthetic customer; `{{persona.FIELD}}` reads its fields",
            "properties": { "name": { "type": "string" } },
            "required": ["name"],
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        })
    }
}
