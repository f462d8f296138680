//! `unbroken alert test`, from the command line.

use serde_json::Value;

use super::deaf::{Answer, Deaf};
use crate::world::World;

fn world(address: std::net::SocketAddr) -> World {
    let mut world = World::empty();
    world.write(
        "config/unbroken.yaml",
        &format!(
            "company: Halcyon Mobile\nalerts:\n  receivers:\n    hook: {{ webhook: {{ url: \"http://{address}/hook\" }} }}\n    \
             pager: {{ pagerduty: {{ routing_key: {{ env: KEY }}, url: \"http://{address}\" }} }}\n    \
             script: {{ command: {{ run: [/bin/sh, -c, \"cat > told.json\"] }} }}\n"
        ),
    );
    world.write("config/journeys.yaml", "journeys: { buy: { stages: { buy: { touchpoints: [shop] } } } }\n");
    world.write("probes/shop.yaml", &crate::world::shop("http://127.0.0.1:9/"));
    world.set("KEY", "a-routing-key-of-32-characters-0");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_goes_the_way_of_all_others() {
    let deaf = Deaf::start(&[]).await;
    let world = world(deaf.address);
    let (code, out, errors) = world.run(&["alert", "test", "hook"]);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("hook (webhook) took the test message in "), "{out}");
    assert!(out.trim_end().ends_with("answered 200 OK: so\\u{1b}!"), "{out}");
    let heard = deaf.heard().remove(0);
    assert_eq!(heard.body["type"], "test", "no program takes it for an incident");
    assert_eq!(heard.body["data"]["headline"], "Test: nothing is broken at Halcyon Mobile");

    let (code, out, _) = world.run(&["alert", "test", "script", "--format", "json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["taken"]), (0, &true.into()), "{out}");
    assert!(std::fs::read_to_string(world.path("told.json")).unwrap().contains("\"type\":\"test\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_test_opens_it_closes_and_what_it_cannot_reach_it_tells() {
    let deaf = Deaf::start(&[Answer::Status(202, ""), Answer::Status(202, ""), Answer::Status(401, "")]).await;
    let world = world(deaf.address);
    let (code, out, _) = world.run(&["alert", "test", "pager", "--format", "json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, answer["kind"].as_str()), (0, Some("pagerduty")));
    let kinds: Vec<_> = answer["messages"].as_array().unwrap().iter().map(|message| message["kind"].clone()).collect();
    assert_eq!(kinds, ["test", "resolve"]);
    let heard = deaf.heard();
    assert_eq!(heard[0].body["payload"]["severity"], "info", "nobody is got up");
    assert_eq!(heard[0].body["dedup_key"], heard[1].body["dedup_key"]);
    assert_eq!(heard[1].body["event_action"], "resolve");

    let (code, out, _) = world.run(&["alert", "test", "pager"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.starts_with("pager (pagerduty) did not take the test message"), "{out}");
    assert!(out.contains("answered 401 Unauthorized"), "{out}");
    let (code, out, errors) = world.run(&["alert", "test", "pagr"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(errors.contains("no receiver is called `pagr`; did you mean `pager`?"), "{errors}");
}
