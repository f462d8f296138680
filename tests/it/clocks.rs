//! Wall clocks that jump, a machine that sleeps, one that begins in 1970: with the real daemon under libfaketime.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::certificates::{Authority, Valid};
use crate::support::web::Web;
use crate::world::{Hook, Manner, Target, World, shop};

const HOUR: i64 = 3600;

/// The library that tells a program another time.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|folder| folder.path());
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|path| path.is_file());
    found.expect("libfaketime is not installed: run ./tests/run, it installs what the tests need")
}

/// A world whose wall clock the test sets; time goes on as it does.
pub(crate) fn faked(target: &Target, hook: &Hook) -> World {
    let mut world = World::new(target, hook);
    set(&world, "+0");
    world.set("LD_PRELOAD", faketime().to_str().unwrap());
    world.set("FAKETIME_TIMESTAMP_FILE", world.path("time").to_str().unwrap());
    world.set("FAKETIME_NO_CACHE", "1");
    world.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    world.set("DONT_FAKE_MONOTONIC", "1");
    world.set("NO_FAKE_STAT", "1");
    world
}

pub(crate) fn set(world: &World, time: &str) {
    world.write("time", time);
}

/// What it was told of touchpoints.
fn about_others(hook: &Hook, kind: &str) -> usize {
    hook.taken(kind).iter().filter(|letter| !letter.body["data"]["cause"].to_string().contains("own")).count()
}

/// Runs go on at their pace: neither a burst nor silence.
async fn at_its_pace(target: &Target) {
    let (began, seen) = (Instant::now(), target.visits());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (passed, runs) = (began.elapsed().as_secs_f64(), (target.visits() - seen) as f64);
    assert!(runs <= passed + 3.0, "{runs} runs in {passed} s: a burst");
    assert!(runs >= passed / 3.0, "{runs} runs in {passed} s: silence");
}

#[tokio::test]
async fn an_hour_ahead_and_back_is_our_trouble_and_stops_nothing() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = faked(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    set(&world, "+3600");
    at_its_pace(&target).await;
    world.until_score("buy", 100.0).await;
    let troubled =
        async |world: &World| world.json("/api/v1/status").await["troubles"].to_string().contains("self_clock");
    world.until("the clock is doubted", troubled).await;
    // Back again: an hour must not have to pass once more.
    set(&world, "+0");
    at_its_pace(&target).await;
    world.until_score("buy", 100.0).await;
    world.until("the clock is believed", async |world: &World| !troubled(world).await).await;
    assert_eq!(about_others(&hook, "open"), 0, "{:?}", hook.letters());
    target.break_();
    world.until("what breaks is told", async |_: &World| about_others(&hook, "open") == 1).await;
    target.mend();
    world.until("what works is told", async |_: &World| about_others(&hook, "resolve") == 1).await;
    let runs = world.json("/api/v1/probes/shop/home/readings?limit=100").await;
    let runs = runs["items"].as_array().unwrap();
    assert!(
        runs.iter().all(|run| run["took_seconds"].as_f64().is_some_and(|took| (0.0..5.0).contains(&took))),
        "{runs:?}"
    );
    let day = &world.json("/api/v1/touchpoints/shop").await["probes"][0]["windows"]["24h"];
    assert!(day["good"].as_u64() <= day["runs"].as_u64(), "{day}");
}

#[tokio::test]
async fn a_letter_that_waits_does_not_wait_for_a_clock_that_was_set_back() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    hook.be(Manner::Refuse);
    let mut world = faked(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    world.until("it was tried a few times", async |_: &World| hook.letters().len() > 2).await;
    set(&world, "-3600");
    hook.be(Manner::Take);
    world.until("it is taken", async |_: &World| about_others(&hook, "open") == 1).await;
    target.mend();
    world.until("its end is told", async |_: &World| about_others(&hook, "resolve") == 1).await;
}

#[tokio::test]
async fn a_machine_that_slept_knows_nothing_of_that_hour_and_catches_up_once() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = faked(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    world.signal("-STOP");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let slept = jiff::Zoned::now().timestamp();
    set(&world, "+3600");
    let seen = target.visits();
    world.signal("-CONT");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(target.visits() - seen <= 2, "{} runs at once", target.visits() - seen);
    world.until_score("buy", 100.0).await;
    let from = slept + jiff::SignedDuration::from_mins(10);
    let to = from + jiff::SignedDuration::from_mins(30);
    let past = world.json(&format!("/api/v1/journeys/buy/history?from={from}&to={to}&step=1m")).await;
    let points = past.as_array().unwrap();
    assert!(points.iter().all(|point| point["score"].is_null()), "neither up nor down: {past}");
    assert_eq!(about_others(&hook, "open"), 0, "{:?}", hook.letters());
}

#[tokio::test]
async fn in_1970_a_certificate_is_not_judged_and_the_clock_is_told() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let authority = Authority::new("Test");
    let web = Web::secure(authority.sign(&["localhost"], Valid::Now).server(&["http/1.1"])).await;
    let mut world = faked(&target, &hook);
    world.write("ca.pem", &authority.pem());
    let file = shop(&web.url("https", "localhost"));
    let file = file.replace("http: { get: ", "http: { tls: { ca: ../ca.pem }, get: ");
    world.write("probes/shop.yaml", &file);
    world.start().await;
    world.until_score("buy", 100.0).await;
    world.stop().await;
    std::fs::remove_file(world.path("unbroken.db")).unwrap();
    let years = jiff::Zoned::now().timestamp().as_second() - 2 * HOUR;
    set(&world, &format!("-{years}"));
    world.start().await;
    let excused =
        async |world: &World| world.json("/api/v1/probes/shop/home/readings").await.to_string().contains("self_clock");
    world.until("the run is inconclusive", excused).await;
    let own = async |_: &World| hook.taken("open").iter().any(|letter| letter.body.to_string().contains("self_clock"));
    world.until("our clock is told", own).await;
    assert_eq!(about_others(&hook, "open"), 0, "{:?}", hook.letters());
}

