//! A line that loses a third of its packets: what TCP repairs is slow, never wrong (N03).

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::parts::island::Island;
use crate::parts::program;
use crate::world::World;

/// Ends with the test, whichever way that goes.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A web server on the island that is heard there.
fn web(island: &Island, world: &World) -> Killed {
    let folder = world.path("www");
    let python = program("python3");
    let mut command = island.command(python.to_str().unwrap());
    command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]).arg(folder).arg("8080");
    let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Killed(server);
    for _ in 0..400 {
        let asked = island.command("bash").args(["-c", ": < /dev/tcp/127.0.0.1/8080"]).stderr(Stdio::null()).status();
        if asked.unwrap().success() {
            return server;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the web server does not start");
}

/// `unbroken probe line/NAME` over there: its exit code and what it says.
fn probe(island: &Island, world: &World, name: &str) -> (i32, String) {
    let config = world.path("config");
    let output = island
        .command(env!("CARGO_BIN_EXE_unbroken"))
        .args(["--config", config.to_str().unwrap(), "probe", &format!("line/{name}")])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), told)
}

#[test]
fn lost_packets_make_answers_slow_and_never_wrong() {
    let island = Island::new("lossy");
    // The loopback's own packets would hold a whole page each.
    island.inside("ip", &["link", "set", "lo", "mtu", "1500"]);
    let world = World::empty();
    world.write("config/unbroken.yaml", "company: Test\nstore: ../unbroken.db\n");
    world.write("config/journeys.yaml", "journeys: { buy: { stages: { buy: { touchpoints: [line] } } } }\n");
    world.write("www/page.txt", &"0123456789abcdef".repeat(4096));
    world.write(
        "probes/line.yaml",
        "probes:\n  \
         web:\n    every: 10m\n    timeout: 5m\n    steps:\n      - http: { get: \"http://127.0.0.1:8080/page.txt\" }\n        \
         expect: { status: 200, body: { matches: \"^(0123456789abcdef)+$\" } }\n  \
         line:\n    every: 10m\n    timeout: 5m\n    steps:\n      - tcp:\n          connect: 127.0.0.1:8080\n          \
         dialogue: [ { send: \"GET /page.txt HTTP/1.0\\r\\n\\r\\n\" }, { expect: \"^HTTP/1.0 200\" } ]\n",
    );
    let _web = web(&island, &world);
    for name in ["web", "line"] {
        let (code, told) = probe(&island, &world, name);
        assert_eq!(code, 0, "on a good line: {told}");
    }
    // Every third packet, acknowledgements among them: no luck in it, and no long run of it either.
    let third =
        ["-A", "INPUT", "-p", "tcp", "-m", "statistic", "--mode", "nth", "--every", "3", "--packet", "0", "-j", "DROP"];
    island.inside("iptables", &third);
    for name in ["web", "line"] {
        let (code, told) = probe(&island, &world, name);
        assert_eq!(code, 0, "{name}: {told}");
    }
    let counted = island.command("iptables").args(["-nvxL", "INPUT"]).output().unwrap();
    let counted = String::from_utf8_lossy(&counted.stdout).into_owned();
    let lost = counted.lines().find(|line| line.contains("DROP")).and_then(|line| line.split_whitespace().next());
    assert!(lost.and_then(|lost| lost.parse::<u64>().ok()).is_some_and(|lost| lost >= 4), "{counted}");
}
