//! How each receiver writes each kind of message: files, compared byte for byte; `UPDATE=1` rewrites them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use unbroken::alert::{Attempt, Ledger, Quiet, Receiver, Rehearsal, Request, Roster, Settings, Teller};
use unbroken::model::{
    Acknowledgement, Cause, Change, Evidence, Fault, FaultCode, Happening, Impact, Incident, Notification,
    NotificationKind, SelfFault, Severity, Storm,
};
use unbroken::store::Thread;

use super::told::map;
use crate::given::{at, closed, incident, version};

/// One of each kind, and what else a kind can be.
pub(super) fn receivers() -> BTreeMap<String, Receiver> {
    let secret = |value: &str| json!(["env CANARY", value]);
    let address = |path: &str| json!(["env CANARY", format!("https://chat.example.com/{path}")]);
    serde_json::from_value(json!({
        "alertmanager": { "alertmanager": { "url": "http://127.0.0.1:9093/" } },
        "pagerduty": { "pagerduty": { "routing_key": secret("R03E5PAGERDUTYCANARY0000000000AB") } },
        "opsgenie": { "opsgenie": { "api_key": secret("opsgenie-canary-0001"), "url": "https://api.eu.opsgenie.com" } },
        "slack": { "slack": { "webhook": address("services/T000/B000/slackcanary000001") } },
        "slack-bot": { "slack": { "bot": { "token": secret("xoxb-canary-0002"), "channel": "#ops" } } },
        "teams": { "teams": { "webhook": address("workflows/teams?sig=teamscanary000003") } },
        "discord": { "discord": { "webhook": address("api/webhooks/1/discordcanary0004") } },
        "telegram": { "telegram": { "token": secret("123456:telegram-canary_0005"), "chat": "-1001234567890", "topic": 7 } },
        "ntfy": { "ntfy": { "topic": "unbroken", "token": secret("tk_canary0006") } },
        "webhook": { "webhook": { "url": "https://ops.example.com/hook" } },
        "webhook-fields": { "webhook": {
            "url": "https://ops.example.com/hook", "fields": { "text": "text", "level": "severity", "link": "link" },
        } },
        "email": { "email": {
            "smtp": "smtps://mail.example.com", "from": "Unbroken <unbroken@example.com>", "to": ["cx@example.com"],
        } },
        "command": { "command": { "run": ["/usr/local/bin/notify", "--stdin-json"] } },
    }))
    .unwrap()
}

/// Text as hostile as a target can make it: it tries to call, to link and to mark up in every language there is.
pub(super) const HOSTILE: &str = "@everyone <!channel> <@U1> @here <at>All</at> <script>alert('mine')</script> **b** \
                                  [x](https://evil.example) <https://evil.example|y> `c` &lt;!here&gt; /start #tag";

/// The bills cannot be read: an expectation failed, and two journeys are hurt.
pub(super) fn bills() -> Incident {
    let evidence = Evidence { of: "json $.total".into(), expected: "above 0".into(), found: "nothing".into() };
    let mut fault = Fault::new(FaultCode::Expectation, "the bill has no total");
    fault.step = Some("Open the latest bill".into());
    fault.evidence = Some(evidence);
    let impact = |journey: &str, loss| Impact { journey: journey.into(), loss };
    Incident {
        fault: Some(fault),
        impacts: vec![impact("pay-my-bill", 100.0), impact("become-a-customer", 12.34)],
        ..incident(1)
    }
}

fn told(change: &Change, seconds: i64) -> Notification {
    let settings: Settings =
        serde_json::from_value(json!({ "receivers": { "x": { "command": { "run": ["x"] } } } })).unwrap();
    let base = "https://unbroken.example.com/".parse().unwrap();
    let map = map();
    let quiet = Quiet::new(&map, &[], at(0));
    let roster =
        Roster { words: crate::given::english(), settings: &settings, map: &map, quiet: &quiet, base: Some(&base) };
    // Whoever hears of an update has heard of the opening.
    let mut ledger = Ledger::default();
    if let Change::IncidentUpdated(incident) = change {
        roster.due(&mut ledger, &Incident { version: 1, ..incident.clone() }, incident.opened);
    }
    roster.tell(&mut ledger, change, at(seconds)).remove(0)
}

/// What is told later of what was told at once.
fn later(incident: &Incident, seconds: i64, kind: NotificationKind) -> Notification {
    let hook = || json!({ "command": { "run": ["x"] } });
    let settings = json!({
        "receivers": { "x": hook(), "y": hook() },
        "routes": [{ "to": ["x"], "escalate": { "after": "10m", "to": ["y"] } }],
    });
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let base = "https://unbroken.example.com/".parse().unwrap();
    let map = map();
    let quiet = Quiet::new(&map, &[], at(0));
    let roster =
        Roster { words: crate::given::english(), settings: &settings, map: &map, quiet: &quiet, base: Some(&base) };
    let mut ledger = Ledger::default();
    roster.due(&mut ledger, &Incident { acknowledged: None, ..incident.clone() }, incident.opened);
    roster.due(&mut ledger, incident, at(seconds)).into_iter().find(|letter| letter.kind == kind).unwrap()
}

