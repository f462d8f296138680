//! Where a reply may make us connect to, whatever kind the next step is (D09, server-side request forgery).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use unbroken::model::{FaultCode, Reading, SelfFault, Verdict};
use unbroken::probe::{Prober, Tools};

use crate::support::dns::{Dns, Manner};
use crate::support::net::Net;
use crate::support::probe::asking;
use crate::support::raw::{Raw, say};
use crate::walk::{errand, order, step, tools};

/// An address of the namespace's own that counts as public.
const PUBLIC: &str = "198.51.100.7";

async fn run(steps: Value, servers: &[std::net::SocketAddr]) -> Reading {
    let steps = steps.as_array().unwrap().iter().map(step).collect();
    let tools = Tools { network: Arc::new(asking(servers)), ..tools() };
    Prober::new(tools).run(&errand(Duration::from_secs(5), steps), order()).await
}

/// Speaks plain text to whoever comes, on every address.
async fn anybody() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"220 come in\r\n").await.ok();
        }
    });
    port
}

/// A page on this address that says `text`.
async fn page(host: &str, text: String) -> String {
    let listener = TcpListener::bind((host, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let raw = Raw::on(listener, move |_| {
        vec![say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()))]
    });
    tokio::spawn(async move {
        let _raw = raw;
        std::future::pending::<()>().await;
    });
    url
}

/// Reads an address off a page of `host` and goes there with each kind that connects.
async fn led_from(host: &str, address: &str) -> Vec<(&'static str, Reading)> {
    let mut readings = Vec::new();
    for (kind, then) in [
        ("http", json!({ "http": { "get": "{{page}}" } })),
        ("websocket", json!({ "websocket": { "open": "{{chat}}" } })),
        ("tcp", json!({ "tcp": { "connect": "{{address}}" } })),
        ("tls", json!({ "tls": { "connect": "{{address}}" } })),
        ("dns", json!({ "dns": { "lookup": "www.example.com", "server": "{{address}}" } })),
    ] {
        let url = page(host, format!("http://{address}/ ws://{address}/ {address}")).await;
        let capture = json!({ "page": { "text": "(http\\S+)" }, "chat": { "text": "(ws\\S+)" }, "address": { "text": " ([^ /]+)$" } });
        let first = json!({ "http": { "get": url }, "capture": capture });
        readings.push((kind, run(json!([first, then]), &[]).await));
    }
    readings
}

fn refused(reading: &Reading) -> bool {
    reading.outcome.verdict.fault().is_some_and(|fault| fault.code == FaultCode::RedirectRefused)
}

#[test]
fn a_captured_address_leads_no_kind_from_a_public_page_into_our_network() {
    let net = Net::new("led");
    net.inside(&["addr", "add", &format!("{PUBLIC}/32"), "dev", "lo"]);
    net.enter(|| async {
        let port = anybody().await;
        for inside in [format!("127.0.0.1:{port}"), format!("[::ffff:127.0.0.1]:{port}")] {
            for (kind, reading) in led_from(PUBLIC, &inside).await {
                assert!(refused(&reading), "{kind} to {inside}: {:?}", reading.outcome.verdict);
            }
        }
        // From one public place to another, and within our own network, customers are led too.
        for (from, to) in [(PUBLIC, PUBLIC), ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", PUBLIC)] {
            for (kind, reading) in led_from(from, &format!("{to}:{port}")).await {
                assert!(!refused(&reading), "{kind} from {from} to {to}: {:?}", reading.outcome.verdict);
            }
        }
    });
}

#[tokio::test]
async fn a_captured_address_leads_no_kind_to_a_clouds_metadata() {
    for metadata in ["169.254.169.254:80", "[::ffff:169.254.169.254]:80"] {
        for (kind, reading) in led_from("127.0.0.1", metadata).await {
            assert!(refused(&reading), "{kind} to {metadata}: {:?}", reading.outcome.verdict);
        }
    }
}

#[test]
fn d09_a_name_that_moves_is_judged_by_the_address_that_is_connected_to() {
    let net = Net::new("moves");
    net.inside(&["addr", "add", &format!("{PUBLIC}/32"), "dev", "lo"]);
    net.enter(|| async {
        for (then, verdict) in [("127.0.0.1", "refused"), ("::ffff:127.0.0.1", "refused"), (PUBLIC, "followed")] {
            let listener = TcpListener::bind((PUBLIC, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let moved = "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n";
            let raw = Raw::on(listener, move |head| {
                let first = head.starts_with("GET / ");
                vec![say(if first { moved } else { "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" })]
            });
            let rebinds = Manner::Rebinds(PUBLIC.parse().unwrap(), then.parse::<IpAddr>().unwrap());
            let dns = Dns::serve(rebinds).await;
            let visit = json!([{ "http": { "get": format!("http://evil.example:{port}/") } }]);
            let reading = run(visit, &[dns.address]).await;
            let met = if refused(&reading) { "refused" } else { "followed" };
            assert_eq!(met, verdict, "then {then}: {:?}", reading.outcome.verdict);
            assert_eq!(raw.heads().len(), if verdict == "refused" { 1 } else { 2 });
        }
    });
}

#[tokio::test]
async fn d09_not_even_a_written_name_may_come_to_mean_a_clouds_metadata() {
    for metadata in ["169.254.169.254", "::ffff:169.254.169.254"] {
        let raw = Raw::serve(vec![say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]).await;
        let dns = Dns::serve(Manner::Rebinds([127, 0, 0, 1].into(), metadata.parse().unwrap())).await;
        let visit = json!({ "http": { "get": raw.url_as("shop.example", "/") } });
        let reading = run(json!([visit, visit]), &[dns.address]).await;
        let Verdict::Inconclusive { why, text } = &reading.outcome.verdict else { panic!("{reading:?}") };
        assert_eq!(*why, SelfFault::Unsafe, "{text}");
        assert_eq!(raw.heads().len(), 1);
    }
}
