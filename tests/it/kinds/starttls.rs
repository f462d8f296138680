//! Dialogues with real Postfix and Dovecot, and with servers that promise encryption and play false.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use unbroken::model::{FaultCode, Phase, Reading, Verdict};
use unbroken::probe::Prober;

use super::{fault_of, found};
use crate::parts::postoffice::{CUSTOMER, PASSWORD, PostOffice};
use crate::walk::{errand, order, run, serve, step, tools};

fn secret(value: &str) -> Value {
    json!({ "$unbroken::secret": ["env PASSWORD", value] })
}

fn plain_login(password: &str) -> Value {
    json!(["AUTH PLAIN ", { "base64": [format!("\0{CUSTOMER}\0"), secret(password)] }, "\r\n"])
}

#[tokio::test]
async fn postfix_and_dovecot_are_talked_to_in_their_own_tongues() {
    let office = PostOffice::start();
    let secure = json!({ "starttls": { "server_name": "localhost", "ca": office.ca() } });
    let talk = |address: std::net::SocketAddr, turns: Value| {
        json!([{
            "tcp": { "connect": address.to_string(), "dialogue": turns },
            "expect": { "certificate": { "subject": { "exists": true } }, "version": "1.3",
                        "phases": { "tls": { "below": "5s" }, "connect": { "exists": true } } },
            "capture": { "banner": { "field": "banner" } },
        }])
    };
    let smtp = |password: &str| {
        talk(
            office.smtp,
            json!([
                { "expect": "^220 (?<host>\\S+)" }, { "send": "EHLO {{greeting}}\r\n" }, { "expect": "^250[ -]STARTTLS\r\n(.*\r\n)*250 " },
                { "send": "STARTTLS\r\n" }, { "expect": "^220 " }, secure,
                { "send": "EHLO {{host}}\r\n" }, { "expect": "^250[ -]AUTH .*PLAIN.*\r\n(.*\r\n)*250 " },
                { "send": plain_login(password) }, { "expect": "^235 " }, { "send": "QUIT\r\n" }, { "expect": { "literal": "221 2.0.0" } },
            ]),
        )
    };
    let reading = run(smtp(PASSWORD)).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good, "{:#?}", reading.outcome);
    let outcome = &reading.outcome.steps[0];
    let captured = |name: &str| outcome.captured.iter().find(|it| it.name == name).unwrap().value.as_deref();
    assert_eq!((captured("host"), captured("banner")), (Some("mx.shop.test"), Some("220 mx.shop.test ESMTP Postfix")));
    let phases: Vec<Phase> = outcome.phases.iter().map(|time| time.phase).collect();
    assert_eq!(phases, [Phase::Connect, Phase::Receive, Phase::Tls, Phase::Receive, Phase::Assert]);

    let reading = run(smtp("not-the-password")).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    assert!(found(&reading).starts_with("535 5.7.8"), "{}", found(&reading));
    // Neither as it is nor as it travels.
    let told = format!("{:?}", reading.outcome);
    assert!(!told.contains("not-the-password") && !told.contains("AHByb2Jl"), "{told}");

    for (address, turns) in [
        (
            office.imap,
            json!([
                { "expect": "^\\* OK " }, { "send": "a1 STARTTLS\r\n" }, { "expect": "^a1 OK " }, secure,
                { "send": [format!("a2 LOGIN {CUSTOMER} "), secret(PASSWORD), "\r\n"] }, { "expect": "^a2 OK " },
                { "send": "a3 SELECT INBOX\r\n" }, { "expect": "^\\* (?<mails>\\d+) EXISTS\r\n(.*\r\n)*a3 OK " },
                { "send": "a4 LOGOUT\r\n" }, { "expect": "^a4 OK " },
            ]),
        ),
        (
            office.pop3,
            json!([
                { "expect": "^\\+OK " }, { "send": "STLS\r\n" }, { "expect": "^\\+OK " }, secure,
                { "send": format!("USER {CUSTOMER}\r\n") }, { "expect": "^\\+OK" },
                { "send": ["PASS ", secret(PASSWORD), "\r\n"] }, { "expect": "^\\+OK" },
                { "send": "STAT\r\n" }, { "expect": "^\\+OK (?<mails>\\d+) " },
            ]),
        ),
    ] {
        let mut steps = talk(address, turns);
        steps[0]["expect"]["mails"] = json!(0);
        let reading = run(steps).await;
        assert_eq!(reading.outcome.verdict, Verdict::Good, "{:#?}", reading.outcome);
    }
    let imaps = json!([{ "tls": { "connect": office.imaps.to_string(), "server_name": "localhost", "ca": office.ca(),
        "dialogue": [{ "expect": "Dovecot" }] }, "expect": { "banner": { "contains": "ready" }, "version": "1.3" } }]);
    assert_eq!(run(imaps).await.outcome.verdict, Verdict::Good);
    // A certificate that nobody knows is as bad after a word in the clear as at once.
    let mut unknown = smtp(PASSWORD);
    unknown[0]["tcp"]["dialogue"][5] = json!({ "starttls": { "server_name": "localhost" } });
    let reading = run(unknown).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::CertSelfSigned));
    assert_eq!(reading.outcome.verdict.fault().unwrap().phase, Some(Phase::Tls));
}

