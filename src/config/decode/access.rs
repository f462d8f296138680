//! The insides of lists, maps and choices.

use std::slice;

use serde::de::value::StringDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer};

use super::wrong::{What, Wrong};
use super::{Decoder, Desk};
use crate::config::tree::{Entry, Item, Node, Value};
use crate::secret;

pub(super) struct Elements<'de> {
    pub(super) items: slice::Iter<'de, Item>,
    pub(super) parent: &'de Node,
    pub(super) desk: Desk<'de>,
}

impl<'de> de::SeqAccess<'de> for Elements<'de> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some(item) = self.items.find(|item| !item.gone.get()) else { return Ok(None) };
        let decoder = Decoder { node: &item.node, desk: self.desk };
        let value = decoder.settle(seed.deserialize(decoder));
        value.map(Some).map_err(|wrong| wrong.taken_out_of_list(item, self.parent, &self.desk))
    }

    /// So that of ten thousand short lists none holds room for more.
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.as_slice().iter().filter(|item| !item.gone.get()).count())
    }
}

pub(super) struct Pairs<'de> {
    entries: slice::Iter<'de, Entry>,
    parent: &'de Node,
    desk: Desk<'de>,
    /// The entry whose key was read last; none once all have been.
    current: Option<&'de Entry>,
}

impl<'de> Pairs<'de> {
    pub(super) fn new(entries: &'de [Entry], parent: &'de Node, desk: Desk<'de>) -> Self {
        Self { entries: entries.iter(), parent, desk, current: None }
    }

    /// A visitor that gives up in the middle of a map does so because of the key it has just read.
    pub(super) fn blame(&self, wrong: Wrong) -> Wrong {
        match self.current {
            Some(entry) if wrong.is_unknown_key() || !wrong.is_placed() && !wrong.is_missing() => {
                wrong.at(entry.key.place).taken_out_with(entry, self.parent, &self.desk)
            }
            _ => wrong,
        }
    }
}

impl<'de> de::MapAccess<'de> for &mut Pairs<'de> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        self.current = self.entries.find(|entry| !entry.gone.get());
        let Some(entry) = self.current else { return Ok(None) };
        let decoder = Decoder { node: &entry.key, desk: self.desk };
        let key = decoder.settle(seed.deserialize(decoder));
        key.map(Some).map_err(|wrong| wrong.taken_out_with(entry, self.parent, &self.desk))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.as_slice().iter().filter(|entry| !entry.gone.get()).count())
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let Some(entry) = self.current else { return Err(Wrong::text("a value without a key")) };
        let decoder = Decoder { node: &entry.value, desk: self.desk };
        let value = decoder.settle(seed.deserialize(decoder));
        value.map_err(|wrong| wrong.taken_out_with(entry, self.parent, &self.desk))
    }
}

/// A choice: a word alone, or a map with one key.
pub(super) enum Choice<'de> {
    Word { node: &'de Node, desk: Desk<'de> },
    Keyed { entry: &'de Entry, parent: &'de Node, desk: Desk<'de> },
}

impl<'de> Choice<'de> {
    pub(super) fn of(decoder: Decoder<'de>, variants: &'static [&'static str]) -> Result<Self, Wrong> {
        let Decoder { node, desk } = decoder;
        let unknown = |word: String, at: &Node| {
            let what = What::UnknownVariant { word, known: variants.to_vec() };
            Wrong::new(what).at(at.place)
        };
        match &node.value {
            Value::Scalar { text, .. } => {
                let word = text.borrow().clone();
                if variants.contains(&word.as_str()) {
                    return Ok(Self::Word { node, desk });
                }
                Err(if word.is_empty() { decoder.expected(&one_of(variants).as_str()) } else { unknown(word, node) })
            }
            Value::Map(entries) => {
                let mut live = entries.iter().filter(|entry| !entry.gone.get());
                match (live.next(), live.next()) {
                    (Some(entry), None) => {
                        let key = entry.key.text().unwrap_or_default();
                        if variants.contains(&key.as_str()) {
                            return Ok(Self::Keyed { entry, parent: node, desk });
                        }
                        let what = What::UnknownKey { key, known: variants.to_vec() };
                        Err(Wrong::new(what).at(entry.key.place))
                    }
                    (None, _) => {
                        decoder.settle(Err(Wrong::text(format!("expected {}, found nothing", one_of(variants)))))
                    }
                    (Some(_), Some(second)) => {
                        let text = format!("only one key may stand here: {}", one_of(variants));
                        Err(Wrong::text(text).at(second.key.place))
                    }
                }
            }
            Value::Seq(_) => Err(decoder.expected(&one_of(variants).as_str())),
        }
    }
}

fn one_of(variants: &[&str]) -> String {
    let variants: Vec<String> = variants.iter().map(|variant| format!("`{variant}`")).collect();
    match variants.as_slice() {
        [one] => one.clone(),
        _ => format!("one of {}", variants.join(", ")),
    }
}

impl<'de> de::EnumAccess<'de> for Choice<'de> {
    type Error = Wrong;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Wrong> {
        let (node, desk) = match &self {
            Self::Word { node, desk } => (*node, *desk),
            Self::Keyed { entry, desk, .. } => (&entry.key, *desk),
        };
        let decoder = Decoder { node, desk };
        Ok((decoder.settle(seed.deserialize(decoder))?, self))
    }
}

impl<'de> Choice<'de> {
    fn inside<T>(self, decode: impl FnOnce(Decoder<'de>) -> Result<T, Wrong>) -> Result<T, Wrong> {
        match self {
            Self::Word { node, desk } => {
                let word = node.text().unwrap_or_default();
                let decoder = Decoder { node, desk };
                Err(decoder.wrong(format!("`{word}` needs its settings; write `{word}: ...`")))
            }
            Self::Keyed { entry, parent, desk } => {
                let decoder = Decoder { node: &entry.value, desk };
                let result = decoder.settle(decode(decoder));
                result.map_err(|wrong| wrong.taken_out_with(entry, parent, &desk))
            }
        }
    }
}

impl<'de> de::VariantAccess<'de> for Choice<'de> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        match self {
            Self::Word { .. } => Ok(()),
            Self::Keyed { entry, .. } => {
                let key = entry.key.text().unwrap_or_default();
                Err(Wrong::text(format!("`{key}` has no settings; write the word alone")).at(entry.key.place))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        self.inside(|decoder| seed.deserialize(decoder))
    }

    fn tuple_variant<V: de::Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.inside(|decoder| decoder.list(visitor))
    }

    fn struct_variant<V: de::Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.inside(|decoder| de::Deserializer::deserialize_struct(decoder, "", fields, visitor))
    }
}

/// A reference to a secret among other values: a map with the one key [`secret::RESOLVE`].
pub(super) struct Reference<'de> {
    pub(super) node: Option<&'de Node>,
    pub(super) desk: Desk<'de>,
}

impl<'de> de::MapAccess<'de> for &mut Reference<'de> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        match self.node {
            Some(_) => seed.deserialize(secret::RESOLVE.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let Some(node) = self.node.take() else { return Err(Wrong::text("a value without a key")) };
        let decoder = Decoder { node, desk: self.desk };
        decoder.settle(seed.deserialize(decoder))
    }
}

/// A resolved secret's two texts, last one first.
pub(super) struct Resolved {
    pub(super) texts: Vec<String>,
}

impl<'de> de::SeqAccess<'de> for Resolved {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some(text) = self.texts.pop() else { return Ok(None) };
        let text: StringDeserializer<Wrong> = text.into_deserializer();
        seed.deserialize(text).map(Some)
    }
}
