//! `probes/<touchpoint>.yaml` as it is written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::decode::{At, Kept, Keyed};
use crate::config::hours::Hours;
use crate::config::unbroken::{Delay, Detect};
use crate::model::{Channel, FindingSeverity, Weight};
use crate::probe::Kind;
use crate::probe::capture::Capture;
use crate::probe::expect::Expect;
use crate::units::Period;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Touchpoint")]
pub(super) struct RawTouchpoint {
    /// The customer's words.
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) channel: Channel,
    pub(super) owner: Option<String>,
    #[serde(default)]
    pub(super) defaults: Defaults,
    /// For `{{name}}` in steps.
    #[serde(default)]
    pub(super) variables: Keyed<At<String>>,
    #[serde(default)]
    pub(super) probes: Keyed<Kept<RawProbe>>,
    /// Touchpoints without which this one cannot work.
    #[serde(default)]
    pub(super) depends_on: Vec<At<String>>,
    /// The former id, whose history and incidents follow.
    pub(super) was: Option<At<String>>,
    /// When it is open; always, if absent.
    pub(super) hours: Option<Hours>,
    /// How long DOWN must last before it pages.
    pub(super) page_after: Option<Delay>,
    /// How soon a probe is run again while DOWN.
    pub(super) recheck: Option<At<Period>>,
    pub(super) detect: Option<Detect>,
}

/// For every probe of the file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    pub(super) every: Option<At<Period>>,
    pub(super) timeout: Option<At<Period>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Probe")]
pub(super) struct RawProbe {
    /// The customer's words.
    pub(super) title: Option<String>,
    pub(super) every: Option<At<Period>>,
    /// Of the whole run.
    pub(super) timeout: Option<At<Period>>,
    /// Runs once per persona; absent: one anonymous customer.
    #[serde(default)]
    pub(super) personas: Vec<At<String>>,
    #[serde(default)]
    pub(super) weight: Weight,
    pub(super) steps: At<Vec<Kept<RawStep>>>,
    pub(super) recheck: Option<At<Period>>,
    pub(super) detect: Option<Detect>,
    /// `false`: targets are not told the trace of a run (no `traceparent`).
    pub(super) trace: Option<bool>,
}

/// A kind's key with its settings, and beside it what is the same for every kind.
#[derive(Clone, Debug)]
pub(super) struct RawStep {
    pub(super) name: Option<String>,
    pub(super) kind: Kind,
    pub(super) expect: Expect,
    pub(super) capture: Vec<(At<String>, Capture)>,
    pub(super) on: Option<At<String>>,
    pub(super) always: bool,
    pub(super) timeout: Option<At<Period>>,
    pub(super) severity: FindingSeverity,
}

const BESIDE: [&str; 7] = ["name", "expect", "capture", "on", "always", "timeout", "severity"];

/// Every key of a step: what is the same for every kind, then the kinds.
const STEP_KEYS: [&str; BESIDE.len() + Kind::KEYS.len()] = {
    let mut keys = [""; BESIDE.len() + Kind::KEYS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = if at < BESIDE.len() { BESIDE[at] } else { Kind::KEYS[at - BESIDE.len()] };
        at += 1;
    }
    keys
};

impl<'de> Deserialize<'de> for RawStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Step", &STEP_KEYS, StepVisitor)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = RawStep;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a step, such as `http: {{ get: ... }}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawStep, A::Error> {
        let mut kind: Option<(String, Kind)> = None;
        let (mut name, mut on, mut timeout) = (None, None, None);
        let (mut expect, mut always, mut severity) = (Expect::default(), false, FindingSeverity::default());
        let mut capture = Keyed::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = Some(map.next_value()?),
                "expect" => expect = map.next_value()?,
                "capture" => capture = map.next_value()?,
                "on" => on = Some(map.next_value()?),
                "always" => always = map.next_value()?,
                "timeout" => timeout = Some(map.next_value()?),
                "severity" => severity = map.next_value()?,
                _ => {
                    if let Some((first, _)) = &kind {
                        let text = format!("a step does one thing, and this one does `{first}` already");
                        return Err(A::Error::custom(text));
                    }
                    kind = Some((key.clone(), map.next_value_seed(KindSeed(&key))?));
                }
            }
        }
        let nothing = || A::Error::custom(format!("the step does nothing; give it one of {}", kinds()));
        let (_, kind) = kind.ok_or_else(nothing)?;
        Ok(RawStep { name, kind, expect, capture: capture.0, on, always, timeout, severity })
    }
}

fn kinds() -> String {
    let kinds: Vec<String> = Kind::KEYS.iter().map(|kind| format!("`{kind}`")).collect();
    kinds.join(", ")
}

struct KindSeed<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for KindSeed<'_> {
    type Value = Kind;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        Kind::decode(self.0, deserializer).unwrap_or_else(|| {
            let text = format!("no kind of step is called `{}`; there are {}", self.0, kinds());
            Err(D::Error::custom(text))
        })
    }
}

impl JsonSchema for RawStep {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        let mut put = |key: &str, schema: Schema| properties.insert(key.to_owned(), schema.to_value());
        put("name", generator.subschema_for::<String>());
        put("expect", generator.subschema_for::<Expect>());
        put("capture", generator.subschema_for::<Keyed<Capture>>());
        put("on", json_schema!({ "type": "string", "description": "Credit this step to another touchpoint" }));
        put("always", json_schema!({ "type": "boolean", "description": "Run it even when an earlier step failed" }));
        put("timeout", generator.subschema_for::<Period>());
        put("severity", generator.subschema_for::<FindingSeverity>());
        for (key, schema) in Kind::schemas(generator) {
            put(key, schema);
        }
        let one_kind: Vec<_> = Kind::KEYS.iter().map(|kind| serde_json::json!({ "required": [kind] })).collect();
        json_schema!({
            "type": "object", "properties": properties, "additionalProperties": false, "oneOf": one_kind,
        })
    }
}
