//! Every kind against real sockets, one case per fault.

pub(crate) mod browser;
mod dns;
mod exec;
mod grpc;
mod icmp;
mod links;
mod loss;
mod mail;
mod mqtt;
mod names;
mod sip;
mod starttls;
mod tcp;
mod tls;
mod udp;
mod websocket;
mod xmpp;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use unbroken::clock::Clock;
use unbroken::model::{FaultCode, Reading, SelfFault, Verdict};
use unbroken::probe::push::{self, Heard};
use unbroken::probe::{Kind, Prober, Tools};
use unbroken::secret::Secret;
use unbroken::units::Period;

use crate::walk::{Pushed, errand, order, run, step, tools};

/// Runs one step and tells its fault's code.
async fn code(written: Value) -> Option<FaultCode> {
    fault_of(&run(json!([written])).await)
}

fn fault_of(reading: &Reading) -> Option<FaultCode> {
    if let Verdict::Inconclusive { why, text } = &reading.outcome.verdict {
        panic!("inconclusive: {why}: {text}");
    }
    reading.outcome.verdict.fault().map(|fault| fault.code)
}

fn found(reading: &Reading) -> &str {
    let fault = reading.outcome.verdict.fault().unwrap();
    &fault.evidence.as_ref().unwrap_or_else(|| panic!("{fault}")).found
}

async fn pushed(heard: Result<Option<Heard>, String>, expect: Value) -> Verdict {
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let mut push = step(&json!({ "tcp": { "connect": "127.0.0.1:1" } }));
    push.expect = serde_json::from_value(expect).unwrap();
    push.kind = Kind::Push(Box::new(push::Settings {
        token: Secret::new("env T", "t0k3n-value").into(),
        within: Period::parse("26h").unwrap(),
        signal: None,
    }));
    let tools = Tools { pushes: Arc::new(Pushed(heard)), clock: Clock::new(move || now), ..tools() };
    Prober::new(tools).run(&errand(Duration::from_secs(1), vec![push]), order()).await.outcome.verdict
}

#[tokio::test]
async fn pushes_are_heard_and_missed() {
    let heard = |hours: i64, value: &str, failure: Option<&str>| {
        let at = "2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap() - SignedDuration::from_hours(hours);
        Ok(Some(Heard { at, value: Some(value.to_owned()), failure: failure.map(str::to_owned) }))
    };
    let code = |verdict: Verdict| verdict.fault().map(|fault| (fault.code, fault.text.clone()));
    let above = || json!({ "value": { "above": 0 }, "age": { "below": "25h" } });
    assert_eq!(pushed(heard(24, "7.50", None), above()).await, Verdict::Good);
    let (low, text) = code(pushed(heard(1, "-1", None), above()).await).unwrap();
    assert_eq!((low, &*text), (FaultCode::Expectation, "value: expected above 0, found -1"));
    let (silence, text) = code(pushed(heard(27, "1", None), json!({})).await).unwrap();
    assert_eq!((silence, &*text), (FaultCode::Silence, "last reported 1d3h ago; it should be every 1d2h"));
    assert_eq!(code(pushed(Ok(None), json!({})).await).unwrap().0, FaultCode::Silence);
    let (reported, text) = code(pushed(heard(1, "1", Some("disk t0k3n-value full")), json!({})).await).unwrap();
    assert_eq!((reported, &*text), (FaultCode::Reported, "it reports: disk ••• full"));
    let ours = pushed(Err("locked".to_owned()), json!({})).await;
    assert!(matches!(ours, Verdict::Inconclusive { why: SelfFault::StoreRefused, .. }));
}

#[test]
fn settings_schema_hints_and_documentation_come_from_one_list() {
    let mut generator = schemars::SchemaGenerator::default();
    let schemas = Kind::schemas(&mut generator);
    assert_eq!(schemas.iter().map(|(key, _)| *key).collect::<Vec<_>>(), Kind::KEYS);
    for (about, (key, schema)) in Kind::ALL.iter().zip(&schemas) {
        assert_eq!(about.key, *key);
        assert_eq!(schema.get("description").and_then(Value::as_str), Some(about.does));
        assert!(!about.fields.is_empty() && !about.does.is_empty());
        // Whatever stands under a kind's key is checked: nothing unknown is taken in silence.
        let unknown = Kind::decode(key, json!({ "no-such-setting": 1 })).unwrap();
        assert!(unknown.is_err(), "{key}");
    }
    assert!(Kind::decode("pigeon", json!({})).is_none());
}
