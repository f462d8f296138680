#![expect(clippy::float_cmp, reason = "healths of exactly 0 and 1 mean something")]

use super::*;
use crate::model::{Close, Impact, Severity};

#[test]
fn a_recorded_history_end_to_end() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.said.clear();
    world.rounds(4, &[("web", 0.0)]);
    world.rounds(3, &[]);
    let expected = [
        "web/main up>down",
        "web up>down",
        "open web page v1",
        "web/main down>up",
        "web down>up",
        "close web page v2 Some(Recovered)",
    ];
    assert_eq!(told(&world.said), expected);
}

#[test]
fn down_opens_in_the_same_call_with_cause_trace_and_loss() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.rounds(2, &[("web", 0.0)]);
    let changes = world.read("web", 0.0);
    let Some(Change::IncidentOpened(incident)) = changes.iter().find(|c| matches!(c, Change::IncidentOpened(_))) else {
        panic!("{changes:?}")
    };
    assert_eq!(incident.severity, Severity::Page);
    assert_eq!(incident.impacts, [Impact { journey: "buy".into(), loss: 100.0 }]);
    assert_eq!(incident.fault.as_ref().map(|fault| fault.code), Some(FaultCode::Status));
    assert_eq!(incident.trace, Some(TraceId(world.now.as_second().unsigned_abs().into())));
    assert_eq!(incident.timeline[0].what, "WEB is down: status is 500, not 200");
    assert!(changes.iter().any(|c| matches!(c, Change::ScoreChanged { to: Some(score), .. } if score.points() == 0.0)));
    let at = world.now + SECOND * 10;
    assert!(changes.iter().any(|c| matches!(c, Change::Recheck { at: when, .. } if *when == at)), "{changes:?}");
    assert_eq!(world.state("web"), State::Down);
}

/// Only the part of the site that buyers see is down; afterwards the incident still says what it took.
#[test]
fn whom_an_incident_hurts_is_true_while_it_lasts_and_afterwards() {
    let mut map = company();
    let web = map.touchpoints.get_mut(&TouchpointId::new("web")).expect("there");
    web.probes.push(probe("web", "help", Weight::Blocking));
    map.journeys[0].stages[0].needs[0] =
        Need::One(Member { element: Element::Probe(ProbeId::new("web", "main")), weight: Weight::Blocking });
    let help = Need::One(Member { element: Element::Probe(ProbeId::new("web", "help")), weight: Weight::Blocking });
    map.journeys.push(journey("help", vec![help]));
    let mut world = World::new(map);
    world.rounds(4, &[]);
    world.rounds(5, &[("web", 0.0)]);
    let hurt = [Impact { journey: "buy".into(), loss: 100.0 }];
    assert_eq!(world.snapshot().incidents[0].impacts, hurt);
    let changes = world.rounds(5, &[]);
    let closed = changes.iter().find_map(|change| match change {
        Change::IncidentClosed(incident) => Some(&incident.impacts[..]),
        _ => None,
    });
    assert_eq!(closed, Some(&hurt[..]));
}

#[test]
fn criticality_below_six_tenths_is_a_ticket() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    assert_eq!(incidents(&world.rounds(5, &[("ads", 0.0)])), ["open ads ticket v1"]);
    assert_eq!(world.score("buy"), Some(70.0));
    assert_eq!(
        incidents(&world.rounds(5, &[("ads", 1.0), ("login", 0.0)])),
        ["close ads ticket v2 Some(Recovered)", "open login page v1"]
    );
}

#[test]
fn what_depends_joins_the_root() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    let changes = world.rounds(3, &[("login", 0.0)]);
    assert_eq!(incidents(&changes), ["open login page v1"]);
    let changes = world.rounds(3, &[("login", 0.0), ("shop", 0.0), ("app", 0.0)]);
    assert_eq!(incidents(&changes), ["update login page v2"], "shop adds the journey buy, app adds nothing");
    let incident = world.snapshot().incidents.remove(0);
    assert_eq!(incident.touchpoints.len(), 3);
    // The root recovers, its children do not: the one that explains the other becomes the root.
    assert_eq!(incidents(&world.rounds(2, &[("shop", 0.0), ("app", 0.0)])), ["update shop page v3"]);
    let lines = incidents(&world.rounds(3, &[]));
    assert_eq!(lines.iter().filter(|line| line.starts_with("close")).count(), 1, "{lines:?}");
    assert!(world.snapshot().incidents.is_empty());
}

#[test]
fn a_root_that_fails_later_takes_over_and_merges() {
    let mut map = company();
    map.touchpoints.insert("chat".into(), touchpoint("chat", &["login"]));
    let mut world = World::new(map);
    world.rounds(4, &[]);
    let changes = world.rounds(3, &[("shop", 0.0), ("chat", 0.0)]);
    assert_eq!(incidents(&changes), ["open chat ticket v1", "open shop page v1"]);
    let changes = world.rounds(3, &[("shop", 0.0), ("chat", 0.0), ("login", 0.0)]);
    assert_eq!(incidents(&changes), ["close shop page v2 Some(Merged)", "update login page v2"]);
    assert_eq!(world.snapshot().incidents.len(), 1);
    assert_eq!(world.snapshot().incidents[0].touchpoints.len(), 3);
    let changes = world.rounds(4, &[]);
    assert_eq!(incidents(&changes).last().map(String::as_str).map(|line| line.contains("close")), Some(true));
    assert!(world.snapshot().incidents.is_empty());
}

