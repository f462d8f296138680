//! Strangers, liars and floods.

use std::time::Duration;

use serde_json::json;
use tokio::net::UdpSocket;
use unbroken::model::{FaultCode, Phase};

use super::{fault, invite, options, within};
use crate::support::sip::{exchange, line, methods, reply};

/// The deadline that these runs have, and what they may take beyond it.
const PATIENCE: u64 = 700;
const GRACE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn silence_is_told_with_its_phase_in_time() {
    let (address, log) = exchange(|_, _| vec![]).await;
    let reading = within(PATIENCE, options(address)).await;
    let (code, phase, text) = fault(&reading);
    assert_eq!((code, phase), (FaultCode::SipTimeout, Some(Phase::Wait)), "{text}");
    assert!(reading.outcome.took <= Duration::from_millis(PATIENCE) + GRACE);
    assert_eq!(log.lock().unwrap().len(), 2);
    // Nobody has said anything: there is nothing to take back (RFC 3261, 9.1).
    let (address, log) = exchange(|_, _| vec![]).await;
    assert_eq!(fault(&within(PATIENCE, invite(address)).await).0, FaultCode::SipTimeout);
    assert_eq!(methods(&log), ["INVITE"]);
}

#[tokio::test]
async fn trying_is_no_answer() {
    let (address, log) = exchange(|_, request| vec![reply(request, "100 Trying", "", "")]).await;
    let (code, _, text) = fault(&within(PATIENCE, invite(address)).await);
    assert_eq!(code, FaultCode::SipTimeout);
    assert!(text.starts_with("said only 100 Trying"), "{text}");
    assert_eq!(methods(&log), ["INVITE", "CANCEL"]);
}

#[tokio::test]
async fn strangers_are_passed_over() {
    for (what, instead) in [
        (";branch=z9hG4bK", ";branch=z9hG4bKx"),
        ("Call-ID: ", "Call-ID: x"),
        ("CSeq: 1 OPTIONS", "CSeq: 2 OPTIONS"),
        ("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"),
    ] {
        let (address, _) = exchange(move |_, request| {
            let right = String::from_utf8(reply(request, "200 OK", "", "")).unwrap();
            vec![right.replacen(what, instead, 1).into_bytes()]
        })
        .await;
        let (code, _, text) = fault(&within(PATIENCE, options(address)).await);
        assert_eq!(code, FaultCode::SipTimeout, "{instead}");
        assert!(text.contains("passed over"), "{text}");
    }
}

#[tokio::test]
async fn a_right_answer_from_a_wrong_place_is_none() {
    let desk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = desk.local_addr().unwrap();
    tokio::spawn(async move {
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut buffer = vec![0; 4096];
        while let Ok((length, from)) = desk.recv_from(&mut buffer).await {
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let _ = stranger.send_to(&reply(&request, "200 OK", "", ""), from).await;
        }
    });
    assert_eq!(fault(&within(PATIENCE, options(address)).await).0, FaultCode::SipTimeout);
}

#[tokio::test]
async fn garbage_is_told_from_silence() {
    let huge = format!("SIP/2.0 200 OK\r\nX: {}\r\n\r\n", "x".repeat(60_000)).into_bytes();
    for garbage in [&b"hello?"[..], b"SIP/2.0 200 \xff\xfe\r\n\r\n", &huge, b""] {
        let garbage = garbage.to_vec();
        let (address, _) = exchange(move |_, _| vec![garbage.clone()]).await;
        let reading = within(PATIENCE, options(address)).await;
        assert_eq!(fault(&reading).0, FaultCode::SipMalformed);
        assert!(reading.outcome.took <= Duration::from_millis(PATIENCE) + GRACE);
    }
    // One bad datagram does not spoil the answer behind it.
    let (address, _) = exchange(|_, request| vec![b"noise".to_vec(), reply(request, "200 OK", "", "")]).await;
    assert!(within(PATIENCE, options(address)).await.outcome.verdict.fault().is_none());
}

#[tokio::test]
async fn streams_that_lie_are_told() {
    type Lie = fn(&str) -> Vec<u8>;
    let lies: [(&str, Lie); 8] = [
        ("longer than it is", |request| reply_of(request, "Content-Length: 400")),
        ("no number", |request| reply_of(request, "Content-Length: x")),
        ("below nothing", |request| reply_of(request, "Content-Length: -1")),
        ("beyond everything", |request| reply_of(request, "Content-Length: 4000000000")),
        ("two lengths", |request| reply_of(request, "Content-Length: 4\r\nl: 5")),
        ("no length", |request| reply_of(request, "X: y")),
        ("64 KiB of a header", |_| format!("SIP/2.0 200 OK\r\nX: {}\r\n", "x".repeat(64 << 10)).into_bytes()),
        ("no text", |_| b"SIP/2.0 200 \xff\xfe\r\nX: \xc3\x28\r\n\r\n".to_vec()),
    ];
    for (what, lie) in lies {
        let address = line(lie).await;
        let mut asked = options(address);
        asked["transport"] = json!("tcp");
        let reading = within(PATIENCE, asked).await;
        let (code, phase, text) = fault(&reading);
        assert_eq!((code, phase), (FaultCode::SipMalformed, Some(Phase::Wait)), "{what}: {text}");
        assert!(reading.outcome.took <= Duration::from_millis(PATIENCE) + GRACE, "{what}");
    }
}

/// A challenge that cannot be read is theirs to mend, not ours.
#[tokio::test]
async fn a_challenge_of_garbage_is_told() {
    for garbage in ["Digest realm=\"x", "Digest", "Digest realm=\"caf\u{e9}\""] {
        let question = format!("WWW-Authenticate: {garbage}\r\n");
        let (address, _) = exchange(move |_, request| vec![reply(request, "401 Who?", &question, "")]).await;
        let reading = super::signed_in(json!({ "register": format!("sip:anna@{address}") }), "s3cret-word").await;
        let (code, phase, text) = fault(&reading);
        assert_eq!((code, phase), (FaultCode::SipMalformed, Some(Phase::Wait)), "{garbage}: {text}");
    }
}

fn reply_of(request: &str, length: &str) -> Vec<u8> {
    let right = String::from_utf8(reply(request, "200 OK", "", "four")).unwrap();
    right.replace("Content-Length: 4", length).into_bytes()
}

#[tokio::test]
async fn floods_end_at_the_cap() {
    // Over UDP, more provisional answers than anybody needs.
    let (address, _) = exchange(|_, request| vec![reply(request, "182 Queued", "", ""); 600]).await;
    let reading = within(5000, invite(address)).await;
    assert!(matches!(fault(&reading).0, FaultCode::SipMalformed | FaultCode::SipTimeout));
    // Over TCP, without end.
    let address = line(|request| reply(request, "182 Queued", "", &"x".repeat(2000)).repeat(2000)).await;
    let mut call = invite(address);
    call["transport"] = json!("tcp");
    let reading = within(20_000, call).await;
    let (code, _, text) = fault(&reading);
    assert_eq!(code, FaultCode::SipMalformed, "{text}");
}
