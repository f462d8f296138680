//! Random histories through the board, the notifications and the real store, up to receivers that come and go: whoever
//! hears of a beginning hears of its end, once, and of nothing after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use unbroken::alert::{Failure, Ledger, Quiet, Roster, Settings, Tried, after};
use unbroken::board::Board;
use unbroken::model::{Cause, Change, IncidentId, JourneyMap, NotificationKind, State, Touchpoint, TouchpointId};
use unbroken::store::sqlite::Sqlite;
use unbroken::store::{Decision, Fate, Store};
use uuid::Uuid;

use super::company::{Fare, map, reading, touchpoint};
use super::{Dice, many, only};

const NAMES: [&str; 4] = ["login", "shop", "app", "web"];
const RECEIVERS: [&str; 2] = ["chat", "on-call"];
/// Histories in one store.
const IN_ONE_STORE: usize = 100;

/// What may be different about the configuration.
#[derive(Clone, Debug, Default)]
struct Variant {
    without: Option<usize>,
    /// `web` is called `site`.
    renamed: bool,
}

impl Variant {
    fn touchpoints(&self) -> Vec<Touchpoint> {
        let mut all = vec![
            touchpoint("login", &[]),
            touchpoint("shop", &["login"]),
            touchpoint("app", &[]),
            touchpoint("web", &[]),
        ];
        if self.renamed {
            all[3] = Touchpoint { was: Some("web".into()), ..touchpoint("site", &[]) };
        } else {
            all[3].was = Some("site".into());
        }
        if let Some(without) = self.without {
            let gone = all.remove(without).id;
            all.iter_mut().for_each(|touchpoint| touchpoint.depends_on.retain(|id| *id != gone));
        }
        all
    }

    fn map(&self) -> Arc<JourneyMap> {
        Arc::new(map(self.touchpoints()))
    }
}

/// A letter that arrived.
#[derive(Clone, Debug)]
struct Heard {
    id: String,
    incident: IncidentId,
    kind: NotificationKind,
}

struct Life<'a> {
    store: &'a Sqlite,
    settings: Settings,
    dice: Dice,
    variant: Variant,
    map: Arc<JourneyMap>,
    board: Board,
    ledger: Ledger,
    now: Timestamp,
    ids: u128,
    fares: [Fare; NAMES.len()],
    away: BTreeSet<&'static str>,
    heard: BTreeMap<&'static str, Vec<Heard>>,
    /// Every incident whose opening is on disk.
    opened: BTreeSet<IncidentId>,
}

impl<'a> Life<'a> {
    fn new(store: &'a Sqlite, seed: u64) -> Self {
        let hook = |name: &str| (name.to_owned(), serde_json::json!({ "webhook": { "url": "http://127.0.0.1:9/" } }));
        let receivers: BTreeMap<_, _> = RECEIVERS.into_iter().map(hook).collect();
        let variant = Variant::default();
        let map = variant.map();
        let now: Timestamp = "2026-11-16T08:00:00Z".parse().unwrap();
        Self {
            store,
            settings: serde_json::from_value(serde_json::json!({ "receivers": receivers })).unwrap(),
            dice: Dice::new(seed),
            board: Board::new(Arc::clone(&map), ids(seed, 0), now),
            ledger: Ledger::default(),
            variant,
            map,
            now,
            ids: 0,
            fares: [Fare::Well; NAMES.len()],
            away: BTreeSet::new(),
            heard: BTreeMap::new(),
            opened: BTreeSet::new(),
        }
    }

    /// Makes what changed durable, as the daemon does.
    async fn conclude(&mut self, changes: &[Change]) {
        let mut decision = Decision { memory: self.board.news(), ..Decision::default() };
        let quiet = Quiet::new(&self.map, &[], self.now);
        let roster = Roster {
            words: crate::given::english(),
            settings: &self.settings,
            map: &self.map,
            quiet: &quiet,
            base: None,
        };
        for change in changes {
            decision.outbox.extend(roster.tell(&mut self.ledger, change, self.now));
            match change {
                Change::IncidentOpened(incident) => {
                    self.opened.insert(incident.id);
                    decision.incidents.push(incident.clone());
                }
                Change::IncidentUpdated(incident)
                | Change::IncidentNoted(incident)
                | Change::IncidentClosed(incident) => decision.incidents.push(incident.clone()),
                Change::Renamed { from, to } => decision.renamed.push((from.clone(), to.clone())),
                _ => {}
            }
        }
        self.store.decide(decision).await.unwrap();
    }

