//! H01-H03: the total deadline ends every run, and what was measured until then is kept.

use std::time::Duration;

use serde_json::json;
use unbroken::model::{FaultCode, Phase};

use crate::support::probe::{Met, get, http};
use crate::support::raw::{Act, Raw, say};

const LIMIT_MS: u64 = 400;
/// The promise is 100 ms. A machine that compiles beside the tests gets more; a deadline that is reset by each byte gets caught.
const GRACE: Duration = Duration::from_millis(1500);

async fn met(acts: Vec<Act>) -> Met {
    let raw = Raw::serve(acts).await;
    let met = http(get(raw.url_as("shop.test", "/"))).within(LIMIT_MS).run().await;
    let limit = Duration::from_millis(LIMIT_MS);
    assert!(met.took() >= limit && met.took() < limit + GRACE, "took {:?}", met.took());
    met
}

#[tokio::test]
async fn h01_a_server_that_never_answers() {
    let met = met(vec![Act::Hang]).await;
    assert_eq!(met.phases(), ["dns", "connect", "send", "wait"]);
    let waited = met.last().phases.last().unwrap().took;
    assert!(waited > Duration::from_millis(LIMIT_MS / 2), "the wait took most of it, not {waited:?}");
    assert!(met.last().peer.is_some());
    assert!(met.attribute("url.full").is_some());
    met.failed(FaultCode::Timeout, Phase::Wait);
}

#[tokio::test]
async fn h01_a_full_backlog_does_not_hang_the_run() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Accepted by the kernel, read by nobody.
    http(get(url)).within(LIMIT_MS).run().await.failed(FaultCode::Timeout, Phase::Wait);
}

#[tokio::test]
async fn h02_a_head_that_drips() {
    let drip = Act::Drip(b"x-a: b\r\n".to_vec(), Duration::from_millis(20));
    let met = met(vec![say("HTTP/1.1 200 OK\r\n"), drip]).await;
    assert_eq!(met.phases(), ["dns", "connect", "send", "wait"]);
    met.failed(FaultCode::Timeout, Phase::Wait);
}

#[tokio::test]
async fn h03_a_body_that_drips() {
    let drip = Act::Drip(b"x".to_vec(), Duration::from_millis(20));
    let met = met(vec![say("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n"), drip]).await;
    assert_eq!(met.phases(), ["dns", "connect", "send", "wait", "receive"]);
    met.failed(FaultCode::Timeout, Phase::Receive);
}

#[tokio::test]
async fn a_body_that_nobody_takes_is_still_being_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let settings = json!({ "post": url, "body": "x".repeat(32 << 20) });
    http(settings).within(LIMIT_MS).run().await.failed(FaultCode::Timeout, Phase::Send);
}
