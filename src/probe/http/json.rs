//! A JSON body with templates in its texts and secrets among its leaves.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use crate::probe::template::{Place, Template};
use crate::probe::{Part, Scope};
use crate::secret::{MIXED, RESOLVE, Secret};

/// A JSON value as it stands in the settings.
#[derive(Clone, Debug)]
pub(super) enum Json {
    Plain(Value),
    Text(Template),
    Secret(Secret),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn each_part(&self, see: &mut dyn FnMut(Part<'_>)) {
        match self {
            Self::Plain(_) => {}
            Self::Text(template) => see(Part::Template(template, Place::Text)),
            Self::Secret(secret) => see(Part::Secret(secret)),
            Self::List(items) => items.iter().for_each(|item| item.each_part(see)),
            Self::Map(entries) => entries.iter().for_each(|(_, value)| value.each_part(see)),
        }
    }

    pub(super) fn render(&self, scope: &Scope) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Text(template) => template.render(scope).into(),
            Self::Secret(secret) => secret.expose().into(),
            Self::List(items) => items.iter().map(|item| item.render(scope)).collect(),
            Self::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.render(scope))).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(MIXED, AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Plain(Value::Null))
    }

    fn visit_none<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Plain(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Plain(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Plain(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Plain(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom(format!("`{value}` is no JSON number")))?;
        Ok(Json::Plain(number.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Template::parse(text).map(Json::Text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == RESOLVE {
                return map.next_value().map(Json::Secret);
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Json::Map(entries))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        "JsonBody".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Any value; texts may hold {{name}}, and `{ secret: NAME }` stands for a secret" })
    }
}
