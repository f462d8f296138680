//! `alerts:` as it is written.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::alert::Receiver;
use crate::model::{Channel, JourneyId, Severity, TouchpointId};
use crate::secret::Secret;
use crate::units::Period;
use crate::words::nearest;

/// Who is told, and of what.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub receivers: BTreeMap<String, Receiver>,
    /// The first that matches wins; what no route matches goes to every receiver, so that nothing stays untold.
    pub routes: Vec<Route>,
    /// Remind while an incident is open.
    pub repeat: Period,
    /// Who hears of our own trouble; every receiver, if absent.
    #[serde(rename = "self")]
    pub own: Option<Vec<String>>,
    pub heartbeat: Option<Heartbeat>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            receivers: BTreeMap::new(),
            routes: Vec::new(),
            repeat: Period::from_secs(4 * 3600),
            own: None,
            heartbeat: None,
        }
    }
}

/// Which notifications go to which receivers.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// All that is named must match; everything matches, if absent.
    #[serde(default, rename = "match")]
    pub matching: Match,
    pub to: Vec<String>,
    /// Who is told when nobody has acknowledged it for so long.
    pub escalate: Option<Escalation>,
}

/// Whom an unanswered incident is told, and when.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Since those of the route were told.
    pub after: Period,
    pub to: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    #[schemars(with = "Option<String>")]
    pub touchpoint: Option<TouchpointId>,
    pub owner: Option<String>,
    #[schemars(with = "Option<String>")]
    pub journey: Option<JourneyId>,
    pub channel: Option<Channel>,
    pub severity: Option<Severity>,
    /// Of the customers whom it hurts: the `segment` of a persona.
    pub segment: Option<String>,
}

/// A dead man's switch: fetched as long as we are well.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    pub url: Address,
    #[serde(default = "every_minute")]
    pub every: Period,
}

fn every_minute() -> Period {
    Period::from_secs(60)
}

/// An `http://` or `https://` URL with a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a web address; write `https://host/path` or `http://host/path`");
        let url = Url::parse(text).map_err(|_| wrong())?;
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if web { Ok(Self(url)) } else { Err(wrong()) }
    }

    pub fn url(&self) -> &Url {
        &self.0
    }

    /// What lies at `path` under this address.
    pub(super) fn under(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri", "pattern": "^https?://" })
    }
}

/// An address that is a secret as a whole, as those of most chats' webhooks are.
#[derive(Clone, PartialEq)]
pub struct SecretAddress {
    secret: Secret,
    address: Address,
}

impl SecretAddress {
    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(super) fn url(&self) -> &Url {
        self.address.url()
    }
}

impl fmt::Debug for SecretAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretAddress({})", self.secret.reference())
    }
}

impl<'de> Deserialize<'de> for SecretAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = Secret::deserialize(deserializer)?;
        // Where secrets are not looked up nothing is sent either.
        let text = if secret.is_known() { secret.expose().trim() } else { "https://secret.invalid/" };
        let wrong = || D::Error::custom("the secret is not a web address; it must begin with `https://` or `http://`");
        let address = Address::parse(text).map_err(|_| wrong())?;
        Ok(Self { secret, address })
    }
}

impl JsonSchema for SecretAddress {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SecretAddress".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Secret>()
    }
}

impl Settings {
    /// Receivers that are told of a storm as one.
    pub fn chats(&self) -> BTreeSet<String> {
        let chats = self.receivers.iter().filter(|(_, receiver)| receiver.chat().is_some());
        chats.map(|(name, _)| name.clone()).collect()
    }

    /// Who hears of our own troubles, by name; where none of those who should is a receiver, it is all of them.
    pub fn hearers(&self) -> Vec<String> {
        let named: Vec<String> =
            self.own.iter().flatten().filter(|name| self.receivers.contains_key(*name)).cloned().collect();
        if named.is_empty() { self.receivers.keys().cloned().collect() } else { named }
    }

    /// What is wrong, by path under `alerts:`. Names that dangle, and what a receiver finds wrong with itself.
    pub fn problems(&self) -> Vec<(Vec<String>, String)> {
        let mut problems = Vec::new();
        for (name, receiver) in &self.receivers {
            if let Some((key, text)) = receiver.problem() {
                problems.push((path(&["receivers", name, receiver.key(), key]), text));
            }
        }
        for (number, route) in self.routes.iter().enumerate() {
            let at = path(&["routes", &number.to_string(), "to"]);
            if route.to.is_empty() {
                problems.push((at, "a route without a receiver tells nobody".into()));
            } else {
                problems.extend(self.dangling(&route.to, &at));
            }
            if let Some(escalation) = &route.escalate {
                let at = path(&["routes", &number.to_string(), "escalate", "to"]);
                if escalation.to.is_empty() {
                    problems.push((at, "an escalation without a receiver tells nobody".into()));
                } else {
                    problems.extend(self.dangling(&escalation.to, &at));
                }
            }
        }
        problems.extend(self.dangling(self.own.as_deref().unwrap_or_default(), &path(&["self"])));
        problems
    }

    fn dangling(&self, names: &[String], at: &[String]) -> Vec<(Vec<String>, String)> {
        let unknown = names.iter().enumerate().filter(|(_, name)| !self.receivers.contains_key(*name));
        let known = self.receivers.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        unknown
            .map(|(number, name)| {
                let hint = match nearest(name, self.receivers.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => "there are no receivers".to_owned(),
                    None => format!("there are {known}"),
                };
                ([at, &[number.to_string()]].concat(), format!("no receiver is called `{name}`; {hint}"))
            })
            .collect()
    }
}

fn path(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}
