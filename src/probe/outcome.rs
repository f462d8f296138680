//! From steps to a verdict and samples (`scoring`, "From a run to a number", 1). Pure.

use std::time::Duration;

use smol_str::SmolStr;

use super::Stop;
use super::errand::Prepared;
use super::standstill::Loss;
use crate::model::{Fault, FaultCode, ProbeId, Quality, Sample, SpanId, StepOutcome, Verdict};

/// A step with what it met.
pub(super) struct Walked<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) step: &'a StepOutcome,
    /// None without a reply.
    pub(super) felt: Option<&'a Felt>,
}

/// What a reply says of quality.
#[derive(Debug)]
pub(super) struct Felt {
    pub(super) latency: Duration,
    /// The kind's own judgement, where the step has no `good` and `poor`.
    pub(super) judged: Option<(Quality, Fault)>,
}

impl Felt {
    /// Whether it may be slow only because we had no time ourselves.
    pub(super) fn is_explained(&self, loss: Loss, good: Option<Duration>) -> bool {
        match good {
            Some(good) => loss.explains(self.latency, good),
            // A page that had no time to be fast.
            None => self.judged.is_some() && Loss { of: self.latency, ..loss }.spoils(),
        }
    }
}

/// A step that nothing is known of yet.
pub(super) fn blank(prepared: &Prepared, offset: Duration, span: SpanId) -> StepOutcome {
    StepOutcome {
        name: prepared.step.name.clone(),
        kind: SmolStr::new_static(prepared.step.kind.key()),
        on: prepared.step.on.clone(),
        offset,
        took: Duration::ZERO,
        reached: false,
        span,
        phases: Vec::new(),
        fault: None,
        findings: Vec::new(),
        captured: Vec::new(),
        peer: None,
        certificate: None,
        attributes: Vec::new(),
        episodes: Box::default(),
    }
}

/// The run's verdict, and a sample for each touchpoint that some step of it reached.
pub(super) fn judge(walked: &[Walked<'_>], stopped: Option<Stop>, timeout: Duration) -> (Verdict, Vec<Sample>) {
    if let Some(Stop::Own(why, text)) = stopped {
        return (Verdict::Inconclusive { why, text }, Vec::new());
    }
    // Nearly always one; ten thousand readings are kept.
    let mut samples: Vec<Sample> = Vec::with_capacity(1);
    for walked in walked.iter().filter(|walked| walked.step.reached) {
        let (quality, fault) = walked.quality(timeout);
        let probe: &ProbeId = &walked.prepared.credit;
        match samples.iter_mut().find(|sample| sample.probe == *probe) {
            Some(sample) => {
                // The fault that cost most is the one that is told.
                if fault.is_some() && (sample.fault.is_none() || quality < sample.quality) {
                    sample.fault = fault;
                }
                sample.quality = sample.quality.times(quality.get());
            }
            None => samples.push(Sample { probe: probe.clone(), quality, fault }),
        }
    }
    let verdict = match stopped {
        Some(Stop::Fault(fault)) => Verdict::Failed(fault),
        _ if samples.iter().all(|sample| sample.quality == Quality::PERFECT) => Verdict::Good,
        _ => Verdict::Slow,
    };
    (verdict, samples)
}

impl Walked<'_> {
    /// `ok * l * C`, and why it is less than 1.
    fn quality(&self, timeout: Duration) -> (Quality, Option<Fault>) {
        if let Some(fault) = &self.step.fault {
            return (Quality::NONE, Some(fault.clone()));
        }
        let findings = &self.step.findings;
        let defects: f64 = findings.iter().map(|finding| 1.0 - finding.severity.cost()).product();
        let own = self.judged();
        let satisfaction = own.map_or_else(|| self.satisfaction(timeout), |(quality, _)| *quality);
        let quality = satisfaction.times(defects);
        let worst = findings.iter().max_by_key(|finding| finding.severity).map(|finding| finding.fault.clone());
        // What cost most is told.
        let felt = worst.as_ref().is_none_or(|_| satisfaction.get() < defects);
        let slow = || match own {
            Some((_, fault)) => Fault { step: Some(self.step.name.to_string()), ..fault.clone() },
            None => self.slow(),
        };
        let fault = if felt { (satisfaction < Quality::PERFECT).then(slow).or(worst) } else { worst };
        (quality, fault)
    }

    fn judged(&self) -> Option<&(Quality, Fault)> {
        let expect = &self.prepared.step.expect;
        self.felt?.judged.as_ref().filter(|_| expect.good.is_none() && expect.poor.is_none())
    }

    fn satisfaction(&self, timeout: Duration) -> Quality {
        let expect = &self.prepared.step.expect;
        let limit = self.prepared.step.timeout.unwrap_or(timeout).min(timeout);
        match (expect.good, expect.poor, self.felt) {
            (Some(good), Some(poor), Some(felt)) => Quality::of_latency(felt.latency, good, poor, limit),
            _ => Quality::PERFECT,
        }
    }

    fn slow(&self) -> Fault {
        let latency = self.felt.map_or(Duration::ZERO, |felt| felt.latency).as_millis();
        let good = self.prepared.step.expect.good.unwrap_or_default().as_millis();
        let mut fault = Fault::new(FaultCode::Latency, format!("took {latency}ms; good is up to {good}ms"));
        fault.step = Some(self.step.name.to_string());
        fault
    }
}
