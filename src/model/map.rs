//! The journey map: what customers want, where they meet the company, and what is watched there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{
    Calendar, FindingSeverity, JourneyId, Language, Maintenance, PersonaId, ProbeId, Series, StageId, TouchpointId,
    VantageId,
};

/// Everything that is watched, as the customer's experience is drawn: journeys, stages, touchpoints.
#[derive(Clone, Debug)]
pub struct JourneyMap {
    pub company: String,
    pub timezone: TimeZone,
    /// Of alerts, and of pages whose visitor asks for none.
    pub language: Language,
    pub touchpoints: BTreeMap<TouchpointId, Touchpoint>,
    /// In the order in which they were written.
    pub journeys: Vec<Journey>,
    pub personas: BTreeMap<PersonaId, Persona>,
    /// At least one.
    pub vantages: Vec<VantageId>,
    /// Planned work, in the order in which it was written.
    pub maintenance: Vec<Maintenance>,
    /// Link to a trace in the configured backend, with `{trace_id}` in it.
    pub trace_link: Option<String>,
}

impl JourneyMap {
    pub fn probe(&self, id: &ProbeId) -> Option<&Probe> {
        self.touchpoints.get(&id.touchpoint)?.probes.iter().find(|probe| probe.id == *id)
    }

    pub fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.touchpoints.values().flat_map(|touchpoint| &touchpoint.probes)
    }

    /// The vantages that a probe runs from, in the order of their turns; at least one.
    pub fn vantages_of<'a>(&'a self, probe: &'a Probe) -> impl Iterator<Item = &'a VantageId> {
        self.vantages.iter().filter(|vantage| !probe.unseen_from.contains(vantage))
    }

    /// From one run of a probe to the next from the same vantage: they take turns, so that what is watched sees a run
    /// every interval, however many vantages there are.
    pub fn turn_of(&self, probe: &Probe) -> Duration {
        probe.every * u32::try_from(self.vantages_of(probe).count().max(1)).unwrap_or(1)
    }

    /// The journeys that need a touchpoint at which work is under way as planned.
    pub fn under_maintenance(&self, at: Timestamp) -> BTreeSet<JourneyId> {
        let open: Vec<&Maintenance> = self.maintenance.iter().filter(|window| window.contains(at)).collect();
        let planned = |journey: &&Journey| {
            journey.elements().any(|element| open.iter().any(|window| window.covers(element.touchpoint())))
        };
        self.journeys.iter().filter(planned).map(|journey| journey.id.clone()).collect()
    }

    /// The same, when everything is looked at from the first vantage.
    #[must_use]
    pub fn from_one_vantage(&self) -> Self {
        let mut map = self.clone();
        map.vantages.truncate(1);
        for probe in map.touchpoints.values_mut().flat_map(|touchpoint| &mut touchpoint.probes) {
            probe.unseen_from.clear();
        }
        map
    }

    /// Whether that is looked at: the probe, as that persona, from that vantage.
    pub fn has(&self, series: &Series) -> bool {
        self.probe(&series.probe).is_some_and(|probe| {
            let persona = match &series.persona {
                Some(persona) => probe.personas.contains(persona),
                None => probe.personas.is_empty(),
            };
            persona && self.vantages_of(probe).any(|vantage| *vantage == series.vantage)
        })
    }

    pub fn journey(&self, id: &JourneyId) -> Option<&Journey> {
        self.journeys.iter().find(|journey| journey.id == *id)
    }
}

#[cfg(test)]
mod small;

/// A place where a customer meets the company.
#[derive(Clone, Debug)]
pub struct Touchpoint {
    pub id: TouchpointId,
    /// The customer's words; the id if none were given.
    pub title: String,
    pub channel: Channel,
    pub owner: Option<String>,
    pub depends_on: Vec<TouchpointId>,
    /// The former id, whose history and incidents follow.
    pub was: Option<TouchpointId>,
    /// When it is open; always, if absent.
    pub hours: Option<Calendar>,
    /// How long DOWN must last before it pages.
    pub page_after: Duration,
    /// Its own probes in file order, then those credited to it by other touchpoints' errands.
    pub probes: Vec<Probe>,
}

