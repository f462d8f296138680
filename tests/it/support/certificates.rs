//! An authority and what it signs, good and bad.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};

/// A certificate for servers, as they send it.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// A root and an intermediate below it.
pub(crate) struct Authority {
    pub(crate) root: CertifiedIssuer<'static, KeyPair>,
    middle: CertifiedIssuer<'static, KeyPair>,
}

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub(crate) enum Valid {
    Now,
    LastYear,
    NextCentury,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let params = |rank: &str| {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, format!("{name} {rank}"));
            params
        };
        let root = CertifiedIssuer::self_signed(params("Root"), KeyPair::generate().unwrap()).unwrap();
        let middle = CertifiedIssuer::signed_by(params("Middle"), KeyPair::generate().unwrap(), &root).unwrap();
        Self { root, middle }
    }

    /// What trusts this authority.
    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).unwrap();
        roots
    }

    /// What trusts this authority, as a file holds it.
    pub(crate) fn pem(&self) -> String {
        self.root.pem()
    }

    /// A leaf below the intermediate, with the whole chain.
    pub(crate) fn sign(&self, names: &[&str], valid: Valid) -> Identity {
        let key = KeyPair::generate().unwrap();
        let leaf = leaf(names, valid).signed_by(&key, &self.middle).unwrap();
        Identity {
            chain: vec![leaf.der().clone(), self.middle.der().clone()],
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }
}

fn leaf(names: &[&str], valid: Valid) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "<img src=x>\u{1b}[31m\nleaf");
    let (from, to) = match valid {
        Valid::Now => (2020, 2090),
        Valid::LastYear => (2020, 2021),
        Valid::NextCentury => (2090, 2099),
    };
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    params
}

impl Identity {
    /// The chain and its key, as servers read them from files.
    pub(crate) fn pem(&self) -> (String, String) {
        let block = |label: &str, der: &[u8]| {
            let text = BASE64_STANDARD.encode(der);
            let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
        };
        let chain = self.chain.iter().map(|certificate| block("CERTIFICATE", certificate)).collect();
        (chain, block("PRIVATE KEY", self.key.secret_der()))
    }

    /// Signed by nobody but itself.
    pub(crate) fn alone(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let leaf = leaf(names, Valid::Now).self_signed(&key).unwrap();
        Self { chain: vec![leaf.der().clone()], key: PrivateKeyDer::Pkcs8(key.serialize_der().into()) }
    }

    /// Sends another chain.
    pub(crate) fn sending(mut self, chain: Vec<CertificateDer<'static>>) -> Self {
        self.chain = chain;
        self
    }

    pub(crate) fn server(&self, protocols: &[&str]) -> ServerConfig {
        self.config(rustls::DEFAULT_VERSIONS, protocols)
    }

    fn config(&self, versions: &[&'static rustls::SupportedProtocolVersion], protocols: &[&str]) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    /// Demands a certificate of its clients, in TLS 1.2 or 1.3.
    pub(crate) fn demanding(
        &self,
        roots: RootCertStore,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ServerConfig {
        let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .unwrap()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
