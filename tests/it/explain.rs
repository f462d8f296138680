//! `unbroken explain --at`, from what the store has kept.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use unbroken::model::{
    Captured, Fault, FaultCode, Outcome, ProbeId, Quality, Reading, Sample, SpanId, StepOutcome, TraceId, Trigger,
    Verdict,
};
use unbroken::store::sqlite::Sqlite;
use unbroken::store::{Batch, Retention, ScorePoint, Settings, Store};

use crate::world::{Hook, Target, World};

const JOURNEYS: &str = "journeys:
  buy:
    stages: { buy: { touchpoints: [shop, mail, web] } }
    consistency:
      - { name: One price, values: [shop/order.price, web/home.price], severity: major }
";
const SHOP: &str = "probes:
  order:
    every: 10s
    timeout: 5s
    steps:
      - { http: { get: 'http://127.0.0.1:1/' }, capture: { price: { json: $.price } } }
      - { http: { get: 'http://127.0.0.1:1/' }, on: mail }
";
const WEB: &str = "probes:
  home:
    every: 10s
    timeout: 5s
    steps: [ { http: { get: 'http://127.0.0.1:1/' }, capture: { price: { json: $.price } } } ]
";

fn start() -> Timestamp {
    "2026-05-01T09:00:00Z".parse().unwrap()
}

fn step(on: Option<&str>) -> StepOutcome {
    StepOutcome {
        name: "look".into(),
        kind: "http".into(),
        on: on.map(Into::into),
        offset: Duration::ZERO,
        took: Duration::from_millis(10),
        reached: true,
        span: SpanId(2),
        phases: Vec::new(),
        fault: None,
        findings: Vec::new(),
        captured: vec![Captured { name: "price".into(), value: Some("29.99".into()) }],
        peer: None,
        certificate: None,
        attributes: Vec::new(),
        episodes: Box::default(),
    }
}

/// The run of that number, ten seconds after the one before; with what it says of `mail` if it is the errand.
fn run(probe: &ProbeId, number: u32, mail: Option<f64>) -> Arc<Reading> {
    let at = start() + SignedDuration::from_secs(10 * i64::from(number));
    let fault = || Fault::new(FaultCode::Status, "status 500");
    let mut samples = vec![Sample { probe: probe.clone(), quality: Quality::PERFECT, fault: None }];
    samples.extend(mail.map(|quality| Sample {
        probe: ProbeId::credited(&"mail".into(), probe),
        quality: Quality::new(quality),
        fault: (quality < 0.5).then(fault),
    }));
    Arc::new(Reading {
        probe: probe.clone(),
        persona: None,
        vantage: unbroken::model::VantageId::default(),
        trigger: Trigger::Schedule,
        asked_by: None,
        scheduled: at,
        started: at,
        trace: TraceId(1),
        span: SpanId(1),
        outcome: Outcome {
            verdict: if mail.is_some_and(|quality| quality < 0.5) { Verdict::Failed(fault()) } else { Verdict::Good },
            samples,
            took: Duration::from_millis(20),
            steps: vec![step(None), step(Some("mail"))],
        },
    })
}

/// The mail is broken for forty runs and works for twelve; of most runs only the brief is kept.
async fn remembered() -> World {
    let world = World::empty();
    world.write("config/unbroken.yaml", "company: Test\nstore: ../unbroken.db\ntimezone: Europe/Berlin\n");
    world.write("config/journeys.yaml", JOURNEYS);
    world.write("probes/shop.yaml", SHOP);
    world.write("probes/web.yaml", WEB);
    world.write("probes/mail.yaml", "title: Mail\n");
    let settings = Settings { path: world.path("unbroken.db"), retention: Retention::default() };
    let store = Sqlite::open(&settings).await.unwrap();
    let (shop, web) = (ProbeId::new("shop", "order"), ProbeId::new("web", "home"));
    for number in 0..52 {
        let mail = if number < 40 { 0.0 } else { 1.0 };
        let readings = vec![run(&shop, number, Some(mail)), run(&web, number, None)];
        store.record(Batch { readings, scores: Vec::new() }).await.unwrap();
    }
    let score = ScorePoint {
        journey: "buy".into(),
        at: start() + SignedDuration::from_mins(8),
        score: Some(50.0),
        felt: None,
        observed: 1.0,
        lost_minutes: 0.5,
        unobserved_minutes: 0.0,
        planned_minutes: 0.0,
        scored_minutes: 1.0,
        losses: Vec::new(),
    };
    store.record(Batch { readings: Vec::new(), scores: vec![score] }).await.unwrap();
    store.close().await;
    world
}

