//! Settings out of a tree: a serde `Deserializer` that knows places and goes on after a mistake.
//!
//! What is wrong is reported where it stands and taken out of the tree; then the value around it is decoded again
//! ([`Kept`]). So one reading finds every mistake, and what is missing only because it was taken out is none.

mod access;
mod kept;
mod scalar;
mod wrong;

pub(super) use kept::{At, Kept, Keyed};
pub(super) use wrong::{Wrong, advice};

use std::cell::RefCell;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, Visitor};

use crate::config::problem::{Problem, Source};
use crate::config::tree::{Node, Style, Value};
use crate::config::vault::Vault;
use crate::secret;
use crate::units;

use access::{Choice, Elements, Pairs, Resolved};
use scalar::short;
use wrong::What;

/// What decoding a file needs beside its tree.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) source: &'a Source,
    pub(super) vault: &'a Vault<'a>,
    pub(super) problems: &'a RefCell<Vec<Problem>>,
}

impl Desk<'_> {
    pub(super) fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }
}

/// Decodes a whole tree; everything wrong in it is reported to the desk.
pub(super) fn decode<'de, T: Deserialize<'de>>(node: &'de Node, desk: Desk<'de>) -> Kept<T> {
    let decoder = Decoder { node, desk };
    Kept::deserialize(decoder).unwrap_or(Kept { place: node.place, value: None, damaged: true })
}

/// Hands one node to whatever is decoded from it.
#[derive(Clone, Copy)]
struct Decoder<'de> {
    node: &'de Node,
    desk: Desk<'de>,
}

impl<'de> Decoder<'de> {
    fn wrong(self, text: impl Into<String>) -> Wrong {
        Wrong::new(What::Text(text.into())).at(self.node.place)
    }

    fn expected(self, expected: &dyn de::Expected) -> Wrong {
        self.wrong(format!("expected {expected}, found {}", self.found()))
    }

