//! Certificates, versions of TLS and of HTTP.

use std::io::Write as _;

use rustls::version::{TLS12, TLS13};
use serde_json::json;
use unbroken::model::{FaultCode, Phase};

use crate::support::certificates::{Authority, Identity, Valid};
use crate::support::probe::{get, http, network, trusting};
use crate::support::raw::{Act, Raw, say};
use crate::support::web::Web;

#[tokio::test]
async fn both_versions_are_spoken_and_the_certificate_is_told() {
    let authority = Authority::new("Test");
    let identity = authority.sign(&["shop.test"], Valid::Now);
    for (offered, wanted, version) in [
        (&["h2", "http/1.1"][..], None, "2"),
        (&["h2", "http/1.1"], Some("1.1"), "1.1"),
        (&["h2", "http/1.1"], Some("2"), "2"),
        (&["http/1.1"], None, "1.1"),
        (&[], None, "1.1"),
    ] {
        let web = Web::secure(identity.server(offered)).await;
        let mut settings = json!({ "post": web.url("https", "shop.test"), "json": { "a": "x".repeat(100_000) } });
        if let Some(wanted) = wanted {
            settings["version"] = wanted.into();
        }
        let expect = json!({
            "status": 200, "version": version, "certificate": { "expires_after": "21d" },
            "json": { "$.headers.traceparent": { "exists": true }, "$.body": { "contains": "xxx" } },
        });
        let met = http(settings).expect(expect).run_in(trusting(authority.roots())).await.good();
        assert_eq!(met.phases(), ["dns", "connect", "tls", "send", "wait", "receive", "assert"], "{version}");
        assert_eq!(met.attribute("network.protocol.version"), Some(version));
        assert_eq!(met.attribute("tls.protocol.version"), Some("1.3"));
        let facts = met.last().certificate.clone().unwrap();
        assert_eq!(facts.issuer, "CN=Test Middle");
        assert_eq!(facts.not_after.to_string(), "2090-01-01T00:00:00Z");
        assert_eq!(facts.sha256.len(), 64);
        assert!(!facts.subject.contains('\u{1b}') && !facts.subject.contains('\n'), "{:?}", facts.subject);
    }
}

#[tokio::test]
async fn every_bad_certificate_has_its_own_fault() {
    let authority = Authority::new("Test");
    let other = Authority::new("Other");
    let good = authority.sign(&["shop.test"], Valid::Now);
    let foreign = other.sign(&["shop.test"], Valid::Now);
    let leaf_only = vec![good.chain[0].clone()];
    let with_root = [foreign.chain.clone(), vec![other.root.der().clone()]].concat();
    for (identity, code, said) in [
        (authority.sign(&["shop.test"], Valid::LastYear), FaultCode::CertExpired, "2021-01-01"),
        (authority.sign(&["shop.test"], Valid::NextCentury), FaultCode::CertNotYetValid, "2090-01-01"),
        (authority.sign(&["evil.test", "*.shop.test"], Valid::Now), FaultCode::CertWrongHost, "evil.test"),
        (Identity::alone(&["shop.test"]), FaultCode::CertSelfSigned, "signed by itself"),
        (good.sending(leaf_only), FaultCode::ChainIncomplete, "CN=Test Middle"),
        (foreign.sending(with_root), FaultCode::CertUntrusted, "CN=Other Root"),
    ] {
        let web = Web::secure(identity.server(&["http/1.1"])).await;
        let url = web.url("https", "shop.test");
        let met = http(get(&url)).run_in(trusting(authority.roots())).await;
        assert!(met.last().certificate.is_some(), "{code}: the certificate is shown in spite of it");
        assert_eq!(met.phases(), ["dns", "connect", "tls"], "{code}");
        let fault = met.failed(code, Phase::Tls);
        assert!(fault.text.contains(said), "{fault:?}");
        // Looked at, but not judged.
        let lenient = json!({ "get": url, "tls": { "insecure": true } });
        http(lenient).expect(json!({ "status": 200 })).run_in(trusting(authority.roots())).await.good();
    }
}

