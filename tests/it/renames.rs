//! Touchpoints that are called something else, or are gone: with the real daemon, killed in between.

use crate::world::{Hook, Target, World, shop};

const JOURNEY: &str =
    "journeys:\n  buy:\n    title: Buy a phone\n    stages:\n      buy: { touchpoints: [TOUCHPOINT] }\n";

/// The file of `shop` stands under another name from now on, and says so.
fn rename(world: &World, target: &Target) {
    std::fs::remove_file(world.path("probes/shop.yaml")).unwrap();
    world.write("probes/corner-shop.yaml", &format!("was: shop\n{}", shop(&target.url())));
    world.write("config/journeys.yaml", &JOURNEY.replace("TOUCHPOINT", "corner-shop"));
}

async fn open_incident(world: &World) -> serde_json::Value {
    let open = world.json("/api/v1/incidents?state=open").await;
    let items = open["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{open}");
    items[0].clone()
}

async fn broken() -> (Target, Hook, World) {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    world.until("the receiver hears of it", async |_: &World| !hook.taken("open").is_empty()).await;
    (target, hook, world)
}

#[tokio::test]
async fn a_renamed_touchpoint_keeps_its_incident_and_history_over_a_kill() {
    let (target, hook, mut world) = broken().await;
    let past = open_incident(&world).await;
    target.mend();
    world.until("the receiver hears of the end", async |_: &World| !hook.taken("resolve").is_empty()).await;
    target.break_();
    world.until("the receiver hears of the next", async |_: &World| hook.taken("open").len() == 2).await;
    let before = open_incident(&world).await;
    let runs = world.json("/api/v1/probes/shop/home/readings?limit=100").await;
    let first = &runs["items"].as_array().unwrap().last().unwrap()["scheduled"];
    world.kill();
    rename(&world, &target);
    world.start().await;
    world
        .until("the history follows", async |world: &World| {
            let now = world.json("/api/v1/probes/corner-shop/home/readings?limit=100").await;
            now["items"].as_array().is_some_and(|items| items.last().is_some_and(|run| run["scheduled"] == *first))
        })
        .await;
    let after = open_incident(&world).await;
    assert_eq!((&after["id"], &after["touchpoint"]), (&before["id"], &"corner-shop".into()));
    let closed = world.json("/api/v1/incidents?state=closed").await["items"][0].clone();
    assert_eq!(
        (&closed["id"], &closed["touchpoint"]),
        (&past["id"], &"corner-shop".into()),
        "what is past follows, too"
    );
    // Again, and this time it is not even renamed: what was done once is done.
    world.kill();
    world.start().await;
    assert_eq!(open_incident(&world).await["id"], before["id"]);
    target.mend();
    world.until("the receiver hears of the end", async |_: &World| hook.taken("resolve").len() > 1).await;
    assert_eq!((hook.taken("open").len(), hook.taken("resolve").len()), (2, 2));
    let end = &hook.taken("resolve")[1].body;
    assert!(end.to_string().contains(before["id"].as_str().unwrap()), "{end}");
    world.stop().await;
}

#[tokio::test]
async fn a_touchpoint_renamed_while_the_daemon_runs_keeps_its_incident_and_a_removed_one_ends_it() {
    let (target, hook, mut world) = broken().await;
    let before = open_incident(&world).await;
    // Both at once: the daemon must not take a configuration that is half written.
    rename(&world, &target);
    world.signal("-HUP");
    world
        .until("it is called otherwise", async |world: &World| {
            open_incident(world).await["touchpoint"] == "corner-shop"
        })
        .await;
    let after = open_incident(&world).await;
    assert_eq!(after["id"], before["id"]);
    let timeline = after["timeline"].to_string();
    assert!(timeline.contains("`shop` is called `corner-shop` now"), "{timeline}");
    // Now it is gone, and another one is watched.
    std::fs::remove_file(world.path("probes/corner-shop.yaml")).unwrap();
    let other = Target::start().await;
    world.write("probes/market.yaml", &shop(&other.url()));
    world.write("config/journeys.yaml", &JOURNEY.replace("TOUCHPOINT", "market"));
    world.signal("-HUP");
    world.until("the receiver hears of the end", async |_: &World| !hook.taken("resolve").is_empty()).await;
    let closed = world.json(&format!("/api/v1/incidents/{}", before["id"].as_str().unwrap())).await;
    assert_eq!(closed["close"], "removed", "{closed}");
    assert_eq!((hook.taken("open").len(), hook.taken("resolve").len()), (1, 1));
    world.stop().await;
}
