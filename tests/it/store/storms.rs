//! What a store promises of too many notifications at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use unbroken::alert::Teller;
use unbroken::model::NotificationKind::{self, Open, Remind, Resolve, Update};
use unbroken::model::{Cause, Incident, IncidentId, Notification, SelfFault, Storm};
use unbroken::store::{Bundle, Decision, Discard, Fate, Holds, LetterState, Replay, Sealing, Sought, Store, Thread};

use crate::given::{at, closed, incident, notification, version};

const DAY: i64 = 86_400;

fn letter(incident: &Incident, kind: NotificationKind, seconds: i64) -> Notification {
    Notification { at: at(seconds), ..notification(incident, kind, "chat") }
}

async fn post(store: &dyn Store, outbox: Vec<Notification>) {
    let together = BTreeSet::from(["chat".to_owned()]);
    store.decide(Decision { outbox, together, ..Decision::default() }).await.unwrap();
}

/// The first `number` incidents open, all at once.
async fn breaks(store: &dyn Store, number: u128) {
    post(store, (1..=number).map(|one| letter(&incident(one), Open, 0)).collect()).await;
}

/// Delivers what is due, until nothing is.
async fn deliver(store: &dyn Store, seconds: i64) -> Vec<(IncidentId, &'static str)> {
    let mut got = Vec::new();
    loop {
        let letters = store.letters("chat", at(seconds), 64).await.unwrap();
        if letters.is_empty() {
            return got;
        }
        for letter in letters {
            store.settle(letter.number, Fate::Delivered { at: at(seconds), receipt: None }).await.unwrap();
            got.push((letter.notification.incident.id, letter.notification.kind.as_str()));
        }
    }
}

fn teller() -> Teller {
    Teller {
        map: Arc::new(crate::alert::told::map()),
        words: Arc::new(unbroken::words::Words::new(unbroken::model::Language::En)),
        base: None,
    }
}

async fn due(store: &dyn Store, seconds: i64) -> Option<Bundle> {
    store.bundle("chat", at(seconds)).await.unwrap()
}

/// As the courier does it.
async fn sealed(store: &dyn Store, seconds: i64) -> (i64, Storm) {
    let bundle = due(store, seconds).await.expect("a storm");
    match bundle.holds {
        Holds::Sealed(storm) => (bundle.number, storm),
        Holds::Loose { members, last } => {
            let storm = teller().tell(&bundle.id, &members, at(seconds));
            assert_eq!(store.seal(bundle.number, last, &storm).await.unwrap(), Sealing::Sealed);
            (bundle.number, storm)
        }
    }
}

fn members(bundle: &Bundle) -> Vec<(IncidentId, NotificationKind)> {
    match &bundle.holds {
        Holds::Loose { members, .. } => members.iter().map(|one| (one.incident.id, one.kind)).collect(),
        Holds::Sealed(storm) => panic!("{storm:?}"),
    }
}

pub(crate) async fn what_comes_after_twenty_waits_to_be_told_as_one(store: &dyn Store) {
    breaks(store, 25).await;
    let mut own = incident(99);
    own.cause = Cause::Own(SelfFault::Late);
    post(store, vec![letter(&own, Open, 0)]).await;
    assert_eq!(deliver(store, 0).await.len(), 21, "twenty, and our own trouble");
    assert_eq!(due(store, 29).await, None, "it gathers for half a minute");
    let bundle = due(store, 30).await.unwrap();
    assert_eq!(members(&bundle), (21..=25).map(|one| (incident(one).id, Open)).collect::<Vec<_>>());
    let listed = store.sought(&Sought { state: Some(LetterState::Pending), ..Sought::default() }, 9).await.unwrap();
    let shown: Vec<_> = listed.iter().map(|one| (one.kind.as_str(), one.headline.as_str())).collect();
    assert_eq!(shown, [("storm", "5 at once, to be told together")], "those in it are not listed beside it");
    let waiting = store.outbox().await.unwrap();
    assert_eq!((waiting.pending, waiting.oldest), (1, Some(at(30))), "it is not late before it is due");
    // A receiver that is told of each, and calmer times.
    let other = Notification { receiver: "hook".into(), ..letter(&incident(26), Open, 1) };
    post(store, vec![Notification { id: "other".into(), ..other }, letter(&incident(27), Open, 31)]).await;
    assert_eq!(store.letters("hook", at(31), 9).await.unwrap().len(), 1);
    assert_eq!(deliver(store, 31).await, [(incident(27).id, "open")]);
}

