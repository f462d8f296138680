//! What outside systems report to the real daemon: beside the score, with several tokens, and over restarts.

use std::time::Duration;

use serde_json::Value;

use crate::world::{Hook, Target, World, client, shop};

async fn push(world: &World, probe: &str, token: &str, value: f64) -> u16 {
    let url = format!("{}/api/v1/push/{probe}", world.page().trim_end_matches('/'));
    let body = format!("{{\"value\": {value}}}");
    client().post(url).bearer_auth(token).body(body).send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn what_customers_say_stands_beside_the_score_and_is_told_where_it_differs() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.set("OLD", "token-of-last-year");
    world.set("NEW", "token-of-this-year");
    let nps = "  nps:\n    title: Would you recommend us?\n    every: 1s\n    timeout: 900ms\n    recheck: 1s\n    steps:\n      \
               - push: { token: [ { env: OLD }, { env: NEW } ], within: 1h, signal: voice }\n        expect: { value: { above: 30 } }\n";
    world.write("probes/shop.yaml", &(shop(&target.url()) + nps));
    world.start().await;
    world.until_score("buy", 100.0).await;
    assert_eq!(push(&world, "shop/nps", "token-of-nobody", 99.0).await, 401);
    assert_eq!(push(&world, "shop/nps", "token-of-this-year", 12.0).await, 200);
    let diverges = async |world: &World, how: &str| world.json("/api/v1/touchpoints/shop").await["divergence"] == how;
    world.until("customers are unhappy", async |world: &World| diverges(world, "customers_red").await).await;
    assert_eq!(world.score("buy").await, Some(100.0), "never in the score");
    let voice = &world.json("/api/v1/journeys/buy").await["voice"][0];
    assert_eq!((voice["id"].as_str(), voice["value"].as_str()), (Some("shop/nps"), Some("12")));
    assert_eq!(voice["state"], "down");
    for page in ["/touchpoints/shop", "/journeys/buy"] {
        let page = world.get(page).await;
        assert!(page.contains("Probes green, customers red") && page.contains("Would you recommend us?"), "{page}");
        assert!(page.contains("<q>12</q>"), "{page}");
    }
    assert!(hook.taken("open").is_empty(), "nobody is woken for an opinion");
    target.break_();
    assert_eq!(push(&world, "shop/nps", "token-of-last-year", 61.5).await, 200);
    world.until("only we are unhappy", async |world: &World| diverges(world, "probes_red").await).await;
    world.until_score("buy", 0.0).await;
}

#[tokio::test]
async fn silence_counts_from_the_last_report_not_from_the_start() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.set("TOKEN", "token-of-the-night-run");
    let run = |name: &str, within: &str| {
        format!(
            "  {name}:\n    every: 1s\n    timeout: 900ms\n    steps: [ {{ push: {{ token: {{ env: TOKEN }}, within: {within} }} }} ]\n"
        )
    };
    world.write("probes/shop.yaml", &(shop(&target.url()) + &run("quick", "3s") + &run("slow", "1h")));
    world.start().await;
    let readings = async |world: &World, probe: &str| -> Vec<Value> {
        let list = world.json(&format!("/api/v1/probes/shop/{probe}/readings")).await;
        list["items"].as_array().cloned().unwrap_or_default()
    };
    for probe in ["shop/quick", "shop/slow"] {
        assert_eq!(push(&world, probe, "token-of-the-night-run", 1.0).await, 200);
    }
    world
        .until("it was heard", async |world: &World| {
            readings(world, "slow").await.first().is_some_and(|reading| reading["verdict"] == "good")
        })
        .await;
    world.kill();
    // The silence itself.
    tokio::time::sleep(Duration::from_millis(3200)).await;
    world.start().await;
    let (quick, slow) = (readings(&world, "quick").await.len(), readings(&world, "slow").await.len());
    world
        .until("it was looked at again", async |world: &World| {
            readings(world, "quick").await.len() > quick && readings(world, "slow").await.len() > slow
        })
        .await;
    let all = readings(&world, "quick").await;
    let first_after = &all[all.len() - quick - 1];
    assert!(first_after.to_string().contains("last reported"), "no new grace after a start: {first_after}");
    let kept = readings(&world, "slow").await;
    assert_eq!(kept[kept.len() - slow - 1]["verdict"], "good", "{kept:?}");
}
