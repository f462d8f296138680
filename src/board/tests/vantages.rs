//! Several vantages: whose turn it is, what they see together, and which of them see at all.

use super::*;
use crate::model::{Cause, PersonaId, SelfFault, Series};

const HERE: &str = "here";
const THERE: &str = "there";

/// Six touchpoints that one journey needs, from two vantages.
fn world() -> World {
    let names = ["a", "b", "c", "d", "e", "f"];
    let needs = names.iter().map(|name| one(name, Weight::Supporting)).collect();
    let mut map = map(names.iter().map(|name| touchpoint(name, &[])).collect(), vec![journey("all", needs)]);
    map.vantages = vec![HERE.into(), THERE.into()];
    let mut world = World::new(map);
    world.board.sees(&HERE.into(), world.now);
    world.board.sees(&THERE.into(), world.now);
    world
}

fn look(world: &mut World, probe: &str, vantage: &str, quality: f64, trigger: Trigger) -> Vec<Change> {
    let reading = Reading { vantage: vantage.into(), trigger, ..reading(probe, quality, world.now) };
    world.take(reading)
}

/// The proxy of that vantage is gone.
fn look_in_vain(world: &mut World, probe: &str, vantage: &str, trigger: Trigger) -> Vec<Change> {
    let mut reading = Reading { vantage: vantage.into(), trigger, ..reading(probe, 1.0, world.now) };
    let why = SelfFault::NetworkUnreachable;
    reading.outcome.verdict = Verdict::Inconclusive { why, text: "the proxy cannot be reached".into() };
    reading.outcome.samples.clear();
    world.take(reading)
}

/// Rounds of 20 s in which every probe is looked at from each vantage; these qualities for it.
fn rounds(world: &mut World, rounds: usize, here: f64, there: f64) {
    for _ in 0..rounds {
        for (vantage, quality) in [(HERE, here), (THERE, there)] {
            for name in ["a", "b", "c", "d", "e", "f"] {
                look(world, name, vantage, quality, Trigger::Schedule);
            }
            world.wait(10);
        }
    }
}

fn opened(world: &World) -> Vec<Cause> {
    let opened = world.said.iter().filter_map(|change| match change {
        Change::IncidentOpened(incident) => Some(incident.cause.clone()),
        _ => None,
    });
    opened.collect()
}

fn asked(changes: &[Change]) -> Vec<(&Series, Timestamp)> {
    let asked = changes.iter().filter_map(|change| match change {
        Change::Recheck { series, at, .. } => Some((series, *at)),
        _ => None,
    });
    asked.collect()
}

#[test]
fn a_failure_is_tried_again_from_elsewhere_until_it_is_down_from_everywhere() {
    let mut world = world();
    rounds(&mut world, 2, 1.0, 1.0);
    let began = world.now;
    let mut from = HERE;
    let mut changes = look(&mut world, "a", from, 0.0, Trigger::Schedule);
    for after in [2, 5, 9, 14, 20, 26] {
        let other = if from == HERE { THERE } else { HERE };
        let (series, at) = asked(&changes)[0];
        assert_eq!((series.vantage.as_str(), at), (other, began + SECOND * after));
        assert_eq!(world.state("a"), State::Up);
        let wait = at.duration_since(world.now).unsigned_abs();
        world.wait(wait.as_secs());
        (from, changes) = (other, look(&mut world, "a", other, 0.0, Trigger::Recheck));
    }
    assert_eq!(world.state("a"), State::Down);
    assert_eq!(opened(&world), [Cause::Touchpoint("a".into())]);
    // Both look again, one after the other; together they see that it is over.
    let vantages: BTreeSet<&str> = asked(&changes).iter().map(|(series, _)| series.vantage.as_str()).collect();
    assert_eq!(vantages, BTreeSet::from([HERE, THERE]));
    look(&mut world, "a", HERE, 1.0, Trigger::Recheck);
    assert_eq!(world.state("a"), State::Down);
    world.wait(10);
    look(&mut world, "a", THERE, 1.0, Trigger::Recheck);
    assert_eq!(world.state("a"), State::Up);
}

