//! Random histories: whatever happens, these hold.

#![expect(clippy::float_cmp, reason = "healths of exactly 0 and 1 mean something")]

use proptest::prelude::*;

use super::causes::{Manner, failing};
use super::*;
use crate::model::{Cause, IncidentId};

const NAMES: [&str; 5] = ["login", "shop", "app", "web", "ads"];

#[derive(Clone, Debug)]
enum Deed {
    /// So many rounds, with these touchpoints failing or poor.
    Rounds(usize, Vec<(usize, f64)>),
    /// So many rounds in which these touchpoints fail in these manners.
    Alike(usize, Vec<(usize, u16)>),
    Silence(u64),
    Restart,
    /// Without this touchpoint from now on; all of them again when out of range.
    Reload(usize),
    /// The probe of this touchpoint has another name from now on, or its first one again.
    Rename(usize),
    Blind,
    Sighted,
}

fn deed() -> impl Strategy<Value = Deed> {
    let quality = prop_oneof![3 => Just(0.0), 1 => Just(0.7), 1 => Just(0.5)];
    let bad = prop::collection::vec((0..NAMES.len(), quality), 0..4);
    prop_oneof![
        8 => (1..6_usize, bad).prop_map(|(rounds, bad)| Deed::Rounds(rounds, bad)),
        4 => (1..6_usize, prop::collection::vec((0..NAMES.len(), 0..7_u16), 1..5))
            .prop_map(|(rounds, how)| Deed::Alike(rounds, how)),
        1 => (1..120_u64).prop_map(Deed::Silence),
        2 => Just(Deed::Restart),
        1 => (0..8_usize).prop_map(Deed::Reload),
        2 => (0..NAMES.len()).prop_map(Deed::Rename),
        1 => Just(Deed::Blind),
        2 => Just(Deed::Sighted),
    ]
}

fn without(which: usize) -> JourneyMap {
    let mut map = company();
    if let Some(name) = NAMES.get(which).filter(|name| **name != "web") {
        map.touchpoints.remove(&TouchpointId::new(name));
        for stage in map.journeys.iter_mut().flat_map(|journey| &mut journey.stages) {
            stage.needs.retain(|need| match need {
                Need::One(member) => member.element.touchpoint().as_str() != *name,
                Need::Of { .. } => true,
            });
        }
        map.journeys.retain(|journey| journey.stages.iter().any(|stage| !stage.needs.is_empty()));
    }
    map
}

/// What a store would hold.
#[derive(Default)]
struct Disk {
    memory: BTreeMap<String, String>,
    incidents: BTreeMap<IncidentId, Incident>,
    opened: BTreeMap<IncidentId, u32>,
    closed: BTreeMap<IncidentId, u32>,
}

impl Disk {
    fn write(&mut self, board: &mut Board, changes: &[Change]) {
        for (key, text) in board.memory() {
            match text {
                Some(text) => self.memory.insert(key, text),
                None => self.memory.remove(&key),
            };
        }
        for change in changes {
            match change {
                Change::IncidentOpened(incident) => {
                    *self.opened.entry(incident.id).or_default() += 1;
                    self.incidents.insert(incident.id, incident.clone());
                }
                Change::IncidentUpdated(incident) => {
                    let old = self.incidents.insert(incident.id, incident.clone());
                    assert!(
                        old.is_some_and(|old| old.version < incident.version),
                        "an update of what is open, and newer"
                    );
                }
                Change::IncidentNoted(incident) => {
                    assert!(self.incidents.insert(incident.id, incident.clone()).is_some());
                }
                Change::IncidentClosed(incident) => {
                    *self.closed.entry(incident.id).or_default() += 1;
                    assert!(self.incidents.remove(&incident.id).is_some(), "closes what is open");
                }
                _ => {}
            }
        }
    }

    fn restore(&self, map: JourneyMap, now: Timestamp) -> (Board, Vec<Change>) {
        let memory = self.memory.clone().into_iter().collect();
        let mut next = 1000 * (1 + self.opened.len() as u128);
        let ids: Ids = Box::new(move || {
            next += 1;
            Uuid::from_u128(next)
        });
        Board::restore(Arc::new(map), ids, memory, self.incidents.values().cloned().collect(), now)
    }
}

