//! A journey that uses up what its objective allows, seen by the real daemon.

use crate::world::{Hook, Target, World};

const JOURNEYS: &str = "journeys:\n  buy:\n    title: Buy a phone\n    objective: 99.999% over 30d\n    stages:\n      buy: { touchpoints: [shop] }\n";

/// How fast the last hour's minutes were lost, as the board has it.
async fn burn(world: &World) -> Option<f64> {
    world.json("/api/v1/journeys/buy").await["objective"]["burns"][0]["long"].as_f64()
}

#[tokio::test]
async fn an_objective_that_burns_is_told_by_the_incident_that_explains_it_and_survives_a_kill() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.write("config/journeys.yaml", JOURNEYS);
    world.start().await;
    world.until_score("buy", 100.0).await;
    assert_eq!(world.json("/api/v1/status").await["journeys"][0]["burning"], serde_json::Value::Null);
    target.break_();
    // At the end of the minute it is known what was lost of it.
    world
        .until("it burns", async |world: &World| world.json("/api/v1/status").await["journeys"][0]["burning"] == "page")
        .await;
    assert!(world.get("/metrics").await.contains("unbroken_objective_burn_ratio{journey=\"buy\",window=\"60m\"}"));
    assert!(world.get("/journeys/buy").await.contains("It is used up too fast"));
    let told = burn(&world).await.expect("the history was read");
    let open = world.json("/api/v1/incidents?state=open").await;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1), "one cause, one alert: {open}");
    let timeline = open["items"][0]["timeline"].to_string();
    assert!(timeline.contains("as its objective allows"), "{timeline}");
    let (code, out, _) = world.run(&["status", "--url", world.page()]);
    assert_eq!(code, 0);
    assert!(out.contains("It loses minutes faster than its objective allows (page)"), "{out}");
    world
        .until("that minute is in the store", async |world: &World| {
            let objective = world.json("/api/v1/journeys/buy").await["objective"].clone();
            objective["lost_minutes"].as_f64().is_some_and(|lost| lost > 0.0)
        })
        .await;
    world.kill();
    world.start().await;
    world
        .until("what was lost before is known again", async |world: &World| {
            burn(world).await.is_some_and(|burn| burn >= told - 1e-6)
        })
        .await;
    let open = world.json("/api/v1/incidents?state=open").await;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1), "{open}");
    assert_eq!(world.json("/api/v1/status").await["journeys"][0]["burning"], "page");
    assert_eq!((hook.taken("open").len(), hook.taken("resolve").len()), (1, 0));
    world.stop().await;
}
