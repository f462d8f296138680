//! `dns` against a real BIND with a signed zone, and a real Unbound that checks it.

use serde_json::{Value, json};
use unbroken::model::{FaultCode, Verdict};

use super::{code, fault_of};
use crate::parts::free_address;
use crate::parts::names::{Bind, Unbound};
use crate::walk::run;

fn ask(server: impl ToString, lookup: &str, kind: &str) -> Value {
    json!({ "dns": { "lookup": lookup, "type": kind, "server": server.to_string() } })
}

#[tokio::test]
async fn every_type_of_record_is_read_as_a_zone_file_writes_it() {
    let bind = Bind::start();
    let mut wrong = Vec::new();
    let digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (kind, name, wanted) in [
        ("A", "www", "192.0.2.7"),
        ("AAAA", "www", "2001:db8::7"),
        ("CNAME", "alias", "www.shop.test"),
        ("MX", "@", "10 mx.shop.test."),
        ("NS", "@", "ns.shop.test"),
        ("TXT", "@", "v=spf1 -all"),
        ("CAA", "@", "0 issue \"ca.example\""),
        ("SRV", "_sip._udp", "0 5 5060 www.shop.test."),
        ("SOA", "@", "ns.shop.test. admin.shop.test. 7 3600 600 86400 60"),
        ("PTR", "ptr", "www.shop.test"),
        ("HTTPS", "www", "1 . alpn=h2,h3 port=8443"),
        ("SVCB", "_dns", "1 dns.shop.test. alpn=dot"),
        ("TLSA", "_443._tcp.www", &format!("3 1 1 {digest}")),
        ("SSHFP", "www", &format!("4 2 {digest}")),
        ("NAPTR", "4.3.2.1.e164", "10 100 \"u\" \"e2u+sip\" \"!^.*$!sip:info@shop.test!\" ."),
    ] {
        let name = if name == "@" { "shop.test".to_owned() } else { format!("{name}.shop.test") };
        let mut written = ask(bind.plain, &name, kind);
        written["expect"] = json!({ "rcode": "NOERROR", "ttl": 60, "records": { "length": 1 } });
        written["capture"] = json!({ "records": { "field": "records" } });
        let reading = run(json!([written])).await;
        assert_eq!(reading.outcome.verdict, Verdict::Good, "{kind}: {:?}", reading.outcome);
        let captured = reading.outcome.steps[0].captured[0].value.clone().unwrap();
        let records: Vec<String> = serde_json::from_str(&captured).unwrap();
        if records[0].to_lowercase() != wanted {
            wrong.push((kind, wanted.to_owned(), records[0].clone()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for kind in ["DNSKEY", "NSEC", "RRSIG"] {
        assert_eq!(code(ask(bind.plain, "shop.test", kind)).await, None, "{kind}");
    }
    assert_eq!(code(ask(bind.plain, "circle-a.shop.test", "A")).await, Some(FaultCode::DnsLoop));
    assert_eq!(code(ask(bind.plain, "chain0.shop.test", "A")).await, Some(FaultCode::DnsLoop));
    assert_eq!(code(ask(bind.plain, "chain15.shop.test", "A")).await, None);
    assert_eq!(code(ask(bind.plain, "nowhere.shop.test", "A")).await, Some(FaultCode::DnsNxdomain));
    assert_eq!(code(ask(bind.plain, "www.elsewhere.test", "A")).await, Some(FaultCode::DnsRefused));
}

#[tokio::test]
async fn signatures_are_judged_and_wrong_ones_found() {
    let bind = Bind::start();
    let unbound = Unbound::start(&bind);
    let signed = |server: std::net::SocketAddr, lookup: &str, kind: &str| {
        let mut written = ask(server, lookup, kind);
        written["dns"]["dnssec"] = json!(true);
        written["dns"]["trust_anchor"] = json!(bind.anchor());
        written
    };
    for server in [bind.plain, unbound.plain] {
        for kind in ["A", "AAAA"] {
            let mut written = signed(server, "www.shop.test", kind);
            written["expect"] = json!({ "authenticated": true, "records": { "length": 1 } });
            let reading = run(json!([written])).await;
            assert_eq!(reading.outcome.verdict, Verdict::Good, "{server} {:?}", reading.outcome);
        }
        let reading = run(json!([signed(server, "tampered.shop.test", "A")])).await;
        assert_eq!(fault_of(&reading), Some(FaultCode::DnsBogus), "{server}");
        assert_eq!(FaultCode::DnsBogus.code(), "dnssec_bogus");
        // That there is no such name is proven as well.
        let mut gone = signed(server, "nowhere.shop.test", "A");
        assert_eq!(code(gone.clone()).await, Some(FaultCode::DnsNxdomain), "{server}");
        gone["expect"] = json!({ "rcode": "NXDOMAIN", "authenticated": true });
        assert_eq!(code(gone).await, None, "{server}");
    }
    // Without our own eyes the resolver's refusal is all there is to see.
    assert_eq!(code(ask(unbound.plain, "tampered.shop.test", "A")).await, Some(FaultCode::DnsServfail));
    assert_eq!(code(ask(bind.plain, "tampered.shop.test", "A")).await, None);
    // Somebody else's key.
    let other = Bind::start();
    let mut written = signed(bind.plain, "www.shop.test", "A");
    written["dns"]["trust_anchor"] = json!(other.anchor());
    assert_eq!(code(written).await, Some(FaultCode::DnsBogus));
}

#[tokio::test]
async fn encrypted_ways_are_asked_and_certificates_seen() {
    let bind = Bind::start();
    let unbound = Unbound::start(&bind);
    for (server, ca) in [
        (format!("tls://127.0.0.1:{}", bind.tls.port()), bind.ca()),
        (format!("https://127.0.0.1:{}/dns-query", bind.https.port()), bind.ca()),
        (format!("tls://127.0.0.1:{}", unbound.tls.port()), unbound.ca()),
        (format!("https://127.0.0.1:{}/dns-query", unbound.https.port()), unbound.ca()),
    ] {
        let mut written = ask(&server, "www.shop.test", "A");
        written["dns"]["tls"] = json!({ "ca": ca });
        written["expect"] = json!({ "records": { "contains": "192.0.2.7" }, "certificate": { "subject": { "exists": true } },
                                    "phases": { "tls": { "exists": true }, "dns": { "exists": true } } });
        assert_eq!(run(json!([written])).await.outcome.verdict, Verdict::Good, "{server}");
        // DNSSEC over the same connection.
        written["dns"]["dnssec"] = json!(true);
        written["dns"]["trust_anchor"] = json!(bind.anchor());
        written["expect"]["authenticated"] = json!(true);
        assert_eq!(run(json!([written])).await.outcome.verdict, Verdict::Good, "{server}");
        assert_eq!(code(ask(&server, "www.shop.test", "A")).await, Some(FaultCode::CertSelfSigned), "{server}");
    }
    let tcp = format!("tcp://{}", bind.plain);
    assert_eq!(code(ask(tcp, "www.shop.test", "A")).await, None);
    let mut lost = ask(format!("https://127.0.0.1:{}/elsewhere", bind.https.port()), "www.shop.test", "A");
    lost["dns"]["tls"] = json!({ "ca": bind.ca() });
    assert_eq!(code(lost).await, Some(FaultCode::Status));
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_fails() {
    let bind = Bind::start();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let closed = free_address().to_string();
    for first in [silent.local_addr().unwrap().to_string(), closed.clone(), format!("tcp://{closed}")] {
        let mut written = ask("", "www.shop.test", "A");
        written["dns"]["server"] = json!([first, bind.plain.to_string()]);
        let reading = run(json!([written])).await;
        assert_eq!(reading.outcome.verdict, Verdict::Good, "{first}: {:?}", reading.outcome);
        assert_eq!(reading.outcome.steps[0].peer, Some(bind.plain));
    }
    // Who refuses is passed over, too; what the last one says counts.
    let mut written = ask("", "www.elsewhere.test", "A");
    written["dns"]["server"] = json!([bind.plain.to_string(), closed]);
    assert_eq!(code(written).await, Some(FaultCode::ConnectRefused));
}
