//! The daemon and the browsers that it starts: none outlives it, one that dies is our own trouble, and none is missed
//! where there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::Html;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::world::{Hook, Target, World};

/// A shell that sees the machine as it is where nobody has installed a browser, and then becomes what it is told.
const NO_CHROMIUM: [&str; 6] = ["unshare", "--mount", "/bin/sh", "-c", HIDE, "sh"];
const HIDE: &str = "for place in /usr/lib/chromium /usr/lib64/chromium-browser /opt/google/chrome; do \
     [ -d $place ] && mount -t tmpfs none $place; done; \
     for place in /usr/bin/chromium* /usr/bin/google-chrome* /usr/local/bin/chromium*; do \
     [ -e $place ] && mount --bind /dev/null $place; done; exec \"$@\"";

/// A page that is used for a second, and how often it was opened.
async fn page() -> (String, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let html = "<!doctype html><title>Shop</title><link rel=icon href='data:,'><h1>Welcome</h1><p id=p></p>\
                <script>setTimeout(() => p.textContent = 'All is there', 1000)</script>";
    let answer = move || {
        count.fetch_add(1, Ordering::SeqCst);
        async move { Html(html) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, opened)
}

/// A world whose shop is opened as well as used, and the folder that its browsers have for theirs.
async fn world(page: &str, hook: &Hook) -> (World, TempDir) {
    let target = Target::start().await;
    let mut world = World::new(&target, hook);
    let shop = crate::world::shop(&target.url());
    world.write(
        "probes/shop.yaml",
        &format!(
            "{shop}  use:\n    title: A customer looks around\n    every: 8s\n    timeout: 8s\n    steps:\n      - browser: \
             {{ open: \"{page}\", do: [ {{ wait_for: {{ text: All is there }} }} ] }}\n"
        ),
    );
    let rooms = tempfile::tempdir().unwrap();
    // Whoever browsers run as must come in.
    fs::set_permissions(rooms.path(), fs::Permissions::from_mode(0o711)).unwrap();
    world.set("TMPDIR", rooms.path().to_str().unwrap());
    (world, rooms)
}

/// The folders of browsers.
fn folders(rooms: &TempDir) -> Vec<PathBuf> {
    fs::read_dir(rooms.path()).unwrap().flatten().map(|entry| entry.path()).collect()
}

/// Every process whose profile lies there, or that belongs to the group of one.
fn processes(rooms: &TempDir) -> Vec<i32> {
    let profile = format!("--user-data-dir={}", rooms.path().display());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let numbers: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let of = |pid: &i32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains(&profile).then(|| group(*pid)).flatten()
    };
    let groups: Vec<i32> = numbers.iter().filter_map(of).collect();
    numbers.into_iter().filter(|pid| group(*pid).is_some_and(|group| groups.contains(&group))).collect()
}

/// The group of a process (`proc(5)`: the fifth field of `stat`).
fn group(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()
}

/// `kill -9` for the browser that a run has now.
fn kill_browser(rooms: &TempDir) {
    let leader = processes(rooms).into_iter().find_map(group).expect("a browser");
    kill_process(Pid::from_raw(leader).unwrap(), Signal::KILL).unwrap();
}

async fn readings(world: &World) -> Vec<Value> {
    let list = world.json("/api/v1/probes/shop/use/readings?limit=100").await;
    list["items"].as_array().unwrap().clone()
}

async fn verdicts(world: &World) -> Vec<String> {
    readings(world).await.iter().map(|reading| reading["verdict"].as_str().unwrap().to_owned()).collect()
}

/// Runs whose browser ended under them. (One that was not ready in time on a busy machine is another matter.)
async fn lost(world: &World) -> usize {
    let all = readings(world).await;
    all.iter().filter(|reading| reading["own_fault"].to_string().contains("it ended under the page")).count()
}

/// Waits until another run has its page open, and kills its browser: no run in between is let through.
async fn kill_next(world: &World, rooms: &TempDir, opened: &AtomicUsize, last: &mut usize) {
    world.until("a run has its page", async |_: &World| opened.load(Ordering::SeqCst) > *last).await;
    *last = opened.load(Ordering::SeqCst);
    kill_browser(rooms);
}

