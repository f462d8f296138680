//! Who is told what.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde_json::json;
use unbroken::alert::{Ledger, Quiet, Roster, Settings};
use unbroken::model::{
    Acknowledgement, Calendar, Cause, Change, Channel, Impact, Incident, Journey, JourneyMap, Maintenance,
    Notification, NotificationKind, Scope, SelfFault, Severity, Silence, SilenceId, Timetable, Touchpoint,
    TouchpointId,
};

use crate::given::{at, closed, incident};

fn map_billing() -> Touchpoint {
    Touchpoint {
        id: "billing".into(),
        title: "Bills and payments".into(),
        channel: Channel::Billing,
        owner: Some("billing-team".into()),
        depends_on: Vec::new(),
        was: None,
        hours: None,
        page_after: std::time::Duration::ZERO,
        probes: Vec::new(),
    }
}

pub(crate) fn map() -> JourneyMap {
    let journey = Journey {
        id: "pay-my-bill".into(),
        title: "Pay my bill".into(),
        public: false,
        objective: None,
        stages: Vec::new(),
        consistency: Vec::new(),
    };
    JourneyMap {
        company: "Halcyon Mobile".into(),
        timezone: TimeZone::get("Europe/Berlin").unwrap(),
        language: unbroken::model::Language::En,
        touchpoints: BTreeMap::from([("billing".into(), map_billing())]),
        journeys: vec![journey],
        personas: BTreeMap::new(),
        vantages: vec!["here".into()],
        maintenance: Vec::new(),
        trace_link: Some("https://tempo.example/trace/{trace_id}".into()),
    }
}

fn settings(routes: serde_json::Value) -> Settings {
    let hook = || json!({ "webhook": { "url": "https://ops.example.com/hook" } });
    let receivers = json!({ "a": hook(), "b": hook(), "c": hook() });
    serde_json::from_value(json!({ "receivers": receivers, "routes": routes, "self": ["c"] })).unwrap()
}

fn told(settings: &Settings, change: &Change) -> Vec<String> {
    let map = map();
    let roster = Roster {
        words: crate::given::english(),
        settings,
        map: &map,
        quiet: &Quiet::new(&map, &[], at(120)),
        base: None,
    };
    roster.tell(&mut Ledger::default(), change, at(120)).into_iter().map(|n| n.receiver).collect()
}

/// Receivers and the ledger that says what they know.
struct Room {
    settings: Settings,
    ledger: Ledger,
    map: JourneyMap,
    silences: Vec<Silence>,
}

impl Room {
    fn new(routes: serde_json::Value) -> Self {
        Self { settings: settings(routes), ledger: Ledger::default(), map: map(), silences: Vec::new() }
    }

    fn letters(&mut self, incident: &Incident, seconds: i64) -> Vec<Notification> {
        let quiet = Quiet::new(&self.map, &self.silences, at(seconds));
        let roster = Roster {
            words: crate::given::english(),
            settings: &self.settings,
            map: &self.map,
            quiet: &quiet,
            base: None,
        };
        roster.due(&mut self.ledger, incident, at(seconds))
    }

    /// "a open, b open"
    fn due(&mut self, incident: &Incident, seconds: i64) -> String {
        let letters = self.letters(incident, seconds);
        letters.iter().map(|it| format!("{} {}", it.receiver, it.kind.as_str())).collect::<Vec<_>>().join(", ")
    }
}

fn taken(incident: &Incident, seconds: i64) -> Incident {
    let said = Acknowledgement {
        at: at(seconds),
        by: "Anna".into(),
        why: Some("restarting the database".into()),
        lapsed: None,
    };
    Incident { acknowledged: Some(said), ..incident.clone() }
}

