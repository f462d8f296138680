//! A small company, its readings, and what the board makes of them.

mod budget;
mod causes;
mod incidents;
mod laws;
mod losses;
mod own;
mod reloads;
mod score;
mod segments;
mod turned_back;
mod vantages;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::*;
use crate::model::{
    Captured, Channel, Consistency, DetectRule, Element, Fault, FaultCode, FindingSeverity, Journey, Member, Need,
    Outcome, Probe, ProbeId, Quality, Sample, SelfFault, Snapshot, Source, SpanId, Stage, StepOutcome, Touchpoint,
    TouchpointId, TraceId, Trigger, VantageId, Weight,
};

const SECOND: Duration = Duration::from_secs(1);

fn probe(touchpoint: &str, name: &str, weight: Weight) -> Probe {
    Probe {
        id: ProbeId::new(touchpoint, name),
        title: name.into(),
        weight,
        every: SECOND * 10,
        timeout: SECOND * 5,
        recheck: SECOND * 10,
        rule: DetectRule::Sequential,
        personas: Vec::new(),
        signal: None,
        origin: None,
        unseen_from: Vec::new(),
        file: "probes/x.yaml".into(),
    }
}

fn touchpoint(id: &str, depends_on: &[&str]) -> Touchpoint {
    Touchpoint {
        id: id.into(),
        title: id.to_uppercase(),
        channel: Channel::Web,
        owner: None,
        depends_on: depends_on.iter().map(|id| TouchpointId::new(id)).collect(),
        was: None,
        hours: None,
        page_after: Duration::ZERO,
        probes: vec![probe(id, "main", Weight::Blocking)],
    }
}

fn one(touchpoint: &str, weight: Weight) -> Need {
    Need::One(Member { element: Element::Touchpoint(touchpoint.into()), weight })
}

fn journey(id: &str, needs: Vec<Need>) -> Journey {
    let stage = Stage { id: "all".into(), title: "All".into(), needs };
    Journey {
        id: id.into(),
        title: id.to_uppercase(),
        public: false,
        objective: None,
        stages: vec![stage],
        consistency: Vec::new(),
    }
}

fn map(touchpoints: Vec<Touchpoint>, journeys: Vec<Journey>) -> JourneyMap {
    JourneyMap {
        company: "Halcyon".into(),
        timezone: TimeZone::UTC,
        language: crate::model::Language::En,
        touchpoints: touchpoints.into_iter().map(|touchpoint| (touchpoint.id.clone(), touchpoint)).collect(),
        journeys,
        personas: BTreeMap::new(),
        vantages: vec![VantageId::default()],
        maintenance: Vec::new(),
        trace_link: None,
    }
}

/// login <- shop <- app, web beside them, ads supporting; two journeys.
fn company() -> JourneyMap {
    let touchpoints = vec![
        touchpoint("login", &[]),
        touchpoint("shop", &["login"]),
        touchpoint("app", &["shop"]),
        touchpoint("web", &[]),
        touchpoint("ads", &[]),
    ];
    let buy = vec![one("web", Weight::Blocking), one("shop", Weight::Blocking), one("ads", Weight::Supporting)];
    let usage = vec![one("app", Weight::Blocking), one("login", Weight::Important)];
    map(touchpoints, vec![journey("buy", buy), journey("use", usage)])
}

fn ids() -> Ids {
    let mut next = 0;
    Box::new(move || {
        next += 1;
        Uuid::from_u128(next)
    })
}

/// A board, the time, and everything it said.
struct World {
    board: Board,
    now: Timestamp,
    said: Vec<Change>,
}

impl World {
    fn new(map: JourneyMap) -> Self {
        // A Monday, 08:00 UTC.
        let now: Timestamp = "2026-11-16T08:00:00Z".parse().expect("valid");
        Self { board: Board::new(Arc::new(map), ids(), now), now, said: Vec::new() }
    }

    /// One reading, of the probe `main` unless named; a quality below one half brings a fault.
    fn read(&mut self, probe: &str, quality: f64) -> Vec<Change> {
        let reading = reading(probe, quality, self.now);
        self.take(reading)
    }

    fn take(&mut self, reading: Reading) -> Vec<Change> {
        let changes = self.board.apply(&[Arc::new(reading)], self.now);
        self.said.extend(changes.iter().cloned());
        changes
    }

    fn wait(&mut self, seconds: u64) -> Vec<Change> {
        self.wait_in(seconds, 1)
    }

