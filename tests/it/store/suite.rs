//! What a store promises, whatever it is made of.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use unbroken::model::{
    FaultCode, NotificationKind, ProbeId, Quality, Reading, Sample, SelfFault, Severity, Verdict, Why,
};
use unbroken::store::{
    Batch, Decision, Digest, Discard, Fate, IncidentFilter, LetterState, OutboxDepth, Push, Replay, ScorePoint, Sought,
    Store,
};

use crate::given::{at, closed, failed, incident, notification, reading, version};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

pub(super) async fn decide(store: &dyn Store, outbox: Vec<unbroken::model::Notification>) {
    let incidents = outbox.iter().map(|notification| notification.incident.clone()).collect();
    store.decide(Decision { incidents, outbox, ..Decision::default() }).await.unwrap();
}

pub(super) async fn kinds_due(store: &dyn Store, receiver: &str, now: Timestamp) -> Vec<(i64, &'static str, u32)> {
    let letters = store.letters(receiver, now, 100).await.unwrap();
    letters.iter().map(|l| (l.number, l.notification.kind.as_str(), l.notification.incident.version)).collect()
}

/// Delivers everything that becomes due and tells what that was.
pub(super) async fn drain(store: &dyn Store, receiver: &str) -> Vec<(&'static str, u32)> {
    let mut got = Vec::new();
    loop {
        let due = kinds_due(store, receiver, at(DAY)).await;
        if due.is_empty() {
            return got;
        }
        for (number, kind, version) in due {
            store.settle(number, Fate::Delivered { at: at(60), receipt: None }).await.unwrap();
            got.push((kind, version));
        }
    }
}

pub(crate) async fn a_decision_comes_back(store: &dyn Store) {
    let (open, over) = (incident(1), closed(&incident(2), 300));
    let decision = Decision {
        incidents: vec![open.clone(), over.clone()],
        outbox: vec![notification(&open, NotificationKind::Open, "hook")],
        memory: vec![("detector/a".into(), Some("1".into())), ("detector/b".into(), Some("2".into()))],
        ..Decision::default()
    };
    store.decide(decision).await.unwrap();
    let memory = vec![("detector/b".into(), None), ("detector/a".into(), Some("3".into()))];
    store.decide(Decision { memory, ..Decision::default() }).await.unwrap();

    let restored = store.restore().await.unwrap();
    assert_eq!(restored.memory, [("detector/a".to_owned(), "3".to_owned())]);
    assert_eq!(restored.incidents, std::slice::from_ref(&open));
    assert_eq!(store.incident(over.id).await.unwrap(), Some(over.clone()));
    assert_eq!(store.incident(incident(9).id).await.unwrap(), None);
    let list = |filter| async move { store.incidents(filter, None, 10).await.unwrap() };
    assert_eq!(list(IncidentFilter::Closed).await, [over]);
    assert_eq!(list(IncidentFilter::Open).await, [open]);
    assert_eq!(list(IncidentFilter::All).await.len(), 2);
    assert_eq!(store.incidents(IncidentFilter::All, Some(at(0)), 10).await.unwrap(), []);
    let outbox = store.outbox().await.unwrap();
    assert_eq!(outbox, OutboxDepth { pending: 1, dead: 0, oldest: Some(at(0)) });
}

