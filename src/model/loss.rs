//! What a journey lost to whom, and how the parts are shown.

use serde::{Deserialize, Serialize};

use super::{StageId, TouchpointId};

/// A part of a journey that can cost it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostTo {
    /// A touchpoint where this stage needs it.
    Stage(StageId, TouchpointId),
    /// A consistency check, by name.
    Check(String),
}

/// What it cost, over a length of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    pub to: LostTo,
    /// Its part of the journey's lost minutes; the parts sum to the whole.
    pub minutes: f64,
}

/// Of a tenth of a point: far below anything shown, far above what sums of floats lose.
const NOISE: f64 = 1e-6;

/// Points as shown, in tenths that sum to the `lost` tenths of the shown score.
///
/// Largest remainder: rounds down, then gives what is missing to those who lost most by it. Noise that makes the parts
/// more than the whole is taken back from those who lost least. What costs nothing is given nothing.
pub fn round_shares(exact: &[f64], lost: i64) -> Vec<f64> {
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

    fn tenths(points: f64) -> i64 {
        (points * 10.0).round() as i64
    }

    #[test]
    fn shares_of_vector_11_sum_to_what_is_lost() {
        let exact = [23.2171, 13.7165, 12.9178, 4.0277, 3.3388, 3.3388];
        // The score is shown as 39.4, so 60.6 are lost.
        let rounded = round_shares(&exact, 606);
        assert_eq!(rounded.iter().map(|share| tenths(*share)).sum::<i64>(), 606);
        for (share, exact) in rounded.iter().zip(exact) {
            assert!((share - exact).abs() < 0.1, "{share} is not {exact}");
        }
        assert_eq!(rounded.iter().map(|share| tenths(*share)).collect::<Vec<_>>(), [232, 137, 129, 40, 34, 34]);
    }

    #[test]
    fn nothing_is_taken_from_the_healthy() {
        let none: Vec<f64> = vec![];
        assert_eq!(round_shares(&[], 3), none);
        assert_eq!(
            round_shares(&[0.0, 50.0, 50.0], 1000).iter().map(|share| tenths(*share)).collect::<Vec<_>>(),
            [0, 500, 500]
        );
        assert_eq!(tenths(round_shares(&[0.0, 100.0], 1000)[0]), 0);
    }
}
