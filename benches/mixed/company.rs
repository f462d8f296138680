//! A company of touchpoints of every kind, as YAML.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::peers::Addresses;

pub(crate) const TOKEN_NAME: &str = "BENCH_TOKEN";
pub(crate) const TOKEN: &str = "5f0c1a9be7d2438896b1c4aa";

/// Kind and how many of twenty probes are of it. `icmp` needs a system that lets this user ping: `http` stands in for it
/// where it does not.
const MIX: [(&str, u64); 14] = [
    ("http", 7),
    ("tcp", 1),
    ("tls", 1),
    ("dns", 1),
    ("udp", 1),
    ("websocket", 1),
    ("mqtt", 1),
    ("push", 1),
    ("smtp", 1),
    ("imap", 1),
    ("sip", 1),
    ("grpc", 1),
    ("exec", 1),
    ("icmp", 1),
];
const OF: u64 = 20;

pub(crate) struct Company {
    pub(crate) listen: SocketAddr,
    /// How many of each kind.
    counts: Vec<(&'static str, u64)>,
}

impl Company {
    pub(crate) fn write(folder: &Path, peers: &Addresses, probes: u64, every: Duration) -> Self {
        let listen = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let may_ping = may_ping();
        let share = |kind: &str, share: u64| match kind {
            "icmp" if !may_ping => 0,
            "http" if !may_ping => share + 1,
            _ => share,
        };
        let counts = MIX.iter().map(|(kind, of)| (*kind, probes * share(kind, *of) / OF));
        let counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
        for place in ["config", "probes"] {
            fs::create_dir_all(folder.join(place)).expect("a folder");
        }
        let write = |path: &str, text: &str| fs::write(folder.join(path), text).expect("writes");
        write("config/unbroken.yaml", &format!("company: Bench\nlisten: {listen}\nstore: ../bench.db\n"));
        let kinds: Vec<&str> = counts.iter().map(|(kind, _)| *kind).collect();
        let stages = format!("journeys:\n  all:\n    stages:\n      use: {{ touchpoints: [{}] }}\n", kinds.join(", "));
        write("config/journeys.yaml", &stages);
        for (kind, count) in &counts {
            let step = step(kind, peers);
            let (every, timeout) = (every.as_secs(), every.as_secs().min(5));
            let mut yaml = format!("defaults: {{ every: {every}s, timeout: {timeout}s }}\nprobes:\n");
            for number in 0..*count {
                write!(yaml, "  p{number}:\n    steps:\n      - {step}\n").expect("a text");
            }
            write(&format!("probes/{kind}.yaml"), &yaml);
        }
        Self { listen, counts }
    }

    /// Everything that shall be heard of has reported once.
    pub(crate) fn push_all(&self) {
        let pushed = self.counts.iter().filter(|(kind, _)| *kind == "push").map(|(_, count)| *count).sum();
        for number in 0..pushed {
            let mut stream = TcpStream::connect(self.listen).expect("the daemon listens");
            let body = "{\"value\": 42}";
            write!(
                stream,
                "POST /api/v1/push/push/p{number} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {TOKEN}\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{body}",
                self.listen,
                body.len()
            )
            .expect("is sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("answers");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }

    /// "400 http, 100 tcp, ..."
    pub(crate) fn mix(&self) -> String {
        self.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
    }
}

/// Whether the system lets this user's group ping (icmp(7)).
fn may_ping() -> bool {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ping_group_range").unwrap_or_default();
    let range: Vec<u64> = range.split_whitespace().filter_map(|text| text.parse().ok()).collect();
    let group = u64::from(rustix::process::getgid().as_raw());
    matches!(range[..], [first, last] if (first..=last).contains(&group))
}

/// One step of a kind, with an expectation that looks at the answer.
fn step(kind: &str, peers: &Addresses) -> String {
    match kind {
        "http" => format!(
            "{{ http: {{ get: \"http://{}/\" }}, expect: {{ status: 200, json: {{ $.price: 29.90 }} }}, capture: {{ price: {{ json: $.price }} }} }}",
            peers.http
        ),
        "tcp" => format!(
            "tcp: {{ connect: \"{}\", dialogue: [ {{ expect: \"^220 \" }}, {{ send: \"QUIT\\r\\n\" }}, {{ expect: \"221\" }} ] }}",
            peers.tcp
        ),
        "dns" => format!(
            "{{ dns: {{ lookup: shop.example.com, server: \"{}\" }}, expect: {{ records: {{ contains: 192.0.2.7 }} }} }}",
            peers.dns
        ),
        "udp" => {
            format!("udp: {{ connect: \"{}\", dialogue: [ {{ send: PING }}, {{ expect: PING }} ] }}", peers.udp)
        }
        "websocket" => format!(
            "websocket: {{ open: \"ws://{}/\", dialogue: [ {{ send: '{{\"say\": \"hello\"}}' }}, {{ expect: {{ json: {{ $.say: hello }} }} }} ] }}",
            peers.websocket
        ),
        "mqtt" => format!("mqtt: {{ connect: \"mqtt://{}\", publish: {{ topic: bench }} }}", peers.mqtt),
        "tls" => format!(
            "{{ tls: {{ connect: \"{}\", ca: {} }}, expect: {{ certificate: {{ expires_after: 1d }} }} }}",
            peers.tls,
            peers.ca.display()
        ),
        "smtp" => {
            format!(
                "{{ smtp: {{ connect: \"{}\", security: none }}, expect: {{ banner: {{ contains: ESMTP }} }} }}",
                peers.tcp
            )
        }
        "imap" => format!(
            "{{ imap: {{ connect: \"{}\", security: none, login: {{ user: anna, password: {{ env: {TOKEN_NAME} }} }}, \
             match: {{ subject: {{ contains: H-1 }} }}, delete: false }}, expect: {{ text: {{ contains: Dear Anna }} }} }}",
            peers.imap
        ),
        "sip" => format!("{{ sip: {{ options: \"sip:desk@{}\" }}, expect: {{ status: 200 }} }}", peers.sip),
        "grpc" => format!("{{ grpc: {{ connect: \"{}\" }}, expect: {{ status: SERVING }} }}", peers.grpc),
        "icmp" => "{ icmp: { ping: 127.0.0.1, count: 1 }, expect: { loss: 0 } }".to_owned(),
        "exec" => "{ exec: { run: [/bin/echo, '{\"value\": 7}'] }, expect: { value: 7 } }".to_owned(),
        _ => format!(
            "{{ push: {{ token: {{ env: {TOKEN_NAME} }}, within: 1h }}, expect: {{ value: {{ above: 40 }} }} }}"
        ),
    }
}
