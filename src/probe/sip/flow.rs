//! What messages go over: one socket to one peer, so that what strangers send never arrives.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::vec;

use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use url::Host;

use super::address::Transport;
use super::incoming::Incoming;
use super::locate::Located;
use super::message::Message;
use super::way::Way;
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::resolve::Family;
use crate::probe::connect::stream::Stream;
use crate::probe::connect::tls::Options;
use crate::probe::connect::{self, Network, datagram, dial, tls};
use crate::probe::endpoint::borrowed;
use crate::probe::{Run, Stop};

/// Read in one run, of whatever kind: a peer that floods us ends here.
const HEARD_BYTES_MAX: usize = 1 << 20;
const DATAGRAM_BYTES_MAX: usize = 64 << 10;
const CHUNK_BYTES: usize = 4 << 10;

/// The answer after which the next address is asked (RFC 3263, 4.3).
pub(super) const UNAVAILABLE: u16 = 503;

/// A way to the peer.
pub(super) struct Flow {
    line: Line,
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    /// Whom it leads to now.
    pub(super) peer: SocketAddr,
    /// Bytes heard so far.
    heard: usize,
}

enum Line {
    Datagrams {
        socket: UdpSocket,
        /// The addresses to try when this one refuses.
        others: vec::IntoIter<SocketAddr>,
        network: Arc<Network>,
        buffer: Box<[u8]>,
    },
    Stream {
        stream: Box<Stream>,
        incoming: Incoming,
        way: Box<Way>,
    },
}

/// What comes over a flow.
pub(super) enum Heard {
    Message(Message),
    /// A datagram that is no message, and why. On a stream that is the end of everything.
    Garbage(String),
    /// Nobody listens at this address, but there is another: what was sent must be sent again.
    Elsewhere,
}

/// Whether there was another address to turn to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    Elsewhere,
    Nowhere,
}

pub(super) fn nowhere() -> Stop {
    Fault::new(FaultCode::DnsEmpty, "the address leads to no server").during(Phase::Dns).into()
}

impl Flow {
    /// Opens a way to the first of the servers that there is one to; `domain` is whose certificate must be shown.
    pub(super) async fn open(
        run: &mut Run<'_>,
        place: &Located,
        domain: Host<String>,
        options: &Options,
    ) -> Result<Self, Stop> {
        if place.transport == Transport::Udp {
            return Self::datagrams(run, &place.servers).await;
        }
        let secure = (place.transport == Transport::Tls).then(|| options.clone());
        let mut way = Way::new(domain, secure, &place.servers);
        let (stream, local, peer) = way.open(run).await?;
        let line = Line::Stream { stream: Box::new(stream), incoming: Incoming::default(), way: Box::new(way) };
        Ok(Self { line, transport: place.transport, local, peer, heard: 0 })
    }

    async fn datagrams(run: &mut Run<'_>, servers: &[(Host<String>, u16)]) -> Result<Self, Stop> {
        let (mut others, mut worst) = (Vec::new(), None);
        for (host, port) in servers {
            match connect::addresses(run, &borrowed(host), Family::Any).await {
                Ok(ips) => others.extend(ips.into_iter().map(|ip| SocketAddr::new(ip, *port))),
                // Of a server that has no address any more the next one knows nothing.
                Err(stop) => worst = worst.or(Some(stop)),
            }
        }
        if others.is_empty() {
            return Err(worst.unwrap_or_else(nowhere));
        }
        run.phases.begin(Phase::Connect);
        let mut others = others.into_iter();
        let network = Arc::clone(&run.tools.network);
        let (socket, peer) = datagram::next(&network.egress, &mut others).await.map_err(|(_, error)| broken(&error))?;
        run.phases.end();
        run.reached(peer);
        let local = socket.local_addr().map_err(|error| broken(&error))?;
        let buffer = vec![0; DATAGRAM_BYTES_MAX].into_boxed_slice();
        let line = Line::Datagrams { socket, others, network, buffer };
        Ok(Self { line, transport: Transport::Udp, local, peer, heard: 0 })
    }

    /// Turns from one that is not available to the next that is there; what it answered stands, if there is none.
    pub(super) async fn leave(&mut self, run: &mut Run<'_>) -> Result<Turned, Stop> {
        let Line::Stream { stream, incoming, way } = &mut self.line else { return self.turn().await };
        way.add_addresses(run).await;
        if way.is_at_its_end() {
            return Ok(Turned::Nowhere);
        }
        match way.open(run).await {
            Ok((next, local, peer)) => {
                (**stream, self.local, self.peer) = (next, local, peer);
                *incoming = Incoming::default();
                Ok(Turned::Elsewhere)
            }
            Err(own @ Stop::Own(..)) => Err(own),
            Err(Stop::Fault(_)) => {
                run.phases.end();
                run.reached(self.peer);
                Ok(Turned::Nowhere)
            }
        }
    }