#[test]
fn the_first_route_that_matches_wins() {
    let open = |severity| Change::IncidentOpened(unbroken::model::Incident { severity, ..incident(1) });
    let by_severity = json!([{ "match": { "severity": "page" }, "to": ["a", "b", "a"] }, { "to": ["b"] }]);
    let settings_ = settings(by_severity);
    assert_eq!(told(&settings_, &open(Severity::Page)), ["a", "b"]);
    assert_eq!(told(&settings_, &open(Severity::Ticket)), ["b"]);
    for matching in [
        json!({ "owner": "billing-team" }),
        json!({ "touchpoint": "billing", "channel": "billing" }),
        json!({ "journey": "pay-my-bill" }),
    ] {
        assert_eq!(told(&settings(json!([{ "match": matching, "to": ["b"] }])), &open(Severity::Page)), ["b"]);
    }
    let by_segment = settings(json!([{ "match": { "segment": " business " }, "to": ["b"] }, { "to": ["a"] }]));
    let hurts = |segment: &str| {
        Change::IncidentOpened(Incident { segments: BTreeSet::from([segment.to_owned()]), ..incident(1) })
    };
    assert_eq!(told(&by_segment, &hurts("business")), ["b"]);
    assert_eq!(told(&by_segment, &hurts("consumer")), ["a"]);
    let nobody = settings(json!([{ "match": { "owner": "shop-team" }, "to": ["b"] }]));
    assert_eq!(told(&nobody, &open(Severity::Page)), ["a", "b", "c"], "nothing stays untold");
    let mut ours = incident(2);
    ours.cause = Cause::Own(SelfFault::StoreRefused);
    assert_eq!(told(&settings_, &Change::IncidentOpened(ours)), ["c"]);
    let end = Change::IncidentClosed(closed(&incident(1), 60));
    assert_eq!(told(&settings_, &end), ["a", "b", "c"], "the store knows who must hear of the end");
}

#[test]
fn plain_words_say_what_for_whom_and_since_when() {
    let base = "http://127.0.0.1:8080/".parse().unwrap();
    let change = Change::IncidentOpened(incident(1));
    let (settings, map) = (settings(json!([])), map());
    let quiet = Quiet::new(&map, &[], at(0));
    let roster =
        Roster { words: crate::given::english(), settings: &settings, map: &map, quiet: &quiet, base: Some(&base) };
    let told = roster.tell(&mut Ledger::default(), &change, at(120)).remove(0);
    insta::assert_json_snapshot!((&told.headline, &told.lines, &told.link, &told.labels));
    let end = Change::IncidentClosed(closed(&incident(1), 60));
    let roster = Roster { base: None, ..roster };
    let told = roster.tell(&mut Ledger::default(), &end, at(60)).remove(0);
    insta::assert_json_snapshot!((&told.headline, &told.lines));
}

#[test]
fn a_company_is_told_in_its_language() {
    let (settings, map) = (settings(json!([])), map());
    let quiet = Quiet::new(&map, &[], at(0));
    let words = unbroken::words::Words::new(unbroken::model::Language::Zh);
    let roster = Roster { words: &words, settings: &settings, map: &map, quiet: &quiet, base: None };
    let told = |change: Change, now: i64| {
        let letter = roster.tell(&mut Ledger::default(), &change, at(now)).remove(0);
        (letter.headline, letter.lines.join("\n"))
    };
    let (headline, lines) = told(Change::IncidentOpened(incident(1)), 120);
    assert!(headline.starts_with("「") && headline.contains("影响「Pay my bill」"), "{headline}");
    for told in ["已持续 2 分钟", "原因：", "失去", "处理建议：", "下一步："] {
        assert!(lines.contains(told), "{told}: {lines}");
    }
    let (headline, lines) = told(Change::IncidentClosed(closed(&incident(1), 60)), 60);
    assert!(headline.starts_with("已恢复：「") && headline.contains("曾影响"), "{headline}");
    assert!(lines.contains(" 至 ") && !lines.contains("下一步"), "{lines}");
}

const HOUR: i64 = 3600;

#[test]
fn reminders_come_every_four_hours_and_each_once() {
    let mut room = Room::new(json!([{ "to": ["a"] }]));
    let open = incident(1);
    assert_eq!(room.due(&open, 0), "a open");
    assert_eq!(room.due(&open, 4 * HOUR - 1), "");
    let before = room.ledger.clone();
    let first = room.letters(&open, 4 * HOUR).remove(0);
    assert!(first.headline.starts_with("Still: "));
    assert_eq!(room.due(&open, 4 * HOUR), "");
    assert_eq!(room.due(&open, 8 * HOUR - 1), "");
    let second = room.letters(&open, 8 * HOUR).remove(0);
    assert_ne!(first.id, second.id);
    // Whoever forgets that it was told tells it again under the same name; what fell due meanwhile is told once.
    room.ledger = before;
    assert_eq!(room.letters(&open, 5 * HOUR).remove(0).id, first.id);
    assert_eq!(room.due(&open, 23 * HOUR), "a remind");
    assert_eq!(room.due(&open, 23 * HOUR), "");
}

