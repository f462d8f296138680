//! Halcyon Mobile, as a board would see it: three journeys over eight touchpoints, in several moods.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use unbroken::model::{
    Captured, Cause, CertificateFacts, Channel, CheckNow, Color, Consistency, Costly, DetectRule, Element, ElementNow,
    Evidence, Fault, FaultCode, Finding, FindingSeverity, Happening, Health, Impact, Incident, IncidentId, Journey,
    JourneyMap, JourneyNow, LastRun, Member, Need, NeedNow, Objective, Outcome, Persona, Phase, PhaseTime, Probe,
    ProbeId, ProbeNow, Quality, Reach, Reading, Sample, Score, SegmentCost, SegmentNow, SelfFault, Series, SeriesNow,
    Severity, Snapshot, Source, SpanId, Stage, StageNow, State, StepOutcome, Touchpoint, TouchpointId, TouchpointNow,
    TraceId, Trigger, Trouble, ValueNow, Verdict, Weight,
};

/// How the company is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Billing answers with an error, chat is slow, and the shop's price disagrees.
    BillingDown,
    /// Nothing has been sampled yet.
    Pending,
    /// Our own network is gone.
    Blind,
    /// Every text that could come from a server, a persona or a file is an attack.
    Hostile,
}

pub(crate) const ATTACK: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;";

pub(crate) fn now() -> Timestamp {
    "2026-11-21T09:00:00Z".parse().expect("a time")
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

pub(crate) fn incident_id() -> IncidentId {
    IncidentId(uuid::Uuid::from_u128(0x0193_4e5f_0000_7000_8000_0000_0000_0001))
}

const PLACES: &[(&str, &str, Channel)] = &[
    ("ads", "Advertisements", Channel::Ads),
    ("app", "Customer app", Channel::App),
    ("billing", "Bills and payments", Channel::Billing),
    ("chat", "Chat", Channel::Chat),
    ("email", "Confirmation mails", Channel::Email),
    ("reviews", "Reviews page", Channel::Reviews),
    ("shop", "Online shop", Channel::Store),
    ("web", "Website", Channel::Web),
];

type Needs = &'static [(&'static str, Weight)];
const JOURNEYS: &[(&str, &str, &[(&str, &str, Needs)])] = &[
    (
        "become-a-customer",
        "Become a customer",
        &[
            ("discover", "Discover", &[("ads", Weight::Supporting), ("reviews", Weight::Supporting)]),
            ("choose", "Choose", &[("web", Weight::Blocking)]),
            ("buy", "Buy", &[("shop", Weight::Blocking), ("email", Weight::Important)]),
            ("start", "Start", &[("app", Weight::Blocking)]),
        ],
    ),
    (
        "pay-my-bill",
        "Pay my bill",
        &[
            ("notice", "Notice", &[("email", Weight::Important)]),
            ("read", "Read", &[("billing", Weight::Blocking), ("app", Weight::Blocking)]),
            ("pay", "Pay", &[("billing", Weight::Blocking)]),
            ("ask", "Ask", &[("chat|web", Weight::Blocking)]),
        ],
    ),
    (
        "get-help",
        "Get help",
        &[
            ("find", "Find help", &[("web", Weight::Blocking)]),
            ("talk", "Talk to us", &[("chat", Weight::Important)]),
            ("resolve", "Resolved", &[("app", Weight::Supporting)]),
        ],
    ),
];

pub(crate) fn snapshot(mood: Mood) -> Snapshot {
    let text = |plain: &str| if mood == Mood::Hostile { format!("{plain} {ATTACK}") } else { plain.to_owned() };
    let map = Arc::new(map(&text));
    let touchpoints: BTreeMap<TouchpointId, TouchpointNow> =
        map.touchpoints.values().map(|place| (place.id.clone(), touchpoint(place, mood, &text))).collect();
    let journeys: Vec<JourneyNow> =
        map.journeys.iter().map(|journey| journey_now(journey, &touchpoints, mood, &text)).collect();
    let incidents = if bad(mood) { vec![incident(mood)] } else { Vec::new() };
    let troubles = match mood {
        Mood::Blind | Mood::Hostile => vec![Trouble {
            what: SelfFault::NetworkUnreachable,
            since: ago(4),
            text: text("no route from this machine to anywhere"),
        }],
        _ => Vec::new(),
    };
    Snapshot { at: now(), map, journeys, touchpoints, incidents, silences: Vec::new(), troubles }
}

