//! Halcyon Mobile's own certificate authority, and two certificates for loopback: a good one and an expired one.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// Made at start and forgotten at the end: no private key ever reaches a disk.
pub(super) struct Certificates {
    /// What a customer's browser has to trust.
    pub(super) authority_pem: String,
    pub(super) good: TlsAcceptor,
    pub(super) expired: TlsAcceptor,
}

impl Certificates {
    pub(super) fn issue(now: Timestamp) -> Result<Self, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Halcyon Mobile demo authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        validate(&mut params, now, (-2, 365));
        let authority = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        Ok(Self {
            authority_pem: authority.pem(),
            good: acceptor(&issuer, now, (-2, 90))?,
            expired: acceptor(&issuer, now, (-92, -2))?,
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("no certificate could be made")]
    Make(#[from] rcgen::Error),
    #[error("the certificate cannot be served")]
    Serve(#[from] rustls::Error),
}

fn acceptor(issuer: &Issuer<'_, KeyPair>, now: Timestamp, days: (i32, i32)) -> Result<TlsAcceptor, CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "billing.halcyon.example");
    params.use_authority_key_identifier_extension = true;
    validate(&mut params, now, days);
    let leaf: CertificateDer<'static> = params.signed_by(&key, issuer)?.der().clone();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf], PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// `days`: the first and the last, counted from today.
fn validate(params: &mut CertificateParams, now: Timestamp, days: (i32, i32)) {
    let midnight = |days: i32| {
        let date = (now + (i64::from(days) * 24).hours()).to_zoned(TimeZone::UTC).date();
        date_time_ymd(i32::from(date.year()), date.month() as u8, date.day() as u8)
    };
    params.not_before = midnight(days.0);
    params.not_after = midnight(days.1);
}
