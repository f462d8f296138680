//! Shares of the loss as shown: tenths of a point that sum to exactly what the shown score has lost.

use crate::model::{JourneyNow, NeedNow, Score};

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
        let mut rounded = round(&exact, lost).into_iter();
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

/// Of a tenth of a point: far below anything shown, far above what sums of floats lose.
const NOISE: f64 = 1e-6;

fn tenths(points: f64) -> i64 {
    (points * 10.0).round() as i64
}

/// Largest remainder: rounds down, then gives what is missing to those who lost most by it. Noise that makes the parts
/// more than the whole is taken back from those who lost least. What costs nothing is given nothing.
fn round(exact: &[f64], lost: i64) -> Vec<f64> {
    let mut tenths: Vec<i64> = exact.iter().map(|share| (share.max(0.0) * 10.0 + NOISE).floor() as i64).collect();
    let remainder = |place: usize| exact[place] * 10.0 - (exact[place] * 10.0 + NOISE).floor();
    let mut places: Vec<usize> = (0..exact.len()).filter(|place| exact[*place] > 0.0).collect();
    places.sort_by(|a, b| remainder(*b).total_cmp(&remainder(*a)).then(a.cmp(b)));
    let mut missing = lost - tenths.iter().sum::<i64>();
    for &place in places.iter().take(missing.max(0) as usize) {
        tenths[place] += 1;
        missing -= 1;
    }
    for &place in places.iter().rev() {
        let taken = (-missing).clamp(0, tenths[place]);
        tenths[place] -= taken;
        missing += taken;
    }
    tenths.into_iter().map(|tenths| tenths as f64 / 10.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_vector_11_sum_to_what_is_lost() {
        let exact = [23.2171, 13.7165, 12.9178, 4.0277, 3.3388, 3.3388];
        // The score is shown as 39.4, so 60.6 are lost.
        let rounded = round(&exact, 606);
        assert_eq!(rounded.iter().map(|share| tenths(*share)).sum::<i64>(), 606);
        for (share, exact) in rounded.iter().zip(exact) {
            assert!((share - exact).abs() < 0.1, "{share} is not {exact}");
        }
        assert_eq!(rounded.iter().map(|share| tenths(*share)).collect::<Vec<_>>(), [232, 137, 129, 40, 34, 34]);
    }

    #[test]
    fn nothing_is_taken_from_the_healthy() {
        let none: Vec<f64> = vec![];
        assert_eq!(round(&[], 3), none);
        assert_eq!(
            round(&[0.0, 50.0, 50.0], 1000).iter().map(|share| tenths(*share)).collect::<Vec<_>>(),
            [0, 500, 500]
        );
        assert_eq!(tenths(round(&[0.0, 100.0], 1000)[0]), 0);
    }
}