    /// Turns to the next address for datagrams, if there is one.
    pub(super) async fn turn(&mut self) -> Result<Turned, Stop> {
        let Line::Datagrams { socket, others, network, .. } = &mut self.line else { return Ok(Turned::Nowhere) };
        if others.len() == 0 {
            return Ok(Turned::Nowhere);
        }
        let (next, peer) = datagram::next(&network.egress, others).await.map_err(|(_, error)| broken(&error))?;
        self.local = next.local_addr().map_err(|error| broken(&error))?;
        self.peer = peer;
        *socket = next;
        Ok(Turned::Elsewhere)
    }

    /// Whether what is sent arrives or the connection breaks: nothing need be sent twice.
    pub(super) const fn is_reliable(&self) -> bool {
        !matches!(self.transport, Transport::Udp)
    }

    /// Whether the beginning of a message is there, and its end is not.
    pub(super) fn waits_for_rest(&self) -> Option<&[u8]> {
        match &self.line {
            Line::Stream { incoming, .. } if !incoming.buffer.is_empty() => Some(&incoming.buffer),
            _ => None,
        }
    }

    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), Stop> {
        match &mut self.line {
            // What a datagram meets on its way is heard with the next answer.
            Line::Datagrams { socket, .. } => match socket.send(message).await {
                Ok(_) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
                Err(error) => Err(broken(&error)),
            },
            Line::Stream { stream, .. } => {
                stream.write_all(message).await.map_err(|error| broken(&error))?;
                stream.flush().await.map_err(|error| broken(&error))
            }
        }
    }

    /// The next that comes. Nothing is lost when it is dropped.
    pub(super) async fn next(&mut self) -> Result<Heard, Stop> {
        if self.heard > HEARD_BYTES_MAX {
            return Err(malformed(format!("the peer sends more than {HEARD_BYTES_MAX} bytes")).into());
        }
        match &mut self.line {
            Line::Datagrams { socket, others, buffer, .. } => match socket.recv(buffer).await {
                Ok(length) => {
                    self.heard += length.max(1);
                    Ok(Message::of_datagram(&buffer[..length]).map_or_else(Heard::Garbage, Heard::Message))
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && others.len() > 0 => {
                    self.turn().await.map(|_| Heard::Elsewhere)
                }
                Err(error) => Err(broken(&error)),
            },
            Line::Stream { stream, incoming, .. } => loop {
                if let Some(message) = incoming.take().map_err(malformed)? {
                    return Ok(Heard::Message(message));
                }
                let buffer = &mut incoming.buffer;
                if self.heard > HEARD_BYTES_MAX {
                    return Err(malformed(format!("the peer sends more than {HEARD_BYTES_MAX} bytes")).into());
                }
                buffer.reserve(CHUNK_BYTES);
                let read = stream.read_buf(buffer).await.map_err(|error| broken(&error))?;
                self.heard += read;
                if read == 0 && buffer.is_empty() {
                    return Err(Fault::new(FaultCode::Truncated, "the peer hung up without an answer").into());
                }
                if read == 0 {
                    let text = format!("the peer hung up after {} bytes of a message that is longer", buffer.len());
                    return Err(malformed(text).into());
                }
            },
        }
    }

    /// Sends without waiting, for those who have no time left.
    pub(super) fn send_at_once(&mut self, message: &[u8]) {
        match &mut self.line {
            Line::Datagrams { socket, .. } => drop(socket.try_send(message)),
            Line::Stream { stream, .. } => {
                // What is encrypted and then not sent breaks the stream; it is dropped anyway.
                let mut nobody = Context::from_waker(Waker::noop());
                let mut stream = Pin::new(&mut **stream);
                let _written = stream.as_mut().poll_write(&mut nobody, message);
                let _flushed = stream.poll_flush(&mut nobody);
            }
        }
    }
}

pub(super) fn malformed(text: impl Into<String>) -> Fault {
    Fault::new(FaultCode::SipMalformed, text)
}

/// What an error of the line means.
pub(super) fn broken(error: &io::Error) -> Stop {
    if let Some(fault) = tls::fault(error) {
        return fault.into();
    }
    if let Some(own) = dial::own(error) {
        return Stop::Own(own, error.to_string());
    }
    let (code, text) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (FaultCode::ConnectRefused, "nobody listens there".to_owned()),
        io::ErrorKind::HostUnreachable => (FaultCode::ConnectUnreachable, format!("it cannot be reached: {error}")),
        _ => (FaultCode::Reset, format!("the connection broke: {error}")),
    };
    Fault::new(code, text).into()
}