pub(crate) async fn a_sealed_storm_says_the_same_at_every_attempt(store: &dyn Store) {
    breaks(store, 25).await;
    let bundle = due(store, 30).await.unwrap();
    let Holds::Loose { members, last } = &bundle.holds else { panic!("{bundle:?}") };
    let storm = teller().tell(&bundle.id, members, at(30));
    post(store, vec![letter(&incident(26), Open, 29)]).await;
    assert_eq!(store.seal(bundle.number, *last, &storm).await.unwrap(), Sealing::Grown, "one joined meanwhile");
    let (number, storm) = sealed(store, 30).await;
    assert_eq!((storm.incidents, storm.id.as_str()), (6, bundle.id.as_str()));
    store.begin(&[number]).await.unwrap();
    store.settle(number, Fate::Retry { next: at(40), error: "503".into(), refusals: 0 }).await.unwrap();
    assert_eq!(due(store, 39).await, None);
    // More breaks: it belongs to the next storm, which waits for this one.
    post(store, vec![letter(&incident(27), Open, 29)]).await;
    let again = due(store, 90).await.unwrap();
    assert_eq!((again.attempts, &again.holds), (1, &Holds::Sealed(storm)));
    store.settle(number, Fate::Delivered { at: at(41), receipt: None }).await.unwrap();
    let next = due(store, 90).await.unwrap();
    assert_ne!(next.id, again.id);
    assert_eq!(self::members(&next), [(incident(27).id, Open)]);
}

pub(crate) async fn what_is_over_before_the_storm_is_told_joins_it(store: &dyn Store) {
    breaks(store, 23).await;
    let (worse, over) = (version(&incident(22), 2), closed(&incident(23), 70));
    // The rush is over, and yet: what is not told is told once, as it is by then.
    post(store, vec![letter(&worse, Update, 60), letter(&over, Resolve, 70)]).await;
    assert_eq!(deliver(store, 70).await.len(), 20);
    let bundle = due(store, 70).await.unwrap();
    let known = |number| incident(number).id;
    let all = [(known(21), Open), (known(22), Open), (known(23), Open), (known(22), Update), (known(23), Resolve)];
    assert_eq!(members(&bundle), all);
    post(store, vec![letter(&version(&worse, 3), Update, 71)]).await;
    assert_eq!(members(&due(store, 71).await.unwrap()).len(), 5, "the newer one replaces the older");
    let (number, storm) = sealed(store, 71).await;
    assert_eq!(storm.headline, "2 more things are broken and 1 is mended: customers of “Pay my bill” are hurt");
    store.settle(number, Fate::Delivered { at: at(72), receipt: Some("1.5".into()) }).await.unwrap();
    let fates = store.deliveries(incident(23).id).await.unwrap();
    assert!(fates.iter().all(|one| one.state == "delivered" && one.settled == Some(at(72))), "{fates:?}");
    // What follows later is a letter again, under the storm's message.
    post(store, vec![letter(&closed(&incident(21), 300), Resolve, 300)]).await;
    let end = store.letters("chat", at(300), 9).await.unwrap().remove(0);
    assert_eq!((end.notification.kind, end.thread), (Resolve, Some(Thread::Storm("1.5".into()))));
}