fn bad(mood: Mood) -> bool {
    matches!(mood, Mood::BillingDown | Mood::Hostile)
}

pub(crate) fn map(text: &dyn Fn(&str) -> String) -> JourneyMap {
    let touchpoints =
        PLACES.iter().map(|(id, title, channel)| (TouchpointId::new(id), place(id, &text(title), *channel)));
    let journeys = JOURNEYS.iter().map(|(id, title, stages)| Journey {
        id: (*id).into(),
        title: text(title),
        public: *id == "get-help",
        objective: (*id == "pay-my-bill")
            .then_some(Objective { target: 99.0, window: Duration::from_secs(30 * 86_400) }),
        stages: stages.iter().map(|(id, title, needs)| stage(id, &text(title), needs)).collect(),
        consistency: (*id == "become-a-customer")
            .then(|| Consistency {
                name: text("The price is the same everywhere"),
                values: sources(),
                severity: FindingSeverity::Major,
            })
            .into_iter()
            .collect(),
    });
    JourneyMap {
        company: text("Halcyon Mobile"),
        timezone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a known zone"),
        language: unbroken::model::Language::En,
        touchpoints: touchpoints.collect(),
        journeys: journeys.collect(),
        personas: [("anna", "Anna Schmidt", "consumer"), ("li-wei", "李伟", "business")]
            .into_iter()
            .map(|(id, name, segment)| (id.into(), persona(id, &text(name), segment)))
            .collect(),
        vantages: vec!["here".into()],
        maintenance: Vec::new(),
        trace_link: Some("https://tempo.example/trace/{trace_id}".to_owned()),
    }
}

fn sources() -> Vec<Source> {
    ["ads", "shop", "app"].map(|place| Source { probe: ProbeId::new(place, "visit"), value: "price".into() }).to_vec()
}

fn persona(id: &str, name: &str, segment: &str) -> Persona {
    let fields = [("name", name), ("segment", segment)].map(|(key, value)| (key.to_owned(), value.to_owned()));
    Persona { id: id.into(), name: name.to_owned(), fields: fields.into() }
}

fn place(id: &str, title: &str, channel: Channel) -> Touchpoint {
    Touchpoint {
        id: id.into(),
        title: title.to_owned(),
        channel,
        owner: Some(format!("{id}-team")),
        depends_on: Vec::new(),
        was: None,
        hours: None,
        page_after: Duration::ZERO,
        probes: vec![Probe {
            id: ProbeId::new(id, "visit"),
            title: if id == "billing" {
                "A customer reads the latest bill".to_owned()
            } else {
                format!("A customer visits: {title}")
            },
            weight: Weight::Blocking,
            every: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            recheck: Duration::from_secs(10),
            rule: DetectRule::Sequential,
            personas: if id == "billing" { vec!["anna".into(), "li-wei".into()] } else { Vec::new() },
            signal: None,
            origin: None,
            unseen_from: Vec::new(),
            file: format!("probes/{id}.yaml").into(),
        }],
    }
}

fn members(name: &str, weight: Weight) -> Vec<Member> {
    name.split('|').map(|id| Member { element: Element::Touchpoint(id.into()), weight }).collect()
}

fn stage(id: &str, title: &str, needs: Needs) -> Stage {
    let needs = needs.iter().map(|(name, weight)| {
        let mut members = members(name, *weight);
        if members.len() == 1 {
            Need::One(members.remove(0))
        } else {
            let shares = vec![1.0 / members.len() as f64; members.len()];
            Need::Of { need: 1, members, shares, weight: *weight }
        }
    });
    Stage { id: id.into(), title: title.to_owned(), needs: needs.collect() }
}

/// State, value and fault of a place.
fn condition(id: &str, mood: Mood, text: &dyn Fn(&str) -> String) -> (State, f64, Option<Fault>) {
    match (mood, id) {
        (Mood::Pending, _) => (State::Pending, 0.5, None),
        (Mood::Blind, _) => (State::Unknown, 0.5, None),
        (Mood::BillingDown | Mood::Hostile, "billing") => (State::Down, 0.0, Some(fault(text))),
        (Mood::BillingDown | Mood::Hostile, "chat") => {
            (State::Degraded, 0.72, Some(Fault::new(FaultCode::Latency, text("took 3.4 s, good is 2 s"))))
        }
        (Mood::BillingDown | Mood::Hostile, "email") => {
            (State::Degraded, 0.9, Some(Fault::new(FaultCode::Timeout, text("no mail within 60 s"))))
        }
        _ => (State::Up, 1.0, None),
    }
}

