//! An address without a port is where its domain says that it is (RFC 3263), and the next server where one fails.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{A, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use unbroken::clock::Clock;
use unbroken::model::{FaultCode, Phase, Reading, Verdict};
use unbroken::probe::connect::Network;
use unbroken::probe::connect::resolve::Resolver;
use unbroken::probe::connect::tls::Tls;
use unbroken::probe::{Prober, Tools};

use super::fault;
use crate::parts::free_address;
use crate::support::certificates::{Authority, Valid};
use crate::support::dns::{Dns, Manner};
use crate::support::sip::{Log, exchange, header, line, methods, reply};
use crate::walk::{errand, order, serve, step, tools};

fn srv(priority: u16, port: u16, target: &str) -> RData {
    RData::SRV(SRV::new(priority, 0, port, Name::from_ascii(target).unwrap()))
}

fn naptr(order: u16, service: &str, name: &str) -> RData {
    let bytes = |text: &str| text.as_bytes().into();
    RData::NAPTR(NAPTR::new(order, 10, bytes("s"), bytes(service), bytes(""), Name::from_ascii(name).unwrap()))
}

/// Runs one `sip` step where this name server is asked.
async fn at(dns: &Dns, written: Value) -> Reading {
    let tls = Tls::new(Clock::system());
    let network = Arc::new(Network::new(Resolver::of_servers(&[dns.address]), tls));
    let prober = Prober::new(Tools { network, ..tools() });
    prober.run(&errand(Duration::from_secs(12), vec![step(&json!({ "sip": written }))]), order()).await
}

/// Where the one who answered is.
fn peer(reading: &Reading) -> u16 {
    assert_eq!(reading.outcome.verdict, Verdict::Good, "{:?}", reading.outcome);
    reading.outcome.steps[0].peer.unwrap().port()
}

async fn answers() -> SocketAddr {
    exchange(|_, request| vec![reply(request, "200 OK", "", "")]).await.0
}

#[tokio::test]
async fn a_domain_says_how_and_where_it_is_spoken_to() {
    let (udp, tcp) = (answers().await, line(|request| reply(request, "200 OK", "", "")).await);
    let records = [
        ("_sip._udp.phones.example.", srv(10, udp.port(), "pbx.phones.example.")),
        ("_sip._tcp.phones.example.", srv(10, tcp.port(), "pbx.phones.example.")),
    ];
    let dns = Dns::zone(&records).await;
    assert_eq!(peer(&at(&dns, json!({ "options": "sip:help@phones.example" })).await), udp.port(), "UDP, if it may be");
    for written in [
        json!({ "options": "sip:help@phones.example;transport=tcp" }),
        json!({ "options": "sip:help@phones.example", "transport": "tcp" }),
    ] {
        assert_eq!(peer(&at(&dns, written).await), tcp.port());
    }
    // A written port is the port of that very host.
    let elsewhere = format!("sip:help@phones.example:{}", answers().await.port());
    let port = elsewhere.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    assert_eq!(peer(&at(&dns, json!({ "options": elsewhere })).await), port);
    let prefers = [
        ("phones.example.", naptr(20, "SIP+D2U", "_sip._udp.phones.example.")),
        ("phones.example.", naptr(10, "SIP+D2T", "_sip._tcp.phones.example.")),
        ("phones.example.", naptr(5, "E2U+sip", "_sip._udp.nobody.example.")),
    ];
    let dns = Dns::zone(&[&prefers[..], &records].concat()).await;
    assert_eq!(peer(&at(&dns, json!({ "options": "sip:help@phones.example" })).await), tcp.port(), "as NAPTR says");
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_refuses_is_silent_or_unavailable() {
    let good = answers().await;
    let silent = exchange(|_, _| vec![]).await.0;
    let (full, asked) = exchange(|_, request| match request.split(' ').next() {
        Some("ACK") => vec![],
        _ => vec![reply(request, "503 Service Unavailable", "", "")],
    })
    .await;
    let (desk, calls) = exchange(|_, request| match request.split(' ').next() {
        Some("INVITE") => vec![reply(request, "200 OK", "Contact: <sip:desk@127.0.0.1>\r\n", "")],
        Some("ACK") => vec![],
        _ => vec![reply(request, "200 OK", "", "")],
    })
    .await;
    for (first, second, task) in [
        (free_address(), good, "options"),
        (silent, good, "options"),
        (full, good, "options"),
        (full, desk, "invite"),
        (silent, desk, "invite"),
    ] {
        let dns = Dns::zone(&[
            ("_sip._udp.phones.example.", srv(20, second.port(), "b.phones.example.")),
            ("_sip._udp.phones.example.", srv(10, first.port(), "a.phones.example.")),
        ])
        .await;
        let reading = at(&dns, json!({ task: "sip:help@phones.example" })).await;
        assert_eq!(peer(&reading), second.port(), "{task} {first}");
    }
    assert_eq!(methods(&asked), ["OPTIONS", "INVITE", "ACK"]);
    assert_eq!(methods(&calls), ["INVITE", "ACK", "BYE", "INVITE", "ACK", "BYE"]);

    let line = line(|request| reply(request, "200 OK", "", "")).await;
    let dns = Dns::zone(&[
        ("_sip._tcp.phones.example.", srv(10, free_address().port(), "a.phones.example.")),
        ("_sip._tcp.phones.example.", srv(20, line.port(), "b.phones.example.")),
    ])
    .await;
    let reading = at(&dns, json!({ "options": "sip:help@phones.example;transport=tcp" })).await;
    assert_eq!(peer(&reading), line.port());
    let dns = Dns::zone(&[("_sip._tcp.phones.example.", srv(10, free_address().port(), "a.phones.example."))]).await;
    let reading = at(&dns, json!({ "options": "sip:help@phones.example;transport=tcp" })).await;
    assert_eq!(fault(&reading).0, FaultCode::ConnectRefused, "there is no other");
}

/// A server over TCP that takes no calls; how often it was asked.
async fn full() -> (SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let address = line(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        reply(request, "503 Service Unavailable", "", "")
    });
    (address.await, asked)
}

