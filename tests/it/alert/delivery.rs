//! Receivers that fail.

use std::time::Duration;

use unbroken::alert::{About, Failure, News, Tried, after};
use unbroken::model::NotificationKind::{Open, Resolve};
use unbroken::store::{Decision, Fate, Sought, Store};

use super::deaf::{Answer, Deaf};
use super::{Office, hooks};
use crate::given::{at, closed, incident, notification};

const HOUR: i64 = 3600;

#[tokio::test]
async fn an_error_is_tried_again_under_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = Deaf::start(&[Answer::Status(500, ""), Answer::Drop]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    let letter = notification(&incident(1), Open, "hook");
    office.post(vec![letter.clone()]).await;
    for failures in 1..=2 {
        office.fails(failures).await;
        office.turn_clock(10);
    }
    office.delivers("hook", "open").await;
    let heard = deaf.heard();
    assert_eq!(heard.iter().map(|h| h.header("unbroken-attempt")).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert!(heard.iter().all(|h| h.header("webhook-id") == letter.id && h.body == heard[0].body));
    let News::Failed { error, .. } = office.hears(|news| matches!(news, News::Failed { .. })).await else { panic!() };
    assert_eq!(error, "answered 500 Internal Server Error: so\\u{1b}!", "an outsider's words are made harmless");
    office.close().await;
}

#[tokio::test]
async fn open_and_resolve_both_arrive_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, ok) = (Answer::Status(503, ""), Answer::Status(200, ""));
    let deaf = Deaf::start(&[bad, ok, bad, bad, ok]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    let one = incident(1);
    office.post(vec![notification(&one, Open, "hook")]).await;
    office.fails(1).await;
    // It recovers while the receiver is away.
    office.post(vec![notification(&closed(&one, 60), Resolve, "hook")]).await;
    for failures in 2..=3 {
        office.turn_clock(10);
        office.fails(failures).await;
    }
    office.turn_clock(10);
    office.delivers("hook", "resolve").await;
    let types = ["incident.open", "incident.open", "incident.resolve", "incident.resolve", "incident.resolve"];
    assert_eq!(deaf.types(), types);
    office.close().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (hangs, works) = (Deaf::start(&[Answer::Hang; 50]).await, Deaf::start(&[]).await);
    let office = Office::open(folder.path(), hooks(&[("a-hangs", hangs.address), ("works", works.address)])).await;
    for number in 0..10 {
        let one = incident(number);
        office.post(vec![notification(&one, Open, "a-hangs"), notification(&one, Open, "works")]).await;
    }
    let all = async {
        while works.heard().len() < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), all).await.expect("the other one gets its own at once");
    tokio::time::timeout(Duration::from_secs(5), office.close()).await.expect("what hangs does not keep us");
}