#[test]
fn who_has_it_is_told_once_and_ends_the_reminders() {
    let mut room = Room::new(json!([{ "to": ["a", "b"], "escalate": { "after": "10m", "to": ["c"] } }]));
    let open = incident(1);
    assert_eq!(room.due(&open, 0), "a open, b open");
    let taken = taken(&open, 60);
    let letters = room.letters(&taken, 60);
    assert_eq!(letters.iter().map(|it| it.kind).collect::<Vec<_>>(), [NotificationKind::Acknowledge; 2]);
    assert_eq!(letters[0].headline, "Anna has it: Bills and payments is down: customers of “Pay my bill” are hurt");
    assert!(letters[0].lines.iter().any(|line| line.contains("restarting the database")), "{:?}", letters[0].lines);
    for seconds in [61, 11 * 60, 5 * HOUR, 30 * HOUR] {
        assert_eq!(room.due(&taken, seconds), "");
    }
    // Somebody else takes over.
    assert_eq!(room.due(&self::taken(&open, 31 * HOUR), 31 * HOUR), "a acknowledge, b acknowledge");
}

#[test]
fn what_grows_worse_is_told_though_somebody_has_it() {
    let routes = json!([
        { "match": { "severity": "page" }, "to": ["a", "b"], "escalate": { "after": "10m", "to": ["c"] } },
        { "to": ["a"] },
    ]);
    let mut room = Room::new(routes);
    let ticket = Incident { severity: Severity::Ticket, ..incident(1) };
    assert_eq!(room.due(&ticket, 0), "a open");
    let taken = taken(&ticket, 60);
    assert_eq!(room.due(&taken, 60), "a acknowledge");
    let hurts_more = Incident { version: 2, ..taken.clone() };
    assert_eq!(room.due(&hurts_more, 5 * 60), "a update");
    let lapsed = taken.acknowledged.map(|said| Acknowledgement { lapsed: Some(at(3000)), ..said });
    let worse = Incident { version: 3, severity: Severity::Page, acknowledged: lapsed, ..hurts_more };
    assert_eq!(room.due(&worse, 3000), "a update, b open", "whoever hears of it first hears the opening");
    assert_eq!(room.due(&worse, 3000 + 599), "");
    assert_eq!(room.due(&worse, 3000 + 600), "c escalate");
}

#[test]
fn nobody_answers_and_others_are_called_once() {
    let mut room = Room::new(json!([{ "to": ["a", "b"], "escalate": { "after": "10m", "to": ["c", "b"] } }]));
    let open = incident(1);
    assert_eq!(room.due(&open, 30), "a open, b open");
    assert_eq!(room.due(&open, 629), "");
    let letters = room.letters(&open, 630);
    assert_eq!(letters.iter().map(|it| it.receiver.as_str()).collect::<Vec<_>>(), ["c", "b"]);
    assert!(letters[0].headline.starts_with("Nobody answers: "), "{}", letters[0].headline);
    let line = "Nobody has acknowledged it; a, b knows of it since 2026-11-20 09:00 CET.";
    assert!(letters[0].lines.iter().any(|said| said == line), "{:?}", letters[0].lines);
    assert_eq!(room.due(&open, 3000), "");
    assert_eq!(room.due(&Incident { version: 2, ..open.clone() }, 3100), "a update, b update, c update");
    assert_eq!(room.due(&open, 4 * HOUR), "a remind, b remind, c remind");
    assert_eq!(room.due(&taken(&open, 5 * HOUR), 5 * HOUR), "a acknowledge, b acknowledge, c acknowledge");
}

fn silence(of: Scope, from: i64, until: i64) -> Silence {
    let id = SilenceId(uuid::Uuid::from_u128(1));
    Silence { id, of, from: at(from), until: at(until), by: "Anna".into(), why: "we know".into(), ended: None }
}

