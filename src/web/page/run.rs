//! One run of a probe, told step by step.

use jiff::Timestamp;

use super::chart::Piece;
use super::number::length;
use super::tone::Tone;
use super::{Frame, Trace, capital};
use crate::model::{Fault, Reading, StepOutcome, Verdict};
use crate::words;

pub(super) struct Run {
    pub(super) tone: Tone,
    pub(super) when: String,
    pub(super) took: String,
    pub(super) trace: Option<Trace>,
    /// Why the run says nothing of the touchpoint.
    pub(super) own: Option<String>,
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
    pub(super) text: String,
    /// What its owner does about it.
    pub(super) advice: Option<String>,
    pub(super) evidence: Option<(String, String, String)>,
    /// How the answer begins.
    pub(super) excerpt: Option<String>,
}

pub(super) fn run(frame: &Frame, reading: &Reading) -> Run {
    let whole = reading.outcome.took.as_secs_f64();
    Run {
        tone: Tone::from(&reading.outcome.verdict),
        when: frame.since(reading.started),
        took: length(reading.outcome.took),
        trace: frame.trace(reading.trace),
        own: match &reading.outcome.verdict {
            Verdict::Inconclusive { why, text } => Some(format!("{}: {text}", capital(why.words()))),
            Verdict::Skipped(_) => Some("The run did not take place".to_owned()),
            _ => None,
        },
        steps: steps(reading, whole, frame.now),
    }
}

fn steps(reading: &Reading, whole: f64, now: Timestamp) -> Vec<Step> {
    let mut steps: Vec<Step> = reading.outcome.steps.iter().map(|one| step(one, whole, now)).collect();
    if let Some(step) = reading.cut().and_then(|number| steps.get_mut(number)) {
        step.tone = Tone::new("unknown", "not seen to its end");
    }
    steps
}

fn step(step: &StepOutcome, whole: f64, now: Timestamp) -> Step {
    let tone = match (step.reached, &step.fault, step.findings.is_empty()) {
        (false, ..) => Tone::new("unknown", "not reached"),
        (true, Some(_), _) => Tone::new("broken", "failed"),
        (true, None, false) => Tone::new("watch", "with a defect"),
        (true, None, true) => Tone::new("good", "good"),
    };
    let blocking = step.fault.iter().map(finding);
    let others = step.findings.iter().map(|found| finding(&found.fault));
    let phases = step.phases.iter().map(|phase| {
        let from = phase.offset.as_secs_f64();
        PhaseBar {
            class: phase.phase.code(),
            words: phase.phase.words().to_owned(),
            took: length(phase.took),
            piece: Piece::new(from, from + phase.took.as_secs_f64(), whole),
        }
    });
    let masked = || "••••••".to_owned();
    Step {
        name: step.name.to_string(),
        kind: step.kind.to_string(),
        tone,
        took: length(step.took),
        phases: phases.collect(),
        findings: blocking.chain(others).collect(),
        captured: step.captured.iter().map(|c| (c.name.clone(), c.value.clone().unwrap_or_else(masked))).collect(),
        certificate: step.certificate.as_ref().map(|facts| {
            let days = facts.not_after.duration_since(now).as_hours() / 24;
            let until = facts.not_after.strftime("%-d %b %Y");
            format!("Certificate of {}, valid until {until} ({days} days), issued by {}", facts.subject, facts.issuer)
        }),
    }
}

fn finding(fault: &Fault) -> Finding {
    let evidence = fault.evidence.as_ref();
    Finding {
        text: fault.text.clone(),
        advice: words::advice(fault).map(capital),
        evidence: evidence.map(|seen| (seen.of.clone(), seen.expected.clone(), seen.found.clone())),
        excerpt: fault.excerpt.clone(),
    }
}
