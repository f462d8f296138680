//! Connects to a collector. The same TLS serves gRPC and HTTP.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

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
        let tls = if otlp.endpoint.scheme() == "https" {
            let config = config(otlp, b"h2")?;
            let name = ServerName::try_from(host.clone()).map_err(|_| unwired("its host is no server's name"))?;
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        let port = otlp.endpoint.port().unwrap_or(if tls.is_some() { 443 } else { 4317 });
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
pub(super) fn config(_otlp: &Otlp, protocol: &[u8]) -> Result<ClientConfig, Unwired> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Unwired(error.to_string()))?
        .with_root_certificates(roots);
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(config)
}
