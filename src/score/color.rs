//! A journey's colour, which does not flicker.

use serde::{Deserialize, Serialize};

use crate::model::Color;

const GOOD: f64 = 0.95;
const GOOD_LEFT_BELOW: f64 = 0.93;
const WATCH: f64 = 0.80;
const BAD: f64 = 0.50;
const EVALUATIONS: u8 = 2;
/// Scores are shown in tenths: .95 computed as .9499999999 is still 95.
const ROUNDING: f64 = 1e-9;

/// A colour with hysteresis: two evaluations to change, and good is left later than it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hue {
    #[serde(rename = "c")]
    shown: Color,
    #[serde(rename = "w")]
    wanted: Color,
    #[serde(rename = "n")]
    evaluations: u8,
}

impl Default for Hue {
    fn default() -> Self {
        Self { shown: Color::Unknown, wanted: Color::Unknown, evaluations: 0 }
    }
}

impl Hue {
    pub fn shown(self) -> Color {
        self.shown
    }

    /// The colour of a value that has no history; none: too little is observed.
    pub fn of(value: Option<f64>) -> Color {
        Self::default().target(value)
    }

    /// Takes one evaluation. The first number ever, the loss of any number and its return show at once.
    pub fn evaluate(&mut self, value: Option<f64>) {
        let target = self.target(value);
        if target == self.shown || target == Color::Unknown || self.shown == Color::Unknown {
            return self.settle(target);
        }
        self.evaluations = if target == self.wanted { self.evaluations + 1 } else { 1 };
        self.wanted = target;
        if self.evaluations >= EVALUATIONS {
            self.settle(target);
        }
    }

    /// Takes a value that the detector has decided on: that is no noise, so it shows at once.
    pub fn decide(&mut self, value: Option<f64>) {
        self.settle(self.target(value));
    }

    fn settle(&mut self, color: Color) {
        *self = Self { shown: color, wanted: color, evaluations: 0 };
    }

    fn target(self, value: Option<f64>) -> Color {
        let good = if self.shown == Color::Good { GOOD_LEFT_BELOW } else { GOOD };
        match value.map(|value| value + ROUNDING) {
            None => Color::Unknown,
            Some(value) if value >= good => Color::Good,
            Some(value) if value >= WATCH => Color::Watch,
            Some(value) if value >= BAD => Color::Bad,
            Some(_) => Color::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[f64]) -> Vec<&'static str> {
        let mut hue = Hue::default();
        let color = |value: &f64| {
            hue.evaluate((*value >= 0.0).then_some(*value));
            hue.shown().as_str()
        };
        values.iter().map(color).collect()
    }

    #[test]
    fn bounds() {
        let colors = [1.0, 0.95, 0.9499, 0.8, 0.7999, 0.5, 0.4999, 0.0].map(|value| Hue::of(Some(value)).as_str());
        assert_eq!(colors, ["good", "good", "watch", "watch", "bad", "bad", "broken", "broken"]);
        assert_eq!(Hue::of(None), Color::Unknown);
    }

    #[test]
    fn good_is_left_below_93_and_reached_at_95() {
        assert_eq!(shown(&[0.96, 0.93, 0.93, 0.93]), ["good"; 4]);
        assert_eq!(
            shown(&[0.96, 0.92, 0.92, 0.94, 0.94, 0.95, 0.95])[2..],
            ["watch", "watch", "watch", "watch", "good"]
        );
    }

    #[test]
    fn two_evaluations_change_it() {
        assert_eq!(shown(&[1.0, 0.0, 1.0, 0.0, 0.7, 0.7]), ["good", "good", "good", "good", "good", "bad"]);
    }

    #[test]
    fn the_first_number_and_no_number_show_at_once() {
        assert_eq!(shown(&[-1.0, 0.3, -1.0, 0.9]), ["unknown", "broken", "unknown", "watch"]);
    }

    #[test]
    fn a_decision_shows_at_once() {
        let mut hue = Hue::default();
        hue.evaluate(Some(1.0));
        hue.decide(Some(0.0));
        assert_eq!(hue.shown(), Color::Broken);
    }
}