pub(crate) fn fault(text: &dyn Fn(&str) -> String) -> Fault {
    Fault {
        code: FaultCode::Status,
        phase: Some(Phase::Assert),
        step: Some(text("Open the latest bill")),
        text: text("status 500 instead of 200"),
        evidence: Some(Evidence { of: text("status"), expected: text("200"), found: text("500") }),
        excerpt: Some(text("The bills cannot be read at the moment")),
    }
}

fn touchpoint(place: &Touchpoint, mood: Mood, text: &dyn Fn(&str) -> String) -> TouchpointNow {
    let (state, value, fault) = condition(place.id.as_str(), mood, text);
    let observed = if matches!(state, State::Pending | State::Unknown) { 0.0 } else { 1.0 };
    let health = Health { state, value, observed };
    let since = if state == State::Up { ago(60 * 26) } else { ago(20) };
    let probes = place.probes.iter().map(|probe| {
        let personas =
            if probe.personas.is_empty() { vec![None] } else { probe.personas.iter().cloned().map(Some).collect() };
        let series = personas.into_iter().map(|persona| {
            let series = Series { probe: probe.id.clone(), persona, vantage: "here".into() };
            let last = (observed > 0.0).then(|| LastRun::of(&reading(&series, ago(0), state == State::Down, text)));
            SeriesNow {
                series,
                health,
                since,
                fault: fault.clone(),
                last,
                flapping: false,
                undecided: state == State::Degraded,
                blind: false,
            }
        });
        ProbeNow { id: probe.id.clone(), health, since, fault: fault.clone(), series: series.collect() }
    });
    TouchpointNow {
        id: place.id.clone(),
        health,
        since,
        fault: fault.clone(),
        probes: probes.collect(),
        voices: Vec::new(),
        divergence: None,
    }
}

/// J is the product of the gates; shares as `scoring` has them.
fn journey_now(
    journey: &Journey,
    places: &BTreeMap<TouchpointId, TouchpointNow>,
    mood: Mood,
    text: &dyn Fn(&str) -> String,
) -> JourneyNow {
    let check = if journey.consistency.is_empty() { None } else { Some(if bad(mood) { 0.5 } else { 1.0 }) };
    let gate =
        |member: &Member| 1.0 - member.weight.criticality() * (1.0 - places[member.element.touchpoint()].health.value);
    let needs = |stage: &Stage| {
        stage
            .needs
            .iter()
            .map(|need| match need {
                Need::One(member) => gate(member),
                Need::Of { members, .. } => members.iter().map(gate).sum::<f64>() / members.len() as f64,
            })
            .product::<f64>()
    };
    let value: f64 = journey.stages.iter().map(needs).product::<f64>() * check.unwrap_or(1.0);
    let seen = !matches!(mood, Mood::Pending | Mood::Blind);
    let zeros =
        journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(elements).filter(|m| gate(m) <= 0.0).count();
    let logs: f64 =
        journey.stages.iter().flat_map(|s| &s.needs).map(|n| log(n, &gate)).sum::<f64>() + -check.unwrap_or(1.0).ln();
    let share = |gate: f64, of: f64| {
        if zeros > 0 {
            if gate <= 0.0 { 100.0 / zeros as f64 } else { 0.0 }
        } else if logs > 0.0 {
            100.0 * (1.0 - value) * (-gate.ln() / logs) / of
        } else {
            0.0
        }
    };
    let element = |member: &Member, of: f64| {
        let place = &places[member.element.touchpoint()];
        let gain = if gate(member) > 0.0 { 100.0 * (value / gate(member) - value) } else { 0.0 };
        ElementNow {
            element: member.element.clone(),
            health: place.health,
            criticality: member.weight.criticality(),
            share: share(gate(member), of),
            gain_if_fixed: if zeros == 1 && gate(member) <= 0.0 { 74.0 } else { gain },
            since: place.since,
            fault: place.fault.clone(),
        }
    };
    let stages = journey.stages.iter().map(|stage| {
        let score = needs(stage);
        StageNow {
            id: stage.id.clone(),
            score: seen.then(|| Score::of(score)),
            color: if seen { color(score) } else { Color::Unknown },
            needs: stage
                .needs
                .iter()
                .map(|need| match need {
                    Need::One(member) => NeedNow::One(element(member, 1.0)),
                    Need::Of { need, members, shares, .. } => NeedNow::Of {
                        need: *need,
                        members: members.iter().map(|member| element(member, 2.0)).collect(),
                        shares: shares.clone(),
                        share: 0.0,
                        health: 1.0,
                    },
                })
                .collect(),
        }
    });
    JourneyNow {
        id: journey.id.clone(),
        score: seen.then(|| Score::of(value)),
        felt: seen.then(|| Score::of(value * 0.96)),
        value,
        observed: if seen { 1.0 } else { 0.1 },
        range: if seen { (Score::of(value), Score::of(value)) } else { (Score::of(0.0), Score::of(0.97)) },
        color: if seen { color(value) } else { Color::Unknown },
        since: ago(20),
        burns: Vec::new(),
        burning: None,
        worst: bad(mood).then(|| "billing".into()),
        stages: stages.collect(),
        consistency: journey
            .consistency
            .iter()
            .map(|check| CheckNow {
                name: check.name.clone(),
                severity: check.severity,
                state: if bad(mood) {
                    State::Down
                } else if seen {
                    State::Up
                } else {
                    State::Pending
                },
                values: check
                    .values
                    .iter()
                    .zip(["29.99", if bad(mood) { "31.99" } else { "29.99" }, "29.99"])
                    .map(|(source, value)| ValueNow {
                        source: source.clone(),
                        value: seen.then(|| text(value)),
                        at: seen.then(|| ago(1)),
                        fresh: seen,
                    })
                    .collect(),
                share: share(check_gate(bad(mood)), 1.0),
                since: ago(20),
            })
            .collect(),
        segments: segments(journey, places, mood, text),
    }
}

