//! `websocket` against chats that answer, refuse and break the rules.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use unbroken::model::{FaultCode, Verdict};
use unbroken::probe::Prober;

use super::{code, fault_of, found};
use crate::walk::{errand, order, run, serve, step, tools};

/// A bot that greets, then answers `say` with its own words.
async fn bot() -> SocketAddr {
    serve(|stream| async move {
        let mut traced = String::new();
        let look = |request: &Request, mut response: Response| {
            request.headers()["traceparent"].to_str().unwrap().clone_into(&mut traced);
            response.headers_mut().insert("sec-websocket-protocol", "chat".parse().unwrap());
            Ok(response)
        };
        let mut socket = accept_hdr_async(stream, look).await.unwrap();
        socket.send(Message::text(r#"{"from": "lobby"}"#)).await.unwrap();
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            let said: Value = serde_json::from_str(&text).unwrap();
            let answer = json!({ "from": "bot", "heard": said["say"], "trace": traced });
            socket.send(Message::text(answer.to_string())).await.unwrap();
        }
    })
    .await
}

fn chat(address: SocketAddr, dialogue: &Value) -> Value {
    json!({ "websocket": { "open": format!("ws://{address}/chat"), "subprotocol": "chat", "dialogue": dialogue } })
}

#[tokio::test]
async fn a_bot_answers_in_turns() {
    let mut written = chat(
        bot().await,
        &json!([
            { "send": r#"{"say": "{{greeting}}"}"# },
            { "expect": { "json": { "$.from": "bot", "$.heard": "{{greeting}}", "$.trace": { "matches": "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$" } } } },
        ]),
    );
    written["expect"] = json!({ "messages": { "contains": "lobby", "length": 2 }, "subprotocol": "chat" });
    assert_eq!(run(json!([written])).await.outcome.verdict, Verdict::Good);
}

#[tokio::test]
async fn a_message_may_come_as_bytes() {
    let address = serve(|stream| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.send(Message::binary(r#"{"from": "bot"}"#.as_bytes().to_vec())).await.unwrap();
        let _ = socket.next().await;
    })
    .await;
    let dialogue = json!([{ "expect": { "json": { "$.from": "bot" } } }]);
    let written = json!({ "websocket": { "open": format!("ws://{address}/"), "dialogue": dialogue } });
    assert_eq!(code(written).await, None);
}

#[tokio::test]
async fn another_answer_is_told() {
    let dialogue = json!([{ "send": "{\"say\": 1}" }, { "expect": { "json": { "$.from": "human" } } }]);
    let reading = run(json!([chat(bot().await, &dialogue)])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    assert_eq!(found(&reading), "bot");
}

/// Answers the request with raw bytes, in which `{accept}` is the right key.
async fn raw(answer: Vec<u8>) -> SocketAddr {
    serve(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            let request = String::from_utf8_lossy(&buffer[..read]).to_ascii_lowercase();
            let at = request.find("sec-websocket-key: ").unwrap() + "sec-websocket-key: ".len();
            let key = derive_accept_key(buffer[at..].split(|byte| *byte == b'\r').next().unwrap());
            let (head, rest) = match answer.windows(8).position(|part| part == b"{accept}") {
                Some(at) => ([&answer[..at], key.as_bytes()].concat(), answer[at + 8..].to_vec()),
                None => (answer, vec![]),
            };
            stream.write_all(&[head, rest].concat()).await.unwrap();
            let _ = stream.read(&mut buffer).await;
        }
    })
    .await
}

async fn after_opening(frames: &[u8]) -> SocketAddr {
    let head = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Accept: {accept}\r\n\r\n";
    raw([&head[..], frames].concat()).await
}

#[tokio::test]
async fn each_way_to_refuse_and_to_break_has_its_code() {
    let any = json!([{ "expect": { "text": { "exists": true } } }]);
    let page = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_vec()).await;
    assert_eq!(code(chat(page, &any)).await, Some(FaultCode::WsRefused));
    let wrong =
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: d3Jvbmc=\r\n\r\n";
    assert_eq!(code(chat(raw(wrong.to_vec()).await, &any)).await, Some(FaultCode::WsRefused));
    for (frames, wanted) in [
        // A server must not mask, set reserved bits or invent opcodes (RFC 6455, 5.1, 5.2).
        (&[0x81, 0x81, 1, 2, 3, 4, b'x' ^ 1][..], FaultCode::WsProtocol),
        (&[0xf1, 0x01, b'x'], FaultCode::WsProtocol),
        (&[0x83, 0x01, b'x'], FaultCode::WsProtocol),
        // One TiB is announced.
        (&[0x82, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0], FaultCode::WsProtocol),
        // Closed with 1011.
        (&[0x88, 0x02, 0x03, 0xf3], FaultCode::WsProtocol),
        (&[0x81, 0x01, 0xff], FaultCode::WsProtocol),
        // Close codes that may not travel, or of one byte.
        (&[0x88, 0x02, 0x03, 0xed], FaultCode::WsProtocol),
        (&[0x88, 0x01, 0x03], FaultCode::WsProtocol),
        // A compressed bomb that nobody agreed to; a fragment of nothing.
        (&[0xc1, 0x04, 0xf2, 0x48, 0x05, 0x00], FaultCode::WsProtocol),
        (&[0x80, 0x01, b'x'], FaultCode::WsProtocol),
    ] {
        assert_eq!(code(chat(after_opening(frames).await, &any)).await, Some(wanted), "{frames:x?}");
    }
    let silent = after_opening(&[]).await;
    let steps = vec![step(&chat(silent, &any))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(200), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Timeout));
}