/// One of every kind, as the composer words it.
pub(super) fn messages() -> Vec<(&'static str, Notification)> {
    let open = bills();
    let mut worse = version(&open, 2);
    worse.timeline.push(Happening { at: at(90), what: "Become a customer is hurt too".into() });
    let (by, why) = ("Anna <@U2>".into(), Some("restarting the database".into()));
    let said = Acknowledgement { at: at(300), by, why, lapsed: None };
    let taken = Incident { acknowledged: Some(said), ..worse.clone() };
    let mut own = incident(2);
    own.cause = Cause::Own(SelfFault::OutboxStuck);
    (own.touchpoint, own.fault, own.trace) = (None, None, None);
    own.timeline[0].what = format!("{}: the oldest waits for 61 s", SelfFault::OutboxStuck.words());
    own.impacts.clear();
    own.touchpoints.clear();
    own.probes.clear();
    let ticket = Incident { severity: Severity::Ticket, ..bills() };
    let mut hostile = told(&Change::IncidentOpened(version(&incident(3), 1)), 120);
    hostile.headline = HOSTILE.into();
    hostile.lines.push(format!("Cause: {HOSTILE}"));
    vec![
        ("open", told(&Change::IncidentOpened(open.clone()), 120)),
        ("ticket", told(&Change::IncidentOpened(ticket), 120)),
        ("update", told(&Change::IncidentUpdated(worse.clone()), 180)),
        ("reminder", later(&worse, 4 * 3600, NotificationKind::Remind)),
        ("escalation", later(&open, 600, NotificationKind::Escalate)),
        ("acknowledged", later(&taken, 300, NotificationKind::Acknowledge)),
        ("resolve", told(&Change::IncidentClosed(closed(&worse, 1500)), 1500)),
        ("self", told(&Change::IncidentOpened(own), 60)),
        ("test", tests_of(&receivers()["slack"]).remove(0)),
        ("hostile", hostile),
    ]
}

/// A storm as it is composed, one that is over, and one as hostile as can be.
pub(super) fn storms() -> Vec<(&'static str, Storm)> {
    let base = "https://unbroken.example.com/".parse().ok();
    let teller = Teller { map: Arc::new(map()), words: Arc::clone(crate::given::english()), base };
    let titles = ["Bills", "Shop", "Chat", "App", "Phone"];
    let broken = |number: u128| {
        let impacts = [("pay-my-bill", 100.0), ("become-a-customer", 40.0), ("get-help", 30.0), ("leave", 8.0)];
        let hurt = usize::try_from(number % 4).unwrap() + 1;
        Incident {
            impacts: impacts[4 - hurt..]
                .iter()
                .map(|(id, loss)| Impact { journey: (*id).into(), loss: *loss })
                .collect(),
            severity: if number.is_multiple_of(5) { Severity::Ticket } else { Severity::Page },
            opened: at(i64::try_from(number).unwrap()),
            ..incident(number)
        }
    };
    let says = |number: u128, change: Change| Notification {
        headline: told(&change, 90)
            .headline
            .replace("Bills and payments", titles[usize::try_from(number % 5).unwrap()]),
        ..told(&change, 90)
    };
    let open = |number| says(number, Change::IncidentOpened(broken(number)));
    let over = |number| says(number, Change::IncidentClosed(closed(&broken(number), 80)));
    let mut mixed: Vec<_> = (1..=30).map(open).collect();
    mixed.extend((28..=31).map(over));
    mixed.push(says(32, Change::IncidentUpdated(version(&broken(32), 3))));
    let mut hostile: Vec<_> = (1..=40).map(open).collect();
    for one in &mut hostile {
        one.headline = HOSTILE.into();
    }
    vec![
        ("storm", teller.tell("storm-1", &mixed, at(120))),
        ("storm-over", teller.tell("storm-2", &(1..=12).map(over).collect::<Vec<_>>(), at(120))),
        ("storm-hostile", teller.tell("storm-3", &hostile, at(120))),
    ]
}

fn tests_of(receiver: &Receiver) -> Vec<Notification> {
    let base = "https://unbroken.example.com/".parse().unwrap();
    let rehearsal = Rehearsal { name: "x", receiver, map: &map(), base: Some(&base) };
    rehearsal.messages(incident(4).id, at(0))
}

