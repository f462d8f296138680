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

fn tenths(points: f64) -> i64 {
    (points * 10.0).round() as i64
}

/// Largest remainder: rounds down, then gives what is missing to those who lost most by it.
fn round(exact: &[f64], lost: i64) -> Vec<f64> {
    let mut parts: Vec<(usize, i64, f64)> = exact
        .iter()
        .enumerate()
        .map(|(place, share)| {
            let scaled = share.max(0.0) * 10.0;
            (place, scaled.floor() as i64, scaled - scaled.floor())
        })
        .collect();
    let mut missing = lost - parts.iter().map(|(_, floor, _)| floor).sum::<i64>();
    parts.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
    // What costs nothing is given nothing, unless nothing costs anything.
    for (_, floor, rest) in parts.iter_mut().filter(|(_, floor, rest)| *floor > 0 || *rest > 0.0) {
        let given = missing.signum().max(-*floor);
        if missing == 0 {
            break;
        }
        // Only a share that has a remainder can be rounded up; float noise is taken from the first that has some.
        if given < 0 || *rest > 0.0 || missing > 0 {
            *floor += given;
            missing -= given;
        }
    }
    parts.sort_by_key(|(place, ..)| *place);
    parts.into_iter().map(|(_, tenths, _)| tenths as f64 / 10.0).collect()
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
        assert_eq!(tenths(rounded[4]), 33);
    }

    #[test]
    fn nothing_is_taken_from_the_healthy() {
        let none: Vec<f64> = vec![];
        assert_eq!(round(&[], 3), none);
        assert_eq!(
            round(&[0.0, 50.0, 50.0], 1000).iter().map(|share| tenths(*share)).collect::<Vec<_>>(),
            [0, 501, 501]
        );
        assert_eq!(tenths(round(&[0.0, 100.0], 1000)[0]), 0);
    }
}
