//! A QUIC connection (RFC 9000), encrypted from the start: its handshake is connecting and securing at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ConnectError, ConnectionError};
use rustls::pki_types::CertificateDer;

use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::{Run, Stop};

use super::certificate::{self, Ear, Refused};
use super::tls::Options;
use super::{Target, addresses, dial};
use crate::probe::connect::address::Region;

/// TLS's alert for "we have no protocol in common" (RFC 9001, 4.8).
const NO_PROTOCOL: u64 = 0x178;

/// An open connection; it closes with its endpoint.
#[derive(Debug)]
pub struct Quic {
    pub connection: quinn::Connection,
    _endpoint: quinn::Endpoint,
}

/// Connects over UDP; the peer and its certificate are left in `run`.
pub async fn connect(run: &mut Run<'_>, target: &Target<'_>, options: &Options) -> Result<Quic, Stop> {
    let ear = Ear::default();
    let config = run.tools.network.tls.for_quic(options, &ear)?;
    let config = QuicClientConfig::try_from(config)
        .map_err(|error| Stop::Own(SelfFault::Unsupported, format!("tls: {error}")))?;
    let ips = addresses(run, &target.host, target.family).await?;
    let Some(ip) = ips.first().copied() else {
        return Err(Stop::Own(SelfFault::Unsupported, "no address to connect to".to_owned()));
    };
    let to = SocketAddr::new(ip, target.port);
    run.phases.begin(Phase::Connect);
    let any = if ip.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let endpoint = quinn::Endpoint::client(SocketAddr::new(any, 0)).map_err(|error| {
        Stop::Own(dial::own(&error).unwrap_or(SelfFault::Unsupported), format!("a UDP socket: {error}"))
    })?;
    let name = options.server_name.clone().unwrap_or_else(|| match target.host {
        url::Host::Domain(name) => name.trim_end_matches('.').to_owned(),
        url::Host::Ipv4(ip) => ip.to_string(),
        url::Host::Ipv6(ip) => ip.to_string(),
    });
    let connecting =
        endpoint.connect_with(quinn::ClientConfig::new(Arc::new(config)), to, &name).map_err(|error| unfit(&error))?;
    run.peer = Some(to);
    *run.came_from = Some(Region::of(ip));
    let connected = connecting.await;
    run.phases.end();
    if let Some(refused) = ear.heard() {
        run.certificate = Refused::facts(&refused);
        return Err(refused.fault().into());
    }
    let connection = connected.map_err(|error| stop(&error, to))?;
    let chain = connection.peer_identity().and_then(|it| it.downcast::<Vec<CertificateDer<'static>>>().ok());
    run.certificate = chain.and_then(|chain| certificate::facts(chain.first()?));
    run.attribute("network.transport", "quic");
    run.attribute("tls.protocol.version", "1.3");
    Ok(Quic { connection, _endpoint: endpoint })
}

fn unfit(error: &ConnectError) -> Stop {
    match error {
        ConnectError::InvalidServerName(_) => {
            Fault::new(FaultCode::TlsProtocol, "the host's name is not one that a certificate can hold")
                .during(Phase::Connect)
                .into()
        }
        other => Stop::Own(SelfFault::Unsupported, other.to_string()),
    }
}

fn stop(error: &ConnectionError, to: SocketAddr) -> Stop {
    let (code, text) = match error {
        ConnectionError::TimedOut => (FaultCode::Timeout, format!("{to} does not answer over UDP")),
        ConnectionError::Reset => (FaultCode::ConnectReset, format!("{to} drops connections")),
        ConnectionError::ConnectionClosed(frame) if u64::from(frame.error_code) == NO_PROTOCOL => {
            (FaultCode::AlpnMismatch, "the server speaks QUIC, but not HTTP/3".to_owned())
        }
        other => (FaultCode::TlsProtocol, format!("the handshake failed: {other}")),
    };
    Fault::new(code, text).during(Phase::Connect).into()
}
