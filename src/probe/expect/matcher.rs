//! A matcher: what a value must be, and how that is said.

use std::borrow::Cow;

use serde_json::Value;

use super::found::contains;
use super::operand::{Operand, join};
use crate::probe::Scope;
use crate::probe::spot::Pattern;
use crate::probe::template::Template;
use crate::probe::view::Found;

/// Everything that a value must be at once: a map of tests, or a plain value that it must equal.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub(super) tests: Vec<Test>,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Equals(Operand),
    /// All of them: parts of a text, elements of a list, names in a map.
    Contains(Vec<Operand>),
    Matches(Pattern),
    Not(Matcher),
    Above(Operand),
    Below(Operand),
    /// Both ends count.
    Between(Operand, Operand),
    OneOf(Vec<Operand>),
    Exists(Presence),
    Type(Shape),
    Length(Matcher),
    /// One of these status codes or classes.
    Status(Vec<Code>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Something,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Boolean,
    Null,
    List,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    One(u16),
    /// `2xx` is 2.
    Class(u16),
}

/// The names of all tests, as they stand in YAML.
pub const TESTS: &[&str] =
    &["equals", "contains", "matches", "not", "above", "below", "between", "one_of", "exists", "type", "length"];

impl Matcher {
    pub(super) fn equal_to(operand: Operand) -> Self {
        Self { tests: vec![Test::Equals(operand)] }
    }

    pub(super) fn templates<'a>(&'a self, see: &mut dyn FnMut(&'a Template)) {
        for test in &self.tests {
            match test {
                Test::Equals(one) | Test::Above(one) | Test::Below(one) => one.templates(see),
                Test::Contains(many) | Test::OneOf(many) => many.iter().for_each(|one| one.templates(see)),
                Test::Between(low, high) => [low, high].into_iter().for_each(|one| one.templates(see)),
                Test::Not(matcher) | Test::Length(matcher) => matcher.templates(see),
                Test::Matches(_) | Test::Exists(_) | Test::Type(_) | Test::Status(_) => {}
            }
        }
    }

    pub(super) fn holds(&self, found: &Found<'_>, scope: &Scope) -> bool {
        self.tests.iter().all(|test| test.holds(found, scope))
    }

    /// What was expected, in words.
    pub(super) fn words(&self, scope: &Scope) -> String {
        self.tests.iter().map(|test| test.words(scope)).collect::<Vec<_>>().join(" and ")
    }
}

impl Test {
    fn holds(&self, found: &Found<'_>, scope: &Scope) -> bool {
        match (self, found) {
            (_, Found::Unreadable(_)) => false,
            (Self::Exists(presence), found) => (*presence == Presence::Something) != found.is_nothing(),
            (_, found) if found.is_nothing() && !matches!(self, Self::Length(_)) => false,
            (Self::Not(matcher), found) => !matcher.holds(found, scope),
            (Self::Length(matcher), found) => {
                found.length().is_some_and(|length| matcher.holds(&Found::Number(length.to_string().into()), scope))
            }
            (Self::Type(Shape::List), found) => Shape::of(found) == Shape::List,
            (Self::Contains(wanted), found) => wanted.iter().all(|one| contains(found, one, scope)),
            (Self::Equals(list @ Operand::List(_)), Found::Json(_)) => list.equals(found, scope),
            (test, Found::Any(texts)) => texts.iter().any(|text| test.holds(&Found::Text(text.into()), scope)),
            (test, Found::Json(value)) if value.is_array() => value.as_array().is_some_and(|items| {
                !items.is_empty() && items.iter().all(|item| test.holds(&Found::of(Cow::Borrowed(item)), scope))
            }),
            (test, found) => test.holds_one(found, scope),
        }
    }

    fn holds_one(&self, found: &Found<'_>, scope: &Scope) -> bool {
        let number = |found: &Found<'_>| found.number();
        match self {
            Self::Equals(wanted) => wanted.equals(found, scope),
            Self::OneOf(wanted) => wanted.iter().any(|one| one.equals(found, scope)),
            Self::Matches(pattern) => pattern.matches(&found.words_to_search()),
            Self::Above(limit) => number(found).zip(limit.number(scope)).is_some_and(|(found, limit)| found > limit),
            Self::Below(limit) => number(found).zip(limit.number(scope)).is_some_and(|(found, limit)| found < limit),
            Self::Between(low, high) => match (number(found), low.number(scope), high.number(scope)) {
                (Some(found), Some(low), Some(high)) => low <= found && found <= high,
                _ => false,
            },
            Self::Status(codes) => match found {
                Found::Number(text) => text.parse().is_ok_and(|status| codes.iter().any(|code| code.covers(status))),
                _ => false,
            },
            Self::Type(shape) => Shape::of(found) == *shape,
            Self::Contains(_) | Self::Not(_) | Self::Exists(_) | Self::Length(_) => false,
        }
    }

    fn words(&self, scope: &Scope) -> String {
        match self {
            Self::Equals(wanted) => match wanted.text(scope) {
                text if text.is_empty() => "an empty text".to_owned(),
                text => text,
            },
            Self::Contains(wanted) => format!("containing {}", join(wanted, scope)),
            Self::Matches(pattern) => format!("matching `{pattern}`"),
            Self::Not(matcher) => format!("not {}", matcher.words(scope)),
            Self::Above(limit) => format!("above {}", limit.text(scope)),
            Self::Below(limit) => format!("below {}", limit.text(scope)),
            Self::Between(low, high) => format!("between {} and {}", low.text(scope), high.text(scope)),
            Self::OneOf(wanted) => format!("one of {}", join(wanted, scope)),
            Self::Exists(Presence::Something) => "something".to_owned(),
            Self::Exists(Presence::Nothing) => "nothing".to_owned(),
            Self::Type(shape) => format!("a {}", shape.name()),
            Self::Length(matcher) => format!("length {}", matcher.words(scope)),
            Self::Status(codes) => codes.iter().map(|code| code.words()).collect::<Vec<_>>().join(" or "),
        }
    }
}

impl Shape {
    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, shape)| *shape == self).map_or("value", |(name, _)| name)
    }

    fn of(found: &Found<'_>) -> Self {
        match found {
            Found::Number(_) | Found::Span(_) => Self::Number,
            Found::Any(_) => Self::List,
            Found::Json(value) => match &**value {
                Value::Bool(_) => Self::Boolean,
                Value::Array(_) => Self::List,
                Value::Object(_) => Self::Map,
                _ => Self::Null,
            },
            _ => Self::Text,
        }
    }
}

impl Code {
    fn covers(self, status: u16) -> bool {
        match self {
            Self::One(code) => code == status,
            Self::Class(class) => status / 100 == class,
        }
    }

    fn words(self) -> String {
        match self {
            Self::One(code) => code.to_string(),
            Self::Class(class) => format!("{class}xx"),
        }
    }
}
