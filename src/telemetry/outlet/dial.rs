//! Connects to a collector. The same TLS serves gRPC and HTTP.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::named::Named;
use super::wire::Unwired;
use crate::telemetry::Otlp;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where a collector is, and how it is spoken to there.
#[derive(Clone)]
pub(super) struct Dial {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dial({}:{}, tls: {})", self.host, self.port, self.tls.is_some())
    }
}

impl Dial {
    pub(super) fn new(otlp: &Otlp) -> Result<Self, Unwired> {
        let unwired = |text: &str| Unwired(text.to_owned());
        let host = otlp.endpoint.host_str().ok_or_else(|| unwired("the endpoint names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if otlp.is_secure() {
            let config = config(otlp, b"h2")?;
            let name = otlp.tls.as_ref().and_then(|tls| tls.server_name.as_ref()).unwrap_or(&host);
            Some((TlsConnector::from(Arc::new(config)), server_name(name)?))
        } else {
            None
        };
        let port = otlp.endpoint.port_or_known_default().ok_or_else(|| unwired("the endpoint names no port"))?;
        Ok(Self { host, port, tls })
    }

    /// `host:port`, as in a URL.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    pub(super) async fn connect(self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match self.tls {
            Some((connector, name)) => Box::new(connector.connect(name, stream).await?),
            None => Box::new(stream),
        })
    }
}

/// What is trusted, and who we say we are.
pub(super) fn config(otlp: &Otlp, protocol: &[u8]) -> Result<ClientConfig, Unwired> {
    let unwired = |error: rustls::Error| Unwired(format!("tls: {error}"));
    let tls = otlp.tls.clone().unwrap_or_default();
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        Some(ca) => {
            for certificate in chain(ca.as_path())? {
                roots.add(certificate).map_err(|error| Unwired(format!("{}: {error}", ca.as_path().display())))?;
            }
        }
        // Nobody is asked who they are.
        None if !otlp.is_secure() => {}
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unwired)?;
    let builder = match &tls.server_name {
        Some(name) => {
            let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let judge = judge.map_err(|error| Unwired(format!("tls: {error}")))?;
            let verifier = Arc::new(Named { name: server_name(name)?, judge });
            builder.dangerous().with_custom_certificate_verifier(verifier)
        }
        None => builder.with_root_certificates(roots),
    };
    let mut config = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => {
            builder.with_client_auth_cert(chain(cert.as_path())?, key_in(key.as_path())?).map_err(unwired)?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(config)
}

fn server_name(name: &str) -> Result<ServerName<'static>, Unwired> {
    ServerName::try_from(name.to_owned()).map_err(|_| Unwired(format!("`{name}` is not a server's name")))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unwired> {
    let wrong = |error: pem::Error| unread(path, &error);
    let chain: Vec<_> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if chain.is_empty() { Err(Unwired(format!("{} holds no certificate", path.display()))) } else { Ok(chain) }
}

fn key_in(path: &Path) -> Result<PrivateKeyDer<'static>, Unwired> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unread(path, &error))
}

fn unread(path: &Path, error: &pem::Error) -> Unwired {
    match error {
        pem::Error::Io(error) => Unwired(format!("{} cannot be read: {error}", path.display())),
        pem::Error::NoItemsFound => Unwired(format!("{} holds no key", path.display())),
        other => Unwired(format!("{}: {other}", path.display())),
    }
}
