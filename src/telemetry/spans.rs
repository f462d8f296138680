//! A reading as one trace. Pure.
//!
//! `probe {touchpoint}/{probe}` › `step {name}` › the protocol's client span › its phases and what else a kind tells of
//! it, each with the times that were measured. The root's and the client spans' ids are the reading's own, since they
//! went out in `traceparent`; the others follow from them, so that the same reading always is the same trace.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::attributes::{self, Place};
use crate::model::{
    Episode, Fault, FaultCode, JourneyMap, Phase, PhaseTime, Reading, Side, SpanId, SpanRef, StepOutcome, TraceId,
    Verdict,
};

/// One span, ready to be sent: what its reading says stays there, for there are eight spans a run and many runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Span<'a> {
    pub trace: TraceId,
    pub id: SpanId,
    pub parent: Option<SpanId>,
    pub name: Cow<'a, str>,
    pub kind: Kind,
    pub start: Timestamp,
    pub end: Timestamp,
    pub attributes: Vec<(&'a str, Value<'a>)>,
    pub events: Vec<Event<'a>>,
    /// Spans of other traces that this one follows from.
    pub links: Vec<Link<'a>>,
    /// Set when it failed: why, in one line.
    pub error: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal,
    Client,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    Texts(Arc<[String]>),
    Integer(i64),
    Number(f64),
    Flag(bool),
}

/// A span of another trace, and why it matters here.
#[derive(Clone, Debug, PartialEq)]
pub struct Link<'a> {
    pub to: SpanRef,
    pub attributes: Vec<(&'a str, Value<'a>)>,
}

/// Something that happened within a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    pub at: Timestamp,
    pub name: &'static str,
    pub attributes: Vec<(&'a str, Value<'a>)>,
}

/// The trace of one run: the root first.
pub fn spans<'a>(reading: &'a Reading, map: &JourneyMap) -> Vec<Span<'a>> {
    spans_at(reading, &Place::of(&reading.probe.touchpoint, map))
}

/// The same, where the probe's place in the map is known.
pub(super) fn spans_at<'a>(reading: &'a Reading, place: &Place) -> Vec<Span<'a>> {
    let mut spans = Vec::with_capacity(count(reading));
    spans.push(root(reading, place));
    for (number, step) in reading.outcome.steps.iter().enumerate().filter(|(_, step)| step.reached) {
        push_step(&mut spans, reading, number, step);
    }
    spans
}

/// How many spans a reading's trace has.
pub(super) fn count(reading: &Reading) -> usize {
    let of_step = |step: &StepOutcome| 1 + usize::from(speaks(step)) + step.phases.len() + step.episodes.len();
    1 + reading.outcome.steps.iter().filter(|step| step.reached).map(of_step).sum::<usize>()
}

/// A step that spoke to nobody (a push that is only looked up) has no client span.
fn speaks(step: &StepOutcome) -> bool {
    step.peer.is_some() || step.phases.iter().any(|phase| phase.phase != Phase::Assert)
}

fn root<'a>(reading: &'a Reading, place: &Place) -> Span<'a> {
    let verdict = &reading.outcome.verdict;
    let error = match verdict {
        Verdict::Failed(fault) => Some(fault.to_string().into()),
        // Our own fault is no error of what was probed: it stands in the attributes.
        Verdict::Good | Verdict::Slow | Verdict::Inconclusive { .. } | Verdict::Skipped(_) => None,
    };
    Span {
        trace: reading.trace,
        id: reading.span,
        parent: None,
        name: format!("probe {}", reading.probe).into(),
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
fn asked(to: SpanRef) -> Link<'static> {
    Link { to, attributes: vec![("unbroken.link", Value::Text("asked_by".into()))] }
}

