//! `PagerDuty` (Events API v2), Opsgenie (Alert API v2) and ntfy.

use serde_json::{Value, json};

use super::shape::{Kind, May, Must, conforms};
use super::{CANARY, Heard, Mood, Reply, Ways, after, is_dead, is_put_off, lives, tried};
use crate::given::incident;

pub(super) const PAGERDUTY: Ways = Ways {
    settings: |base| json!({ "pagerduty": { "routing_key": ["env K", CANARY], "url": base } }),
    check: |heard| {
        if heard.path != "/v2/enqueue" || heard.body["routing_key"] != CANARY {
            return Err("Invalid routing key".into());
        }
        let trigger = heard.body["event_action"] == "trigger";
        let head = [
            ("routing_key", Must, Kind::Text(32)),
            ("event_action", Must, Kind::One(&["trigger", "acknowledge", "resolve"])),
            ("dedup_key", if trigger { May } else { Must }, Kind::Text(255)),
            ("payload", if trigger { Must } else { May }, Kind::Object),
            ("client", May, Kind::Text(255)),
            ("client_url", May, Kind::Url),
            ("links", May, Kind::List(100)),
            ("images", May, Kind::List(100)),
        ];
        conforms(&heard.body, &head)?;
        for link in heard.body["links"].as_array().into_iter().flatten() {
            conforms(link, &[("href", Must, Kind::Url), ("text", May, Kind::Text(255))])?;
        }
        let Some(payload) = heard.body.get("payload") else { return Ok(()) };
        let fields = [
            ("summary", Must, Kind::Text(1024)),
            ("source", Must, Kind::Text(255)),
            ("severity", Must, Kind::One(&["critical", "error", "warning", "info"])),
            ("timestamp", May, Kind::Time),
            ("component", May, Kind::Text(255)),
            ("group", May, Kind::Text(255)),
            ("class", May, Kind::Text(255)),
            ("custom_details", May, Kind::Object),
        ];
        conforms(payload, &fields)
    },
    yes: |heard, _| {
        let said = json!({ "status": "success", "message": "Event processed", "dedup_key": heard.body["dedup_key"] });
        Reply(202, None, said.to_string())
    },
    no: |text| {
        let said = json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [text] });
        Reply(400, None, said.to_string())
    },
    busy: || Reply(429, Some(30), json!({ "status": "throttle exceeded" }).to_string()),
};

#[tokio::test]
async fn pagerduty_takes_a_whole_incident_as_one_alert() {
    let taken = lives(PAGERDUTY).await;
    let of = |key: &str| taken.iter().map(|heard| heard.body[key].clone()).collect::<Vec<_>>();
    let first = ["trigger", "trigger", "trigger", "resolve", "trigger", "trigger"];
    assert_eq!(of("event_action")[..6], first);
    assert_eq!(of("dedup_key")[..4], vec![Value::from(incident(1).id.to_string()); 4]);
    assert_eq!(
        of("event_action")[6..],
        ["trigger", "acknowledge", "resolve"],
        "whoever is called for help has it, too"
    );
    assert_eq!(of("dedup_key")[6..], vec![Value::from(incident(4).id.to_string()); 3]);
    assert_eq!(taken[0].body["payload"]["severity"], "critical");
    assert_eq!(taken[0].body["payload"]["source"], "billing");
    assert!(is_dead(&after(PAGERDUTY, Mood::Rude).await), "an event that is invalid once is so for ever");
    assert!(is_put_off(&after(PAGERDUTY, Mood::Broken).await));
    let tried = tried(PAGERDUTY).await;
    assert_eq!(tried.len(), 2, "a test ends by itself");
    assert!(tried[0].as_ref().unwrap().starts_with("answered 202 Accepted: {\"status\":\"success\""), "{tried:?}");
}

