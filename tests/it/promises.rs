//! The promises, kept by the real daemon: started, broken, killed and started again.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::world::{Hook, Manner, Target, World, client, shop};

/// A world that is watched, and in which all is well.
async fn watched() -> (Target, Hook, World) {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    (target, hook, world)
}

/// The same after its target broke and its receiver heard of it.
async fn told() -> (Target, Hook, World) {
    let (target, hook, world) = watched().await;
    target.break_();
    world.until("the hook heard of it", async |_: &World| hook.taken("open").len() == 1).await;
    (target, hook, world)
}

#[tokio::test]
async fn one_broken_target_takes_its_journey_to_zero_alerts_once_and_resolves_once() {
    let (target, hook, world) = watched().await;

    target.break_();
    world.until_score("buy", 0.0).await;
    let journey = world.json("/api/v1/journeys/buy").await;
    let element = &journey["stages"][0]["elements"][0];
    assert_eq!(element["touchpoint"], "shop");
    assert_eq!(element["state"], "down");
    assert_eq!(element["share"], 100.0);
    assert_eq!(element["fault"]["code"], "status");
    world.until("the hook heard of it", async |_: &World| hook.taken("open").len() == 1).await;
    let open = &hook.taken("open")[0];
    assert!(open.body.to_string().contains("The shop"), "{open:?}");
    assert!(open.body.to_string().contains("Buy a phone"), "{open:?}");

    target.mend();
    world.until_score("buy", 100.0).await;
    world.until("the hook heard of the end", async |_: &World| hook.taken("resolve").len() == 1).await;
    assert_eq!(hook.taken("open").len(), 1);
    assert_eq!(world.json("/api/v1/incidents?state=open").await["items"], serde_json::json!([]));
}

#[tokio::test]
async fn a_killed_daemon_loses_no_notification_and_repeats_none_with_another_id() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    hook.be(Manner::Refuse);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    // Killed after the attempt, before any delivery.
    world.until("an attempt was made", async |_: &World| !hook.letters().is_empty()).await;
    world.kill();
    // Killed after the receiver had it, before we could know.
    hook.be(Manner::Hang);
    let before = hook.letters().len();
    world.start().await;
    world.until("another attempt was made", async |_: &World| hook.letters().len() > before).await;
    world.kill();

    hook.be(Manner::Take);
    world.start().await;
    world.until("it was delivered", async |_: &World| !hook.taken("open").is_empty()).await;
    let ids = |kind: &str| -> BTreeSet<String> {
        hook.letters().into_iter().filter(|letter| letter.kind() == kind).map(|letter| letter.id).collect()
    };
    assert_eq!(ids("open").len(), 1, "every attempt carries the same id");
    let attempts: Vec<u32> = hook.letters().iter().filter(|it| it.kind() == "open").map(|it| it.attempt).collect();
    assert_eq!(attempts[0], 1);
    assert!(attempts.is_sorted_by(|one, next| one < next), "each says which one it is, over the kills: {attempts:?}");

    // Mended while nobody looks: the resolve comes after the start.
    world.kill();
    target.mend();
    world.start().await;
    world.until("the resolve was delivered", async |_: &World| !hook.taken("resolve").is_empty()).await;
    // Killed between the receiver's answer and our noting it, a letter comes twice: with one id.
    assert_eq!((ids("open").len(), ids("resolve").len()), (1, 1));
}

#[tokio::test]
async fn a_restart_repeats_nothing_and_still_knows_what_is_broken() {
    let (target, hook, mut world) = told().await;
    world.stop().await;
    world.start().await;
    let incidents = world.json("/api/v1/incidents?state=open").await;
    assert_eq!(incidents["items"].as_array().map(Vec::len), Some(1), "it is still open right after the start");
    let seen = target.visits();
    world.until("a few more runs were made", async |_: &World| target.visits() > seen + 5).await;
    assert_eq!(hook.letters().len(), 1, "{:?}", hook.letters());
}

#[tokio::test]
async fn sigterm_under_load_ends_in_time_with_everything_on_disk() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let mut yaml = shop(&target.url());
    for number in 0..300 {
        yaml += &format!(
            "  p{number}:\n    every: 1s\n    timeout: 900ms\n    steps:\n      - http: {{ get: \"{}\" }}\n",
            target.url()
        );
    }
    world.write("probes/shop.yaml", &yaml);
    hook.be(Manner::Hang);
    world.start().await;
    world.until("the load is on", async |_: &World| target.visits() > 900).await;
    target.break_();
    world.until("the hook hangs", async |_: &World| !hook.letters().is_empty()).await;
    let (took, code) = world.stop().await;
    assert!(took < Duration::from_secs(10), "took {took:?}");
    assert_eq!(code, Some(0));
    hook.be(Manner::Take);
    world.start().await;
    world.until("what was under way is delivered", async |_: &World| !hook.taken("open").is_empty()).await;
}

