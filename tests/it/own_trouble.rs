//! Our own full disk, lost network, used up descriptors and ports are our own trouble: unknown, one self alert, and never the touchpoint's fault.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use tokio::time::Instant;

use crate::support::net::{Net, run};
use crate::sweep::many;
use crate::world::{Hook, Inside, Manner, Target, World, client, shop};

/// A small file system of its own, gone with the test.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf, size: &str) -> Self {
        fs::create_dir_all(&at).expect("a folder");
        run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", at.to_str().expect("utf-8")]);
        Self(at)
    }

    /// Leaves not a byte.
    fn fill(&self) {
        let file = self.0.join("ballast-of-another");
        let mut written = 0;
        for size in [1 << 20, 4096, 1] {
            let block = vec![0; size];
            let mut file = fs::File::options().create(true).append(true).open(&file).expect("a file");
            while std::io::Write::write_all(&mut file, &block).is_ok() {
                written += size;
                assert!(written < 1 << 30, "the disk has no end");
            }
        }
    }

    fn free(&self) {
        fs::remove_file(self.0.join("ballast-of-another")).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").args(["-l".as_ref(), self.0.as_os_str()]).status().ok();
    }
}

/// What `hook` was told of ourselves, and of touchpoints.
fn told(hook: &Hook, kind: &str) -> (usize, usize) {
    let taken = hook.taken(kind);
    let own = taken.iter().filter(|letter| letter.body["data"]["cause"].to_string().contains("own")).count();
    (own, taken.len() - own)
}

#[tokio::test]
async fn a_full_disk_is_one_self_alert_and_heals_without_a_restart() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let disk = Disk::mount(world.path("disk"), "4m");
    let yaml = fs::read_to_string(world.path("config/unbroken.yaml")).expect("it is there");
    world.write("config/unbroken.yaml", &yaml.replace("../unbroken.db", "../disk/unbroken.db"));
    world.start().await;
    world.until_score("buy", 100.0).await;
    disk.fill();
    world.until("we were told of it", async |_: &World| told(&hook, "open").0 > 0).await;
    assert_eq!(world.score("buy").await, Some(100.0), "probing goes on");
    assert_eq!(told(&hook, "open"), (1, 0), "one alert about ourselves, none about the shop");
    disk.free();
    world.until("it healed by itself", async |_: &World| told(&hook, "resolve").0 > 0).await;
    let ids: std::collections::BTreeSet<String> = hook.taken("open").into_iter().map(|letter| letter.id).collect();
    assert_eq!(ids.len(), 1, "the same message may come twice, with one id");
    assert_eq!(told(&hook, "open").1, 0);
}

