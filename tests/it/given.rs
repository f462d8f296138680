//! Things that happened, for tests of what is kept and told of them.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use unbroken::alert::notification_id;
use unbroken::model::{
    Cause, Close, Fault, FaultCode, Happening, Impact, Incident, IncidentId, Language, Notification, NotificationKind,
    Outcome, ProbeId, Quality, Reading, Sample, Severity, SpanId, StepOutcome, TraceId, Trigger, VantageId, Verdict,
};
use unbroken::words::Words;

/// The words of a company that speaks English, read once.
pub(crate) fn english() -> &'static Arc<Words> {
    static ENGLISH: LazyLock<Arc<Words>> = LazyLock::new(|| Arc::new(Words::new(Language::En)));
    &ENGLISH
}

/// Friday, 2026-11-20 08:00 UTC, and so many seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-11-20T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// The `number`th incident: the billing portal refuses connections since `at(0)`.
pub(crate) fn incident(number: u128) -> Incident {
    let touchpoint = "billing".into();
    Incident {
        id: IncidentId(uuid::Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + number)),
        version: 1,
        cause: Cause::Touchpoint("billing".into()),
        severity: Severity::Page,
        opened: at(0),
        closed: None,
        close: None,
        touchpoint: Some("billing".into()),
        touchpoints: BTreeSet::from([touchpoint]),
        probes: BTreeSet::from([ProbeId::new("billing", "read-latest-bill")]),
        impacts: vec![Impact { journey: "pay-my-bill".into(), loss: 100.0 }],
        segments: BTreeSet::new(),
        fault: Some(Fault::new(FaultCode::ConnectRefused, "connect to 127.0.0.1:7003: refused")),
        trace: Some(TraceId(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c)),
        shared: None,
        only_from: BTreeSet::new(),
        acknowledged: None,
        timeline: vec![Happening { at: at(0), what: "Bills and payments is down".into() }],
    }
}

pub(crate) fn version(of: &Incident, version: u32) -> Incident {
    Incident { version, ..of.clone() }
}

pub(crate) fn closed(of: &Incident, seconds: i64) -> Incident {
    Incident { version: of.version + 1, closed: Some(at(seconds)), close: Some(Close::Recovered), ..of.clone() }
}

pub(crate) fn notification(incident: &Incident, kind: NotificationKind, receiver: &str) -> Notification {
    Notification {
        id: notification_id(incident.id, incident.version, kind, 0, receiver),
        receiver: receiver.into(),
        kind,
        at: at(0),
        incident: incident.clone(),
        headline: "Bills and payments is down: customers of “Pay my bill” are hurt".into(),
        lines: vec!["Since 2026-11-20 09:00 CET, 2 minutes.".into(), "Cause: refused [connect_refused].".into()],
        link: Some(format!("http://127.0.0.1:8080/incidents/{}", incident.id)),
        trace_link: None,
        labels: [
            ("alertname", "TouchpointBroken"),
            ("touchpoint", "billing"),
            ("severity", incident.severity.as_str()),
        ]
        .into_iter()
        .chain([("incident", incident.id.to_string().as_str())])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect(),
    }
}

/// A run that was due at `at(seconds)` and took so long.
pub(crate) fn reading(probe: &ProbeId, seconds: i64, verdict: Verdict, took: Duration) -> Arc<Reading> {
    let fault = verdict.fault().cloned();
    let quality = match verdict {
        Verdict::Good => Some(Quality::PERFECT),
        Verdict::Slow => Some(Quality::new(0.75)),
        Verdict::Failed(_) => Some(Quality::NONE),
        _ => None,
    };
    let sample = quality.map(|quality| Sample { probe: probe.clone(), quality, fault: fault.clone() });
    Arc::new(Reading {
        probe: probe.clone(),
        persona: Some("anna".into()),
        vantage: VantageId::default(),
        trigger: Trigger::Schedule,
        asked_by: None,
        scheduled: at(seconds),
        started: at(seconds) + SignedDuration::from_millis(3),
        trace: TraceId(7 + u128::from(seconds.unsigned_abs())),
        span: SpanId(8),
        outcome: Outcome {
            verdict,
            samples: sample.into_iter().collect(),
            took,
            steps: vec![StepOutcome {
                name: "Sign in".into(),
                kind: "http".into(),
                on: None,
                offset: Duration::ZERO,
                took,
                reached: true,
                span: SpanId(9),
                phases: Vec::new(),
                fault,
                findings: Vec::new(),
                captured: Vec::new(),
                peer: None,
                certificate: None,
                attributes: vec![("http.request.method".into(), "POST".into())],
                episodes: Box::default(),
            }],
        },
    })
}

pub(crate) fn failed(code: FaultCode) -> Verdict {
    Verdict::Failed(Fault::new(code, "it went wrong"))
}
