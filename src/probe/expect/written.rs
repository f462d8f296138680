//! Matchers as they are written: what can never be meant is refused here.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::Status;
use super::matcher::{Code, Matcher, Presence, Shape, TESTS, Test};
use super::operand::Operand;
use crate::probe::spot::Pattern;
use crate::words::nearest;

const BETWEEN: &str = "`between` takes a list of two numbers, such as `[1, 10]`";

/// How gRPC says how something is (`grpc.health.v1`), and how a call ended when not well.
const WORDS: [&str; 19] = [
    "SERVING",
    "NOT_SERVING",
    "SERVICE_UNKNOWN",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

fn is_word(text: &str) -> bool {
    WORDS.contains(&text)
}

impl Matcher {
    /// Reads a value or a map of tests.
    pub(super) fn read(operand: Operand) -> Result<Self, String> {
        let Operand::Map(members) = operand else { return Ok(Self::equal_to(operand)) };
        if members.is_empty() {
            return Err(format!("an empty matcher; write one of {}", listed(TESTS)));
        }
        let tests = members.into_iter().map(|(name, operand)| Test::read(&name, operand)).collect::<Result<_, _>>()?;
        Ok(Self { tests })
    }

    /// Reads `200`, `2xx`, `[200, 302]`, `SERVING` or a map of tests.
    pub(super) fn read_status(operand: Operand) -> Result<Self, String> {
        let codes = match &operand {
            Operand::Map(_) => return Self::read(operand),
            Operand::Plain(word) | Operand::Quoted(word) if word.constant().is_some_and(is_word) => {
                return Ok(Self::equal_to(operand));
            }
            Operand::List(codes) => codes.iter().map(Code::read).collect::<Result<Vec<_>, _>>()?,
            code => vec![Code::read(code)?],
        };
        if codes.is_empty() {
            Err("an empty list of status codes".to_owned())
        } else {
            Ok(Self { tests: vec![Test::Status(codes)] })
        }
    }
}

impl Matcher {
    /// The form of the status that it wants.
    pub(super) fn status(&self) -> Option<Status> {
        self.tests.iter().find_map(|test| match test {
            Test::Status(_) => Some(Status::Code),
            Test::Equals(Operand::Plain(word) | Operand::Quoted(word)) => {
                word.constant().filter(|word| is_word(word)).map(|_| Status::Word)
            }
            _ => None,
        })
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
    pub(super) const NAMES: &'static [(&'static str, Self)] = &[
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
}

impl Code {
    fn read(operand: &Operand) -> Result<Self, String> {
        let text = scalar(operand, "status", "a code, a class such as `2xx`, or a list of them")?;
        let wrong = || {
            // What somebody spelled otherwise; a number has no letters in common with a word.
            let near = nearest(&text.to_ascii_uppercase(), WORDS.into_iter());
            let near = near.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
            format!("`{text}` is not a status code such as `200`, nor a class such as `2xx`{near}")
        };
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