/// Watches a while: runs go on, and no incident is shown, since none can be on disk.
async fn goes_on(world: &World, target: &Target, time: Duration) {
    let (began, seen) = (Instant::now(), target.visits());
    while began.elapsed() < time {
        let (status, page) = (world.json("/api/v1/status").await, world.get("/").await);
        assert_eq!(status["open_incidents"], 0, "shown before it is on disk: {status}");
        assert!(!page.contains("/incidents/"), "shown before it is on disk: {page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(target.visits() - seen > time.as_secs() / 3, "{} visits in {time:?}", target.visits() - seen);
}

#[tokio::test]
async fn a_store_that_another_process_holds_is_our_trouble_and_nobody_elses() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    let path = world.path("unbroken.db");
    let mut other = SqliteConnection::connect(path.to_str().expect("utf-8")).await.expect("it is there");
    // Until the daemon has let go of it for a moment.
    while sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.is_err() {}
    let hold = Duration::from_secs(many(10, 60));
    goes_on(&world, &target, hold).await;
    assert_eq!(world.score("buy").await, Some(100.0), "what is well stays well");
    assert_eq!(told(&hook, "open").1, 0, "nobody is told that what is well is broken: {:?}", hook.letters());
    target.break_();
    // What is decided while the file is held: the score says so at once.
    world.until_score("buy", 0.0).await;
    goes_on(&world, &target, hold / 2).await;
    assert_eq!(told(&hook, "open").1, 0, "told before it is on disk");
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("it was held");
    other.close().await.expect("it closes");
    world.until("what broke meanwhile is told", async |_: &World| told(&hook, "open").1 == 1).await;
    target.mend();
    world.until("and its end", async |_: &World| told(&hook, "resolve").1 == 1).await;
    assert_eq!(told(&hook, "open").1, 1, "{:?}", hook.letters());
}

#[tokio::test]
async fn the_dead_mans_switch_is_let_go_when_we_stand_still_or_cannot_write() {
    let (target, hook, switch) = (Target::start().await, Hook::start().await, Target::start().await);
    let mut world = World::new(&target, &hook);
    let yaml = fs::read_to_string(world.path("config/unbroken.yaml")).expect("it is there");
    world.write("config/unbroken.yaml", &format!("{yaml}  heartbeat: {{ url: \"{}\", every: 1s }}\n", switch.url()));
    world.start().await;
    let holds = async |world: &World| {
        let before = switch.visits();
        world.until("it is held", async |_: &World| switch.visits() > before + 1).await;
    };
    holds(&world).await;
    world.signal("-STOP");
    // What was under way has arrived.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = switch.visits();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(switch.visits(), before, "who stands still holds nothing");
    world.signal("-CONT");
    holds(&world).await;

    let path = world.path("unbroken.db");
    let mut other = SqliteConnection::connect(path.to_str().expect("utf-8")).await.expect("it is there");
    while sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.is_err() {}
    world.until("we are ill", async |world: &World| world.ask("/healthz").await.is_none()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (before, seen) = (switch.visits(), target.visits());
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(switch.visits(), before, "alive is not enough");
    assert!(target.visits() > seen, "and probing goes on");
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("it was held");
    other.close().await.expect("it closes");
    holds(&world).await;
}

#[tokio::test]
async fn an_outbox_that_stands_still_is_ill_and_a_receiver_that_hangs_is_not() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    hook.be(Manner::Hang);
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    let is_well = async |world: &World| world.ask("/healthz").await.is_some();
    world
        .until("three attempts were waited for in vain", async |world: &World| {
            assert!(is_well(world).await, "to start us again helps nobody:\n{}", world.log());
            hook.letters().len() > 3
        })
        .await;
    // A letter that cannot be read: none gets out any more.
    let path = world.path("unbroken.db");
    let mut other = SqliteConnection::connect(path.to_str().expect("utf-8")).await.expect("it is there");
    for sql in ["CREATE TEMP TABLE kept AS SELECT number, body FROM outbox", "UPDATE outbox SET body = '{}'"] {
        sqlx::query(sql).execute(&mut other).await.expect("it is written");
    }
    world.until("we are ill", async |world: &World| !is_well(world).await).await;
    let why = client().get(format!("{}healthz", world.page())).send().await.expect("an answer");
    assert_eq!(why.status(), 503);
    assert!(why.text().await.expect("text").starts_with("nothing is taken out of the outbox: no sign for "));
    assert_eq!(world.score("buy").await, Some(0.0), "probing goes on");
    hook.be(Manner::Take);
    let back = "UPDATE outbox SET body = kept.body FROM kept WHERE kept.number = outbox.number";
    sqlx::query(back).execute(&mut other).await.expect("it is written");
    other.close().await.expect("it closes");
    world.until("we are well", is_well).await;
    world.until("it is told", async |_: &World| told(&hook, "open").1 == 1).await;
}

/// Takes from a running daemon the right to open anything more; gives it back at the end.
struct Descriptors {
    pid: Pid,
    before: Rlimit,
}

impl Descriptors {
    fn none_left(pid: u32) -> Self {
        let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
        // A limit that is raised beyond what it was is refused even to root, where capabilities are few.
        let none = Rlimit { current: Some(0), maximum: getrlimit(Resource::Nofile).maximum };
        let before = prlimit(Some(pid), Resource::Nofile, none).expect("it is our child");
        Self { pid, before }
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        prlimit(Some(self.pid), Resource::Nofile, self.before).ok();
    }
}

#[tokio::test]
async fn no_descriptors_left_is_unknown_and_one_self_alert() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    // Over a connection from before: the daemon can accept none now.
    let (kept, page) = (client(), world.page().to_owned());
    let ask = async |path: &str| -> Value {
        let answer = kept.get(format!("{page}{path}")).send().await.expect("the old connection stands");
        answer.json().await.expect("JSON")
    };
    ask("api/v1/status").await;
    // The store's file is open for reading, too.
    ask("api/v1/probes/shop/home/readings").await;
    let none_left = Descriptors::none_left(world.pid());
    world.until("it is unknown", async |_: &World| ask("api/v1/status").await["journeys"][0]["score"].is_null()).await;
    world
        .until("the runs say why", async |_: &World| {
            ask("api/v1/probes/shop/home/readings").await.to_string().contains("self_no_descriptors")
        })
        .await;
    world
        .until("we know of our trouble", async |_: &World| {
            ask("api/v1/incidents?state=open").await["items"].to_string().contains("no file descriptors")
        })
        .await;
    drop(none_left);
    world.until("it healed by itself", async |_: &World| told(&hook, "resolve").0 > 0).await;
    world.until_score("buy", 100.0).await;
    assert_eq!(told(&hook, "open"), (1, 0), "one alert about ourselves, none about the shop");
}

const CABLE: &str = "cable";
/// The local ports that connections may begin from, first and last.
const PORTS: &str = "ip_local_port_range";

/// A network for the daemon, and a target in another.
fn apart() -> (Net, Net, Target) {
    let (here, there) = (Net::new("here"), Net::new("there"));
    here.cable(CABLE, &there, "10.99.1");
    let target = Target::start_on(there.listen([10, 99, 1, 2].into()));
    (here, there, target)
}

