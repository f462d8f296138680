//! One series from two or more vantages: two log-likelihood CUSUMs, fed by every attempt, and re-probes from elsewhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Thresholds for 500 probes; more probes raise them, fewer do not lower them.
const HARD_MIN: f64 = 16.0;
const PARTIAL_MIN: f64 = 12.0;
const PROBES_REFERENCE: f64 = 500.0;
/// Chance of failing when hard down, and when in part.
const HARD: f64 = 0.9;
const PARTIAL: f64 = 0.35;
/// What a pass takes away: ln(.1/.99) and ln(.65/.99), as the design rounds them.
const HARD_PASS: f64 = 2.2925;
const PARTIAL_PASS: f64 = 0.4207;
/// Noise alone fails one attempt in a hundred.
const NOISE: f64 = 0.01;
/// A scheduled attempt counts as if so long after the one before, from the same place.
pub(super) const SCHEDULED_AFTER: Duration = Duration::from_secs(30);
/// After a failing scheduled attempt, re-probe so long after it.
pub(super) const REPROBES: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(9),
    Duration::from_secs(14),
    Duration::from_secs(20),
    Duration::from_secs(26),
];
const DISMISSED_AFTER: u8 = 3;

/// Where an attempt ran from, seen from the attempt before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Same,
    Other,
}

impl Place {
    /// How far the noise of one attempt reaches into the next: its weight, and its decay in seconds.
    const fn noise(self) -> (f64, f64) {
        match self {
            Self::Same => (0.6, 8.0),
            Self::Other => (0.25, 4.0),
        }
    }
}

/// What an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Nothing is suspected, or the suspicion was dismissed.
    Calm,
    /// Re-probe, so long after the scheduled attempt that failed, from another vantage than the last.
    Reprobe(Duration),
    /// Suspected, all re-probes used up: the next scheduled attempt will say more.
    Waiting,
    Down,
}

/// The two statistics: A for a hard outage, B for a partial one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dual {
    hard: f64,
    partial: f64,
    /// Re-probes used since the failing scheduled attempt; none when no plan runs.
    plan: Option<u8>,
    passes: u8,
}

impl Dual {
    pub fn hard(&self) -> f64 {
        self.hard
    }

    pub fn partial(&self) -> f64 {
        self.partial
    }

    /// Takes an attempt that was due by the schedule, and counts it as so far from the one before.
    pub fn scheduled(&mut self, fails: Fails, after: Duration, place: Place, probes: usize) -> Ruling {
        self.count(fails, after, place);
        self.passes = 0;
        self.plan = match fails {
            Fails::Yes => Some(0),
            Fails::No => None,
        };
        self.rule(probes)
    }

    /// Takes a re-probe, `after` the attempt before it.
    pub fn reprobed(&mut self, fails: Fails, after: Duration, place: Place, probes: usize) -> Ruling {
        self.count(fails, after, place);
        self.plan = self.plan.map(|used| used.saturating_add(1));
        if fails == Fails::No {
            self.passes = self.passes.saturating_add(1);
        }
        if self.passes >= DISMISSED_AFTER {
            self.plan = None;
        }
        self.rule(probes)
    }

    /// A re-probe said nothing: its turn is over.
    pub fn missed(&mut self, probes: usize) -> Ruling {
        self.plan = self.plan.map(|used| used.saturating_add(1));
        self.rule(probes)
    }

    fn count(&mut self, fails: Fails, after: Duration, place: Place) {
        match fails {
            Fails::Yes => {
                let noise = noise_again(after, place);
                self.hard = (self.hard + (HARD / noise).ln()).max(0.0);
                self.partial += (PARTIAL / noise).ln().max(0.0);
            }
            Fails::No => {
                self.hard = (self.hard - HARD_PASS).max(0.0);
                self.partial = (self.partial - PARTIAL_PASS).max(0.0);
            }
        }
    }