    fn round(&mut self) -> Vec<Change> {
        let mut readings = Vec::new();
        for touchpoint in self.map.touchpoints.keys() {
            let name = if touchpoint.as_str() == "site" { "web" } else { touchpoint.as_str() };
            let fare = NAMES.iter().position(|known| *known == name).map_or(Fare::Well, |at| self.fares[at]);
            readings.push(reading(touchpoint, fare, self.now));
        }
        let mut changes = self.board.apply(&readings, self.now);
        for _ in 0..2 {
            self.now += SignedDuration::from_secs(5);
            changes.extend(self.board.tick(self.now));
        }
        changes
    }

    async fn rounds(&mut self, count: u64) {
        for _ in 0..count {
            let changes = self.round();
            self.conclude(&changes).await;
        }
    }

    async fn restart(&mut self, seed: u64) {
        let restored = self.store.restore().await.unwrap();
        self.ids += 1;
        self.ledger = Ledger::new(restored.told);
        let ids = ids(seed, self.ids);
        let (board, changes) =
            Board::restore(Arc::clone(&self.map), ids, restored.memory, restored.incidents, self.now);
        self.board = board;
        self.conclude(&changes).await;
    }

    async fn deed(&mut self, seed: u64) {
        match self.dice.below(20) {
            0..=6 => {
                for at in 0..NAMES.len() {
                    self.fares[at] = match self.dice.below(6) {
                        0 => Fare::Wrong,
                        1 => Fare::Refused(443),
                        2 => Fare::Refused(25),
                        _ => Fare::Well,
                    };
                }
                let count = 1 + self.dice.below(5);
                self.rounds(count).await;
            }
            // It flaps.
            7 => {
                let at = self.dice.below(NAMES.len() as u64) as usize;
                for turn in 0..self.dice.below(14) {
                    self.fares[at] = if turn % 2 == 0 { Fare::Wrong } else { Fare::Well };
                    self.rounds(1).await;
                }
            }
            8 | 9 => {
                let all = self.board.memory();
                self.store.decide(Decision { memory: all, ..Decision::default() }).await.unwrap();
                self.restart(seed).await;
            }
            // Killed before what it concluded was written, and away for a while.
            10 | 11 => {
                drop(self.round());
                self.now += SignedDuration::from_secs(i64::try_from(self.dice.below(600)).unwrap());
                self.restart(seed).await;
            }
            // A configuration that is taken while it runs, or with the next start.
            kind @ 12..=15 => {
                match kind {
                    12 => self.variant.without = Some(self.dice.below(NAMES.len() as u64) as usize),
                    13 => self.variant.without = None,
                    _ => self.variant.renamed = !self.variant.renamed,
                }
                self.map = self.variant.map();
                if self.dice.below(2) == 0 {
                    let changes = self.board.reload(Arc::clone(&self.map), self.now);
                    self.conclude(&changes).await;
                } else {
                    self.restart(seed).await;
                }
            }
            16 => {
                let receiver = RECEIVERS[self.dice.below(RECEIVERS.len() as u64) as usize];
                if !self.away.remove(receiver) {
                    self.away.insert(receiver);
                }
            }
            17 => {
                for _ in 0..self.dice.below(20) {
                    self.now += SignedDuration::from_secs(5);
                    let changes = self.board.tick(self.now);
                    let over = |change: &Change| matches!(change, Change::IncidentClosed(it) if matches!(it.cause, Cause::Touchpoint(_)));
                    assert!(!changes.iter().any(over), "silence resolves nothing");
                    self.conclude(&changes).await;
                }
            }
            _ => self.deliver().await,
        }
        self.check();
    }

    /// What the courier does, with receivers that are away, and kills between sending and writing that down.
    async fn deliver(&mut self) {
        for receiver in RECEIVERS {
            for letter in self.store.letters(receiver, self.now, 100).await.unwrap() {
                if self.away.contains(receiver) {
                    let failure = Failure::Passing { text: "away".into(), retry_after: None };
                    let tried =
                        Tried { attempts: letter.attempts + 1, refusals: letter.refusals, queued: letter.queued };
                    let fate = after(&failure, tried, self.now, 0.5);
                    self.store.settle(letter.number, fate).await.unwrap();
                    continue;
                }
                let said = &letter.notification;
                let heard = Heard { id: said.id.clone(), incident: said.incident.id, kind: said.kind };
                self.heard.entry(receiver).or_default().push(heard);
                if self.dice.below(10) > 0 {
                    self.store.settle(letter.number, Fate::Delivered { at: self.now, receipt: None }).await.unwrap();
                }
            }
        }
    }

