//! Every law of the design, on random trees.

#![expect(clippy::float_cmp, reason = "healths of exactly 0 and 1 mean something")]

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::model::State;

const LEAVES: usize = 12;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 10_000, ..ProptestConfig::default() }
}

fn health() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(0.5), 0.0..1.0_f64]
}

fn criticality() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(0.6), Just(0.3), Just(0.1)]
}

fn healths() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(health(), LEAVES)
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = (0..LEAVES).prop_map(Tree::Leaf);
    leaf.prop_recursive(3, 16, 4, |inner| {
        let gates = prop::collection::vec((criticality(), inner), 1..5)
            .prop_map(|gates| gates.into_iter().map(|(criticality, of)| Gate { criticality, of }).collect::<Vec<_>>())
            .boxed();
        prop_oneof![
            2 => gates.clone().prop_map(Tree::All),
            1 => (gates, 1..5_usize, prop::collection::vec(0.05..1.0_f64, 4)).prop_map(|(members, need, shares)| {
                let total: f64 = shares[..members.len()].iter().sum();
                let shares = shares[..members.len()].iter().map(|share| share / total).collect();
                Tree::Of { need: need.min(members.len()), members, shares }
            }),
        ]
    })
}

/// Series only: gates over distinct healths.
fn series() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(criticality(), 1..LEAVES)
}

fn flat(criticalities: &[f64]) -> Tree {
    Tree::All(criticalities.iter().enumerate().map(|(n, c)| Gate { criticality: *c, of: Tree::Leaf(n) }).collect())
}

fn value(tree: &Tree, healths: &[f64]) -> f64 {
    Formula::new(tree.clone()).value(Ground { healths, caps: &[] })
}

