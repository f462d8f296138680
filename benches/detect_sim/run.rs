//! One probe through its weather, jumping over the stretches in which nothing happens.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use unbroken::model::Trigger;

use super::rules::{Alone, Count, Quorum, Reply, Retry, Seen, Several, Watcher};
use super::weather::Weather;

pub(crate) const PROBES: usize = 500;
pub(crate) const EVERY: f64 = 30.0;
pub(crate) const MONTH: f64 = 30.0 * 86_400.0;

/// A rule by name, and how it is run.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) vantages: usize,
    /// From one scheduled attempt to the next, of whatever vantage.
    every: f64,
    make: fn() -> Box<dyn Watcher>,
}

pub(crate) const CONTENDERS: &[Contender] = &[
    Contender { name: "3 consecutive (Gatus default)", vantages: 1, every: EVERY, make: || Box::new(Count::new(3, 3)) },
    Contender { name: "3 of 5", vantages: 1, every: EVERY, make: || Box::new(Count::new(3, 5)) },
    Contender { name: "one quick retry, same place", vantages: 1, every: EVERY, make: || Box::new(Retry) },
    Contender { name: "quorum 2 of 3 vantages", vantages: 3, every: EVERY / 3.0, make: || Box::new(Quorum::default()) },
    Contender { name: "ours, three vantages", vantages: 3, every: EVERY, make: || several(3) },
    Contender { name: "ours, two vantages", vantages: 2, every: EVERY, make: || several(2) },
    Contender { name: "ours, one vantage", vantages: 1, every: EVERY, make: || Box::new(Alone::new(PROBES, EVERY)) },
];

fn several(vantages: usize) -> Box<dyn Watcher> {
    Box::new(Several::new(PROBES, EVERY, vantages))
}

/// Alerts while nothing was out of order, and all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Alerts {
    pub(crate) falsely: usize,
    pub(crate) all: usize,
}

impl Contender {
    /// Alerts of so many probes in so many seconds of noise.
    pub(crate) fn alerts(&self, seed: u64, probes: usize, noise: f64, seconds: f64) -> Alerts {
        let mut alerts = Alerts::default();
        for probe in 0..probes as u64 {
            let mut dice = StdRng::seed_from_u64(seed << 32 | probe);
            let weather = Weather::new(dice.random(), noise, self.vantages, seconds);
            self.walk(weather, dice.random_range(0.0..self.every), seconds, |real, _| {
                alerts.all += 1;
                alerts.falsely += usize::from(!real);
                Go::On
            });
        }
        alerts
    }

    /// How long each of so many outages takes until it is told, seconds; in order. One that is never told is infinite.
    pub(crate) fn delays(&self, seed: u64, outages: u64, chance: f64, lasts: f64) -> Vec<f64> {
        const BEGINS: f64 = 1_000.0;
        const PATIENCE: f64 = 20_000.0;
        let delay = |outage: u64| {
            let mut dice = StdRng::seed_from_u64(seed << 32 | outage);
            let quiet = Weather::new(dice.random(), 0.0, self.vantages, PATIENCE);
            let weather = quiet.broken(chance, BEGINS, BEGINS + lasts);
            let mut told = f64::INFINITY;
            self.walk(weather, dice.random_range(0.0..self.every * self.vantages as f64), PATIENCE, |_, at| {
                told = at - BEGINS;
                Go::Home
            });
            told
        };
        let mut delays: Vec<f64> = (0..outages).map(delay).collect();
        delays.sort_by(f64::total_cmp);
        delays
    }

    /// Goes through the weather; `tell` hears of every alert: whether it was about something real, and when it came.
    fn walk(&self, mut weather: Weather, phase: f64, seconds: f64, mut tell: impl FnMut(bool, f64) -> Go) {
        let mut watcher = (self.make)();
        let mut alone = weather.until_alone();
        let (mut k, mut again, mut muted) = (0_usize, None::<(f64, usize)>, false);
        loop {
            if watcher.is_calm() && again.is_none() && !muted && !weather.is_broken() {
                k = weather.next_bad(k, phase, self.every).min(alone).max(k);
            }
            let due = phase + self.every * k as f64;
            let (at, vantage, trigger) = match again.take_if(|(at, _)| *at < due) {
                Some((at, vantage)) => (at, vantage, Trigger::Recheck),
                None => (due, k % self.vantages, Trigger::Schedule),
            };
            if at > seconds {
                return;
            }
            let fails = if trigger == Trigger::Schedule {
                let by_itself = k == alone;
                k += 1;
                if alone < k {
                    alone = k + weather.until_alone();
                }
                by_itself || weather.fails_by_weather(at, vantage)
            } else {
                weather.fails(at, vantage)
            };
            if muted {
                // It is known to be down; the next pass ends it, and everything begins anew.
                if !fails {
                    (watcher, muted) = ((self.make)(), false);
                }
                continue;
            }
            match watcher.see(Seen { at, vantage, fails, trigger }) {
                Reply::Fine if trigger == Trigger::Schedule || watcher.is_calm() => again = None,
                Reply::Fine => {}
                Reply::Again(at, vantage) => again = Some((at, vantage)),
                Reply::Alert => {
                    (again, muted) = (None, true);
                    if tell(weather.is_real(at), at) == Go::Home {
                        return;
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Go {
    On,
    Home,
}

/// The value below which this part of them lies.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}