#[test]
fn what_was_suspected_is_remembered_over_a_restart() {
    let mut world = world();
    rounds(&mut world, 2, 1.0, 1.0);
    let began = world.now;
    look(&mut world, "a", HERE, 0.0, Trigger::Schedule);
    for (after, vantage) in [(2, THERE), (5, HERE), (9, THERE), (14, HERE), (20, THERE)] {
        world.now = began + SECOND * after;
        look(&mut world, "a", vantage, 0.0, Trigger::Recheck);
    }
    let memory = world.board.memory().into_iter().filter_map(|(key, text)| Some((key, text?))).collect();
    let map = Arc::clone(&world.board.map);
    let (board, _) = Board::restore(map, ids(), memory, Vec::new(), world.now);
    world.board = board;
    world.now = began + SECOND * 26;
    assert_eq!(world.state("a"), State::Up);
    look(&mut world, "a", HERE, 0.0, Trigger::Recheck);
    assert_eq!(world.state("a"), State::Down);
}

#[test]
fn what_one_vantage_alone_fails_massively_is_its_own_blindness() {
    let mut world = world();
    rounds(&mut world, 3, 1.0, 1.0);
    rounds(&mut world, 6, 0.0, 1.0);
    assert_eq!(opened(&world), [Cause::Own(SelfFault::BlindVantage)]);
    for name in ["a", "b", "c", "d", "e", "f"] {
        assert_eq!(world.state(name), State::Up, "it is seen from there");
    }
    let snapshot = world.snapshot();
    let blind = |series: &crate::model::SeriesNow| series.blind == (series.series.vantage.as_str() == HERE);
    assert!(
        snapshot.touchpoints.values().all(|place| place.fault.is_none() && place.probes[0].series.iter().all(blind))
    );
    rounds(&mut world, 2, 1.0, 1.0);
    let closed = world.said.iter().any(|change| matches!(change, Change::IncidentClosed(_)));
    assert!(closed, "it sees again");
}

#[test]
fn one_probe_that_fails_for_all_its_personas_from_one_vantage_blinds_it_not() {
    let mut web = touchpoint("web", &[]);
    web.probes[0].personas = ["a", "b", "c", "d", "e", "f"].map(PersonaId::new).into();
    let needs = vec![one("web", Weight::Blocking), one("ads", Weight::Supporting)];
    let mut map = map(vec![web, touchpoint("ads", &[])], vec![journey("all", needs)]);
    map.vantages = vec![HERE.into(), THERE.into()];
    let mut world = World::new(map);
    for round in 0..9 {
        for vantage in [HERE, THERE] {
            for persona in ["a", "b", "c", "d", "e", "f"] {
                let quality = if vantage == HERE && round >= 3 { 0.0 } else { 1.0 };
                let persona = Some(PersonaId::new(persona));
                let reading = Reading { persona, vantage: vantage.into(), ..reading("web", quality, world.now) };
                world.take(reading);
            }
            look(&mut world, "ads", vantage, 1.0, Trigger::Schedule);
            world.wait(10);
        }
    }
    let blind = |cause: &Cause| matches!(cause, Cause::Own(_));
    assert!(!opened(&world).iter().any(blind), "{:?}", opened(&world));
}

#[test]
fn what_every_vantage_fails_is_nobodys_blindness() {
    let mut world = world();
    rounds(&mut world, 3, 1.0, 1.0);
    rounds(&mut world, 8, 0.0, 0.0);
    let blind = |cause: &Cause| matches!(cause, Cause::Own(_));
    assert!(!opened(&world).iter().any(blind), "{:?}", opened(&world));
    assert_eq!(world.state("a"), State::Down);
}

