//! `sip` against telephone exchanges that answer, ring, refuse, lie and keep silent.

mod ended;
mod hostile;
mod located;
mod real;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use unbroken::model::{FaultCode, Phase, Reading, Verdict};
use unbroken::probe::Prober;
use unbroken::probe::digest::{Challenge, Proof};

use super::{fault_of, found};
use crate::support::certificates::Identity;
use crate::support::sip::{Log, exchange, header, line, methods, reply};
use crate::walk::{errand, order, serve, step, tools};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\ni=We answer Mon to Fri.\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\n";
const SDP_TYPE: &str = "Contact: <sip:desk@127.0.0.1>\r\nContent-Type: application/sdp\r\n";

/// Runs one `sip` step with so many milliseconds' time.
async fn within(millis: u64, written: Value) -> Reading {
    let written = if written.get("sip").is_some() { written } else { json!({ "sip": written }) };
    Prober::new(tools()).run(&errand(Duration::from_millis(millis), vec![step(&written)]), order()).await
}

fn fault(reading: &Reading) -> (FaultCode, Option<Phase>, String) {
    let fault = reading.outcome.verdict.fault().unwrap_or_else(|| panic!("{:?}", reading.outcome.verdict));
    (fault.code, fault.phase, fault.text.clone())
}

fn options(address: SocketAddr) -> Value {
    json!({ "options": format!("sip:halcyon@{address}") })
}

fn invite(address: SocketAddr) -> Value {
    json!({ "invite": format!("sip:halcyon@{address}") })
}

#[tokio::test]
async fn a_line_says_that_it_is_there() {
    let (address, log) = exchange(|_, request| vec![reply(request, "200 Fine", "Allow: INVITE, ACK\r\n", "")]).await;
    let expect = json!({
        "status": 200, "reason": "Fine", "headers": { "allow": { "contains": "INVITE" } },
        "answer_time": { "below": "2s" },
    });
    let reading = within(5000, json!({ "sip": options(address), "expect": expect })).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    let request = log.lock().unwrap()[0].clone();
    assert!(request.starts_with(&format!("OPTIONS sip:halcyon@{address} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:")));
    assert!(header(&request, "Via").contains(";branch=z9hG4bK") && header(&request, "Via").ends_with(";rport"));
    let phases: Vec<Phase> = reading.outcome.steps[0].phases.iter().map(|time| time.phase).collect();
    assert_eq!(phases, [Phase::Connect, Phase::Send, Phase::Wait, Phase::Assert]);
    // A stranger's code is nobody's fault if it is what is expected.
    let (address, _) = exchange(|_, request| vec![reply(request, "404 Not Here", "", "")]).await;
    let reading = within(5000, options(address)).await;
    assert_eq!(fault(&reading).0, FaultCode::Status);
    let reading = within(5000, json!({ "sip": options(address), "expect": { "status": [404, "2xx"] } })).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
}

#[tokio::test]
async fn what_is_lost_is_sent_again() {
    let (address, log) =
        exchange(|count, request| if count < 2 { vec![] } else { vec![reply(request, "200 OK", "", "")] }).await;
    let reading = within(10_000, options(address)).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    let heard = log.lock().unwrap();
    assert!(heard.len() == 3 && heard.iter().all(|request| *request == heard[0]), "{heard:?}");
    // Half a second, then a second (RFC 3261, 17.1.2.2).
    assert!(reading.outcome.took >= Duration::from_millis(1400), "{:?}", reading.outcome.took);
}

#[tokio::test]
async fn a_telephone_signs_in_and_out() {
    for algorithm in ["MD5", "SHA-256"] {
        let question =
            format!("WWW-Authenticate: Digest realm=\"desk\", nonce=\"n\", qop=\"auth\", algorithm={algorithm}\r\n");
        let (address, log) = exchange(move |_, request| {
            let Some(proof) = request.lines().find_map(|line| line.strip_prefix("Authorization: ")) else {
                return vec![reply(request, "401 Who?", &question, "")];
            };
            let find = |name: &str| {
                proof
                    .split(&format!("{name}="))
                    .nth(1)
                    .unwrap()
                    .trim_matches('"')
                    .split(['"', ','])
                    .next()
                    .unwrap()
                    .to_owned()
            };
            let challenge = Challenge::parse(question.split_once(": ").unwrap().1).unwrap();
            let (nonce, count) = (find("cnonce"), u32::from_str_radix(&find("nc"), 16).unwrap());
            let uri = find("uri");
            let proof = Proof {
                user: "anna",
                password: "s3cret-word",
                method: "REGISTER",
                uri: &uri,
                body: b"",
                nonce: &nonce,
                count,
            };
            let right = challenge.response(&proof) == find("response");
            vec![reply(request, if right { "200 OK" } else { "403 Forbidden" }, "", "")]
        })
        .await;
        let register =
            |password: &'static str| signed_in(json!({ "register": format!("sip:anna@{address}") }), password);
        let reading = register("s3cret-word").await;
        assert_eq!(reading.outcome.verdict, Verdict::Good, "{algorithm}");
        {
            let heard = log.lock().unwrap();
            let expires: Vec<&str> = heard.iter().map(|request| header(request, "Expires")).collect();
            assert_eq!(expires, ["60", "60", "0"]);
            assert!(heard[1].starts_with(&format!("REGISTER sip:{address} SIP/2.0")), "{}", heard[1]);
        }
        let reading = register("wr0ng-word").await;
        let (code, phase, text) = fault(&reading);
        assert_eq!((code, phase), (FaultCode::SipRefused, Some(Phase::Wait)), "{text}");
        let told = serde_json::to_string(&reading).unwrap();
        assert!(!told.contains("wr0ng-word") && !told.contains("response="), "{told}");
    }
}