pub(crate) async fn nothing_overtakes_a_storm_or_is_overtaken_by_it(store: &dyn Store) {
    breaks(store, 22).await;
    // The first is not taken; its end must not come before it in a storm.
    let first = store.letters("chat", at(0), 1).await.unwrap().remove(0);
    store.settle(first.number, Fate::Retry { next: at(200), error: "503".into(), refusals: 0 }).await.unwrap();
    post(store, vec![letter(&closed(&incident(1), 5), Resolve, 5)]).await;
    let (number, _) = sealed(store, 30).await;
    store.settle(number, Fate::Retry { next: at(400), error: "503".into(), refusals: 0 }).await.unwrap();
    // The storm is under way: what ends meanwhile waits for it, be it alone or in another storm.
    post(store, vec![letter(&closed(&incident(21), 100), Resolve, 100)]).await;
    let told = deliver(store, 399).await;
    assert_eq!(told.len(), 21);
    assert_eq!((told[0], told[20]), ((incident(1).id, "open"), (incident(1).id, "resolve")));
    store.settle(number, Fate::Delivered { at: at(400), receipt: None }).await.unwrap();
    assert_eq!(deliver(store, 400).await, [(incident(21).id, "resolve")]);
}

pub(crate) async fn what_became_of_a_storm_became_of_those_in_it(store: &dyn Store) {
    breaks(store, 22).await;
    deliver(store, 0).await;
    let (number, storm) = sealed(store, 30).await;
    store.settle(number, Fate::Dead { at: at(31), error: "answered 404".into() }).await.unwrap();
    let state = async |one| store.deliveries(incident(one).id).await.unwrap().remove(0);
    assert_eq!((state(21).await.state, state(22).await.error), ("dead".into(), Some("answered 404".into())));
    assert_eq!((store.outbox().await.unwrap().dead, store.deaf().await.unwrap()), (1, vec!["chat".to_owned()]));
    // Its end is told all the same, as after any dead letter, and one of those in it may be had by itself.
    post(store, vec![letter(&closed(&incident(21), 100), Resolve, 100)]).await;
    assert_eq!(deliver(store, 100).await, [(incident(21).id, "resolve")]);
    assert_eq!(store.replay(&state(22).await.id, at(101)).await.unwrap(), Replay::Queued);
    assert_eq!(deliver(store, 101).await, [(incident(22).id, "open")]);
    assert_eq!(store.discard(&storm.id, "known", at(102)).await.unwrap(), Discard::Dropped);
    assert_eq!(state(21).await.why.as_deref(), Some("known"));
    assert_eq!((store.outbox().await.unwrap().dead, store.deaf().await.unwrap()), (0, vec![]));
}

pub(crate) async fn a_dead_storm_is_queued_again_without_what_is_over(store: &dyn Store) {
    breaks(store, 23).await;
    deliver(store, 0).await;
    let (number, storm) = sealed(store, 30).await;
    store.settle(number, Fate::Dead { at: at(31), error: "answered 404".into() }).await.unwrap();
    post(store, vec![letter(&closed(&incident(21), 100), Resolve, 100)]).await;
    post(store, vec![letter(&closed(&incident(22), 100), Resolve, 100)]).await;
    // The end of one was told, that of another is dead like its beginning.
    let ends = store.letters("chat", at(100), 9).await.unwrap();
    store.settle(ends[0].number, Fate::Delivered { at: at(101), receipt: None }).await.unwrap();
    store.settle(ends[1].number, Fate::Dead { at: at(101), error: "answered 404".into() }).await.unwrap();
    assert_eq!(store.replay(&storm.id, at(200)).await.unwrap(), Replay::Queued);
    let again = due(store, 200).await.unwrap();
    assert_eq!((again.attempts, &again.id), (0, &storm.id));
    assert_eq!(members(&again), [(incident(22).id, Open), (incident(23).id, Open)]);
    assert_eq!(deliver(store, 200).await, [], "the end waits for the storm");
    let (number, _) = sealed(store, 200).await;
    store.settle(number, Fate::Delivered { at: at(201), receipt: None }).await.unwrap();
    assert_eq!(deliver(store, 201).await, [(incident(22).id, "resolve")]);
    assert_eq!(store.replay(&storm.id, at(202)).await.unwrap(), Replay::Settled);
}

pub(crate) async fn who_is_told_of_each_gets_each(store: &dyn Store) {
    breaks(store, 23).await;
    let bundle = due(store, 30).await.unwrap();
    store.scatter(bundle.number, at(30)).await.unwrap();
    assert_eq!(deliver(store, 30).await.len(), 23);
    assert_eq!((due(store, DAY).await, store.addressees().await.unwrap()), (None, vec![]));
}