    fn check(&self) {
        let snapshot = self.board.snapshot(self.now);
        for (id, touchpoint) in &snapshot.touchpoints {
            let holds = |id: &TouchpointId| {
                let mine = snapshot.incidents.iter().filter(|it| matches!(it.cause, Cause::Touchpoint(_)));
                mine.filter(|incident| incident.touchpoints.contains(id)).count()
            };
            let wanted = if touchpoint.health.state == State::Down { 1..=1 } else { 0..=1 };
            assert!(wanted.contains(&holds(id)), "{id} is {} and in {} incidents", touchpoint.health.state, holds(id));
        }
        assert!(snapshot.incidents.iter().all(|incident| self.opened.contains(&incident.id)), "nothing is unannounced");
    }

    /// Everything mends, and everybody hears of it.
    async fn end(&mut self) {
        self.fares = [Fare::Well; NAMES.len()];
        self.away.clear();
        self.variant = Variant { without: None, ..self.variant.clone() };
        self.map = self.variant.map();
        let changes = self.board.reload(Arc::clone(&self.map), self.now);
        self.conclude(&changes).await;
        for _ in 0..90 {
            self.rounds(1).await;
            if self.board.snapshot(self.now).incidents.is_empty() {
                break;
            }
        }
        assert!(self.store.restore().await.unwrap().incidents.is_empty(), "everything is over");
        for _ in 0..200 {
            self.now += SignedDuration::from_mins(6);
            self.deliver().await;
            if self.store.outbox().await.unwrap().pending == 0 {
                break;
            }
        }
        for receiver in RECEIVERS {
            self.audit(receiver);
        }
        let memory = self.store.restore().await.unwrap().memory;
        let memory = memory.into_iter().map(|(key, _)| (key, None)).collect();
        self.store.decide(Decision { memory, ..Decision::default() }).await.unwrap();
    }

    fn audit(&self, receiver: &str) {
        let mut told: BTreeMap<IncidentId, Vec<NotificationKind>> = BTreeMap::new();
        let mut known = BTreeSet::new();
        for heard in self.heard.get(receiver).into_iter().flatten() {
            if known.insert(&heard.id) {
                told.entry(heard.incident).or_default().push(heard.kind);
            }
        }
        let ids: BTreeSet<_> = told.keys().copied().collect();
        assert_eq!(ids, self.opened, "`{receiver}` heard of every incident");
        for (id, kinds) in told {
            let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
            assert_eq!(count(NotificationKind::Open), 1, "`{receiver}` {id}: {kinds:?}");
            assert_eq!(count(NotificationKind::Resolve), 1, "`{receiver}` {id}: {kinds:?}");
            assert_eq!(
                (kinds.first(), kinds.last()),
                (Some(&NotificationKind::Open), Some(&NotificationKind::Resolve))
            );
        }
    }
}

/// Ids that no other history and no other start of this one makes.
fn ids(seed: u64, start: u128) -> Box<dyn FnMut() -> Uuid + Send> {
    let mut next = (u128::from(seed) + 1) << 64 | start << 32;
    Box::new(move || {
        next += 1;
        Uuid::from_u128(next)
    })
}

async fn live(store: &Sqlite, seed: u64) {
    let mut life = Life::new(store, seed);
    life.rounds(4).await;
    for _ in 0..3 + life.dice.below(15) {
        life.deed(seed).await;
    }
    life.end().await;
}

/// Lives through these seeds, one after the other.
async fn live_through(seeds: impl Iterator<Item = u64>) {
    let memory = std::path::Path::new("/dev/shm");
    let folder = || if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let mut place: Option<(tempfile::TempDir, Sqlite)> = None;
    for (nth, seed) in seeds.enumerate() {
        if nth % IN_ONE_STORE == 0 {
            if let Some((_, old)) = place.take() {
                old.close().await;
            }
            let folder = folder();
            let store = crate::store::open(folder.path()).await;
            place = Some((folder, store));
        }
        let Some((_, store)) = &place else { unreachable!("made just now") };
        let lived = tokio::time::timeout(Duration::from_secs(60), live(store, seed));
        let lived = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(lived)).await;
        assert!(matches!(lived, Ok(Ok(()))), "history {seed} fails: UNBROKEN_SWEEP_SEED={seed} tries it alone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_beginning_has_one_end() {
    let seeds = only().map_or(0..many(100, 100_000), |seed| seed..seed + 1);
    let lanes = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let lanes = (0..lanes).map(|lane| tokio::spawn(live_through(seeds.clone().skip(lane).step_by(lanes))));
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("said above");
    }
}