    fn rule(&self, probes: usize) -> Ruling {
        let more = (probes as f64 / PROBES_REFERENCE).ln().max(0.0);
        if self.hard >= HARD_MIN + more || self.partial >= PARTIAL_MIN + more {
            return Ruling::Down;
        }
        match self.plan.map(|used| REPROBES.get(usize::from(used))) {
            None => Ruling::Calm,
            Some(Some(&after)) => Ruling::Reprobe(after),
            Some(None) => Ruling::Waiting,
        }
    }
}

/// How an attempt ended, as far as the test cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    Yes,
    No,
}

/// The chance that noise alone fails again: `.01 + .99 * k * exp(-after/tau)`.
fn noise_again(after: Duration, place: Place) -> f64 {
    let (weight, decay) = place.noise();
    NOISE + (1.0 - NOISE) * weight * (-after.as_secs_f64() / decay).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 7] = [3.6256, 5.3521, 7.3110, 9.4978, 11.9069, 14.5314, 17.1560];
    const B: [f64; 7] = [2.6811, 3.4632, 4.4776, 5.7199, 7.1845, 8.8646, 10.5447];

    fn all_failing(place: Place) -> (Vec<f64>, Vec<f64>, Vec<Ruling>) {
        let mut dual = Dual::default();
        let mut rulings = vec![dual.scheduled(Fails::Yes, SCHEDULED_AFTER, Place::Same, 500)];
        let (mut hard, mut partial) = (vec![dual.hard], vec![dual.partial]);
        let mut before = Duration::ZERO;
        while let Some(Ruling::Reprobe(after)) = rulings.last().copied() {
            rulings.push(dual.reprobed(Fails::Yes, after.saturating_sub(before), place, 500));
            before = after;
            hard.push(dual.hard);
            partial.push(dual.partial);
        }
        (hard, partial, rulings)
    }

    fn near(left: &[f64], right: &[f64]) {
        assert_eq!(left.len(), right.len(), "{left:?}");
        for (left, right) in left.iter().zip(right) {
            assert!((left - right).abs() < 1e-4, "{left} is not {right}");
        }
    }

    #[test]
    fn failing_everywhere_follows_the_vector_to_down() {
        let (hard, partial, rulings) = all_failing(Place::Other);
        near(&hard, &A);
        near(&partial, &B);
        let seconds = [2, 5, 9, 14, 20, 26].map(|s| Ruling::Reprobe(Duration::from_secs(s)));
        assert_eq!(rulings[..6], seconds);
        assert_eq!(rulings[6], Ruling::Down);
    }

    #[test]
    fn failing_in_one_place_stays_undecided() {
        let (hard, partial, rulings) = all_failing(Place::Same);
        near(&hard[6..], &[9.1947]);
        near(&partial[6..], &[3.1183]);
        assert_eq!(rulings.last(), Some(&Ruling::Waiting));
    }

    #[test]
    fn three_passes_dismiss_and_keep_what_was_learnt() {
        let mut dual = Dual::default();
        dual.scheduled(Fails::Yes, SCHEDULED_AFTER, Place::Same, 500);
        let second = Duration::from_secs(1);
        let reprobe = |dual: &mut Dual| dual.reprobed(Fails::No, second * 3, Place::Other, 500);
        assert_eq!(reprobe(&mut dual), Ruling::Reprobe(second * 5));
        near(&[dual.hard, dual.partial], &[3.6256 - 2.2925, 2.6811 - 0.4207]);
        assert_eq!(reprobe(&mut dual), Ruling::Reprobe(second * 9));
        assert_eq!(reprobe(&mut dual), Ruling::Calm);
        near(&[dual.hard, dual.partial], &[0.0, 2.6811 - 3.0 * 0.4207]);
    }

    #[test]
    fn more_probes_raise_the_thresholds_and_fewer_do_not_lower_them() {
        let down_at =
            |hard: f64, partial: f64, probes| Dual { hard, partial, ..Dual::default() }.rule(probes) == Ruling::Down;
        assert!(down_at(16.0, 0.0, 1) && down_at(0.0, 12.0, 500) && !down_at(15.99, 11.99, 1));
        assert!(!down_at(16.6, 12.6, 1000) && down_at(16.7, 0.0, 1000) && down_at(0.0, 12.7, 1000), "ln 2 more");
    }
}
