//! Every vector of the design.

use std::time::Duration;

use super::*;
use crate::model::{Quality, Score};

const NAMES: [&str; 10] = ["social", "web", "links", "checkout", "mail", "app", "chat", "phone", "billing", "renew"];

fn leaf(name: &str, criticality: f64) -> Gate {
    let place = NAMES.iter().position(|known| *known == name).expect("known");
    Gate { criticality, of: Tree::Leaf(place) }
}

fn stage(gates: Vec<Gate>) -> Gate {
    Gate { criticality: 1.0, of: Tree::All(gates) }
}

/// Healths that are not 1.
type Known = Vec<(&'static str, f64)>;

/// Journey F.
fn journey() -> Formula {
    let support = Tree::Of { need: 1, members: vec![leaf("chat", 1.0), leaf("phone", 1.0)], shares: vec![0.6, 0.4] };
    Formula::new(Tree::All(vec![
        stage(vec![leaf("social", 0.3)]),
        stage(vec![leaf("web", 1.0), leaf("links", 0.1)]),
        stage(vec![leaf("checkout", 1.0)]),
        stage(vec![leaf("mail", 0.6)]),
        stage(vec![leaf("app", 1.0)]),
        stage(vec![Gate { criticality: 1.0, of: support }, leaf("billing", 1.0)]),
        stage(vec![leaf("renew", 0.6)]),
    ]))
}

fn with(known: &[(&str, f64)]) -> Vec<f64> {
    let health = |name: &&str| known.iter().find(|(known, _)| known == name).map_or(1.0, |(_, health)| *health);
    NAMES.iter().map(health).collect()
}

fn points(known: &[(&str, f64)]) -> f64 {
    100.0 * journey().value(Ground { healths: &with(known), caps: &[] })
}

fn shares(known: &[(&str, f64)]) -> Vec<(&'static str, f64)> {
    let shares = journey().shares(Ground { healths: &with(known), caps: &[] });
    NAMES.into_iter().zip(shares).filter(|(_, share)| *share > 0.0).map(|(name, share)| (name, 100.0 * share)).collect()
}

fn near(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-4, "{left} is not {right}");
}

fn latency(millis: u64) -> f64 {
    let ms = Duration::from_millis;
    Quality::of_latency(ms(millis), ms(2500), ms(4000), ms(10_000)).get()
}

fn silent(intervals: u32) -> f64 {
    seen(1.0, freshness(Duration::from_secs(30) * intervals, Duration::from_secs(30)), PENDING)
}

fn eleven() -> Vec<(&'static str, f64)> {
    let web = latency(3000) * (1.0 - 0.1);
    vec![("social", 0.0), ("web", web), ("links", 0.5), ("mail", 0.7), ("chat", 0.5), ("billing", 0.95)]
}

#[test]
fn journey_f() {
    let rows: [(&str, Known, f64); 12] = [
        ("1 all well", vec![], 100.0),
        ("2 web at 3.25 s", vec![("web", latency(3250))], 80.0),
        ("3 checkout down", vec![("checkout", 0.0)], 0.0),
        ("4 social down", vec![("social", 0.0)], 70.0),
        ("5 web, checkout .8", vec![("web", 0.8), ("checkout", 0.8)], 64.0),
        ("7 chat down", vec![("chat", 0.0)], 88.0),
        ("8 chat and phone down", vec![("chat", 0.0), ("phone", 0.0)], 0.0),
        ("9 billing silent for 5", vec![("billing", silent(5))], 50.0),
        ("10 billing silent for 3", vec![("billing", silent(3))], 83.3333),
        ("11 many", eleven(), 39.4432),
        ("14 billing and app down", vec![("billing", 0.0), ("app", 0.0)], 0.0),
        ("no phone", vec![("phone", 0.0)], 92.0),
    ];
    for (row, known, expected) in rows {
        let found = points(&known);
        assert!((found - expected).abs() < 1e-4, "{row}: {found} is not {expected}");
    }
}

#[test]
fn shares_of_eleven() {
    let expected = [
        ("social", 23.2171),
        ("web", 13.7165),
        ("links", 3.3388),
        ("mail", 12.9178),
        ("chat", 4.0277),
        ("billing", 3.3388),
    ];
    let found = shares(&eleven());
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((name, share), (wanted, points)) in found.iter().zip(expected) {
        assert_eq!(*name, wanted);
        near(*share, points);
    }
    near(found.iter().map(|(_, share)| share).sum(), 60.5568);
}

#[test]
fn two_outages_share_equally() {
    assert_eq!(shares(&[("billing", 0.0), ("app", 0.0), ("web", 0.5)]), [("app", 50.0), ("billing", 50.0)]);
}

#[test]
fn ten_blocking_at_nine_tenths() {
    let formula = Formula::new(Tree::All((0..10).map(|n| Gate { criticality: 1.0, of: Tree::Leaf(n) }).collect()));
    near(100.0 * formula.value(Ground { healths: &[0.9; 10], caps: &[] }), 34.8678);
}

#[test]
fn two_of_three() {
    near(100.0 * k_of_n(2, &[1.0, 0.6, 0.0], &[1.0 / 3.0; 3]), 58.6667);
}

#[test]
fn four_stages() {
    let gates = (0..4).map(|n| stage(vec![Gate { criticality: 1.0, of: Tree::Leaf(n) }])).collect();
    near(100.0 * Formula::new(Tree::All(gates)).value(Ground { healths: &[0.9, 0.85, 0.95, 0.9], caps: &[] }), 65.4075);
}

#[test]
fn nearly_perfect_is_not_perfect() {
    for (value, expected) in [(0.99999, 99.9), (1.0, 100.0), (0.9, 90.0), (0.0, 0.0), (0.29, 29.0)] {
        near(Score::of(value).points(), expected);
    }
}

#[test]
fn used_twice_counts_once_at_its_larger_loss() {
    let direct = |criticality| Gate { criticality, of: Tree::Leaf(0) };
    let twice = Formula::new(Tree::All(vec![direct(0.3), direct(0.6), direct(0.6)]));
    near(twice.value(Ground { healths: &[0.5], caps: &[] }), 0.7);
    near(twice.shares(Ground { healths: &[0.5], caps: &[] }).iter().sum(), 0.3);
    let either = Tree::Of {
        need: 1,
        members: vec![direct(1.0), Gate { criticality: 1.0, of: Tree::Leaf(1) }],
        shares: vec![0.5, 0.5],
    };
    let both = Formula::new(Tree::All(vec![direct(0.3), Gate { criticality: 1.0, of: either }]));
    near(both.value(Ground { healths: &[0.0, 1.0], caps: &[] }), 0.7);
    near(both.value(Ground { healths: &[0.0, 0.0], caps: &[] }), 0.0);
}

#[test]
fn a_touchpoint_used_twice_is_bundled() {
    let touchpoint = |criticality| {
        let probes = Tree::All((0..12).map(|n| Gate { criticality: 1.0, of: Tree::Leaf(n) }).collect());
        Gate { criticality, of: Tree::Capped(0, Box::new(probes)) }
    };
    let probe = Gate { criticality: 0.6, of: Tree::Capped(1, Box::new(Tree::Leaf(0))) };
    let formula = Formula::new(Tree::All(vec![touchpoint(0.3), touchpoint(1.0), probe]));
    let mut healths = [1.0; 12];
    healths[0] = 0.5;
    near(formula.value(Ground { healths: &healths, caps: &[] }), 0.5);
    near(formula.value(Ground { healths: &healths, caps: &[0.4] }), 0.4);
}