pub(crate) async fn letters_leave_in_order_one_an_incident(store: &dyn Store) {
    let (one, two) = (incident(1), incident(2));
    decide(store, vec![notification(&one, NotificationKind::Open, "hook")]).await;
    decide(store, vec![notification(&two, NotificationKind::Open, "hook")]).await;
    decide(store, vec![notification(&two, NotificationKind::Open, "mail")]).await;
    decide(store, vec![notification(&closed(&one, 60), NotificationKind::Resolve, "hook")]).await;

    assert_eq!(store.addressees().await.unwrap().len(), 2);
    let due = kinds_due(store, "hook", at(0)).await;
    assert_eq!(due.iter().map(|(_, kind, _)| *kind).collect::<Vec<_>>(), ["open", "open"], "the end waits its turn");
    assert!(due[0].0 < due[1].0);
    // The first is put off: what follows it of the same incident waits, the other incident does not.
    store.settle(due[0].0, Fate::Retry { next: at(100), error: "503".into(), refusals: 0 }).await.unwrap();
    store.settle(due[1].0, Fate::Delivered { at: at(1), receipt: None }).await.unwrap();
    assert_eq!(kinds_due(store, "hook", at(99)).await, []);
    assert_eq!(drain(store, "hook").await, [("open", 1), ("resolve", 2)]);
    assert_eq!(store.addressees().await.unwrap(), ["mail"]);
}

pub(crate) async fn a_known_letter_stays_as_it_is(store: &dyn Store) {
    let letter = notification(&incident(1), NotificationKind::Open, "hook");
    decide(store, vec![letter.clone()]).await;
    assert_eq!(drain(store, "hook").await, [("open", 1)]);
    decide(store, vec![letter]).await;
    assert_eq!(drain(store, "hook").await, [], "a restart repeats nothing");
    assert_eq!(store.deliveries(incident(1).id).await.unwrap().len(), 1);
}

pub(crate) async fn a_newer_version_supersedes_unsent_ones(store: &dyn Store) {
    let one = incident(1);
    decide(store, vec![notification(&one, NotificationKind::Open, "hook")]).await;
    for number in 2..5 {
        decide(store, vec![notification(&version(&one, number), NotificationKind::Update, "hook")]).await;
    }
    let states = |deliveries: Vec<unbroken::store::Delivery>| {
        deliveries.into_iter().map(|d| format!("{} {} {}", d.kind, d.version, d.state)).collect::<Vec<_>>()
    };
    assert_eq!(
        states(store.deliveries(one.id).await.unwrap()),
        ["open 1 pending", "update 2 superseded", "update 3 superseded", "update 4 pending"]
    );
    decide(store, vec![notification(&closed(&version(&one, 4), 60), NotificationKind::Resolve, "hook")]).await;
    assert_eq!(drain(store, "hook").await, [("open", 1), ("resolve", 5)], "the opening, the latest, the end");
}

pub(crate) async fn the_end_is_told_to_those_who_heard_of_the_beginning(store: &dyn Store) {
    let one = incident(1);
    decide(store, vec![notification(&one, NotificationKind::Open, "hook")]).await;
    let over = closed(&one, 60);
    let ends = ["hook", "mail"].map(|receiver| notification(&over, NotificationKind::Resolve, receiver));
    decide(store, ends.to_vec()).await;
    assert_eq!(drain(store, "mail").await, []);
    assert_eq!(drain(store, "hook").await, [("open", 1), ("resolve", 2)]);
    // A straggler after the end is no alarm any more.
    decide(store, vec![notification(&version(&one, 7), NotificationKind::Update, "hook")]).await;
    assert_eq!(drain(store, "hook").await, []);
}

pub(crate) async fn labels_are_those_of_the_opening(store: &dyn Store) {
    let mut one = incident(1);
    one.severity = Severity::Ticket;
    let opening = notification(&one, NotificationKind::Open, "hook");
    decide(store, vec![opening.clone()]).await;
    drain(store, "hook").await;
    one.severity = Severity::Page;
    decide(store, vec![notification(&version(&one, 2), NotificationKind::Update, "hook")]).await;
    let letter = store.letters("hook", at(0), 1).await.unwrap().remove(0);
    assert_eq!(letter.notification.incident.severity, Severity::Page);
    assert_eq!(letter.notification.labels, opening.labels);
}