#[test]
fn what_is_still_down_when_the_silence_ends_is_told_once() {
    for of in
        [Scope::Touchpoint("billing".into()), Scope::Journey("pay-my-bill".into()), Scope::Incident(incident(1).id)]
    {
        let mut room = Room::new(json!([{ "to": ["a"], "escalate": { "after": "10m", "to": ["b"] } }]));
        room.silences = vec![silence(of, 0, 2 * HOUR)];
        let open = incident(1);
        for seconds in [0, 700, 2 * HOUR - 1] {
            assert_eq!(room.due(&open, seconds), "");
        }
        let worse = Incident { version: 3, ..open };
        assert_eq!(room.due(&worse, 2 * HOUR), "a open", "one opening, whatever became of it meanwhile");
        assert_eq!(room.due(&worse, 2 * HOUR + 1), "");
        assert_eq!(room.due(&worse, 2 * HOUR + 600), "b escalate", "patience begins when somebody knows");
    }
}

#[test]
fn a_silence_holds_nothing_back_that_takes_an_alarm_back() {
    let mut room = Room::new(json!([{ "to": ["a"] }]));
    let open = incident(1);
    assert_eq!(room.due(&open, 0), "a open");
    room.silences = vec![silence(Scope::Touchpoint("billing".into()), 10, 90 * HOUR)];
    let worse = Incident { version: 2, ..open.clone() };
    assert_eq!(room.due(&worse, 5 * HOUR), "", "neither an update nor a reminder");
    assert_eq!(room.due(&taken(&worse, 6 * HOUR), 6 * HOUR), "a acknowledge");
    let quiet = Quiet::new(&room.map, &room.silences, at(7 * HOUR));
    let roster =
        Roster { words: crate::given::english(), settings: &room.settings, map: &room.map, quiet: &quiet, base: None };
    let end = roster.tell(&mut room.ledger, &Change::IncidentClosed(closed(&worse, 7 * HOUR)), at(7 * HOUR));
    assert!(end.iter().all(|letter| letter.kind == NotificationKind::Resolve) && end.len() == 3);
    // One that was never told of has no end to tell: the store drops it.
    let ended = Silence { ended: Some((at(20), "Li".into())), ..room.silences[0].clone() };
    assert!(!ended.holds(at(20)) && ended.holds(at(19)));
}

#[test]
fn quiet_is_only_what_is_quiet_altogether() {
    let mut map = map();
    let place = |id: &str, depends_on: &[&str]| Touchpoint {
        id: id.into(),
        depends_on: depends_on.iter().map(|id| (*id).into()).collect(),
        ..map_billing()
    };
    map.touchpoints
        .extend([("shop", &["login"][..]), ("login", &[]), ("chat", &[])].map(|(id, on)| (id.into(), place(id, on))));
    let about = |root: &str, all: &[&str], journeys: &[&str]| Incident {
        cause: Cause::Touchpoint(root.into()),
        touchpoint: Some(root.into()),
        touchpoints: all.iter().map(|id| (*id).into()).collect(),
        impacts: journeys.iter().map(|id| Impact { journey: (*id).into(), loss: 1.0 }).collect(),
        ..incident(1)
    };
    let is_quiet =
        |of: Scope, incident: &Incident| Quiet::new(&map, &[silence(of, 0, 60)], at(1)).why(incident).is_some();
    let login = || Scope::Touchpoint("login".into());
    assert!(is_quiet(login(), &about("login", &["login"], &["buy"])));
    assert!(is_quiet(login(), &about("login", &["login", "shop"], &["buy"])), "the shop is down because of it");
    assert!(!is_quiet(login(), &about("shop", &["shop"], &["buy"])), "the shop is down by itself");
    assert!(!is_quiet(login(), &about("login", &["login", "chat"], &["buy"])), "the chat has nothing to do with it");
    assert!(is_quiet(Scope::Journey("buy".into()), &about("chat", &["chat"], &["buy"])));
    assert!(!is_quiet(Scope::Journey("buy".into()), &about("chat", &["chat"], &["buy", "get-help"])));
    assert!(!is_quiet(Scope::Journey("buy".into()), &about("chat", &["chat"], &[])));
    let ours = Incident { cause: Cause::Own(SelfFault::StoreRefused), touchpoint: None, ..incident(2) };
    assert!(!is_quiet(Scope::Touchpoint("billing".into()), &ours), "our own trouble is told");
    assert!(is_quiet(Scope::Incident(ours.id), &ours));
    let work = |touchpoints: &[&str]| Maintenance {
        name: "work".into(),
        touchpoints: touchpoints.iter().map(|id| (*id).into()).collect(),
        timetable: Timetable::Weekly(vec![(0, 7 * 1440)]),
        timezone: TimeZone::UTC,
    };
    map.maintenance = vec![work(&["chat"])];
    let why = |map: &JourneyMap, incident: &Incident| Quiet::new(map, &[], at(1)).why(incident).is_some();
    assert!(why(&map, &about("chat", &["chat"], &["buy"])) && !why(&map, &about("login", &["login"], &["buy"])));
    map.maintenance = vec![work(&[])];
    assert!(why(&map, &about("login", &["login"], &["buy"])) && !why(&map, &ours));
}

