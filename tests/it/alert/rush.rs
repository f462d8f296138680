//! Many letters at once: storms, and receivers that want to be told slowly.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use unbroken::alert::{About, News, Settings};
use unbroken::model::NotificationKind::{Open, Resolve};
use unbroken::model::{Incident, Notification, NotificationKind};
use unbroken::store::{Decision, Store};

use super::Office;
use super::deaf::{Answer, Deaf};
use crate::given::{closed, incident, notification};

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn settings(receivers: serde_json::Value) -> Settings {
    serde_json::from_value(json!({ "receivers": receivers })).unwrap()
}

fn letter(office: &Office, incident: &Incident, kind: NotificationKind, receiver: &str) -> Notification {
    Notification { at: office.now(), ..notification(incident, kind, receiver) }
}

#[tokio::test]
async fn a_rush_is_twenty_messages_and_one_which_is_the_same_at_every_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut answers = vec![Answer::Status(200, ""); 20];
    answers.extend([Answer::Status(503, ""), Answer::Drop]);
    let (phone, hook) = (Deaf::start(&answers).await, Deaf::start(&[]).await);
    let receivers = json!({
        "phone": { "ntfy": { "topic": "ops", "url": format!("http://{}", phone.address) } },
        "hook": { "webhook": { "url": format!("http://{}/", hook.address) } },
    });
    let office = Office::open(folder.path(), settings(receivers.clone())).await;
    let all: Vec<_> = (1..=40).map(incident).collect();
    let both = |one| [letter(&office, one, Open, "phone"), letter(&office, one, Open, "hook")];
    office.post(all.iter().flat_map(both).collect()).await;
    until("a machine is told of each", || hook.heard().len() == 40).await;
    until("people are told of twenty", || phone.heard().len() == 20).await;
    office.turn_clock(29);
    // One that is over before it was told is told as over.
    office.post(vec![letter(&office, &closed(&all[39], 29), Resolve, "phone")]).await;
    office.turn_clock(2);
    office.fails(1).await;
    // Nothing that happens now changes what it said, not even a restart.
    office.post(vec![letter(&office, &closed(&all[38], 31), Resolve, "phone")]).await;
    office.close().await;
    let office = Office::open(folder.path(), settings(receivers)).await;
    office.turn_clock(45);
    office.fails(1).await;
    office.turn_clock(20);
    office.delivers("phone", "storm").await;
    office.delivers("phone", "resolve").await;
    let heard = phone.heard();
    let storm = &heard[20..23];
    assert!(storm.iter().all(|one| one.body == storm[0].body), "{storm:#?}");
    let keys: Vec<_> = storm.iter().map(|one| one.header("idempotency-key")).collect();
    assert!(!keys[0].is_empty() && keys.iter().all(|key| *key == keys[0]));
    let title = "19 more things are broken and 1 is mended: customers of “Pay my bill” are hurt";
    assert_eq!((&storm[0].body["title"], &storm[0].body["priority"]), (&title.into(), &5.into()));
    assert_eq!(storm[0].body["click"], "https://unbroken.example.com/");
    assert_eq!(heard.len(), 24);
    assert!(heard[23].body["tags"].to_string().contains("white_check_mark"), "its end comes after it");
    office.close().await;
}

#[tokio::test]
async fn who_wants_to_be_told_slowly_is_and_delays_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (chat, hook) = (Deaf::start(&[]).await, Deaf::start(&[]).await);
    let office = Office::open(
        folder.path(),
        settings(json!({
            "a-chat": { "slack": { "webhook": ["env K", format!("http://{}/services/x", chat.address)] } },
            "hook": { "webhook": { "url": format!("http://{}/", hook.address) } },
        })),
    )
    .await;
    let began = Instant::now();
    let both = |one| [letter(&office, &one, Open, "a-chat"), letter(&office, &one, Open, "hook")];
    office.post((1..=8).map(incident).flat_map(both).collect()).await;
    until("the other one has its own", || hook.heard().len() == 8).await;
    assert!(chat.heard().len() < 8 || began.elapsed() > Duration::from_secs(3));
    // What waits can still be replaced by what is newer; nothing is dropped.
    until("all are told", || chat.heard().len() == 8).await;
    // Five at once, then one a second.
    assert!(began.elapsed() >= Duration::from_millis(2900), "{:?}", began.elapsed());
    until("and written down", || office.heard() == 16).await;
    assert_eq!(office.store.outbox().await.unwrap().pending, 0);
    office.close().await;
}

#[tokio::test]
async fn a_receiver_that_became_a_machine_is_told_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let (phone, hook) = (Deaf::start(&[]).await, Deaf::start(&[]).await);
    let ntfy = json!({ "ops": { "ntfy": { "topic": "ops", "url": format!("http://{}", phone.address) } } });
    let office = Office::open(folder.path(), settings(ntfy)).await;
    office.post((1..=22).map(|one| letter(&office, &incident(one), Open, "ops")).collect()).await;
    until("people are told of twenty", || office.heard() == 20).await;
    office.close().await;
    let webhook = json!({ "ops": { "webhook": { "url": format!("http://{}/", hook.address) } } });
    let office = Office::open(folder.path(), settings(webhook)).await;
    office.turn_clock(31);
    until("a machine is told of each", || hook.heard().len() == 2).await;
    office.close().await;
}

#[tokio::test]
async fn a_storm_for_a_receiver_that_is_gone_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::store::open(folder.path()).await;
    let outbox = (1..=22).map(|one| notification(&incident(one), Open, "gone")).collect();
    let together = BTreeSet::from(["gone".to_owned()]);
    store.decide(Decision { outbox, together, ..Decision::default() }).await.unwrap();
    store.close().await;
    let office = Office::open(folder.path(), settings(json!({}))).await;
    for number in 1..=22 {
        let id = incident(number).id;
        office.hears(|news| matches!(news, News::Dead { about, .. } if *about == About::Incident(id))).await;
    }
    office.close().await;
}