pub(crate) async fn a_letter_is_put_off_given_up_and_queued_again(store: &dyn Store) {
    let letter = notification(&incident(1), NotificationKind::Open, "hook");
    decide(store, vec![letter.clone()]).await;
    let number = store.letters("hook", at(0), 9).await.unwrap()[0].number;
    store.begin(&[number]).await.unwrap();
    store.settle(number, Fate::Retry { next: at(2), error: "answered 503".into(), refusals: 0 }).await.unwrap();
    assert_eq!(store.letters("hook", at(1), 9).await.unwrap(), []);
    assert_eq!(store.letters("hook", at(2), 9).await.unwrap()[0].attempts, 1);
    let shown = store.sought(&Sought::default(), 9).await.unwrap().remove(0);
    assert_eq!(shown.next_attempt, Some(at(2)));
    // Somebody may be killed here: what was begun counts.
    store.begin(&[number]).await.unwrap();
    assert_eq!(store.letters("hook", at(2), 9).await.unwrap()[0].attempts, 2);
    store.settle(number, Fate::Dead { at: at(3), error: "answered 404".into() }).await.unwrap();
    store.begin(&[number]).await.unwrap();
    assert_eq!(store.letters("hook", at(DAY), 9).await.unwrap(), []);
    let dead = store.sought(&Sought::default(), 9).await.unwrap().remove(0);
    assert_eq!((dead.state.as_str(), dead.attempts, dead.error.as_deref()), ("dead", 2, Some("answered 404")));
    assert_eq!(dead.next_attempt, None);
    assert_eq!(store.outbox().await.unwrap().dead, 1);

    assert_eq!(store.replay("nothing", at(9)).await.unwrap(), Replay::Unknown);
    assert_eq!(store.replay(&letter.id, at(9)).await.unwrap(), Replay::Queued);
    let again = store.letters("hook", at(9), 9).await.unwrap().remove(0);
    let id = again.notification.id.clone();
    assert_eq!((again.attempts, again.queued, again.notification), (0, at(9), letter));
    store.settle(number, Fate::Delivered { at: at(10), receipt: None }).await.unwrap();
    assert_eq!(store.sought(&Sought { state: Some(LetterState::Dead), ..Sought::default() }, 9).await.unwrap(), []);
    assert_eq!(store.replay(&id, at(11)).await.unwrap(), Replay::Settled, "it is not sent twice");
}

pub(crate) async fn a_dead_alarm_is_not_sent_after_the_end(store: &dyn Store) {
    let one = incident(1);
    let opening = notification(&one, NotificationKind::Open, "hook");
    decide(store, vec![opening.clone()]).await;
    let number = store.letters("hook", at(0), 9).await.unwrap()[0].number;
    store.settle(number, Fate::Dead { at: at(3), error: "answered 404".into() }).await.unwrap();
    decide(store, vec![notification(&closed(&one, 60), NotificationKind::Resolve, "hook")]).await;
    assert_eq!(drain(store, "hook").await, [("resolve", 2)]);
    assert_eq!(store.replay(&opening.id, at(90)).await.unwrap(), Replay::Overtaken);
}

pub(crate) async fn an_alarm_is_queued_again_with_its_end_and_never_after_it(store: &dyn Store) {
    let one = incident(1);
    let opening = notification(&one, NotificationKind::Open, "hook");
    let end = notification(&closed(&one, 60), NotificationKind::Resolve, "hook");
    decide(store, vec![opening.clone()]).await;
    decide(store, vec![end.clone()]).await;
    for _ in 0..2 {
        let number = store.letters("hook", at(99), 9).await.unwrap()[0].number;
        store.settle(number, Fate::Dead { at: at(99), error: "answered 404".into() }).await.unwrap();
    }
    assert_eq!(store.replay(&opening.id, at(100)).await.unwrap(), Replay::Queued);
    assert_eq!(store.replay(&end.id, at(100)).await.unwrap(), Replay::Queued, "it was all the time");
    let number = kinds_due(store, "hook", at(100)).await[0].0;
    store.settle(number, Fate::Dead { at: at(101), error: "answered 404".into() }).await.unwrap();
    // The end is on its way when the alarm is queued again.
    let under_way = kinds_due(store, "hook", at(101)).await[0];
    assert_eq!(under_way.1, "resolve");
    assert_eq!(store.replay(&opening.id, at(102)).await.unwrap(), Replay::Queued);
    store.settle(under_way.0, Fate::Delivered { at: at(103), receipt: None }).await.unwrap();
    assert_eq!(kinds_due(store, "hook", at(200)).await, [], "no alarm after the end");
    assert_eq!(store.outbox().await.unwrap(), OutboxDepth::default());
}