/// Mondays to Fridays, 08:00 to 20:00 in Berlin. `at(0)` is 09:00 on a Friday there.
fn office_hours() -> Calendar {
    let timezone = TimeZone::get("Europe/Berlin").unwrap();
    Calendar { spans: (0..5).map(|day| (day * 1440 + 480, day * 1440 + 1200)).collect(), timezone }
}

const CLOSES: i64 = 11 * HOUR;
const OPENS: i64 = 71 * HOUR;

#[test]
fn what_is_closed_keeps_nobody_awake() {
    let mut room = Room::new(json!([{ "to": ["a"], "escalate": { "after": "10m", "to": ["b"] } }]));
    room.map.touchpoints.get_mut(&TouchpointId::new("billing")).unwrap().hours = Some(office_hours());
    let open = Incident { opened: at(CLOSES - 300), ..incident(1) };
    assert_eq!(room.due(&open, CLOSES - 300), "a open");
    let worse = Incident { version: 2, ..open.clone() };
    for seconds in [CLOSES - 1, CLOSES, CLOSES + 301, CLOSES + 5 * HOUR, OPENS - 1] {
        assert_eq!(room.due(if seconds < CLOSES { &open } else { &worse }, seconds), "", "{seconds}");
    }
    assert_eq!(room.due(&worse, OPENS), "a update", "what is known, and no reminder for the night");
    assert_eq!(room.due(&worse, OPENS + 299), "");
    assert_eq!(room.due(&worse, OPENS + 300), "b escalate", "five minutes on Friday and five on Monday");
    assert_eq!(room.due(&worse, OPENS + 4 * HOUR - 301), "");
    assert_eq!(room.due(&worse, OPENS + 4 * HOUR - 300), "a remind, b remind");
    let night = Incident { opened: at(CLOSES + 60), ..incident(2) };
    assert_eq!(room.due(&night, CLOSES + 60), "");
    assert_eq!(room.due(&night, OPENS), "a open");
    let quiet = Quiet::new(&room.map, &[], at(CLOSES));
    assert_eq!(quiet.remarks([&night].into_iter()), [(night.id, "Nobody is told while it is closed".to_owned())]);
}

#[test]
fn what_is_open_besides_is_told() {
    let mut map = map();
    map.touchpoints.get_mut(&TouchpointId::new("billing")).unwrap().hours = Some(office_hours());
    let shop = Touchpoint { id: "shop".into(), depends_on: vec!["billing".into()], ..map_billing() };
    map.touchpoints.insert("shop".into(), shop);
    let why = |incident: &Incident| Quiet::new(&map, &[], at(CLOSES)).why(incident).is_some();
    let with_shop = Incident { touchpoints: BTreeSet::from(["billing".into(), "shop".into()]), ..incident(1) };
    assert!(why(&incident(1)) && !why(&with_shop), "the shop is open, whatever it depends on");
    let burning = Incident { cause: Cause::Objective("pay-my-bill".into()), touchpoint: None, ..incident(1) };
    assert!(!why(&burning), "that is about the whole journey");
    assert_eq!(Quiet::new(&map, &[], at(0)).open_for(&with_shop, at(0), at(OPENS)).as_hours(), 71);
}

#[test]
fn dangling_names_are_found_at_their_place() {
    let settings: Settings = serde_json::from_value(json!({
        "receivers": {
            "on-call": { "command": { "run": [] } },
            "mail": { "email": { "smtp": "https://mail", "from": "a@example.com", "to": ["b@example.com"] } },
        },
        "routes": [{ "to": ["mail", "on-cal"] }, { "to": [] }],
        "self": ["nobody"],
    }))
    .unwrap();
    let problems: Vec<_> =
        settings.problems().into_iter().map(|(path, text)| format!("{}: {text}", path.join("."))).collect();
    insta::assert_json_snapshot!(problems);
}
