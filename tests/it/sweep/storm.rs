//! Two thousand incidents in one second.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use unbroken::alert::{Ledger, Quiet, Roster, Settings, Teller};
use unbroken::board::Board;
use unbroken::model::{Change, Incident, IncidentId, Storm};
use unbroken::store::sqlite::Sqlite;
use unbroken::store::{Decision, Fate, Holds, Sealing, Store};
use uuid::Uuid;

use super::company::{Fare, map, reading, touchpoint};

const INCIDENTS: usize = 2000;
/// What they may cost beside what a test needs anyway.
const GROWTH_MAX: u64 = 150 << 20;

/// Bytes of memory that this process holds now.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// What this receiver is told of for itself.
async fn letters(store: &Sqlite, receiver: &str, now: Timestamp) -> BTreeSet<IncidentId> {
    let mut told = BTreeSet::new();
    loop {
        let letters = store.letters(receiver, now, 100).await.unwrap();
        if letters.is_empty() {
            return told;
        }
        for letter in letters {
            told.insert(letter.notification.incident.id);
            store.settle(letter.number, Fate::Delivered { at: now, receipt: None }).await.unwrap();
        }
    }
}

#[tokio::test]
async fn two_thousand_incidents_are_all_told_and_cost_little() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::store::open(folder.path()).await;
    let names: Vec<String> = (0..INCIDENTS).map(|n| format!("t{n:04}")).collect();
    let map = Arc::new(map(names.iter().map(|name| touchpoint(name, &[])).collect()));
    let before = resident();
    let mut now: Timestamp = "2026-11-16T08:00:00Z".parse().unwrap();
    let mut board = Board::new(Arc::clone(&map), Box::new(Uuid::now_v7), now);
    let receivers = serde_json::json!({
        "hook": { "webhook": { "url": "http://127.0.0.1:9/" } },
        "phone": { "ntfy": { "topic": "ops", "url": "http://127.0.0.1:9/" } },
    });
    let settings: Settings = serde_json::from_value(serde_json::json!({ "receivers": receivers })).unwrap();
    let (mut most, mut ledger) = (before, Ledger::default());
    let mut opened: BTreeSet<_> = BTreeSet::new();
    for round in 0..8 {
        let fare = if round < 4 { Fare::Well } else { Fare::Wrong };
        let readings: Vec<_> = map.touchpoints.keys().map(|id| reading(id, fare, now)).collect();
        let changes = board.apply(&readings, now);
        let mut decision = Decision { memory: board.news(), together: settings.chats(), ..Decision::default() };
        let quiet = Quiet::new(&map, &[], now);
        let roster =
            Roster { words: crate::given::english(), settings: &settings, map: &map, quiet: &quiet, base: None };
        for change in &changes {
            decision.outbox.extend(roster.tell(&mut ledger, change, now));
            if let Change::IncidentOpened(incident) | Change::IncidentNoted(incident) = change {
                opened.insert(incident.id);
                decision.incidents.push(incident.clone());
            }
        }
        store.decide(decision).await.unwrap();
        most = most.max(resident());
        now += SignedDuration::from_secs(10);
        board.tick(now);
    }
    assert_eq!(opened.len(), INCIDENTS, "every cause of its own is an incident of its own");
    let restored: Vec<Incident> = store.restore().await.unwrap().incidents;
    assert_eq!(restored.len(), INCIDENTS);
    let mut told = letters(&store, "hook", now).await;
    most = most.max(resident());
    assert_eq!(told, opened, "a machine is told of each");
    // People are told of twenty, and of the rest in one message.
    told = letters(&store, "phone", now).await;
    assert_eq!(told.len(), 20);
    now += Storm::GATHERS;
    let bundle = store.bundle("phone", now).await.unwrap().expect("a storm");
    let Holds::Loose { members, last } = bundle.holds else { panic!("nobody was told of it") };
    told.extend(members.iter().map(|member| member.incident.id));
    assert_eq!(told, opened, "none is lost");
    let storm = Teller { map, words: Arc::clone(crate::given::english()), base: None }.tell(&bundle.id, &members, now);
    most = most.max(resident());
    assert!(storm.headline.starts_with("1980 more things are broken: customers of “Buy a phone”"), "{storm:?}");
    assert_eq!(store.seal(bundle.number, last, &storm).await.unwrap(), Sealing::Sealed);
    store.settle(bundle.number, Fate::Delivered { at: now, receipt: None }).await.unwrap();
    assert_eq!(store.outbox().await.unwrap().pending, 0);
    assert!(most - before < GROWTH_MAX, "{} MiB", (most - before) >> 20);
    store.close().await;
}