#[tokio::test]
async fn an_hour_of_errors_loses_nothing_and_turns_nothing_round() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = Deaf::start(&[Answer::Status(500, ""); 14]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    let one = incident(1);
    office.post(vec![notification(&one, Open, "hook")]).await;
    for failures in 1..=14 {
        office.fails(failures).await;
        if failures == 7 {
            office.post(vec![notification(&closed(&one, 2000), Resolve, "hook")]).await;
        }
        office.turn_clock(300);
    }
    office.delivers("hook", "resolve").await;
    let mut ids: Vec<_> = deaf.heard().iter().map(|heard| heard.header("webhook-id").to_owned()).collect();
    assert_eq!((ids.len(), deaf.types().pop().as_deref()), (16, Some("incident.resolve")));
    ids.dedup();
    let (open, end) = (notification(&one, Open, "hook").id, notification(&closed(&one, 2000), Resolve, "hook").id);
    assert_eq!(ids, [open, end], "whoever has seen an id may forget the message");
    office.close().await;
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = Deaf::start(&[Answer::Status(429, "retry-after: 120\r\n")]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    office.post(vec![notification(&incident(1), Open, "hook")]).await;
    office.fails(1).await;
    assert_eq!(office.store.letters("hook", at(119), 9).await.unwrap(), []);
    assert_eq!(office.store.letters("hook", at(120), 9).await.unwrap().len(), 1);
    office.turn_clock(121);
    office.delivers("hook", "open").await;
    office.close().await;
}

#[tokio::test]
async fn an_answer_without_end_is_read_no_further_than_it_is_of_use() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = Deaf::start(&[Answer::Endless]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    office.post(vec![notification(&incident(1), Open, "hook")]).await;
    office.delivers("hook", "open").await;
    // What the sockets hold between us, and not the gigabyte.
    assert!(deaf.poured() < 64 << 20, "{} bytes", deaf.poured());
    office.close().await;
}

#[tokio::test]
async fn who_says_no_for_long_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = Deaf::start(&[Answer::Status(404, ""); 8]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    office.post(vec![notification(&incident(1), Open, "hook")]).await;
    for failures in 1..8 {
        office.fails(failures).await;
        office.turn_clock(600);
    }
    let dead = office.hears(|news| matches!(news, News::Dead { .. })).await;
    let News::Dead { receiver, about, error } = dead else { panic!() };
    assert_eq!((receiver.as_str(), about), ("hook", About::Incident(incident(1).id)));
    assert!(error.starts_with("answered 404"), "{error}");
    assert_eq!(office.store.outbox().await.unwrap().dead, 1);
    let id = office.store.sought(&Sought::default(), 1).await.unwrap().remove(0).id;
    office.store.replay(&id, office.now()).await.unwrap();
    office.turn_clock(1);
    office.delivers("hook", "open").await;
    office.close().await;
}

/// An ingress that starts: away for minutes, and then for a moment it knows of no such page.
#[tokio::test]
async fn a_gateway_that_says_no_while_it_starts_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let away = Answer::Status(503, "");
    let deaf = Deaf::start(&[away, away, away, away, away, away, away, Answer::Status(404, "")]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    office.post(vec![notification(&incident(1), Open, "hook")]).await;
    for failures in 1..=8 {
        office.fails(failures).await;
        assert_eq!(office.store.outbox().await.unwrap().dead, 0, "after {failures} attempts");
        office.turn_clock(300);
    }
    office.delivers("hook", "open").await;
    assert_eq!(deaf.heard().len(), 9);
    office.close().await;
}

#[tokio::test]
async fn refusals_are_counted_in_a_row_over_a_restart_and_anew_after_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let no = [Answer::Status(404, ""); 7];
    let answers = [&no[..], &[Answer::Status(503, "")], &no, &[Answer::Status(403, "")], &no].concat();
    let deaf = Deaf::start(&answers).await;
    let settings = || hooks(&[("hook", deaf.address)]);
    let office = Office::open(folder.path(), settings()).await;
    office.post(vec![notification(&incident(1), Open, "hook")]).await;
    // Seven, an outage, and four more: no row of eight.
    office.fails(1).await;
    for failures in 2..=12 {
        office.turn_clock(600);
        office.fails(failures).await;
    }
    // The thirteenth is not due, so it is not made while this courier stops.
    let now = office.now();
    office.close().await;
    let office = Office::open(folder.path(), settings()).await;
    office.turn_clock(now.duration_since(office.now()).as_secs());
    for failures in 1..=3 {
        office.turn_clock(600);
        office.fails(failures).await;
    }
    office.turn_clock(600);
    let News::Dead { error, .. } = office.hears(|news| matches!(news, News::Dead { .. })).await else { panic!() };
    assert!(error.starts_with("answered 403"), "the eighth in a row: {error}");
    let id = notification(&incident(1), Open, "hook").id;
    office.store.replay(&id, office.now()).await.unwrap();
    for failures in 4..=10 {
        office.turn_clock(600);
        office.fails(failures).await;
    }
    office.turn_clock(600);
    office.delivers("hook", "open").await;
    office.close().await;
}

#[tokio::test]
async fn an_alarm_of_which_the_end_did_not_get_through_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::store::open(folder.path()).await;
    let decide = async |outbox| store.decide(Decision { outbox, ..Decision::default() }).await.unwrap();
    let settle = async |fates: &[Fate]| {
        for (letter, fate) in store.letters("am", at(60), 9).await.unwrap().iter().zip(fates) {
            store.settle(letter.number, fate.clone()).await.unwrap();
        }
    };
    let all = [1, 2, 3, 4].map(incident);
    decide(all.iter().map(|one| notification(one, Open, "am")).collect()).await;
    settle(&[(); 4].map(|()| Fate::Delivered { at: at(1), receipt: None })).await;
    // All but the fourth are over. Of the first the receiver has yet to hear it, of the others it never will.
    decide(all[..3].iter().map(|one| notification(&closed(one, 60), Resolve, "am")).collect()).await;
    let error = || "answered 404".to_owned();
    let later = Fate::Retry { next: at(600), error: error(), refusals: 1 };
    settle(&[later, Fate::Dead { at: at(60), error: error() }]).await;
    let id = notification(&closed(&all[2], 60), Resolve, "am").id;
    store.discard(&id, "nobody cares", at(60)).await.unwrap();
    store.close().await;

    let deaf = Deaf::start(&[]).await;
    let url = format!("http://{}", deaf.address);
    let settings = serde_json::json!({ "receivers": { "am": { "alertmanager": { "url": url } } } });
    let office = Office::open(folder.path(), serde_json::from_value(settings).unwrap()).await;
    let said = async |times: usize| {
        let wait = async {
            while deaf.heard().len() < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it is said");
        let alerts = deaf.heard()[times - 1].body.as_array().unwrap().clone();
        alerts.iter().map(|alert| alert["labels"]["incident"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said(1).await, [all[3].id.to_string()], "what is so is said again at the start, and nothing else");
    office.turn_clock(600);
    assert_eq!(said(2).await, [all[0].id.to_string()]);
    assert_eq!(deaf.heard()[1].body[0]["endsAt"], "2026-11-20T08:01:00.000Z", "its end, and no beginning before it");
    office.close().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), Deaf::start(&[]).await);
    let location: &'static str = format!("location: http://{}/hook\r\n", elsewhere.address).leak();
    let deaf = Deaf::start(&[Answer::Status(302, location), Answer::Status(307, location)]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    office.post(vec![notification(&incident(1), Open, "hook")]).await;
    for failures in 1..=2 {
        office.fails(failures).await;
        office.turn_clock(600);
    }
    office.delivers("hook", "open").await;
    assert_eq!((deaf.heard().len(), elsewhere.heard().len()), (3, 0), "what is signed for one is shown to no other");
    let News::Failed { error, .. } = office.hears(|news| matches!(news, News::Failed { .. })).await else { panic!() };
    assert!(error.starts_with("answered 302"), "{error}");
    office.close().await;
}

#[tokio::test]
async fn of_what_an_outsider_says_two_hundred_characters_are_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = Deaf::start(&[Answer::Says(500, "\u{202e}\0ü\n"), Answer::Says(500, "ü")]).await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    office.post(vec![notification(&incident(1), Open, "hook")]).await;
    let mut echoes = Vec::new();
    for failures in 1..=2 {
        office.fails(failures).await;
        let shown = office.store.sought(&Sought::default(), 1).await.unwrap().remove(0).error.unwrap();
        echoes.push(shown.strip_prefix("answered 500 Internal Server Error: ").unwrap().to_owned());
        office.turn_clock(10);
    }
    assert_eq!(echoes[0].chars().count(), 200, "{}", echoes[0]);
    assert!(
        echoes[0].starts_with("\\u{202e}\\0ü\\n\\u{202e}")
            && echoes[0].chars().all(|c| c == 'ü' || c.is_ascii_graphic())
    );
    assert_eq!(echoes[1], "ü".repeat(200), "characters, not bytes");
    office.close().await;
}