fn acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Greets, hears one line, answers in these pieces, then speaks TLS.
async fn mail(pieces: &'static [&'static str]) -> Value {
    let acceptor = acceptor();
    let address = serve(move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            stream.write_all(b"220 hello\r\n").await.unwrap();
            let _ = stream.read(&mut [0; 64]).await;
            for piece in pieces {
                let _ = stream.write_all(piece.as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 64]).await;
                let _ = stream.write_all(b"250 inside\r\n").await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await;
    json!({ "tcp": { "connect": address.to_string(), "dialogue": [
        { "expect": "^220 " }, { "send": "STARTTLS\r\n" }, { "expect": "^220 " }, { "starttls": { "insecure": true } },
        { "send": "EHLO x\r\n" }, { "expect": "^250 inside" },
    ] } })
}

async fn within(millis: u64, written: Value) -> Reading {
    Prober::new(tools()).run(&errand(Duration::from_millis(millis), vec![step(&written)]), order()).await
}

#[tokio::test]
async fn encryption_is_neither_refused_nor_slipped_into_unseen() {
    // In one piece, and with its end still on the way.
    assert_eq!(fault_of(&within(5000, mail(&["220 go ahead\r\n"]).await).await), None);
    assert_eq!(fault_of(&within(5000, mail(&["220 go", " ahead\r\n"]).await).await), None);

    let refused = within(5000, mail(&["454 not now\r\n"]).await).await;
    assert_eq!(fault_of(&refused), Some(FaultCode::StarttlsMissing));
    assert_eq!(found(&refused), "454 not now  ");

    let injected = within(5000, mail(&["220 go ahead\r\n250 trust me\r\n"]).await).await;
    assert_eq!(fault_of(&injected), Some(FaultCode::StarttlsInjection));
    assert_eq!(found(&injected), "250 trust me  ");

    let endless = within(400, mail(&["220 go ahead without end"]).await).await;
    assert_eq!(fault_of(&endless), Some(FaultCode::StarttlsMissing));

    // Something else than TLS after the go-ahead.
    let plain = serve(|mut stream| async move {
        let _ = stream.write_all(b"220 go\r\n").await;
        let _ = stream.read(&mut [0; 2048]).await;
        let _ = stream.write_all(b"500 what?\r\n").await;
        let _ = stream.read(&mut [0; 2048]).await;
    })
    .await;
    let turns = json!([{ "expect": "^220 " }, { "starttls": {} }]);
    let reading = within(5000, json!({ "tcp": { "connect": plain.to_string(), "dialogue": turns } })).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::TlsProtocol));
}
