//! What is broken while the map changes around it.

use super::*;
use crate::model::{Persona, PersonaId};

/// Rounds of 10 s in which the site is looked at like this.
fn look(
    world: &mut World,
    rounds: usize,
    probe: &str,
    persona: Option<&str>,
    vantage: &str,
    quality: f64,
) -> Vec<Change> {
    let mut all = Vec::new();
    for _ in 0..rounds {
        let reading = reading(probe, quality, world.now);
        all.extend(world.take(Reading { persona: persona.map(PersonaId::new), vantage: vantage.into(), ..reading }));
        all.extend(world.wait(10));
    }
    all
}

/// The site alone, done as these personas and from there.
fn site(probe: &str, personas: &[&str], vantage: &str) -> JourneyMap {
    let mut web = touchpoint("web", &[]);
    web.probes[0].id = ProbeId::new("web", probe);
    web.probes[0].personas = personas.iter().map(|id| PersonaId::new(id)).collect();
    let mut map = map(vec![web], vec![journey("buy", vec![one("web", Weight::Blocking)])]);
    map.vantages = vec![vantage.into()];
    for id in personas.iter().map(|id| PersonaId::new(id)) {
        map.personas.insert(id.clone(), Persona { id: id.clone(), name: id.to_string(), fields: BTreeMap::new() });
    }
    map
}

/// Down as Anna from here.
fn broken() -> World {
    let mut world = World::new(site("main", &["anna"], "here"));
    look(&mut world, 4, "web/main", Some("anna"), "here", 1.0);
    let lines = incidents(&look(&mut world, 4, "web/main", Some("anna"), "here", 0.0));
    assert_eq!(lines, ["open web page v1"]);
    world
}

/// The same site by another name, as somebody else, from somewhere else.
const OTHERWISE: [(&str, Option<&str>, &str); 3] =
    [("home", Some("anna"), "here"), ("main", Some("max"), "here"), ("main", Some("anna"), "office")];

fn otherwise((probe, persona, vantage): (&str, Option<&str>, &str)) -> (String, JourneyMap) {
    (format!("web/{probe}"), site(probe, persona.as_slice(), vantage))
}

#[test]
fn what_is_looked_at_otherwise_and_still_broken_stays_one_incident() {
    for way in OTHERWISE {
        let (probe, map) = otherwise(way);
        let mut world = broken();
        let mut changes = world.board.reload(Arc::new(map.clone()), world.now);
        changes.extend(world.wait(40));
        // Another reload while nobody has looked yet.
        changes.extend(world.board.reload(Arc::new(map), world.now));
        changes.extend(look(&mut world, 6, &probe, way.1, way.2, 0.0));
        assert_eq!(incidents(&changes), [""; 0], "{way:?}");
        assert_eq!((world.state("web"), world.snapshot().incidents.len()), (State::Down, 1), "{way:?}");
        let end = incidents(&look(&mut world, 4, &probe, way.1, way.2, 1.0));
        assert_eq!(end, ["close web page v2 Some(Recovered)"], "{way:?}");
    }
}

#[test]
fn what_is_looked_at_otherwise_and_seen_to_work_is_over() {
    for way in OTHERWISE {
        let (probe, map) = otherwise(way);
        let mut world = broken();
        world.board.reload(Arc::new(map), world.now);
        let end = incidents(&look(&mut world, 1, &probe, way.1, way.2, 1.0));
        assert_eq!(end, ["close web page v2 Some(Recovered)"], "{way:?}");
    }
}

#[test]
fn a_start_with_another_map_ends_nothing_that_is_still_broken() {
    for way in OTHERWISE {
        let (probe, map) = otherwise(way);
        let mut world = broken();
        let memory = world.board.memory().into_iter().filter_map(|(key, text)| Some((key, text?))).collect();
        let open = world.snapshot().incidents;
        let (board, mut changes) = Board::restore(Arc::new(map), ids(), memory, open, world.now);
        world.board = board;
        changes.extend(look(&mut world, 6, &probe, way.1, way.2, 0.0));
        assert_eq!(incidents(&changes), [""; 0], "{way:?}");
        assert_eq!(world.snapshot().incidents.len(), 1, "{way:?}");
    }
}

/// The probe that failed is gone, and what is left works: nobody waits for anything.
#[test]
fn what_is_not_looked_at_any_more_is_over_at_once() {
    let mut both = site("main", &[], "here");
    both.touchpoints.get_mut(&TouchpointId::new("web")).expect("there").probes.push(probe(
        "web",
        "help",
        Weight::Blocking,
    ));
    let mut world = World::new(both);
    for quality in [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0] {
        world.read("web/help", 1.0);
        look(&mut world, 1, "web/main", None, "here", quality);
    }
    assert_eq!(incidents(&world.said), ["open web page v1"]);
    let changes = world.board.reload(Arc::new(site("help", &[], "here")), world.now);
    assert_eq!(incidents(&changes), ["close web page v2 Some(Removed)"]);
}