/// Two kinds of customers wherever the bill is read; only one of them is hurt.
fn segments(
    journey: &Journey,
    places: &BTreeMap<TouchpointId, TouchpointNow>,
    mood: Mood,
    text: &dyn Fn(&str) -> String,
) -> Vec<SegmentNow> {
    let members = journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(elements);
    let billing = members.map(|member| &member.element).find(|of| of.touchpoint().as_str() == "billing");
    let seen = !matches!(mood, Mood::Pending | Mood::Blind);
    let segment = |name: &str, persona: &str, value: f64| SegmentNow {
        name: text(name).into(),
        personas: vec![persona.into()],
        score: seen.then(|| Score::of(value)),
        value,
        observed: if seen { 1.0 } else { 0.1 },
        color: if seen { color(value) } else { Color::Unknown },
        costs: Vec::new(),
        untried: Vec::new(),
    };
    let cost = |billing: &Element| {
        let place = &places[billing.touchpoint()];
        SegmentCost {
            of: Costly::Element(billing.clone()),
            share: 100.0,
            state: place.health.state,
            since: place.since,
            fault: place.fault.clone(),
            reach: Reach::Segment,
        }
    };
    let costs: Vec<SegmentCost> = billing.filter(|_| bad(mood)).map(cost).into_iter().collect();
    let hurt = segment("business", "li-wei", if costs.is_empty() { 1.0 } else { 0.0 });
    vec![SegmentNow { costs, untried: vec![ProbeId::new("shop", "visit")], ..hurt }, segment("consumer", "anna", 1.0)]
}

fn check_gate(bad: bool) -> f64 {
    if bad { 0.5 } else { 1.0 }
}

fn elements(need: &Need) -> &[Member] {
    match need {
        Need::One(member) => std::slice::from_ref(member),
        Need::Of { members, .. } => members,
    }
}

fn log(need: &Need, gate: &dyn Fn(&Member) -> f64) -> f64 {
    let members = elements(need);
    members.iter().map(|member| -gate(member).max(1e-9).ln()).sum::<f64>() / members.len() as f64
}

fn color(value: f64) -> Color {
    match value {
        value if value >= 0.95 => Color::Good,
        value if value >= 0.8 => Color::Watch,
        value if value >= 0.5 => Color::Bad,
        _ => Color::Broken,
    }
}

