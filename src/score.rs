//! Health in, one number out, and who costs how much of it. Pure (`scoring`).
//!
//! Every element is a gate `1 - c(1-h)`: criticality c is the largest share of the journey that it can destroy. What a
//! customer needs all of is multiplied, so nothing that works compensates for what does not.

mod budget;
mod color;
mod felt;
mod shares;
mod tree;
mod window;

pub use budget::{Budget, KEPT};
pub use color::Hue;
pub use felt::Felt;
pub use tree::{Formula, Gate, Ground, Part, Tree};
pub use window::{FRESH_INTERVALS, SAMPLES, STALE_INTERVALS, Window, freshness, seen};

/// The part of the customers' wish that being sent to another channel costs.
pub const FRICTION: f64 = 0.2;
/// What a probe counts for that was never sampled.
pub const PENDING: f64 = 0.5;

/// The health of what is closed at this hour, which is not a number: it costs nothing where all is needed, and is no
/// alternative where one of several suffices.
pub const CLOSED: f64 = f64::NAN;

/// `1 - c(1-h)`.
pub fn gate(criticality: f64, health: f64) -> f64 {
    (1.0 - criticality * (1.0 - health)).clamp(0.0, 1.0)
}

/// `need` of these: `sum s_i ((1-f) h_(k) + f h_i)`, `h_(k)` the k-th best. Any-of is 1 of n.
///
/// Never `1-prod(1-h)`: two half-broken channels are not a 75 % one. What is [`CLOSED`] is not among them: who prefers
/// it goes where the others go.
pub fn k_of_n(need: usize, healths: &[f64], shares: &[f64]) -> f64 {
    let mut best: Vec<f64> = healths.iter().copied().filter(|health| !health.is_nan()).collect();
    let all_open = best.len() == healths.len();
    if best.is_empty() && !all_open {
        return CLOSED;
    }
    best.sort_by(|left, right| right.total_cmp(left));
    let need = if all_open { need.max(1) } else { need.clamp(1, best.len()) };
    let Some(&kth) = best.get(need - 1) else { return 0.0 };
    let open = || healths.iter().zip(shares).filter(|(health, _)| !health.is_nan());
    // Over the same sum of shares, so that perfect members are exactly perfect, however the shares were rounded.
    let all: f64 = open().map(|(_, share)| share).sum();
    let wished: f64 = open().map(|(health, share)| health * share).sum();
    let preferred = if all > 0.0 { wished / all } else { kth };
    ((1.0 - FRICTION) * kth + FRICTION * preferred).clamp(0.0, 1.0)
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod vectors;
