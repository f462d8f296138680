//! What messages go over: one socket to one peer, so that what strangers send never arrives.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::vec;

use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use super::address::Transport;
use super::message::Message;
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::stream::Stream;
use crate::probe::connect::tls::{Offer, Options};
use crate::probe::connect::{self, Secure, Target, datagram, dial, tls};
use crate::probe::{Run, Stop};

/// Read in one run, of whatever kind: a peer that floods us ends here.
const HEARD_BYTES_MAX: usize = 1 << 20;
const DATAGRAM_BYTES_MAX: usize = 64 << 10;
const CHUNK_BYTES: usize = 4 << 10;

/// A way to the peer.
pub(super) struct Flow {
    line: Line,
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    /// Bytes heard so far.
    heard: usize,
}

enum Line {
    Datagrams {
        socket: UdpSocket,
        /// The addresses to try when this one refuses.
        others: vec::IntoIter<SocketAddr>,
        buffer: Box<[u8]>,
    },
    Stream {
        stream: Box<Stream>,
        /// What has come of the next message.
        buffer: Vec<u8>,
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

impl Flow {
    pub(super) async fn open(
        run: &mut Run<'_>,
        transport: Transport,
        target: Target<'_>,
        options: &Options,
    ) -> Result<Self, Stop> {
        if transport == Transport::Udp {
            return Self::datagrams(run, &target).await;
        }
        let secure = (transport == Transport::Tls).then_some(Secure { options, offer: Offer::Nothing });
        let stream = connect::connect(run, &Target { secure, ..target }).await?;
        let local = match &stream {
            Stream::Plain(tcp) => tcp.local_addr(),
            Stream::Secure(tls) => tls.get_ref().0.local_addr(),
        };
        let local = local.map_err(|error| broken(&error))?;
        let line = Line::Stream { stream: Box::new(stream), buffer: Vec::new() };
        Ok(Self { line, transport, local, heard: 0 })
    }

    async fn datagrams(run: &mut Run<'_>, target: &Target<'_>) -> Result<Self, Stop> {
        let ips = connect::addresses(run, &target.host, target.family).await?;
        run.phases.begin(Phase::Connect);
        let others: Vec<SocketAddr> = ips.into_iter().map(|ip| SocketAddr::new(ip, target.port)).collect();
        let mut others = others.into_iter();
        let (socket, peer) = datagram::next(&mut others).await.map_err(|(_, error)| broken(&error))?;
        run.phases.end();
        run.reached(peer);
        let local = socket.local_addr().map_err(|error| broken(&error))?;
        let buffer = vec![0; DATAGRAM_BYTES_MAX].into_boxed_slice();
        Ok(Self { line: Line::Datagrams { socket, others, buffer }, transport: Transport::Udp, local, heard: 0 })
    }

    /// Whether what is sent arrives or the connection breaks: nothing need be sent twice.
    pub(super) const fn is_reliable(&self) -> bool {
        !matches!(self.transport, Transport::Udp)
    }

    /// Whether the beginning of a message is there, and its end is not.
    pub(super) fn waits_for_rest(&self) -> Option<usize> {
        match &self.line {
            Line::Stream { buffer, .. } if !buffer.is_empty() => Some(buffer.len()),
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
            Line::Datagrams { socket, others, buffer } => match socket.recv(buffer).await {
                Ok(length) => {
                    self.heard += length.max(1);
                    Ok(Message::of_datagram(&buffer[..length]).map_or_else(Heard::Garbage, Heard::Message))
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && others.len() > 0 => {
                    let (next, _) = datagram::next(others).await.map_err(|(_, error)| broken(&error))?;
                    self.local = next.local_addr().map_err(|error| broken(&error))?;
                    *socket = next;
                    Ok(Heard::Elsewhere)
                }
                Err(error) => Err(broken(&error)),
            },
            Line::Stream { stream, buffer } => loop {
                if let Some(message) = Message::of_stream(buffer).map_err(malformed)? {
                    return Ok(Heard::Message(message));
                }
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
fn broken(error: &io::Error) -> Stop {
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
