//! A QUIC connection (RFC 9000), encrypted from the start: its handshake is connecting and securing at once.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ConnectError, ConnectionError, TransportConfig, VarInt};
use rustls::pki_types::CertificateDer;

use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::{Run, Stop};

use super::certificate::{self, Ear, Refused};
use super::egress::Egress;
use super::metered::{Meter, Metered};
use super::tls::Options;
use super::{Target, addresses, datagram, dial};

/// TLS's alert for "we have no protocol in common" (RFC 9001, 4.8).
const NO_PROTOCOL: u64 = 0x178;
/// What a server may send before it is read: of all streams, and of each.
const CONNECTION_BYTES_MAX: VarInt = VarInt::from_u32(1 << 20);
const STREAM_BYTES_MAX: VarInt = VarInt::from_u32(512 << 10);
/// Control, two of QPACK, and a few that mean nothing (RFC 9114, 6.2.3).
const SERVER_STREAMS_MAX: VarInt = VarInt::from_u32(8);

/// Heard over one connection, packets and all: the longest body that is read, and half as much besides.
pub const HEARD_BYTES_MAX: u64 = 5 << 19;

/// An open connection; it closes with its endpoint.
#[derive(Debug)]
pub struct Quic {
    pub connection: quinn::Connection,
    /// Nothing more is heard past [`HEARD_BYTES_MAX`].
    pub heard: Meter,
    _endpoint: quinn::Endpoint,
}

/// Connects over UDP; the peer and its certificate are left in `run`.
pub async fn connect(run: &mut Run<'_>, target: &Target<'_>, options: &Options) -> Result<Quic, Stop> {
    let ear = Ear::default();
    let config = run.tools.network.tls.for_quic(options, &ear)?;
    let config = QuicClientConfig::try_from(config)
        .map_err(|error| Stop::Own(SelfFault::Unsupported, format!("tls: {error}")))?;
    let ips = addresses(run, &target.host, target.family).await?;
    run.phases.begin(Phase::Connect);
    // QUIC itself would send into the void and wait: a socket that is connected tells which address can be sent to.
    let egress = &run.tools.network.egress;
    let (_, to) = datagram::open(egress, &ips, target.port).await.map_err(|(to, error)| unreachable(to, &error))?;
    let (endpoint, heard) = endpoint(egress, to).map_err(|error| {
        Stop::Own(dial::own(&error).unwrap_or(SelfFault::Unsupported), format!("a UDP socket: {error}"))
    })?;
    let name = options.server_name.clone().unwrap_or_else(|| match target.host {
        url::Host::Domain(name) => name.trim_end_matches('.').to_owned(),
        url::Host::Ipv4(ip) => ip.to_string(),
        url::Host::Ipv6(ip) => ip.to_string(),
    });
    let mut client = quinn::ClientConfig::new(Arc::new(config));
    client.transport_config(Arc::new(transport()));
    let connecting = endpoint.connect_with(client, to, &name).map_err(|error| unfit(&error))?;
    run.reached(to);
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
    Ok(Quic { connection, heard, _endpoint: endpoint })
}

fn endpoint(egress: &Egress, to: SocketAddr) -> io::Result<(quinn::Endpoint, Meter)> {
    let (socket, heard) = Metered::over(egress.datagrams(to.ip())?, HEARD_BYTES_MAX)?;
    let config = quinn::EndpointConfig::default();
    let endpoint =
        quinn::Endpoint::new_with_abstract_socket(config, None, Arc::new(socket), Arc::new(quinn::TokioRuntime))?;
    Ok((endpoint, heard))
}

/// What the server may have us keep before we have looked at it.
fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        // The run's own deadline is what ends a silence.
        .max_idle_timeout(None)
        .receive_window(CONNECTION_BYTES_MAX)
        .stream_receive_window(STREAM_BYTES_MAX)
        // A server opens no streams of two directions (RFC 9114, 6.1), a few of one, and sends no datagrams unasked.
        .max_concurrent_bidi_streams(0_u8.into())
        .max_concurrent_uni_streams(SERVER_STREAMS_MAX)
        .datagram_receive_buffer_size(None);
    transport
}

fn unreachable(to: SocketAddr, error: &io::Error) -> Stop {
    if let Some(own) = dial::own(error) {
        return Stop::Own(own, format!("connecting to {to} over UDP: {error}"));
    }
    let text = format!("{to} cannot be reached over UDP: {error}");
    Fault::new(FaultCode::ConnectUnreachable, text).during(Phase::Connect).into()
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
