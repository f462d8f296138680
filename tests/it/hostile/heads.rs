//! H09-H11, H13-H16, H21: heads without end, without sense, without need.

use std::fmt::Write as _;

use serde_json::json;
use unbroken::model::{FaultCode, Phase};

use crate::support::probe::{get, http};
use crate::support::raw::{Act, Raw, say};

#[tokio::test]
async fn h10_a_hundred_and_fifty_ordinary_headers_are_up() {
    let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
    for number in 0..150 {
        write!(head, "x-header-{number}: value {number}\r\n").unwrap();
    }
    let raw = Raw::serve([say(head + "content-length: 2\r\n\r\nok")]).await;
    let expect = json!({ "body": "ok", "headers": { "x-header-149": "value 149" } });
    http(get(raw.url("/"))).expect(expect).run().await.good();
}

#[tokio::test]
async fn h09_heads_without_end_are_cut_short() {
    let start = say("HTTP/1.1 200 OK\r\n");
    for endless in [
        vec![start.clone(), Act::Flood(b"x-a: bbbbbbbbbbbbbbbbbbbbbbbbb\r\n".to_vec())],
        vec![start.clone(), say(format!("x-long: {}", "a".repeat(1 << 20))), Act::Hang],
        vec![start.clone(), say("a: b\r\n".repeat(1001) + "\r\n"), Act::Hang],
    ] {
        let raw = Raw::serve(endless).await;
        http(get(raw.url("/"))).run().await.failed(FaultCode::HeadTooLarge, Phase::Wait);
    }
}

#[tokio::test]
async fn h11_interim_answers_have_an_end() {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"] {
        let last = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let raw = Raw::serve([say(interim.repeat(10) + last)]).await;
        http(get(raw.url("/"))).run().await.good();
        let raw = Raw::serve([Act::Flood(interim.repeat(50).into_bytes())]).await;
        http(get(raw.url("/"))).run().await.failed(FaultCode::Protocol, Phase::Wait);
    }
}

#[tokio::test]
async fn h13_what_is_not_http_is_a_protocol_error() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nx-a: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-\0a: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "<html>an answer of 1991</html>\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\n",
    ] {
        let raw = Raw::serve([say(head), Act::Hang]).await;
        let met = http(get(raw.url("/"))).expect(json!({ "status": 200 })).within(2000).run().await;
        let Some(fault) = met.0.outcome.verdict.fault() else { panic!("{head:?} passed: {met:?}") };
        let known = [FaultCode::Protocol, FaultCode::Expectation, FaultCode::Status];
        assert!(known.contains(&fault.code), "{head:?}: {fault:?}");
    }
}

#[tokio::test]
async fn h14_bytes_that_are_no_text_do_no_harm() {
    let raw = Raw::serve([say(b"HTTP/1.1 200 \xff\xfe\r\nx-a: \xff\r\ncontent-length: 3\r\n\r\n\xffok")]).await;
    http(get(raw.url("/"))).expect(json!({ "body": { "contains": "ok" } })).run().await.good();
    let raw = Raw::serve([say("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"a\":\"\\ud8\"}")]).await;
    let met = http(get(raw.url("/"))).expect(json!({ "json": { "$.a": "x" } })).run().await;
    assert!(met.0.outcome.verdict.fault().is_some());
}

#[tokio::test]
async fn h15_trailers_and_chunk_extensions_have_an_end() {
    let chunked = say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for flood in [
        vec![chunked.clone(), say("2;"), Act::Flood(b"extension".to_vec())],
        vec![chunked.clone(), say("2\r\nok\r\n0\r\n"), Act::Flood(b"x-trailer: aaaaaaaaaaaaaaaa\r\n".to_vec())],
    ] {
        let raw = Raw::serve(flood).await;
        let met = http(get(raw.url("/"))).expect(json!({ "body": "ok" })).run().await;
        let fault = met.0.outcome.verdict.fault().unwrap();
        assert!(matches!(fault.code, FaultCode::Protocol | FaultCode::HeadTooLarge), "{fault:?}");
    }
}

#[tokio::test]
async fn h21_cookies_are_counted() {
    let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
    for number in 0..900 {
        write!(head, "set-cookie: c{number}=1\r\n").unwrap();
    }
    let raw = Raw::serve([say(head + "content-length: 0\r\n\r\n")]).await;
    http(get(raw.url("/"))).then(get(raw.url("/"))).run().await.good();
    assert_eq!(raw.heads()[1].matches("=1").count(), 180);
}
