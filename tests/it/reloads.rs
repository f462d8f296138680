//! Configurations that change while the daemon runs: half written, swapped as Kubernetes does it, wrong in one place, a
//! thousand times.

use std::os::unix::fs::symlink;

use crate::sweep::many;
use crate::world::{Hook, Target, World, shop};

async fn watched() -> (Target, Hook, World) {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    (target, hook, world)
}

async fn title(world: &World) -> String {
    world.json("/api/v1/touchpoints/shop").await["title"].as_str().unwrap().to_owned()
}

async fn refused(world: &World) {
    let said = async |world: &World| world.get("/metrics").await.contains("unbroken_config_reload_success 0");
    world.until("the file was refused", said).await;
}

#[tokio::test]
async fn a_half_written_file_changes_nothing_and_the_whole_one_is_taken() {
    let (target, _hook, world) = watched().await;
    let whole = shop(&target.url()).replace("The shop", "The new shop");
    let (half, _) = whole.split_at(whole.find("get:").unwrap());
    // Written in place, by somebody who takes his time.
    std::fs::write(world.path("probes/shop.yaml"), half).unwrap();
    refused(&world).await;
    assert_eq!(title(&world).await, "The shop");
    let seen = target.visits();
    world.until("it is watched as before", async |_: &World| target.visits() > seen + 2).await;
    assert_eq!(world.score("buy").await, Some(100.0));
    std::fs::write(world.path("probes/shop.yaml"), &whole).unwrap();
    world.until("the whole file is taken", async |world: &World| title(world).await == "The new shop").await;
}

/// Puts the files of a folder where Kubernetes puts those of a volume: `..data` leads to one folder or the other.
fn mount(world: &World, folder: &str, version: &str, files: &[(&str, &str)]) {
    for (name, text) in files {
        world.write(&format!("{folder}/..{version}/{name}"), text);
        let link = world.path(folder).join(name);
        if !link.is_symlink() {
            _ = std::fs::remove_file(&link);
            symlink(format!("..data/{name}"), link).unwrap();
        }
    }
    let (data, aside) = (world.path(folder).join("..data"), world.path(folder).join("..data_tmp"));
    symlink(format!("..{version}"), &aside).unwrap();
    std::fs::rename(aside, data).unwrap();
}

#[tokio::test]
async fn a_swapped_kubernetes_volume_is_taken_whole() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let first = shop(&target.url());
    mount(&world, "probes", "one", &[("shop.yaml", &first)]);
    world.start().await;
    world.until_score("buy", 100.0).await;
    mount(&world, "probes", "two", &[("shop.yaml", &first.replace("The shop", "The new shop"))]);
    world.until("the swap is noticed", async |world: &World| title(world).await == "The new shop").await;
    std::fs::remove_dir_all(world.path("probes/..one")).unwrap();
    mount(&world, "probes", "three", &[("shop.yaml", &first.replace("The shop", "The third shop"))]);
    world.until("every swap is noticed", async |world: &World| title(world).await == "The third shop").await;
}

#[tokio::test]
async fn one_bad_receiver_among_good_probes_and_nothing_is_taken() {
    let (target, hook, world) = watched().await;
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    world.write("config/unbroken.yaml", &format!("{settings}    chat: {{ slack: {{ nonsense: true }} }}\n"));
    world.write("probes/shop.yaml", &shop(&target.url()).replace("The shop", "The new shop"));
    world.signal("-HUP");
    refused(&world).await;
    assert_eq!(title(&world).await, "The shop", "the good half is not taken either");
    assert!(world.log().contains("nonsense"), "{}", world.log());
    // The receivers of before are still told.
    target.break_();
    world.until("the old receiver is told", async |_: &World| hook.taken("open").len() == 1).await;
    world.write("config/unbroken.yaml", &settings);
    world.until("the whole is taken", async |world: &World| title(world).await == "The new shop").await;
    assert_eq!(hook.taken("open").len(), 1);
}

