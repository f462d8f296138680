//! `tcp` against servers that talk, stammer and hang up.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use unbroken::model::{FaultCode, Phase, Verdict};
use unbroken::probe::{Kind, Prober};

use super::{code, fault_of, found};
use crate::parts::free_address;
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
    // Each ends at the cap: at its deadline it would be a timeout.
    let dialogue = json!([{ "expect": "^220 " }]);
    let reading = run(json!([{ "tcp": { "connect": endless.to_string(), "dialogue": dialogue } }])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    assert_eq!(reading.outcome.verdict.fault().unwrap().phase, Some(Phase::Receive));
    assert!(found(&reading).chars().count() <= 200);
    // Looked at without a dialogue it is cut, too.
    let expect = json!({ "banner": { "length": { "between": [4096, 5120] } } });
    assert_eq!(code(json!({ "tcp": { "connect": endless.to_string() }, "expect": expect })).await, None);
    let chatty = serve(|mut stream| async move { while stream.write_all(b"250-more\r\n").await.is_ok() {} }).await;
    let reading = run(json!([{ "tcp": { "connect": chatty.to_string(), "dialogue": [{ "expect": "^250 " }] } }])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
}

#[tokio::test]
async fn what_one_turn_captures_the_next_ones_say() {
    let echo = serve(|mut stream| async move {
        stream.write_all(b"hello <1896.697@mx&co>\r\n").await.unwrap();
        let mut buffer = [0; 256];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            stream.write_all(&buffer[..read]).await.unwrap();
        }
    })
    .await;
    let tcp = json!({ "connect": echo.to_string(), "dialogue": [
        { "expect": "<(?<stamp>[^>]+)>" }, { "send": "say {{stamp}}\r\n" }, { "expect": { "literal": "say {{stamp}}" } },
        { "send": "<a>{{stamp}}</a>\r\n" }, { "expect": "mx&amp;co" },
        { "send": "token=(t0k)\r\n" }, { "expect": "\\((?<token>.*)\\)" },
    ] });
    let reading = run(json!([
        { "tcp": tcp, "expect": { "stamp": "1896.697@mx&co" } },
        { "tcp": { "connect": echo.to_string(), "dialogue": [{ "expect": "hello" }, { "send": "{{stamp}} {{token}}\r\n" }, { "expect": "^1896.697@mx&co t0k$" }] } },
    ]))
    .await;
    assert_eq!(reading.outcome.verdict, Verdict::Good, "{:#?}", reading.outcome);
    let captured = &reading.outcome.steps[0].captured;
    let shown: Vec<_> = captured.iter().map(|it| (it.name.as_str(), it.value.as_deref())).collect();
    assert_eq!(shown, [("stamp", Some("1896.697@mx&co")), ("token", None)]);

    // What was captured before a turn failed is there for what must always be done.
    let failing = json!({ "connect": echo.to_string(), "dialogue": [{ "expect": "<(?<stamp>[^>]+)>" }, { "send": "x\r\n" }, { "expect": "^y" }] });
    let reading = run(json!([
        { "tcp": failing },
        { "tcp": { "connect": echo.to_string(), "dialogue": [{ "send": "bye {{stamp}}\r\n" }, { "expect": "bye 1896" }] }, "always": true },
    ]))
    .await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    assert!(reading.outcome.steps[1].reached && reading.outcome.steps[1].fault.is_none());
    let text = &reading.outcome.verdict.fault().unwrap().text;
    assert_eq!(text, "turn 3 of the dialogue: expected matching `^y`, found x  ");
}

#[test]
fn dialogues_that_cannot_be_are_refused() {
    for (turns, why) in [
        (json!([{ "send": "{{id}}" }, { "expect": "(?<id>.)" }]), "turn 1 says `id`, which only a later turn captures"),
        (json!([{ "expect": "(?<é>.)" }]), "turn 1 captures `é`, which is not a name"),
        (
            json!([{ "starttls": {} }, { "starttls": {} }]),
            "the dialogue is encrypted already: one `starttls` is enough",
        ),
        (json!([{ "starttls": { "cert": "x.pem" } }]), "`tls` has a `cert` but no `key` to it"),
        (json!([{ "expect": "(" }]), "`(` is not a regular expression: unclosed group"),
        (json!([{ "expect": { "literally": "x" } }]), "expected a regular expression, or `{ literal: TEXT }`"),
        (
            json!([{ "send": { "base64": "x", "more": 1 } }]),
            "`more` is one key too many; expected a text, a reference to a secret such as `{ env: NAME }`, `{ base64: ... }`, or a list of these",
        ),
        (json!([{ "shout": "x" }]), "unknown variant `shout`, expected one of `send`, `expect`, `starttls`"),
    ] {
        let refused = Kind::decode("tcp", json!({ "connect": "h:1", "dialogue": turns })).unwrap().unwrap_err();
        assert_eq!(refused.to_string(), why);
    }
    let tls = json!({ "connect": "h:1", "dialogue": [{ "starttls": {} }] });
    let refused = Kind::decode("tls", tls).unwrap().unwrap_err().to_string();
    assert_eq!(refused, "the connection is encrypted from its beginning: leave out `starttls`");
}

#[tokio::test]
async fn half_open_and_stammering_peers_are_measured() {
    // N02: the peer vanishes after it accepted; what was waited for is told.
    let gone = serve(|stream| async move {
        std::mem::forget(stream);
    })
    .await;
    let turns = json!([{ "expect": "^220 " }]);
    let steps = vec![step(&json!({ "tcp": { "connect": gone.to_string(), "dialogue": turns } }))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(300), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Timeout));
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!(fault.text, "turn 1 of the dialogue: nothing came in time; expected matching `^220 `");
    assert_eq!(fault.phase, Some(Phase::Receive));
    assert!(reading.outcome.took < Duration::from_millis(1300), "{:?}", reading.outcome.took);
    // N03: one byte at a time is slow, not wrong.
    let drip = serve(|mut stream| async move {
        for byte in b"220 slow\r\n250 but right\r\n" {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let turns = json!([{ "expect": "^220 slow" }, { "expect": "^250 but right$" }]);
    assert_eq!(code(json!({ "tcp": { "connect": drip.to_string(), "dialogue": turns } })).await, None);
}

#[tokio::test]
async fn each_way_to_fail_has_its_code() {
    let closed = free_address();
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
