//! `tcp` against servers that talk, stammer and hang up.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use unbroken::model::{FaultCode, Verdict};
use unbroken::probe::Prober;

use super::{code, fault_of, found};
use crate::walk::{errand, order, run, serve, step, tools};

async fn mail() -> String {
    let address = serve(|mut stream| async move {
        stream.write_all(b"220 mail.example.com ESMTP\r\n").await.unwrap();
        let mut buffer = [0; 64];
        let read = stream.read(&mut buffer).await.unwrap();
        if buffer[..read].starts_with(b"EHLO hello") {
            stream.write_all(b"250-SIZE\r\n250 STARTTLS\r\n").await.unwrap();
            let _ = stream.read(&mut buffer).await;
            stream.write_all(b"221 bye\r\n").await.unwrap();
        }
    })
    .await;
    address.to_string()
}

#[tokio::test]
async fn a_dialogue_goes_in_turns() {
    let reading = run(json!([{
        "tcp": { "connect": mail().await, "dialogue": [
            { "expect": "^220 " }, { "send": "EHLO {{greeting}}\r\n" }, { "expect": "250 STARTTLS" },
            { "send": "QUIT\r\n" }, { "expect": "(?m)^221" },
        ] },
        "expect": { "banner": { "contains": "ESMTP" } },
        "capture": { "banner": { "field": "banner" } },
    }]))
    .await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert_eq!(reading.outcome.steps[0].captured[0].value.as_deref(), Some("220 mail.example.com ESMTP"));
}

#[tokio::test]
async fn a_banner_is_read_when_it_is_looked_at() {
    let expect = json!({ "banner": { "matches": "^220 .* ESMTP$" } });
    assert_eq!(code(json!({ "tcp": { "connect": mail().await }, "expect": expect })).await, None);
    assert_eq!(code(json!({ "tcp": { "connect": mail().await } })).await, None);
}

#[tokio::test]
async fn something_else_is_told_word_for_word() {
    let wrong = serve(|mut stream| async move {
        stream.write_all(b"554 no service\r\n").await.unwrap();
    })
    .await;
    let dialogue = json!([{ "expect": "^220 " }]);
    let reading = run(json!([{ "tcp": { "connect": wrong.to_string(), "dialogue": dialogue } }])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    assert_eq!(found(&reading), "554 no service   and then the end");
}

#[tokio::test]
async fn an_endless_banner_ends_at_the_cap() {
    let endless = serve(|mut stream| async move { while stream.write_all(&[b'x'; 1024]).await.is_ok() {} }).await;
    let begun = tokio::time::Instant::now();
    let dialogue = json!([{ "expect": "^220 " }]);
    let reading = run(json!([{ "tcp": { "connect": endless.to_string(), "dialogue": dialogue } }])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    assert!(found(&reading).chars().count() <= 200);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn each_way_to_fail_has_its_code() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(code(json!({ "tcp": { "connect": closed.to_string() } })).await, Some(FaultCode::ConnectRefused));

    let dialogue = || json!([{ "send": "PING\r\n" }, { "expect": "PONG" }]);
    let tcp = |address: std::net::SocketAddr| -> Value {
        json!({ "tcp": { "connect": address.to_string(), "dialogue": dialogue() } })
    };
    let silent = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    assert_eq!(code(tcp(silent)).await, Some(FaultCode::Truncated));

    let resets = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 64]).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert_eq!(code(tcp(resets)).await, Some(FaultCode::Reset));

    let hung = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let steps = vec![step(&tcp(hung))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(200), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Timeout));
}
