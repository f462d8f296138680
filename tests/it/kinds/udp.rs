//! `udp` against sockets that answer, refuse, and send whatever they like.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::UdpSocket;
use unbroken::model::{FaultCode, Phase, Verdict};
use unbroken::probe::Prober;

use super::{code, fault_of, found};
use crate::parts::free_address;
use crate::walk::{errand, order, run, step, tools};

/// Answers every datagram with these.
async fn peer(answers: Vec<Vec<u8>>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for answer in &answers {
                let echo = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let answer = if answer == b"echo" { echo.into_bytes() } else { answer.clone() };
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    address
}

fn udp(address: SocketAddr, dialogue: &Value) -> Value {
    json!({ "udp": { "connect": address.to_string(), "dialogue": dialogue } })
}

#[tokio::test]
async fn a_dialogue_goes_in_datagrams() {
    let peer = peer(vec![b"noise".to_vec(), b"echo".to_vec()]).await;
    let mut written = udp(peer, &json!([{ "send": "{\"say\": \"{{greeting}}\"}" }, { "expect": "say" }]));
    written["expect"] = json!({ "messages": { "length": 2 }, "json": { "$.say": "hello" } });
    written["capture"] = json!({ "said": { "text": "say\": \"([a-z]+)" } });
    let reading = run(json!([written])).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert_eq!(reading.outcome.steps[0].captured[0].value.as_deref(), Some("hello"));
}

#[tokio::test]
async fn bytes_are_written_in_hex() {
    let peer = peer(vec![vec![0x24, 0xff, 0x00]]).await;
    let mut written = udp(peer, &json!([{ "send": "e3 00" }, { "expect": "^24(ff)" }]));
    written["udp"]["encoding"] = json!("hex");
    written["capture"] = json!({ "byte": { "text": "^24(ff)" } });
    let reading = run(json!([written])).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert_eq!(reading.outcome.steps[0].captured[0].value.as_deref(), Some("ff"));
    written["udp"]["dialogue"] = json!([{ "send": "e30" }, { "expect": "24" }]);
    assert_eq!(code(written).await, Some(FaultCode::Expectation));
}

#[tokio::test]
async fn each_way_to_fail_has_its_code() {
    let closed = free_address();
    let talk = json!([{ "send": "PING" }, { "expect": "PONG" }]);
    assert_eq!(code(udp(closed, &talk)).await, Some(FaultCode::ConnectRefused));
    assert_eq!(code(udp(closed, &json!([{ "send": "a log line" }]))).await, Some(FaultCode::ConnectRefused));
    let open = peer(vec![]).await;
    assert_eq!(code(udp(open, &json!([{ "send": "a log line" }]))).await, None);

    let other = peer(vec![b"PUNG".to_vec()]).await;
    let reading = run(json!([udp(other, &talk)])).await;
    assert_eq!((fault_of(&reading), found(&reading)), (Some(FaultCode::Expectation), "PUNG"));

    let steps = vec![step(&udp(open, &talk))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(200), steps), order()).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!((fault.code, fault.phase), (FaultCode::Timeout, Some(Phase::Wait)));
}

#[tokio::test]
async fn hostile_sizes_have_an_end() {
    let talk = json!([{ "send": "PING" }, { "expect": "PONG" }]);
    let largest = peer(vec![vec![b'x'; 65_507], vec![]]).await;
    let reading = run(json!([udp(largest, &talk)])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    let flood = peer(vec![b"x".to_vec(); 150]).await;
    let reading = run(json!([udp(flood, &talk)])).await;
    assert_eq!(found(&reading), "100 others");
    let open = peer(vec![]).await;
    let reading = run(json!([udp(open, &json!([{ "send": "x".repeat(70_000) }]))])).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert!(fault.text.contains("does not fit into a datagram"), "{fault:?}");
}