pub(crate) async fn a_dropped_letter_is_gone_and_says_why(store: &dyn Store) {
    let letters = [1, 2, 3].map(|number| notification(&incident(number), NotificationKind::Open, "hook"));
    decide(store, letters.to_vec()).await;
    let due = kinds_due(store, "hook", at(0)).await;
    store.settle(due[0].0, Fate::Dead { at: at(1), error: "answered 404".into() }).await.unwrap();
    store.settle(due[1].0, Fate::Delivered { at: at(1), receipt: None }).await.unwrap();
    assert_eq!(store.deaf().await.unwrap(), ["hook"]);
    for (letter, expected) in letters.iter().zip([Discard::Dropped, Discard::Settled, Discard::Dropped]) {
        assert_eq!(store.discard(&letter.id, "lost phone", at(2)).await.unwrap(), expected);
    }
    assert_eq!(store.discard("nothing", "x", at(2)).await.unwrap(), Discard::Unknown);
    assert_eq!(store.discard(&letters[0].id, "again", at(3)).await.unwrap(), Discard::Dropped);
    assert_eq!((store.outbox().await.unwrap(), store.deaf().await.unwrap()), (OutboxDepth::default(), vec![]));
    let sought = Sought { state: Some(LetterState::Dropped), ..Sought::default() };
    let dropped = store.sought(&sought, 9).await.unwrap();
    assert_eq!(dropped.iter().map(|one| &one.id).collect::<Vec<_>>(), [&letters[2].id, &letters[0].id], "newest first");
    assert!(dropped.iter().all(|one| one.why.as_deref() == Some("lost phone") && one.settled == Some(at(2))));
    assert_eq!(dropped[1].error.as_deref(), Some("answered 404"), "what the receiver said stays");
    let seek = async |sought: Sought| store.sought(&sought, 9).await.unwrap().len();
    assert_eq!(seek(Sought { before: Some(letters[1].id.clone()), ..Sought::default() }).await, 1);
    assert_eq!(seek(Sought { id: Some(letters[1].id[..20].into()), ..Sought::default() }).await, 1);
    assert_eq!(seek(Sought { receiver: Some("mail".into()), ..Sought::default() }).await, 0);
    assert_eq!(store.replay(&letters[0].id, at(4)).await.unwrap(), Replay::Settled);
}