/// A daemon in a namespace, whose one receiver needs no network: a program that writes down what it is told.
async fn watching_from(net: &Net, target: &Target) -> World {
    let mut world = World::empty();
    world.write("take", "#!/bin/sh\ncat >> \"$(dirname \"$0\")/letters\"\necho >> \"$(dirname \"$0\")/letters\"\n");
    run("chmod", &["+x", world.path("take").to_str().expect("utf-8")]);
    world.write(
        "config/unbroken.yaml",
        &format!(
            "company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\nalerts: {{ receivers: {{ file: {{ command: {{ run: [\"{}\"] }} }} }} }}\n",
            world.path("take").display()
        ),
    );
    world.write("config/journeys.yaml", "journeys:\n  buy:\n    stages:\n      buy: { touchpoints: [shop] }\n");
    world.write("probes/shop.yaml", &shop(&target.url()));
    world.start_inside(&net.name).await;
    Inside(&net.name).until(&world, "it is seen", |status| status["journeys"][0]["score"] == 100.0).await;
    world
}

/// Waits until a self alert has come, and a little for more: there is one, and none about anybody else.
async fn one_self_alert(world: &World, code: &str) {
    let letters = || fs::read_to_string(world.path("letters")).unwrap_or_default();
    world.until("we were told of it", async |_: &World| letters().contains("\"own\"")).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let told: Vec<Value> = letters().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let opens: Vec<_> = told.iter().filter(|letter| letter["type"] == "incident.open").collect();
    assert_eq!(opens.len(), 1, "{opens:?}");
    let cause = opens[0]["data"]["cause"].to_string();
    assert!(cause.contains("own") && cause.contains(code), "{cause}");
}

#[tokio::test]
async fn a_lost_network_is_unknown_and_one_self_alert() {
    let (net, _elsewhere, target) = apart();
    let world = watching_from(&net, &target).await;
    net.link(CABLE, "down");
    Inside(&net.name).until(&world, "it is unknown", |status| status["journeys"][0]["score"].is_null()).await;
    one_self_alert(&world, "self_network_unreachable").await;
    net.link(CABLE, "up");
    Inside(&net.name).until(&world, "it is seen again", |status| status["journeys"][0]["score"] == 100.0).await;
}

/// Somebody else on our machine who holds both local ports to `address`.
fn hold_ports(net: &Net, address: &str) -> Child {
    let script = format!("exec 3<>/dev/tcp/{address} 4<>/dev/tcp/{address} && exec sleep 600");
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &net.name, "bash", "-c", &script]);
    command.spawn().expect("ip is there")
}

#[tokio::test]
async fn no_ports_left_is_unknown_and_one_self_alert() {
    let (net, _elsewhere, target) = apart();
    let world = watching_from(&net, &target).await;
    net.set(PORTS, "40000 40001");
    let at = target.url().replace("http://", "").replace(':', "/");
    let at = at.trim_end_matches('/').to_owned();
    let mut holder = hold_ports(&net, &at);
    let seen = Inside(&net.name);
    while !seen.asked(&world).is_some_and(|status| status["journeys"][0]["score"].is_null()) {
        // One of our own runs may have had a port just then.
        if holder.try_wait().expect("a child").is_some() {
            holder = hold_ports(&net, &at);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    one_self_alert(&world, "self_no_ports").await;
    holder.kill().expect("it runs");
    holder.wait().expect("it ends");
    net.set(PORTS, "32768 60999");
    seen.until(&world, "it is seen again", |status| status["journeys"][0]["score"] == 100.0).await;
}

/// Waits for the first request of a run: none came for a while before it.
async fn begins(target: &Target) {
    let (mut seen, mut since, began) = (target.visits(), Instant::now(), Instant::now());
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let quiet = since.elapsed();
        if target.visits() != seen {
            (seen, since) = (target.visits(), Instant::now());
            if quiet > Duration::from_millis(700) {
                return;
            }
        }
        assert!(began.elapsed() < crate::world::PATIENCE, "no run begins");
    }
}

#[tokio::test]
async fn a_machine_that_gives_us_no_time_blames_no_touchpoint() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    // Who is kept from its second request is out of time for it.
    let again = format!("      - http: {{ get: \"{}\" }}\n", target.url());
    let shop = shop(&target.url()).replace("every: 1s", "every: 2s").replace("900ms", "1900ms") + &again;
    world.write("probes/shop.yaml", &shop);
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.answer_after(Duration::from_millis(400));
    for _ in 0..3 {
        begins(&target).await;
        world.signal("-STOP");
        tokio::time::sleep(Duration::from_millis(3500)).await;
        world.signal("-CONT");
    }
    target.answer_after(Duration::ZERO);
    let runs = async |world: &World| {
        let runs = world.json("/api/v1/probes/shop/home/readings?limit=500").await;
        let runs = runs["items"].as_array().expect("a list").iter();
        // No other run can last longer than it may.
        runs.filter(|run| run["took_seconds"].as_f64() > Some(2.5)).cloned().collect::<Vec<_>>()
    };
    world.until("all runs are written", async |world: &World| runs(world).await.len() == 3).await;
    for run in runs(&world).await {
        assert!(run["verdict"] == "inconclusive" && run.to_string().contains("self_late"), "{run:#}");
    }
    assert_eq!(told(&hook, "open").1, 0, "{:?}", hook.letters());
    world.until_score("buy", 100.0).await;
    target.break_();
    world.until("what breaks is told", async |_: &World| told(&hook, "open").1 == 1).await;
}