/// Runs a step whose password is this one.
async fn signed_in(settings: Value, password: &str) -> Reading {
    let mut settings = settings;
    settings["password"] = json!(password);
    within(5000, settings).await
}

#[tokio::test]
async fn a_proof_that_is_asked_for_again_and_again_is_given_up() {
    let question = "WWW-Authenticate: Digest realm=\"desk\", nonce=\"n\", stale=true\r\n";
    let (address, log) = exchange(move |_, request| vec![reply(request, "401 Who?", question, "")]).await;
    let reading = signed_in(json!({ "register": format!("sip:anna@{address}") }), "s3cret-word").await;
    assert_eq!(fault(&reading).0, FaultCode::SipRefused);
    assert_eq!(log.lock().unwrap().len(), 5);
    let basic = "WWW-Authenticate: Basic realm=\"desk\"\r\n";
    let (address, _) = exchange(move |_, request| vec![reply(request, "401 Who?", basic, "")]).await;
    let reading = signed_in(json!({ "register": format!("sip:anna@{address}") }), "s3cret-word").await;
    assert!(matches!(reading.outcome.verdict, Verdict::Inconclusive { .. }), "{:?}", reading.outcome.verdict);
}

/// An exchange that rings, and does with the call what it is told.
fn desk(request: &str, answer: &str) -> Vec<Vec<u8>> {
    let say = |status: &str| reply(request, status, "", "");
    match request.split(' ').next().unwrap() {
        "INVITE" => {
            let last = match answer {
                "" => vec![],
                "200 OK" => vec![reply(request, answer, SDP_TYPE, SDP)],
                other => vec![say(other)],
            };
            [vec![say("100 Trying"), say("180 Ringing")], last].concat()
        }
        "ACK" => vec![],
        _ => vec![say("200 OK")],
    }
}

#[tokio::test]
async fn a_call_is_answered_and_ended() {
    let (address, log) = exchange(|_, request| desk(request, "200 OK")).await;
    let mut call = invite(address);
    call["announces"] = json!("Mon to Fri");
    let reading = within(
        5000,
        json!({ "sip": call, "capture": { "hours": { "text": "(?m)^i=We answer (.*)\\.\\r?$" } },
            "expect": { "status": 200, "ring_time": { "below": "2s" }, "answer_time": { "below": "3s" } } }),
    )
    .await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert_eq!(reading.outcome.steps[0].captured[0].value.as_deref(), Some("Mon to Fri"));
    assert_eq!(methods(&log), ["INVITE", "ACK", "BYE"]);
    let heard = log.lock().unwrap();
    let [invited, acknowledged, ended] = &heard[..] else { panic!("{heard:?}") };
    assert!(invited.contains("\r\nm=audio ") && header(invited, "CSeq") == "1 INVITE");
    assert!(acknowledged.starts_with("ACK sip:desk@127.0.0.1 ") && header(acknowledged, "CSeq") == "1 ACK");
    assert!(header(ended, "To").ends_with(";tag=desk") && header(ended, "CSeq") == "2 BYE");
    let phases: Vec<Phase> = reading.outcome.steps[0].phases.iter().map(|time| time.phase).collect();
    assert_eq!(phases, [Phase::Connect, Phase::Send, Phase::Wait, Phase::Ring, Phase::Receive, Phase::Assert]);
}

