//! Who costs how much: the Aumann-Shapley value in log coordinates for all-of, exact Shapley for any-of.

use super::k_of_n;
use super::tree::{Gate, Tree, View};

/// Above it the exact value costs too much, and the mean of a member's first and last contribution stands in for it.
const EXACT_MEMBERS_MAX: usize = 12;

/// Spreads `loss` over the leaves of `tree`, whose first one is `first`.
pub(super) fn spread(tree: &Tree, view: View<'_>, loss: f64, first: usize, shares: &mut [f64]) {
    if loss <= 0.0 {
        return;
    }
    match tree {
        Tree::Leaf(_) => shares[first] += loss,
        Tree::Capped(_, of) => spread(of, view, loss, first, shares),
        Tree::All(gates) => {
            let factors = factors(gates, first);
            deal(&factors, &logs(&values(&factors, view)), view, loss, shares);
        }
        Tree::Of { need, members, shares: preferred } => {
            let members = places(members, first);
            deal(&members, &shapley(*need, &values(&members, view), preferred), view, loss, shares);
        }
    }
}

/// Divides `loss` in the proportion of `weights`.
fn deal(parts: &[(&Gate, usize)], weights: &[f64], view: View<'_>, loss: f64, shares: &mut [f64]) {
    let total: f64 = weights.iter().sum();
    for ((part, first), weight) in parts.iter().zip(weights) {
        if total > 0.0 {
            spread(&part.of, view, loss * weight / total, *first, shares);
        }
    }
}

/// Each gate with its first leaf.
fn places(gates: &[Gate], first: usize) -> Vec<(&Gate, usize)> {
    let place = |next: &mut usize, gate| {
        let first = *next;
        *next += Gate::leaves(gate);
        Some((gate, first))
    };
    gates.iter().scan(first, place).collect()
}

/// The gates that are multiplied, through stages within stages: how those are drawn must not move a share.
fn factors(gates: &[Gate], first: usize) -> Vec<(&Gate, usize)> {
    let mut all = Vec::with_capacity(gates.len());
    for (gate, first) in places(gates, first) {
        match &gate.of {
            Tree::All(inner) if gate.criticality >= 1.0 => all.extend(factors(inner, first)),
            _ => all.push((gate, first)),
        }
    }
    all
}

fn values(parts: &[(&Gate, usize)], view: View<'_>) -> Vec<f64> {
    parts.iter().map(|(part, first)| part.value(view, &mut first.clone())).collect()
}

/// `-ln g`; zeros share equally among themselves and take all.
fn logs(values: &[f64]) -> Vec<f64> {
    let broken = values.iter().any(|value| *value <= 0.0);
    // What is closed costs nothing.
    let weight = |value: &f64| match value {
        _ if broken => f64::from(u8::from(*value <= 0.0)),
        value if value.is_nan() => 0.0,
        value => -value.ln(),
    };
    values.iter().map(weight).collect()
}

/// A member's value if nothing were wrong with it.
fn well(value: f64) -> f64 {
    if value.is_nan() { value } else { 1.0 }
}

/// Each member's mean contribution to the loss, over all orders in which they could have failed.
fn shapley(need: usize, values: &[f64], preferred: &[f64]) -> Vec<f64> {
    let count = values.len();
    let loss = |failed: usize| {
        let healths: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(n, value)| if failed >> n & 1 == 1 { *value } else { well(*value) })
            .collect();
        1.0 - k_of_n(need, &healths, preferred)
    };
    if count > EXACT_MEMBERS_MAX.min(usize::BITS as usize - 1) {
        return shapley_roughly(need, values, preferred);
    }
    let losses: Vec<f64> = (0..1_usize << count).map(loss).collect();
    let mut weights = vec![1.0 / count as f64; count];
    for size in 1..count {
        // |S|! (n-|S|-1)! / n!, from one size to the next.
        weights[size] = weights[size - 1] * size as f64 / (count - size) as f64;
    }
    let contribution = |n: usize| {
        let without = (0..1_usize << count).filter(|set| set >> n & 1 == 0);
        let sum: f64 =
            without.map(|set| weights[set.count_ones() as usize] * (losses[set | 1 << n] - losses[set])).sum();
        sum.max(0.0)
    };
    (0..count).map(contribution).collect()
}

fn shapley_roughly(need: usize, values: &[f64], preferred: &[f64]) -> Vec<f64> {
    let all = k_of_n(need, values, preferred);
    let contribution = |n: usize| {
        let mut alone: Vec<f64> = values.iter().copied().map(well).collect();
        alone[n] = values[n];
        let mut mended = values.to_vec();
        mended[n] = well(values[n]);
        let (first, last) = (1.0 - k_of_n(need, &alone, preferred), k_of_n(need, &mended, preferred) - all);
        f64::midpoint(first, last).max(0.0)
    };
    (0..values.len()).map(contribution).collect()
}
