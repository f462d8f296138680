//! Prometheus scrapes the real daemon, with the rules that are shipped, and tells a real Alertmanager.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::names::questions;
use super::{promtool, read};
use crate::parts::{Running, alertmanager, free_address, program};
use crate::world::{Hook, PATIENCE, Target, World, client};

/// As shipped, with these addresses, and in seconds what is in minutes: nobody waits a minute for a test.
fn prometheus(folder: &Path, daemon: &str, alertmanager: SocketAddr) -> (Running, SocketAddr) {
    let hasty = |text: &str| {
        let text = Regex::new(r"\bfor: \d+m").unwrap().replace_all(text, "for: 1s").into_owned();
        Regex::new(r"interval: \d+s").unwrap().replace_all(&text, "interval: 1s").into_owned()
    };
    let settings = hasty(&read("prometheus.yaml"));
    let settings = settings.replace("127.0.0.1:8080", daemon).replace("127.0.0.1:9093", &alertmanager.to_string());
    assert!(settings.contains(daemon) && settings.contains(&alertmanager.to_string()), "{settings}");
    let file = folder.join("prometheus.yaml");
    fs::write(&file, settings).unwrap();
    fs::write(folder.join("rules.yaml"), hasty(&read("rules.yaml"))).unwrap();
    let address = free_address();
    let running = Running::start(
        Command::new(program("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--rules.alert.resend-delay=1s", "--enable-feature=exemplar-storage", "--log.level=error"]),
        address,
    );
    (running, address)
}

async fn json(address: SocketAddr, path: &str) -> Value {
    let answer = client().get(format!("http://{address}{path}")).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let in_time = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    assert!(in_time.await.is_ok(), "waited in vain until {what}");
}

/// The labels of what Alertmanager has of this alert.
async fn alerts(alertmanager: SocketAddr, name: &str) -> Vec<Value> {
    let all = json(alertmanager, "/api/v2/alerts").await;
    all.as_array().unwrap().iter().filter(|alert| alert["labels"]["alertname"] == name).cloned().collect()
}

#[tokio::test]
async fn a_broken_journey_and_a_dead_daemon_reach_alertmanager_through_prometheus() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let yaml = std::fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    // A collector that is away: what it does not take is counted.
    let away = "telemetry: { otlp: { endpoint: \"http://127.0.0.1:9\" } }\n";
    world.write("config/unbroken.yaml", &format!("{yaml}{away}"));
    world.start().await;
    world.until_score("buy", 100.0).await;
    promtool(&["check", "metrics"], &world.get("/metrics").await);

    let folder = tempfile::tempdir().unwrap();
    let (_alertmanager, told) = alertmanager(folder.path());
    let daemon = world.page().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let (_prometheus, asked) = prometheus(folder.path(), &daemon, told);
    // It listens before it can be asked.
    until("Prometheus is ready", async || {
        let ready = client().get(format!("http://{asked}/-/ready")).send().await;
        ready.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let query = async |expression: &str| {
        let mut url = reqwest::Url::parse(&format!("http://{asked}/api/v1/query")).unwrap();
        url.query_pairs_mut().append_pair("query", expression);
        let answer = client().get(url).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].clone()
    };
    until("it scraped us", async || query("unbroken_journey_score").await[0]["value"][1] == "100").await;
    let score = query("unbroken_journey_score").await[0]["metric"].clone();
    assert_eq!((&score["job"], &score["instance"]), (&"unbroken".into(), &daemon.as_str().into()));

    target.break_();
    until("the journey's alert arrives", async || !alerts(told, "UnbrokenJourneyBroken").await.is_empty()).await;
    let alert = alerts(told, "UnbrokenJourneyBroken").await.remove(0);
    assert_eq!((&alert["labels"]["journey"], &alert["labels"]["severity"]), (&"buy".into(), &"page".into()));
    let described = alert["annotations"]["description"].as_str().unwrap();
    assert!(described.contains("The dearest touchpoint is shop, it costs 100.0 points."), "{described}");
    assert_eq!(alerts(told, "UnbrokenDead").await, Vec::<Value>::new());

    // Who sees a failed run there can open its trace: the store keeps the traces of what failed.
    let exemplars = async || {
        let path = "/api/v1/query_exemplars?query=unbroken_probe_duration_seconds_bucket&start=0&end=9999999999";
        let all = json(asked, path).await["data"].clone();
        let all = all.as_array().into_iter().flatten().filter_map(|series| series["exemplars"].as_array());
        all.flatten().map(|exemplar| exemplar["labels"]["trace_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until("it has the trace of a run that failed", async || {
        let readings = world.json("/api/v1/probes/shop/home/readings?limit=100").await["items"].to_string();
        exemplars().await.iter().any(|trace| readings.contains(&format!("\"trace_id\":\"{trace}\"")))
    })
    .await;

    let questions = questions();
    assert!(questions.len() > 30, "{questions:?}");
    let mut silent = Vec::new();
    for question in &questions {
        if query(question).await.as_array().is_none_or(Vec::is_empty) {
            silent.push(question.as_str());
        }
    }
    // Nothing of all this is there: no objective, segments, certificates, receivers that failed.
    silent.retain(|question| {
        !["_burn_", "_segment_", "_certificate_", "_notifications_", "_own_trouble", "_left_out"]
            .iter()
            .any(|name| question.contains(name))
    });
    assert_eq!(silent, [""; 0], "the dashboard asks, and nothing answers");

    world.kill();
    until("somebody hears that we are dead", async || !alerts(told, "UnbrokenDead").await.is_empty()).await;
    let alert = alerts(told, "UnbrokenDead").await.remove(0);
    assert_eq!(alert["annotations"]["summary"], format!("Unbroken does not answer at {daemon}: nobody watches"));
}
