//! H01-H03: the total deadline ends every run, and what was measured until then is kept.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use unbroken::model::{FaultCode, Phase};

use crate::support::probe::{Met, get, http, network, prober, run};
use crate::support::raw::{Act, Raw, say};

const LIMIT_MS: u64 = 400;
/// What a run may take beyond its deadline.
const GRACE: Duration = Duration::from_millis(100);
/// On a machine that compiles beside the tests we may be put aside between two timers; not every time.
const TRIES: usize = 5;

async fn met(acts: Vec<Act>) -> Met {
    let raw = Raw::serve(acts).await;
    visited(get(raw.url_as("shop.test", "/"))).await
}

pub(super) async fn visited(settings: Value) -> Met {
    let limit = Duration::from_millis(LIMIT_MS);
    let (prober, errand) = (prober(network()), http(settings).within(LIMIT_MS).errand());
    let met = on_time(limit, || run(&prober, &errand)).await;
    assert!(met.took() >= limit, "it was given its time, not {:?}", met.took());
    met
}

/// Runs beside a bare timer with the same deadline: what the machine is late by, the timer is late by too.
pub(super) async fn on_time<T, R: Future<Output = T>>(limit: Duration, mut run: impl FnMut() -> R) -> T {
    let mut late = Vec::new();
    for _ in 0..TRIES {
        let deadline = Instant::now() + limit;
        let timer = async {
            sleep_until(deadline).await;
            Instant::now()
        };
        let run = async { (run().await, Instant::now()) };
        let (rang, (met, ended)) = tokio::join!(timer, run);
        let after = ended.saturating_duration_since(rang);
        if after <= GRACE {
            return met;
        }
        late.push(after);
    }
    panic!("ended after the timer by {late:?}")
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
    visited(get(url)).await.failed(FaultCode::Timeout, Phase::Wait);
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
    visited(settings).await.failed(FaultCode::Timeout, Phase::Send);
}

#[tokio::test]
async fn h01_a_handshake_that_hangs() {
    let raw = Raw::greet(vec![Act::Hang]).await;
    visited(get(raw.url("/").replace("http:", "https:"))).await.failed(FaultCode::Timeout, Phase::Tls);
}

#[tokio::test]
async fn h03_a_zipped_body_that_drips() {
    let head = say("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n");
    let drip = Act::Drip(b"1\r\n\x1f\r\n".to_vec(), Duration::from_millis(20));
    met(vec![head, drip]).await.failed(FaultCode::Timeout, Phase::Receive);
}