pub(crate) async fn what_a_receiver_believes(store: &dyn Store) {
    let (one, two) = (incident(1), incident(2));
    decide(store, vec![notification(&one, NotificationKind::Open, "am")]).await;
    decide(store, vec![notification(&two, NotificationKind::Open, "am")]).await;
    let believed = |since| async move {
        let standing = store.standing("am", at(since)).await.unwrap();
        standing.into_iter().map(|n| (n.incident.id, n.kind.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(believed(0).await, [], "nothing was delivered yet");
    drain(store, "am").await;
    assert_eq!(believed(0).await, [(one.id, "open"), (two.id, "open")]);
    decide(store, vec![notification(&closed(&one, 50), NotificationKind::Resolve, "am")]).await;
    drain(store, "am").await;
    assert_eq!(believed(60).await, [(two.id, "open"), (one.id, "resolve")]);
    assert_eq!(believed(61).await, [(two.id, "open")]);
}

pub(crate) async fn readings_come_newest_first(store: &dyn Store) {
    let probe = ProbeId::new("billing", "read");
    let ms = Duration::from_millis;
    let inconclusive = Verdict::Inconclusive { why: SelfFault::NoRoute, text: "no route".into() };
    let readings = vec![
        reading(&probe, 0, Verdict::Good, ms(120)),
        reading(&probe, 30, failed(FaultCode::Status), ms(80)),
        reading(&probe, 60, Verdict::Slow, ms(2500)),
        reading(&probe, 90, inconclusive, ms(1)),
        reading(&probe, 120, Verdict::Skipped(Why::StillRunning), Duration::ZERO),
    ];
    store.record(Batch { readings: readings.clone(), ..Batch::default() }).await.unwrap();
    for round in ["as they came", "sorted"] {
        let all = store.readings(&probe, None, 10).await.unwrap();
        let whole: Vec<Reading> = readings.iter().rev().skip(1).map(|reading| (**reading).clone()).collect();
        assert_eq!(all[1..], whole[..], "{round}");
        assert_eq!(all[0].outcome.verdict, Verdict::Skipped(Why::StillRunning));
        let page = store.readings(&probe, Some(at(60)), 1).await.unwrap();
        assert_eq!(page, [(*readings[1]).clone()]);
        assert_eq!(store.readings(&ProbeId::new("billing", "other"), None, 10).await.unwrap(), []);
        store.tidy(at(150)).await.unwrap();
    }
    // A long failure: every run is known, the details of some.
    let more = (0..60).map(|n| reading(&probe, 1000 + n, failed(FaultCode::Reset), ms(5))).collect();
    store.record(Batch { readings: more, ..Batch::default() }).await.unwrap();
    let all = store.readings(&probe, None, 60).await.unwrap();
    assert!(all.iter().all(|reading| reading.outcome.verdict.fault().unwrap().code == FaultCode::Reset));
    assert!(all.windows(2).all(|pair| pair[0].scheduled > pair[1].scheduled));
    let whole = all.iter().filter(|reading| !reading.outcome.steps.is_empty()).count();
    assert!((5..20).contains(&whole), "{whole}");
}

pub(crate) async fn a_run_is_kept_once(store: &dyn Store) {
    let probe = ProbeId::new("billing", "read");
    let run = reading(&probe, 0, failed(FaultCode::Timeout), Duration::from_secs(10));
    for _ in 0..3 {
        store.record(Batch { readings: vec![run.clone(), run.clone()], ..Batch::default() }).await.unwrap();
        store.tidy(at(1)).await.unwrap();
    }
    store.record(Batch { readings: vec![run.clone()], ..Batch::default() }).await.unwrap();
    assert_eq!(store.readings(&probe, None, 10).await.unwrap(), [(*run).clone()]);
    assert_eq!(store.digest(&probe, at(-HOUR), at(HOUR)).await.unwrap().runs, 1);
}

pub(crate) async fn a_run_speaks_for_other_touchpoints_too(store: &dyn Store) {
    let order = ProbeId::new("shop", "order");
    let credited = ProbeId::credited(&"email".into(), &order);
    let mut run = (*reading(&order, 0, failed(FaultCode::Silence), Duration::from_secs(2))).clone();
    run.outcome.steps[0].on = Some("email".into());
    let fault = run.outcome.verdict.fault().cloned();
    run.outcome.samples = vec![
        Sample { probe: order.clone(), quality: Quality::PERFECT, fault: None },
        Sample { probe: credited.clone(), quality: Quality::NONE, fault },
    ];
    store.record(Batch { readings: vec![run.into()], ..Batch::default() }).await.unwrap();
    let digest = store.digest(&credited, at(-1), at(1)).await.unwrap();
    assert_eq!((digest.runs, digest.failed, digest.availability), (1, 1, Some(0.0)));
    let there = store.readings(&credited, None, 5).await.unwrap().remove(0);
    assert_eq!(there.outcome.verdict.fault().unwrap().code, FaultCode::Silence);
}

fn three_days(probe: &ProbeId) -> Vec<std::sync::Arc<Reading>> {
    (0..3 * DAY / 60)
        .map(|n| {
            let verdict = match n % 10 {
                0 => failed(FaultCode::Status),
                1 => Verdict::Slow,
                _ => Verdict::Good,
            };
            reading(probe, n * 60, verdict, Duration::from_millis(100 + (n % 100).unsigned_abs()))
        })
        .collect()
}

fn near(a: &Digest, b: &Digest) -> bool {
    let close = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| (a / b - 1.0).abs() < 0.02);
    let counts = |d: &Digest| (d.runs, d.good, d.slow, d.failed, d.inconclusive, d.skipped);
    counts(a) == counts(b) && close(a.p50, b.p50) && close(a.p95, b.p95) && close(a.p99, b.p99)
}

pub(crate) async fn digests_survive_rolling_up(store: &dyn Store) {
    let probe = ProbeId::new("billing", "read");
    for part in three_days(&probe).chunks(500) {
        store.record(Batch { readings: part.to_vec(), ..Batch::default() }).await.unwrap();
    }
    let windows = [(0, 3 * DAY), (90, 3 * DAY - 90), (5 * HOUR + 61, 2 * DAY + 7 * HOUR + 1), (100, 160), (0, 0)];
    let mut before = Vec::new();
    for (from, to) in windows {
        before.push(store.digest(&probe, at(from), at(to)).await.unwrap());
    }
    assert_eq!(before[0].runs, 4320);
    assert_eq!((before[0].failed, before[0].slow), (432, 432));
    assert_eq!(before[0].availability, Some(0.9));
    assert!((before[0].p50.unwrap() - 0.150).abs() < 0.003, "{:?}", before[0]);
    for now in [DAY, 2 * DAY + 5 * HOUR, 10 * DAY] {
        store.tidy(at(now)).await.unwrap();
        for ((from, to), before) in windows.into_iter().zip(&before).take(4) {
            let after = store.digest(&probe, at(from), at(to)).await.unwrap();
            assert!(near(&after, before), "{from}..{to} at {now}: {after:?} instead of {before:?}");
        }
    }
}

pub(crate) async fn what_is_old_is_forgotten_and_its_digest_kept(store: &dyn Store) {
    let probe = ProbeId::new("billing", "read");
    store.record(Batch { readings: three_days(&probe), ..Batch::default() }).await.unwrap();
    store.tidy(at(4 * DAY)).await.unwrap();
    assert_eq!(store.readings(&probe, None, 5000).await.unwrap().len(), 4320);
    // Details go first; that it ran and how stays longer; then counts stay.
    store.tidy(at(40 * DAY)).await.unwrap();
    let briefs = store.readings(&probe, None, 5000).await.unwrap();
    assert_eq!(briefs.len(), 4320);
    assert!(briefs.iter().all(|reading| reading.outcome.steps.is_empty()));
    store.tidy(at(100 * DAY)).await.unwrap();
    assert_eq!(store.readings(&probe, None, 5000).await.unwrap(), []);
    assert_eq!(store.digest(&probe, at(0), at(3 * DAY)).await.unwrap().runs, 4320);
    store.tidy(at(500 * DAY)).await.unwrap();
    let midnight = 16 * HOUR;
    let days = store.digest(&probe, at(midnight), at(midnight + 2 * DAY)).await.unwrap();
    assert_eq!(days.runs, 2880, "whole days are still known when hours are not");
    store.tidy(at(6 * 365 * DAY)).await.unwrap();
    assert_eq!(store.digest(&probe, at(-DAY), at(4 * DAY)).await.unwrap(), Digest::default());
}

pub(crate) async fn scores_in_steps(store: &dyn Store) {
    let point = |n: i64| ScorePoint {
        journey: "pay-my-bill".into(),
        at: at(n * 60),
        score: (n % 60 != 59).then_some(if n % 60 < 30 { 100.0 } else { 50.0 }),
        felt: (n % 60 != 59).then_some(80.0),
        observed: 1.0,
        lost_minutes: if n % 60 < 30 { 0.0 } else { 0.5 },
        unobserved_minutes: 0.0,
        planned_minutes: 0.0,
        scored_minutes: if n % 60 == 59 { 0.0 } else { 1.0 },
        losses: Vec::new(),
    };
    let scores: Vec<_> = (0..3 * 1440).map(point).collect();
    store.record(Batch { scores: scores.clone(), ..Batch::default() }).await.unwrap();
    let journey = "pay-my-bill".into();
    let steps = |step: u64| {
        let journey = &journey;
        async move { store.scores(journey, at(0), at(3 * DAY), Duration::from_secs(step)).await.unwrap() }
    };
    let (minutes, hours, days) = (steps(60).await, steps(3600).await, steps(86_400).await);
    assert!(minutes == scores, "minutes come back as they were");
    assert_eq!((hours.len(), days.len()), (72, 4), "days are of UTC, and these begin at eight");
    assert!((hours[0].lost_minutes - 15.0).abs() < 1e-9);
    assert!((hours[0].score.unwrap() - (30.0 * 100.0 + 29.0 * 50.0) / 59.0).abs() < 1e-9);
    for now in [DAY + HOUR / 2, 3 * DAY, 5 * DAY, 100 * DAY] {
        store.tidy(at(now)).await.unwrap();
        let close = |a: &[ScorePoint], b: &[ScorePoint]| {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    a.at == b.at
                        && (a.lost_minutes - b.lost_minutes).abs() < 1e-6
                        && (a.score.unwrap() - b.score.unwrap()).abs() < 1e-6
                })
        };
        assert!(close(&steps(3600).await, &hours), "hours at {now}");
        assert!(close(&steps(86_400).await, &days), "days at {now}");
    }
    assert_eq!(steps(60).await.len(), 72, "minutes are gone, hours are all there is");
}