fn critical(tree: &mut Tree, factor: f64) {
    if let Tree::All(gates) | Tree::Of { members: gates, .. } = tree {
        for gate in gates {
            gate.criticality *= factor;
            critical(&mut gate.of, factor);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bounded_and_perfect_is_exactly_one(tree in tree(), healths in healths()) {
        let value_found = value(&tree, &healths);
        prop_assert!((0.0..=1.0).contains(&value_found));
        prop_assert_eq!(value(&tree, &[1.0; LEAVES]), 1.0);
    }

    #[test]
    fn monotone_in_every_health(tree in tree(), healths in healths(), which in 0..LEAVES, by in 0.0..1.0_f64) {
        let mut better = healths.clone();
        better[which] = (better[which] + by).min(1.0);
        prop_assert!(value(&tree, &better) >= value(&tree, &healths) - 1e-12);
    }

    #[test]
    fn antitone_in_criticality(tree in tree(), healths in healths(), factor in 0.0..1.0_f64) {
        let mut milder = tree.clone();
        critical(&mut milder, factor);
        // Which use of a repeated health counts may change with the criticalities: each choice is antitone, so is the lowest.
        prop_assert!(value(&milder, &healths) >= value(&tree, &healths) - 1e-12);
    }

    #[test]
    fn no_compensation(criticalities in series(), healths in healths()) {
        let worst = criticalities.iter().zip(&healths).map(|(c, h)| gate(*c, *h)).fold(1.0, f64::min);
        let product: f64 = criticalities.iter().zip(&healths).map(|(c, h)| gate(*c, *h)).product();
        let found = value(&flat(&criticalities), &healths);
        prop_assert!(found <= worst + 1e-12);
        prop_assert!((found - product).abs() < 1e-12);
    }

    #[test]
    fn an_element_at_nothing_caps_the_rest(criticalities in series(), healths in healths(), which in 0..LEAVES) {
        let which = which % criticalities.len();
        let mut healths = healths;
        healths[which] = 0.0;
        prop_assert!(value(&flat(&criticalities), &healths) <= 1.0 - criticalities[which] + 1e-12);
    }

    #[test]
    fn order_and_stages_change_nothing(criticalities in series(), healths in healths(), cut in 0..LEAVES, turn in 0..LEAVES) {
        let Tree::All(gates) = flat(&criticalities) else { unreachable!() };
        let mut turned = gates.clone();
        turned.rotate_left(turn % gates.len());
        turned.reverse();
        let cut = cut % turned.len();
        let stage = |gates: &[Gate]| Gate { criticality: 1.0, of: Tree::All(gates.to_vec()) };
        let staged = Tree::All(vec![stage(&turned[..cut]), stage(&turned[cut..])]);
        let plain = flat(&criticalities);
        prop_assert!((value(&staged, &healths) - value(&plain, &healths)).abs() < 1e-12);
        let by_health = |tree: &Tree| {
            let shares = Formula::new(tree.clone()).shares(Ground { healths: &healths, caps: &[] });
            let mut sums = [0.0; LEAVES];
            let mut leaves = Vec::new();
            leaves_of(tree, &mut leaves);
            leaves.iter().zip(shares).for_each(|(leaf, share)| sums[*leaf] += share);
            sums
        };
        for (left, right) in by_health(&staged).iter().zip(by_health(&plain)) {
            prop_assert!((left - right).abs() < 1e-9, "{left} {right}");
        }
    }

    #[test]
    fn a_perfect_element_changes_nothing_and_none_raises(tree in tree(), healths in healths(), c in criticality(), h in health()) {
        let before = value(&tree, &healths);
        let longer = Tree::All(vec![
            Gate { criticality: 1.0, of: tree },
            Gate { criticality: c, of: Tree::Leaf(LEAVES) },
        ]);
        let and = |h: f64| [healths.clone(), vec![h]].concat();
        prop_assert!((value(&longer, &and(1.0)) - before).abs() < 1e-12);
        prop_assert!(value(&longer, &and(h)) <= before + 1e-12);
    }

    #[test]
    fn a_change_is_never_larger_than_its_criticality(criticalities in series(), healths in healths(), which in 0..LEAVES, to in health()) {
        let which = which % criticalities.len();
        let mut other = healths.clone();
        other[which] = to;
        let tree = flat(&criticalities);
        let change = (value(&tree, &healths) - value(&tree, &other)).abs();
        prop_assert!(change <= criticalities[which] * (healths[which] - to).abs() + 1e-12);
    }

    #[test]
    fn shares_sum_to_the_loss(tree in tree(), healths in healths()) {
        let formula = Formula::new(tree);
        let ground = Ground { healths: &healths, caps: &[] };
        let shares = formula.shares(ground);
        prop_assert!(shares.iter().all(|share| *share >= 0.0));
        let sum: f64 = shares.iter().sum();
        prop_assert!((sum - (1.0 - formula.value(ground))).abs() < 1e-9, "{} {:?}", formula.value(ground), shares);
    }

    #[test]
    fn shares_are_symmetric_and_a_healthy_one_has_none(criticalities in series(), healths in healths(), which in 0..LEAVES) {
        let which = which % criticalities.len();
        let mut healths = healths;
        healths[which] = 1.0;
        let twin = criticalities.len() - 1;
        let mut criticalities = criticalities;
        criticalities[twin] = criticalities[0];
        healths[twin] = healths[0];
        let shares = Formula::new(flat(&criticalities)).shares(Ground { healths: &healths, caps: &[] });
        prop_assert!((shares[0] - shares[twin]).abs() < 1e-12);
        prop_assert!(healths[which] < 1.0 || shares[which].abs() < 1e-12);
    }

    #[test]
    fn any_of_lies_between_its_members(healths in prop::collection::vec(health(), 1..6), need in 1..6_usize) {
        let count = healths.len();
        let need = need.min(count);
        let shares = vec![1.0 / count as f64; count];
        let found = k_of_n(need, &healths, &shares);
        let best = healths.iter().copied().fold(0.0, f64::max);
        let worst = healths.iter().copied().fold(1.0, f64::min);
        let all: f64 = healths.iter().product();
        prop_assert!(found >= all - 1e-12 && found >= worst - 1e-12 && found <= best + 1e-12);
        prop_assert!(need == count || k_of_n(need + 1, &healths, &shares) <= found + 1e-12);
    }

    #[test]
    fn felt_is_never_better_than_now(tree in tree(), healths in healths(), cap in health()) {
        let capped = Tree::All(vec![Gate { criticality: 1.0, of: Tree::Capped(0, Box::new(tree)) }]);
        let formula = Formula::new(capped);
        let now = formula.value(Ground { healths: &healths, caps: &[] });
        let felt = formula.value(Ground { healths: &healths, caps: &[cap] });
        prop_assert!(felt <= now + 1e-12);
    }

    #[test]
    fn down_is_nothing_now_and_felt(
        samples in prop::collection::vec(health(), 0..15),
        intervals in 0.0..9.0_f64,
        outages in prop::collection::vec(health(), 0..5),
        beside in tree(),
        healths in healths(),
    ) {
        let every = Duration::from_secs(30);
        let (mut window, mut memory) = (Window::default(), Felt::default());
        let mut now = Timestamp::UNIX_EPOCH;
        for sample in samples {
            window.push(sample, now);
            now += every;
        }
        for health in &outages {
            memory.sampled(*health, now, every);
        }
        let down = window.value(State::Down, now + every.mul_f64(intervals), every, PENDING);
        prop_assert_eq!(down, 0.0);
        let element = Tree::Capped(0, Box::new(Tree::Leaf(LEAVES)));
        let gates = [beside, element].map(|of| Gate { criticality: 1.0, of });
        let formula = Formula::new(Tree::All(gates.to_vec()));
        let healths = [healths, vec![down]].concat();
        let felt = formula.value(Ground { healths: &healths, caps: &[memory.ceiling()] });
        prop_assert_eq!((formula.value(Ground { healths: &healths, caps: &[] }), felt), (0.0, 0.0));
    }

    /// What is not observed may be anything up to what was last known of it.
    #[test]
    fn more_observed_never_widens_the_range(
        tree in tree(),
        known in healths(),
        observed in prop::collection::vec(any::<bool>(), LEAVES),
        one_more in 0..LEAVES,
        found in 0.0..=1.0_f64,
    ) {
        let range = |known: &[f64], observed: &[bool]| {
            let low: Vec<f64> = known.iter().zip(observed).map(|(known, seen)| if *seen { *known } else { 0.0 }).collect();
            (value(&tree, &low), value(&tree, known))
        };
        let (low, high) = range(&known, &observed);
        let (mut known, mut observed) = (known, observed);
        if !observed[one_more] {
            known[one_more] *= found;
            observed[one_more] = true;
        }
        let (lower, higher) = range(&known, &observed);
        prop_assert!(lower >= low - 1e-12 && higher <= high + 1e-12 && lower <= higher + 1e-12);
    }

    #[test]
    fn silence_never_raises(
        known in health(),
        fresher in 0.0..=1.0_f64,
        staler in 0.0..=1.0_f64,
        unseen in 0.0..=1.0_f64,
    ) {
        let (fresher, staler) = (f64::max(fresher, staler), f64::min(fresher, staler));
        prop_assert!(seen(known, staler, unseen) <= seen(known, fresher, unseen) + 1e-12);
        prop_assert!(seen(known, fresher, unseen) <= known + 1e-12);
    }
}

fn leaves_of(tree: &Tree, leaves: &mut Vec<usize>) {
    match tree {
        Tree::Leaf(leaf) => leaves.push(*leaf),
        Tree::Capped(_, of) => leaves_of(of, leaves),
        Tree::All(gates) | Tree::Of { members: gates, .. } => gates.iter().for_each(|gate| leaves_of(&gate.of, leaves)),
    }
}