    /// Waits in steps of so many seconds.
    fn wait_in(&mut self, seconds: u64, step: usize) -> Vec<Change> {
        let mut all = Vec::new();
        let end = self.now + SECOND * seconds as u32;
        while self.now < end {
            self.now = end.min(self.now + SECOND * step as u32);
            all.extend(self.board.tick(self.now));
        }
        self.said.extend(all.iter().cloned());
        all
    }

    /// A round of readings every 10 s, `rounds` times: these qualities for those, 1 for all others.
    fn rounds(&mut self, rounds: usize, qualities: &[(&str, f64)]) -> Vec<Change> {
        let mut all = Vec::new();
        for _ in 0..rounds {
            let probes: Vec<String> =
                self.board.map.probes().filter(|p| p.origin.is_none()).map(|p| p.id.to_string()).collect();
            for probe in probes {
                let name = probe.strip_suffix("/main").unwrap_or(&probe);
                let quality = qualities.iter().find(|(known, _)| *known == name).map_or(1.0, |(_, quality)| *quality);
                all.extend(self.read(name, quality));
            }
            all.extend(self.wait(10));
        }
        all
    }

    fn snapshot(&self) -> Snapshot {
        self.board.snapshot(self.now)
    }

    fn score(&self, journey: &str) -> Option<f64> {
        self.snapshot().journey(&journey.into()).and_then(|journey| journey.score).map(crate::model::Score::points)
    }

    fn state(&self, touchpoint: &str) -> State {
        self.snapshot().state_of(&touchpoint.into())
    }
}

fn reading(probe: &str, quality: f64, now: Timestamp) -> Reading {
    let id = ProbeId::parse(probe).unwrap_or_else(|| ProbeId::new(probe, "main"));
    let quality = Quality::new(quality);
    let fault = quality.fails().then(|| Fault::new(FaultCode::Status, "status is 500, not 200"));
    let verdict = match &fault {
        Some(fault) => Verdict::Failed(fault.clone()),
        None => Verdict::Good,
    };
    Reading {
        probe: id.clone(),
        persona: None,
        vantage: VantageId::default(),
        trigger: Trigger::Schedule,
        asked_by: None,
        scheduled: now,
        started: now,
        trace: TraceId(now.as_second().unsigned_abs().into()),
        span: SpanId(1),
        outcome: Outcome {
            verdict,
            samples: vec![Sample { probe: id, quality, fault }],
            took: Duration::from_millis(20),
            steps: Vec::new(),
        },
    }
}

fn capturing(probe: &str, name: &str, value: &str, now: Timestamp) -> Reading {
    let mut reading = reading(probe, 1.0, now);
    reading.outcome.steps = vec![StepOutcome {
        name: "look".into(),
        kind: "http".into(),
        on: None,
        offset: Duration::ZERO,
        took: SECOND,
        reached: true,
        span: SpanId(2),
        phases: Vec::new(),
        fault: None,
        findings: Vec::new(),
        captured: vec![Captured { name: name.into(), value: Some(value.into()) }],
        peer: None,
        certificate: None,
        attributes: Vec::new(),
        episodes: Box::default(),
    }];
    reading
}

/// Changes in a line each, without those that only say how a score moved.
fn told(changes: &[Change]) -> Vec<String> {
    let line = |change: &Change| {
        Some(match change {
            Change::StateChanged { series, from, to, .. } => format!("{} {from}>{to}", series.probe),
            Change::TouchpointChanged { touchpoint, from, to, .. } => format!("{touchpoint} {from}>{to}"),
            Change::IncidentOpened(incident) => format!("open {}", line_of(incident)),
            Change::IncidentUpdated(incident) => format!("update {}", line_of(incident)),
            Change::IncidentClosed(incident) => format!("close {} {:?}", line_of(incident), incident.close),
            Change::Renamed { from, to } => format!("renamed {from}>{to}"),
            Change::IncidentNoted(_) | Change::ScoreChanged { .. } | Change::Recheck { .. } => return None,
        })
    };
    changes.iter().filter_map(line).collect()
}

fn line_of(incident: &Incident) -> String {
    let cause = match &incident.cause {
        crate::model::Cause::Touchpoint(id) => id.to_string(),
        crate::model::Cause::Journey(id) => format!("journey {id}"),
        crate::model::Cause::Objective(id) => format!("objective {id}"),
        crate::model::Cause::Own(what) => what.to_string(),
    };
    format!("{cause} {} v{}", incident.severity.as_str(), incident.version)
}

/// Of what was told, only the incidents.
fn incidents(changes: &[Change]) -> Vec<String> {
    let lines = told(changes).into_iter();
    lines.filter(|line| ["open", "update", "close"].iter().any(|word| line.starts_with(word))).collect()
}
