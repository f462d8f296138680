//! A journey as each segment of its customers meets it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{At, Fault};
use crate::model::{self, Costly, Element, JourneyNow, Reach, SegmentNow, Snapshot};
use crate::words::{self, Words};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Segment {
    /// As its personas name it.
    #[serde(rename = "segment")]
    name: String,
    /// The ids of the personas who stand for it.
    personas: Vec<String>,
    score: Option<f64>,
    /// Nothing costs it but first looks that are still under way.
    pending: bool,
    color: &'static str,
    observed: f64,
    sentence: String,
    /// The dearest first.
    costs: Vec<Cost>,
    /// Probes that only customers of other segments run: no part of its score.
    untried: Vec<String>,
}

/// A touchpoint, one probe of it, or a consistency check.
#[derive(Debug, Serialize, JsonSchema)]
struct Cost {
    #[serde(skip_serializing_if = "Option::is_none")]
    touchpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<String>,
    state: &'static str,
    /// Points of the segment's score.
    share: f64,
    since: At,
    fault: Option<Fault>,
    /// `segment`: hurts it more than the customers as a whole; else `everyone`.
    reach: &'static str,
}

pub(super) fn segments(words: &Words, journey: &JourneyNow, snapshot: &Snapshot) -> Vec<Segment> {
    journey.segments.iter().map(|now| segment(words, now, snapshot)).collect()
}

fn segment(words: &Words, now: &SegmentNow, snapshot: &Snapshot) -> Segment {
    Segment {
        name: now.name.to_string(),
        personas: now.personas.iter().map(ToString::to_string).collect(),
        score: now.score.map(model::Score::points),
        pending: words::is_segment_pending(now),
        color: now.color.as_str(),
        observed: now.observed,
        sentence: words.segment(now, snapshot),
        costs: now.costs.iter().map(cost).collect(),
        untried: now.untried.iter().map(ToString::to_string).collect(),
    }
}

fn cost(cost: &model::SegmentCost) -> Cost {
    let (element, check) = match &cost.of {
        Costly::Element(element) => (Some(element), None),
        Costly::Check(name) => (None, Some(name.clone())),
    };
    let probe = element.and_then(|element| match element {
        Element::Probe(id) => Some(id.name.to_string()),
        Element::Touchpoint(_) => None,
    });
    Cost {
        touchpoint: element.map(|element| element.touchpoint().to_string()),
        probe,
        check,
        state: cost.state.as_str(),
        share: (cost.share * 10.0).round() / 10.0,
        since: At(cost.since),
        fault: cost.fault.as_ref().map(Fault::from),
        reach: match cost.reach {
            Reach::Everyone => "everyone",
            Reach::Segment => "segment",
        },
    }
}
