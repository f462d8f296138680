//! One run of a probe, told step by step.

use super::chart::Piece;
use super::rich::Marked;
use super::tone::Tone;
use super::{Frame, Trace, capital};
use crate::model::{Fault, Reading, StepOutcome, Verdict};

pub(super) struct Run {
    pub(super) tone: Tone,
    pub(super) when: String,
    pub(super) took: String,
    pub(super) trace: Option<Trace>,
    /// Why the run says nothing of the touchpoint.
    pub(super) own: Option<Marked>,
    pub(super) steps: Vec<Step>,
}

pub(super) struct Step {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) tone: Tone,
    pub(super) took: String,
    pub(super) phases: Vec<PhaseBar>,
    pub(super) findings: Vec<Finding>,
    pub(super) captured: Vec<(String, String)>,
    pub(super) certificate: Option<String>,
}

pub(super) struct PhaseBar {
    pub(super) class: &'static str,
    pub(super) words: String,
    pub(super) took: String,
    pub(super) piece: Piece,
}

pub(super) struct Finding {
    /// Where it stands beside others, the step.
    pub(super) step: Option<String>,
    pub(super) text: Marked,
    /// What its owner does about it.
    pub(super) advice: Option<Marked>,
    /// What was looked at, wanted and found.
    pub(super) evidence: Option<(String, String, String)>,
    /// How the answer begins.
    pub(super) excerpt: Option<String>,
}

pub(super) fn run(frame: &Frame, reading: &Reading) -> Run {
    let whole = reading.outcome.took.as_secs_f64();
    Run {
        tone: Tone::from(&reading.outcome.verdict),
        when: frame.since(reading.started),
        took: frame.words.took(reading.outcome.took),
        trace: frame.trace(reading.trace),
        own: match &reading.outcome.verdict {
            Verdict::Inconclusive { why, text } => {
                let why = capital(&frame.words.own(*why));
                Some(frame.rich("run-own").with("why", why).with("text", text).done())
            }
            Verdict::Skipped(_) => Some(Marked::inert(&frame.text("run-skipped"))),
            _ => None,
        },
        steps: steps(frame, reading, whole),
    }
}

fn steps(frame: &Frame, reading: &Reading, whole: f64) -> Vec<Step> {
    let mut steps: Vec<Step> = reading.outcome.steps.iter().map(|one| step(frame, one, whole)).collect();
    if let Some(step) = reading.cut().and_then(|number| steps.get_mut(number)) {
        step.tone = Tone::new("unknown", "tone-unfinished");
    }
    steps
}

fn step(frame: &Frame, step: &StepOutcome, whole: f64) -> Step {
    let tone = match (step.reached, &step.fault, step.findings.is_empty()) {
        (false, ..) => Tone::new("unknown", "tone-unreached"),
        (true, Some(_), _) => Tone::new("broken", "verdict-failed"),
        (true, None, false) => Tone::new("watch", "tone-defect"),
        (true, None, true) => Tone::new("good", "verdict-good"),
    };
    let blocking = step.fault.iter().map(|fault| finding(frame, fault));
    let others = step.findings.iter().map(|found| finding(frame, &found.fault));
    let phases = step.phases.iter().map(|phase| {
        let from = phase.offset.as_secs_f64();
        PhaseBar {
            class: phase.phase.code(),
            words: frame.words.phase(phase.phase).into_owned(),
            took: frame.words.took(phase.took),
            piece: Piece::new(from, from + phase.took.as_secs_f64(), whole),
        }
    });
    let masked = || "••••••".to_owned();
    Step {
        name: step.name.to_string(),
        kind: step.kind.to_string(),
        tone,
        took: frame.words.took(step.took),
        phases: phases.collect(),
        findings: blocking.chain(others).collect(),
        captured: step.captured.iter().map(|c| (c.name.clone(), c.value.clone().unwrap_or_else(masked))).collect(),
        certificate: step.certificate.as_ref().map(|facts| {
            let days = facts.not_after.duration_since(frame.now).as_hours() / 24;
            let told = frame.say("run-certificate").with("subject", &facts.subject).with("days", days);
            told.with("until", frame.words.date(facts.not_after)).with("issuer", &facts.issuer).to_string()
        }),
    }
}

fn finding(frame: &Frame, fault: &Fault) -> Finding {
    Finding {
        step: None,
        text: frame.told(fault, &fault.text),
        advice: frame.advice(fault),
        evidence: evidence(frame, fault),
        excerpt: fault.excerpt.clone(),
    }
}

/// What was looked at, wanted and found.
pub(super) fn evidence(frame: &Frame, fault: &Fault) -> Option<(String, String, String)> {
    let words = |text: &str| frame.words.wanted(text).into_owned();
    fault.evidence.as_ref().map(|seen| (seen.of.clone(), words(&seen.expected), words(&seen.found)))
}
