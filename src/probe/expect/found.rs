//! What a test asks of what was found.

use std::borrow::Cow;

use serde_json::Value;

use super::decimal::Decimal;
use super::operand::Operand;
use crate::probe::Scope;
use crate::probe::view::{Found, plain};

impl Found<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Any(texts) => texts.is_empty(),
            _ => false,
        }
    }

    pub(super) fn number(&self) -> Option<Decimal> {
        match self {
            Self::Text(text) | Self::Number(text) => Decimal::parse(text.trim()),
            Self::Span(span) => Decimal::parse(&span.as_secs_f64().to_string()),
            _ => None,
        }
    }

    /// Characters of a text, elements of a list, names of a map.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Nothing => Some(0),
            Self::Text(text) => Some(text.chars().count()),
            Self::Any(texts) => Some(texts.len()),
            Self::Json(value) => match &**value {
                Value::Array(items) => Some(items.len()),
                Value::Object(members) => Some(members.len()),
                _ => None,
            },
            Self::Number(_) | Self::Span(_) | Self::Unreadable(_) => None,
        }
    }

    pub(super) fn words_to_search(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::Number(text) => (&**text).into(),
            other => other.words(),
        }
    }
}

pub(super) fn contains(found: &Found<'_>, wanted: &Operand, scope: &Scope) -> bool {
    match found {
        Found::Any(texts) => {
            let wanted = wanted.text(scope);
            texts.iter().any(|text| text.contains(&wanted))
        }
        Found::Json(value) => match &**value {
            Value::Array(items) => items.iter().any(|item| wanted.equals(&Found::of(Cow::Borrowed(item)), scope)),
            Value::Object(members) => members.contains_key(&wanted.text(scope)),
            other => plain(other).contains(&wanted.text(scope)),
        },
        other => other.words_to_search().contains(&wanted.text(scope)),
    }
}
