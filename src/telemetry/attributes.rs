//! What a span says of itself, by OpenTelemetry's semantic conventions where there is one.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry_semantic_conventions::attribute as semantic;

use super::spans::Value;
use crate::model::{Episode, Fault, FaultCode, JourneyMap, Need, Reading, Scalar, StepOutcome, TouchpointId, Verdict};

/// Attributes that are numbers by convention; ours travel as text.
const INTEGERS: &[&str] = &[
    semantic::HTTP_RESPONSE_STATUS_CODE,
    semantic::HTTP_REQUEST_RESEND_COUNT,
    semantic::HTTP_REQUEST_BODY_SIZE,
    semantic::HTTP_RESPONSE_BODY_SIZE,
    semantic::SERVER_PORT,
    semantic::NETWORK_PEER_PORT,
    "unbroken.browser.requests.left_out",
];

pub(super) fn of_run<'a>(reading: &'a Reading, place: &Place) -> Vec<(&'a str, Value<'a>)> {
    let mut attributes = Attributes::default();
    attributes.text(semantic::USER_AGENT_SYNTHETIC_TYPE, "test");
    attributes.text("unbroken.touchpoint", reading.probe.touchpoint.as_str());
    attributes.text("unbroken.probe", &*reading.probe.name);
    attributes.add("unbroken.journeys", Value::Texts(Arc::clone(&place.journeys)));
    attributes.add("unbroken.stage", Value::Texts(Arc::clone(&place.stages)));
    attributes.text("unbroken.vantage", reading.vantage.as_str());
    if let Some(persona) = &reading.persona {
        attributes.text("unbroken.persona", persona.as_str());
    }
    attributes.text("unbroken.verdict", reading.outcome.verdict.label());
    if let Some(sample) = reading.outcome.samples.iter().find(|sample| sample.probe == reading.probe) {
        attributes.add("unbroken.quality", Value::Number(sample.quality.get()));
    }
    match &reading.outcome.verdict {
        Verdict::Failed(fault) => {
            attributes.text("unbroken.fault.code", fault.code.code());
            attributes.text(semantic::ERROR_TYPE, fault.code.code());
        }
        Verdict::Inconclusive { why, text } => {
            attributes.text("unbroken.fault.code", why.code());
            attributes.text("unbroken.fault.text", text.as_str());
        }
        Verdict::Good | Verdict::Slow | Verdict::Skipped(_) => {}
    }
    attributes.0
}

/// Of what a step said and heard; `fault` is what went wrong with that.
pub(super) fn of_step<'a>(step: &'a StepOutcome, fault: Option<&'a Fault>) -> Vec<(&'a str, Value<'a>)> {
    let mut attributes = Attributes::default();
    for (name, value) in &step.attributes {
        match value.parse::<i64>() {
            Ok(number) if INTEGERS.contains(&name.as_ref()) => attributes.add(name, Value::Integer(number)),
            _ => attributes.text(name, value.as_str()),
        }
    }
    if let Some(peer) = step.peer {
        attributes.text(semantic::NETWORK_PEER_ADDRESS, peer.ip().to_string());
        attributes.add(semantic::NETWORK_PEER_PORT, Value::Integer(i64::from(peer.port())));
    }
    if let Some(certificate) = &step.certificate {
        attributes.text(semantic::TLS_SERVER_SUBJECT, certificate.subject.as_str());
        attributes.text(semantic::TLS_SERVER_ISSUER, certificate.issuer.as_str());
        attributes.text(semantic::TLS_SERVER_NOT_BEFORE, certificate.not_before.to_string());
        attributes.text(semantic::TLS_SERVER_NOT_AFTER, certificate.not_after.to_string());
        attributes.text(semantic::TLS_SERVER_HASH_SHA256, certificate.sha256.as_str());
    }
    if let Some(fault) = fault {
        let status = step.attributes.iter().find(|(name, _)| name == semantic::HTTP_RESPONSE_STATUS_CODE);
        match (fault.code, status) {
            // HTTP conventions: an error status is its own error type.
            (FaultCode::Status, Some((_, status))) => attributes.text(semantic::ERROR_TYPE, status.as_str()),
            _ => attributes.text(semantic::ERROR_TYPE, fault.code.code()),
        }
    }
    attributes.0
}

pub(super) fn of_episode(episode: &Episode) -> Vec<(&str, Value<'_>)> {
    let mut attributes = Attributes::default();
    for (name, value) in &episode.attributes {
        attributes.add(
            name,
            match value {
                Scalar::Text(text) => Value::Text(text.as_str().into()),
                Scalar::Integer(number) => Value::Integer(*number),
                Scalar::Number(number) => Value::Number(*number),
            },
        );
    }
    attributes.0
}

pub(super) fn of_fault<'a>(severity: &'a str, fault: &'a Fault) -> Vec<(&'a str, Value<'a>)> {
    let mut attributes = Attributes::default();
    attributes.text("unbroken.severity", severity);
    attributes.text("unbroken.fault.code", fault.code.code());
    attributes.text("unbroken.fault.text", &*fault.text);
    if let Some(phase) = fault.phase {
        attributes.text("unbroken.fault.phase", phase.code());
    }
    if let Some(evidence) = &fault.evidence {
        attributes.text("unbroken.evidence.of", &*evidence.of);
        attributes.text("unbroken.evidence.expected", &*evidence.expected);
        attributes.text("unbroken.evidence.found", &*evidence.found);
    }
    if let Some(excerpt) = &fault.excerpt {
        attributes.text("unbroken.evidence.excerpt", &**excerpt);
    }
    attributes.0
}

/// The journeys and stages that a touchpoint serves, each once, in the map's order.
#[derive(Debug)]
pub(super) struct Place {
    journeys: Arc<[String]>,
    stages: Arc<[String]>,
}

impl Place {
    /// Looks through the whole map.
    pub(super) fn of(touchpoint: &TouchpointId, map: &JourneyMap) -> Self {
        let (mut journeys, mut stages) = (Vec::new(), Vec::new());
        for journey in &map.journeys {
            for stage in journey.stages.iter().filter(|stage| stage.needs.iter().any(|need| serves(touchpoint, need))) {
                let (journey, stage) = (journey.id.to_string(), stage.id.to_string());
                if journeys.last() != Some(&journey) {
                    journeys.push(journey);
                }
                if !stages.contains(&stage) {
                    stages.push(stage);
                }
            }
        }
        Self { journeys: journeys.into(), stages: stages.into() }
    }
}

fn serves(touchpoint: &TouchpointId, need: &Need) -> bool {
    match need {
        Need::One(member) => member.element.touchpoint() == touchpoint,
        Need::Of { members, .. } => members.iter().any(|member| member.element.touchpoint() == touchpoint),
    }
}

#[derive(Default)]
struct Attributes<'a>(Vec<(&'a str, Value<'a>)>);

impl<'a> Attributes<'a> {
    /// The first value of a name stays: what the kind itself said is nearer to the wire.
    fn add(&mut self, name: &'a str, value: Value<'a>) {
        if self.0.iter().all(|(known, _)| *known != name) {
            self.0.push((name, value));
        }
    }

    fn text(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        self.add(name, Value::Text(value.into()));
    }
}
