//! `fields:` of a webhook: which of the named fields the body holds, and what they are called there.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::alert::webhook;
use crate::model::Notification;
use crate::words::nearest;

/// Fields of the body, by the name that each has there, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields(Vec<(String, Field)>);

/// What can be said of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field(&'static str);

/// The fields that are no member of the whole document's `data`, and those that are.
const NAMES: &[&str] = &[
    "id",
    "kind",
    "at",
    "text",
    "headline",
    "lines",
    "link",
    "trace_link",
    "incident",
    "version",
    "severity",
    "opened",
    "closed",
    "close",
    "cause",
    "touchpoint",
    "touchpoints",
    "probes",
    "journeys",
    "fault",
    "acknowledged",
    "trace_id",
    "labels",
];

impl Fields {
    /// The picked fields in one flat object.
    pub(super) fn body(&self, notification: &Notification) -> Value {
        let data = webhook::data(notification);
        let value = |field: Field| match field.0 {
            "id" => notification.id.as_str().into(),
            "kind" => notification.kind.as_str().into(),
            "at" => format!("{:.3}", notification.at).into(),
            "text" => text(notification).into(),
            name => data[name].clone(),
        };
        self.0.iter().map(|(name, field)| (name.clone(), value(*field))).collect::<Map<_, _>>().into()
    }
}

/// The whole message in one text.
fn text(notification: &Notification) -> String {
    let all = [&notification.headline].into_iter().chain(&notification.lines).chain(&notification.link);
    all.map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// What is wrong with a single field is said there, not that none is left.
fn not_empty<E: serde::de::Error>(written: Option<usize>) -> Result<(), E> {
    if written == Some(0) { Err(E::custom("a webhook without a field says nothing")) } else { Ok(()) }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of fields, or `name: field`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Fields, A::Error> {
        not_empty(seq.size_hint())?;
        let mut fields = Vec::new();
        while let Some(field) = seq.next_element::<Field>()? {
            fields.push((field.0.to_owned(), field));
        }
        Ok(Fields(fields))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        not_empty(map.size_hint())?;
        let mut fields = Vec::new();
        while let Some(entry) = map.next_entry::<String, Field>()? {
            fields.push(entry);
        }
        Ok(Fields(fields))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        NAMES.iter().find(|name| **name == written).map(|name| Self(name)).ok_or_else(|| {
            let near = nearest(&written, NAMES.iter().copied());
            let hint = near.map_or_else(
                || format!("there are {}", NAMES.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            D::Error::custom(format!("no field is called `{written}`; {hint}"))
        })
    }
}

impl JsonSchema for Fields {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let field = serde_json::json!({ "type": "string", "enum": NAMES });
        json_schema!({ "oneOf": [
            { "type": "array", "items": field, "minItems": 1 },
            { "type": "object", "additionalProperties": field, "minProperties": 1 },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_picked_is_there_to_pick() {
        let picked: Fields = serde_json::from_value(NAMES.into()).unwrap();
        let sample = include_str!("../../tests/fixtures/alerts/webhook.open.txt");
        let document: Value = serde_json::from_str(sample.split_once("\n\n").unwrap().1).unwrap();
        for (name, field) in picked.0 {
            let own = ["id", "kind", "at", "text"].contains(&field.0);
            assert!(own || document["data"].get(&name).is_some(), "{name}");
        }
        let wrong = serde_json::from_value::<Fields>(serde_json::json!({ "text": "head_line" })).unwrap_err();
        assert_eq!(wrong.to_string(), "no field is called `head_line`; did you mean `headline`?");
    }
}
