//! Shapes of the settings that YAML writes shorter than Rust would.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::probe::connect::resolve::Family;
use crate::probe::template::{Template, TemplateOrSecret};

/// Names and values in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs(pub(super) Vec<(String, TemplateOrSecret)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or_default());
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl JsonSchema for Pairs {
    fn schema_name() -> Cow<'static, str> {
        "Pairs".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<TemplateOrSecret>() })
    }
}

/// One of a few words, whatever YAML makes of them: `off` and `1.1` are no booleans and no numbers here.
pub(super) trait Word: Sized + 'static {
    const NAME: &'static str;
    const WORDS: &'static [(&'static str, Self)];
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OneOf<T>(pub(super) T, PhantomData<T>);

impl<T: Default> Default for OneOf<T> {
    fn default() -> Self {
        Self(T::default(), PhantomData)
    }
}

impl<'de, T: Word + Copy> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A template is a scalar's text as it was written.
        let text = Template::deserialize(deserializer)?.to_string();
        let known = T::WORDS.iter().find(|(word, _)| *word == text);
        known.map(|(_, value)| Self(*value, PhantomData)).ok_or_else(|| {
            let words: Vec<_> = T::WORDS.iter().map(|(word, _)| format!("`{word}`")).collect();
            D::Error::custom(format!("`{text}` is none of {}", words.join(", ")))
        })
    }
}

impl<T: Word> JsonSchema for OneOf<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // As text, and as what an editor makes of the plain word.
        let mut words: Vec<serde_json::Value> = Vec::new();
        for (word, _) in T::WORDS {
            words.push((*word).into());
            words.extend(serde_json::from_str::<serde_json::Value>(word).ok());
        }
        json_schema!({ "enum": words })
    }
}

impl Word for Family {
    const NAME: &'static str = "AddressFamily";
    const WORDS: &'static [(&'static str, Self)] = &[("any", Self::Any), ("4", Self::V4), ("6", Self::V6)];
}

/// Whether cookies are kept and sent back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cookies {
    #[default]
    On,
    Off,
}

impl Word for Cookies {
    const NAME: &'static str = "Cookies";
    const WORDS: &'static [(&'static str, Self)] =
        &[("on", Self::On), ("off", Self::Off), ("true", Self::On), ("false", Self::Off)];
}

/// Which version to speak; what the server prefers, if none is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    #[default]
    Either,
    Http1,
    Http2,
    Http3,
}

impl Word for Version {
    const NAME: &'static str = "HttpVersion";
    const WORDS: &'static [(&'static str, Self)] = &[("1.1", Self::Http1), ("2", Self::Http2), ("3", Self::Http3)];
}