#[test]
fn page_after_tells_a_ticket_first() {
    let mut map = company();
    map.touchpoints.get_mut(&TouchpointId::new("web")).expect("there").page_after = SECOND * 60;
    let mut world = World::new(map);
    world.rounds(4, &[]);
    assert_eq!(incidents(&world.rounds(3, &[("web", 0.0)])), ["open web ticket v1"]);
    assert_eq!(incidents(&world.rounds(4, &[("web", 0.0)])), [""; 0]);
    assert_eq!(incidents(&world.rounds(2, &[("web", 0.0)])), ["update web page v2"]);
}

#[test]
fn degraded_for_five_minutes_is_a_ticket() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    let changes = world.rounds(12, &[("web", 0.8)]);
    assert!(told(&changes).contains(&"web up>degraded".into()), "{:?}", told(&changes));
    assert_eq!(incidents(&changes), [""; 0]);
    assert_eq!(incidents(&world.rounds(30, &[("web", 0.8)])), ["open web ticket v1"]);
    assert_eq!(world.score("buy"), Some(80.0));
    let changes = world.rounds(30, &[]);
    assert_eq!(incidents(&changes), ["close web ticket v2 Some(Recovered)"]);
}

#[test]
fn many_small_problems_page_for_the_journey() {
    let touchpoints: Vec<_> = (0..8).map(|n| touchpoint(&format!("t{n}"), &[])).collect();
    let needs = (0..8).map(|n| one(&format!("t{n}"), Weight::Blocking)).collect();
    let mut world = World::new(map(touchpoints, vec![journey("j", needs)]));
    let all: Vec<String> = (0..8).map(|n| format!("t{n}")).collect();
    let bad: Vec<(&str, f64)> = all.iter().map(|id| (id.as_str(), 0.905)).collect();
    world.rounds(4, &[]);
    let changes = world.rounds(20, &bad);
    assert_eq!(incidents(&changes), ["open journey j page v1"], "{:?}", world.score("j"));
    let changes = world.rounds(20, &[]);
    assert_eq!(incidents(&changes), ["close journey j page v2 Some(Recovered)"]);
}

/// One is never seen: a browser that is not there, say. What the others show breaks the journey, whatever that one is.
#[test]
fn what_is_not_seen_silences_no_journey_and_breaks_none() {
    for (count, paged) in [(8, true), (5, false)] {
        let names: Vec<String> = (0..count).map(|n| format!("t{n}")).chain(["x".to_owned()]).collect();
        let touchpoints = names.iter().map(|name| touchpoint(name, &[])).collect();
        let needs = names.iter().map(|name| one(name, Weight::Blocking)).collect();
        let mut world = World::new(map(touchpoints, vec![journey("j", needs)]));
        for round in 0..24 {
            let quality = if round < 4 { 1.0 } else { 0.905 };
            names[..count].iter().for_each(|name| drop(world.read(name, quality)));
            world.wait(10);
        }
        assert!(world.score("j").is_some_and(|score| score < 50.0), "{:?}", world.score("j"));
        let expected = if paged { vec!["open journey j page v1"] } else { vec![] };
        assert_eq!(incidents(&world.said), expected);
    }
}

/// 08:00 to 08:06 and 09:00 to 10:00: five minutes of its patience are over when it closes.
#[test]
fn what_is_closed_keeps_its_patience() {
    let mut map = company();
    let web = map.touchpoints.get_mut(&TouchpointId::new("web")).expect("there");
    web.hours = Some(crate::model::Calendar { spans: vec![(480, 486), (540, 600)], timezone: TimeZone::UTC });
    web.page_after = SECOND * 360;
    let mut world = World::new(map);
    world.rounds(4, &[]);
    let down = [("web", 0.0)];
    assert_eq!(incidents(&world.rounds(30, &down)), ["open web ticket v1"]);
    assert_eq!(incidents(&world.rounds(320, &down)), [""; 0], "it is closed");
    assert_eq!(world.state("web"), State::Closed);
    assert_eq!(incidents(&world.rounds(11, &down)), [""; 0], "at 09:00 a minute is left");
    assert_eq!(world.state("web"), State::Down);
    assert_eq!(incidents(&world.rounds(4, &down)), ["update web page v2"]);
}

#[test]
fn a_degraded_touchpoint_that_breaks_the_journey_is_paged_by_its_own_incident() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    let changes = world.rounds(60, &[("web", 0.5), ("shop", 0.9)]);
    let lines = incidents(&changes);
    assert!(lines.iter().filter(|line| line.starts_with("open")).count() <= 2, "{lines:?}");
    assert!(world.snapshot().incidents.iter().any(|incident| incident.severity == Severity::Page), "{lines:?}");
    assert_eq!(world.snapshot().incidents.len(), 1, "one cause, one incident: {lines:?}");
}