pub(super) const OPSGENIE: Ways = Ways {
    settings: |base| json!({ "opsgenie": { "api_key": ["env K", CANARY], "url": base } }),
    check: |heard| {
        if heard.header("authorization") != format!("GenieKey {CANARY}") {
            return Err("Could not authenticate".into());
        }
        if heard.path == "/v2/alerts" {
            let fields = [
                ("message", Must, Kind::Text(130)),
                ("alias", May, Kind::Text(512)),
                ("description", May, Kind::Text(15_000)),
                ("responders", May, Kind::List(50)),
                ("actions", May, Kind::List(10)),
                ("tags", May, Kind::List(20)),
                ("details", May, Kind::Object),
                ("entity", May, Kind::Text(512)),
                ("source", May, Kind::Text(100)),
                ("priority", May, Kind::One(&["P1", "P2", "P3", "P4", "P5"])),
                ("user", May, Kind::Text(100)),
                ("note", May, Kind::Text(25_000)),
            ];
            return conforms(&heard.body, &fields);
        }
        let rest = heard.path.strip_prefix("/v2/alerts/").and_then(|rest| rest.strip_suffix("?identifierType=alias"));
        let (alias, verb) = rest.and_then(|rest| rest.split_once('/')).ok_or("no such path")?;
        let note = if verb == "notes" { Must } else { May };
        if alias.len() != 36 || !["notes", "acknowledge", "close"].contains(&verb) {
            return Err(format!("no such path: {}", heard.path));
        }
        let fields =
            [("note", note, Kind::Text(25_000)), ("source", May, Kind::Text(100)), ("user", May, Kind::Text(100))];
        conforms(&heard.body, &fields)
    },
    yes: |_, _| Reply(202, None, r#"{"result":"Request will be processed","took":0.1,"requestId":"43a29c5c"}"#.into()),
    no: |text| Reply(422, None, json!({ "message": "Request body is not processable", "errors": text }).to_string()),
    busy: || Reply(429, Some(30), r#"{"message":"You are making too many requests!"}"#.into()),
};

#[tokio::test]
async fn opsgenie_takes_a_whole_incident_as_one_alert() {
    let taken = lives(OPSGENIE).await;
    let first = incident(1).id;
    let of_first = |verb: &str| format!("/v2/alerts/{first}/{verb}?identifierType=alias");
    let paths: Vec<_> = taken.iter().map(|heard| heard.path.clone()).take(4).collect();
    assert_eq!(paths, ["/v2/alerts".to_owned(), of_first("notes"), of_first("notes"), of_first("close")]);
    let helped = taken[6..].iter().map(|heard| heard.path.replace(&incident(4).id.to_string(), "ALIAS"));
    let of_alias = |verb: &str| format!("/v2/alerts/ALIAS/{verb}?identifierType=alias");
    assert_eq!(helped.collect::<Vec<_>>(), ["/v2/alerts".to_owned(), of_alias("acknowledge"), of_alias("close")]);
    assert_eq!(taken[6].body["alias"], incident(4).id.to_string());
    assert_eq!((&taken[0].body["alias"], &taken[0].body["priority"]), (&first.to_string().into(), &"P1".into()));
    assert!(is_dead(&after(OPSGENIE, Mood::Rude).await));
    assert_eq!(tried(OPSGENIE).await.len(), 2, "a test ends by itself");
}

pub(super) const NTFY: Ways = Ways {
    settings: |base| json!({ "ntfy": { "topic": "ops", "token": ["env K", CANARY], "url": base } }),
    check: |heard| {
        if heard.path != "/" || heard.header("authorization") != format!("Bearer {CANARY}") {
            return Err("unauthorized".into());
        }
        let fields = [
            ("topic", Must, Kind::One(&["ops"])),
            ("message", May, Kind::Text(4096)),
            ("title", May, Kind::Text(250)),
            ("priority", May, Kind::Number(1, 5)),
            ("tags", May, Kind::List(10)),
            ("click", May, Kind::Url),
            ("actions", May, Kind::List(3)),
        ];
        conforms(&heard.body, &fields)?;
        let bytes = heard.body["message"].as_str().unwrap_or_default().len();
        if bytes <= 4096 { Ok(()) } else { Err(format!("{bytes} bytes would be an attachment")) }
    },
    yes: |heard, number| {
        let said = json!({ "id": format!("id{number}"), "time": 1, "event": "message", "topic": heard.body["topic"] });
        Reply(200, None, said.to_string())
    },
    no: |text| Reply(400, None, json!({ "code": 40024, "http": 400, "error": text }).to_string()),
    busy: || {
        let text = "limit reached: too many requests; increase your limits with a paid plan";
        Reply(429, Some(30), json!({ "code": 42901, "http": 429, "error": text }).to_string())
    },
};

#[tokio::test]
async fn ntfy_takes_a_whole_incident() {
    let taken = lives(NTFY).await;
    let priorities: Vec<_> = taken.iter().map(|heard: &Heard| heard.body["priority"].as_i64().unwrap()).collect();
    assert_eq!(priorities, [5, 5, 4, 3, 5, 5, 5, 3, 3]);
    assert!(taken[0].body["title"].as_str().unwrap().contains("Pay my bill"));
    assert!(is_dead(&after(NTFY, Mood::Rude).await));
    assert_eq!(tried(NTFY).await.len(), 1);
}
