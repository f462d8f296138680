//! What a synthetic customer does: an errand of steps, prepared once for all its runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};
use url::Url;

use super::capture::Capture;
use super::expect::Expect;
use super::template::Place;
use super::{Fields, Kind, Needs, Part, Redactor};
use crate::model::{FindingSeverity, ProbeId, TouchpointId};

/// One thing that a customer does.
#[derive(Clone, Debug)]
pub struct Step {
    /// Empty if none was given: the errand then calls it by its kind and number.
    pub name: SmolStr,
    pub kind: Kind,
    pub expect: Expect,
    /// Name and where its value stands, in the order of the file.
    pub capture: Vec<(Arc<str>, Capture)>,
    /// The touchpoint that it is credited to, if another than the probe's.
    pub on: Option<TouchpointId>,
    pub when: When,
    /// Shorter than the run's.
    pub timeout: Option<Duration>,
    /// Of its failed expectations.
    pub severity: FindingSeverity,
}

/// Whether a step runs after a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Only while everything went well.
    #[default]
    Well,
    /// Also afterwards (`always: true`): signing out, cancelling what was ordered.
    Always,
}

impl Step {
    /// The names in `{{ }}` of the kind's settings that must be known before, each once.
    pub fn settings_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.kind.parts(&mut |part| {
            if let Part::Template(template, _) = part {
                names.extend(template.names().map(str::to_owned));
            }
        });
        // A dialogue that says what it captures captures it first.
        self.kind.captures(&mut |name| _ = names.remove(name));
        names
    }

    /// The names in its expectations that this step or an earlier one must capture, or that are variables.
    pub fn expect_names(&self) -> BTreeSet<String> {
        let named = self.expect.template_names().into_iter().chain(self.expect.captured());
        named.chain(self.expect.expression_names()).map(str::to_owned).collect()
    }

    /// The names in its settings that decide which host is reached.
    fn leading(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.kind.parts(&mut |part| {
            if let Part::Template(template, place) = part {
                names.extend(template.leading(place).map(str::to_owned));
            }
        });
        names
    }

    /// The names that it captures.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.capture.iter().map(|(name, _)| &**name).collect();
        self.kind.captures(&mut |name| names.push(name));
        names.into_iter()
    }

    /// The captures that read a field which the kind's replies do not have: name and field.
    pub fn unanswerable_captures(&self) -> Vec<(&str, &'static str)> {
        let fields = self.kind.about().fields;
        let wrong = self.capture.iter().filter(|(_, capture)| !fields.contains(&capture.field()));
        wrong.map(|(name, capture)| (&**name, capture.field().name())).collect()
    }
}

/// Whether targets are told the trace that a run is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    #[default]
    Yes,
    /// `trace: false`: somebody else's service, which need not know, or one that chokes on the header.
    No,
}

/// A probe as it runs. What the configuration has put together is not checked again.
#[derive(Debug)]
pub struct Errand {
    pub id: ProbeId,
    /// The customer's words.
    pub title: String,
    pub every: Duration,
    /// The whole run's.
    pub timeout: Duration,
    pub told: Told,
    pub(super) steps: Vec<Prepared>,
    pub(super) variables: Arc<BTreeMap<String, String>>,
    /// Hides the secrets of all steps.
    pub(super) redactor: Redactor,
    /// Names whose captured values never leave a run.
    pub(super) masked: BTreeSet<String>,
}

/// A step with what can be known of it before any run.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) step: Step,
    /// What it must know before it can run; its own captures are not among them.
    pub(super) names: Vec<String>,
    /// Of those, what decides which host is reached.
    pub(super) leading: Vec<String>,
    pub(super) needs: Needs,
    pub(super) asked: Fields,
    /// The probe that gets its sample: the errand's own, or one at another touchpoint.
    pub(super) credit: ProbeId,
}

impl Errand {
    /// Prepares an errand: variables are filled in, secrets are noted, names are collected.
    pub fn new(
        id: ProbeId,
        title: String,
        (every, timeout): (Duration, Duration),
        steps: Vec<Step>,
        variables: BTreeMap<String, String>,
    ) -> Self {
        let mut redactor = Redactor::default();
        let mut masked = BTreeSet::new();
        for step in &steps {
            step.kind.parts(&mut |part| match part {
                Part::Secret(secret) => redactor.hide(secret.expose()),
                Part::Template(template, place) => {
                    if place == Place::Credential {
                        masked.extend(template.names().map(str::to_owned));
                    }
                    template.settle(place, &variables);
                }
            });
            step.expect.templates(&mut |template| template.settle(Place::Text, &variables));
            masked.extend(step.captures().filter(|name| sounds_secret(name)).map(str::to_owned));
        }
        let steps = steps.into_iter().enumerate().map(|(index, step)| Prepared::new(step, index, &id)).collect();
        Self { id, title, every, timeout, told: Told::Yes, steps, variables: variables.into(), redactor, masked }
    }

