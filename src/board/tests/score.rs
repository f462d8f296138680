#![expect(clippy::float_cmp, reason = "healths of exactly 0 and 1 mean something")]

use super::*;
use crate::model::{Calendar, Color, NeedNow, PersonaId};

#[test]
fn never_sampled_is_pending_and_has_no_number() {
    let mut world = World::new(company());
    world.wait(1);
    let snapshot = world.snapshot();
    assert_eq!(snapshot.journeys[0].score, None);
    assert_eq!(snapshot.journeys[0].color, Color::Unknown);
    assert_eq!(world.state("web"), State::Pending);
    world.rounds(1, &[]);
    assert_eq!(world.score("buy"), Some(100.0));
    assert_eq!(world.snapshot().journeys[0].color, Color::Good);
    assert_eq!(world.snapshot().journeys[0].observed, 1.0);
}

#[test]
fn silence_loses_the_number_and_closes_nothing() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.rounds(4, &[("web", 0.0)]);
    let changes = world.wait(600);
    assert_eq!(incidents(&changes).iter().filter(|line| line.starts_with("close")).count(), 0);
    assert_eq!((world.state("web"), world.state("shop")), (State::Down, State::Unknown));
    assert_eq!(world.score("buy"), None);
    let buy = world.snapshot().journeys.remove(0);
    assert_eq!((buy.range.0.points(), buy.range.1.points(), buy.color), (0.0, 0.0, Color::Unknown));
}

/// Vector 17 of the design: 6 of 10 elements stale.
#[test]
fn a_number_needs_half_of_the_elements_to_be_fresh() {
    let names: Vec<String> = (0..10).map(|number| format!("t{number}")).collect();
    let needs = names.iter().map(|name| one(name, Weight::Supporting)).collect();
    let touchpoints = names.iter().map(|name| touchpoint(name, &[])).collect();
    let map = map(touchpoints, vec![journey("walk", needs)]);
    let with_stale = |stale: usize| {
        let mut world = World::new(map.clone());
        world.rounds(4, &[]);
        // Fresh is an age of two intervals at most; these are of three.
        for _ in 0..3 {
            names[stale..].iter().for_each(|name| _ = world.read(name, 1.0));
            world.wait(10);
        }
        let walk = world.snapshot().journeys.remove(0);
        (walk.observed, walk.score.map(crate::model::Score::points), (walk.range.0.points(), walk.range.1.points()))
    };
    assert_eq!(with_stale(0), (1.0, Some(100.0), (100.0, 100.0)));
    let (observed, score, range) = with_stale(5);
    assert!((observed - 0.5).abs() < 1e-9 && score.is_some_and(|score| score < 100.0) && range.1 >= 99.9);
    let (observed, score, range) = with_stale(6);
    assert!((observed - 0.4).abs() < 1e-9, "{observed}");
    assert_eq!((score, range), (None, (0.0, 100.0)), "no number, and the range from nothing to the last");
}

#[test]
fn the_shares_of_a_snapshot_sum_to_the_loss() {
    let mut world = World::new(company());
    world.rounds(12, &[("web", 0.7), ("ads", 0.5), ("login", 0.6), ("shop", 0.95)]);
    for journey in world.snapshot().journeys {
        let elements = journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(NeedNow::elements);
        let sum: f64 = elements.clone().map(|element| element.share).sum();
        assert!((sum - 100.0 * (1.0 - journey.value)).abs() < 1e-9, "{sum} {}", journey.value);
        for element in elements.filter(|element| element.health.value < 1.0) {
            assert!(element.gain_if_fixed > 0.0, "{element:?}");
        }
    }
    let buy = world.snapshot().journeys.remove(0);
    assert!((buy.value - 0.7 * 0.95 * 0.85).abs() < 1e-9, "{}", buy.value);
    assert_eq!(buy.worst, Some("web".into()));
    let NeedNow::One(web) = &buy.stages[0].needs[0] else { panic!("one") };
    assert!((web.gain_if_fixed - 100.0 * (0.95 * 0.85 - buy.value)).abs() < 1e-9);
}

