//! `journeys:` as it is written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::decode::{At, Kept, Keyed};
use crate::model::{FindingSeverity, Objective, Weight};
use crate::units::{Percent, Period, SCALAR};

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Journey")]
pub(super) struct RawJourney {
    /// The customer's words.
    pub(super) title: Option<String>,
    /// The score's own budget, such as `99 over 30d`.
    pub(super) objective: Option<RawObjective>,
    /// It has a public page.
    #[serde(default)]
    pub(super) public: bool,
    /// In the order in which a customer meets them.
    pub(super) stages: Keyed<Kept<RawStage>>,
    /// Values that must agree wherever a customer meets them.
    #[serde(default)]
    pub(super) consistency: Vec<Kept<RawConsistency>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stage")]
pub(super) struct RawStage {
    pub(super) title: Option<String>,
    /// What the stage needs: all of them.
    pub(super) touchpoints: At<Vec<Kept<RawNeed>>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Consistency")]
pub(super) struct RawConsistency {
    pub(super) name: String,
    /// `touchpoint/probe.value`, at least two.
    pub(super) values: At<Vec<At<String>>>,
    #[serde(default)]
    pub(super) severity: FindingSeverity,
}

/// What a stage needs: `shop`, `social: supporting`, `{ any_of: [chat, phone] }`, `{ at_least: 2, of: [a, b, c] }`.
#[derive(Clone, Debug)]
pub(super) enum RawNeed {
    /// A touchpoint or one probe of it; it blocks.
    Name(String),
    Weighed(At<String>, Weight),
    AnyOf(RawGroup),
    AtLeast(At<usize>, RawGroup),
}

/// The members of a choice.
#[derive(Clone, Debug)]
pub(super) enum RawGroup {
    Equal(Vec<Kept<RawNeed>>),
    Shares(Vec<(At<String>, Kept<Percent>)>),
}

const NEED: &str =
    "a touchpoint, `touchpoint/probe`, `touchpoint: weight`, `{ any_of: [...] }` or `{ at_least: N, of: [...] }`";

struct NeedVisitor;

impl<'de> Visitor<'de> for NeedVisitor {
    type Value = RawNeed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NEED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawNeed, E> {
        if text.is_empty() { Err(E::custom(format!("expected {NEED}"))) } else { Ok(RawNeed::Name(text.to_owned())) }
    }

    fn visit_bytes<E: serde::de::Error>(self, text: &[u8]) -> Result<RawNeed, E> {
        self.visit_str(&String::from_utf8_lossy(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawNeed, A::Error> {
        let (mut any_of, mut need, mut of, mut one) = (None, None, None, None);
        while let Some(key) = map.next_key::<At<String>>()? {
            let alone = any_of.is_none() && need.is_none() && of.is_none() && one.is_none();
            match key.value.as_str() {
                "any_of" if alone => any_of = Some(map.next_value()?),
                "at_least" if alone || of.is_some() => need = Some(map.next_value()?),
                "of" if alone || need.is_some() => of = Some(map.next_value()?),
                _ if alone => one = Some((key, map.next_value()?)),
                _ => return Err(A::Error::custom(format!("one thing only may stand here: {NEED}"))),
            }
        }
        match (any_of, need, of, one) {
            (Some(group), ..) => Ok(RawNeed::AnyOf(group)),
            (_, Some(need), Some(group), _) => Ok(RawNeed::AtLeast(need, group)),
            (.., Some((element, weight))) => Ok(RawNeed::Weighed(element, weight)),
            (_, Some(_), None, _) => Err(A::Error::missing_field("of")),
            (_, None, Some(_), _) => Err(A::Error::missing_field("at_least")),
            _ => Err(A::Error::custom(format!("expected {NEED}"))),
        }
    }
}

impl<'de> Deserialize<'de> for RawNeed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SCALAR, NeedVisitor)
    }
}

struct GroupVisitor;

impl<'de> Visitor<'de> for GroupVisitor {
    type Value = RawGroup;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of touchpoints, or a map of touchpoints and shares such as `{ chat: 60%, phone: 40% }`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawGroup, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = seq.next_element()? {
            members.push(member);
        }
        Ok(RawGroup::Equal(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawGroup, A::Error> {
        let mut shares = Vec::new();
        while let Some(share) = map.next_entry()? {
            shares.push(share);
        }
        Ok(RawGroup::Shares(shares))
    }
}

impl<'de> Deserialize<'de> for RawGroup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GroupVisitor)
    }
}

impl JsonSchema for RawNeed {
    fn schema_name() -> Cow<'static, str> {
        "Need".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let weight = generator.subschema_for::<Weight>();
        let member = json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "object", "additionalProperties": weight, "minProperties": 1, "maxProperties": 1 },
        ] });
        let group = json_schema!({ "anyOf": [
            { "type": "array", "items": member },
            { "type": "object", "additionalProperties": generator.subschema_for::<Percent>() },
        ] });
        json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "object", "properties": { "any_of": group }, "required": ["any_of"],
              "additionalProperties": false },
            { "type": "object", "properties": { "at_least": { "type": "integer", "minimum": 1 }, "of": group },
              "required": ["at_least", "of"], "additionalProperties": false },
            { "type": "object", "additionalProperties": weight, "minProperties": 1, "maxProperties": 1 },
        ] })
    }
}

/// `99 over 30d`
#[derive(Clone, Debug)]
pub(super) struct RawObjective(pub(super) Objective);

impl RawObjective {
    fn parse(text: &str) -> Result<Objective, String> {
        let wrong = || {
            format!(
                "`{text}` is not an objective; write per cent and a window, such as `99 over 30d` or `99.5 over 7d`"
            )
        };
        let (target, window) = text.split_once(" over ").ok_or_else(wrong)?;
        let target = target.trim();
        let target: f64 = target.strip_suffix('%').unwrap_or(target).parse().map_err(|_| wrong())?;
        let window = Period::parse(window.trim()).map_err(|_| wrong())?.get();
        let day = std::time::Duration::from_hours(24);
        if !(50.0..=99.999).contains(&target) || window < day || window > 366 * day {
            return Err(format!("`{text}` is out of range; 50 to 99.999 per cent over 1d to 366d"));
        }
        Ok(Objective { target, window })
    }
}

impl<'de> Deserialize<'de> for RawObjective {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for RawObjective {
    fn schema_name() -> Cow<'static, str> {
        "Objective".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9.]+%? over [0-9]+", "examples": ["99 over 30d"] })
    }
}