#[tokio::test]
async fn a_page_that_cannot_move_to_where_it_should_stays_with_all_the_rest() {
    let (target, hook, mut world) = watched().await;
    // An address that nobody else is given.
    let taken = std::net::TcpListener::bind("127.77.0.1:0").unwrap();
    let (elsewhere, page) = (taken.local_addr().unwrap(), world.page().to_owned());
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    world.write("probes/shop.yaml", &shop(&target.url()).replace("The shop", "The new shop"));
    world.until("the shop is renamed", async |world: &World| title(world).await == "The new shop").await;
    let moved = settings.replace("127.0.0.1:0", &elsewhere.to_string());
    world.write("probes/shop.yaml", &shop(&target.url()).replace("The shop", "The third shop"));
    world.write("config/unbroken.yaml", &moved);
    refused(&world).await;
    assert!(world.log().contains(&format!("Cannot listen on {elsewhere} at the next start")), "{}", world.log());
    world.signal("-HUP");
    let seen = target.visits();
    world.until("it is watched as before", async |_: &World| target.visits() > seen + 2).await;
    assert_ne!(title(&world).await, "", "the page is where it was");
    target.break_();
    world.until("the receiver is told", async |_: &World| hook.taken("open").len() == 1).await;

    // Nobody else is there any more: it is all taken, and the page moves at the next start.
    drop(taken);
    world.signal("-HUP");
    world.until("the whole is taken", async |world: &World| title(world).await == "The third shop").await;
    assert!(world.log().contains("take effect at the next start"), "{}", world.log());
    assert_eq!(world.page(), page);
    assert_eq!(world.stop().await.1, Some(0));
    world.start().await;
    assert_eq!(world.page().trim_end_matches('/'), format!("http://{elsewhere}"));
    assert_eq!(title(&world).await, "The third shop");
    assert_eq!(hook.taken("open").len(), 1);
}

#[tokio::test]
async fn reloads_without_end_keep_what_is_counted_the_phases_and_what_is_open() {
    let (target, hook, world) = watched().await;
    // Slow to decide: three failures, two seconds apart.
    let slow = shop(&target.url())
        .replace("every: 1s", "every: 2s")
        .replace("    recheck: 1s\n", "    recheck: 2s\n    detect: { rule: consecutive, failures: 3, passes: 3 }\n");
    world.write("probes/shop.yaml", &slow);
    let every = async |world: &World| {
        world.json("/api/v1/touchpoints/shop").await["probes"][0]["every_seconds"].as_f64() == Some(2.0)
    };
    world.until("it is looked at every two seconds", every).await;
    let reloads = || world.log().matches("Took the new configuration").count() as u64;
    let (before, visits) = (reloads(), target.visits());
    let began = tokio::time::Instant::now();
    target.break_();
    let mut told = None;
    let wanted = many(60, 1000);
    while reloads() - before < wanted || told.is_none() {
        world.signal("-HUP");
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        if told.is_none() && !hook.taken("open").is_empty() {
            told = Some(reloads() - before);
        }
        assert!(began.elapsed() < crate::world::PATIENCE * 3, "{} reloads, told after {told:?}", reloads() - before);
        let failures = target.visits() - visits;
        assert!(told.is_some() || failures <= 8, "{failures} failures and not told: a reload forgets what was counted");
    }
    let reloaded = told.expect("the loop waits for it");
    assert!(reloaded > 3, "it was told while it was reloaded: {reloaded}");
    let (runs, passed) = (target.visits() - visits, began.elapsed().as_secs_f64());
    assert!(runs as f64 >= passed / 2.0 * 0.5 - 1.0, "{runs} runs in {passed} s: phases were lost");
    assert!(runs as f64 <= passed / 2.0 + 4.0, "{runs} runs in {passed} s: reloads make runs");
    let open = world.json("/api/v1/incidents?state=open").await;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1), "{open}");
    target.mend();
    world.until("the end is told", async |_: &World| hook.taken("resolve").len() == 1).await;
    assert_eq!(hook.taken("open").len(), 1);
}