/// A moment, and the windows that are open then.
type Moment = (&'static str, &'static [&'static str]);

/// Nights that skip an hour, or half of one, or have it twice, and one between two days.
const MOMENTS: &[Moment] = &[
    ("2027-03-14T07:50:00Z", &[]),
    ("2027-03-14T08:10:00Z", &["four in New York"]),
    ("2027-03-27T22:45:00Z", &["midnight"]),
    ("2027-03-27T23:15:00Z", &["midnight"]),
    ("2027-03-27T23:45:00Z", &[]),
    ("2027-03-28T00:50:00Z", &["before two"]),
    ("2027-03-28T01:10:00Z", &[]),
    ("2027-04-03T14:50:00Z", &["Lord Howe"]),
    ("2027-04-03T15:05:00Z", &[]),
    ("2027-04-03T15:20:00Z", &["Lord Howe"]),
    ("2027-04-03T15:50:00Z", &[]),
    ("2027-10-02T15:20:00Z", &["Lord Howe"]),
    ("2027-10-02T15:35:00Z", &[]),
    ("2027-10-31T00:35:00Z", &["after two"]),
    ("2027-10-31T00:50:00Z", &[]),
    ("2027-10-31T01:35:00Z", &["after two"]),
    ("2027-10-31T01:50:00Z", &[]),
    ("2027-11-07T08:10:00Z", &[]),
    ("2027-11-07T09:10:00Z", &["four in New York"]),
];

const WINDOWS: &str = "timezone: Europe/Berlin
maintenance:
  - { name: midnight, every: \"Mon..Sun 23:30-00:30\" }
  - { name: before two, every: \"Sun 01:30-02:30\" }
  - { name: after two, every: \"Sun 02:32-02:45\" }
  - { name: Lord Howe, every: \"Sun 01:45-02:15\", timezone: Australia/Lord_Howe }
  - { name: four in New York, every: \"Sun 04:00-05:00\", timezone: America/New_York }
";

/// Makes it that moment for the daemon that is started next.
fn begin_at(world: &World, moment: &str) {
    let moment: jiff::Timestamp = moment.parse().unwrap();
    set(world, &format!("+{}", moment.as_second() - jiff::Zoned::now().timestamp().as_second()));
}

async fn open_windows(world: &World) -> Vec<String> {
    let windows = world.json("/api/v1/maintenance").await["items"].as_array().unwrap().clone();
    let open = windows.iter().filter(|window| window["open"] == true);
    open.map(|window| window["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_window_is_open_whenever_a_clock_on_the_wall_shows_its_time() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = faked(&target, &hook);
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    world.write("config/unbroken.yaml", &format!("{WINDOWS}{settings}"));
    for (moment, wanted) in MOMENTS {
        begin_at(&world, moment);
        world.start().await;
        assert_eq!(open_windows(&world).await, *wanted, "{moment}");
        world.stop().await;
    }
    // Somebody decides that Berlin's clocks go another way: the next start goes by what is written there.
    let zone = |name: &str| std::fs::read(format!("/usr/share/zoneinfo/{name}")).unwrap();
    for folder in ["zones/Europe", "zones/Australia", "zones/America"] {
        std::fs::create_dir_all(world.path(folder)).unwrap();
    }
    for name in ["Australia/Lord_Howe", "America/New_York"] {
        std::fs::write(world.path("zones").join(name), zone(name)).unwrap();
    }
    world.set("TZDIR", world.path("zones").to_str().unwrap());
    for (clocks, wanted) in [("Europe/Berlin", &[][..]), ("Asia/Tokyo", &["midnight"])] {
        std::fs::write(world.path("zones/Europe/Berlin"), zone(clocks)).unwrap();
        begin_at(&world, "2027-11-08T15:00:00Z");
        world.start().await;
        assert_eq!(open_windows(&world).await, wanted, "{clocks}");
        world.stop().await;
    }
}

/// The night in which the clocks go forward: the window would end at half past two, which never comes.
#[tokio::test]
async fn what_is_still_down_when_the_clocks_go_forward_is_told_then_and_once() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = faked(&target, &hook);
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    world.write("config/unbroken.yaml", &format!("{WINDOWS}{settings}"));
    begin_at(&world, "2027-03-28T00:59:10Z");
    world.start().await;
    target.break_();
    world.until("it is told", async |_: &World| about_others(&hook, "open") > 0).await;
    let letter = hook.taken("open").remove(0).body;
    let time = |value: &serde_json::Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let forward: jiff::Timestamp = "2027-03-28T01:00:00Z".parse().unwrap();
    assert!(time(&letter["data"]["opened"]) < forward, "it opened in the window: {letter}");
    assert!(time(&letter["timestamp"]) >= forward, "it was told after the window: {letter}");
    target.mend();
    world.until("its end is told", async |_: &World| about_others(&hook, "resolve") == 1).await;
    assert_eq!(about_others(&hook, "open"), 1);
}
