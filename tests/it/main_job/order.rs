//! One errand through six channels: a phone is ordered, confirmed, seen, known, charged and asked about, as one trace.

use std::cell::RefCell;
use std::fs;

use serde_json::Value;

use super::configure;
use crate::parts::Rotel;
use crate::world::World;

/// The channels of the errand in its order: who is credited, the step that meets it first, the kind of that.
const CHANNELS: [(&str, &str, &str); 6] = [
    ("shop", "Put the phone into the basket", "http"),
    ("email", "The confirmation comes", "imap"),
    ("app", "Sign in to the app", "http"),
    ("chat", "Ask the chat for the order", "websocket"),
    ("billing", "Sign in to the billing portal", "http"),
    ("phone", "Call about the order", "sip"),
];
const LAST: &str = "Cancel the order";

/// The shipped configuration; the errand is done more often, and waits for nobody as long.
fn configured(beside: &str) -> World {
    let world = World::empty();
    configure(&world, beside);
    let mut shop = fs::read_to_string(world.path("probes/shop.yaml")).unwrap();
    for (shipped, hurried) in [
        ("defaults: { every: 5s, timeout: 5s }", "defaults: { every: 3s, timeout: 3s }"),
        ("        timeout: 3500ms\n", "        timeout: 1s\n"),
        ("        timeout: 2s\n", "        timeout: 1s\n"),
    ] {
        assert!(shop.contains(shipped), "{shipped}");
        shop = shop.replace(shipped, hurried);
    }
    world.write("probes/shop.yaml", &shop);
    world
}

/// The newest run that `wanted` accepts, as soon as there is one.
async fn run(world: &World, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = RefCell::new(Value::Null);
    world
        .until(what, async |world: &World| {
            let readings = world.json("/api/v1/probes/shop/order-a-phone/readings?limit=5").await;
            let reading =
                readings["items"].as_array().and_then(|items| items.iter().find(|item| wanted(item)).cloned());
            let is_found = reading.is_some();
            found.replace(reading.unwrap_or_default());
            is_found
        })
        .await;
    found.into_inner()
}

fn steps(reading: &Value) -> &Vec<Value> {
    reading["steps"].as_array().unwrap()
}

/// What ended the errand.
fn failed(reading: &Value) -> Option<&str> {
    let step = steps(reading).iter().find(|step| !step["fault"].is_null())?;
    step["name"].as_str()
}

/// How the touchpoint stands by what this errand met there.
async fn state(world: &World, touchpoint: &str) -> String {
    let touchpoint = world.json(&format!("/api/v1/touchpoints/{touchpoint}")).await;
    let probes = touchpoint["probes"].as_array().unwrap();
    let probe = probes.iter().find(|probe| probe["id"].as_str().unwrap().ends_with("order-a-phone"));
    probe.unwrap_or_else(|| panic!("the errand credits nothing: {touchpoint}"))["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_through_six_channels_is_one_trace() {
    let folder = tempfile::tempdir().unwrap();
    let rotel = Rotel::start(folder.path());
    let otlp = format!("\ntelemetry: {{ otlp: {{ endpoint: \"http://{}\", protocol: grpc }} }}\n", rotel.grpc);
    let mut world = configured(&otlp);
    world.start_demo().await;
    let whole = |reading: &Value| reading["verdict"] == "good" && !steps(reading).is_empty();
    let reading = run(&world, "an order goes well", whole).await;
    for (touchpoint, name, kind) in CHANNELS {
        let step = steps(&reading).iter().find(|step| step["name"] == name).unwrap();
        assert_eq!((step["on"].as_str().unwrap_or("shop"), step["kind"].as_str().unwrap()), (touchpoint, kind));
    }
    // Every step of it, and what went over the wire, under the one id that the reading has.
    let trace = reading["trace_id"].as_str().unwrap();
    for step in steps(&reading) {
        let name = format!("step {}", step["name"].as_str().unwrap());
        let is_told = || rotel.text().split("Span #").any(|span| span.contains(trace) && span.contains(&name));
        rotel.wait(&format!("told of `{name}` in {trace}"), is_told);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_an_order_answers_for_it_and_it_is_cancelled() {
    let mut world = configured("");
    world.start_demo().await;
    run(&world, "an order goes well", |reading| reading["verdict"] == "good").await;
    // From the last to the first, so that each is met while all before it are well.
    for (touchpoint, name, _) in CHANNELS.into_iter().rev() {
        let (code, out, error) = world.run(&["demo", "break", touchpoint]);
        assert_eq!(code, 0, "{out}{error}");
        let reading = run(&world, &format!("`{name}` fails"), |reading| failed(reading) == Some(name)).await;
        let steps = steps(&reading);
        let at = steps.iter().position(|step| step["name"] == name).unwrap();
        let (last, later) = steps[at + 1..].split_last().unwrap();
        assert!(later.iter().all(|step| step["reached"] == false && step["fault"].is_null()), "{reading}");
        // Without an order there is none to cancel.
        let is_ordered = touchpoint != "shop";
        assert_eq!((&last["name"], &last["reached"]), (&LAST.into(), &is_ordered.into()), "{reading}");
        assert!(last["fault"].is_null(), "{reading}");

        let what = format!("`{touchpoint}` is down by the order");
        world.until(&what, async |world: &World| state(world, touchpoint).await == "down").await;
        for (other, ..) in CHANNELS.into_iter().take_while(|(id, ..)| *id != touchpoint) {
            assert_ne!(state(&world, other).await, "down", "{other} answers for {touchpoint}");
        }
        let (code, out, error) = world.run(&["demo", "mend"]);
        assert_eq!(code, 0, "{out}{error}");
    }
    world.stop().await;
}