    /// What stands here, in words.
    fn found(self) -> String {
        match &self.node.value {
            Value::Scalar { text, style } => match (text.borrow().as_str(), style) {
                ("", Style::Plain) => "nothing".to_owned(),
                (text, Style::Quoted) => format!("the text \"{}\"", short(text)),
                (text, Style::Plain) => format!("`{}`", short(text)),
            },
            Value::Seq(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// Gives an error that has no place yet this node's, unless it is only what an earlier mistake left behind.
    fn settle<T>(self, result: Result<T, Wrong>) -> Result<T, Wrong> {
        result.map_err(|wrong| wrong.settle(self.node))
    }

    fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::Seq(items) => {
                self.settle(visitor.visit_seq(Elements { items: items.iter(), parent: self.node, desk: self.desk }))
            }
            Value::Scalar { .. } | Value::Map(_) => Err(self.expected(&"a list")),
        }
    }

    fn pairs<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::Map(entries) => {
                let mut pairs = Pairs::new(entries, self.node, self.desk);
                let result = visitor.visit_map(&mut pairs);
                let result = result.map_err(|wrong| pairs.blame(wrong));
                self.settle(result)
            }
            Value::Scalar { .. } | Value::Seq(_) => Err(self.expected(&"a map")),
        }
    }

    /// By [`units::SCALAR`].
    fn as_written<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::Scalar { text, style } => {
                let text = text.borrow().clone();
                self.settle(match style {
                    Style::Plain => visitor.visit_str(&text),
                    Style::Quoted => visitor.visit_bytes(text.as_bytes()),
                })
            }
            Value::Seq(_) => self.list(visitor),
            Value::Map(_) => self.pairs(visitor),
        }
    }

    /// By [`units::FILE`].
    fn file<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let path = self.node.text().filter(|path| !path.is_empty()).ok_or_else(|| self.expected(&visitor))?;
        let folder = self.desk.source.path.parent().unwrap_or(Path::new(""));
        self.settle(visitor.visit_bytes(folder.join(path).as_os_str().as_bytes()))
    }

    /// Reports every key that is none of the fields, and passes over it.
    fn sift(self, fields: &'static [&'static str]) {
        for entry in self.node.entries().iter().filter(|entry| !entry.gone.get()) {
            let key = entry.key.text().unwrap_or_default();
            if !fields.contains(&key.as_str()) {
                let wrong = Wrong::new(What::UnknownKey { key, known: fields.to_vec() }).at(entry.key.place);
                wrong.report(&self.desk);
                entry.gone.set(true);
                self.node.damaged.set(true);
            }
        }
    }

    /// A map that refers to a secret: its only key is `env`, `file` or `secret`.
    fn is_reference(self) -> bool {
        matches!(self.node.entries(), [entry]
            if entry.value.text().is_some() && Vault::KEYS.contains(&entry.key.text().unwrap_or_default().as_str()))
    }

    fn plain(self) -> Option<String> {
        match &self.node.value {
            Value::Scalar { text, style: Style::Plain } => Some(text.borrow().clone()),
            _ => None,
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $number:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            let number = scalar::whole(self.node, i128::from(<$number>::MIN), i128::from(<$number>::MAX));
            let number = number.map_err(|range| self.expected(&range.as_str()))?;
            let number = <$number>::try_from(number).map_err(|_| self.wrong("out of range"))?;
            self.settle(visitor.$visit(number))
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            self.deserialize_str(visitor)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Decoder<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::Seq(_) => self.list(visitor),
            Value::Map(_) => self.pairs(visitor),
            Value::Scalar { text, style } => {
                let text = text.borrow().clone();
                let guess = if *style == Style::Plain { scalar::guess(&text) } else { scalar::Guess::Text };
                self.settle(match guess {
                    scalar::Guess::Nothing => visitor.visit_unit(),
                    scalar::Guess::Truth(truth) => visitor.visit_bool(truth),
                    scalar::Guess::Natural(number) => visitor.visit_u64(number),
                    scalar::Guess::Whole(number) => visitor.visit_i64(number),
                    scalar::Guess::Decimal(number) => visitor.visit_f64(number),
                    scalar::Guess::Text => visitor.visit_string(text),
                })
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.plain().as_deref() {
            Some("true") => self.settle(visitor.visit_bool(true)),
            Some("false") => self.settle(visitor.visit_bool(false)),
            _ => Err(self.expected(&"`true` or `false`")),
        }
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let number = self.plain().and_then(|text| scalar::decimal(&text)).ok_or_else(|| self.expected(&"a number"))?;
        self.settle(visitor.visit_f64(number))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match (self.node.text(), self.plain().as_deref()) {
            (None, _) | (_, Some("")) => Err(self.expected(&"text")),
            (Some(text), _) => self.settle(visitor.visit_string(text)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        // What stands there is meant; what is not meant is left out.
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.plain().as_deref() {
            Some("" | "null" | "~") => self.settle(visitor.visit_unit()),
            _ => Err(self.expected(&"nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        match name {
            units::FILE => self.file(visitor),
            secret::MIXED | secret::TEXT | secret::PROOF if self.is_reference() => {
                let mut reference = access::Reference { node: Some(self.node), desk: self.desk };
                self.settle(visitor.visit_map(&mut reference))
            }
            secret::MIXED => self.deserialize_any(visitor),
            secret::ONE_OR_MORE if matches!(self.node.value, Value::Seq(_)) => self.list(visitor),
            secret::PROOF if self.node.text().is_some_and(|text| !text.contains("{{")) => {
                Err(Wrong::exposed(secret::REFERRED).at(self.node.place))
            }
            units::SCALAR | secret::TEXT | secret::PROOF => self.as_written(visitor),
            secret::RESOLVE => {
                let (reference, value) = self.settle(self.desk.vault.resolve(self.node, &self.desk))?;
                self.settle(visitor.visit_seq(Resolved { texts: vec![value, reference] }))
            }
            kept::AT => self.settle(visitor.visit_seq(kept::Placed::new(self.node, self.desk))),
            kept::KEPT => self.settle(visitor.visit_seq(kept::Attempts::new(self.node, self.desk))),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.pairs(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if matches!(self.node.value, Value::Map(_)) {
            self.sift(fields);
        }
        self.pairs(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let choice = Choice::of(self, variants)?;
        self.settle(visitor.visit_enum(choice))
    }

    texts! { deserialize_string deserialize_bytes deserialize_byte_buf deserialize_char deserialize_identifier }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.settle(visitor.visit_unit())
    }
}
