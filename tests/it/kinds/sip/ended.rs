//! How calls end: after long ringing, with a proof, against a refusal, over a secured line.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio_rustls::TlsAcceptor;
use unbroken::model::{FaultCode, Phase, Verdict};

use super::{desk, fault, invite, signed_in, taken_back, within};
use crate::support::certificates::Identity;
use crate::support::sip::{Log, exchange, header, methods, reply};
use crate::walk::serve;

/// Timer B ends with the first sign of life (RFC 3261, 17.1.1.2).
#[tokio::test(start_paused = true)]
async fn a_telephone_may_ring_for_longer_than_silence_lasts() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            for (at, datagram) in desk(&request, "200 OK").into_iter().enumerate() {
                if at == 2 {
                    tokio::time::sleep(Duration::from_secs(40)).await;
                }
                socket.send_to(&datagram, from).await.unwrap();
            }
        }
    });
    let reading = within(60_000, invite(address)).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert!(reading.outcome.took >= Duration::from_secs(40), "{:?}", reading.outcome.took);
}

/// An exchange that asks anew who we are for each request but the ACK, which cannot be asked.
#[tokio::test]
async fn the_call_is_ended_with_a_proof_if_one_is_asked_for() {
    let (address, log) = exchange(|_, request| {
        let method = request.split(' ').next().unwrap();
        let question = format!("Proxy-Authenticate: Digest realm=\"desk\", nonce=\"{method}\", qop=\"auth\"\r\n");
        match method {
            "INVITE" | "BYE" if !request.contains(&format!("nonce=\"{method}\"")) => {
                vec![reply(request, "407 Who?", &question, "")]
            }
            _ => desk(request, "200 OK"),
        }
    })
    .await;
    let mut call = invite(address);
    call["user"] = json!("anna");
    let reading = signed_in(call, "s3cret-word").await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert_eq!(methods(&log), ["INVITE", "ACK", "INVITE", "ACK", "BYE"]);
    let heard = log.lock().unwrap();
    // RFC 3261, 13.2.2.4: the ACK bears what the INVITE bore.
    assert_eq!(header(&heard[3], "Proxy-Authorization"), header(&heard[2], "Proxy-Authorization"));
    assert!(header(heard.last().unwrap(), "Proxy-Authorization").contains("nonce=\"BYE\""), "{heard:?}");
}

#[tokio::test]
async fn a_call_that_cannot_be_ended_is_told() {
    for (answer, ends) in [("481 No Such Call", true), ("500 Oops", false), ("407 Who?", false)] {
        let (address, _) = exchange(move |_, request| match request.split(' ').next().unwrap() {
            "BYE" => vec![reply(request, answer, "", "")],
            _ => desk(request, "200 OK"),
        })
        .await;
        let reading = within(5000, invite(address)).await;
        if ends {
            assert_eq!(reading.outcome.verdict, Verdict::Good);
            continue;
        }
        let (code, phase, text) = fault(&reading);
        assert_eq!((code, phase), (FaultCode::SipRefused, Some(Phase::Receive)), "{text}");
        assert!(text.contains("cannot be ended") && text.contains(answer), "{text}");
    }
}

#[tokio::test]
async fn a_call_over_a_secured_line_is_taken_back_when_the_caller_goes() {
    let acceptor = TlsAcceptor::from(Arc::new(Identity::alone(&["localhost"]).server(&[])));
    let log: Log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let address = serve(move |stream| {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut buffer = vec![0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                seen.lock().unwrap().push(request.clone());
                if stream.write_all(&desk(&request, "").concat()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let call = json!({ "invite": format!("sips:halcyon@{address}"), "tls": { "insecure": true } });
    taken_back(&log, || within(30_000, call.clone())).await;
}