#[test]
fn two_outages_gain_nothing_alone() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.rounds(4, &[("web", 0.0), ("shop", 0.0)]);
    let buy = world.snapshot().journeys.remove(0);
    let elements: Vec<_> = buy.stages[0].needs.iter().flat_map(NeedNow::elements).collect();
    assert_eq!(
        elements.iter().map(|e| (e.share, e.gain_if_fixed)).collect::<Vec<_>>(),
        [(50.0, 0.0), (50.0, 0.0), (0.0, 0.0)]
    );
}

#[test]
fn what_was_down_is_felt_longer() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.rounds(60, &[("web", 0.0)]);
    world.rounds(4, &[]);
    let buy = world.snapshot().journeys.remove(0);
    assert_eq!(buy.score.map(crate::model::Score::points), Some(100.0));
    assert!(buy.felt.is_some_and(|felt| felt.points() < 20.0), "{:?}", buy.felt);
}

#[test]
fn closed_costs_nothing_and_counts_nothing() {
    let mut map = company();
    let web = map.touchpoints.get_mut(&TouchpointId::new("web")).expect("there");
    // Monday 08:05 to 08:10.
    web.hours = Some(Calendar { spans: vec![(485, 490)], timezone: TimeZone::UTC });
    let mut world = World::new(map);
    world.rounds(20, &[("web", 0.0)]);
    assert_eq!((world.state("web"), world.score("buy")), (State::Closed, Some(100.0)));
    world.rounds(20, &[]);
    assert_eq!(world.state("web"), State::Up);
    world.rounds(20, &[]);
    world.rounds(20, &[("web", 0.0)]);
    assert_eq!(world.state("web"), State::Closed, "again at 08:10");
    assert_eq!(incidents(&world.said), [""; 0]);
}

#[test]
fn a_closed_channel_is_no_alternative() {
    let mut phone = touchpoint("phone", &[]);
    // Mondays 20:00 to 21:00; the board wakes up in the morning.
    phone.hours = Some(Calendar { spans: vec![(1200, 1260)], timezone: TimeZone::UTC });
    let member = |id: &str| Member { element: Element::Touchpoint(id.into()), weight: Weight::Blocking };
    let members = vec![member("chat"), member("phone")];
    let either = Need::Of { need: 1, members, shares: vec![0.6, 0.4], weight: Weight::Blocking };
    let chat = touchpoint("chat", &[]);
    let mut world = World::new(map(vec![chat, phone], vec![journey("help", vec![either])]));
    world.rounds(20, &[]);
    assert_eq!((world.state("phone"), world.score("help")), (State::Closed, Some(100.0)));
    world.rounds(10, &[("chat", 0.0)]);
    assert_eq!(world.score("help"), Some(0.0), "nobody is there to be asked");
}

#[test]
fn personas_have_their_own_windows_and_their_mean_counts() {
    let mut map = company();
    let web = map.touchpoints.get_mut(&TouchpointId::new("web")).expect("there");
    web.probes[0].personas = vec!["anna".into(), "li-wei".into()];
    let mut world = World::new(map);
    for _ in 0..6 {
        for (persona, quality) in [("anna", 1.0), ("li-wei", 0.0)] {
            let persona = Some(PersonaId::new(persona));
            let reading = Reading { persona, ..reading("web", quality, world.now) };
            world.take(reading);
        }
        world.wait(10);
    }
    let snapshot = world.snapshot();
    let web = &snapshot.touchpoints[&TouchpointId::new("web")];
    assert_eq!((web.health.state, web.health.value), (State::Down, 0.5));
    assert_eq!(snapshot.incidents.iter().filter(|i| i.touchpoint.is_some()).count(), 1);
}

