//! What a server's certificate says, and what exactly is wrong with it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

use crate::model::{CertificateFacts, Fault, FaultCode, Phase};

const NAME_CHARS_MAX: usize = 256;
const NAMES_SHOWN_MAX: usize = 5;

/// What the certificate says of itself; nothing when it is no certificate at all.
pub fn facts(der: &[u8]) -> Option<CertificateFacts> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    let moment = |seconds: i64| {
        Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
    };
    Some(CertificateFacts {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        not_before: moment(certificate.validity().not_before.timestamp()),
        not_after: moment(certificate.validity().not_after.timestamp()),
        sha256: hex(&Sha256::digest(der)),
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// A distinguished name, safe to show: hostile ones hold terminal codes, new lines or a book (T11).
fn name(name: &x509_parser::x509::X509Name<'_>) -> String {
    clip(&name.to_string())
}

fn clip(text: &str) -> String {
    text.chars().take(NAME_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Whether a bad certificate ends the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    Strict,
    /// `insecure: true`: looked at, not judged.
    Lenient,
}

/// Judges as rustls does, and lets its verdict carry the chain that it was about.
///
/// The verdict itself carries it, not this verifier: one configuration is shared by many connections at a time.
#[derive(Debug)]
pub struct Judge {
    inner: Arc<WebPkiServerVerifier>,
    strictness: Strictness,
    ear: Option<Ear>,
}

/// Hears of a refused chain where the error that carries it gets lost: QUIC keeps no more than an alert of it.
#[derive(Clone, Debug, Default)]
pub struct Ear(Arc<Mutex<Option<Arc<Refused>>>>);

impl Ear {
    pub fn heard(&self) -> Option<Arc<Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Judge {
    pub fn new(inner: Arc<WebPkiServerVerifier>, strictness: Strictness, ear: Option<Ear>) -> Self {
        Self { inner, strictness, ear }
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.inner.verify_server_cert(leaf, others, server, ocsp, now) {
            Err(_) if self.strictness == Strictness::Lenient => Ok(ServerCertVerified::assertion()),
            Err(error) => {
                let chain = std::iter::once(leaf).chain(others).map(|der| der.clone().into_owned()).collect();
                let refused = Arc::new(Refused { error, chain });
                if let Some(ear) = &self.ear {
                    *ear.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&refused));
                }
                Err(CertificateError::Other(OtherError(refused)).into())
            }
            fine => fine,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// A chain that was refused, and why.
#[derive(Debug)]
pub struct Refused {
    error: rustls::Error,
    chain: Vec<CertificateDer<'static>>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// What the leaf said, wrong as it is.
    pub fn facts(&self) -> Option<CertificateFacts> {
        self.chain.first().and_then(|leaf| facts(leaf))
    }

    pub fn fault(&self) -> Fault {
        let (code, text) = self.diagnosis();
        Fault::new(code, text).during(Phase::Tls)
    }

    fn diagnosis(&self) -> (FaultCode, String) {
        use CertificateError as E;
        let chain: Vec<X509Certificate<'_>> =
            self.chain.iter().filter_map(|der| parse_x509_certificate(der).ok().map(|(_, parsed)| parsed)).collect();
        let Some(leaf) = chain.first() else {
            return (FaultCode::CertInvalid, format!("the certificate cannot be read: {}", self.error));
        };
        let rustls::Error::InvalidCertificate(error) = &self.error else {
            return (FaultCode::CertInvalid, format!("the certificate is invalid: {}", self.error));
        };
        match error {
            E::Expired => (FaultCode::CertExpired, format!("the certificate expired on {}", leaf.validity().not_after)),
            E::ExpiredContext { not_after, .. } => {
                (FaultCode::CertExpired, format!("the certificate expired on {}", moment(*not_after)))
            }
            E::NotValidYet => {
                (FaultCode::CertNotYetValid, format!("the certificate is valid from {}", leaf.validity().not_before))
            }
            E::NotValidYetContext { not_before, .. } => {
                (FaultCode::CertNotYetValid, format!("the certificate is valid from {}", moment(*not_before)))
            }
            E::NotValidForName => (FaultCode::CertWrongHost, "the certificate is for another name".to_owned()),
            E::NotValidForNameContext { expected, presented } => {
                (FaultCode::CertWrongHost, wrong_host(&expected.to_str(), presented))
            }
            E::Revoked => (FaultCode::CertRevoked, "the certificate was revoked".to_owned()),
            E::UnknownIssuer => unknown_issuer(&chain),
            // An authority's own certificate, shown as a server's.
            _ if self_issued(leaf) => unknown_issuer(&chain),
            other => (FaultCode::CertInvalid, format!("the certificate is invalid: {other}")),
        }
    }
}

fn moment(time: UnixTime) -> String {
    Timestamp::from_second(time.as_secs().cast_signed())
        .map_or_else(|_| "a date beyond reckoning".to_owned(), |at| at.to_string())
}

fn wrong_host(expected: &str, presented: &[String]) -> String {
    let shown: Vec<String> = presented.iter().take(NAMES_SHOWN_MAX).map(|name| clip(name)).collect();
    let more = presented.len().saturating_sub(NAMES_SHOWN_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names = if shown.is_empty() { "no name at all".to_owned() } else { shown.join(", ") };
    format!("the certificate is not for {expected} but for {names}{rest}")
}

/// Nobody we trust signed the chain: alone, cut short, or by someone unknown?
fn unknown_issuer(chain: &[X509Certificate<'_>]) -> (FaultCode, String) {
    let Some(leaf) = chain.first() else { return (FaultCode::CertUntrusted, "no certificate was sent".to_owned()) };
    if self_issued(leaf) {
        return (FaultCode::CertSelfSigned, format!("the certificate `{}` is signed by itself", name(leaf.subject())));
    }
    let mut top = leaf;
    for _ in chain {
        let above = chain.iter().find(|issuer| issuer.subject() == top.issuer() && !std::ptr::eq(*issuer, top));
        match above {
            Some(issuer) => top = issuer,
            None => break,
        }
    }
    let issuer = name(top.issuer());
    if std::ptr::eq(top, leaf) {
        // A root that we do not know would look the same from here, but servers of such roots mostly send it.
        (
            FaultCode::ChainIncomplete,
            format!("the server did not send the certificate of the issuer `{issuer}`, and it is not a trusted root"),
        )
    } else {
        (FaultCode::CertUntrusted, format!("the chain ends at `{issuer}`, which is not trusted"))
    }
}

fn self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer()
}
