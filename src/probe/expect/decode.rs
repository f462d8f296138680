//! Reads `expect:`, whose keys are fields of a reply, parts of them (`headers.NAME`) or captured names.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::matcher::Matcher;
use super::operand::Operand;
use super::parts;
use super::subject::Subject;
use super::that::That;
use super::{Check, Expect};
use crate::model::Phase;
use crate::probe::Field;
use crate::probe::spot::{Path, Selector};
use crate::units::Period;

/// What is expected of a certificate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Certificate {
    /// It is valid for longer than this.
    expires_after: Option<Period>,
    issuer: Option<Matcher>,
    subject: Option<Matcher>,
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expect = deserializer.deserialize_map(Keys)?;
        match (expect.good, expect.poor) {
            (Some(good), Some(poor)) if good >= poor => Err(D::Error::custom("`poor` must be longer than `good`")),
            (Some(_), None) => Err(D::Error::custom("`good` needs `poor` beside it: where satisfaction is half")),
            (None, Some(_)) => Err(D::Error::custom("`poor` needs `good` beside it: up to where satisfaction is full")),
            _ => Ok(expect),
        }
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Expect;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of expectations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expect, A::Error> {
        let mut expect = Expect::default();
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "good" => expect.good = Some(map.next_value::<Period>()?.get()),
                "poor" => expect.poor = Some(map.next_value::<Period>()?.get()),
                "that" => expect.that = Some(map.next_value::<That>()?),
                key => expect.take(key, &mut map)?,
            }
        }
        expect.checks.shrink_to_fit();
        Ok(expect)
    }
}

impl Expect {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let mut add = |of, matcher| self.checks.push(Check { of, matcher });
        match Field::parse(key) {
            Some(Field::Status) => add(Subject::Field(Field::Status), map.next_value_seed(StatusSeed)?),
            Some(Field::Json) => {
                map.next_value::<Entries<Path>>()?.0.into_iter().for_each(|(path, it)| add(Subject::Json(path), it));
            }
            Some(Field::Html) => {
                for (selector, it) in map.next_value::<Entries<Selector>>()?.0 {
                    add(Subject::Html(selector), it);
                }
            }
            Some(Field::Headers) => {
                map.next_value::<Entries<String>>()?.0.into_iter().for_each(|(name, it)| add(header(&name), it));
            }
            Some(Field::Cookies) => {
                map.next_value::<Entries<String>>()?
                    .0
                    .into_iter()
                    .for_each(|(name, it)| add(Subject::Cookie(name), it));
            }
            Some(Field::Certificate) => {
                let wanted = map.next_value::<Certificate>()?;
                if let Some(period) = wanted.expires_after {
                    let above = Operand::Map(vec![("above".to_owned(), text(&period.to_string())?)]);
                    add(Subject::CertifiedFor, Matcher::read(above).map_err(A::Error::custom)?);
                }
                wanted.issuer.into_iter().for_each(|it| add(Subject::CertifiedBy, it));
                wanted.subject.into_iter().for_each(|it| add(Subject::CertifiedName, it));
            }
            Some(Field::Phases) => {
                for (name, it) in map.next_value::<Entries<String>>()?.0 {
                    let phase = Phase::ALL.iter().find(|phase| phase.code() == name).ok_or_else(|| {
                        let known: Vec<&str> = Phase::ALL.iter().map(|phase| phase.code()).collect();
                        A::Error::custom(format!("`{name}` is no phase; there are {}", known.join(", ")))
                    })?;
                    add(Subject::Phase(*phase), it);
                }
            }
            Some(field @ (Field::Pdf | Field::Url)) => {
                let operand = map.next_value::<Operand>()?;
                let checks = if field == Field::Pdf { parts::pdf(operand) } else { parts::url(operand) };
                checks.map_err(A::Error::custom)?.into_iter().for_each(|(of, it)| add(of, it));
            }
            Some(Field::Card) => {
                let checks = map.next_value::<parts::Card>()?.checks();
                checks.map_err(A::Error::custom)?.into_iter().for_each(|(of, it)| add(of, it));
            }
            Some(Field::Picture) => {
                let checks = map.next_value::<parts::Picture>()?.checks();
                checks.map_err(A::Error::custom)?.into_iter().for_each(|(of, it)| add(of, it));
            }
            Some(field) => add(Subject::Field(field), map.next_value()?),
            None => match key.split_once('.') {
                Some(("headers", name)) if !name.is_empty() => add(header(name), map.next_value()?),
                Some(("cookies", name)) if !name.is_empty() => add(Subject::Cookie(name.to_owned()), map.next_value()?),
                _ => add(Subject::Captured(key.to_owned()), map.next_value()?),
            },
        }
        Ok(())
    }
}

fn header(name: &str) -> Subject {
    Subject::Header(name.to_ascii_lowercase())
}

fn text<E: Error>(text: &str) -> Result<Operand, E> {
    crate::probe::template::Template::parse(text).map(Operand::Plain).map_err(E::custom)
}

struct StatusSeed;

impl<'de> DeserializeSeed<'de> for StatusSeed {
    type Value = Matcher;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Matcher, D::Error> {
        Matcher::read_status(Operand::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A map in the order of the file.
struct Entries<K>(Vec<(K, Matcher)>);

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Entries<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<K>(std::marker::PhantomData<K>);

        impl<'de, K: Deserialize<'de>> Visitor<'de> for Pairs<K> {
            type Value = Entries<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from places to what is expected there")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<K>, A::Error> {
                let mut entries = Vec::with_capacity(map.size_hint().unwrap_or_default());
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}

impl JsonSchema for Expect {
    fn schema_name() -> Cow<'static, str> {
        "Expect".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let matcher = generator.subschema_for::<Matcher>();
        let period = generator.subschema_for::<Period>();
        let certificate = generator.subschema_for::<Certificate>();
        let (card, picture) = (generator.subschema_for::<parts::Card>(), generator.subschema_for::<parts::Picture>());
        let with = |part: &str, schema: Value| {
            let mut map = serde_json::json!({ "type": "object", "properties": {} });
            map["properties"][part] = schema;
            serde_json::json!({ "anyOf": [matcher, map] })
        };
        let mut properties = serde_json::json!({
            "good": period, "poor": period,
            "that": { "type": "string", "description": "A CEL expression over the reply that must be true" },
        });
        for field in Field::ALL {
            let places = serde_json::json!({ "type": "object", "additionalProperties": matcher });
            let code = serde_json::json!({ "type": ["integer", "string"], "pattern": "^[1-9]([0-9]{2}|xx)$" });
            let mut schema = match field {
                Field::Json | Field::Html | Field::Headers | Field::Cookies | Field::Phases => places,
                Field::Card => card.clone().to_value(),
                Field::Picture => picture.clone().to_value(),
                Field::Pdf => with("pages", matcher.clone().to_value()),
                Field::Url => with("query", serde_json::json!({ "type": "object", "additionalProperties": matcher })),
                Field::Certificate => certificate.clone().to_value(),
                Field::Status => serde_json::json!({ "anyOf": [code, { "type": "array", "items": code }, matcher] }),
                _ => matcher.clone().to_value(),
            };
            if let Value::Object(schema) = &mut schema {
                schema.insert("description".to_owned(), field.words().into());
            }
            properties[field.name()] = schema;
        }
        // Other keys are `headers.NAME` or the names of captured values.
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": matcher })
    }
}