pub(crate) async fn what_waits_its_turn_is_not_stuck(store: &dyn Store) {
    let all = [1, 2].map(|one| notification(&incident(one), Open, "hook"));
    store.decide(Decision { outbox: all.to_vec(), ..Decision::default() }).await.unwrap();
    let letters = store.letters("hook", at(0), 9).await.unwrap();
    let oldest = async || store.outbox().await.unwrap().oldest;
    assert_eq!(oldest().await, Some(at(0)));
    store.settle(letters[0].number, Fate::Delivered { at: at(50), receipt: None }).await.unwrap();
    assert_eq!(oldest().await, Some(at(50)), "the receiver takes them one by one");
    store.begin(&[letters[1].number]).await.unwrap();
    assert_eq!(oldest().await, Some(at(50)), "nor is what is under way");
    store.settle(letters[1].number, Fate::Retry { next: at(60), error: "503".into(), refusals: 0 }).await.unwrap();
    assert_eq!(oldest().await, Some(at(0)), "this one it does not take");
}

/// What a receiver heard of one incident, in one message.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Heard {
    began: bool,
    ended: bool,
}

/// A company that breaks and mends as the dice fall, and a chat that is away at times.
struct Weather {
    dice: u64,
    now: i64,
    open: BTreeMap<u128, Incident>,
    known: u128,
    heard: BTreeMap<IncidentId, Vec<Heard>>,
    storms: BTreeMap<String, (Storm, Vec<(IncidentId, Heard)>)>,
    /// Messages that say of something that it is broken, by their receipts.
    red: BTreeSet<String>,
}

impl Weather {
    fn below(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % sides
    }

    fn happens(&mut self) -> Vec<Notification> {
        let mut outbox = Vec::new();
        let many = [1, 3, 30][usize::try_from(self.below(3)).unwrap()];
        for _ in 0..=self.below(many) {
            match self.below(4) {
                0 | 1 => {
                    self.known += 1;
                    let new = incident(self.known);
                    outbox.push(letter(&new, Open, self.now));
                    self.open.insert(self.known, new);
                }
                sort => {
                    let place = usize::try_from(self.below(self.open.len().max(1) as u64)).unwrap();
                    let Some((&number, one)) = self.open.iter().nth(place) else { continue };
                    if sort == 2 {
                        let over = closed(one, self.now);
                        outbox.push(letter(&over, Resolve, self.now));
                        self.open.remove(&number);
                    } else {
                        let worse = version(one, one.version + 1);
                        outbox.push(letter(&worse, if number % 2 == 0 { Update } else { Remind }, self.now));
                        self.open.insert(number, worse);
                    }
                }
            }
        }
        outbox
    }

    fn ends(&mut self) -> Vec<Notification> {
        let open = std::mem::take(&mut self.open);
        open.values().map(|one| letter(&closed(one, self.now), Resolve, self.now)).collect()
    }