fn push_step<'a>(spans: &mut Vec<Span<'a>>, reading: &Reading, number: usize, step: &'a StepOutcome) {
    let moment = |offset: Duration| after(reading.started, offset);
    let (start, end) = (moment(step.offset), moment(step.offset + step.took));
    let id = derive(reading, number, 0);
    let mut attributes = vec![("unbroken.step.kind", Value::Text((&*step.kind).into()))];
    if let Some(on) = &step.on {
        attributes.push(("unbroken.step.on", Value::Text(on.as_str().into())));
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
        error: step.fault.as_ref().map(|fault| (&*fault.text).into()),
        ..base(id, reading.span, format!("step {}", step.name).into(), Kind::Internal, start, end)
    });
    let network: Vec<&PhaseTime> = step.phases.iter().filter(|phase| phase.phase != Phase::Assert).collect();
    let speaks = speaks(step);
    if speaks {
        let until = network.iter().map(|phase| phase.offset + phase.took).max();
        let until = until.map_or(end, moment).min(end);
        let fault = step.fault.as_ref().filter(|fault| is_protocols(fault));
        spans.push(Span {
            attributes: attributes::of_step(step, fault),
            error: fault.map(|fault| (&*fault.text).into()),
            ..base(step.span, id, client_name(step).into(), client_kind(step), start, until)
        });
    }
    spans.extend(step.episodes.iter().map(|episode| {
        let (start, end) = (moment(episode.offset), moment(episode.offset + episode.took));
        let kind = if episode.side == Side::Client { Kind::Client } else { Kind::Internal };
        let parent = episode.within.unwrap_or(if speaks { step.span } else { id });
        Span {
            attributes: attributes::of_episode(episode),
            events: episode.fault.iter().filter(|_| kind == Kind::Internal).map(|fault| missed(fault, end)).collect(),
            error: episode.fault.as_ref().map(|fault| (&*fault.text).into()),
            ..base(episode.span, parent, (&*episode.name).into(), kind, start, end)
        }
    }));
    for (place, phase) in step.phases.iter().enumerate() {
        let parent = if phase.phase == Phase::Assert || !speaks { id } else { step.span };
        let (start, end) = (moment(phase.offset), moment(phase.offset + phase.took));
        let name = phase.phase.code().into();
        spans.push(base(derive(reading, number, place + 1), parent, name, Kind::Internal, start, end));
    }
}

/// Semantic conventions: the method alone is the name of an HTTP client span, low in cardinality.
fn client_name(step: &StepOutcome) -> &str {
    if client_kind(step) == Kind::Internal {
        return &step.kind;
    }
    let method = step.attributes.iter().find(|(name, _)| name == "http.request.method");
    method.map_or(&*step.kind, |(_, method)| method.as_str())
}

/// Where each exchange is told by itself, what they were a part of is none.
fn client_kind(step: &StepOutcome) -> Kind {
    let client = |episode: &Episode| episode.side == Side::Client;
    if step.episodes.iter().any(client) { Kind::Internal } else { Kind::Client }
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

/// What was expected and did not come has evidence; what broke before anything could be expected has none.
fn is_expectations(fault: &Fault) -> bool {
    fault.evidence.is_some() || !is_protocols(fault)
}

/// An event per failed expectation, and one for what broke.
fn failures(step: &StepOutcome, at: Timestamp) -> Vec<Event<'_>> {
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
            name: if is_expectations(fault) { "unbroken.expectation.failed" } else { "unbroken.step.failed" },
            attributes: attributes::of_fault(severity, fault),
        })
        .collect()
}

/// What was done in vain within a step.
fn missed(fault: &Fault, at: Timestamp) -> Event<'_> {
    let name = if fault.evidence.is_some() { "unbroken.expectation.failed" } else { "unbroken.browser.deed.failed" };
    Event { at, name, attributes: attributes::of_fault("blocking", fault) }
}

fn after(start: Timestamp, offset: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(offset).ok().and_then(|offset| start.checked_add(offset).ok()).unwrap_or(start)
}

/// An id that follows from the run and the span's place in it.
fn derive(reading: &Reading, step: usize, place: usize) -> SpanId {
    reading.span.below(((step as u64) << 32) | place as u64)
}
