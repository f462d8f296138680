//! Who is told what.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::json;
use unbroken::alert::{Settings, notifications, reminders};
use unbroken::model::{Cause, Change, Channel, Journey, JourneyMap, SelfFault, Severity, Touchpoint};

use crate::given::{at, closed, incident};

pub(crate) fn map() -> JourneyMap {
    let billing = Touchpoint {
        id: "billing".into(),
        title: "Bills and payments".into(),
        channel: Channel::Billing,
        owner: Some("billing-team".into()),
        depends_on: Vec::new(),
        was: None,
        hours: None,
        page_after: std::time::Duration::ZERO,
        probes: Vec::new(),
    };
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
        touchpoints: BTreeMap::from([("billing".into(), billing)]),
        journeys: vec![journey],
        personas: BTreeMap::new(),
        vantages: vec!["here".into()],
        trace_link: Some("https://tempo.example/trace/{trace_id}".into()),
    }
}

fn settings(routes: serde_json::Value) -> Settings {
    let hook = || json!({ "webhook": { "url": "https://ops.example.com/hook" } });
    let receivers = json!({ "a": hook(), "b": hook(), "c": hook() });
    serde_json::from_value(json!({ "receivers": receivers, "routes": routes, "self": ["c"] })).unwrap()
}

fn told(settings: &Settings, change: &Change) -> Vec<String> {
    notifications(settings, &map(), change, at(120), None).into_iter().map(|n| n.receiver).collect()
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
    let nobody = settings(json!([{ "match": { "owner": "shop-team" }, "to": ["b"] }]));
    assert_eq!(told(&nobody, &open(Severity::Page)), ["a", "b", "c"], "nothing stays untold");
    let mut ours = incident(2);
    ours.cause = Cause::Own(SelfFault::StoreRefused);
    assert_eq!(told(&settings_, &Change::IncidentOpened(ours)), ["c"]);
    let end = Change::IncidentClosed(closed(&incident(1), 60));
    assert_eq!(told(&settings_, &end), ["a", "b", "c"], "the store knows who must hear of the end");
    assert_eq!(told(&settings_, &Change::IncidentNoted(incident(1))), [""; 0]);
}

#[test]
fn plain_words_say_what_for_whom_and_since_when() {
    let base = "http://127.0.0.1:8080/".parse().unwrap();
    let change = Change::IncidentOpened(incident(1));
    let told = notifications(&settings(json!([])), &map(), &change, at(120), Some(&base)).remove(0);
    insta::assert_json_snapshot!((&told.headline, &told.lines, &told.link, &told.labels));
    let end = Change::IncidentClosed(closed(&incident(1), 60));
    let told = notifications(&settings(json!([])), &map(), &end, at(60), None).remove(0);
    insta::assert_json_snapshot!((&told.headline, &told.lines));
}

#[test]
fn reminders_come_every_four_hours_and_each_once() {
    let open = [incident(1)];
    let due = |since: i64, now: i64| reminders(&settings(json!([])), &map(), &open, at(since), at(now), None);
    assert_eq!(due(0, 4 * 3600 - 1), []);
    assert_eq!(due(4 * 3600, 8 * 3600 - 1), []);
    let first = due(4 * 3600 - 1, 4 * 3600);
    assert_eq!(first.len(), 3);
    assert!(first[0].headline.starts_with("Still: "));
    let again: Vec<_> = due(0, 5 * 3600).into_iter().map(|n| n.id).collect();
    assert_eq!(again, first.iter().map(|n| n.id.clone()).collect::<Vec<_>>());
    assert_ne!(due(7 * 3600, 8 * 3600)[0].id, first[0].id);
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