    /// One round of the courier; whether there was anything to do.
    async fn told(&mut self, store: &dyn Store, away: u64) -> usize {
        let now: Timestamp = at(self.now);
        let mut moved = 0;
        if let Some(bundle) = store.bundle("chat", now).await.unwrap() {
            moved += 1;
            let storm = match &bundle.holds {
                Holds::Sealed(storm) => storm.clone(),
                Holds::Loose { members, .. } if members.is_empty() => {
                    store.settle(bundle.number, Fate::Superseded { at: now }).await.unwrap();
                    return 1;
                }
                Holds::Loose { members, last } => {
                    let storm = teller().tell(&bundle.id, members, now);
                    assert_eq!(store.seal(bundle.number, *last, &storm).await.unwrap(), Sealing::Sealed);
                    let mut said: BTreeMap<IncidentId, Heard> = BTreeMap::new();
                    for one in members {
                        let heard = said.entry(one.incident.id).or_insert(Heard { began: false, ended: false });
                        heard.began |= one.kind == Open;
                        heard.ended |= one.kind == Resolve;
                    }
                    self.storms.insert(bundle.id.clone(), (storm.clone(), said.into_iter().collect()));
                    storm
                }
            };
            let (first, said) = self.storms[&bundle.id].clone();
            assert_eq!(first, storm, "a storm says the same at every attempt");
            if self.below(100) < away {
                let next = at(self.now + 1 + i64::try_from(self.below(90)).unwrap());
                store.settle(bundle.number, Fate::Retry { next, error: "503".into(), refusals: 0 }).await.unwrap();
            } else {
                let receipt = Some(format!("storm {}", bundle.number));
                store.settle(bundle.number, Fate::Delivered { at: now, receipt }).await.unwrap();
                self.red.extend(storm.severity.map(|_| format!("storm {}", bundle.number)));
                for (id, heard) in said {
                    self.heard.entry(id).or_default().push(heard);
                }
            }
        }
        for letter in store.letters("chat", now, 8).await.unwrap() {
            moved += 1;
            if self.below(100) < away {
                let next = at(self.now + 1 + i64::try_from(self.below(90)).unwrap());
                store.settle(letter.number, Fate::Retry { next, error: "503".into(), refusals: 0 }).await.unwrap();
                continue;
            }
            let receipt = Some(letter.number.to_string());
            store.settle(letter.number, Fate::Delivered { at: now, receipt }).await.unwrap();
            let kind = letter.notification.kind;
            match &letter.thread {
                // As it is told the courier puts it right.
                Some(Thread::Own(first)) if kind == Resolve => _ = self.red.remove(first),
                None if kind != Resolve => _ = self.red.insert(letter.number.to_string()),
                _ => {}
            }
            let heard = Heard { began: kind == Open, ended: kind == Resolve };
            self.heard.entry(letter.notification.incident.id).or_default().push(heard);
        }
        if moved == 0 || away == 0 {
            self.put_right(store).await;
        }
        moved
    }

    async fn put_right(&mut self, store: &dyn Store) {
        while let Some(stale) = store.stale("chat").await.unwrap() {
            let over = match &stale.thread {
                Thread::Own(_) => stale.told.last().is_some_and(|last| last.kind == Resolve),
                Thread::Storm(_) => teller().tell(&stale.id, &stale.told, at(self.now)).severity.is_none(),
            };
            if over {
                assert!(self.red.remove(stale.thread.receipt()), "it said so already: {stale:?}");
            }
            store.freshened(stale.number, stale.ends).await.unwrap();
        }
    }
}

/// No alarm lost, none told twice or after its end, every one ended, and no message left that says otherwise; over many histories in one store.
pub(crate) async fn whatever_happens_each_is_told_once_and_ends_once(store: &dyn Store) {
    let (open, heard, storms, red) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let mut weather = Weather { dice: 0x9e37_79b9_7f4a_7c15, now: 0, open, known: 0, heard, storms, red };
    for _ in 0..400 {
        weather.now += i64::try_from(weather.below(12)).unwrap();
        let outbox = weather.happens();
        post(store, outbox).await;
        let away = [0, 20, 95][usize::try_from(weather.below(3)).unwrap()];
        for _ in 0..weather.below(4) {
            weather.told(store, away).await;
        }
    }
    let outbox = weather.ends();
    post(store, outbox).await;
    while store.outbox().await.unwrap().pending > 0 {
        weather.now += 10;
        while weather.told(store, 0).await > 0 {}
        assert!(weather.now < 10 * DAY, "{:?}", store.outbox().await);
    }
    assert!(weather.known > 500 && weather.storms.len() > 10, "{} in {}", weather.known, weather.storms.len());
    weather.put_right(store).await;
    assert_eq!(weather.red, BTreeSet::new(), "these messages say for ever that something is broken");
    for number in 1..=weather.known {
        let heard = weather.heard.get(&incident(number).id).map_or(&[][..], Vec::as_slice);
        let (began, ended) =
            (heard.iter().filter(|one| one.began).count(), heard.iter().filter(|one| one.ended).count());
        let last = heard.last().is_some_and(|one| one.ended);
        assert!(began == 1 && ended == 1 && last && heard[0].began, "incident {number}: {heard:?}");
    }
}
