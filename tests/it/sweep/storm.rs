//! Two thousand incidents in one second.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use unbroken::alert::{Settings, notifications};
use unbroken::board::Board;
use unbroken::model::{Change, Incident};
use unbroken::store::{Decision, Fate, Store};
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

#[tokio::test]
async fn two_thousand_incidents_are_all_told_and_cost_little() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::store::open(folder.path()).await;
    let names: Vec<String> = (0..INCIDENTS).map(|n| format!("t{n:04}")).collect();
    let map = Arc::new(map(names.iter().map(|name| touchpoint(name, &[])).collect()));
    let before = resident();
    let mut now: Timestamp = "2026-11-16T08:00:00Z".parse().unwrap();
    let mut board = Board::new(Arc::clone(&map), Box::new(Uuid::now_v7), now);
    let receiver = serde_json::json!({ "webhook": { "url": "http://127.0.0.1:9/" } });
    let settings: Settings = serde_json::from_value(serde_json::json!({ "receivers": { "hook": receiver } })).unwrap();
    let mut most = before;
    let mut opened: BTreeSet<_> = BTreeSet::new();
    for round in 0..8 {
        let fare = if round < 4 { Fare::Well } else { Fare::Wrong };
        let readings: Vec<_> = map.touchpoints.keys().map(|id| reading(id, fare, now)).collect();
        let changes = board.apply(&readings, now);
        let mut decision = Decision { memory: board.news(), ..Decision::default() };
        for change in &changes {
            decision.outbox.extend(notifications(&settings, &map, change, now, None));
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
    let mut told = BTreeSet::new();
    loop {
        let letters = store.letters("hook", now, 100).await.unwrap();
        if letters.is_empty() {
            break;
        }
        for letter in letters {
            told.insert(letter.notification.incident.id);
            store.settle(letter.number, Fate::Delivered { at: now, receipt: None }).await.unwrap();
        }
        most = most.max(resident());
    }
    assert_eq!(told, opened, "none is lost");
    assert!(most - before < GROWTH_MAX, "{} MiB", (most - before) >> 20);
    store.close().await;
}
