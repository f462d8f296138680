//! A wall clock that is set back by an hour.

use super::*;

fn hour_earlier(world: &mut World) {
    world.now -= SECOND * 3600;
    world.wait(1);
}

#[test]
fn what_fails_is_found_and_what_works_is_believed_as_soon_as_ever() {
    let rounds_until = |world: &mut World, quality: f64, wanted: &str| {
        (1..100).find(|_| incidents(&world.rounds(1, &[("web", quality)])).iter().any(|line| line.starts_with(wanted)))
    };
    let mut usual = World::new(company());
    usual.rounds(30, &[]);
    let down = rounds_until(&mut usual, 0.0, "open web");
    let up = rounds_until(&mut usual, 1.0, "close web");
    assert!(down.is_some() && up.is_some());

    let mut world = World::new(company());
    world.rounds(30, &[]);
    world.said.clear();
    hour_earlier(&mut world);
    assert_eq!(rounds_until(&mut world, 0.0, "open web"), down);
    // And in the middle of a recovery.
    world.rounds(1, &[("web", 0.0)]);
    world.read("web", 1.0);
    hour_earlier(&mut world);
    assert!(rounds_until(&mut world, 1.0, "close web") <= up);
    assert_eq!(incidents(&world.said).len(), 2, "and nothing else: {:?}", incidents(&world.said));
    let snapshot = world.snapshot();
    assert!(snapshot.touchpoints.values().all(|touchpoint| touchpoint.since <= world.now), "nothing is in the future");
}

#[test]
fn silence_is_noticed_and_our_own_trouble_told_as_soon_as_ever() {
    let mut world = World::new(company());
    world.rounds(30, &[]);
    world.board.trouble(SelfFault::OutboxStuck, "61 s", world.now);
    world.wait(30);
    hour_earlier(&mut world);
    assert_eq!(incidents(&world.wait(40)), ["open self_outbox page v1"]);
    assert_eq!(world.state("web"), State::Unknown);
}

#[test]
fn a_restart_with_a_memory_of_the_future_waits_for_nothing_either() {
    let mut world = World::new(company());
    world.rounds(30, &[]);
    let memory = world.board.memory().into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    world.now -= SECOND * 3600;
    let (board, _) = Board::restore(Arc::new(company()), ids(), memory, Vec::new(), world.now);
    world.board = board;
    world.wait(1);
    world.rounds(12, &[("web", 0.0)]);
    assert_eq!(world.state("web"), State::Down);
}
