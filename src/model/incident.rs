//! What changed, the incidents it makes, and what is said of them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Acknowledgement, Color, Fault, IncidentId, JourneyId, ProbeId, Score, SelfFault, Series, Shared, SpanRef, State,
    TouchpointId, TraceId, VantageId,
};

/// What the board concluded from a reading or a tick, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A probe's state, as one persona from one vantage.
    StateChanged {
        series: Series,
        from: State,
        to: State,
        at: Timestamp,
        fault: Option<Fault>,
        trace: Option<TraceId>,
    },
    /// A touchpoint's state, over all of its probes.
    TouchpointChanged {
        touchpoint: TouchpointId,
        from: State,
        to: State,
        at: Timestamp,
    },
    ScoreChanged {
        journey: JourneyId,
        from: Option<Score>,
        to: Option<Score>,
        color: Color,
        at: Timestamp,
    },
    IncidentOpened(Incident),
    /// Severity rose, the root changed, or a journey was added: worth telling. The version has grown.
    IncidentUpdated(Incident),
    /// Something was noted that nobody needs to be told: impacts, timeline. The version has not grown.
    IncidentNoted(Incident),
    IncidentClosed(Incident),
    /// A touchpoint is called something else now: its history follows.
    Renamed {
        from: TouchpointId,
        to: TouchpointId,
    },
    /// The one way back: the schedule should run this series again at `at`.
    Recheck {
        series: Series,
        at: Timestamp,
        /// The run that leaves doubt.
        by: SpanRef,
    },
}

/// One cause, from its opening to its resolve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    /// Grows with every version worth telling; 1 at the opening.
    pub version: u32,
    pub cause: Cause,
    pub severity: Severity,
    pub opened: Timestamp,
    pub closed: Option<Timestamp>,
    pub close: Option<Close>,
    /// The touchpoint at the root, for routing; none for a journey's or our own trouble.
    pub touchpoint: Option<TouchpointId>,
    /// Every touchpoint that this incident explains, the root among them.
    pub touchpoints: BTreeSet<TouchpointId>,
    /// Every probe of it that went DOWN or DEGRADED.
    pub probes: BTreeSet<ProbeId>,
    /// The journeys it hurts; the worst first.
    pub impacts: Vec<Impact>,
    /// The segments whose customers met it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub segments: BTreeSet<String>,
    /// The failing step's fault, as last seen.
    pub fault: Option<Fault>,
    /// The trace of the run that decided it.
    pub trace: Option<TraceId>,
    /// What the touchpoints have in common, if that is why they are one incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// From where it fails, if it works from other vantages.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub only_from: BTreeSet<VantageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// In order; at most 200, the oldest after the opening dropped first.
    pub timeline: Vec<Happening>,
}

impl Incident {
    /// As it begins: of the cause nothing is known yet but what it is.
    pub fn new(id: IncidentId, cause: Cause, severity: Severity, opened: Timestamp) -> Self {
        Self {
            id,
            version: 1,
            cause,
            severity,
            opened,
            closed: None,
            close: None,
            touchpoint: None,
            touchpoints: BTreeSet::new(),
            probes: BTreeSet::new(),
            impacts: Vec::new(),
            segments: BTreeSet::new(),
            fault: None,
            trace: None,
            shared: None,
            only_from: BTreeSet::new(),
            acknowledged: None,
            timeline: Vec::new(),
        }
    }

    /// With every touchpoint in it as `new` calls it.
    #[must_use]
    pub fn renamed(mut self, new: impl Fn(&TouchpointId) -> TouchpointId) -> Self {
        if let Cause::Touchpoint(id) = &self.cause {
            self.cause = Cause::Touchpoint(new(id));
        }
        self.touchpoint = self.touchpoint.as_ref().map(&new);
        self.touchpoints = self.touchpoints.iter().map(&new).collect();
        self.probes = self.probes.iter().map(|id| id.renamed(&new)).collect();
        self.shared =
            self.shared.map(|shared| Shared { shown_by: shared.shown_by.iter().map(&new).collect(), ..shared });
        self
    }

