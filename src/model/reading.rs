//! The one fact: what a run met.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{
    Episode, Fault, PersonaId, Phase, ProbeId, Quality, SelfFault, Series, SpanId, TouchpointId, TraceId, VantageId,
};

/// One run of one probe, as one persona, from one vantage. Every due run yields exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub probe: ProbeId,
    pub persona: Option<PersonaId>,
    pub vantage: VantageId,
    pub trigger: Trigger,
    /// The run after which somebody wanted to know more: the cause of a recheck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<SpanRef>,
    /// When the run was due.
    pub scheduled: Timestamp,
    /// When it began.
    pub started: Timestamp,
    pub trace: TraceId,
    /// The root span, `probe {touchpoint}/{probe}`.
    pub span: SpanId,
    pub outcome: Outcome,
}

impl Reading {
    pub fn series(&self) -> Series {
        Series { probe: self.probe.clone(), persona: self.persona.clone(), vantage: self.vantage.clone() }
    }

    /// The run's root, for whatever follows from it.
    pub const fn root(&self) -> SpanRef {
        SpanRef { trace: self.trace, span: self.span }
    }

    /// The `tracestate` that goes out with `traceparent`: by it a service knows a run from a customer's visit.
    pub const TRACESTATE: &str = "unbroken=synthetic";
    /// The attribute that keeps what an outside system reported.
    pub const REPORTED: &str = "unbroken.push.value";
    /// The attribute that keeps which name server was asked, where looking a name up failed.
    pub const NAME_SERVER: &str = "unbroken.name_server";

    /// What an outside system reported, as the run found it.
    pub fn reported(&self) -> Option<&str> {
        let attributes = self.outcome.steps.iter().flat_map(|step| &step.attributes);
        attributes.rev().find(|(name, _)| name == Self::REPORTED).map(|(_, value)| value.as_str())
    }

    /// The place of the step in the middle of which our own trouble ended the run.
    pub fn cut(&self) -> Option<usize> {
        let Verdict::Inconclusive { .. } = self.outcome.verdict else { return None };
        let reached = |number: usize| self.outcome.steps.get(number).is_some_and(|step| step.reached);
        (0..self.outcome.steps.len()).find(|&number| reached(number) && !reached(number + 1))
    }

    /// When the run ended.
    pub fn ended(&self) -> Timestamp {
        self.started + jiff::SignedDuration::try_from(self.outcome.took).unwrap_or(jiff::SignedDuration::ZERO)
    }
}

/// A span, as others refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanRef {
    pub trace: TraceId,
    pub span: SpanId,
}

/// Who asked for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    Schedule,
    /// The detector wants more evidence, or the probe is down.
    Recheck,
    /// A person: `walk`, `probe`.
    Person,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub verdict: Verdict,
    /// What the run says of health: one sample for the probe itself, and one per touchpoint that `on:` credits.
    /// Empty when the run is inconclusive or skipped.
    pub samples: Vec<Sample>,
    /// From the start of the first step to the end of the last.
    pub took: Duration,
    pub steps: Vec<StepOutcome>,
}

/// One sample of health for one probe (the run's own, or one credited by `on:`; see [`ProbeId::credited`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub probe: ProbeId,
    pub quality: Quality,
    pub fault: Option<Fault>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Good,
    /// In time and right, but past `good`, or with a defect that does not block.
    Slow,
    Failed(Fault),
    /// Our own fault: says nothing of the touchpoint.
    Inconclusive {
        why: SelfFault,
        text: String,
    },
    Skipped(Why),
}

impl Verdict {
    /// The label that metrics, traces and the API carry.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Slow => "slow",
            Self::Failed(_) => "failed",
            Self::Inconclusive { .. } => "inconclusive",
            Self::Skipped(_) => "skipped",
        }
    }

    pub const LABELS: &'static [&'static str] = &["good", "slow", "failed", "inconclusive", "skipped"];

    pub const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Failed(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Why a due run did not take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The run before it had not ended.
    StillRunning,
    /// All slots were taken.
    Overloaded,
}

/// What one step met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepOutcome {
    pub name: SmolStr,
    /// The kind's key in YAML: `http`.
    pub kind: SmolStr,
    /// The touchpoint that this step is credited to, if another than the probe's.
    pub on: Option<TouchpointId>,
    /// From the run's start.
    pub offset: Duration,
    pub took: Duration,
    /// False when an earlier failure kept it from running.
    pub reached: bool,
    /// The kind's own client span, whose id went out in `traceparent`.
    pub span: SpanId,
    pub phases: Vec<PhaseTime>,
    /// The blocking failure, if any.
    pub fault: Option<Fault>,
    /// Failed expectations that do not block.
    pub findings: Vec<Finding>,
    pub captured: Vec<Captured>,
    /// The peer that was connected to, or tried in vain.
    pub peer: Option<SocketAddr>,
    pub certificate: Option<CertificateFacts>,
    /// Protocol facts as OpenTelemetry attributes, redacted: `http.request.method`, `url.full`, `http.response.status_code`.
    pub attributes: Vec<(Cow<'static, str>, SmolStr)>,
    /// Told where somebody takes traces, and kept by nobody else.
    #[serde(skip)]
    pub episodes: Box<[Episode]>,
}

/// A phase with its true start and length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseTime {
    pub phase: Phase,
    /// From the run's start.
    pub offset: Duration,
    pub took: Duration,
}

/// A failed expectation that costs quality but does not end the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub severity: FindingSeverity,
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingSeverity {
    Minor,
    Major,
    #[default]
    Blocking,
}

impl FindingSeverity {
    /// The part `d` of the quality that one such defect takes; for a consistency check, its criticality.
    pub const fn cost(self) -> f64 {
        match self {
            Self::Minor => 0.1,
            Self::Major => 0.5,
            Self::Blocking => 1.0,
        }
    }
}

/// A value taken from a reply, as the text that stood there. A masked one is kept out of every output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    pub name: String,
    /// `None` when masked: tokens and the like never leave the run.
    pub value: Option<String>,
}

/// What the leaf certificate said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// At most 256 characters each.
    pub subject: String,
    pub issuer: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// Hex.
    pub sha256: String,
}
