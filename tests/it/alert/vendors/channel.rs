//! What a channel shows to whoever reads along, when much breaks and mends at once.

use std::collections::{BTreeMap, BTreeSet};

use unbroken::model::Notification;
use unbroken::model::NotificationKind::{self, Open, Resolve};
use unbroken::store::{Decision, Fate, Store};

use super::chats::SLACK_BOT;
use super::{Mood, Vendor};
use crate::alert::Office;
use crate::given::{at, closed, incident, notification};

/// The messages of the channel as they stand, oldest first, without what stands under them.
fn channel(vendor: &Vendor) -> Vec<String> {
    let mut shown = BTreeMap::new();
    for (heard, number) in vendor.taken().iter().zip(1..) {
        let text = heard.body["text"].as_str().unwrap().to_owned();
        if heard.path == "/api/chat.update" {
            let old = shown.insert(heard.body["ts"].as_str().unwrap().to_owned(), text);
            assert!(old.is_some(), "nothing is written over a message of a thread, or over nothing");
        } else if heard.body["thread_ts"].is_null() {
            shown.insert(format!("1763625600.{number:06}"), text);
        }
    }
    shown.into_values().collect()
}

fn letter(number: u128, kind: NotificationKind, seconds: i64) -> Notification {
    let of = if kind == Resolve { closed(&incident(number), seconds) } else { incident(number) };
    Notification { at: at(seconds), ..notification(&of, kind, "vendor") }
}

/// While the courier sleeps: these are told by somebody else, those wait for him.
async fn meanwhile(folder: &std::path::Path, told: Vec<Notification>, waiting: Vec<Notification>) {
    let store = crate::store::open(folder).await;
    let together = || BTreeSet::from(["vendor".to_owned()]);
    let (outbox, now) = (told, waiting[0].at);
    store.decide(Decision { outbox, together: together(), ..Decision::default() }).await.unwrap();
    for letter in store.letters("vendor", now, 64).await.unwrap() {
        store.settle(letter.number, Fate::Delivered { at: now, receipt: None }).await.unwrap();
    }
    store.decide(Decision { outbox: waiting, together: together(), ..Decision::default() }).await.unwrap();
    assert_eq!(store.letters("vendor", now, 64).await.unwrap(), [], "they are told together");
    store.close().await;
}

#[tokio::test]
async fn a_slack_channel_shows_what_is_over_wherever_the_end_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = Vendor::start(SLACK_BOT, &[]).await;
    let office = Office::open(folder.path(), vendor.settings()).await;
    office.post(vec![letter(1, Open, 0)]).await;
    vendor.has_told(&office, 1).await;
    office.close().await;

    let breaks = |number| letter(number, Open, 0);
    meanwhile(folder.path(), (2..=20).map(breaks).collect(), (21..=23).map(breaks).collect()).await;
    let office = Office::open(folder.path(), vendor.settings()).await;
    office.turn_clock(31);
    vendor.has_told(&office, 1).await;
    office.close().await;
    let [first, storm] = channel(&vendor).try_into().unwrap();
    assert!(first.starts_with("🔴 Bills and payments is down"), "{first}");
    assert!(storm.starts_with("🔴 3 more things are broken"), "{storm}");

    // The end of one that was told by itself, and of two that the storm told of, are told together; the first attempt
    // to put the old messages right fails.
    let mends = |number| letter(number, Resolve, 100);
    let told = (2..=20).map(mends).chain([letter(50, Open, 100)]).collect();
    meanwhile(folder.path(), told, [1, 21, 22].map(mends).to_vec()).await;
    vendor.desk.moods.lock().unwrap().extend([Mood::Well, Mood::Broken]);
    let office = Office::open(folder.path(), vendor.settings()).await;
    office.turn_clock(131);
    vendor.until(|| channel(&vendor)[1].starts_with("🔴 1 more thing is broken and 2 are mended")).await;
    let [first, _, second] = channel(&vendor).try_into().unwrap();
    assert!(first.starts_with("✅ "), "{first}");
    assert!(second.starts_with("✅ 3 things are mended"), "{second}");
    let heard = vendor.heard();
    let rewritten: Vec<_> = heard.iter().filter(|heard| heard.path == "/api/chat.update").collect();
    let key = |place: usize| rewritten[place].header("idempotency-key").to_owned();
    assert_eq!((rewritten.len(), key(0)), (3, key(1)), "it was tried again, under the same key");
    assert_ne!(key(1), key(2));

    // The last of the storm ends by itself: under it, and then it is put right.
    office.turn_clock(400);
    office.post(vec![letter(23, Resolve, 531)]).await;
    vendor.until(|| channel(&vendor).iter().all(|message| message.starts_with("✅ "))).await;
    let taken = vendor.taken();
    let end = &taken[taken.len() - 2];
    assert_eq!((end.path.as_str(), &end.body["thread_ts"]), ("/api/chat.postMessage", &"1763625600.000002".into()));
    assert_eq!(end.body["reply_broadcast"], true);
    assert!(channel(&vendor)[1].starts_with("✅ 3 things are mended"), "{:?}", channel(&vendor));
    vendor.is_content();
    office.close().await;
    // Once right, it is left alone.
    let store = crate::store::open(folder.path()).await;
    assert_eq!(store.stale("vendor").await.unwrap(), None);
    store.close().await;
}