fn check(world: &World, disk: &Disk) {
    let snapshot = world.snapshot();
    assert!(disk.opened.values().all(|times| *times == 1), "opened once");
    assert!(disk.closed.values().all(|times| *times == 1), "closed once");
    let open: Vec<_> = snapshot.incidents.iter().map(|incident| incident.id).collect();
    let known: std::collections::BTreeSet<_> = disk.incidents.keys().copied().collect();
    assert_eq!(open.iter().copied().collect::<std::collections::BTreeSet<_>>(), known, "what is open was told");
    for (id, touchpoint) in &snapshot.touchpoints {
        let mine = snapshot
            .incidents
            .iter()
            .filter(|incident| matches!(incident.cause, Cause::Touchpoint(_)) && incident.touchpoints.contains(id));
        match touchpoint.health.state {
            State::Down => {
                assert_eq!(mine.count(), 1, "{id} is down and in one incident");
                assert_eq!(touchpoint.health.value, 0.0, "{id} is down");
            }
            _ => assert!(mine.count() <= 1, "{id}"),
        }
    }
    for incident in &snapshot.incidents {
        if let Cause::Touchpoint(root) = &incident.cause {
            assert!(incident.touchpoints.contains(root), "the root is in it");
            assert!(snapshot.touchpoints.contains_key(root), "every incident has a root that is watched");
            let ails = |id: &TouchpointId| world.board.ailment(world.board.net.touchpoint_of[id], world.now).is_some();
            let down = |id: &&TouchpointId| snapshot.state_of(id) == State::Down;
            assert!(ails(root) || !incident.touchpoints.iter().any(|id| down(&id)), "a root ails");
        }
    }
    for journey in &snapshot.journeys {
        assert!((0.0..=1.0).contains(&journey.value));
        assert!(journey.felt <= journey.score, "felt is never better than now");
        assert!(journey.range.0 <= journey.range.1);
        let elements = journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(crate::model::NeedNow::elements);
        let mut sum = 0.0;
        for element in elements {
            assert!(
                journey.value <= 1.0 - element.criticality * (1.0 - element.health.value) + 1e-9,
                "no compensation"
            );
            sum += element.share;
        }
        assert!((sum - 100.0 * (1.0 - journey.value)).abs() < 1e-7, "{sum} {}", journey.value);
    }
}

/// The probe of a touchpoint, as it is called now.
fn called(map: &JourneyMap, touchpoint: &str) -> ProbeId {
    let known = map.touchpoints.get(&TouchpointId::new(touchpoint));
    known.map_or_else(|| ProbeId::new(touchpoint, "main"), |touchpoint| touchpoint.probes[0].id.clone())
}

/// Of what takes the place of something that failed nothing is known, and so nothing is over.
fn rename(world: &mut World, disk: &mut Disk, which: usize, map: &mut JourneyMap) {
    let Some(touchpoint) = map.touchpoints.get_mut(&TouchpointId::new(NAMES[which])) else { return };
    let probe = &mut touchpoint.probes[0];
    probe.id.name = if &*probe.id.name == "main" { "other".into() } else { "main".into() };
    let changes = world.board.reload(Arc::new(map.clone()), world.now);
    let ended = |change: &Change| matches!(change, Change::IncidentClosed(incident) if matches!(incident.cause, Cause::Touchpoint(_)));
    assert!(!changes.iter().any(ended), "a new name ends nothing: {:?}", incidents(&changes));
    disk.write(&mut world.board, &changes);
}

fn round(world: &mut World, bad: &[(usize, f64)], disk: &mut Disk) {
    let mut changes = Vec::new();
    for (n, name) in NAMES.iter().enumerate() {
        let quality = bad.iter().find(|(known, _)| *known == n).map_or(1.0, |(_, quality)| *quality);
        let probe = called(&world.board.map, name).to_string();
        changes.extend(world.read(&probe, quality));
    }
    // Restarts come between rounds only: one writing and few ticks make ten thousand histories affordable.
    changes.extend(world.wait_in(10, 5));
    disk.write(&mut world.board, &changes);
}

/// A round of readings that come in together.
fn round_alike(world: &mut World, how: &[(usize, u16)], disk: &mut Disk) {
    let run = |(n, name): (usize, &&str)| {
        let manner = how.iter().find(|(known, _)| *known == n).map(|(_, manner)| match manner {
            0 => Manner::Answer(443),
            1 | 2 => Manner::Refused(442 + manner),
            3 => Manner::Certificate,
            4 => Manner::NameServer,
            5 => Manner::Abroad,
            _ => Manner::AtHome,
        });
        let probe = called(&world.board.map, name).to_string();
        Arc::new(manner.map_or_else(|| reading(&probe, 1.0, world.now), |manner| failing(&probe, manner, world.now)))
    };
    let readings: Vec<_> = NAMES.iter().enumerate().map(run).collect();
    let mut changes = world.board.apply(&readings, world.now);
    changes.extend(world.wait_in(10, 5));
    disk.write(&mut world.board, &changes);
}