#[tokio::test]
async fn a_reversed_chain_is_a_chain() {
    let authority = Authority::new("Test");
    let identity = authority.sign(&["shop.test"], Valid::Now);
    let [leaf, middle] = [identity.chain[0].clone(), identity.chain[1].clone()];
    let web = Web::secure(identity.sending(vec![leaf, authority.root.der().clone(), middle]).server(&[])).await;
    http(get(web.url("https", "shop.test"))).run_in(trusting(authority.roots())).await.good();
}

#[tokio::test]
async fn a_file_of_authorities_and_another_name_are_heeded() {
    let authority = Authority::new("Test");
    let web = Web::secure(authority.sign(&["inner.example"], Valid::Now).server(&["h2"])).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.root.pem().as_bytes()).unwrap();
    let tls = json!({ "ca": file.path(), "server_name": "inner.example" });
    http(json!({ "get": web.url("https", "shop.test"), "tls": tls })).run().await.good();
    let missing = json!({ "get": web.url("https", "shop.test"), "tls": { "ca": "/nonexistent.pem" } });
    let text = http(missing).run().await.inconclusive(unbroken::model::SelfFault::Unsupported);
    assert!(text.contains("/nonexistent.pem"), "{text}");
}

#[tokio::test]
async fn a_demand_for_our_certificate_is_named() {
    let authority = Authority::new("Test");
    let identity = authority.sign(&["shop.test"], Valid::Now);
    let web = Web::secure(identity.demanding(authority.roots(), &[&TLS13])).await;
    let url = web.url("https", "shop.test");
    http(get(url)).run_in(trusting(authority.roots())).await.failed(FaultCode::TlsClientCertificate, Phase::Tls);
    // TLS 1.2 has no word of its own for it.
    let web = Web::secure(identity.demanding(authority.roots(), &[&TLS12])).await;
    let url = web.url("https", "shop.test");
    let met = http(get(url)).run_in(trusting(authority.roots())).await;
    assert!(matches!(
        met.0.outcome.verdict.fault().unwrap().code,
        FaultCode::TlsAlert | FaultCode::TlsClientCertificate
    ));
}

#[tokio::test]
async fn what_is_no_tls_is_said_to_be_none() {
    let hello_then = |acts: Vec<Act>| async move { Raw::greet(acts).await };
    // Plain HTTP on the port for HTTPS.
    let raw = hello_then(vec![say("HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    http(get(raw.url("/").replace("http:", "https:"))).run().await.failed(FaultCode::TlsProtocol, Phase::Tls);
    // An alert: protocol_version (70), then handshake_failure (40).
    for (alert, code) in [(70, FaultCode::TlsVersion), (40, FaultCode::TlsAlert)] {
        let raw = hello_then(vec![Act::Say(vec![21, 3, 1, 0, 2, 2, alert])]).await;
        http(get(raw.url("/").replace("http:", "https:"))).run().await.failed(code, Phase::Tls);
    }
    for acts in [vec![], vec![Act::Reset]] {
        let raw = hello_then(acts).await;
        http(get(raw.url("/").replace("http:", "https:"))).run().await.failed(FaultCode::Reset, Phase::Tls);
    }
    let raw = hello_then(vec![Act::Hang]).await;
    let met = http(get(raw.url("/").replace("http:", "https:"))).within(300).run().await;
    assert_eq!(met.phases(), ["connect", "tls"]);
    met.failed(FaultCode::Timeout, Phase::Tls);
}

#[tokio::test]
async fn a_server_without_http2_is_told_from_one_that_is_down() {
    let authority = Authority::new("Test");
    let web = Web::secure(authority.sign(&["shop.test"], Valid::Now).server(&[])).await;
    let settings = json!({ "get": web.url("https", "shop.test"), "version": "2" });
    http(settings).run_in(trusting(authority.roots())).await.failed(FaultCode::AlpnMismatch, Phase::Tls);
    // Prior knowledge, without encryption.
    let web = Web::plain().await;
    let settings = json!({ "get": web.url("http", "shop.test"), "version": "2" });
    http(settings).expect(json!({ "version": "2" })).run_in(network()).await.good();
}