/// What the pure middle must know of a probe.
#[derive(Clone, Debug)]
pub struct Probe {
    pub id: ProbeId,
    /// The customer's words; the name if none were given.
    pub title: String,
    pub weight: Weight,
    pub every: Duration,
    pub timeout: Duration,
    /// How soon it is run again while DOWN.
    pub recheck: Duration,
    pub rule: DetectRule,
    /// Empty: one anonymous customer.
    pub personas: Vec<PersonaId>,
    /// What it says stands beside the score, never in it.
    pub signal: Option<Signal>,
    /// The errand whose steps are credited here, when this probe does not run by itself.
    pub origin: Option<ProbeId>,
    /// Vantages from which it cannot run.
    pub unseen_from: Vec<VantageId>,
    /// The file it stands in, relative to the configuration, for "who defines this".
    pub file: Arc<str>,
}

/// What is told beside the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// What customers say themselves: NPS, a rating, complaints.
    Voice,
}

/// How DOWN is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetectRule {
    #[default]
    Sequential,
    Consecutive {
        failures: u32,
        passes: u32,
    },
}

/// The largest share of a journey that an element can destroy.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    Cosmetic,
    Supporting,
    Important,
    #[default]
    Blocking,
}

impl Weight {
    pub const fn criticality(self) -> f64 {
        match self {
            Self::Blocking => 1.0,
            Self::Important => 0.6,
            Self::Supporting => 0.3,
            Self::Cosmetic => 0.1,
        }
    }
}

/// Where a touchpoint is met.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Web,
    App,
    Billing,
    Chat,
    Email,
    Voice,
    Social,
    Ads,
    Reviews,
    Messaging,
    Store,
    #[default]
    Other,
}

impl Channel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Billing => "billing",
            Self::Chat => "chat",
            Self::Email => "email",
            Self::Voice => "voice",
            Self::Social => "social",
            Self::Ads => "ads",
            Self::Reviews => "reviews",
            Self::Messaging => "messaging",
            Self::Store => "store",
            Self::Other => "other",
        }
    }
}

/// A synthetic customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    pub id: PersonaId,
    pub name: String,
    /// Every field as `{{persona.FIELD}}` reads it, `name` among them.
    pub fields: BTreeMap<String, String>,
}

impl Persona {
    /// The kind of customer that it stands for, if one is named.
    pub fn segment(&self) -> Option<&str> {
        self.fields.get("segment").map(|segment| segment.trim()).filter(|segment| !segment.is_empty())
    }
}

/// What a customer wants: stages in their order.
#[derive(Clone, Debug)]
pub struct Journey {
    pub id: JourneyId,
    pub title: String,
    pub public: bool,
    pub objective: Option<Objective>,
    pub stages: Vec<Stage>,
    pub consistency: Vec<Consistency>,
}

impl Journey {
    /// What its stages need, in order.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        let members = self.stages.iter().flat_map(|stage| &stage.needs).flat_map(|need| match need {
            Need::One(member) => std::slice::from_ref(member),
            Need::Of { members, .. } => members.as_slice(),
        });
        members.map(|member| &member.element)
    }
}

/// "99 over 30d": of the journey-minutes in the window, at least so many per cent healthy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Per cent.
    pub target: f64,
    pub window: Duration,
}

#[derive(Clone, Debug)]
pub struct Stage {
    pub id: StageId,
    pub title: String,
    /// All of them.
    pub needs: Vec<Need>,
}

/// What a stage needs.
#[derive(Clone, Debug)]
pub enum Need {
    One(Member),
    /// `need` of `members`: any-of is 1 of n. `shares` are the customers who prefer each; they sum to 1.
    Of {
        need: usize,
        members: Vec<Member>,
        shares: Vec<f64>,
        weight: Weight,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub element: Element,
    pub weight: Weight,
}

/// A touchpoint, or one probe of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    Touchpoint(TouchpointId),
    Probe(ProbeId),
}

impl Element {
    pub fn touchpoint(&self) -> &TouchpointId {
        match self {
            Self::Touchpoint(id) => id,
            Self::Probe(id) => &id.touchpoint,
        }
    }
}

/// Values that must agree wherever a customer meets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    pub name: String,
    pub values: Vec<Source>,
    pub severity: FindingSeverity,
}

/// A captured value: `touchpoint/probe.name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    pub probe: ProbeId,
    pub value: Arc<str>,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.probe, self.value)
    }
}
