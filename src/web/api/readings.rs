//! A probe's runs, told in full.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use schemars::JsonSchema;
use serde::Serialize;

use super::{At, Fault, List, Paging};
use crate::model::{self, FindingSeverity, ProbeId, StepOutcome, Trigger, Verdict};
use crate::web::problem::Problem;
use crate::web::routes::Shared;

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Reading {
    probe: String,
    persona: Option<String>,
    vantage: String,
    #[schemars(with = "String")]
    trigger: Trigger,
    scheduled: At,
    started: At,
    took_seconds: f64,
    verdict: &'static str,
    quality: Option<f64>,
    fault: Option<Fault>,
    /// Why the run says nothing of the touchpoint.
    own_fault: Option<String>,
    /// None when only the outcome was kept, as of most good runs.
    trace_id: Option<String>,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Step {
    name: String,
    kind: String,
    on: Option<String>,
    reached: bool,
    offset_seconds: f64,
    took_seconds: f64,
    phases: Vec<Phase>,
    fault: Option<Fault>,
    findings: Vec<Finding>,
    captured: Vec<Captured>,
    peer: Option<String>,
    certificate: Option<Certificate>,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Phase {
    #[serde(rename = "phase")]
    name: &'static str,
    offset_seconds: f64,
    took_seconds: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Finding {
    #[schemars(with = "String")]
    severity: FindingSeverity,
    fault: Fault,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Captured {
    name: String,
    /// None when masked.
    value: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Certificate {
    subject: String,
    issuer: String,
    not_before: At,
    not_after: At,
    sha256: String,
}

pub(in crate::web) async fn list(
    State(shared): State<Arc<Shared>>,
    Path((touchpoint, probe)): Path<(String, String)>,
    query: Result<Query<Paging>, QueryRejection>,
) -> Result<Json<List<Reading>>, Problem> {
    shared.insiders_only()?;
    let Query(paging) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let (limit, before) = (paging.limit()?, paging.before()?);
    let probe = ProbeId::new(&touchpoint, &probe);
    shared.snapshot().probe(&probe).ok_or_else(Problem::not_found)?;
    let readings =
        shared.site.store.readings(&probe, before, limit).await.map_err(|refused| Problem::store(&refused))?;
    let full = readings.len() == limit as usize;
    // Full precision: a page must begin where the one before it ended.
    let next = readings.last().filter(|_| full).map(|reading| reading.scheduled.to_string());
    Ok(Json(List { items: readings.iter().map(reading).collect(), next }))
}

pub(in crate::web) fn reading(reading: &model::Reading) -> Reading {
    let verdict = &reading.outcome.verdict;
    let own = reading.outcome.samples.iter().find(|sample| sample.probe == reading.probe);
    Reading {
        probe: reading.probe.to_string(),
        persona: reading.persona.as_ref().map(ToString::to_string),
        vantage: reading.vantage.to_string(),
        trigger: reading.trigger,
        scheduled: At(reading.scheduled),
        started: At(reading.started),
        took_seconds: reading.outcome.took.as_secs_f64(),
        verdict: verdict.label(),
        quality: own.map(|sample| sample.quality.get()),
        fault: verdict.fault().map(Fault::from),
        own_fault: match verdict {
            Verdict::Inconclusive { why, text } => Some(format!("{why}: {text}")),
            _ => None,
        },
        trace_id: (reading.trace.0 != 0).then(|| reading.trace.to_string()),
        steps: reading.outcome.steps.iter().map(step).collect(),
    }
}

fn step(step: &StepOutcome) -> Step {
    Step {
        name: step.name.to_string(),
        kind: step.kind.to_string(),
        on: step.on.as_ref().map(ToString::to_string),
        reached: step.reached,
        offset_seconds: step.offset.as_secs_f64(),
        took_seconds: step.took.as_secs_f64(),
        phases: step.phases.iter().map(phase).collect(),
        fault: step.fault.as_ref().map(Fault::from),
        findings: step
            .findings
            .iter()
            .map(|finding| Finding { severity: finding.severity, fault: Fault::from(&finding.fault) })
            .collect(),
        captured: step
            .captured
            .iter()
            .map(|captured| Captured { name: captured.name.clone(), value: captured.value.clone() })
            .collect(),
        peer: step.peer.map(|peer| peer.to_string()),
        certificate: step.certificate.as_ref().map(|facts| Certificate {
            subject: facts.subject.clone(),
            issuer: facts.issuer.clone(),
            not_before: At(facts.not_before),
            not_after: At(facts.not_after),
            sha256: facts.sha256.clone(),
        }),
        attributes: step.attributes.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
    }
}

fn phase(phase: &model::PhaseTime) -> Phase {
    Phase {
        name: phase.phase.code(),
        offset_seconds: phase.offset.as_secs_f64(),
        took_seconds: phase.took.as_secs_f64(),
    }
}
