//! What a store keeps for people: who was told what, who has it, what is silenced.

use jiff::Timestamp;
use unbroken::model::{Incident, Notification, NotificationKind, Scope, Silence, SilenceId};
use unbroken::store::{Store, Told};

use super::suite::{decide, kinds_due};
use crate::given::{at, closed, incident, notification, version};

pub(crate) async fn what_was_told_is_known_after_a_restart(store: &dyn Store) {
    let (one, two) = (incident(1), incident(2));
    let says = |of: &Incident, kind, receiver: &str, seconds| Notification {
        at: at(seconds),
        ..notification(of, kind, receiver)
    };
    decide(store, vec![says(&one, NotificationKind::Open, "hook", 0), says(&two, NotificationKind::Open, "hook", 0)])
        .await;
    decide(store, vec![says(&version(&one, 2), NotificationKind::Update, "hook", 10)]).await;
    // Held back from the version on that it was said of: it tells nothing of that version.
    decide(store, vec![says(&version(&one, 3), NotificationKind::Acknowledge, "hook", 20)]).await;
    decide(store, vec![says(&version(&one, 3), NotificationKind::Escalate, "mail", 30)]).await;
    decide(store, vec![notification(&closed(&two, 60), NotificationKind::Resolve, "hook")]).await;
    let told = |receiver: &str, version, first, last, acknowledged, escalated| Told {
        incident: one.id,
        receiver: receiver.into(),
        version,
        first: at(first),
        last: at(last),
        acknowledged,
        escalated,
    };
    let mut found = store.restore().await.unwrap().told;
    found.sort_by(|left, right| left.receiver.cmp(&right.receiver));
    let hook = told("hook", 2, 0, 10, Some(at(20)), None);
    assert_eq!(found, [hook, told("mail", 3, 30, 30, None, Some(at(30)))]);
}

pub(crate) async fn that_somebody_has_it_replaces_no_update(store: &dyn Store) {
    let one = incident(1);
    decide(store, vec![notification(&one, NotificationKind::Acknowledge, "hook")]).await;
    assert_eq!(kinds_due(store, "hook", at(1)).await, [], "who never heard of it need not hear who has it");
    decide(store, vec![notification(&one, NotificationKind::Open, "hook")]).await;
    let sequence = [
        (2, NotificationKind::Remind),
        (2, NotificationKind::Update),
        (3, NotificationKind::Acknowledge),
        (4, NotificationKind::Acknowledge),
    ];
    for (number, kind) in sequence {
        decide(store, vec![notification(&version(&one, number), kind, "hook")]).await;
    }
    let states = async || -> Vec<String> {
        let all = store.deliveries(one.id).await.unwrap();
        all.iter().filter(|one| one.state == "pending").map(|one| one.kind.clone()).collect()
    };
    assert_eq!(states().await, ["open", "update", "acknowledge"]);
    decide(store, vec![notification(&closed(&version(&one, 4), 60), NotificationKind::Resolve, "hook")]).await;
    assert_eq!(states().await, ["open", "resolve"]);
}

pub(crate) async fn nobody_is_called_for_help_with_what_is_over(store: &dyn Store) {
    let one = incident(1);
    decide(store, vec![notification(&one, NotificationKind::Open, "chat")]).await;
    let calls = ["chat", "mail"].map(|receiver| notification(&version(&one, 2), NotificationKind::Escalate, receiver));
    decide(store, calls.to_vec()).await;
    let over = closed(&version(&one, 2), 60);
    decide(store, ["chat", "mail"].map(|receiver| notification(&over, NotificationKind::Resolve, receiver)).to_vec())
        .await;
    let gets = async |receiver: &str| -> Vec<String> {
        let all = store.deliveries(one.id).await.unwrap().into_iter();
        all.filter(|one| one.receiver == receiver && one.state == "pending").map(|one| one.kind).collect()
    };
    assert_eq!(gets("chat").await, ["open", "resolve"]);
    assert_eq!(gets("mail").await, ["escalate", "resolve"], "it is all that this one hears of the beginning");
}

pub(crate) async fn silences_are_kept_and_end(store: &dyn Store) {
    let silence = |number: u128, of, until| Silence {
        id: SilenceId(uuid::Uuid::from_u128(number)),
        of,
        from: at(0),
        until: at(until),
        by: "Anna".into(),
        why: "we are moving".into(),
        ended: None,
    };
    let one = silence(1, Scope::Touchpoint("shop".into()), 100);
    let two = silence(2, Scope::Incident(incident(1).id), 200);
    store.keep_silence(one.clone()).await.unwrap();
    store.keep_silence(two.clone()).await.unwrap();
    assert_eq!(store.silences(at(50), 9).await.unwrap(), [two.clone(), one.clone()]);
    assert_eq!(store.silences(at(100), 9).await.unwrap(), std::slice::from_ref(&two));
    assert_eq!(store.silence(one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(store.silence(SilenceId(uuid::Uuid::nil())).await.unwrap(), None);
    let ended = Silence { ended: Some((at(60), "Li".into())), ..two };
    store.keep_silence(ended.clone()).await.unwrap();
    assert_eq!(store.silences(at(60), 9).await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(store.silences(Timestamp::MIN, 9).await.unwrap(), [one, ended]);
}
