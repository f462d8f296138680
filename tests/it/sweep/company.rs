//! A company without a network: its map, and what its probes say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unbroken::model::{
    Channel, DetectRule, Element, Fault, FaultCode, Journey, JourneyMap, Member, Need, Outcome, Probe, ProbeId,
    Quality, Reading, Sample, SpanId, Stage, StepOutcome, Touchpoint, TouchpointId, TraceId, Trigger, VantageId,
    Verdict, Weight,
};

const EVERY: Duration = Duration::from_secs(10);

pub(super) fn touchpoint(id: &str, depends_on: &[&str]) -> Touchpoint {
    let probe = Probe {
        id: ProbeId::new(id, "main"),
        title: id.into(),
        weight: Weight::Blocking,
        every: EVERY,
        timeout: EVERY / 2,
        recheck: EVERY,
        rule: DetectRule::Sequential,
        personas: Vec::new(),
        unseen_from: Vec::new(),
        signal: None,
        origin: None,
        file: "probes/x.yaml".into(),
    };
    Touchpoint {
        id: id.into(),
        title: id.to_uppercase(),
        channel: Channel::Web,
        owner: None,
        depends_on: depends_on.iter().map(|id| TouchpointId::new(id)).collect(),
        was: None,
        hours: None,
        page_after: Duration::ZERO,
        probes: vec![probe],
    }
}

pub(super) fn map(touchpoints: Vec<Touchpoint>) -> JourneyMap {
    let member = |it: &Touchpoint| Member { element: Element::Touchpoint(it.id.clone()), weight: Weight::Important };
    let needs = touchpoints.iter().take(50).map(|touchpoint| Need::One(member(touchpoint))).collect();
    let journey = Journey {
        id: "buy".into(),
        title: "Buy a phone".into(),
        public: false,
        objective: None,
        stages: vec![Stage { id: "all".into(), title: "All".into(), needs }],
        consistency: Vec::new(),
    };
    JourneyMap {
        company: "Halcyon".into(),
        timezone: TimeZone::UTC,
        language: unbroken::model::Language::En,
        touchpoints: touchpoints.into_iter().map(|touchpoint| (touchpoint.id.clone(), touchpoint)).collect(),
        journeys: vec![journey],
        personas: BTreeMap::new(),
        vantages: vec![VantageId::default()],
        maintenance: Vec::new(),
        trace_link: None,
    }
}

/// How a probe fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fare {
    Well,
    /// An answer that is wrong.
    Wrong,
    /// This port of one server refuses.
    Refused(u16),
}

pub(super) fn reading(touchpoint: &TouchpointId, fare: Fare, now: Timestamp) -> Arc<Reading> {
    let probe = ProbeId { touchpoint: touchpoint.clone(), name: "main".into() };
    let fault = match fare {
        Fare::Well => None,
        Fare::Wrong => Some(Fault::new(FaultCode::Status, "status is 500, not 200")),
        Fare::Refused(_) => Some(Fault::new(FaultCode::ConnectRefused, "refuses connections")),
    };
    let peer = match fare {
        Fare::Refused(port) => Some(std::net::SocketAddr::from(([192, 0, 2, 7], port))),
        _ => None,
    };
    let step = StepOutcome {
        name: "look".into(),
        kind: "http".into(),
        on: None,
        offset: Duration::ZERO,
        took: EVERY / 100,
        reached: true,
        span: SpanId(2),
        phases: Vec::new(),
        fault: fault.clone(),
        findings: Vec::new(),
        captured: Vec::new(),
        peer,
        certificate: None,
        attributes: Vec::new(),
        episodes: Box::default(),
    };
    let quality = if fault.is_some() { Quality::NONE } else { Quality::PERFECT };
    Arc::new(Reading {
        probe: probe.clone(),
        persona: None,
        vantage: VantageId::default(),
        trigger: Trigger::Schedule,
        asked_by: None,
        scheduled: now,
        started: now,
        trace: TraceId(7),
        span: SpanId(1),
        outcome: Outcome {
            verdict: fault.clone().map_or(Verdict::Good, Verdict::Failed),
            samples: vec![Sample { probe, quality, fault }],
            took: EVERY / 100,
            steps: vec![step],
        },
    })
}
