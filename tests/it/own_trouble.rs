//! Our own full disk and lost network are our own trouble: unknown, one self alert, and never the touchpoint's fault.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::world::{Hook, Target, World, shop};

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program} is missing ({error}): run ./tests/run, it installs it"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

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

/// A network namespace joined to this one by a veth pair, gone with the test.
struct Net {
    name: String,
    outside: String,
}

impl Net {
    /// Named and numbered by this process: another test run on this machine has another.
    fn new() -> Self {
        let id = std::process::id();
        let prefix = format!("10.{}.{}", 200 + id / 250 % 50, id % 250);
        let net = Self { name: format!("ub{id}"), outside: format!("{prefix}.1") };
        let (outer, inner) = (format!("ubo{id}"), format!("ubi{id}"));
        run("ip", &["netns", "add", &net.name]);
        run("ip", &["link", "add", &outer, "type", "veth", "peer", "name", &inner, "netns", &net.name]);
        run("ip", &["addr", "add", &format!("{}/24", net.outside), "dev", &outer]);
        run("ip", &["link", "set", &outer, "up"]);
        net.inside(&["addr", "add", &format!("{prefix}.2/24"), "dev", &inner]);
        net.inside(&["link", "set", &inner, "up"]);
        net.inside(&["link", "set", "lo", "up"]);
        net
    }

    fn inside(&self, args: &[&str]) {
        run("ip", &[&["-n", &self.name][..], args].concat());
    }

    fn link(&self, state: &str) {
        let id = self.name.trim_start_matches("ub").to_owned();
        self.inside(&["link", "set", &format!("ubi{id}"), state]);
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "del", &self.name]).status().ok();
    }
}

#[tokio::test]
async fn a_lost_network_is_unknown_and_one_self_alert() {
    let net = Net::new();
    let target = Target::start_on(&net.outside).await;
    let mut world = World::empty();
    // The one receiver that needs no network: a program that writes down what it is told.
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
    let inside = world_status(&net);
    world.start_inside(&net.name).await;
    inside.until(&world, "it is seen", |status| status["journeys"][0]["score"] == 100.0).await;
    net.link("down");
    inside.until(&world, "it is unknown", |status| status["journeys"][0]["score"].is_null()).await;
    let letters = || fs::read_to_string(world.path("letters")).unwrap_or_default();
    world.until("we were told of it", async |_: &World| letters().contains("\"own\"")).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let told: Vec<serde_json::Value> = letters().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let opens: Vec<_> = told.iter().filter(|letter| letter["type"] == "incident.open").collect();
    assert_eq!(opens.len(), 1, "{opens:?}");
    assert!(opens[0]["data"]["cause"].to_string().contains("own"), "{opens:?}");
    net.link("up");
    inside.until(&world, "it is seen again", |status| status["journeys"][0]["score"] == 100.0).await;
}

/// Asks the daemon from within its namespace.
struct Inside(String);

fn world_status(net: &Net) -> Inside {
    Inside(net.name.clone())
}

impl Inside {
    async fn until(&self, world: &World, what: &str, holds: impl Fn(&serde_json::Value) -> bool) {
        world
            .until(what, async |world: &World| {
                let url = format!("{}api/v1/status", world.page());
                let output = Command::new("ip")
                    .args(["netns", "exec", &self.0])
                    .arg(env!("CARGO_BIN_EXE_unbroken"))
                    .args(["status", "--format", "json", "--url", url.trim_end_matches("api/v1/status")])
                    .output()
                    .expect("ip is there");
                serde_json::from_slice(&output.stdout).is_ok_and(|status| holds(&status))
            })
            .await;
    }
}
