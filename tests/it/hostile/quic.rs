//! HTTP/3 servers that never stop, or never get on (H03, H06, H09, N03).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use serde_json::{Value, json};
use unbroken::model::{FaultCode, Phase};

use super::memory::Flood;
use super::time::visited;
use crate::support::certificates::Identity;
use crate::support::probe::http;

/// Literal fields follow, as QPACK writes them (RFC 9204, 4.5.1); the first is `:status: 200`.
const FIELDS: &[u8] = &[0, 0, 0xd9];
const DATA: u64 = 0;
const HEADERS: u64 = 1;
/// One that nobody knows, which is to be passed over (RFC 9114, 9).
const UNKNOWN: u64 = 0x21;

pub(super) fn floods() -> Vec<Flood> {
    let step =
        |said: Vec<u8>| json!({ "http": get(serve(Answer::Flood(said))), "expect": { "body": { "contains": "x" } } });
    let head = frame(HEADERS, FIELDS.len(), FIELDS);
    let endless = |kind| frame(kind, 1 << 40, b"");
    let after_head = |kind| [head.clone(), endless(kind)].concat();
    let after_body = |kind| [head.clone(), frame(DATA, 2, b"ok"), endless(kind)].concat();
    let body = (FaultCode::Expectation, Phase::Assert);
    let long_head = (FaultCode::HeadTooLarge, Phase::Wait);
    let besides = (FaultCode::Protocol, Phase::Receive);
    [
        ("http/3: a body without an end", after_head(DATA), body),
        ("http/3: a head without an end", endless(HEADERS), long_head),
        ("http/3: something unknown before the head", endless(UNKNOWN), long_head),
        ("http/3: something unknown before the body", after_head(UNKNOWN), besides),
        ("http/3: trailers without an end", after_body(HEADERS), besides),
    ]
    .map(|(name, said, (code, phase))| Flood::capped(name, step(said), code, phase))
    .into()
}

fn get(server: SocketAddr) -> Value {
    json!({ "get": format!("https://{server}/"), "version": "3", "tls": { "insecure": true } })
}

/// A frame that says how long it is, and what there is of it.
fn frame(kind: u64, length: usize, payload: &[u8]) -> Vec<u8> {
    // Numbers of one byte, and of eight (RFC 9000, 16).
    let length = (length as u64 | 0b11 << 62).to_be_bytes();
    [&[kind as u8][..], &length, payload].concat()
}

/// What a server does with each question.
#[derive(Clone)]
enum Answer {
    Say(Vec<u8>),
    /// This, then `y` for as long as somebody listens.
    Flood(Vec<u8>),
    /// This at once, then those, a few at a time, as over a line of 8 kbit/s.
    Drip(Vec<u8>, Vec<u8>),
}

fn serve(answer: Answer) -> SocketAddr {
    let mut tls = Identity::alone(&["localhost", "127.0.0.1"]).server(&["h3"]);
    tls.max_early_data_size = u32::MAX;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    // Half a hundred are flooded at once: on a busy machine one may wait for long.
    Arc::get_mut(&mut config.transport).unwrap().max_idle_timeout(None);
    let endpoint = quinn::Endpoint::server(config, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    talk(&connection, answer).await;
                }
            });
        }
    });
    address
}

/// Whatever goes wrong, the client has gone.
async fn talk(connection: &quinn::Connection, answer: Answer) -> Option<()> {
    // The control stream, with settings that set nothing (RFC 9114, 6.2.1).
    let mut control = connection.open_uni().await.ok()?;
    control.write_all(&[0, 4, 0]).await.ok()?;
    let (mut to, mut from) = connection.accept_bi().await.ok()?;
    from.read_to_end(1 << 20).await.ok()?;
    match answer {
        Answer::Say(said) => {
            to.write_all(&said).await.ok()?;
            to.finish().ok()?;
            connection.closed().await;
        }
        Answer::Flood(said) => {
            to.write_all(&said).await.ok()?;
            let chunk = vec![b'y'; 64 << 10];
            // Half a hundred are flooded by one server: the later ones must be let in.
            while to.write_all(&chunk).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Answer::Drip(said, more) => {
            to.write_all(&said).await.ok()?;
            for few in more.chunks(20) {
                to.write_all(few).await.ok()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    Some(())
}

/// A head of so many fields of a hundred bytes.
fn head(fields: usize) -> Vec<u8> {
    let field = [&[0x23, b'x', b'-', b'a', 96][..], &[b'a'; 96]].concat();
    let payload = [FIELDS, &field.repeat(fields)].concat();
    frame(HEADERS, payload.len(), &payload)
}

#[tokio::test]
async fn h09_a_head_that_is_too_long_is_told() {
    let body = frame(DATA, 2, b"ok");
    http(get(serve(Answer::Say([head(100), body.clone()].concat())))).run().await.good();
    let fault = http(get(serve(Answer::Say([head(1000), body].concat())))).run().await;
    let fault = fault.failed(FaultCode::HeadTooLarge, Phase::Wait);
    assert!(fault.text.contains("longer than 65536 bytes"), "{fault}");
}

#[tokio::test]
async fn h02_a_head_that_drips() {
    let whole = head(100);
    let met = visited(get(serve(Answer::Drip(vec![], whole)))).await;
    assert_eq!(met.phases(), ["connect", "send", "wait"]);
    met.failed(FaultCode::Timeout, Phase::Wait);
}

#[tokio::test]
async fn n03_a_body_at_8_kbit_a_second() {
    // Four times as long as there is time for.
    let body = frame(DATA, 1600, &[b'x'; 1600]);
    let met = visited(get(serve(Answer::Drip(head(1), body)))).await;
    assert_eq!(met.phases(), ["connect", "send", "wait", "receive"]);
    assert!(met.last().peer.is_some());
    met.failed(FaultCode::Timeout, Phase::Receive);
}
