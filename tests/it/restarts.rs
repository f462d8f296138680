//! What a restart must not repeat, with many incidents at once.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::world::{Hook, Letter, Target, World};

const INCIDENTS: usize = 500;

/// A touchpoint that is down once its one probe has failed once.
fn place(url: &str) -> String {
    format!(
        "title: A place\nchannel: web\nprobes:\n  home:\n    title: A customer looks\n    every: 5s\n    detect: {{ rule: consecutive, failures: 1, passes: 1 }}\n    steps:\n      - name: Look\n        http: {{ get: \"{url}\" }}\n        expect: {{ status: 200 }}\n"
    )
}

async fn open(world: &World) -> usize {
    let metrics = world.get("/metrics").await;
    let lines = metrics.lines().filter(|line| line.starts_with("unbroken_incidents_open{"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

async fn nothing_waits(world: &World) {
    let waits =
        async |world: &World| world.get("/metrics").await.lines().any(|line| line == "unbroken_outbox_pending 0");
    world.until("nothing waits in the outbox", waits).await;
}

#[tokio::test]
async fn five_hundred_open_incidents_survive_a_kill_and_none_is_told_again() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    std::fs::remove_file(world.path("probes/shop.yaml")).unwrap();
    let mut names = String::new();
    for number in 0..INCIDENTS {
        // No two stand in one journey that the others could explain.
        world.write(&format!("probes/p{number:03}.yaml"), &place(&target.url()));
        write!(names, "{}p{number:03}", if number == 0 { "" } else { ", " }).unwrap();
    }
    let journeys =
        format!("journeys:\n  buy:\n    title: Buy a phone\n    stages:\n      buy: {{ touchpoints: [{names}] }}\n");
    world.write("config/journeys.yaml", &journeys);
    target.break_();
    world.start().await;
    world.until("every one is open", async |world: &World| open(world).await >= INCIDENTS).await;
    nothing_waits(&world).await;
    // A machine that is busy makes us late, and we say so: that is not what is looked at here.
    let others = |letter: &Letter| !letter.body["data"]["cause"].to_string().contains("own");
    let ids = || hook.letters().into_iter().filter(others).map(|letter| letter.id).collect::<BTreeSet<_>>();
    let before = ids();
    assert!(!before.is_empty());
    world.kill();
    world.start().await;
    assert!(open(&world).await >= INCIDENTS, "all of them right after the start");
    let seen = target.visits();
    let again = async |_: &World| target.visits() > seen + 3 * INCIDENTS as u64;
    world.until("every one is looked at three times", again).await;
    nothing_waits(&world).await;
    assert!(open(&world).await >= INCIDENTS);
    assert_eq!(ids().difference(&before).count(), 0, "nothing new is told");
    world.stop().await;
}
