//! H04-H08: bodies that break off, never end, explode or cannot be decoded.

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use unbroken::model::{FaultCode, Phase};

use crate::support::probe::{get, http};
use crate::support::raw::{Act, Raw, say};

/// A small body that decodes to 32 MiB of nothing, with its head.
pub(super) async fn bomb(coding: &str) -> Vec<Act> {
    let zeros = vec![0; 1 << 20];
    macro_rules! packed {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            for _ in 0..32 {
                encoder.write_all(&zeros).await.unwrap();
            }
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }};
    }
    let body = match coding {
        "br" => packed!(BrotliEncoder),
        "zstd" => packed!(ZstdEncoder),
        _ => packed!(GzipEncoder),
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", body.len());
    vec![say(head), Act::Say(body)]
}

#[tokio::test]
async fn h04_a_reset_keeps_the_status() {
    let raw = Raw::serve([say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"), Act::Reset]).await;
    let met = http(get(raw.url("/"))).run().await;
    assert_eq!(met.phases(), ["connect", "send", "wait", "receive"]);
    met.failed(FaultCode::Reset, Phase::Receive);
    // Before any answer.
    let raw = Raw::serve([Act::Reset]).await;
    http(get(raw.url("/"))).run().await.failed(FaultCode::Reset, Phase::Wait);
    let raw = Raw::serve([]).await;
    http(get(raw.url("/"))).run().await.failed(FaultCode::Reset, Phase::Wait);
}

#[tokio::test]
async fn h05_a_short_body_is_not_up() {
    for (sent, phase) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", Phase::Receive),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", Phase::Receive),
        ("HTTP/1.1 200 OK\r\ncontent-le", Phase::Wait),
    ] {
        for expect in [json!({ "status": 200 }), json!({ "body": "half" })] {
            let raw = Raw::serve([say(sent)]).await;
            http(get(raw.url("/"))).expect(expect).run().await.failed(FaultCode::Truncated, phase);
        }
    }
    // Without a length the end is the end.
    let raw = Raw::serve([say("HTTP/1.1 200 OK\r\n\r\nall")]).await;
    http(get(raw.url("/"))).expect(json!({ "body": "all" })).run().await.good();
}

#[tokio::test]
async fn h06_an_endless_body_is_read_up_to_the_cap() {
    let chunk = [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    let head = say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for (expect, fine) in [
        (json!({ "status": 200 }), true),
        (json!({ "body": { "contains": "xxx", "length": 1 << 20 } }), true),
        (json!({ "body": { "contains": "the end" } }), false),
    ] {
        let raw = Raw::serve([head.clone(), Act::Flood(chunk.clone())]).await;
        let met = http(get(raw.url("/"))).expect(expect).run().await;
        assert_eq!(met.attribute("unbroken.http.body_capped"), Some("true"));
        if fine { drop(met.good()) } else { drop(met.failed(FaultCode::Expectation, Phase::Assert)) }
    }
}

#[tokio::test]
async fn h07_a_bomb_counts_as_what_it_becomes() {
    for coding in ["gzip", "br", "zstd"] {
        let raw = Raw::serve(bomb(coding).await).await;
        let settings = json!({ "get": raw.url("/"), "max_body": "100KiB" });
        let met = http(settings).expect(json!({ "body": { "length": 102_400 } })).run().await.good();
        assert_eq!(met.attribute("unbroken.http.body_capped"), Some("true"), "{coding}");
    }
}

#[tokio::test]
async fn h08_an_encoding_matters_only_to_who_reads() {
    for coding in ["gzip", "br", "zstd", "deflate", "rot13", "gzip, gzip"] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: 12\r\n\r\nnot that way");
        let raw = Raw::serve([say(head)]).await;
        http(get(raw.url("/"))).expect(json!({ "status": 200 })).run().await.good();
        let read = http(get(raw.url("/"))).expect(json!({ "body": { "contains": "way" } })).run().await;
        read.failed(FaultCode::Decode, Phase::Receive);
    }
}
