//! Securing a connection: one shared configuration per settings, a full handshake every time.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, CertificateError, ClientConfig, InvalidMessage, PeerIncompatible, RootCertStore};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use crate::clock::Clock;
use crate::model::{CertificateFacts, Fault, FaultCode, Phase, SelfFault};
use crate::probe::Stop;
use crate::units::FilePath;

use super::certificate::{self, Ear, Judge, Refused, Strictness};
use super::dial;

/// `tls:`, what is trusted and who we say we are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// A PEM file of the authorities to trust, instead of the machine's.
    pub ca: Option<FilePath>,
    /// A PEM file of our own certificate and its chain.
    pub cert: Option<FilePath>,
    /// A PEM file of the key to it.
    pub key: Option<FilePath>,
    /// The name to ask for and to expect, instead of the host's.
    pub server_name: Option<String>,
    /// Goes on in spite of a bad certificate.
    #[serde(default)]
    pub insecure: bool,
    /// Made at the first use: most probes have no options, and share theirs.
    #[serde(skip)]
    configs: OnceLock<Box<Configs>>,
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        let written = |it: &Self| (it.ca.clone(), it.cert.clone(), it.key.clone(), it.server_name.clone(), it.insecure);
        written(self) == written(other)
    }
}

impl Options {
    /// What cannot be right, whatever the network says.
    pub fn problem(&self) -> Option<String> {
        match (&self.cert, &self.key) {
            (Some(_), None) => return Some("`tls` has a `cert` but no `key` to it".to_owned()),
            (None, Some(_)) => return Some("`tls` has a `key` but no `cert` to it".to_owned()),
            _ => {}
        }
        let name = self.server_name.as_ref()?;
        ServerName::try_from(name.as_str()).err().map(|_| format!("`{name}` is not a server's name"))
    }

    fn strictness(&self) -> Strictness {
        if self.insecure { Strictness::Lenient } else { Strictness::Strict }
    }

    fn is_plain(&self) -> bool {
        self.ca.is_none() && self.cert.is_none() && !self.insecure
    }
}

/// Decodes `tls:` and says what cannot be right about it.
pub fn sound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Options, D::Error> {
    let options = Options::deserialize(deserializer)?;
    options.problem().map_or(Ok(options), |problem| Err(D::Error::custom(problem)))
}

/// The same where it may be absent.
pub fn sound_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Options>, D::Error> {
    let options = Option::<Options>::deserialize(deserializer)?;
    let problem = options.as_ref().and_then(Options::problem);
    problem.map_or(Ok(options), |problem| Err(D::Error::custom(problem)))
}

/// Which protocols are offered inside (ALPN).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Nothing,
    Http1,
    Http2,
    /// Both, as browsers do.
    Http,
}

impl Offer {
    fn protocols(self) -> Vec<Vec<u8>> {
        let (h1, h2) = (b"http/1.1".to_vec(), b"h2".to_vec());
        match self {
            Self::Nothing => vec![],
            Self::Http1 => vec![h1],
            Self::Http2 => vec![h2],
            Self::Http => vec![h2, h1],
        }
    }
}

/// The configurations made of one set of options, one per offer and one for QUIC, each at its first use.
#[derive(Clone, Debug, Default)]
struct Configs {
    offers: [OnceLock<Arc<ClientConfig>>; 4],
    quic: OnceLock<Made>,
}

/// A configuration, and who judges in it.
#[derive(Clone, Debug)]
struct Made {
    config: ClientConfig,
    judge: Arc<WebPkiServerVerifier>,
}

/// Makes configurations and shakes hands.
#[derive(Debug)]
pub struct Tls {
    clock: Clock,
    provider: Arc<CryptoProvider>,
    roots: OnceLock<Arc<RootCertStore>>,
    plain: Configs,
}

impl Tls {
    pub fn new(clock: Clock) -> Self {
        Self { clock, provider: Arc::new(default_provider()), roots: OnceLock::new(), plain: Configs::default() }
    }

    /// Trusts these roots instead of the machine's.
    #[must_use]
    pub fn trusting(self, roots: RootCertStore) -> Self {
        Self { roots: OnceLock::from(Arc::new(roots)), ..self }
    }

    fn configs<'a>(&'a self, options: &'a Options) -> &'a Configs {
        if options.is_plain() { &self.plain } else { options.configs.get_or_init(Box::default) }
    }

    /// The configuration for these options, made once.
    pub fn config(&self, options: &Options, offer: Offer) -> Result<Arc<ClientConfig>, Stop> {
        let configs = self.configs(options);
        let slot = &configs.offers[offer as usize];
        if let Some(config) = slot.get() {
            return Ok(Arc::clone(config));
        }
        let made = self.make(options, offer.protocols())?;
        Ok(Arc::clone(slot.get_or_init(|| Arc::new(made.config))))
    }

    /// A configuration of one connection's own, whose refusals `ear` hears.
    pub fn for_quic(&self, options: &Options, ear: &Ear) -> Result<ClientConfig, Stop> {
        let configs = self.configs(options);
        let made = if let Some(made) = configs.quic.get() {
            made
        } else {
            let made = self.make(options, vec![b"h3".to_vec()])?;
            configs.quic.get_or_init(|| made)
        };
        let mut config = made.config.clone();
        let judge = Judge::new(Arc::clone(&made.judge), options.strictness(), Some(ear.clone()));
        config.dangerous().set_certificate_verifier(Arc::new(judge));
        Ok(config)
    }

    fn make(&self, options: &Options, offer: Vec<Vec<u8>>) -> Result<Made, Stop> {
        self.read(options, offer).map_err(|why| Stop::Own(SelfFault::Unsupported, why))
    }