/// What we were told of ourselves, and of touchpoints.
fn told(hook: &Hook, kind: &str) -> (usize, usize) {
    let taken = hook.taken(kind);
    let own = taken.iter().filter(|letter| letter.body["data"]["cause"].to_string().contains("own")).count();
    (own, taken.len() - own)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_killed_once_is_forgiven_and_again_is_told_and_heals() {
    let (hook, (url, opened)) = (Hook::start().await, page().await);
    let (mut world, rooms) = world(&url, &hook).await;
    world.start().await;
    world.until("it is used", async |world: &World| verdicts(world).await.contains(&"good".to_owned())).await;

    let mut last = opened.load(Ordering::SeqCst);
    kill_next(&world, &rooms, &opened, &mut last).await;
    world.until("the run knew nothing", async |world: &World| lost(world).await > 0).await;
    world.until("the next run is well", async |world: &World| verdicts(world).await[0] == "good").await;
    assert_eq!(lost(&world).await, 1, "one run, and no other");
    assert_eq!(told(&hook, "open"), (0, 0), "once may be anything: {:?}", hook.letters());

    // Again and again: what lasts is told.
    let mut last = opened.load(Ordering::SeqCst);
    while told(&hook, "open").0 == 0 {
        kill_next(&world, &rooms, &opened, &mut last).await;
    }
    let letter = hook.taken("open").remove(0).body.to_string();
    assert!(letter.contains("our browser crashed"), "{letter}");
    assert_eq!(told(&hook, "open"), (1, 0), "one alert about ourselves, none about the shop: {:?}", hook.letters());
    world.until("it healed by itself", async |_: &World| told(&hook, "resolve").0 > 0).await;
    let after = verdicts(&world).await;
    assert!(
        after.iter().all(|verdict| verdict == "good" || verdict == "slow" || verdict == "inconclusive"),
        "{after:?}"
    );
    assert_eq!(told(&hook, "open"), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_browser_outlives_its_daemon() {
    let (hook, (url, opened)) = (Hook::start().await, page().await);
    let (mut world, rooms) = world(&url, &hook).await;
    let none_left = async |world: &World| {
        world.until("no process is left", async |_: &World| processes(&rooms).is_empty()).await;
    };
    world.start().await;
    world.until("a page is open", async |_: &World| opened.load(Ordering::SeqCst) > 0).await;
    assert!(processes(&rooms).len() > 2 && !folders(&rooms).is_empty());
    let (_, code) = world.stop().await;
    assert_eq!(
        (code, processes(&rooms), folders(&rooms)),
        (Some(0), Vec::new(), Vec::new()),
        "when it has ended, all has"
    );

    world.start().await;
    let count = opened.load(Ordering::SeqCst);
    world.until("a page is open again", async |_: &World| opened.load(Ordering::SeqCst) > count).await;
    world.kill();
    let left = folders(&rooms);
    none_left(&world).await;
    // Nobody was left to delete it.
    assert_eq!(left.len(), 1, "{left:?}");
    world.start().await;
    let count = opened.load(Ordering::SeqCst);
    world.until("a page is open once more", async |_: &World| opened.load(Ordering::SeqCst) > count).await;
    assert!(!left[0].exists(), "the next one tidies up: {:?}", folders(&rooms));
    world.stop().await;
    none_left(&world).await;
    assert_eq!(folders(&rooms), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_chromium_it_is_said_and_everything_else_goes_on() {
    let (hook, (url, opened)) = (Hook::start().await, page().await);
    let (mut world, _rooms) = world(&url, &hook).await;
    let advice = "there is no Chromium on this machine: install it (Debian and Ubuntu: `apt-get install";
    let (code, said, errors) = world.run_under(&NO_CHROMIUM, &["check"]);
    assert!(
        code == 0 && said.contains("browser: what needs one cannot run") && said.contains(advice),
        "{said}{errors}"
    );
    let (code, said, errors) = world.run_under(&NO_CHROMIUM, &["check", "--format", "json"]);
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert!(
        code == 0 && answer["ok"] == true && answer["browser"].as_str().unwrap().contains(advice),
        "{said}{errors}"
    );

    assert_eq!(world.start_under(&NO_CHROMIUM).await, None);
    world.until("it knows that it cannot", async |world: &World| !verdicts(world).await.is_empty()).await;
    let reading = readings(&world).await.remove(0);
    assert_eq!(reading["verdict"], "inconclusive");
    let why = reading["own_fault"].as_str().unwrap();
    assert!(why.contains("self_unsupported") && why.contains(advice), "{why}");
    let home =
        async |world: &World| world.json("/api/v1/probes/shop/home/readings").await["items"][0]["verdict"].clone();
    world.until("the rest is looked at", async |world: &World| home(world).await == "good").await;
    assert_eq!((opened.load(Ordering::SeqCst), told(&hook, "open").1), (0, 0), "{:?}", hook.letters());
    world.stop().await;

    // With one, nothing is said.
    let (code, said, errors) = world.run(&["check"]);
    assert!(code == 0 && !said.contains("Chromium"), "{said}{errors}");
    let yaml = fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    world.write("config/unbroken.yaml", &format!("{yaml}browser: {{ chromium: /nonexistent/chromium }}\n"));
    let (_, said, errors) = world.run(&["check"]);
    assert!(said.contains("names `/nonexistent/chromium`, which is not there"), "{said}{errors}");
}