/// Opens, then sends these bytes for as long as they are taken.
async fn flood(bytes: Vec<u8>) -> SocketAddr {
    serve(move |stream| {
        let bytes = bytes.clone();
        async move {
            let look = |_: &Request, mut response: Response| {
                response.headers_mut().insert("sec-websocket-protocol", "chat".parse().unwrap());
                Ok(response)
            };
            let mut stream = accept_hdr_async(stream, look).await.unwrap().into_inner();
            while stream.write_all(&bytes).await.is_ok() {}
        }
    })
    .await
}

#[tokio::test]
async fn what_never_ends_ends_at_the_caps() {
    let wanted = json!([{ "expect": { "text": "never" } }]);
    // Fragments of one message; whole messages; pings.
    let mut fragment = vec![0x00, 0x7e, 0x10, 0x00];
    fragment.extend([b'x'; 0x1000]);
    let first = {
        let fragment = fragment.clone();
        serve(move |stream| {
            let fragment = fragment.clone();
            async move {
                let look = |_: &Request, mut response: Response| {
                    response.headers_mut().insert("sec-websocket-protocol", "chat".parse().unwrap());
                    Ok(response)
                };
                let mut stream = accept_hdr_async(stream, look).await.unwrap().into_inner();
                stream.write_all(&[0x01, 0x01, b'x']).await.unwrap();
                while stream.write_all(&fragment).await.is_ok() {}
            }
        })
        .await
    };
    // Both end at a cap: at the deadline they would be timeouts.
    let reading = run(json!([chat(first, &wanted)])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::WsProtocol));
    let text = &reading.outcome.verdict.fault().unwrap().text;
    assert!(text.contains("too much"), "{text}");
    assert_eq!(code(chat(flood(vec![0x81, 0x01, b'x']).await, &wanted)).await, Some(FaultCode::Expectation));
    let steps = vec![step(&chat(flood(vec![0x89, 0x00]).await, &wanted))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(300), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Timeout));
    // Never opens: no answer to the request at all.
    let steps = vec![step(&chat(serve(|stream| async move { std::mem::forget(stream) }).await, &wanted))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(300), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Timeout));
}

#[tokio::test]
async fn what_a_message_says_is_said_again() {
    let mut written = chat(
        bot().await,
        &json!([
            { "send": "{\"say\": \"my number is \\\"7\\\"\"}" },
            { "expect": { "json": { "$.from": "bot" } } },
            { "capture": { "heard": { "json": "$.heard" }, "token": { "text": "\"trace\":\"([^\"]+)\"" } } },
            { "send": "{\"say\": \"{{heard}}!\"}" },
            { "expect": { "json": { "$.heard": "{{heard}}!" } } },
            { "send": ["{\"say\": \"", { "$unbroken::secret": ["env PIN", "q\"17-secret"] }, "\"}"] },
            { "expect": { "json": { "$.heard": { "length": 11 } } } },
            { "send": "{\"say\": \"again\"}" },
            { "expect": { "json": { "$.heard": "q\"17-secret" } } },
        ]),
    );
    written["expect"] = json!({ "heard": "my number is \"7\"" });
    let reading = run(json!([written])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    // It got as far as the last turn, and the secret in it is not shown.
    assert_eq!(found(&reading), "again");
    let text = &reading.outcome.verdict.fault().unwrap().text;
    assert_eq!(text, "turn 9, json $.heard: expected •••, found again");
    let captured = &reading.outcome.steps[0].captured;
    let shown: Vec<_> = captured.iter().map(|it| (it.name.as_str(), it.value.as_deref())).collect();
    assert_eq!(shown, [("heard", Some("my number is \"7\"")), ("token", None)]);
}

#[tokio::test]
async fn another_subprotocol_than_the_one_asked_for_is_no_conversation() {
    let mut written = chat(bot().await, &json!([]));
    written["websocket"]["subprotocol"] = json!("xmpp");
    assert_eq!(code(written.clone()).await, Some(FaultCode::WsRefused));
    written["expect"] = json!({ "subprotocol": "chat" });
    assert_eq!(code(written).await, Some(FaultCode::WsRefused));
}
