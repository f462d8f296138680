//! Wrappers that raw shapes are made of: a value with its place, a value that may have been wrong, a map in order.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::wrong::Wrong;
use super::{Decoder, Desk};
use crate::config::problem::Place;
use crate::config::tree::Node;

/// Asks for line, column, width and the value.
pub(super) const AT: &str = "$unbroken::at";
/// Asks for line, column, width, one attempt at the value after another, and whether it is damaged.
pub(super) const KEPT: &str = "$unbroken::kept";

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct At<T> {
    pub(in crate::config) place: Place,
    pub(in crate::config) value: T,
}

/// A value, if nothing was wrong with it that could not be passed over; what was wrong is reported.
#[derive(Clone, Debug)]
pub(in crate::config) struct Kept<T> {
    pub(in crate::config) place: Place,
    pub(in crate::config) value: Option<T>,
    /// Something was taken out of it: what it lacks now was perhaps meant.
    pub(in crate::config) damaged: bool,
}

/// A map in the order in which it was written.
#[derive(Clone, Debug)]
pub(in crate::config) struct Keyed<T>(pub(in crate::config) Vec<(At<String>, T)>);

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AT, AtVisitor(PhantomData))
    }
}

struct AtVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
    type Value = At<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<At<T>, A::Error> {
        let place = place_of(&mut seq)?;
        let value = seq.next_element()?.ok_or_else(|| serde::de::Error::custom("no value"))?;
        Ok(At { place, value })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(KEPT, KeptVisitor(PhantomData))
    }
}

struct KeptVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for KeptVisitor<T> {
    type Value = Kept<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kept<T>, A::Error> {
        let place = place_of(&mut seq)?;
        loop {
            // A failed attempt has reported what was wrong and taken it out; the next one gets further.
            if let Ok(value) = seq.next_element() {
                let damaged = seq.next_element()?.unwrap_or_default();
                return Ok(Kept { place, value, damaged });
            }
        }
    }
}

fn place_of<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<Place, A::Error> {
    let mut next = || Ok(seq.next_element::<usize>()?.unwrap_or_default());
    Ok(Place { line: next()?, column: next()?, width: next()? })
}

/// The three numbers of a node's place, one after another.
struct Numbers {
    numbers: Vec<usize>,
}

impl Numbers {
    fn of(node: &Node) -> Self {
        Self { numbers: vec![node.place.width, node.place.column, node.place.line] }
    }

    fn next<'de, T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let number = self.numbers.pop().unwrap_or_default();
        seed.deserialize(serde::de::value::UsizeDeserializer::new(number))
    }
}

pub(super) struct Placed<'de> {
    numbers: Numbers,
    node: &'de Node,
    desk: Desk<'de>,
}

impl<'de> Placed<'de> {
    pub(super) fn new(node: &'de Node, desk: Desk<'de>) -> Self {
        Self { numbers: Numbers::of(node), node, desk }
    }
}

impl<'de> SeqAccess<'de> for Placed<'de> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        if !self.numbers.numbers.is_empty() {
            return self.numbers.next(seed).map(Some);
        }
        let decoder = Decoder { node: self.node, desk: self.desk };
        decoder.settle(seed.deserialize(decoder)).map(Some)
    }
}

pub(super) struct Attempts<'de> {
    numbers: Numbers,
    node: &'de Node,
    desk: Desk<'de>,
    left: usize,
    /// The value was handed out.
    done: bool,
}

/// More mistakes than this in one value, and the rest of them waits for the next reading.
const ATTEMPTS_MAX: usize = 100;

impl<'de> Attempts<'de> {
    pub(super) fn new(node: &'de Node, desk: Desk<'de>) -> Self {
        Self { numbers: Numbers::of(node), node, desk, left: ATTEMPTS_MAX, done: false }
    }
}

impl<'de> SeqAccess<'de> for Attempts<'de> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        if !self.numbers.numbers.is_empty() {
            return self.numbers.next(seed).map(Some);
        }
        if self.done {
            return seed.deserialize(serde::de::value::BoolDeserializer::new(self.node.damaged.get())).map(Some);
        }
        if self.left == 0 {
            self.done = true;
            return Ok(None);
        }
        let decoder = Decoder { node: self.node, desk: self.desk };
        match decoder.settle(seed.deserialize(decoder)) {
            Ok(value) => {
                self.done = true;
                Ok(Some(value))
            }
            Err(wrong) => {
                // What could not be taken out from within ends this value.
                self.left = if wrong.is_taken_out() { self.left - 1 } else { 0 };
                wrong.report(&self.desk);
                Err(wrong)
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeyedVisitor(PhantomData))
    }
}

struct KeyedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for KeyedVisitor<T> {
    type Value = Keyed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keyed<T>, A::Error> {
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or_default());
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Keyed(entries))
    }
}

macro_rules! schema_of_inner {
    ($($wrapper:ident)*) => {$(
        impl<T: JsonSchema> JsonSchema for $wrapper<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    )*};
}

schema_of_inner! { At Kept }

impl<T: JsonSchema> JsonSchema for Keyed<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        std::collections::BTreeMap::<String, T>::json_schema(generator)
    }
}