#[tokio::test]
async fn letters_to_a_receiver_that_is_gone_are_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = Deaf::start(&[]).await;
    let store = crate::store::open(folder.path()).await;
    let outbox = vec![notification(&incident(1), Open, "gone")];
    store.decide(Decision { outbox, ..Decision::default() }).await.unwrap();
    store.close().await;
    let office = Office::open(folder.path(), hooks(&[("hook", deaf.address)])).await;
    let News::Dead { error, .. } = office.hears(|news| matches!(news, News::Dead { .. })).await else { panic!() };
    assert_eq!(error, "the receiver `gone` is no longer configured");
    office.close().await;
}

#[tokio::test]
async fn the_heartbeat_is_fetched() {
    let deaf = Deaf::start(&[Answer::Status(200, ""), Answer::Status(503, "")]).await;
    let url = unbroken::alert::Address::parse(&format!("http://{}/ping/token", deaf.address)).unwrap();
    let heartbeat = unbroken::alert::Heartbeat { url, every: unbroken::units::Period::from_secs(60) };
    unbroken::alert::beat(&heartbeat).await.unwrap();
    assert!(deaf.heard()[0].head.starts_with("GET /ping/token "));
    assert_eq!(unbroken::alert::beat(&heartbeat).await.unwrap_err(), "answered 503 Service Unavailable");
    let address = deaf.address;
    drop(deaf);
    let error = unbroken::alert::beat(&heartbeat).await.unwrap_err();
    assert!(!error.contains("token") && !error.contains(&address.to_string()), "{error}");
}

#[test]
fn patience_grows_and_ends() {
    let tried = |failures: u32| Tried { attempts: failures + 1, refusals: 0, queued: at(0) };
    let passing = |retry_after| Failure::Passing { text: "no".into(), retry_after };
    let pause = |failure: &Failure, attempts, chance| match after(failure, tried(attempts), at(0), chance) {
        Fate::Retry { next, .. } => next.duration_since(at(0)).as_millis(),
        fate => panic!("{fate:?}"),
    };
    let pauses: Vec<_> = (0..10).map(|attempts| pause(&passing(None), attempts, 1.0)).collect();
    assert_eq!(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000]);
    assert_eq!(pause(&passing(None), 2, 0.0), 2000, "at least half of it");
    assert_eq!(pause(&passing(None), 4_000_000, 1.0), 300_000);
    assert_eq!(pause(&passing(Some(Duration::from_hours(999))), 0, 1.0), 3_600_000, "an hour at most");
    let refused = Failure::Refused { text: "no".into() };
    assert_eq!(pause(&refused, 0, 1.0), 30_000);
    assert_eq!(pause(&refused, 100, 1.0), 30_000, "however long it was away before");
    let row = |refusals| after(&refused, Tried { refusals, ..tried(100) }, at(0), 1.0);
    let next = |seconds, refusals| Fate::Retry { next: at(seconds), error: "no".into(), refusals };
    assert_eq!([row(1), row(6)], [next(60, 2), next(300, 7)]);
    assert_eq!(row(7), Fate::Dead { at: at(0), error: "no".into() });
    let passing_after = after(&passing(None), Tried { refusals: 7, ..tried(0) }, at(0), 1.0);
    assert_eq!(passing_after, next(1, 0), "whoever is away says nothing");
    let last = after(&passing(None), tried(900), at(72 * HOUR), 1.0);
    assert_eq!(last, Fate::Dead { at: at(72 * HOUR), error: "no".into() });
}