#[tokio::test]
async fn over_streams_the_next_server_is_asked_where_one_takes_no_calls() {
    let ((full, asked), heard) = (full().await, Log::default());
    let log = Arc::clone(&heard);
    let desk = line(move |request| {
        log.lock().unwrap().push(request.to_owned());
        let contact = if request.starts_with("INVITE") { "Contact: <sip:desk@127.0.0.1>\r\n" } else { "" };
        reply(request, "200 OK", contact, "")
    })
    .await;
    let servers = [
        ("_sip._tcp.phones.example.", srv(10, full.port(), "a.phones.example.")),
        ("_sip._tcp.phones.example.", srv(15, free_address().port(), "c.phones.example.")),
        ("_sip._tcp.phones.example.", srv(20, desk.port(), "b.phones.example.")),
    ];
    let dns = Dns::zone(&servers).await;
    for task in ["options", "register", "invite"] {
        let reading = at(&dns, json!({ task: "sip:help@phones.example;transport=tcp" })).await;
        assert_eq!(peer(&reading), desk.port(), "{task}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3, "each asked it first");
    assert_eq!(methods(&heard), ["OPTIONS", "REGISTER", "INVITE", "BYE"]);
    let invite = heard.lock().unwrap().iter().find(|text| text.starts_with("INVITE")).cloned().unwrap();
    let place = |name: &str| {
        let value = header(&invite, name);
        value[value.find("127.0.0.1").unwrap()..].split([';', '>']).next().unwrap().to_owned()
    };
    assert_eq!(place("Contact"), place("Via"), "where we are now");
    // Nobody else is there: what the first one said is what customers meet.
    let dns = Dns::zone(&servers[..2]).await;
    let reading = at(&dns, json!({ "options": "sip:help@phones.example;transport=tcp" })).await;
    let (code, phase, text) = fault(&reading);
    assert_eq!((code, phase), (FaultCode::Status, Some(Phase::Wait)));
    assert!(text.contains("503"), "{text}");
}

#[tokio::test]
async fn a_server_with_two_addresses_is_asked_at_both() {
    let (full, asked) = full().await;
    // The same port of another of this machine's addresses.
    let listener = TcpListener::bind(("127.0.0.2", full.port())).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 8192];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            let answer = reply(&String::from_utf8_lossy(&buffer[..read]), "200 OK", "", "");
            let _ = stream.write_all(&answer).await;
        }
    });
    let dns = Dns::zone(&[
        ("_sip._tcp.phones.example.", srv(10, full.port(), "a.phones.example.")),
        ("a.phones.example.", RData::A(A::new(127, 0, 0, 1))),
        ("a.phones.example.", RData::A(A::new(127, 0, 0, 2))),
    ])
    .await;
    let reading = at(&dns, json!({ "options": "sip:help@phones.example;transport=tcp" })).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good, "{:?}", reading.outcome);
    assert_eq!(asked.load(Ordering::Relaxed), 1, "it is asked first");
}

#[tokio::test]
async fn a_server_shows_the_domains_certificate_whatever_it_is_called() {
    let authority = Authority::new("Telephones");
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.root.pem()).unwrap();
    for (name, expected) in [("phones.example", None), ("pbx.hoster.example", Some(FaultCode::CertWrongHost))] {
        let identity = authority.sign(&[name], Valid::Now);
        let acceptor = TlsAcceptor::from(Arc::new(identity.server(&[])));
        let address = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut buffer = vec![0; 8192];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                    let _ = stream.write_all(&reply(&request, "200 OK", "", "")).await;
                }
            }
        })
        .await;
        let dns = Dns::zone(&[("_sips._tcp.phones.example.", srv(10, address.port(), "pbx.hoster.example."))]).await;
        let reading = at(&dns, json!({ "options": "sips:help@phones.example", "tls": { "ca": ca } })).await;
        match expected {
            None => assert_eq!(peer(&reading), address.port()),
            Some(code) => assert_eq!(fault(&reading).0, code),
        }
    }
}

#[tokio::test]
async fn what_names_nobody_is_told_as_it_is() {
    let dns = Dns::zone(&[("_sip._udp.phones.example.", srv(0, 0, "."))]).await;
    let asked = || json!({ "options": "sip:help@phones.example", "transport": "udp" });
    let (code, _, text) = fault(&at(&dns, asked()).await);
    assert_eq!((code, text.contains("is not offered")), (FaultCode::DnsEmpty, true), "{text}");
    let broken = Dns::serve(Manner::Code(ResponseCode::ServFail)).await;
    assert_eq!(fault(&at(&broken, asked()).await).0, FaultCode::DnsServfail);
    // Without such records it is the host itself, at the usual port, where nobody is now.
    let dns = Dns::zone(&[]).await;
    let reading = at(&dns, json!({ "options": "sip:help@phones.example", "transport": "tcp" })).await;
    let (code, _, text) = fault(&reading);
    assert!(code == FaultCode::ConnectRefused && text.contains("127.0.0.1:5060"), "{text}");
}
