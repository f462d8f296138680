//! `icmp` over loopback, and in a network namespace that loses packets or forbids pings.

use std::process::Output;

use serde_json::json;
use unbroken::model::Verdict;

use crate::parts::island::Island;
use crate::walk::run;
use crate::world::World;

#[tokio::test]
async fn loopback_loses_nothing() {
    for (host, ip) in [("127.0.0.1", "4"), ("::1", "6"), ("::1", "any")] {
        let reading = run(json!([{
            "icmp": { "ping": host, "count": 3, "gap": "10ms", "ip": ip },
            "expect": { "loss": 0, "rtt": { "below": "1s" }, "rtt_max": { "below": "2s" }, "rtt_min": { "above": 0 } },
            "capture": { "loss": { "field": "loss" } },
        }]))
        .await;
        assert_eq!(reading.outcome.verdict, Verdict::Good, "{host}");
    }
}

/// A configuration whose touchpoint `line` pings this machine four times.
fn world(expect: &str) -> World {
    let world = World::empty();
    world.write("config/unbroken.yaml", "company: Test\nstore: ../unbroken.db\n");
    world.write("config/journeys.yaml", "journeys: { buy: { stages: { buy: { touchpoints: [line] } } } }\n");
    world.write(
        "probes/line.yaml",
        &format!(
            "probes:\n  ping:\n    steps:\n      - icmp: {{ ping: 127.0.0.1, count: 4, gap: 10ms }}\n        expect: {{ {expect} }}\n"
        ),
    );
    world
}

/// What `unbroken probe line` prints there, started by these words.
fn probe(island: &Island, world: &World, starter: &[&str]) -> (i32, String) {
    let mut words = starter.to_vec();
    let config = world.path("config");
    words.extend([env!("CARGO_BIN_EXE_unbroken"), "--config", config.to_str().unwrap(), "probe", "line"]);
    let Output { status, stdout, stderr } = island.command(words[0]).args(&words[1..]).output().unwrap();
    (status.code().unwrap(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn lost_pings_are_counted_and_a_dead_line_is_down() {
    let island = Island::new("loss");
    // Every second echo that comes back is lost: no luck in it.
    let half = [
        "-A",
        "INPUT",
        "-p",
        "icmp",
        "--icmp-type",
        "echo-reply",
        "-m",
        "statistic",
        "--mode",
        "nth",
        "--every",
        "2",
        "--packet",
        "0",
        "-j",
        "DROP",
    ];
    island.inside("iptables", &half);
    let (code, told) = probe(&island, &world("loss: 50"), &[]);
    assert_eq!(code, 0, "{told}");
    let (code, told) = probe(&island, &world("loss: { below: 20 }"), &[]);
    assert!(code == 1 && told.contains("loss: expected below 20, found 50"), "{told}");

    island.inside("iptables", &["-F"]);
    island.inside("iptables", &["-A", "INPUT", "-p", "icmp", "-j", "DROP"]);
    let (code, told) = probe(&island, &world("rtt: { below: 1s }"), &[]);
    assert!(code == 1 && told.contains("timeout while waiting"), "{told}");
    assert!(told.contains("none of 4 pings to 127.0.0.1 came back"), "{told}");
    let (code, told) = probe(&island, &world("loss: 100"), &[]);
    assert_eq!(code, 0, "a line that must be dead: {told}");
}

#[test]
fn where_nobody_may_ping_we_say_how_to_allow_it() {
    let island = Island::new("may");
    let powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let world = world("loss: 0");
    island.inside("sysctl", &["-q", "net.ipv4.ping_group_range=1 0"]);
    let (code, told) = probe(&island, &world, &powerless);
    assert!(told.contains("inconclusive"), "it is no fault of the touchpoint: {code} {told}");
    assert!(told.contains("net.ipv4.ping_group_range=\"0 0\"") && told.contains("CAP_NET_RAW"), "{told}");
    // What it says helps.
    island.inside("sysctl", &["-q", "net.ipv4.ping_group_range=0 0"]);
    let (code, told) = probe(&island, &world, &powerless);
    assert!(code == 0 && told.contains("good"), "{told}");
}
