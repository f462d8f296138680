//! A peer of each protocol that never stops talking.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio_tungstenite::accept_async;
use unbroken::model::{FaultCode, Phase};

use super::memory::Flood;
use crate::support::raw::{Act, Raw, say};
use crate::support::sip::reply;
use crate::walk::serve;

/// Says `first` to whatever is said first, then `more` for as long as somebody listens.
async fn after(first: Vec<u8>, more: Vec<u8>) -> SocketAddr {
    serve(move |mut stream| {
        let (first, more) = (first.clone(), more.clone());
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&first).await;
            while stream.write_all(&more).await.is_ok() {}
        }
    })
    .await
}

/// A server of HTTP/2 that hears a question out, then says `first`, then `more` for as long as somebody listens.
async fn asked(first: Vec<u8>, more: Vec<u8>) -> SocketAddr {
    serve(move |mut stream| {
        let (first, more) = (first.clone(), more.clone());
        async move {
            let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
            // The preface and the settings come first.
            let (mut heard, mut read) = (vec![0; 1024], 0);
            while read < 120 {
                read += stream.read(&mut heard).await.unwrap_or(120).max(1);
            }
            let _ = stream.write_all(&first).await;
            while stream.write_all(&more).await.is_ok() {}
        }
    })
    .await
}

/// Says it for as long as somebody listens, asked or not.
async fn at_once(more: Vec<u8>) -> SocketAddr {
    serve(move |mut stream| {
        let more = more.clone();
        async move { while stream.write_all(&more).await.is_ok() {} }
    })
    .await
}

/// A chat: opens, says `first`, then `more` for as long as somebody listens.
async fn chat(first: Vec<u8>, more: Vec<u8>) -> SocketAddr {
    serve(move |stream| {
        let (first, more) = (first.clone(), more.clone());
        async move {
            let Ok(socket) = accept_async(stream).await else { return };
            let mut stream = socket.into_inner();
            let _ = stream.write_all(&first).await;
            while stream.write_all(&more).await.is_ok() {}
        }
    })
    .await
}

