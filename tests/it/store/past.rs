//! What a store knows of the past: how a stretch of it went, what hurt in it, what people noted on it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use unbroken::model::{Annotation, AnnotationId, Impact, Incident, Occasion, Subject};
use unbroken::store::{Batch, Decision, Noted, Removed, ScorePoint, Store};

use crate::given::{at, closed, incident};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn annotation(number: u128, of: Subject, from: i64, until: Option<i64>) -> Annotation {
    Annotation {
        id: AnnotationId(uuid::Uuid::from_u128(number)),
        kind: Occasion::Campaign,
        of,
        title: format!("number {number}"),
        text: None,
        from: at(from),
        until: until.map(at),
        by: "Anna".into(),
        noted: at(0),
        removed: None,
    }
}

async fn numbers(store: &dyn Store, noted: Noted, at_most: u32) -> Vec<u128> {
    let found = store.annotations(&noted, at_most).await.unwrap();
    found.iter().map(|one| one.id.0.as_u128()).collect()
}

pub(crate) async fn what_people_note_is_kept_listed_in_pages_and_taken_off(store: &dyn Store) {
    let buy = || Subject::Journey("buy".into());
    let all = [
        annotation(1, buy(), 0, None),
        annotation(2, Subject::Company, 100, Some(500)),
        annotation(3, Subject::Journey("pay".into()), 100, None),
        annotation(4, Subject::Incident(incident(1).id), 200, None),
        annotation(5, buy(), 900, Some(2000)),
    ];
    for one in &all {
        store.keep_annotation(one.clone()).await.unwrap();
    }
    assert_eq!(store.annotation(all[1].id).await.unwrap(), Some(all[1].clone()));
    assert_eq!(store.annotation(AnnotationId(uuid::Uuid::nil())).await.unwrap(), None);
    let of = |subject| Noted { of: Some(subject), ..Noted::default() };
    assert_eq!(numbers(store, Noted::default(), 9).await, [5, 3, 2, 1], "the latest first, without an incident's");
    assert_eq!(numbers(store, of(buy()), 9).await, [5, 2, 1], "what concerns every journey concerns this one");
    assert_eq!(numbers(store, of(Subject::Company), 9).await, [2]);
    assert_eq!(numbers(store, of(Subject::Incident(incident(1).id)), 9).await, [4]);
    let between = |from, to| Noted { from: Some(at(from)), to: Some(at(to)), ..Noted::default() };
    assert_eq!(numbers(store, between(300, 900), 9).await, [2], "what had not ended, and had begun");
    // Pages: two began at one moment, and none of them is lost.
    let first = numbers(store, Noted::default(), 2).await;
    let next = Noted { before: Some(AnnotationId(uuid::Uuid::from_u128(first[1]))), ..Noted::default() };
    assert_eq!((first, numbers(store, next, 2).await), (vec![5, 3], vec![2, 1]));

    let gone = Annotation { removed: Some((at(50), "Li".into())), ..all[1].clone() };
    store.keep_annotation(gone.clone()).await.unwrap();
    assert_eq!(numbers(store, Noted::default(), 9).await, [5, 3, 1]);
    assert_eq!(numbers(store, Noted { removed: Removed::Shown, ..Noted::default() }, 9).await, [5, 3, 2, 1]);
    assert_eq!(store.annotation(gone.id).await.unwrap(), Some(gone), "who and when is kept");
}

fn minute(number: i64) -> ScorePoint {
    let seen = number % 10 != 9;
    ScorePoint {
        journey: "buy".into(),
        at: at(number * MINUTE),
        score: seen.then_some(if number % 2 == 0 { 100.0 } else { 60.0 }),
        felt: seen.then_some(50.0),
        observed: 1.0,
        lost_minutes: if seen && number % 2 == 1 { 0.4 } else { 0.0 },
        unobserved_minutes: if seen { 0.0 } else { 1.0 },
        planned_minutes: 0.0,
        scored_minutes: if seen { 1.0 } else { 0.0 },
        losses: Vec::new(),
    }
}

