//! Shares of the loss as shown: tenths of a point that sum to exactly what the shown score has lost.

use crate::model::{JourneyNow, NeedNow, Score, round_shares};

/// Rounded shares, in the journey's own order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shares {
    /// By stage, need and member.
    elements: Vec<Vec<Vec<f64>>>,
    /// By consistency check.
    checks: Vec<f64>,
}

impl Shares {
    pub(super) fn of(journey: &JourneyNow) -> Self {
        let elements = journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(NeedNow::elements);
        let exact: Vec<f64> =
            elements.map(|element| element.share).chain(journey.consistency.iter().map(|check| check.share)).collect();
        let shown = journey.score.unwrap_or_else(|| Score::of(journey.value));
        let lost = 1000 - tenths(shown.points());
        let mut rounded = round_shares(&exact, lost).into_iter();
        let mut next = || rounded.next().unwrap_or_default();
        let stages = journey.stages.iter();
        let elements = stages
            .map(|stage| stage.needs.iter().map(|need| need.elements().iter().map(|_| next()).collect()).collect())
            .collect();
        let checks = journey.consistency.iter().map(|_| next()).collect();
        Self { elements, checks }
    }

    /// Points that a member of a need of a stage costs.
    pub(super) fn element(&self, stage: usize, need: usize, member: usize) -> f64 {
        let members = self.elements.get(stage).and_then(|needs| needs.get(need));
        members.and_then(|members| members.get(member)).copied().unwrap_or_default()
    }

    /// Points that a consistency check costs.
    pub(super) fn check(&self, check: usize) -> f64 {
        self.checks.get(check).copied().unwrap_or_default()
    }
}

fn tenths(points: f64) -> i64 {
    (points * 10.0).round() as i64
}