    fn read(&self, options: &Options, offer: Vec<Vec<u8>>) -> Result<Made, String> {
        let text = |error: rustls::Error| format!("tls: {error}");
        let roots = match &options.ca {
            Some(path) => Arc::new(read_roots(path.as_path())?),
            None => Arc::clone(self.roots.get_or_init(|| Arc::new(machine_roots()))),
        };
        let webpki = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider))
            .build()
            .map_err(|error| format!("tls: {error}"))?;
        let time = Arc::new(WallTime(self.clock.clone()));
        let builder = ClientConfig::builder_with_details(Arc::clone(&self.provider), time)
            .with_safe_default_protocol_versions()
            .map_err(text)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Judge::new(Arc::clone(&webpki), options.strictness(), None)));
        let mut config = match (&options.cert, &options.key) {
            (Some(cert), Some(key)) => {
                builder.with_client_auth_cert(read_chain(cert.as_path())?, read_key(key.as_path())?).map_err(text)?
            }
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols = offer;
        // The handshake is part of what is measured: each is a full one.
        config.resumption = Resumption::disabled();
        Ok(Made { config, judge: webpki })
    }
}

/// Shakes hands; what was seen of the certificate comes back even when it was refused.
pub async fn handshake(
    config: Arc<ClientConfig>,
    options: &Options,
    host: &Host<&str>,
    tcp: TcpStream,
) -> (Option<CertificateFacts>, Result<Box<TlsStream<TcpStream>>, Stop>) {
    let name = match server_name(options, host) {
        Ok(name) => name,
        Err(stop) => return (None, Err(stop)),
    };
    match TlsConnector::from(config).connect(name, tcp).await {
        Ok(stream) => {
            let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            (leaf.and_then(|leaf| certificate::facts(leaf)), Ok(Box::new(stream)))
        }
        Err(error) => (refused(&error).and_then(Refused::facts), Err(stop(&error))),
    }
}

fn server_name(options: &Options, host: &Host<&str>) -> Result<ServerName<'static>, Stop> {
    let name = match (&options.server_name, host) {
        (Some(name), _) => ServerName::try_from(name.clone()),
        (None, Host::Domain(name)) => ServerName::try_from(name.trim_end_matches('.').to_owned()),
        (None, Host::Ipv4(ip)) => return Ok(ServerName::IpAddress(std::net::IpAddr::V4(*ip).into())),
        (None, Host::Ipv6(ip)) => return Ok(ServerName::IpAddress(std::net::IpAddr::V6(*ip).into())),
    };
    name.map_err(|_| {
        Fault::new(FaultCode::TlsProtocol, "the host's name is not one that a certificate can hold")
            .during(Phase::Tls)
            .into()
    })
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn refused(error: &io::Error) -> Option<&Refused> {
    match rustls_error(error)? {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    }
}

/// What an error of a secured connection means, if it comes from the encryption at all.
pub fn fault(error: &io::Error) -> Option<Fault> {
    use rustls::Error as E;
    if let Some(refused) = refused(error) {
        return Some(refused.fault());
    }
    let error = rustls_error(error)?;
    let (code, text) = match error {
        E::InvalidCertificate(why) => (FaultCode::CertInvalid, format!("the certificate is invalid: {why}")),
        E::NoCertificatesPresented => (FaultCode::CertInvalid, "the server sent no certificate".to_owned()),
        E::AlertReceived(AlertDescription::ProtocolVersion)
        | E::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => (FaultCode::TlsVersion, "the server speaks neither TLS 1.3 nor 1.2".to_owned()),
        E::AlertReceived(AlertDescription::CertificateRequired) => {
            (FaultCode::TlsClientCertificate, "the server demands a client certificate".to_owned())
        }
        E::AlertReceived(alert) => (FaultCode::TlsAlert, format!("the server ended the handshake: {alert:?}")),
        E::PeerIncompatible(why) => (FaultCode::TlsProtocol, format!("nothing in common with the server: {why:?}")),
        E::InvalidMessage(InvalidMessage::InvalidContentType) => {
            let text = "the server does not speak TLS on this port: it answers in plain text or in another protocol";
            (FaultCode::TlsProtocol, text.to_owned())
        }
        E::InvalidMessage(_) => (FaultCode::TlsProtocol, format!("the server does not speak TLS: {error}")),
        other => (FaultCode::TlsProtocol, format!("the handshake failed: {other}")),
    };
    Some(Fault::new(code, text).during(Phase::Tls))
}

fn stop(error: &io::Error) -> Stop {
    if let Some(fault) = fault(error) {
        return fault.into();
    }
    if let Some(own) = dial::own(error) {
        return Stop::Own(own, format!("in the handshake: {error}"));
    }
    let text = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server hung up in the handshake".to_owned(),
        _ => format!("the connection broke in the handshake: {error}"),
    };
    Fault::new(FaultCode::Reset, text).during(Phase::Tls).into()
}

/// The clock that certificates are judged by.
struct WallTime(Clock);

impl std::fmt::Debug for WallTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WallTime")
    }
}

impl TimeProvider for WallTime {
    fn current_time(&self) -> Option<UnixTime> {
        let since_epoch = self.0.now().duration_since(jiff::Timestamp::UNIX_EPOCH);
        since_epoch.try_into().ok().map(UnixTime::since_unix_epoch)
    }
}

/// The machine's authorities; on a machine without any, those that Mozilla trusts.
fn machine_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn read_roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_chain(path)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(roots)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if chain.is_empty() { Err(format!("{}: holds no certificate", path.display())) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| format!("{}: {error}", path.display()))
}
