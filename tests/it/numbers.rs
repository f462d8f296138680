//! One moment has one number, whoever is asked.

use serde_json::Value;

use crate::world::{Hook, Target, World};

/// Broken, it takes 60 of the 100 points, since most customers need it and some can do without.
const JOURNEY: &str = "journeys:\n  buy:\n    title: Buy a phone\n    public: true\n    stages:\n      buy: { touchpoints: [ { shop: important } ] }\n";

#[tokio::test]
async fn page_api_commands_metrics_and_alert_say_one_number() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.write("config/journeys.yaml", JOURNEY);
    world.start().await;
    agree(&world, "100.0", "0").await;
    target.break_();
    world.until("the receiver hears of it", async |_: &World| !hook.taken("open").is_empty()).await;
    agree(&world, "40.0", "60").await;
    let told = &hook.taken("open")[0].body["data"];
    assert_eq!(told["journeys"], serde_json::json!([{ "journey": "buy", "points_lost": 60.0 }]));
    assert!(told["lines"].to_string().contains("60.0"), "{told}");
    target.mend();
    world.until("and of its end", async |_: &World| !hook.taken("resolve").is_empty()).await;
    agree(&world, "100.0", "0").await;
    let felt = world.json("/api/v1/journeys/buy").await["felt"].as_f64().unwrap();
    assert!(felt < 100.0, "what customers still remember was not mistaken for it: {felt}");
    world.stop().await;
}

/// Everything that shows the journey's score shows this one, and lays this loss to the shop.
async fn agree(world: &World, score: &str, lost: &str) {
    let points: f64 = score.parse().unwrap();
    world.until_score("buy", points).await;
    let (whole, tenth) = score.split_once('.').unwrap();
    let ring = format!("aria-label=\"Score {whole}.{tenth} of 100");
    for page in ["/", "/journeys/buy", "/wall", "/card/buy"] {
        let text = world.get(page).await;
        assert!(text.contains(&ring), "{page}: {text}");
    }
    let badge = world.get("/badge/buy.svg").await;
    assert!(badge.contains(score), "{badge}");
    let said = world.json("/api/v1/status").await;
    assert_eq!((&said["score"], &said["journeys"][0]["score"]), (&points.into(), &points.into()));
    let whole = world.json("/api/v1/journeys/buy").await;
    let lost: f64 = lost.parse().unwrap();
    assert_eq!(whole["score"], points);
    assert_eq!(whole["stages"][0]["elements"][0]["share"], lost);
    let (_, text, _) = world.run(&["--format", "json", "status", "--url", world.page()]);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["journeys"][0]["score"], points, "{text}");
    let (_, text, _) = world.run(&["--format", "json", "explain", "buy", "--url", world.page()]);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["score"], points, "{text}");
    let metrics = world.get("/metrics").await;
    let series = |line: String| assert!(metrics.lines().any(|said| said == line), "{line} is not in\n{metrics}");
    series(format!("unbroken_journey_score{{journey=\"buy\"}} {points}"));
    series(format!("unbroken_journey_loss_share{{journey=\"buy\",touchpoint=\"shop\"}} {lost}"));
}