/// Answers each datagram with one hundred thousand of these.
async fn datagrams(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let socket = std::sync::Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let (socket, answer) = (std::sync::Arc::clone(&socket), answer(&buffer[..length]));
            tokio::spawn(async move {
                for _ in 0..100_000 {
                    if socket.send_to(&answer, from).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A frame of a chat's message that goes on: final or not, with this much in it.
fn frame(first: u8, length: u16) -> Vec<u8> {
    let head = [&[first, 126][..], &length.to_be_bytes()].concat();
    [head, vec![b'x'; usize::from(length)]].concat()
}

pub(super) async fn conversations() -> Vec<Flood> {
    let websocket = |address: SocketAddr| json!({ "websocket": { "open": format!("ws://{address}/"), "dialogue": [{ "expect": { "text": "never" } }] } });
    let tcp =
        |address: SocketAddr| json!({ "tcp": { "connect": address.to_string(), "dialogue": [{ "expect": "never" }] } });
    let settings = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    let begun = [&[0, 0, 20, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x10, 16][..], b"application/grpc"].concat();
    let grpc = |address: SocketAddr| json!({ "grpc": { "connect": address.to_string() } });
    vec![
        Flood::capped(
            "websocket: a message without an end",
            websocket(chat(frame(0x01, 0xf000), frame(0x00, 0xf000)).await),
            FaultCode::WsProtocol,
            Phase::Receive,
        ),
        Flood::capped(
            "websocket: messages without an end",
            websocket(chat(vec![], frame(0x81, 0xf000)).await),
            FaultCode::Expectation,
            Phase::Receive,
        ),
        Flood::capped(
            "tcp: a line without an end",
            tcp(at_once(vec![b'x'; 64 << 10]).await),
            FaultCode::Expectation,
            Phase::Receive,
        ),
        Flood::capped(
            "tcp: lines without an end",
            tcp(at_once(b"250-more\r\n".repeat(5000)).await),
            FaultCode::Expectation,
            Phase::Receive,
        ),
        Flood::capped(
            "grpc: settings without an end",
            grpc(asked(vec![], settings.repeat(5000)).await),
            FaultCode::GrpcTooLarge,
            Phase::Wait,
        ),
        Flood::capped(
            "grpc: an answer without an end",
            grpc(asked(begun, [0, 0, 0, 0, 0, 0, 0, 0, 1].repeat(5000)).await),
            // The library sees it coming.
            FaultCode::Protocol,
            Phase::Receive,
        ),
    ]
}

pub(super) async fn mail() -> Vec<Flood> {
    let smtp = |address: SocketAddr| json!({ "smtp": { "connect": address.to_string(), "security": "none" } });
    let imap = |address: SocketAddr| {
        let login = json!({ "user": "anna", "password": "pw" });
        json!({ "imap": { "connect": address.to_string(), "security": "none", "login": login } })
    };
    let mails = [&b"* 1 FETCH (UID 1 BODY[] {500000}\r\n"[..], &vec![b'x'; 500_000], b")\r\n"].concat();
    vec![
        Flood::capped(
            "smtp: a greeting without an end",
            smtp(at_once(b"220-wait\r\n".repeat(5000)).await),
            FaultCode::MailProtocol,
            Phase::Greeting,
        ),
        Flood::capped(
            "smtp: a line without an end",
            smtp(at_once(vec![b'2'; 64 << 10]).await),
            FaultCode::MailProtocol,
            Phase::Greeting,
        ),
        Flood::capped(
            "imap: a line without an end",
            imap(at_once(vec![b'*'; 64 << 10]).await),
            FaultCode::MailProtocol,
            Phase::Greeting,
        ),
        Flood::capped(
            "imap: answers without an end",
            imap(at_once(b"* 7 EXISTS\r\n".repeat(5000)).await),
            FaultCode::MailProtocol,
            Phase::Greeting,
        ),
        Flood::capped(
            "imap: mails without an end",
            imap(at_once(mails).await),
            FaultCode::MailProtocol,
            Phase::Greeting,
        ),
    ]
}

pub(super) async fn telephones_and_brokers() -> Vec<Flood> {
    let queued = |request: &[u8]| reply(&String::from_utf8_lossy(request), "182 Queued", "", &"x".repeat(30_000));
    let desk = |address: SocketAddr, transport: &str| json!({ "sip": { "invite": format!("sip:desk@{address}"), "transport": transport } });
    let line = serve(move |mut stream| async move {
        let mut buffer = vec![0; 8192];
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        let answers = queued(&buffer[..read]).repeat(10);
        while stream.write_all(&answers).await.is_ok() {}
    })
    .await;
    let head = [&b"SIP/2.0 200 OK\r\nX: "[..], &vec![b'x'; 64 << 10]].concat();
    let message = [&b"\x30\xff\xff\x3f\x00\x01t"[..], &vec![b'x'; 0x000f_fffc]].concat();
    let broker = after(b"\x20\x02\x00\x00\x90\x03\x00\x01\x00".to_vec(), message).await;
    vec![
        Flood::capped("sip: ringing over TCP", desk(line, "tcp"), FaultCode::SipMalformed, Phase::Wait),
        Flood::capped(
            "sip: a head without an end",
            desk(after(head, vec![b'x'; 64 << 10]).await, "tcp"),
            FaultCode::SipMalformed,
            Phase::Wait,
        ),
        Flood::capped(
            "sip: ringing over UDP",
            desk(datagrams(queued).await, "udp"),
            FaultCode::SipMalformed,
            Phase::Wait,
        ),
        Flood::capped(
            "mqtt: messages without an end",
            json!({ "mqtt": { "connect": format!("mqtt://{broker}"), "publish": { "topic": "t" } } }),
            FaultCode::Protocol,
            Phase::Receive,
        ),
    ]
}

pub(super) async fn names_and_sites() -> Vec<Flood> {
    // The right length, another id: what answers something else is passed over until time is up (D05).
    let answers = [&[0xff, 0xff][..], &vec![0; 0xffff]].concat();
    let tcp = after(vec![], answers).await;
    let udp = datagrams(|_| vec![0; 4000]).await;
    let dns = |server: String| json!({ "dns": { "lookup": "www.example.com", "server": server } });
    let links: String = (0..400).map(|at| format!("<a href=/{at}{}>x</a>", "x".repeat(2000))).collect();
    let site = Raw::answer(move |_| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n";
        vec![say(head), say(&links), Act::Flood(b"<a href=/y>y</a>".repeat(4000))]
    })
    .await;
    let crawl = json!({ "links": { "open": site.url("/"), "each": "500ms", "rate": 100, "at_most": 20 } });
    std::mem::forget(site);
    let late = |name, step| Flood {
        name,
        step,
        within: Duration::from_millis(1500),
        ends: (FaultCode::DnsTimeout, Phase::Dns),
    };
    vec![
        late("dns: others' answers over TCP", dns(format!("tcp://{tcp}"))),
        late("dns: others' answers over UDP", dns(udp.to_string())),
        Flood::capped("links: pages without an end", crawl, FaultCode::LinkBroken, Phase::Assert),
        Flood::capped(
            "exec: words without an end",
            json!({ "exec": { "run": ["/usr/bin/yes", "and so on"] } }),
            FaultCode::Decode,
            Phase::Run,
        ),
    ]
}
