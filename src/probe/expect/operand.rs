//! Values in a matcher, as they were written: `1.10` stays `1.10`, and a quoted `"200"` is a text.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::decimal::Decimal;
use crate::probe::Scope;
use crate::probe::template::Template;
use crate::probe::view::Found;
use crate::units::{Period, SCALAR};

/// A value in a matcher.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A plain scalar: what it means depends on what it is compared with.
    Plain(Template),
    /// A quoted text.
    Quoted(Template),
    List(Vec<Operand>),
    Map(Vec<(String, Operand)>),
}

impl Operand {
    /// Shows every template in it.
    pub(super) fn templates<'a>(&'a self, see: &mut dyn FnMut(&'a Template)) {
        match self {
            Self::Plain(template) | Self::Quoted(template) => see(template),
            Self::List(items) => items.iter().for_each(|item| item.templates(see)),
            Self::Map(members) => members.iter().for_each(|(_, member)| member.templates(see)),
        }
    }

    /// As text, for evidence and for comparing texts.
    pub(super) fn text(&self, scope: &Scope) -> String {
        match self {
            Self::Plain(template) | Self::Quoted(template) => template.render(scope).into_owned(),
            Self::List(items) => format!("[{}]", join(items, scope)),
            Self::Map(members) => {
                let members: Vec<String> =
                    members.iter().map(|(name, member)| format!("{name}: {}", member.text(scope))).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    /// As a number; a duration counts in seconds.
    pub(super) fn number(&self, scope: &Scope) -> Option<Decimal> {
        let text = match self {
            Self::Plain(template) | Self::Quoted(template) => template.render(scope),
            _ => return None,
        };
        let seconds = || Period::parse(&text).ok().map(|period| period.get().as_secs_f64().to_string());
        Decimal::parse(&text).or_else(|| Decimal::parse(&seconds()?))
    }

    /// Refuses what can never be a number.
    pub(super) fn check_number(&self) -> Result<(), String> {
        let varies = matches!(self, Self::Plain(it) | Self::Quoted(it) if it.names().next().is_some());
        if varies || self.number(&Scope::default()).is_some() {
            return Ok(());
        }
        Err(format!("`{}` is neither a number nor a duration", self.text(&Scope::default())))
    }

    /// Whether it is what was found.
    pub(super) fn equals(&self, found: &Found<'_>, scope: &Scope) -> bool {
        match (self, found) {
            (_, Found::Json(value)) => self.equals_json(value, scope),
            (Self::Plain(_) | Self::Quoted(_), Found::Text(text)) => {
                let wanted = self.text(scope);
                wanted == **text || (self.is_open() && same_number(&wanted, text))
            }
            (Self::Plain(_) | Self::Quoted(_), Found::Number(text)) => same_number(&self.text(scope), text),
            (Self::Plain(_) | Self::Quoted(_), Found::Span(span)) => {
                self.number(scope).is_some() && self.number(scope) == Decimal::parse(&span.as_secs_f64().to_string())
            }
            _ => false,
        }
    }

    fn equals_json(&self, value: &Value, scope: &Scope) -> bool {
        match (self, value) {
            (Self::List(wanted), Value::Array(found)) => {
                wanted.len() == found.len()
                    && wanted.iter().zip(found).all(|(wanted, found)| wanted.equals_json(found, scope))
            }
            (Self::Map(wanted), Value::Object(found)) => {
                wanted.len() == found.len()
                    && wanted
                        .iter()
                        .all(|(name, wanted)| found.get(name).is_some_and(|found| wanted.equals_json(found, scope)))
            }
            (Self::Plain(_) | Self::Quoted(_), Value::Bool(found)) => {
                self.is_open() && self.text(scope) == if *found { "true" } else { "false" }
            }
            (Self::Plain(_) | Self::Quoted(_), Value::Null) => {
                self.is_open() && matches!(&*self.text(scope), "" | "~" | "null")
            }
            (Self::Plain(_) | Self::Quoted(_), Value::String(_) | Value::Number(_)) => {
                self.equals(&Found::of(std::borrow::Cow::Borrowed(value)), scope)
            }
            _ => false,
        }
    }

    /// Whether it may mean more than a text: written plain, or filled in from elsewhere, where quotes are only YAML's.
    fn is_open(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Quoted(template) => template.names().next().is_some(),
            _ => false,
        }
    }
}

/// The operands in words, with commas.
pub(super) fn join(operands: &[Operand], scope: &Scope) -> String {
    operands.iter().map(|operand| operand.text(scope)).collect::<Vec<_>>().join(", ")
}

fn same_number(left: &str, right: &str) -> bool {
    Decimal::parse(left).is_some_and(|left| Decimal::parse(right) == Some(left))
}

/// Where the text of a scalar comes from.
#[derive(Clone, Copy)]
enum Source {
    /// Our own deserializer: `visit_str` is plain, `visit_bytes` is quoted.
    Exact,
    /// Another format, whose strings are texts and whose numbers are plain.
    Other,
}

impl<'de> Deserialize<'de> for Operand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SCALAR, Source::Exact)
    }
}

impl Source {
    fn plain<E: Error>(text: &str) -> Result<Operand, E> {
        Template::parse(text).map(Operand::Plain).map_err(E::custom)
    }

    fn quoted<E: Error>(text: &str) -> Result<Operand, E> {
        Template::parse(text).map(Operand::Quoted).map_err(E::custom)
    }
}

impl<'de> Visitor<'de> for Source {
    type Value = Operand;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Operand, E> {
        match self {
            Self::Exact => Self::plain(text),
            Self::Other => Self::quoted(text),
        }
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Operand, E> {
        Self::quoted(&String::from_utf8_lossy(text))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Operand, E> {
        Self::plain(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Operand, E> {
        Self::plain(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Operand, E> {
        Self::plain(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Operand, E> {
        Self::plain(&value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Operand, E> {
        Self::plain("null")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Operand, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or_default());
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Operand::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Operand, A::Error> {
        let mut members = Vec::with_capacity(map.size_hint().unwrap_or_default());
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Operand::Map(members))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Operand, D::Error> {
        deserializer.deserialize_any(Self::Other)
    }
}
