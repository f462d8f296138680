//! A matcher: what a value must be, and how that is said.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::decimal::Decimal;
use super::operand::{Operand, join};
use crate::probe::Scope;
use crate::probe::spot::Pattern;
use crate::probe::template::Template;
use crate::probe::view::{Found, plain};

/// Everything that a value must be at once: a map of tests, or a plain value that it must equal.
#[derive(Clone, Debug)]
pub struct Matcher {
    tests: Vec<Test>,
}

#[derive(Clone, Debug)]
enum Test {
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
enum Presence {
    Something,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Number,
    Boolean,
    Null,
    List,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
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

    /// Reads a value or a map of tests.
    pub(super) fn read(operand: Operand) -> Result<Self, String> {
        let Operand::Map(members) = operand else { return Ok(Self::equal_to(operand)) };
        if members.is_empty() {
            return Err(format!("an empty matcher; write one of {}", listed(TESTS)));
        }
        let tests = members.into_iter().map(|(name, operand)| Test::read(&name, operand)).collect::<Result<_, _>>()?;
        Ok(Self { tests })
    }

    /// Reads `200`, `2xx`, `[200, 302]` or a map of tests.
    pub(super) fn read_status(operand: Operand) -> Result<Self, String> {
        let codes = match &operand {
            Operand::Map(_) => return Self::read(operand),
            Operand::List(codes) => codes.iter().map(Code::read).collect::<Result<Vec<_>, _>>()?,
            code => vec![Code::read(code)?],
        };
        if codes.is_empty() {
            Err("an empty list of status codes".to_owned())
        } else {
            Ok(Self { tests: vec![Test::Status(codes)] })
        }
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
    fn read(name: &str, operand: Operand) -> Result<Self, String> {
        let number = |operand: Operand| operand.check_number().map(|()| operand);
        Ok(match name {
            "equals" => Self::Equals(operand),
            "contains" => Self::Contains(many(operand)),
            "matches" => Self::Matches(Pattern::parse(&scalar(&operand, "matches", "a regular expression")?)?),
            "not" => Self::Not(Matcher::read(operand)?),
            "above" => Self::Above(number(operand)?),
            "below" => Self::Below(number(operand)?),
            "between" => match operand {
                Operand::List(ends) => {
                    let [low, high] = <[Operand; 2]>::try_from(ends).map_err(|_| BETWEEN.to_owned())?;
                    Self::Between(number(low)?, number(high)?)
                }
                _ => return Err(BETWEEN.to_owned()),
            },
            "one_of" => match operand {
                Operand::List(items) if !items.is_empty() => Self::OneOf(items),
                _ => return Err("`one_of` takes a list of values".to_owned()),
            },
            "exists" => Self::Exists(match &*scalar(&operand, "exists", "`true` or `false`")? {
                "true" => Presence::Something,
                "false" => Presence::Nothing,
                other => return Err(format!("`exists` takes `true` or `false`, not `{other}`")),
            }),
            "type" => Self::Type(Shape::read(&scalar(&operand, "type", "the name of a type")?)?),
            "length" => Self::Length(Matcher::read(operand)?),
            other => {
                let near = TESTS.iter().find(|test| strsim::damerau_levenshtein(test, other) <= 2);
                let hint = near.map_or_else(
                    || format!("write one of {}", listed(TESTS)),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(format!("no matcher is called `{other}`; {hint}"));
            }
        })
    }

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

const BETWEEN: &str = "`between` takes a list of two numbers, such as `[1, 10]`";

impl Found<'_> {
    fn is_nothing(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Any(texts) => texts.is_empty(),
            _ => false,
        }
    }

    fn number(&self) -> Option<Decimal> {
        match self {
            Self::Text(text) | Self::Number(text) => Decimal::parse(text.trim()),
            Self::Span(span) => Decimal::parse(&span.as_secs_f64().to_string()),
            _ => None,
        }
    }

    /// Characters of a text, elements of a list, names of a map.
    fn length(&self) -> Option<usize> {
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

    fn words_to_search(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::Number(text) => (&**text).into(),
            other => other.words(),
        }
    }
}

fn contains(found: &Found<'_>, wanted: &Operand, scope: &Scope) -> bool {
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

fn many(operand: Operand) -> Vec<Operand> {
    match operand {
        Operand::List(items) => items,
        one => vec![one],
    }
}

fn scalar(operand: &Operand, name: &str, what: &str) -> Result<String, String> {
    match operand {
        Operand::Plain(template) | Operand::Quoted(template) => Ok(template.to_string()),
        _ => Err(format!("`{name}` takes {what}")),
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Shape {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("string", Self::Text),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("null", Self::Null),
        ("list", Self::List),
        ("map", Self::Map),
    ];

    fn read(name: &str) -> Result<Self, String> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape);
        known.ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            format!("no type is called `{name}`; write one of {}", listed(&names))
        })
    }

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
    fn read(operand: &Operand) -> Result<Self, String> {
        let text = scalar(operand, "status", "a code, a class such as `2xx`, or a list of them")?;
        let wrong = || format!("`{text}` is not a status code such as `200`, nor a class such as `2xx`");
        let code = match text.strip_suffix("xx") {
            Some(class) => Self::Class(class.parse().map_err(|_| wrong())?),
            None => Self::One(text.parse().map_err(|_| wrong())?),
        };
        let known = match code {
            Self::One(code) => (100..1000).contains(&code),
            Self::Class(class) => (1..10).contains(&class),
        };
        if known { Ok(code) } else { Err(wrong()) }
    }

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

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Operand::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Matcher {
    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<Self>();
        let scalar = serde_json::json!({ "type": ["string", "number", "boolean", "null"] });
        let tests = serde_json::json!({
            "equals": {}, "contains": {}, "matches": { "type": "string", "format": "regex" }, "not": this,
            "above": { "type": ["number", "string"] }, "below": { "type": ["number", "string"] },
            "between": { "type": "array", "minItems": 2, "maxItems": 2 }, "one_of": { "type": "array", "minItems": 1 },
            "exists": { "type": "boolean" }, "length": this,
            "type": { "enum": Shape::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>() },
        });
        json_schema!({
            "description": "A value that must be equal, or a map of tests that must all hold",
            "anyOf": [
                scalar,
                { "type": "array" },
                { "type": "object", "properties": tests, "additionalProperties": false, "minProperties": 1 },
            ],
        })
    }
}