#[test]
fn a_step_credited_elsewhere_is_a_sample_there() {
    let mut map = company();
    let origin = ProbeId::new("shop", "main");
    let id = ProbeId::credited(&"ads".into(), &origin);
    let ads = map.touchpoints.get_mut(&TouchpointId::new("ads")).expect("there");
    ads.probes = vec![Probe { id: id.clone(), origin: Some(origin), ..probe("ads", "x", Weight::Blocking) }];
    let mut world = World::new(map);
    let mut last = Vec::new();
    for quality in [1.0, 0.0, 0.0, 0.0, 0.0] {
        let mut reading = reading("shop", 1.0, world.now);
        reading.outcome.samples.push(Sample { probe: id.clone(), quality: Quality::new(quality), fault: None });
        last = world.take(reading);
        world.wait(10);
    }
    assert_eq!((world.state("shop"), world.state("ads")), (State::Up, State::Down));
    let rechecked = last.iter().find_map(|change| match change {
        Change::Recheck { series, .. } => Some(series.probe.to_string()),
        _ => None,
    });
    assert_eq!(rechecked.as_deref(), Some("shop/main"), "the errand runs, not its credit");
}

/// The shop is down, so the errand never gets to billing: billing's customers lose nothing by that.
#[test]
fn what_an_errand_could_not_reach_hurts_nobody_else() {
    let mut map = company();
    let origin = ProbeId::new("shop", "main");
    let id = ProbeId::credited(&"login".into(), &origin);
    let login = map.touchpoints.get_mut(&TouchpointId::new("login")).expect("there");
    login.probes.push(Probe { id: id.clone(), origin: Some(origin), ..probe("login", "x", Weight::Blocking) });
    let mut world = World::new(map.clone());
    world.rounds(1, &[("shop", 0.0)]);
    assert_eq!(world.score("use"), Some(100.0), "never seen, and not for our lack of looking");
    let mut world = World::new(map);
    let mut whole = reading("shop", 1.0, world.now);
    whole.outcome.samples.push(Sample { probe: id, quality: Quality::new(1.0), fault: None });
    world.take(whole);
    world.rounds(20, &[("shop", 0.0)]);
    assert_eq!((world.state("shop"), world.state("login")), (State::Down, State::Up));
    assert_eq!((world.score("buy"), world.score("use")), (Some(0.0), Some(100.0)));
}

/// Billing was down, and mended while the shop is: nobody gets there to see, but its own probes do.
#[test]
fn what_no_errand_reaches_holds_nothing_down_that_is_well_by_itself() {
    let mut map = company();
    let origin = ProbeId::new("shop", "main");
    let id = ProbeId::credited(&"login".into(), &origin);
    let login = map.touchpoints.get_mut(&TouchpointId::new("login")).expect("there");
    login.probes.push(Probe { id: id.clone(), origin: Some(origin), ..probe("login", "x", Weight::Blocking) });
    let broken = |own: f64| {
        let mut world = World::new(map.clone());
        for _ in 0..6 {
            let mut whole = reading("shop", 1.0, world.now);
            whole.outcome.samples.push(Sample { probe: id.clone(), quality: Quality::NONE, fault: None });
            world.take(whole);
            for (place, quality) in [("app", 1.0), ("web", 1.0), ("ads", 1.0), ("login", own)] {
                world.read(place, quality);
            }
            world.wait(10);
        }
        assert_eq!(world.state("login"), State::Down);
        world
    };
    let mut world = broken(0.0);
    world.rounds(3, &[("shop", 0.0)]);
    assert_eq!(world.state("login"), State::Down, "seen so lately");
    world.rounds(6, &[("shop", 0.0)]);
    assert_eq!((world.state("login"), world.score("use")), (State::Up, Some(100.0)));
    let login = world.board.net.touchpoint_of[&TouchpointId::new("login")];
    assert_eq!(world.board.ailment(login, world.now), None);
    let mut world = broken(0.0);
    world.rounds(20, &[("shop", 0.0), ("login", 0.0)]);
    assert_eq!(world.state("login"), State::Down, "it says so itself");
    let mut world = broken(1.0);
    for _ in 0..20 {
        world.read("shop", 0.0);
        world.wait(10);
    }
    assert_eq!(world.state("login"), State::Down, "silence mends nothing");
}