    /// Who has it at present.
    pub fn answered(&self) -> Option<&Acknowledgement> {
        self.acknowledged.as_ref().filter(|said| said.lapsed.is_none())
    }
}

/// What an incident is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A touchpoint is DOWN or DEGRADED.
    Touchpoint(TouchpointId),
    /// A journey is broken by many small problems.
    Journey(JourneyId),
    /// A journey loses minutes faster than its objective allows.
    Objective(JourneyId),
    /// We ourselves are in trouble.
    Own(SelfFault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look within days.
    Ticket,
    /// Somebody should get up.
    Page,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Page => "page",
        }
    }
}

/// Why an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Close {
    Recovered,
    /// The probe or touchpoint left the configuration.
    Removed,
    /// Another incident explains it.
    Merged,
}

impl Close {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Removed => "removed",
            Self::Merged => "merged",
        }
    }
}

/// What an incident costs one journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    pub journey: JourneyId,
    /// Points of the score, 0..=100, when it was worst.
    pub loss: f64,
}

/// One line of an incident's timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    pub at: Timestamp,
    /// In words, redacted and bounded.
    pub what: String,
}

/// What one receiver is told, once per version of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// sha256(incident, version, kind, receiver) in hex: equal for every attempt.
    pub id: String,
    pub receiver: String,
    pub kind: NotificationKind,
    pub at: Timestamp,
    /// As it was at that moment.
    pub incident: Incident,
    /// The first line: what is broken for whom.
    pub headline: String,
    /// Since when, the cause, the share of the score, the next step, the link; one line each.
    pub lines: Vec<String>,
    /// The incident's page, if the daemon knows its own address.
    pub link: Option<String>,
    /// The trace of the run that decided it, if there is somewhere to see it.
    #[serde(default)]
    pub trace_link: Option<String>,
    /// Title and id of the touchpoint's owner and so on, frozen for labels.
    pub labels: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotificationKind {
    /// The first that a receiver is told.
    Open,
    Remind,
    Update,
    /// Somebody has it.
    Acknowledge,
    /// Nobody has answered for too long.
    Escalate,
    Resolve,
    /// Nothing is so: a receiver is tried.
    Test,
}

impl NotificationKind {
    /// What it makes needless, where that has not gone out yet.
    pub const fn replaces(self) -> &'static [Self] {
        match self {
            // It says nothing of what grew worse.
            Self::Acknowledge => &[Self::Remind, Self::Acknowledge],
            Self::Resolve => &[Self::Update, Self::Remind, Self::Acknowledge],
            Self::Open | Self::Remind | Self::Update | Self::Escalate | Self::Test => &[Self::Update, Self::Remind],
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Remind => "remind",
            Self::Update => "update",
            Self::Acknowledge => "acknowledge",
            Self::Escalate => "escalate",
            Self::Resolve => "resolve",
            Self::Test => "test",
        }
    }
}

/// Many notifications that one receiver is told as one message. Once composed it is the same at every attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Storm {
    /// Equal for every attempt.
    pub id: String,
    pub at: Timestamp,
    /// The gravest of what is not over; none if all of it is.
    pub severity: Option<Severity>,
    /// The first line: how much is broken for whom.
    pub headline: String,
    /// The worst, one line each, and how many more there are.
    pub lines: Vec<String>,
    /// The page, if the daemon knows its own address.
    pub link: Option<String>,
    /// How many incidents it speaks of.
    pub incidents: usize,
}

impl Storm {
    /// So many notifications for one receiver within [`Self::WITHIN`] are told one by one.
    pub const AFTER: u32 = 20;
    pub const WITHIN: SignedDuration = SignedDuration::from_secs(30);
    /// How long it gathers before it is told.
    pub const GATHERS: SignedDuration = SignedDuration::from_secs(30);
    /// Notifications in one.
    pub const MEMBERS_MAX: u32 = 5_000;
}