fn at(world: &World, time: &str) -> Value {
    let (code, out, errors) = world.run(&["--format", "json", "explain", "buy", "--at", time]);
    assert_eq!(code, 0, "{errors}");
    serde_json::from_str(&out).unwrap()
}

#[tokio::test]
async fn a_moment_past_is_told_as_it_was_or_said_to_be_forgotten() {
    let world = remembered().await;
    let mail = |told: &Value| told["stages"][0]["elements"][1].clone();

    let broken = at(&world, "2026-05-01T09:06:35Z");
    assert_eq!((&broken["score"], &mail(&broken)["state"]), (&0.0.into(), &"down".into()), "{broken}");
    assert_eq!(broken["recorded"], Value::Null, "nothing was written down then");

    // Every run that saw the mail work is known, though hardly one was kept whole.
    let mended = at(&world, "2026-05-01T09:08:35Z");
    assert_eq!((&mended["score"], &mail(&mended)["state"]), (&100.0.into(), &"up".into()), "{mended}");
    assert_eq!(mended["left_out"], serde_json::json!(["One price"]), "{mended}");
    assert_eq!(mended["consistency"], serde_json::json!([]));
    assert_eq!(mended["recorded"], 50.0);

    // The first runs of all were kept whole: what they read was the same.
    let first = at(&world, "2026-05-01T09:00:05Z");
    assert_eq!(first["left_out"], serde_json::json!([]), "{first}");
    assert_eq!(
        (&first["consistency"][0]["state"], &first["consistency"][0]["values"][0]["value"]),
        (&"up".into(), &"29.99".into())
    );

    let (code, out, errors) = world.run(&["explain", "buy", "--at", "2026-05-01T09:08:35Z"]);
    assert_eq!(code, 0, "{errors}");
    assert!(out.contains("Not known any more, and left out: whether “One price”"), "{out}");
    assert!(out.contains("Written down over the minute of 11:08: 50.0"), "{out}");
    assert!(out.contains("Times are those of Europe/Berlin."), "{out}");
}

#[tokio::test]
async fn without_a_daemon_the_last_one_still_tells() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.write(
        "config/journeys.yaml",
        "journeys:\n  buy:\n    stages: { buy: { touchpoints: [shop] } }\n    consistency:\n      \
         - { name: One shop, values: [shop/home.code, shop/again.code], severity: major }\n",
    );
    let probe = |name: &str| {
        let http = format!("http: {{ get: '{}' }}", target.url());
        format!(
            "  {name}: {{ every: 1s, timeout: 1s, steps: [ {{ {http}, capture: {{ code: {{ field: status }} }} }} ] }}\n"
        )
    };
    world.write("probes/shop.yaml", &format!("title: The shop\nprobes:\n{}{}", probe("home"), probe("again")));
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    world.until_score("buy", 0.0).await;
    // It is written down twice a minute when it last looked round.
    world
        .until("it has looked round", async |world: &World| {
            let (_, out, _) = world.run(&["--format", "json", "explain", "buy"]);
            out.contains("last_looked")
        })
        .await;
    let before = world.json("/api/v1/journeys/buy").await;
    world.stop().await;
    let (code, out, errors) = world.run(&["--format", "json", "explain", "buy"]);
    assert_eq!(code, 0, "{errors}");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert!(told["last_looked"].is_string(), "{told}");
    let known = |journey: &Value| {
        let (shop, check) = (&journey["stages"][0]["elements"][0], &journey["consistency"][0]);
        let values = check["values"].as_array().unwrap().iter().map(|seen| seen["value"].clone());
        (
            [&journey["score"], &journey["since"], &shop["state"], &shop["since"], &shop["fault"]].map(Value::clone),
            values.collect::<Vec<_>>(),
        )
    };
    assert_eq!(known(&told), known(&before));
    assert_eq!(known(&told).1, ["200", "200"], "captured, though no run is replayed");
    let (code, out, errors) = world.run(&["explain", "buy"]);
    assert!(code == 0 && errors.contains("when it last looked round"), "{out}{errors}");
    assert!(!out.contains("Not known any more"), "{out}");
}