/// One run with two steps; the second fails if `fails`.
pub(crate) fn reading(series: &Series, at: Timestamp, fails: bool, text: &dyn Fn(&str) -> String) -> Reading {
    let ms = Duration::from_millis;
    let verdict = if fails { Verdict::Failed(fault(text)) } else { Verdict::Good };
    let quality = if fails { Quality::NONE } else { Quality::PERFECT };
    let phase = |phase, offset, took| PhaseTime { phase, offset: ms(offset), took: ms(took) };
    let step = |name: &str, offset: u64, took: u64, fault: Option<Fault>| StepOutcome {
        name: name.into(),
        kind: "http".into(),
        on: None,
        offset: ms(offset),
        took: ms(took),
        reached: true,
        span: SpanId(0x1111 + offset),
        phases: vec![
            phase(Phase::Dns, offset, 4),
            phase(Phase::Connect, offset + 4, 11),
            phase(Phase::Tls, offset + 15, 28),
            phase(Phase::Send, offset + 43, 1),
            phase(Phase::Wait, offset + 44, took - 60),
            phase(Phase::Receive, offset + took - 16, 12),
            phase(Phase::Assert, offset + took - 4, 4),
        ],
        fault,
        findings: vec![Finding {
            severity: FindingSeverity::Minor,
            fault: Fault {
                evidence: Some(Evidence {
                    of: text("header cache-control"),
                    expected: text("no-store"),
                    found: text("public"),
                }),
                ..Fault::new(FaultCode::Expectation, text("header cache-control is public"))
            },
        }],
        captured: vec![
            Captured { name: text("total"), value: Some(text("29.99")) },
            Captured { name: "token".to_owned(), value: None },
        ],
        peer: Some(SocketAddr::from(([127, 0, 0, 1], 7003))),
        certificate: Some(CertificateFacts {
            subject: text("CN=billing.halcyon.example"),
            issuer: text("CN=Halcyon Test CA"),
            not_before: ago(60 * 24 * 30),
            not_after: now() + SignedDuration::from_hours(24 * 74),
            sha256: "ab".repeat(32),
        }),
        attributes: vec![
            ("http.request.method".into(), "GET".into()),
            ("http.response.status_code".into(), if fails { "500" } else { "200" }.into()),
            ("url.full".into(), "https://billing.halcyon.example/bills/latest".into()),
        ],
        episodes: Box::default(),
    };
    Reading {
        probe: series.probe.clone(),
        persona: series.persona.clone(),
        vantage: series.vantage.clone(),
        trigger: Trigger::Schedule,
        asked_by: None,
        scheduled: at,
        started: at,
        trace: TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736 ^ u128::from(at.as_second().unsigned_abs())),
        span: SpanId(0x00f0_67aa_0ba9_02b7),
        outcome: Outcome {
            verdict: verdict.clone(),
            samples: vec![Sample { probe: series.probe.clone(), quality, fault: verdict.fault().cloned() }],
            took: ms(640),
            steps: vec![
                step("Sign in", 0, 210, None),
                step("Open the latest bill", 212, 426, verdict.fault().cloned()),
            ],
        },
    }
}

pub(crate) fn incident(mood: Mood) -> Incident {
    let text = |plain: &str| if mood == Mood::Hostile { format!("{plain} {ATTACK}") } else { plain.to_owned() };
    Incident {
        segments: BTreeSet::new(),
        id: incident_id(),
        version: 2,
        cause: Cause::Touchpoint("billing".into()),
        severity: Severity::Page,
        opened: ago(20),
        closed: None,
        close: None,
        touchpoint: Some("billing".into()),
        touchpoints: BTreeSet::from(["billing".into()]),
        probes: BTreeSet::from([ProbeId::new("billing", "visit")]),
        impacts: vec![Impact { journey: "pay-my-bill".into(), loss: 100.0 }],
        fault: Some(fault(&text)),
        trace: Some(TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)),
        shared: None,
        only_from: BTreeSet::new(),
        acknowledged: None,
        timeline: vec![
            Happening { at: ago(21), what: text("Bills and payments is degraded: status 500 instead of 200") },
            Happening { at: ago(20), what: text("Bills and payments is down: status 500 instead of 200") },
            Happening { at: ago(19), what: text("It breaks the journey: Pay my bill") },
        ],
    }
}
