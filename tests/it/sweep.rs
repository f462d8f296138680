//! What must hold whatever happens, tried on many random histories: a few in an ordinary run, all of them with
//! `./tests/run --sweep`. Whoever has a sweep puts it beside these and asks [`many`] how long to go on.

mod company;
mod histories;
mod kills;
mod storm;

/// How many to try: `few` in an ordinary run, `all` in a sweep.
pub(crate) fn many(few: u64, all: u64) -> u64 {
    if std::env::var_os("UNBROKEN_SWEEP").is_some() { all } else { few }
}

/// A seed to try alone, as it was printed when it failed.
pub(crate) fn only() -> Option<u64> {
    std::env::var_os("UNBROKEN_SWEEP_SEED")?.to_str()?.parse().ok()
}

/// xorshift64*: the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        // Neighbouring seeds must not begin alike.
        let mut dice = Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..4).for_each(|_| {
            dice.below(2);
        });
        dice
    }

    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides.max(1)
    }
}
