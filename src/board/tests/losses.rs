//! What a journey lacks, by what costs it.

use super::*;
use crate::model::LostTo;

fn lost(world: &World, journey: &str) -> (Option<f64>, Vec<(LostTo, f64)>) {
    let now = world.board.scores().into_iter().find(|now| now.journey.as_str() == journey).expect("on the board");
    (now.score, now.losses)
}

#[test]
fn the_parts_sum_to_what_lacks() {
    let mut world = World::new(company());
    assert_eq!(lost(&world, "buy"), (None, vec![]), "without a number nobody knows");
    world.rounds(12, &[]);
    assert_eq!(lost(&world, "buy"), (Some(1.0), vec![]));
    world.rounds(12, &[("shop", 0.7), ("ads", 0.4)]);
    let (score, losses) = lost(&world, "buy");
    let score = score.expect("it is seen");
    let sum: f64 = losses.iter().map(|(_, share)| share).sum();
    assert!(score < 0.9 && (sum - (1.0 - score)).abs() < 1e-9, "{score} {losses:?}");
    let mut places: Vec<_> = losses.into_iter().map(|(to, _)| to).collect();
    places.sort();
    let at = |touchpoint: &str| LostTo::Stage("all".into(), touchpoint.into());
    assert_eq!(places, [at("ads"), at("shop")]);
}

#[test]
fn values_that_disagree_cost_by_the_name_of_their_check() {
    let mut map = company();
    map.journeys[0].consistency = vec![Consistency {
        name: "The price".into(),
        values: ["web", "shop"].map(|at| Source { probe: ProbeId::new(at, "main"), value: "price".into() }).into(),
        severity: FindingSeverity::Major,
    }];
    let mut world = World::new(map);
    for _ in 0..12 {
        world.rounds(1, &[]);
        for (place, price) in [("web", "29.99"), ("shop", "31.99")] {
            let reading = capturing(place, "price", price, world.now);
            world.take(reading);
        }
    }
    let (_, losses) = lost(&world, "buy");
    let [(LostTo::Check(name), share)] = losses.as_slice() else { panic!("{losses:?}") };
    assert!(name == "The price" && (share - 0.5).abs() < 1e-9, "{losses:?}");
}