#[test]
fn places_that_disagree_break_the_journey() {
    let mut map = company();
    let source = |probe: &str| Source { probe: ProbeId::new(probe, "main"), value: "price".into() };
    let values = vec![source("web"), source("shop")];
    map.journeys[0].consistency =
        vec![Consistency { name: "The price".into(), values, severity: FindingSeverity::Blocking }];
    let mut world = World::new(map);
    let mut round = |shop: &str| {
        for (probe, price) in [("web", "29.90"), ("shop", shop)] {
            let reading = capturing(probe, "price", price, world.now);
            world.take(reading);
        }
        for probe in ["login", "app", "ads"] {
            world.read(probe, 1.0);
        }
        world.wait(10);
        (world.score("buy"), world.snapshot().journeys[0].consistency[0].state)
    };
    assert_eq!(round("29.9 €"), (Some(100.0), State::Up));
    assert_eq!(round("31"), (Some(100.0), State::Up), "once is a price being changed");
    assert_eq!(round("31"), (Some(0.0), State::Down));
    for _ in 0..8 {
        round("31");
    }
    let snapshot = world.snapshot();
    assert_eq!(snapshot.incidents.len(), 1, "{:?}", snapshot.incidents);
    let fault = snapshot.incidents[0].fault.as_ref().expect("a fault");
    assert_eq!(fault.text, "The price: web/main.price says 29.90, shop/main.price says 31");
    assert_eq!(snapshot.journeys[0].consistency[0].share, 100.0);
    world.wait(120);
    assert_eq!(world.snapshot().journeys[0].consistency[0].state, State::Down, "silence mends nothing");
}

/// Two of three agree: what nobody has read yet is no news about the third.
#[test]
fn values_that_were_never_read_are_pending() {
    let mut map = company();
    let source = |name: &str| Source { probe: ProbeId::new(name, "main"), value: "price".into() };
    let values = vec![source("web"), source("shop"), source("app")];
    map.journeys[0].consistency =
        vec![Consistency { name: "The price".into(), values, severity: FindingSeverity::Major }];
    let mut world = World::new(map);
    let mut round = |app: Option<&str>| {
        for (probe, price) in [("web", Some("29.90")), ("shop", Some("29.90")), ("app", app)] {
            world.take(match price {
                Some(price) => capturing(probe, "price", price, world.now),
                None => reading(probe, 1.0, world.now),
            });
        }
        for probe in ["login", "ads"] {
            world.read(probe, 1.0);
        }
        world.wait(10);
        let buy = world.snapshot().journeys.remove(0);
        (buy.score.map(crate::model::Score::points), buy.consistency[0].state, crate::words::is_pending(&buy))
    };
    assert_eq!(round(None), (Some(75.0), State::Pending, true));
    assert_eq!(round(Some("29.90")), (Some(100.0), State::Up, false));
}

#[test]
fn flapping_holds_one_incident_open() {
    let mut map = company();
    let web = map.touchpoints.get_mut(&TouchpointId::new("web")).expect("there");
    web.probes[0].rule = DetectRule::Consecutive { failures: 1, passes: 1 };
    let mut world = World::new(map);
    world.rounds(4, &[]);
    let mut lines = Vec::new();
    for _ in 0..20 {
        lines.extend(incidents(&world.rounds(1, &[("web", 0.0)])));
        lines.extend(incidents(&world.rounds(1, &[])));
    }
    assert!(lines.len() < 10, "held while it flaps: {lines:?}");
    assert!(world.snapshot().touchpoints[&TouchpointId::new("web")].probes[0].series[0].flapping);
    assert_eq!(world.snapshot().incidents.len(), 1);
    let calm = incidents(&world.rounds(20, &[]));
    assert_eq!(calm.len(), 1, "{calm:?}");
    assert!(calm[0].starts_with("close web"));
}

#[test]
fn one_of_two_vantages_is_a_ticket_and_both_page() {
    let mut map = company();
    map.vantages = vec!["here".into(), "there".into()];
    let mut world = World::new(map);
    let mut round = |here: f64, there: f64| {
        let before = world.said.len();
        for (vantage, quality) in [("here", here), ("there", there)] {
            let reading = Reading { vantage: vantage.into(), ..reading("web", quality, world.now) };
            world.take(reading);
        }
        world.wait(10);
        let lines = incidents(&world.said[before..]);
        lines.into_iter().filter(|line| line.contains("web")).collect::<Vec<_>>()
    };
    (0..4).for_each(|_| drop(round(1.0, 1.0)));
    let partly: Vec<_> = (0..6).flat_map(|_| round(1.0, 0.0)).collect();
    assert_eq!(partly, ["open web ticket v1"]);
    let wholly: Vec<_> = (0..10).flat_map(|_| round(0.0, 0.0)).collect();
    assert_eq!(wholly, ["update web page v2"]);
    let closed: Vec<_> = (0..3).flat_map(|_| round(1.0, 1.0)).collect();
    assert_eq!(closed, ["close web page v3 Some(Recovered)"]);
    assert!(world.said.iter().any(|c| matches!(c, Change::IncidentClosed(i) if i.close == Some(Close::Recovered))));
}
