//! What a report is made of, and how it goes out.

use unbroken::model::{Circular, Loss, LostTo, NotificationKind};
use unbroken::store::{Batch, Decision, Fate, LetterState, Replay, ScorePoint, Sought, Store};

use super::suite::decide;
use crate::given::{at, incident, notification};

const HOUR: i64 = 3600;

fn shop(minutes: f64) -> Loss {
    Loss { to: LostTo::Stage("buy".into(), "shop".into()), minutes }
}

fn prices(minutes: f64) -> Loss {
    Loss { to: LostTo::Check("The price is the same".into()), minutes }
}

/// What one minute lost.
fn minute(number: i64, losses: Vec<Loss>) -> ScorePoint {
    let lost_minutes: f64 = losses.iter().map(|loss| loss.minutes).sum();
    ScorePoint {
        journey: "become-a-customer".into(),
        at: at(number * 60),
        score: Some(100.0 * (1.0 - lost_minutes)),
        felt: Some(100.0 * (1.0 - lost_minutes)),
        observed: 1.0,
        lost_minutes,
        unobserved_minutes: 0.0,
        planned_minutes: 0.0,
        scored_minutes: 1.0,
        losses,
    }
}

pub(crate) async fn losses_add_up_and_follow_a_rename(store: &dyn Store) {
    let journey = "become-a-customer".into();
    let scores = (0..120).map(|n| minute(n, vec![shop(0.5), prices(if n < 30 { 0.25 } else { 0.0 })])).collect();
    store.record(Batch { scores, ..Batch::default() }).await.unwrap();
    let close = |found: &[Loss], expected: &[Loss]| {
        found.len() == expected.len()
            && expected
                .iter()
                .all(|one| found.iter().any(|it| it.to == one.to && (it.minutes - one.minutes).abs() < 1e-9))
    };
    let between = async |from, to| store.losses(&journey, at(from), at(to)).await.unwrap();
    let all = between(0, 2 * HOUR).await;
    assert!(close(&all, &[shop(60.0), prices(7.5)]), "{all:?}");
    let later = between(HOUR, 2 * HOUR).await;
    assert!(close(&later, &[shop(30.0)]), "{later:?}");
    assert_eq!(store.losses(&"pay-my-bill".into(), at(0), at(HOUR)).await.unwrap(), []);

    let renamed = vec![("shop".into(), "till".into())];
    store.decide(Decision { renamed, ..Decision::default() }).await.unwrap();
    let till = Loss { to: LostTo::Stage("buy".into(), "till".into()), minutes: 60.0 };
    let all = between(0, 2 * HOUR).await;
    assert!(close(&all, &[till, prices(7.5)]), "{all:?}");

    store.tidy(at(500 * 24 * HOUR)).await.unwrap();
    assert_eq!(between(0, 2 * HOUR).await, [], "kept as long as hours are");
}

fn circular(id: &str) -> Circular {
    Circular {
        id: id.to_owned(),
        receiver: "cx".to_owned(),
        at: at(0),
        headline: "How it went".to_owned(),
        to: vec!["anna@example.com".to_owned()],
        text: "Well.".to_owned(),
        html: "<p>Well.</p>".to_owned(),
    }
}

pub(crate) async fn a_circular_goes_out_once_and_beside_the_alerts(store: &dyn Store) {
    assert_eq!(store.circulated("week/cx").await.unwrap(), None);
    decide(store, vec![notification(&incident(1), NotificationKind::Open, "cx")]).await;
    store.circulate("week/cx", at(60), vec![circular("a"), circular("b")]).await.unwrap();
    // Somebody was killed before he could note that it was done.
    store.circulate("week/cx", at(90), vec![circular("a")]).await.unwrap();
    assert_eq!(store.circulated("week/cx").await.unwrap(), Some(at(90)));
    let due = store.circulars("cx", at(0), 10).await.unwrap();
    assert_eq!(due.iter().map(|one| &*one.circular.id).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(due[0].circular, circular("a"));
    let letters = store.letters("cx", at(0), 10).await.unwrap();
    assert_eq!(letters.len(), 1, "an alert waits for no report");
    assert_eq!(store.circulars("other", at(0), 10).await.unwrap(), []);
    assert_eq!(store.outbox().await.unwrap().pending, 3);
    store.settle(due[0].number, Fate::Delivered { at: at(1), receipt: None }).await.unwrap();
    store.circulate("week/cx", at(90), vec![circular("a")]).await.unwrap();
    let due = store.circulars("cx", at(0), 10).await.unwrap();
    assert_eq!(due.iter().map(|one| &*one.circular.id).collect::<Vec<_>>(), ["b"]);
    assert_eq!(store.standing("cx", at(0)).await.unwrap(), [], "no alert stands because a report was taken");
}

pub(crate) async fn a_circular_is_put_off_given_up_and_queued_again(store: &dyn Store) {
    store.circulate("week/cx", at(60), vec![circular("a")]).await.unwrap();
    let number = store.circulars("cx", at(0), 10).await.unwrap()[0].number;
    store.begin(&[number]).await.unwrap();
    store.settle(number, Fate::Retry { next: at(100), error: "451".into(), refusals: 0 }).await.unwrap();
    assert_eq!(store.circulars("cx", at(99), 10).await.unwrap(), []);
    assert_eq!(store.circulars("cx", at(100), 10).await.unwrap()[0].attempts, 1);
    store.settle(number, Fate::Dead { at: at(200), error: "550".into() }).await.unwrap();
    let sought = Sought { state: Some(LetterState::Dead), ..Sought::default() };
    let dead = store.sought(&sought, 10).await.unwrap();
    assert_eq!((dead[0].kind.as_str(), dead[0].headline.as_str()), ("report", "How it went"));
    assert_eq!(store.replay("a", at(300)).await.unwrap(), Replay::Queued);
    assert_eq!(store.circulars("cx", at(300), 10).await.unwrap().len(), 1);
}