#[test]
fn a_few_failures_from_one_vantage_are_that_vantages_matter() {
    let mut world = world();
    rounds(&mut world, 3, 1.0, 1.0);
    for _ in 0..20 {
        for vantage in [HERE, THERE] {
            for name in ["a", "b", "c", "d", "e", "f"] {
                let fails = name == "a" && vantage == HERE;
                look(&mut world, name, vantage, f64::from(u8::from(!fails)), Trigger::Schedule);
            }
            world.wait(10);
        }
    }
    assert_eq!(opened(&world), [Cause::Touchpoint("a".into())]);
    assert_eq!(incidents(&world.said), ["open a ticket v1"]);
    assert_eq!(world.state("a"), State::Degraded);
    assert_eq!(world.snapshot().incidents[0].only_from, BTreeSet::from([HERE.into()]));
}

#[test]
fn what_a_blind_vantage_says_counts_for_nothing_and_the_other_decides() {
    let mut world = world();
    rounds(&mut world, 3, 1.0, 1.0);
    world.board.blind(&THERE.into(), "no canary answers", world.now);
    for _ in 0..30 {
        look(&mut world, "a", THERE, 0.0, Trigger::Schedule);
        world.wait(10);
        for name in ["a", "b", "c", "d", "e", "f"] {
            look(&mut world, name, HERE, 1.0, Trigger::Schedule);
        }
        world.wait(10);
    }
    assert_eq!(world.state("a"), State::Up);
    assert_eq!(opened(&world), [Cause::Own(SelfFault::BlindVantage)], "one alert, and nothing else");
    for _ in 0..30 {
        look(&mut world, "a", HERE, 0.0, Trigger::Schedule);
        world.wait(20);
    }
    assert_eq!(world.state("a"), State::Down, "from everywhere that sees");
    assert!(incidents(&world.said).iter().any(|line| line.starts_with("open a ")));
    world.board.sees(&HERE.into(), world.now);
    world.board.sees(&THERE.into(), world.now);
    look(&mut world, "a", THERE, 1.0, Trigger::Schedule);
    assert_eq!(world.state("a"), State::Degraded);
}

#[test]
fn a_vantage_without_its_way_is_named_and_the_others_decide_when_it_is_down_and_when_it_is_over() {
    let mut world = world();
    for quality in [1.0, 0.0, 1.0] {
        for _ in 0..8 {
            look_in_vain(&mut world, "a", THERE, Trigger::Schedule);
            world.wait(10);
            look(&mut world, "a", HERE, quality, Trigger::Schedule);
            world.wait(10);
        }
        let expected = if quality < 1.0 { State::Down } else { State::Up };
        assert_eq!(world.state("a"), expected);
    }
    assert_eq!(world.snapshot().troubles[0].text, "there: the proxy cannot be reached");
    let told = incidents(&world.said);
    assert_eq!(told.iter().filter(|line| line.starts_with("open self_network")).count(), 1, "{told:?}");
    let shop: Vec<_> = told.iter().filter(|line| line.contains(" a ")).map(|line| &line[..6]).collect();
    assert_eq!(shop, ["open a", "close "], "{told:?}");
}

#[test]
fn a_run_in_vain_hands_its_turn_on_and_a_regular_one_does_not() {
    let mut world = world();
    rounds(&mut world, 2, 1.0, 1.0);
    let began = world.now;
    look(&mut world, "a", HERE, 0.0, Trigger::Schedule);
    world.wait(2);
    assert_eq!(asked(&look_in_vain(&mut world, "a", THERE, Trigger::Schedule)), []);
    let changes = look_in_vain(&mut world, "a", THERE, Trigger::Recheck);
    let (series, at) = asked(&changes)[0];
    assert_eq!((series.vantage.as_str(), at), (HERE, began + SECOND * 5));
}

