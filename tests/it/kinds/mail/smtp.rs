//! `smtp`, one case per fault.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use unbroken::model::{FaultCode, Phase, SelfFault, Verdict};
use unbroken::probe::Kind;

use super::{Fake, Rules, Tags, captured, failed, good, run, shows_no};
use crate::walk::serve;

const SECRET: &str = "hunter2-of-anna";
const HELLO: &str = "250-mx.shop.test\r\n250-SIZE 1000\r\n250 AUTH LOGIN PLAIN\r\n";

fn rules(other: &[(&'static str, &str)]) -> Rules {
    let usual = [
        ("EHLO", HELLO),
        ("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"),
        ("AUTH", "235 welcome\r\n"),
        ("MAIL", "250 ok\r\n"),
        ("RCPT", "250 ok\r\n"),
        ("DATA", "354 go on\r\n"),
        (".", "250 queued\r\n"),
    ];
    other.iter().chain(&usual).map(|(start, answer)| (*start, (*answer).to_owned())).collect()
}

async fn fake(other: &[(&'static str, &str)]) -> Fake {
    Fake::start(Tags::None, "220 mx.shop.test ESMTP\r\n", rules(other)).await
}

fn mail(to: &Fake) -> Value {
    json!({ "smtp": {
        "connect": to.address.to_string(),
        "security": "none",
        "send": { "from": "Shop <shop@halcyon.test>", "to": ["anna@probe.test"], "subject": "{{greeting}} 李伟",
            "headers": { "X-Order": "H-1" }, "text": "one\n.two\n", "html": "<p>one" },
    } })
}

fn greet(address: std::net::SocketAddr) -> Value {
    json!({ "smtp": { "connect": address.to_string(), "security": "none" } })
}

#[tokio::test]
async fn a_mail_is_handed_over_and_each_part_is_timed() {
    let server = fake(&[]).await;
    let mut step = mail(&server);
    step["expect"] = json!({ "banner": { "contains": "ESMTP" }, "subject": "hello 李伟" });
    step["capture"] = json!({ "id": { "field": "message_id" } });
    let reading = run(&step, 5000).await;
    good(&reading);
    let phases: Vec<_> = reading.outcome.steps[0].phases.iter().map(|time| time.phase.code()).collect();
    assert_eq!(phases, ["connect", "greeting", "mail", "data", "assert"]);
    let heard = server.heard();
    let id = captured(&reading, "id");
    assert!(id.starts_with('<') && id.ends_with("@halcyon.test>"), "{id}");
    for line in ["MAIL FROM:<shop@halcyon.test>", "RCPT TO:<anna@probe.test>", "X-Order: H-1", "..two", id] {
        assert!(heard.contains(line), "{line}: {heard}");
    }
    // Another mail is another one.
    let again = run(&step, 5000).await;
    assert_ne!(captured(&again, "id"), id);
}

#[tokio::test]
async fn a_greeting_alone_hands_nothing_over() {
    let server = fake(&[]).await;
    good(&run(&greet(server.address), 5000).await);
    assert!(!server.heard().contains("MAIL"));
}

#[tokio::test]
async fn m01_a_greeting_that_never_comes() {
    let silent = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    failed(&run(&greet(silent), 400).await, FaultCode::SmtpGreetingTimeout, Phase::Greeting);
    let drips = serve(|mut stream| async move {
        while stream.write_all(b"220-wait\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    failed(&run(&greet(drips), 400).await, FaultCode::SmtpGreetingTimeout, Phase::Greeting);
    let endless = serve(|mut stream| async move {
        while stream.write_all(b"2").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    failed(&run(&greet(endless), 400).await, FaultCode::SmtpGreetingTimeout, Phase::Greeting);
}

#[tokio::test]
async fn m01_an_endless_greeting_ends_at_the_cap() {
    let floods = serve(|mut stream| async move { while stream.write_all(b"220-wait\r\n").await.is_ok() {} }).await;
    let reading = run(&greet(floods), 5000).await;
    // At the deadline it would be `smtp_greeting_timeout`.
    failed(&reading, FaultCode::MailProtocol, Phase::Greeting);
}

#[tokio::test]
async fn m02_the_servers_no_is_told_with_its_code() {
    let long = format!("250 {}\r\n", "x".repeat(10 << 20));
    for (line, answer, code, phase, told) in [
        ("EHLO", "421 4.3.2 closing\r\n", FaultCode::MailDeferred, Phase::Greeting, "421 4.3.2 closing"),
        ("RCPT", "451 4.7.1 Greylisted\r\n", FaultCode::MailDeferred, Phase::Envelope, "451 4.7.1 Greylisted"),
        ("RCPT", "550 5.1.1 no such user\r\n", FaultCode::MailRefused, Phase::Envelope, "550 5.1.1 no such user"),
        ("MAIL", "421 4.7.0 too many\r\n\0", FaultCode::MailDeferred, Phase::Envelope, "421"),
        (".", "552-5.3.4 spam\r\n552 really\r\n", FaultCode::MailRefused, Phase::Letter, "552 5.3.4 spam / really"),
        ("DATA", &long, FaultCode::MailProtocol, Phase::Letter, "4 KiB"),
        ("MAIL", "nonsense\r\n", FaultCode::MailProtocol, Phase::Envelope, "nonsense"),
        ("DATA", "\0", FaultCode::Truncated, Phase::Letter, "hung up"),
    ] {
        let server = fake(&[(line, answer)]).await;
        let text = failed(&run(&mail(&server), 5000).await, code, phase);
        assert!(text.contains(told), "{told}: {text}");
    }
    let busy = Fake::start(Tags::None, "554 5.7.1 you are listed\r\n", rules(&[])).await;
    failed(&run(&greet(busy.address), 5000).await, FaultCode::MailRefused, Phase::Greeting);
    let other = Fake::start(Tags::None, "SSH-2.0-OpenSSH\r\n", rules(&[])).await;
    failed(&run(&greet(other.address), 5000).await, FaultCode::MailProtocol, Phase::Greeting);
}

#[tokio::test]
async fn m04_credentials_stay_out_of_everything() {
    let secret = json!({ "user": "anna", "password": SECRET });
    // Rude servers: they repeat what they hear.
    use base64::Engine as _;
    let encoded = base64::prelude::BASE64_STANDARD.encode(format!("\0anna\0{SECRET}"));
    let echo = format!("535 5.7.8 no: AUTH PLAIN {encoded} {SECRET}\r\n");
    let server = fake(&[("AUTH", &echo)]).await;
    let mut step = greet(server.address);
    step["smtp"]["login"] = secret.clone();
    let reading = run(&step, 5000).await;
    failed(&reading, FaultCode::MailLogin, Phase::Login);
    assert!(server.heard().contains(&encoded), "it was sent");
    shows_no(SECRET, &reading);

    // LOGIN, where PLAIN is not offered: the password is a line of its own.
    let password = base64::prelude::BASE64_STANDARD.encode(SECRET);
    let echo = format!("535 {password}\r\n");
    let server = Fake::start(
        Tags::None,
        "220 mx\r\n",
        vec![
            ("EHLO", "250-mx\r\n250 AUTH LOGIN\r\n".to_owned()),
            ("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n".to_owned()),
            ("YW5uYQ==", "334 UGFzc3dvcmQ6\r\n".to_owned()),
            ("", echo),
        ],
    )
    .await;
    let mut step = greet(server.address);
    step["smtp"]["login"] = secret;
    let reading = run(&step, 5000).await;
    failed(&reading, FaultCode::MailLogin, Phase::Login);
    assert!(server.heard().contains(&password), "it was sent");
    shows_no(SECRET, &reading);
}

#[tokio::test]
async fn t12_no_encryption_and_a_forged_one() {
    let starttls = |address: std::net::SocketAddr| json!({ "smtp": { "connect": address.to_string() } });
    let plain = fake(&[]).await;
    failed(&run(&starttls(plain.address), 5000).await, FaultCode::StarttlsMissing, Phase::Starttls);
    let hello = ("EHLO", "250-mx\r\n250 STARTTLS\r\n");
    let injected = fake(&[hello, ("STARTTLS", "220 go\r\n250 AUTH PLAIN\r\n")]).await;
    failed(&run(&starttls(injected.address), 5000).await, FaultCode::StarttlsInjection, Phase::Starttls);
    let refused = fake(&[hello, ("STARTTLS", "454 not now\r\n")]).await;
    failed(&run(&starttls(refused.address), 5000).await, FaultCode::MailDeferred, Phase::Starttls);
}

#[tokio::test]
async fn what_a_captured_value_makes_of_an_address_is_told() {
    let server = fake(&[]).await;
    let mut step = mail(&server);
    step["smtp"]["send"]["to"] = json!("{{greeting}}");
    let reading = run(&step, 5000).await;
    let Verdict::Failed(fault) = &reading.outcome.verdict else { panic!() };
    assert_eq!((fault.code, fault.text.contains("`hello` is not a mail address")), (FaultCode::Expectation, true));
    assert_eq!(server.heard(), "", "nothing was said");
}

#[tokio::test]
async fn settings_that_cannot_be_right_are_refused() {
    for wrong in [
        json!({ "connect": "mail.test:25", "password": "x" }),
        json!({ "connect": "mail.test" }),
        json!({ "connect": "mail.test:25", "security": "ssl" }),
        json!({ "connect": "mail.test:25", "tls": { "cert": "/c.pem" } }),
        json!({ "connect": "mail.test:25", "send": { "from": "a@b.test" } }),
    ] {
        assert!(Kind::decode("smtp", wrong.clone()).unwrap().is_err(), "{wrong}");
    }
    let lost = json!({ "smtp": { "connect": "127.0.0.1:1", "tls": { "ca": "/nonexistent" } } });
    let verdict = run(&lost, 1000).await.outcome.verdict;
    assert!(matches!(verdict, Verdict::Inconclusive { why: SelfFault::Unsupported, .. }), "{verdict:?}");
}
