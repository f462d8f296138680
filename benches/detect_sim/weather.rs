//! What a prober of well services meets: noise of its own, trouble between one vantage and the target, and short blips of
//! the target itself, which are no false alarm when told.

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// From when to when, seconds.
type Spell = (f64, f64);

/// Of 100 attempts that fail: 40 do so by themselves, 40 in a burst at one vantage, 20 in a blip of the target.
const ALONE: f64 = 0.4;
const BURST: (f64, f64) = (0.4, 8.0);
const BLIP: (f64, f64) = (0.2, 4.0);

/// How one probe's target fares.
pub(crate) struct Weather {
    dice: StdRng,
    alone: f64,
    bursts: Vec<Vec<Spell>>,
    blips: Vec<Spell>,
    /// From then on it is broken: how often an attempt fails, and until when.
    outage: Option<(f64, f64, f64)>,
}

impl Weather {
    /// Noise that fails one attempt in `1/noise`, for so many seconds.
    pub(crate) fn new(seed: u64, noise: f64, vantages: usize, seconds: f64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut spells = |(share, mean): (f64, f64)| spells(&mut dice, noise * share, mean, seconds);
        let bursts = (0..vantages).map(|_| spells(BURST)).collect();
        let blips = spells(BLIP);
        Self { dice, alone: noise * ALONE, bursts, blips, outage: None }
    }

    /// From `from` to `until` attempts fail with this probability.
    pub(crate) fn broken(mut self, chance: f64, from: f64, until: f64) -> Self {
        self.outage = Some((chance, from, until));
        self
    }

    /// Whether an attempt fails.
    pub(crate) fn fails(&mut self, at: f64, vantage: usize) -> bool {
        self.fails_alone() || self.fails_by_weather(at, vantage)
    }

    /// The same, where it was drawn before that it does not fail by itself.
    pub(crate) fn fails_by_weather(&mut self, at: f64, vantage: usize) -> bool {
        let broken = self.outage.is_some_and(|(_, from, until)| (from..until).contains(&at));
        broken && self.dice.random_bool(self.outage.map_or(0.0, |(chance, ..)| chance))
            || covers(&self.bursts[vantage], at)
            || covers(&self.blips, at)
    }

    /// Something is wrong with it for longer, at some time.
    pub(crate) fn is_broken(&self) -> bool {
        self.outage.is_some()
    }

    fn fails_alone(&mut self) -> bool {
        self.alone > 0.0 && self.dice.random_bool(self.alone)
    }

    /// How many attempts pass before the next that fails by itself.
    pub(crate) fn until_alone(&mut self) -> usize {
        if self.alone == 0.0 {
            return usize::MAX / 2;
        }
        let drawn: f64 = self.dice.random();
        ((1.0 - drawn).ln() / (1.0 - self.alone).ln()) as usize
    }

    /// The target was really out of order at that moment.
    pub(crate) fn is_real(&self, at: f64) -> bool {
        covers(&self.blips, at)
    }

    /// The first attempt, not before `from`, of those at `phase + k * every` (k-th at vantage `k % vantages`) that meets
    /// bad weather.
    pub(crate) fn next_bad(&self, from: usize, phase: f64, every: f64) -> usize {
        let vantages = self.bursts.len();
        let mut next = usize::MAX;
        for (vantage, spells) in self.bursts.iter().enumerate() {
            next = next.min(first_in(spells, from, (phase, every), |k| k % vantages == vantage, next));
        }
        next.min(first_in(&self.blips, from, (phase, every), |_| true, next))
    }
}

fn spells(dice: &mut StdRng, share: f64, mean: f64, seconds: f64) -> Vec<Spell> {
    let mut long = |mean: f64| -mean * (1.0 - dice.random::<f64>()).ln();
    let mut spells = Vec::new();
    if share == 0.0 {
        return spells;
    }
    let mut now = 0.0;
    loop {
        let from = now + long(mean * (1.0 - share) / share);
        if from > seconds {
            return spells;
        }
        now = from + long(mean);
        spells.push((from, now));
    }
}

fn covers(spells: &[Spell], at: f64) -> bool {
    let after = spells.partition_point(|(from, _)| *from <= at);
    after > 0 && at < spells[after - 1].1
}

fn first_in(
    spells: &[Spell],
    from: usize,
    (phase, every): (f64, f64),
    is_turn: impl Fn(usize) -> bool,
    enough: usize,
) -> usize {
    let start = phase + every * from as f64;
    for (begin, end) in &spells[spells.partition_point(|(_, end)| *end <= start)..] {
        let mut k = (((begin - phase) / every).ceil().max(0.0) as usize).max(from);
        if k >= enough {
            return enough;
        }
        while phase + every * (k as f64) < *end {
            if is_turn(k) {
                return k;
            }
            k += 1;
        }
    }
    usize::MAX
}