/// Every decision shows at once in the colour, not only the one that changes the touchpoint's state.
#[test]
fn a_score_of_nothing_is_never_green() {
    let mut map = company();
    let web = map.touchpoints.get_mut(&TouchpointId::new("web")).expect("there");
    web.probes.push(probe("web", "second", Weight::Blocking));
    web.probes[0].weight = Weight::Supporting;
    let mut world = World::new(map);
    world.rounds(12, &[]);
    world.rounds(4, &[("web", 0.0)]);
    world.rounds(2, &[("web", 0.0), ("web/second", 0.0)]);
    assert_ne!(world.snapshot().journeys[0].color, Color::Broken);
    world.read("web/second", 0.0);
    assert_eq!(world.score("buy"), Some(0.0));
    assert_eq!(world.snapshot().journeys[0].color, Color::Broken);
}

#[test]
fn scores_move_at_most_once_a_second_without_a_decision() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    let moved = |changes: &[Change]| changes.iter().filter(|c| matches!(c, Change::ScoreChanged { .. })).count();
    for _ in 0..5 {
        assert_eq!(moved(&world.read("web", 0.8)), 0);
        assert_eq!(moved(&world.read("shop", 0.8)), 0);
    }
    assert_eq!(moved(&world.wait(1)), 1);
}

#[test]
fn a_touchpoint_that_is_still_being_met_leaves_no_memory() {
    let mut shop = touchpoint("shop", &[]);
    shop.probes.push(probe("shop", "checkout", Weight::Blocking));
    let mut world = World::new(map(vec![shop], vec![journey("buy", vec![one("shop", Weight::Blocking)])]));
    world.read("shop/main", 1.0);
    world.wait(20);
    world.read("shop/main", 1.0);
    world.read("shop/checkout", 1.0);
    world.wait(1);
    let felt = world.board.snapshot(world.now).journeys[0].felt;
    assert_eq!(felt.map(crate::model::Score::points), Some(100.0), "half a health before the first visit was not felt");
}

#[test]
fn what_customers_say_stands_beside_the_score() {
    use crate::model::{Divergence, Signal};
    let mut map = company();
    let web = map.touchpoints.get_mut(&TouchpointId::new("web")).expect("there");
    web.probes.insert(0, Probe { signal: Some(Signal::Voice), ..probe("web", "nps", Weight::Blocking) });
    let mut world = World::new(map);
    let web = |world: &World| world.snapshot().touchpoints[&TouchpointId::new("web")].clone();
    let meet = |world: &mut World, main: f64, nps: f64| {
        for _ in 0..12 {
            world.wait(10);
            for place in ["shop", "ads", "app", "login"] {
                world.read(&format!("{place}/main"), 1.0);
            }
            world.read("web/main", main);
            world.read("web/nps", nps);
        }
    };
    meet(&mut world, 1.0, 1.0);
    assert_eq!((world.score("buy"), web(&world).divergence), (Some(100.0), None));
    meet(&mut world, 1.0, 0.0);
    let now = web(&world);
    assert_eq!(world.score("buy"), Some(100.0), "never in the score");
    assert_eq!((now.health.state, now.health.value), (State::Up, 1.0));
    assert_eq!((now.probes.len(), now.voices.len(), now.voices[0].health.state), (1, 1, State::Down));
    assert_eq!(now.divergence, Some(Divergence::CustomersRed), "probes green, customers red");
    assert!(world.said.iter().all(|change| !matches!(change, Change::IncidentOpened(_))));
    meet(&mut world, 0.0, 1.0);
    assert_eq!((world.score("buy"), web(&world).divergence), (Some(0.0), Some(Divergence::ProbesRed)));
    meet(&mut world, 0.0, 0.0);
    assert_eq!(web(&world).divergence, None, "they agree");
}
