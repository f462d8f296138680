//! HTTP/2 servers that leave in the middle, give an answer up, or speak something else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use unbroken::model::{FaultCode, Phase, Verdict};

use crate::support::probe::http;
use crate::support::raw::{Act, Raw, say};
use crate::walk::{run, serve};

const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

#[tokio::test]
async fn each_way_to_leave_has_its_code() {
    // The stream and the connection are given up with INTERNAL_ERROR (RFC 9113, 6.4, 6.8, 7).
    let reset = [SETTINGS, &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2]].concat();
    let goaway = [SETTINGS, &[0, 0, 11, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], b"bye"].concat();
    let page = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec();
    for (said, code, words) in [
        (reset, FaultCode::Reset, "RST_STREAM"),
        (goaway, FaultCode::H2Goaway, "GOAWAY"),
        (page, FaultCode::AlpnMismatch, "sends something else"),
    ] {
        let raw = Raw::greet(vec![say(said), Act::Hang]).await;
        let fault = http(json!({ "get": raw.url("/"), "version": "2" })).within(3000).run().await;
        let fault = fault.failed(code, Phase::Wait);
        assert!(fault.text.contains(words), "{fault}");
    }
}

/// What happens on one connection after the question is heard: frames, and then it is closed, or left open.
#[derive(Clone)]
enum Then {
    Close(Vec<u8>),
    Wait(Vec<u8>),
}

/// Behaves on each connection as it is told, on the last ones as on the last; counts them.
async fn peer(each: Vec<Then>) -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let address = serve(move |mut stream| {
        let then = each[counted.fetch_add(1, Ordering::Relaxed).min(each.len() - 1)].clone();
        async move {
            let _ = stream.write_all(SETTINGS).await;
            if asked(&mut stream).await.is_none() {
                return;
            }
            let (Then::Close(frames) | Then::Wait(frames)) = &then;
            let _ = stream.write_all(frames).await;
            if matches!(then, Then::Wait(_)) {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
    })
    .await;
    (address, count)
}

/// Reads up to the end of a request's head and of its body, if it has one.
async fn asked(stream: &mut TcpStream) -> Option<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, ..] = head;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        if matches!(kind, 0 | 1) && flags & 1 == 1 {
            return Some(());
        }
    }
}

fn goaway(last: u8, reason: u8) -> Vec<u8> {
    [&[0, 0, 11, 7, 0, 0, 0, 0, 0, 0, 0, 0, last, 0, 0, 0, reason][..], b"bye"].concat()
}

fn reset(reason: u8) -> Vec<u8> {
    vec![0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, reason]
}

const NO_ERROR: u8 = 0;
const INTERNAL_ERROR: u8 = 2;
const REFUSED_STREAM: u8 = 7;
const CANCEL: u8 = 8;

/// 200 with nothing in it, for a page; "serving", for gRPC.
fn answers() -> [Vec<u8>; 2] {
    let page = vec![0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88];
    let head = [&[0, 0, 20, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x10, 16][..], b"application/grpc"].concat();
    let serving = [0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 8, 1];
    let end = [&[0, 0, 15, 1, 5, 0, 0, 0, 1, 0, 11][..], b"grpc-status", &[1, b'0']].concat();
    [page, [&head[..], &serving, &end].concat()]
}

fn questions(address: SocketAddr) -> [Value; 2] {
    [
        json!({ "http": { "post": format!("http://{address}/"), "version": "2", "body": "x" } }),
        json!({ "grpc": { "connect": address.to_string() } }),
    ]
}

#[tokio::test]
async fn what_nobody_touched_is_asked_once_more() {
    let refusals = [goaway(0, NO_ERROR), goaway(0, INTERNAL_ERROR), reset(REFUSED_STREAM)];
    for (which, answer) in answers().into_iter().enumerate() {
        for refusal in &refusals {
            let (address, count) = peer(vec![Then::Wait(refusal.clone()), Then::Wait(answer.clone())]).await;
            let reading = run(json!([questions(address)[which]])).await;
            assert_eq!(reading.outcome.verdict, Verdict::Good, "{which} after {refusal:?}");
            assert_eq!(count.load(Ordering::Relaxed), 2);
        }
    }
}

#[tokio::test]
async fn what_was_touched_or_refused_twice_is_not_asked_again() {
    let begun = |answer: &[u8], frames: Vec<u8>| [answer, &frames].concat();
    for (which, answer) in answers().into_iter().enumerate() {
        // The head alone: more is to come.
        let mut head = answer[..9 + usize::from(answer[2])].to_vec();
        head[4] = 4;
        for (what, then, code, connections) in [
            ("goaway, twice", Then::Wait(goaway(0, NO_ERROR)), FaultCode::H2Goaway, 2),
            ("goaway with an error, twice", Then::Close(goaway(0, INTERNAL_ERROR)), FaultCode::H2Goaway, 2),
            ("refused twice", Then::Wait(reset(REFUSED_STREAM)), FaultCode::Reset, 2),
            ("cancelled", Then::Wait(reset(CANCEL)), FaultCode::Reset, 1),
            ("cancelled in the middle", Then::Wait(begun(&head, reset(CANCEL))), FaultCode::Reset, 1),
            ("refused in the middle", Then::Wait(begun(&head, reset(REFUSED_STREAM))), FaultCode::Reset, 1),
            ("goaway, and gone", Then::Close(goaway(1, INTERNAL_ERROR)), FaultCode::H2Goaway, 1),
            ("goaway in peace, and gone", Then::Close(goaway(1, NO_ERROR)), FaultCode::H2Goaway, 1),
            (
                "gone in the middle after a goaway",
                Then::Close(begun(&head, goaway(1, NO_ERROR))),
                FaultCode::H2Goaway,
                1,
            ),
            ("gone", Then::Close(vec![]), FaultCode::Reset, 1),
            ("gone in the middle", Then::Close(head.clone()), FaultCode::Truncated, 1),
        ] {
            let (address, count) = peer(vec![then]).await;
            let reading = run(json!([questions(address)[which]])).await;
            let fault =
                reading.outcome.verdict.fault().unwrap_or_else(|| panic!("{what}: {:?}", reading.outcome.verdict));
            assert_eq!((fault.code, count.load(Ordering::Relaxed)), (code, connections), "{which}, {what}: {fault}");
        }
    }
}

#[tokio::test]
async fn what_a_server_says_when_it_leaves_is_told() {
    for (reason, words) in [(INTERNAL_ERROR, "GOAWAY, unexpected internal error"), (NO_ERROR, "GOAWAY, not a result")] {
        let (address, _) = peer(vec![Then::Close(goaway(1, reason))]).await;
        let reading = run(json!([questions(address)[0]])).await;
        let fault = reading.outcome.verdict.fault().unwrap();
        assert!(fault.text.contains(words) && fault.text.contains(": bye)"), "{fault}");
        assert_eq!(fault.phase, Some(Phase::Wait));
    }
}

#[tokio::test]
async fn a_server_that_leaves_may_finish_its_answer() {
    for (which, answer) in answers().into_iter().enumerate() {
        let (address, count) = peer(vec![Then::Close([goaway(1, NO_ERROR), answer].concat())]).await;
        let reading = run(json!([questions(address)[which]])).await;
        assert_eq!((reading.outcome.verdict, count.load(Ordering::Relaxed)), (Verdict::Good, 1));
    }
}