    #[must_use]
    pub fn telling(self, told: Told) -> Self {
        Self { told, ..self }
    }

    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().map(|prepared| &prepared.step)
    }

    /// The touchpoints, beside its own, whose health it tells.
    pub fn credits(&self) -> BTreeSet<&TouchpointId> {
        self.steps().filter_map(|step| step.on.as_ref()).filter(|on| **on != self.id.touchpoint).collect()
    }
}

impl Prepared {
    fn new(mut step: Step, index: usize, origin: &ProbeId) -> Self {
        if step.name.is_empty() {
            step.name = format_smolstr!("{} {}", step.kind, index + 1);
        }
        let own: Vec<String> = step.captures().map(str::to_owned).collect();
        let expected = step.expect_names().into_iter().filter(|name| !own.contains(name));
        let names = step.settings_names().into_iter().chain(expected).collect();
        let needs = step.capture.iter().map(|(_, capture)| capture.needs()).chain([step.expect.needs()]).max();
        let asked = step.capture.iter().map(|(_, capture)| capture.field()).chain(step.expect.fields()).collect();
        let credit = match &step.on {
            Some(on) if *on != origin.touchpoint => ProbeId::credited(on, origin),
            _ => origin.clone(),
        };
        let leading = step.leading().into_iter().collect();
        Self { names, leading, needs: needs.unwrap_or_default(), asked, credit, step }
    }
}

/// Names that people give to what must not be seen.
const SECRET_WORDS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "session",
    "cookie",
    "csrf",
    "api_key",
    "apikey",
    "jwt",
    "otp",
    "bearer",
];

/// Names of what is in a link and opens it.
const KEY_NAMES: &[&str] = &["auth", "code", "hash", "key", "sid", "sig", "signature", "ticket"];
/// Nothing that long and with digits is a word.
const KEY_CHARS_MIN: usize = 16;
/// Keys in an address that is shown: one with more is shown without any of its query.
const KEYS_MAX: usize = 16;

/// What in the query of a captured address lets in whoever has it.
pub(super) fn keys_in(value: &str) -> Vec<String> {
    let Some(url) = Url::parse(value).ok().filter(Url::has_host) else { return Vec::new() };
    let is_key = |name: &str, value: &str| {
        let name = name.to_ascii_lowercase();
        let random = value.len() >= KEY_CHARS_MIN
            && value.bytes().any(|b| b.is_ascii_digit())
            && !value.contains([' ', '/', '.']);
        sounds_secret(&name) || KEY_NAMES.contains(&name.as_str()) || random
    };
    let pairs = url.query_pairs().filter(|(name, value)| is_key(name, value)).map(|(_, value)| value.into_owned());
    pairs.chain(url.password().map(str::to_owned)).collect()
}

/// The address without what in it lets in whoever has it.
pub(super) fn without_keys(url: &str) -> String {
    let keys = keys_in(url);
    if keys.len() > KEYS_MAX
        && let Ok(mut bare) = Url::parse(url)
    {
        let _ = bare.set_password(None);
        bare.set_query(None);
        bare.set_fragment(None);
        return format!("{bare}?…");
    }
    let mut redactor = Redactor::default();
    for key in &keys {
        redactor.hide(key);
    }
    redactor.clip(url, usize::MAX)
}

pub(super) fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_opens_by_itself_is_known_by_its_key() {
        let key = "ea2721467afe432293629421a149268a";
        for named in ["key", "t", "Signature"] {
            assert_eq!(keys_in(&format!("https://x.example/bill.pdf?{named}={key}&page=2")), [key]);
        }
        assert_eq!(keys_in("https://x.example/go?sig=abc&utm_campaign=autumn"), ["abc"]);
        assert_eq!(keys_in("https://anna:open-sesame@x.example/"), ["open-sesame"]);
        for harmless in ["https://x.example/p?id=12&utm_source=newsletter-of-the-week", "29.99", "mailto:a@b.example"] {
            assert!(keys_in(harmless).is_empty(), "{harmless}");
        }
        assert_eq!(without_keys("https://x.example/api?sid=a%2Fb%20c&page=2"), "https://x.example/api?sid=•••&page=2");
        // Whoever brings as many as he can costs no more for it.
        let many = "&sid=0a1b2c3d".repeat(40);
        assert_eq!(
            without_keys(&format!("https://x:open-sesame@x.example/api?page=2{many}")),
            "https://x@x.example/api?…"
        );
    }
}