#[test]
fn the_trouble_of_a_vantage_ends_when_nobody_probes_from_there_any_more() {
    let mut world = world();
    rounds(&mut world, 2, 1.0, 1.0);
    for _ in 0..8 {
        look_in_vain(&mut world, "a", THERE, Trigger::Schedule);
        look(&mut world, "a", HERE, 1.0, Trigger::Schedule);
        world.wait(10);
    }
    assert_eq!(opened(&world), [Cause::Own(SelfFault::NetworkUnreachable)]);
    let mut map = (*world.board.map).clone();
    map.vantages.retain(|vantage| vantage.as_str() == HERE);
    world.said.extend(world.board.reload(Arc::new(map), world.now));
    look(&mut world, "a", HERE, 1.0, Trigger::Schedule);
    let unreachable = |trouble: &crate::model::Trouble| trouble.what == SelfFault::NetworkUnreachable;
    assert!(!world.snapshot().troubles.iter().any(unreachable));
}

#[test]
fn a_blind_vantage_costs_no_points_and_hides_none() {
    let mut world = world();
    rounds(&mut world, 3, 1.0, 1.0);
    world.board.blind(&THERE.into(), "no canary answers", world.now);
    rounds(&mut world, 30, 1.0, 0.0);
    assert_eq!(world.score("all"), Some(100.0), "it is seen from here");
    assert!((world.snapshot().journeys[0].observed - 0.5).abs() < 1e-9);
    rounds(&mut world, 12, 0.0, 0.0);
    assert_eq!(world.score("all"), Some(11.7), "six at 0, each worth 30 points of 100");
}

#[test]
fn what_a_vantage_knew_before_it_went_blind_raises_nothing() {
    let mut world = world();
    rounds(&mut world, 10, 1.0, 0.8);
    let before = world.score("all").expect("a number");
    world.board.blind(&THERE.into(), "no canary answers", world.now);
    rounds(&mut world, 30, 1.0, 1.0);
    assert_eq!(world.score("all"), Some(before));
    assert!(before < 100.0);
}

#[test]
fn a_vantage_whose_network_and_canaries_are_gone_is_told_once() {
    let mut world = world();
    rounds(&mut world, 2, 1.0, 1.0);
    for _ in 0..12 {
        look_in_vain(&mut world, "a", THERE, Trigger::Schedule);
        world.wait(10);
        let changes = world.board.blind(&THERE.into(), "no canary answers", world.now);
        world.said.extend(changes);
        look(&mut world, "a", HERE, 1.0, Trigger::Schedule);
    }
    let unseen = Cause::Own(SelfFault::Unobserved);
    let told: Vec<Cause> = opened(&world).into_iter().filter(|cause| *cause != unseen).collect();
    assert_eq!(told, [Cause::Own(SelfFault::BlindVantage)]);
}

/// Many small problems, seen from here; from there nothing is seen at all.
#[test]
fn a_blind_vantage_does_not_keep_a_journey_from_being_paged() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let needs = names.iter().map(|name| one(name, Weight::Blocking)).collect();
    let mut map = map(names.iter().map(|name| touchpoint(name, &[])).collect(), vec![journey("all", needs)]);
    map.vantages = vec![HERE.into(), THERE.into()];
    let mut world = World::new(map);
    world.board.sees(&HERE.into(), world.now);
    world.board.sees(&THERE.into(), world.now);
    let look_at_all = |world: &mut World, vantage: &str, quality: f64| {
        for name in &names {
            look(world, name, vantage, quality, Trigger::Schedule);
        }
        world.wait(10);
    };
    for _ in 0..4 {
        look_at_all(&mut world, HERE, 1.0);
        look_at_all(&mut world, THERE, 1.0);
    }
    world.board.blind(&THERE.into(), "no canary answers", world.now);
    for _ in 0..20 {
        look_at_all(&mut world, HERE, 1.0);
        world.wait(10);
    }
    let journey = |world: &World| opened(world).contains(&Cause::Journey("all".into()));
    assert!(!journey(&world), "{:?}", opened(&world));
    for _ in 0..20 {
        look_at_all(&mut world, HERE, 0.905);
        world.wait(10);
    }
    assert!(journey(&world), "{:?} {:?}", opened(&world), world.score("all"));
}
