//! A peer of each protocol that accepts and never says a word: the run ends on time, and says where it waited.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::UdpSocket;
use tokio_tungstenite::accept_async;
use unbroken::model::{FaultCode, Phase};
use unbroken::probe::Prober;

use super::time::on_time;
use crate::walk::{errand, order, serve, step, tools};

const LIMIT: Duration = Duration::from_millis(500);

async fn silent() -> SocketAddr {
    serve(|mut stream| async move { while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {} }).await
}

/// Opens a chat, and that is all.
async fn chat() -> SocketAddr {
    serve(|stream| async move {
        if let Ok(socket) = accept_async(stream).await {
            let mut stream = socket.into_inner();
            while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
        }
    })
    .await
}

#[tokio::test]
async fn who_never_says_a_word_costs_the_timeout_and_no_more() {
    let at = silent().await.to_string();
    let hole = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let datagrams = hole.local_addr().unwrap().to_string();
    let login = json!({ "user": "anna", "password": "pw" });
    let wait = json!([{ "expect": "x" }]);
    let said = json!([{ "expect": { "text": "x" } }]);
    let rows: Vec<(&str, Value, FaultCode, Phase)> = vec![
        ("http", json!({ "http": { "get": format!("http://{at}/") } }), FaultCode::Timeout, Phase::Wait),
        ("https", json!({ "http": { "get": format!("https://{at}/") } }), FaultCode::Timeout, Phase::Tls),
        (
            "http3",
            json!({ "http": { "get": format!("https://{datagrams}/"), "version": "3" } }),
            FaultCode::Timeout,
            Phase::Connect,
        ),
        (
            "websocket",
            json!({ "websocket": { "open": format!("ws://{at}/"), "dialogue": said } }),
            FaultCode::Timeout,
            Phase::Wait,
        ),
        (
            "websocket, opened",
            json!({ "websocket": { "open": format!("ws://{}/", chat().await), "dialogue": said } }),
            FaultCode::Timeout,
            Phase::Receive,
        ),
        ("tcp", json!({ "tcp": { "connect": at, "dialogue": wait } }), FaultCode::Timeout, Phase::Receive),
        ("tls", json!({ "tls": { "connect": at } }), FaultCode::Timeout, Phase::Tls),
        (
            "smtp",
            json!({ "smtp": { "connect": at, "security": "none" } }),
            FaultCode::SmtpGreetingTimeout,
            Phase::Greeting,
        ),
        ("smtps", json!({ "smtp": { "connect": at, "security": "tls" } }), FaultCode::Timeout, Phase::Tls),
        (
            "imap",
            json!({ "imap": { "connect": at, "security": "none", "login": login } }),
            FaultCode::Timeout,
            Phase::Greeting,
        ),
        (
            "sip over UDP",
            json!({ "sip": { "options": format!("sip:{datagrams}") } }),
            FaultCode::SipTimeout,
            Phase::Wait,
        ),
        (
            "sip over TCP",
            json!({ "sip": { "options": format!("sip:{at}"), "transport": "tcp" } }),
            FaultCode::SipTimeout,
            Phase::Wait,
        ),
        ("mqtt", json!({ "mqtt": { "connect": format!("mqtt://{at}") } }), FaultCode::Timeout, Phase::Wait),
        ("grpc", json!({ "grpc": { "connect": at } }), FaultCode::Timeout, Phase::Wait),
        (
            "dns over UDP",
            json!({ "dns": { "lookup": "x.test", "server": datagrams } }),
            FaultCode::DnsTimeout,
            Phase::Dns,
        ),
        (
            "dns over TCP",
            json!({ "dns": { "lookup": "x.test", "server": format!("tcp://{at}") } }),
            FaultCode::DnsTimeout,
            Phase::Dns,
        ),
        (
            "dns over TLS",
            json!({ "dns": { "lookup": "x.test", "server": format!("tls://{at}") } }),
            FaultCode::Timeout,
            Phase::Tls,
        ),
        (
            "udp",
            json!({ "udp": { "connect": datagrams, "dialogue": [{ "send": "hello" }, { "expect": "x" }] } }),
            FaultCode::Timeout,
            Phase::Wait,
        ),
        (
            "links",
            json!({ "links": { "open": format!("http://{at}/"), "each": "30s" } }),
            FaultCode::Timeout,
            Phase::Wait,
        ),
        ("exec", json!({ "exec": { "run": ["/bin/sleep", "60"] } }), FaultCode::Timeout, Phase::Run),
    ];
    let prober = Prober::new(tools());
    let mut wrong = Vec::new();
    for (name, written, code, phase) in rows {
        let errand = errand(LIMIT, vec![step(&written)]);
        let reading = on_time(LIMIT, || prober.run(&errand, order())).await;
        match reading.outcome.verdict.fault() {
            Some(fault) if (fault.code, fault.phase) == (code, Some(phase)) => {}
            _ => wrong.push(format!("{name}: {:?}", reading.outcome.verdict)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
