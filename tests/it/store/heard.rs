//! What a receiver has heard, and what it has not.

use unbroken::model::{Notification, NotificationKind};
use unbroken::store::{Discard, Fate, Store};

use super::suite::{decide, drain, kinds_due};
use crate::given::{at, closed, incident, notification};

pub(crate) async fn no_alarm_stands_whose_end_did_not_get_through(store: &dyn Store) {
    let standing = async || -> Vec<_> {
        store.standing("am", at(0)).await.unwrap().into_iter().map(|n| (n.incident.id, n.kind.as_str())).collect()
    };
    for number in 1..=3 {
        decide(store, vec![notification(&incident(number), NotificationKind::Open, "am")]).await;
    }
    drain(store, "am").await;
    assert_eq!(standing().await.len(), 3);
    let end = |number| notification(&closed(&incident(number), 50), NotificationKind::Resolve, "am");
    decide(store, vec![end(1), end(2)]).await;
    assert_eq!(standing().await, [(incident(3).id, "open")], "the ends are on their way");
    let due = kinds_due(store, "am", at(60)).await;
    let retry = Fate::Retry { next: at(90), error: "503".into(), refusals: 0 };
    store.settle(due[0].0, retry).await.unwrap();
    store.settle(due[1].0, Fate::Dead { at: at(61), error: "answered 404".into() }).await.unwrap();
    assert_eq!(standing().await, [(incident(3).id, "open")], "put off or given up");
    assert_eq!(store.discard(&end(2).id, "moved", at(62)).await.unwrap(), Discard::Dropped);
    assert_eq!(standing().await, [(incident(3).id, "open")], "dropped");
    drain(store, "am").await;
    assert_eq!(standing().await, [(incident(3).id, "open"), (incident(1).id, "resolve")]);
}

pub(crate) async fn what_is_owed_counts_from_what_was_taken_last(store: &dyn Store) {
    let owed = async || store.owed("hook").await.unwrap();
    let write = async |number, seconds| {
        let letter = notification(&incident(number), NotificationKind::Open, "hook");
        decide(store, vec![Notification { at: at(seconds), ..letter }]).await;
    };
    assert_eq!(owed().await, None);
    write(1, 10).await;
    write(2, 20).await;
    assert_eq!(owed().await, Some(at(10)));
    let due = kinds_due(store, "hook", at(20)).await;
    store.settle(due[1].0, Fate::Delivered { at: at(30), receipt: None }).await.unwrap();
    assert_eq!(owed().await, Some(at(30)), "one letter that it does not take is not silence");
    store.settle(due[0].0, Fate::Dead { at: at(40), error: "answered 404".into() }).await.unwrap();
    assert_eq!(owed().await, Some(at(40)), "what was given up was not taken");
    assert_eq!(store.owed("mail").await.unwrap(), None, "nobody else's");
    write(3, 50).await;
    store
        .settle(kinds_due(store, "hook", at(50)).await[0].0, Fate::Delivered { at: at(60), receipt: None })
        .await
        .unwrap();
    assert_eq!(owed().await, None, "it hears again");
}
