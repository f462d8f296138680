//! The main job, end to end: the demo company and the daemon that watches it, a real Alertmanager, a real OpenTelemetry
//! collector and a real browser. Break billing, see it everywhere, mend it, see that too.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tokio::time::Instant;

use crate::parts::{Rotel, alertmanager, chromium};
use crate::world::{PATIENCE, World, client};

mod breaks;
mod order;

/// The shipped configuration, and what else stands in `unbroken.yaml`.
fn configure(world: &World, beside: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["config", "probes"] {
        for file in fs::read_dir(root.join(folder)).unwrap().flatten() {
            // What is for other programs, in a folder below, is no configuration of ours.
            if file.path().is_dir() {
                continue;
            }
            let name = format!("{folder}/{}", file.file_name().to_string_lossy());
            if file.path().extension().is_none_or(|extension| extension != "yaml") {
                // A picture that a probe compares with.
                fs::create_dir_all(world.path(folder)).unwrap();
                fs::copy(file.path(), world.path(&name)).unwrap();
                continue;
            }
            let text = fs::read_to_string(file.path()).unwrap();
            // Pages in a browser have tests of their own, and these count on the whole machine.
            let mut text = text.split("\n  # In a real browser").next().unwrap().to_owned();
            if name == "config/unbroken.yaml" {
                text = text.replace("listen: 127.0.0.1:8080", "listen: 127.0.0.1:0");
                text += beside;
            }
            world.write(&name, &text);
        }
    }
}

async fn alerts(alertmanager: &str) -> Vec<Value> {
    let url = format!("{alertmanager}/api/v2/alerts");
    client().get(url).send().await.unwrap().json().await.unwrap()
}

async fn until_alert(alertmanager: &str, what: &str, holds: impl Fn(&[Value]) -> bool) {
    let began = Instant::now();
    loop {
        let alerts = alerts(alertmanager).await;
        if holds(&alerts) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}: {alerts:?}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn billing_breaks_and_everybody_hears_of_it() {
    let mut world = World::empty();
    let (_running, address) = alertmanager(world.folder.path());
    let alertmanager = format!("http://{address}");
    let rotel = Rotel::start(world.folder.path());
    let beside = format!(
        "\nalerts: {{ receivers: {{ everyone: {{ alertmanager: {{ url: \"{alertmanager}\" }} }} }} }}\n\
         telemetry: {{ otlp: {{ endpoint: \"http://{}\", protocol: grpc }} }}\n",
        rotel.grpc
    );
    configure(&world, &beside);
    world.start_demo().await;
    for journey in ["become-a-customer", "pay-my-bill", "get-help"] {
        world.until_score(journey, 100.0).await;
    }

    let (code, out, error) = world.run(&["demo", "break", "billing"]);
    assert_eq!(code, 0, "{out}{error}");
    world.until_score("pay-my-bill", 0.0).await;
    let (code, explained, error) = world.run(&["explain", "pay-my-bill", "--url", world.page()]);
    assert!(code == 0 && explained.contains("billing") && explained.contains("-100.0"), "{explained}{error}");
    until_alert(&alertmanager, "Alertmanager knows", |alerts| {
        alerts.iter().any(|alert| alert["labels"]["touchpoint"] == "billing" && alert["status"]["state"] == "active")
    })
    .await;

    // The failing run's own trace, with its step and its phases, is at the collector.
    let incidents = world.json("/api/v1/incidents?state=open").await;
    let trace = incidents["items"][0]["trace_id"].as_str().expect("an incident names its trace").to_owned();
    rotel.wait("told of the failing run", || rotel.text().contains(&trace));
    let spans = rotel.text();
    for name in ["probe billing/", "step Open the billing portal", "connect", "tls", "wait"] {
        assert!(spans.contains(name), "no span `{name}`");
    }

    let output = chromium(&["--dump-dom"], world.page()).await;
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(dom.contains("Customers cannot pay their bill") && dom.contains("Bills and payments"), "{dom}");
    assert!(!log.contains("CONSOLE"), "{log}");
    let picture = world.path("page.png");
    let argument = format!("--screenshot={}", picture.display());
    chromium(&[&argument, "--window-size=1280,900"], world.page()).await;
    assert!(fs::metadata(&picture).expect("a picture").len() > 20_000);

    let (code, out, error) = world.run(&["demo", "mend"]);
    assert_eq!(code, 0, "{out}{error}");
    world.until_score("pay-my-bill", 100.0).await;
    until_alert(&alertmanager, "Alertmanager knows that it is over", |alerts| {
        alerts.iter().all(|alert| alert["labels"]["touchpoint"] != "billing" || alert["status"]["state"] != "active")
    })
    .await;
    let closed = world.json("/api/v1/incidents?state=closed").await;
    assert_eq!(closed["items"].as_array().map(Vec::len), Some(1), "one cause, one incident: {closed}");
}