fn perform(world: &mut World, disk: &mut Disk, deed: &Deed, map: &mut JourneyMap) {
    match deed {
        Deed::Rounds(rounds, bad) => (0..*rounds).for_each(|_| round(world, bad, disk)),
        Deed::Alike(rounds, how) => (0..*rounds).for_each(|_| round_alike(world, how, disk)),
        Deed::Silence(seconds) => {
            let scores: Vec<_> =
                world.snapshot().journeys.iter().map(|journey| (journey.value, journey.felt)).collect();
            let changes = world.wait_in(*seconds, 5);
            disk.write(&mut world.board, &changes);
            for (journey, (value, felt)) in world.snapshot().journeys.iter().zip(scores) {
                assert!(journey.value <= value + 1e-9, "silence raised {} from {value}", journey.id);
                assert!(felt.is_none() || journey.felt <= felt, "silence raised what is felt of {}", journey.id);
            }
            let recovered = |change: &Change| matches!(change, Change::IncidentClosed(incident) if matches!(incident.cause, Cause::Touchpoint(_)));
            assert!(!changes.iter().any(recovered), "silence resolves nothing");
        }
        Deed::Restart => {
            let (board, changes) = disk.restore(map.clone(), world.now);
            world.board = board;
            assert_eq!(incidents(&changes), [""; 0], "a restart tells nothing");
            disk.write(&mut world.board, &changes);
        }
        Deed::Reload(which) => {
            *map = without(*which);
            let changes = world.board.reload(Arc::new(map.clone()), world.now);
            disk.write(&mut world.board, &changes);
        }
        Deed::Rename(which) => rename(world, disk, *which, map),
        Deed::Blind => {
            let changes = world.board.trouble(SelfFault::BlindVantage, "no canary answers", world.now);
            disk.write(&mut world.board, &changes);
        }
        Deed::Sighted => {
            let changes = world.board.well(SelfFault::BlindVantage, world.now);
            disk.write(&mut world.board, &changes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn every_history(deeds in prop::collection::vec(deed(), 1..25)) {
        let mut world = World::new(company());
        let mut disk = Disk::default();
        let mut map = company();
        for deed in &deeds {
            perform(&mut world, &mut disk, deed, &mut map);
            check(&world, &disk);
        }
        // Everything mends in the end, and every incident is closed once.
        let changes = world.board.reload(Arc::new(company()), world.now);
        disk.write(&mut world.board, &changes);
        perform(&mut world, &mut disk, &Deed::Sighted, &mut map);
        for _ in 0..90 {
            round(&mut world, &[], &mut disk);
            if disk.incidents.is_empty() {
                break;
            }
        }
        prop_assert_eq!(world.snapshot().incidents, vec![]);
        prop_assert_eq!(disk.opened, disk.closed);
    }

    /// Two places look; one of them falls silent, whatever it saw last.
    #[test]
    fn a_vantage_that_goes_silent_raises_nothing(here in 0.0..=1.0_f64, there in 0.0..=1.0_f64, silent in 1..8_usize) {
        let mut map = map(vec![touchpoint("web", &[])], vec![journey("buy", vec![one("web", Weight::Blocking)])]);
        map.vantages = vec![VantageId::new("here"), VantageId::new("there")];
        let mut world = World::new(map);
        let look = |world: &mut World, vantages: &[(&str, f64)]| {
            for (vantage, quality) in vantages {
                let reading = Reading { vantage: VantageId::new(vantage), ..reading("web", *quality, world.now) };
                world.take(reading);
            }
            world.wait(10);
            let snapshot = world.snapshot();
            (snapshot.journeys[0].value, snapshot.touchpoints[&TouchpointId::new("web")].health.value)
        };
        // Long enough for every detector to have made up its mind.
        let mut before = (0..12).map(|_| look(&mut world, &[("here", here), ("there", there)])).last().expect("some");
        for _ in 0..silent {
            let after = look(&mut world, &[("here", here)]);
            prop_assert!(after.0 <= before.0 + 1e-9 && after.1 <= before.1 + 1e-9, "{before:?} {after:?}");
            before = after;
        }
    }

    #[test]
    fn a_restart_changes_no_future(
        before in prop::collection::vec((1..5_usize, prop::collection::vec((0..NAMES.len(), prop_oneof![Just(0.0), Just(0.7), Just(0.3)]), 0..4)), 1..12),
        after in prop::collection::vec((1..5_usize, prop::collection::vec((0..NAMES.len(), prop_oneof![Just(0.0), Just(0.7), Just(0.3)]), 0..4)), 1..12),
        pause in 0..12_u64,
    ) {
        let mut world = World::new(company());
        let mut disk = Disk::default();
        // Past the first minute, in which nothing is said about ourselves.
        (0..7).for_each(|_| round(&mut world, &[], &mut disk));
        for (rounds, bad) in &before {
            (0..*rounds).for_each(|_| round(&mut world, bad, &mut disk));
        }
        let changes = world.wait(pause);
        disk.write(&mut world.board, &changes);
        let (board, changes) = disk.restore(company(), world.now);
        prop_assert_eq!(changes, vec![]);
        let mut other = World { board, now: world.now, said: Vec::new() };
        let next = disk.opened.len() as u128;
        world.board.ids = counting(next);
        other.board.ids = counting(next);
        world.said.clear();
        for (rounds, bad) in &after {
            for world in [&mut world, &mut other] {
                world.rounds(*rounds, &bad.iter().map(|(n, quality)| (NAMES[*n], *quality)).collect::<Vec<_>>());
            }
        }
        prop_assert_eq!(&world.said, &other.said);
    }
}

fn counting(from: u128) -> Ids {
    let mut next = 5000 + from;
    Box::new(move || {
        next += 1;
        Uuid::from_u128(next)
    })
}