pub(crate) async fn a_renamed_touchpoint_keeps_its_history(store: &dyn Store) {
    let id = |probe: &str| ProbeId::parse(probe).unwrap();
    let run = |probe: &str, seconds| reading(&id(probe), seconds, failed(FaultCode::Status), Duration::from_millis(9));
    let readings = vec![run("billing/pay", 0), run("billings/pay", 10), run("email/billing.pay", 20)];
    store.record(Batch { readings, ..Batch::default() }).await.unwrap();
    let push = Push { received: at(0), value: Some(1.0), ok: None, message: None, at: None };
    store.push(&ProbeId::new("billing", "pay"), push.clone()).await.unwrap();
    let renamed = vec![("billing".into(), "bills".into())];
    store.decide(Decision { renamed, ..Decision::default() }).await.unwrap();
    store.record(Batch { readings: vec![run("bills/pay", 30)], ..Batch::default() }).await.unwrap();
    let count = async |probe: &str| {
        let found = store.readings(&id(probe), None, 10).await.unwrap();
        assert!(found.iter().all(|reading| reading.probe.to_string() == probe), "{found:?}");
        found.len()
    };
    assert_eq!([count("bills/pay").await, count("billing/pay").await], [2, 0]);
    assert_eq!([count("billings/pay").await, count("email/bills.pay").await], [1, 1], "whole names only");
    assert_eq!(store.last_push(&ProbeId::new("bills", "pay")).await.unwrap(), Some(push));
}

pub(crate) async fn pushes_replace_each_other(store: &dyn Store) {
    let probe = ProbeId::new("billing", "night-run");
    assert_eq!(store.last_push(&probe).await.unwrap(), None);
    let push = |value| Push { received: at(0), value: Some(value), ok: None, message: None, at: None };
    for value in [1.0, 2.5] {
        store.push(&probe, push(value)).await.unwrap();
    }
    let received = at(0) + SignedDuration::ZERO;
    assert_eq!(store.last_push(&probe).await.unwrap(), Some(Push { received, ..push(2.5) }));
}
