//! `tls` against certificates that are well, near their end, and nobody's.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;
use unbroken::model::{FaultCode, Verdict};

use super::{code, fault_of, found};
use crate::walk::{run, serve};

/// A server for `localhost` with a certificate of 90 days from an authority that is written to `ca`.
async fn server(ca: &Path, name: &str) -> SocketAddr {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, name);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(ca, authority.pem()).unwrap();
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    let days = |days: i64| {
        let at = i64::try_from(now.as_secs()).unwrap() + days * 86_400;
        let day = jiff::Timestamp::from_second(at).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        rcgen::date_time_ymd(day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs())
    };
    (leaf.not_before, leaf.not_after) = (days(-1), days(90));
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.shutdown().await;
            }
        }
    })
    .await
}

fn tls(address: SocketAddr, ca: &Path, expect: &Value) -> Value {
    json!({ "tls": { "connect": address.to_string(), "server_name": "localhost", "ca": ca }, "expect": expect })
}

#[tokio::test]
async fn the_certificate_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let address = server(&ca, "Test authority").await;
    let well = json!({
        "certificate": { "expires_after": "21d", "issuer": { "contains": "Test authority" }, "subject": { "contains": "localhost" } },
        "version": "1.3",
    });
    let reading = run(json!([tls(address, &ca, &well)])).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert!(reading.outcome.steps[0].certificate.as_ref().unwrap().issuer.contains("Test authority"));

    let reading = run(json!([tls(address, &ca, &json!({ "certificate": { "expires_after": "100d" } }))])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Expectation));
    assert!(found(&reading).starts_with("89d"), "{}", found(&reading));
    let text = &reading.outcome.verdict.fault().unwrap().text;
    assert!(text.starts_with("certificate validity left: expected above 100d, found 89d"), "{text}");
}

#[tokio::test]
async fn strangers_and_plain_talk_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours.pem"), folder.path().join("theirs.pem"));
    let address = server(&ours, "Ours").await;
    server(&theirs, "Theirs").await;
    let stranger = code(tls(address, &theirs, &json!({}))).await;
    assert!(matches!(stranger, Some(FaultCode::CertUntrusted | FaultCode::ChainIncomplete)), "{stranger:?}");
    let plain = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    assert_eq!(code(tls(plain, &ours, &json!({}))).await, Some(FaultCode::TlsProtocol));
}
