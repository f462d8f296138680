//! What a reload, and a restart with another configuration, keep and end.

use super::*;

#[test]
fn a_reload_keeps_what_is_unchanged_and_removes_what_is_gone() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.rounds(4, &[("web", 0.0), ("ads", 0.0)]);
    world.read("shop", 0.0);
    let mut smaller = company();
    smaller.touchpoints.remove(&TouchpointId::new("ads"));
    smaller.journeys[0].stages[0].needs.pop();
    let changes = world.board.reload(Arc::new(smaller), world.now);
    assert_eq!(incidents(&changes), ["close ads ticket v2 Some(Removed)"]);
    let shop = &world.snapshot().touchpoints[&TouchpointId::new("shop")].probes[0].series[0];
    assert!(shop.undecided, "suspicion is kept");
    assert_eq!(world.state("web"), State::Down);
    assert!(world.board.memory().iter().any(|(key, text)| key == "series:ads/main@here" && text.is_none()));
    assert_eq!(incidents(&world.rounds(3, &[])), ["close web page v2 Some(Recovered)"]);
}

/// What is down is looked for under another name from now on, by a reload and by a restart.
#[test]
fn a_renamed_probe_keeps_its_incident_until_it_is_seen_to_work() {
    let mut renamed = company();
    renamed.touchpoints.get_mut(&TouchpointId::new("web")).expect("known").probes[0].id = ProbeId::new("web", "front");
    let map = Arc::new(renamed);
    let broken = || {
        let mut world = World::new(company());
        world.rounds(4, &[]);
        world.rounds(4, &[("web", 0.0)]);
        world
    };
    let mut reloaded = broken();
    let changes = reloaded.board.reload(Arc::clone(&map), reloaded.now);
    let mut restarted = broken();
    let memory: Vec<_> = restarted.board.memory().into_iter().filter_map(|(key, text)| Some((key, text?))).collect();
    let open = restarted.snapshot().incidents;
    let (board, at_start) = Board::restore(map, ids(), memory, open, restarted.now);
    restarted.board = board;
    for (mut world, changes) in [(reloaded, changes), (restarted, at_start)] {
        assert_eq!(incidents(&changes), [""; 0]);
        assert!(
            changes.iter().any(|change| matches!(change, Change::IncidentNoted(incident)
            if incident.timeline.last().is_some_and(|last| last.what.starts_with("What failed is no longer watched"))))
        );
        assert_eq!(incidents(&world.wait(20)), [""; 0], "silence ends nothing");
        let first = world.read("web/front", 1.0);
        assert_eq!(incidents(&first), [""; 0], "one pass may be luck");
        let again = first.iter().find_map(|change| match change {
            Change::Recheck { at, .. } => Some(*at),
            _ => None,
        });
        assert_eq!(again, Some(world.now + SECOND * 10), "it is looked at again as what is down");
        world.wait(10);
        assert_eq!(incidents(&world.read("web/front", 1.0)), ["close web page v2 Some(Recovered)"]);
    }
}

#[test]
fn a_renamed_probe_that_fails_goes_on_with_the_incident() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.rounds(4, &[("ads", 0.0)]);
    let mut renamed = company();
    renamed.touchpoints.get_mut(&TouchpointId::new("ads")).expect("known").probes[0].id = ProbeId::new("ads", "spot");
    world.board.reload(Arc::new(renamed), world.now);
    let said = incidents(&world.rounds(12, &[("ads/spot", 0.0)]));
    assert_eq!(said, [""; 0]);
    assert_eq!(world.state("ads"), State::Down);
    assert_eq!(world.snapshot().incidents.len(), 1);
}

#[test]
fn a_renamed_touchpoint_keeps_its_incident() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    world.rounds(4, &[("web", 0.0)]);
    let mut renamed = company();
    renamed.touchpoints.remove(&TouchpointId::new("web"));
    let site = Touchpoint { was: Some("web".into()), ..touchpoint("site", &[]) };
    renamed.touchpoints.insert("site".into(), site);
    renamed.journeys[0].stages[0].needs[0] = one("site", Weight::Blocking);
    let changes = world.board.reload(Arc::new(renamed), world.now);
    assert_eq!(incidents(&changes), [""; 0]);
    assert_eq!(world.state("site"), State::Down);
    assert_eq!(incidents(&world.rounds(3, &[])), ["close site page v2 Some(Recovered)"]);
}

/// The same while the daemon was away: states, incidents and what is on disk follow the new name.
#[test]
fn a_restart_under_another_name_keeps_the_incident() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    let said = world.rounds(4, &[("web", 0.0)]);
    let open = said.iter().rev().find_map(|change| match change {
        Change::IncidentOpened(incident) | Change::IncidentNoted(incident) => Some(incident.clone()),
        _ => None,
    });
    let memory: Vec<_> = world.board.memory().into_iter().filter_map(|(key, text)| Some((key, text?))).collect();
    let mut renamed = company();
    renamed.touchpoints.remove(&TouchpointId::new("web"));
    let site = Touchpoint { was: Some("web".into()), ..touchpoint("site", &[]) };
    renamed.touchpoints.insert("site".into(), site);
    renamed.journeys[0].stages[0].needs[0] = one("site", Weight::Blocking);
    let map = Arc::new(renamed);
    let incidents_now = open.into_iter().collect();
    let (board, changes) = Board::restore(Arc::clone(&map), ids(), memory, incidents_now, world.now);
    assert_eq!(told(&changes), ["renamed web>site"]);
    world.board = board;
    assert_eq!(world.state("site"), State::Down);
    let written: BTreeMap<String, Option<String>> = world.board.memory().into_iter().collect();
    assert_eq!(written.get("series:web/main@here"), Some(&None), "the old name is forgotten");
    assert!(written.get("series:site/main@here").is_some_and(Option::is_some), "and all of it written anew");
    // With the next start there is nothing left to rename.
    let memory = written.into_iter().filter_map(|(key, text)| Some((key, text?))).collect();
    let (_, changes) = Board::restore(map, ids(), memory, world.snapshot().incidents, world.now);
    assert_eq!(told(&changes), [""; 0]);
    assert_eq!(incidents(&world.rounds(3, &[])), ["close site page v2 Some(Recovered)"]);
}