#[tokio::test]
async fn each_way_not_to_be_answered_has_its_code() {
    for (answer, code) in [
        ("486 Busy Here", FaultCode::SipBusy),
        ("600 Busy Everywhere", FaultCode::SipBusy),
        ("480 Nobody Home", FaultCode::SipUnanswered),
        ("603 Decline", FaultCode::SipRefused),
        ("403 Forbidden", FaultCode::SipRefused),
        ("503 Overloaded", FaultCode::Status),
    ] {
        let (address, log) = exchange(move |_, request| desk(request, answer)).await;
        assert_eq!(fault(&within(5000, invite(address)).await).0, code, "{answer}");
        // The ACK is on its way when the run is over.
        while methods(&log).len() < 2 {
            tokio::task::yield_now().await;
        }
        let heard = log.lock().unwrap();
        let branches: Vec<&str> = heard.iter().map(|it| header(it, "Via")).collect();
        assert!(heard[1].starts_with("ACK") && branches[0] == branches[1], "{heard:?}");
    }
    let (address, _) = exchange(|_, request| desk(request, "200 OK")).await;
    let mut call = invite(address);
    call["announces"] = json!("closed for ever");
    let reading = within(5000, call).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::SipAnnouncement));
    assert_eq!(found(&reading), "We answer Mon to Fri.");
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_taken_back() {
    let (address, log) = exchange(|_, request| desk(request, "")).await;
    let reading = within(1500, invite(address)).await;
    let (code, phase, text) = fault(&reading);
    assert_eq!((code, phase), (FaultCode::SipUnanswered, Some(Phase::Ring)), "{text}");
    assert_eq!(methods(&log), ["INVITE", "CANCEL"]);
    let heard = log.lock().unwrap();
    let cancelled = heard.iter().find(|it| it.starts_with("CANCEL")).unwrap();
    assert_eq!(header(cancelled, "Via"), header(&heard[0], "Via"));
    assert_eq!(header(cancelled, "CSeq"), "1 CANCEL");
}

#[tokio::test]
async fn a_call_that_is_answered_too_late_is_ended() {
    let mut invited = String::new();
    let (address, log) = exchange(move |_, request| {
        if request.starts_with("INVITE") {
            request.clone_into(&mut invited);
        }
        match request.split(' ').next().unwrap() {
            // The answer and the CANCEL have crossed.
            "CANCEL" => vec![reply(request, "200 OK", "", ""), reply(&invited, "200 OK", SDP_TYPE, SDP)],
            _ => desk(request, ""),
        }
    })
    .await;
    assert_eq!(fault(&within(1500, invite(address)).await).0, FaultCode::SipUnanswered);
    assert_eq!(methods(&log), ["INVITE", "CANCEL", "ACK", "BYE"]);
}

#[tokio::test]
async fn a_call_is_taken_back_when_the_caller_goes() {
    let (address, log) = exchange(|_, request| desk(request, "")).await;
    taken_back(&log, || within(30_000, invite(address))).await;
}

/// Goes in the middle of a call, and waits for the CANCEL. Before it rings there is nothing to take back, and nobody else
/// sees when it does: a caller who went too early is followed by one who waits longer.
async fn taken_back<F: Future<Output = Reading> + Send + 'static>(log: &Log, call: impl Fn() -> F) {
    for pause in [20, 100, 500, 2500].map(Duration::from_millis) {
        let calling = tokio::spawn(call());
        tokio::time::sleep(pause).await;
        calling.abort();
        let cancelled = async {
            while !methods(log).contains(&"CANCEL".to_owned()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(2 * pause, cancelled).await.is_ok() {
            return;
        }
    }
    panic!("no CANCEL: {:?}", methods(log));
}

#[tokio::test]
async fn the_answer_is_acknowledged_as_often_as_it_comes() {
    let mut invited = String::new();
    let (address, log) = exchange(move |count, request| {
        if request.starts_with("INVITE") {
            request.clone_into(&mut invited);
        }
        match request.split(' ').next().unwrap() {
            "ACK" if count == 1 => vec![reply(&invited, "200 OK", SDP_TYPE, SDP)],
            "BYE" if count == 2 => vec![],
            _ => desk(request, "200 OK"),
        }
    })
    .await;
    assert_eq!(within(5000, invite(address)).await.outcome.verdict, Verdict::Good);
    let acknowledged = log.lock().unwrap().iter().filter(|request| request.starts_with("ACK")).count();
    assert_eq!(acknowledged, 2);
}

#[tokio::test]
async fn streams_carry_calls_too() {
    let address = line(|request| desk(request, "200 OK").concat()).await;
    let mut call = invite(address);
    call["transport"] = json!("tcp");
    let reading = within(5000, call).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    let nobody = crate::parts::free_address();
    let mut asked = options(nobody);
    assert_eq!(fault(&within(5000, asked.clone()).await).0, FaultCode::ConnectRefused);
    asked["transport"] = json!("tcp");
    assert_eq!(fault(&within(5000, asked).await).0, FaultCode::ConnectRefused);
}

#[tokio::test]
async fn a_secured_line_is_asked_too() {
    let acceptor = TlsAcceptor::from(Arc::new(Identity::alone(&["localhost"]).server(&[])));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut buffer = vec![0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                assert!(header(&request, "Via").starts_with("SIP/2.0/TLS "), "{request}");
                if stream.write_all(&reply(&request, "200 OK", "", "")).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let mut asked = json!({ "options": format!("sips:halcyon@{address}") });
    assert_eq!(fault(&within(5000, asked.clone()).await).0, FaultCode::CertSelfSigned);
    asked["tls"] = json!({ "insecure": true });
    let reading = within(5000, asked).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert!(reading.outcome.steps[0].phases.iter().any(|time| time.phase == Phase::Tls));
}