#[tokio::test]
async fn a_run_that_hangs_does_not_keep_the_rest_from_the_disk() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    // Takes connections and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let hang = format!("  hang:\n    every: 10s\n    timeout: 10s\n    steps:\n      - http: {{ get: \"{url}\" }}\n");
    world.write("probes/shop.yaml", &(shop(&target.url()) + &hang));
    world.start().await;
    silent.set_nonblocking(true).expect("a socket");
    world.until("a run hangs", async |_: &World| silent.accept().is_ok()).await;
    let (took, code) = world.stop().await;
    assert!(took < Duration::from_secs(10), "took {took:?}");
    assert_eq!(code, Some(0));
    assert!(!world.log().contains("Not everything ended in time"), "{}", world.log());
}

#[tokio::test]
async fn a_bad_reload_changes_nothing_and_a_good_one_keeps_what_is_open() {
    let (target, hook, world) = told().await;

    world.write("probes/shop.yaml", "title: The shop\nprobez: {}\n");
    world
        .until("the bad file was refused", async |world: &World| {
            world.get("/metrics").await.contains("unbroken_config_reload_success 0")
        })
        .await;
    assert!(world.log().contains("probez"), "the log names the place");
    world.until_score("buy", 0.0).await;

    let better = shop(&target.url()).replace("title: The shop", "title: The new shop");
    world.write("probes/shop.yaml", &better);
    world
        .until("the good file was taken", async |world: &World| {
            world.json("/api/v1/touchpoints/shop").await["title"] == "The new shop"
        })
        .await;
    assert_eq!(world.score("buy").await, Some(0.0), "the streak is kept");
    assert_eq!(hook.taken("open").len(), 1, "nothing is said twice");
    target.mend();
    world.until("the resolve was delivered", async |_: &World| hook.taken("resolve").len() == 1).await;
}

#[tokio::test]
async fn two_daemons_never_hold_one_store() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    let (code, out, error) = world.run(&["run"]);
    assert_eq!((code, out.as_str()), (3, ""), "it says where its page is when there is one: {error}");
    assert!(error.contains("held by another daemon") && error.contains(&world.pid().to_string()), "{error}");
}

#[tokio::test]
async fn every_due_run_has_one_reading() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until("some runs were made", async |_: &World| target.visits() > 5).await;
    let sum = |metrics: &str, name: &str| -> f64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    world
        .until("five runs are counted", async |world: &World| {
            let metrics = world.get("/metrics").await;
            let [due, under_way, readings] =
                ["unbroken_runs_due_total", "unbroken_runs_under_way", "unbroken_readings_total"]
                    .map(|name| sum(&metrics, name));
            assert_eq!(due, readings + under_way, "in every scrape: none came to nothing, none to two readings");
            // One probe has one run at a time.
            assert!(under_way < 1.5, "{metrics}");
            due > 5.0
        })
        .await;
}

#[tokio::test]
async fn behind_a_proxy_links_and_pages_go_by_the_public_address() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).expect("it was written");
    world.write("config/unbroken.yaml", &format!("url: https://journeys.example.com\n{settings}"));
    world.start().await;
    world.until_score("buy", 100.0).await;
    let asked_as = async |host: &str| {
        let answer = client().get(world.page()).header("host", host).send().await.expect("an answer");
        answer.status().as_u16()
    };
    assert_eq!(asked_as("journeys.example.com").await, 200);
    assert_eq!(asked_as("other.example.com").await, 421, "a name that was turned to our address");
    target.break_();
    world.until("the hook heard of it", async |_: &World| hook.taken("open").len() == 1).await;
    let open = hook.taken("open")[0].body.to_string();
    assert!(open.contains("\"https://journeys.example.com/incidents/") && !open.contains(world.page()), "{open}");
}

#[tokio::test]
async fn a_dead_letter_is_told_and_over_when_nobody_is_left_who_misses_one() {
    let (target, hook, gone) = (Target::start().await, Hook::start().await, Hook::start().await);
    gone.be(Manner::Refuse);
    let mut world = World::new(&target, &hook);
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).expect("it was written");
    let also = format!("{settings}    gone: {{ webhook: {{ url: \"{}\" }} }}\n", gone.url());
    world.write("config/unbroken.yaml", &also);
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    world.until("one took it", async |_: &World| hook.taken("open").len() == 1).await;
    world.until("the other refused it", async |_: &World| !gone.letters().is_empty()).await;
    // Whoever leaves the configuration leaves a letter that nobody will ever take.
    world.write("config/unbroken.yaml", &settings);
    let own = |kind: &str| {
        let letters = hook.taken(kind).into_iter();
        letters.filter(|letter| letter.body.to_string().contains("a notification could not be delivered")).count()
    };
    world.until("the dead letter was told", async |_: &World| own("open") == 1).await;
    world.until("that was over", async |_: &World| own("resolve") == 1).await;
    assert_eq!(hook.taken("open").len(), 2, "and nothing else was told: {:?}", hook.letters());
}