pub(crate) async fn a_stretch_is_the_same_before_and_after_rolling_up(store: &dyn Store) {
    let scores: Vec<ScorePoint> = (0..4 * 1440).map(minute).collect();
    store.record(Batch { scores, ..Batch::default() }).await.unwrap();
    let journey = "buy".into();
    let of = async |from: i64, to: i64| store.stretch(&journey, at(from), at(to)).await.unwrap();
    let ten = of(0, 10 * MINUTE).await;
    assert_eq!((ten.scored_minutes, ten.score), (9.0, Some((5.0 * 100.0 + 4.0 * 60.0) / 9.0)));
    assert!((ten.lost_minutes - 1.6).abs() < 1e-9 && ten.felt == Some(50.0), "{ten:?}");
    assert_eq!(of(5 * MINUTE, 5 * MINUTE).await.score, None, "nothing is nothing");
    assert_eq!(store.stretch(&"none".into(), at(0), at(HOUR)).await.unwrap().scored_minutes, 0.0);
    let three_days = of(0, 3 * DAY).await;
    assert_eq!(three_days.scored_minutes, 3888.0, "nine of ten minutes");
    for now in [DAY + HOUR, 5 * DAY, 100 * DAY] {
        store.tidy(at(now)).await.unwrap();
        let again = of(0, 3 * DAY).await;
        assert!((again.score.unwrap() - three_days.score.unwrap()).abs() < 1e-6, "at {now}: {again:?}");
        assert!((again.lost_minutes - three_days.lost_minutes).abs() < 1e-6, "at {now}: {again:?}");
        assert_eq!(again.scored_minutes, three_days.scored_minutes, "at {now}");
    }
}

pub(crate) async fn incidents_stand_where_they_hurt(store: &dyn Store) {
    let hurting = |number: u128, opened: i64, journeys: &[(&str, f64)]| Incident {
        opened: at(opened),
        impacts: journeys.iter().map(|(id, loss)| Impact { journey: (*id).into(), loss: *loss }).collect(),
        ..incident(number)
    };
    let (old, long) = (hurting(1, 0, &[("buy", 20.0)]), hurting(2, 10, &[("buy", 5.0), ("pay", 90.0)]));
    let other = hurting(3, 20, &[("pay", 1.0)]);
    let incidents = vec![closed(&old, 100), long.clone(), other];
    store.decide(Decision { incidents, ..Decision::default() }).await.unwrap();
    let found = async |journey: &str, from: i64, to: i64| {
        let found = store.hurts(&journey.into(), at(from), at(to), 9).await.unwrap();
        found.iter().map(|hurt| (hurt.incident.0.as_u128() & 0xff, hurt.loss)).collect::<Vec<_>>()
    };
    assert_eq!(found("buy", 0, 1000).await, [(2, 5.0), (1, 20.0)], "newest first");
    assert_eq!(found("buy", 100, 1000).await, [(2, 5.0)], "what was over by then is not there; what is open is");
    assert_eq!(found("pay", 0, 20).await, [(2, 90.0)], "what had not begun is not there");
    assert_eq!(store.hurts(&"pay".into(), at(0), at(1000), 1).await.unwrap().len(), 1);
    // It grew worse, and is over.
    let worse = Incident { impacts: vec![Impact { journey: "buy".into(), loss: 50.0 }], ..closed(&long, 400) };
    store.decide(Decision { incidents: vec![worse], ..Decision::default() }).await.unwrap();
    assert_eq!(found("buy", 300, 1000).await, [(2, 50.0)]);
    assert_eq!(found("pay", 0, 20).await, [], "and does not hurt any more where it does not");
    assert_eq!(found("buy", 400, 1000).await, []);
}

pub(crate) async fn a_year_is_kept_and_forgotten_in_the_end(store: &dyn Store) {
    let days = async |from: Timestamp, to: Timestamp| {
        let points = store.scores(&"buy".into(), from, to, Duration::from_secs(86_400)).await.unwrap();
        points.iter().filter(|point| point.score.is_some()).count()
    };
    // An hour a day for a year, rolled up as it goes.
    for day in 0..366 {
        let scores = (0..60).map(|number| ScorePoint { at: at(day * DAY + number * MINUTE), ..minute(number) });
        store.record(Batch { scores: scores.collect(), ..Batch::default() }).await.unwrap();
        if day % 30 == 29 || day == 365 {
            store.tidy(at((day + 1) * DAY)).await.unwrap();
        }
    }
    let year = (at(0) - SignedDuration::from_hours(9), at(366 * DAY));
    assert_eq!(days(year.0, year.1).await, 366);
    let one = closed(&incident(1), 60);
    store.decide(Decision { incidents: vec![one.clone()], ..Decision::default() }).await.unwrap();
    store.keep_annotation(annotation(1, Subject::Company, 0, None)).await.unwrap();
    store.tidy(at(400 * DAY)).await.unwrap();
    assert_eq!(store.hurts(&"pay-my-bill".into(), at(0), at(HOUR), 9).await.unwrap().len(), 1);
    store.tidy(at(5 * 366 * DAY + 366 * DAY)).await.unwrap();
    assert_eq!(days(year.0, year.1).await, 0);
    assert_eq!(store.hurts(&"pay-my-bill".into(), at(0), at(HOUR), 9).await.unwrap(), []);
    assert_eq!(store.annotation(AnnotationId(uuid::Uuid::from_u128(1))).await.unwrap(), None);
}
