use super::*;

fn inconclusive(probe: &str, why: SelfFault, now: Timestamp) -> Reading {
    let mut reading = reading(probe, 1.0, now);
    reading.outcome.verdict = Verdict::Inconclusive { why, text: "no route to host".into() };
    reading.outcome.samples.clear();
    reading
}

#[test]
fn a_lost_network_is_unknown_and_one_self_incident() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.said.clear();
    for _ in 0..20 {
        for probe in ["web", "shop", "login", "app", "ads"] {
            let why = if probe == "web" { SelfFault::NoRoute } else { SelfFault::NetworkUnreachable };
            let reading = inconclusive(probe, why, world.now);
            world.take(reading);
        }
        world.wait(10);
    }
    assert_eq!(incidents(&world.said), ["open self_no_route page v1"]);
    assert_eq!(world.state("web"), State::Unknown);
    assert_eq!(world.score("buy"), None);
    let range = world.snapshot().journeys[0].range;
    assert_eq!((range.0.points(), range.1.points()), (0.0, 100.0));
    let changes = world.rounds(1, &[]);
    assert_eq!(incidents(&changes), ["close self_no_route page v2 Some(Recovered)"]);
    assert_eq!(world.score("buy"), Some(100.0));
}

#[test]
fn while_blind_nothing_counts() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.said.clear();
    world.said.extend(world.board.trouble(SelfFault::BlindVantage, "no canary answers", world.now));
    world.rounds(9, &[("web", 0.0), ("shop", 0.0)]);
    assert_eq!(incidents(&world.said), ["open self_blind page v1"], "and none about the touchpoints or half the sight");
    assert_eq!(world.snapshot().troubles.len(), 1);
    let changes = world.board.well(SelfFault::BlindVantage, world.now);
    assert_eq!(incidents(&changes), ["close self_blind page v2 Some(Recovered)"]);
    assert_eq!(world.board.well(SelfFault::BlindVantage, world.now), []);
    assert!(world.snapshot().troubles.is_empty());
}

#[test]
fn a_trouble_is_shown_at_once_and_told_after_a_minute() {
    let mut world = World::new(company());
    world.wait(60);
    world.said.clear();
    assert_eq!(world.board.trouble(SelfFault::OutboxStuck, "61 s", world.now), []);
    assert_eq!(world.snapshot().troubles[0].text, "61 s");
    world.rounds(5, &[]);
    assert_eq!(incidents(&world.said), [""; 0]);
    world.rounds(2, &[]);
    assert_eq!(incidents(&world.said), ["open self_outbox page v1"]);
    world.rounds(7, &[]);
    assert_eq!(incidents(&world.said).len(), 1, "once");
}

#[test]
fn the_first_five_intervals_excuse_what_is_not_certain() {
    let mut map = company();
    map.touchpoints.values_mut().for_each(|touchpoint| touchpoint.probes[0].every = SECOND * 60);
    let mut world = World::new(map);
    world.board.trouble(SelfFault::Late, "by 61 s", world.now);
    world.board.trouble(SelfFault::StoreRefused, "disk full", world.now);
    assert_eq!(incidents(&world.wait(61)), ["open self_store page v1"]);
    world.board.well(SelfFault::StoreRefused, world.now);
    assert_eq!(incidents(&world.wait(238)), [""; 0]);
    assert_eq!(incidents(&world.wait(2)), ["open self_late page v1", "open self_unobserved page v1"]);
}

#[test]
fn an_incident_from_before_a_restart_ends_unless_confirmed() {
    let mut world = World::new(company());
    world.board.trouble(SelfFault::StoreRefused, "disk full", world.now);
    world.board.trouble(SelfFault::DeadLetter, "gone", world.now);
    world.wait(70);
    let open: Vec<Incident> = world
        .snapshot()
        .incidents
        .into_iter()
        .filter(|i| !matches!(i.cause, crate::model::Cause::Own(SelfFault::Unobserved)))
        .collect();
    assert_eq!(open.len(), 2);
    let (board, changes) = Board::restore(Arc::new(company()), ids(), Vec::new(), open, world.now);
    assert_eq!(changes, []);
    world.board = board;
    world.board.trouble(SelfFault::StoreRefused, "still full", world.now);
    let changes = world.rounds(7, &[]);
    assert_eq!(incidents(&changes), ["close self_dead_letter page v2 Some(Recovered)"]);
    assert_eq!(world.snapshot().incidents.len(), 1);
}
