//! A reading as one trace. Pure.
//!
//! `probe {touchpoint}/{probe}` › `step {name}` › the protocol's client span › its phases, each with the times that
//! were measured. The root's and the client spans' ids are the reading's own, since they went out in `traceparent`;
//! the others follow from them, so that the same reading always is the same trace.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::attributes::{self, Place};
use crate::model::{
    Fault, FaultCode, JourneyMap, Phase, PhaseTime, Reading, SpanId, SpanRef, StepOutcome, TraceId, Verdict,
};

/// One span, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub trace: TraceId,
    pub id: SpanId,
    pub parent: Option<SpanId>,
    pub name: String,
    pub kind: Kind,
    pub start: Timestamp,
    pub end: Timestamp,
    pub attributes: Vec<(String, Value)>,
    pub events: Vec<Event>,
    /// Spans of other traces that this one follows from.
    pub links: Vec<Link>,
    /// Set when it failed: why, in one line.
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal,
    Client,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Texts(Vec<String>),
    Integer(i64),
    Number(f64),
    Flag(bool),
}

/// A span of another trace, and why it matters here.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub to: SpanRef,
    pub attributes: Vec<(String, Value)>,
}

/// Something that happened within a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: Timestamp,
    pub name: &'static str,
    pub attributes: Vec<(String, Value)>,
}

/// The trace of one run: the root first.
pub fn spans(reading: &Reading, map: &JourneyMap) -> Vec<Span> {
    spans_at(reading, &Place::of(&reading.probe.touchpoint, map))
}

/// The same, where the probe's place in the map is known.
pub(super) fn spans_at(reading: &Reading, place: &Place) -> Vec<Span> {
    let mut spans = Vec::with_capacity(count(reading));
    spans.push(root(reading, place));
    for (number, step) in reading.outcome.steps.iter().enumerate().filter(|(_, step)| step.reached) {
        push_step(&mut spans, reading, number, step);
    }
    spans
}

/// How many spans a reading's trace has.
pub(super) fn count(reading: &Reading) -> usize {
    let of_step = |step: &StepOutcome| 1 + usize::from(speaks(step)) + step.phases.len();
    1 + reading.outcome.steps.iter().filter(|step| step.reached).map(of_step).sum::<usize>()
}

/// A step that spoke to nobody (a push that is only looked up) has no client span.
fn speaks(step: &StepOutcome) -> bool {
    step.peer.is_some() || step.phases.iter().any(|phase| phase.phase != Phase::Assert)
}

fn root(reading: &Reading, place: &Place) -> Span {
    let verdict = &reading.outcome.verdict;
    let error = match verdict {
        Verdict::Failed(fault) => Some(fault.to_string()),
        // Our own fault is no error of what was probed: it stands in the attributes.
        Verdict::Good | Verdict::Slow | Verdict::Inconclusive { .. } | Verdict::Skipped(_) => None,
    };
    Span {
        trace: reading.trace,
        id: reading.span,
        parent: None,
        name: format!("probe {}", reading.probe),
        kind: Kind::Internal,
        start: reading.started,
        end: reading.ended(),
        attributes: attributes::of_run(reading, place),
        events: Vec::new(),
        links: reading.asked_by.into_iter().map(asked).collect(),
        error,
    }
}

/// A recheck follows from the run that left doubt, which may have looked from another vantage.
fn asked(to: SpanRef) -> Link {
    Link { to, attributes: vec![("unbroken.link".to_owned(), Value::Text("asked_by".to_owned()))] }
}

fn push_step(spans: &mut Vec<Span>, reading: &Reading, number: usize, step: &StepOutcome) {
    let moment = |offset: Duration| after(reading.started, offset);
    let (start, end) = (moment(step.offset), moment(step.offset + step.took));
    let id = derive(reading, number, 0);
    let mut attributes = vec![("unbroken.step.kind".to_owned(), Value::Text(step.kind.to_string()))];
    if let Some(on) = &step.on {
        attributes.push(("unbroken.step.on".to_owned(), Value::Text(on.to_string())));
    }
    let base = |id, parent, name, kind, start, end| Span {
        trace: reading.trace,
        id,
        parent: Some(parent),
        name,
        kind,
        start,
        end,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        error: None,
    };
    spans.push(Span {
        attributes,
        events: failures(step, end),
        error: step.fault.as_ref().map(|fault| fault.text.clone()),
        ..base(id, reading.span, format!("step {}", step.name), Kind::Internal, start, end)
    });
    let network: Vec<&PhaseTime> = step.phases.iter().filter(|phase| phase.phase != Phase::Assert).collect();
    let speaks = speaks(step);
    if speaks {
        let until = network.iter().map(|phase| phase.offset + phase.took).max();
        let until = until.map_or(end, moment).min(end);
        spans.push(Span {
            attributes: attributes::of_step(step),
            error: step.fault.as_ref().filter(|fault| is_protocols(fault)).map(|fault| fault.text.clone()),
            ..base(step.span, id, client_name(step), Kind::Client, start, until)
        });
    }
    for (place, phase) in step.phases.iter().enumerate() {
        let parent = if phase.phase == Phase::Assert || !speaks { id } else { step.span };
        let (start, end) = (moment(phase.offset), moment(phase.offset + phase.took));
        let name = phase.phase.code().to_owned();
        spans.push(base(derive(reading, number, place + 1), parent, name, Kind::Internal, start, end));
    }
}

/// Semantic conventions: the method alone is the name of an HTTP client span, low in cardinality.
fn client_name(step: &StepOutcome) -> String {
    let attribute = |name: &str| step.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    attribute("http.request.method").unwrap_or(&step.kind).to_string()
}

/// Whether a fault belongs to the exchange itself, not to what was expected of it.
fn is_protocols(fault: &Fault) -> bool {
    !matches!(
        fault.code,
        FaultCode::Expectation
            | FaultCode::Latency
            | FaultCode::Inconsistent
            | FaultCode::MailTooMany
            | FaultCode::MailCareless
            | FaultCode::Silence
            | FaultCode::Reported
    )
}

/// An event per failed expectation.
fn failures(step: &StepOutcome, at: Timestamp) -> Vec<Event> {
    let blocking = step.fault.as_ref().map(|fault| ("blocking", fault));
    let others = step.findings.iter().map(|finding| {
        let severity = match finding.severity {
            crate::model::FindingSeverity::Minor => "minor",
            crate::model::FindingSeverity::Major => "major",
            crate::model::FindingSeverity::Blocking => "blocking",
        };
        (severity, &finding.fault)
    });
    blocking
        .into_iter()
        .chain(others)
        .map(|(severity, fault)| Event {
            at,
            name: "unbroken.expectation.failed",
            attributes: attributes::of_fault(severity, fault),
        })
        .collect()
}

fn after(start: Timestamp, offset: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(offset).ok().and_then(|offset| start.checked_add(offset).ok()).unwrap_or(start)
}

/// An id that follows from the run and the span's place in it; never zero, which means "no id".
fn derive(reading: &Reading, step: usize, place: usize) -> SpanId {
    let mut hash = Sha256::new();
    hash.update(reading.trace.0.to_be_bytes());
    hash.update(reading.span.0.to_be_bytes());
    hash.update((step as u64).to_be_bytes());
    hash.update((place as u64).to_be_bytes());
    let digest = hash.finalize();
    let id = digest.iter().take(8).fold(0_u64, |id, byte| (id << 8) | u64::from(*byte));
    SpanId(id.max(1))
}