fn written(request: &Request) -> String {
    let pretty = |text: &str| format!("{:#}", serde_json::from_str::<Value>(text).unwrap());
    match request {
        Request::Post(post) => {
            let headers: String = post.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
            format!("POST {}\n{headers}\n{}\n", post.url, pretty(&post.body))
        }
        Request::Mail(mail) => format!(
            "Server: {}\nFrom: {}\nTo: {}\nSubject: {}\nMessage-ID: {}\nIn-Reply-To: {}\n\n{}\n\n{}",
            mail.server,
            mail.from,
            mail.to.join(", "),
            mail.subject,
            mail.message_id,
            mail.in_reply_to.as_deref().unwrap_or("-"),
            mail.text,
            mail.html,
        ),
        Request::Program(program) => {
            let variables: String = program.variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            format!("{}\n{variables}\n{}\n", program.run.join(" "), pretty(&program.stdin))
        }
    }
}

#[test]
fn every_receiver_says_it_in_its_own_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/alerts");
    let receivers = receivers();
    for key in Receiver::KEYS {
        assert!(receivers.values().any(|receiver| receiver.key() == *key), "none of `{key}` is here");
    }
    let mut expected = Vec::new();
    let mut differences = String::new();
    let mut compare = |file: &str, said: String| {
        let file = folder.join(file);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &said).unwrap();
        }
        let want = fs::read_to_string(&file).unwrap_or_default();
        if said != want {
            differences += &format!("=== {}\n--- want\n{want}--- got\n{said}", file.display());
        }
        expected.push(file);
    };
    for (name, receiver) in &receivers {
        for (kind, message) in messages() {
            let thread = (name == "slack-bot" && kind != "open").then(|| Thread::Own("C0123/1763625600.000100".into()));
            let attempt = Attempt { number: 2, at: at(7200), thread };
            if let Some(amendment) = receiver.amend(&message, &attempt) {
                compare(&format!("{name}.{kind}.amended.txt"), written(&amendment));
            }
            let said = written(&receiver.render(&message, &attempt));
            compare(&format!("{name}.{kind}.txt"), said);
        }
        for (kind, storm) in storms() {
            let attempt = Attempt { number: 2, at: at(7200), thread: None };
            let said = receiver.render_storm(&storm, &attempt);
            let machine = ["alertmanager", "pagerduty", "opsgenie", "webhook", "command"].contains(&receiver.key());
            assert_eq!(said.is_none(), machine, "{name}: who reads along is told of a storm as one");
            if let Some(said) = said {
                compare(&format!("{name}.{kind}.txt"), written(&said));
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.ends_with("README.md") || expected.contains(&path), "{} belongs to nobody", path.display());
    }
}

#[test]
fn what_stays_open_is_closed_after_a_test() {
    let kinds = |name: &str| {
        let messages = tests_of(&receivers()[name]);
        messages.iter().map(|message| message.kind.as_str()).collect::<Vec<_>>()
    };
    for name in ["pagerduty", "opsgenie", "alertmanager"] {
        assert_eq!(kinds(name), ["test", "resolve"], "{name}");
    }
    for name in ["slack", "teams", "email", "command"] {
        assert_eq!(kinds(name), ["test"], "{name}");
    }
}

/// A storm's message tells of others, and one whose channel is not known cannot be named.
#[test]
fn only_a_message_of_its_own_is_put_right_and_only_at_the_end() {
    let (receivers, messages) = (receivers(), messages());
    let amended = |name: &str, thread: Thread| -> Vec<&str> {
        let attempt = Attempt { thread: Some(thread), ..Attempt::first(at(0)) };
        let kinds = messages.iter().filter(|(_, message)| receivers[name].amend(message, &attempt).is_some());
        kinds.map(|(kind, _)| *kind).collect()
    };
    let place = || "C0123/1763625600.000100".to_owned();
    assert_eq!(amended("slack-bot", Thread::Own(place())), ["resolve"]);
    assert_eq!(amended("slack-bot", Thread::Storm(place())), [""; 0]);
    assert_eq!(amended("slack-bot", Thread::Own("1763625600.000100".into())), [""; 0]);
    assert_eq!(amended("slack", Thread::Own(place())), [""; 0]);
}

/// What is kept for a debugger or a log shows where a message goes, and no secret.
#[test]
fn a_request_shows_no_secret_of_its_own() {
    for (name, receiver) in receivers() {
        for (_, message) in messages() {
            let request = receiver.render(&message, &Attempt::first(at(0)));
            if matches!(request, Request::Post(_)) {
                let shown = format!("{receiver:?} {request:?}").to_lowercase();
                assert!(!shown.replace("env canary", "").contains("canary"), "{name}: {shown}");
            }
        }
    }
}
