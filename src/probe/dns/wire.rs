//! Bytes to a name server and back: UDP, TCP, TLS, HTTPS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::question::Question;
use super::server::{Server, Way};
use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::connect::resolve::Family;
use crate::probe::connect::stream::Stream;
use crate::probe::connect::tls::{Offer, Options};
use crate::probe::connect::{Network, Secure, Target, addresses, connect, datagram, dial, tls};
use crate::probe::endpoint::borrowed;
use crate::probe::{Run, Stop};

/// A lost datagram is sent again after this, as resolvers do; the time counts.
pub(super) const AGAIN: Duration = Duration::from_secs(2);
/// The largest message there is.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Whose name server does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Theirs,
    /// The machine's: its trouble is ours.
    Ours,
}

/// A way to a name server, ready for questions.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) server: SocketAddr,
    pub(super) whose: Whose,
    carrier: Carrier,
    network: Arc<Network>,
    /// Of the run.
    deadline: Instant,
}

#[derive(Clone)]
enum Carrier {
    Udp,
    /// TCP or TLS: two bytes of length, then the message (RFC 1035, 4.2.2).
    Stream(Arc<Mutex<Stream>>),
    Https {
        url: Arc<Url>,
        send: http2::SendRequest<Full<Bytes>>,
        _connection: Arc<JoinSet<()>>,
    },
}

impl Wire {
    /// Finds the server and connects, where there is anything to connect.
    pub(super) async fn open(run: &mut Run<'_>, server: &Server, tls: &Options, whose: Whose) -> Result<Self, Stop> {
        let offer = match server.way {
            Way::Udp => {
                let found = addresses(run, &borrowed(&server.host), Family::Any).await?;
                run.phases.begin(Phase::Dns);
                if found.is_empty() {
                    return Err(Fault::new(FaultCode::DnsEmpty, format!("`{}` has no address", server.host)).into());
                }
                let (deadline, network) = (run.deadline, &run.tools.network);
                let wire = |server| {
                    let network = Arc::clone(network);
                    Self { server, whose, carrier: Carrier::Udp, network, deadline }
                };
                // Every question has a socket of its own; this one only tells which address can be sent to.
                let opened = datagram::open(&network.egress, &found, server.port).await;
                let (_, peer) = opened.map_err(|(peer, error)| wire(peer).broken(&error))?;
                run.peer = Some(peer);
                return Ok(wire(peer));
            }
            Way::Tcp | Way::Tls => Offer::Nothing,
            Way::Https(_) => Offer::Http2,
        };
        let secure = (server.way != Way::Tcp).then_some(Secure { options: tls, offer });
        let target = Target { secure, ..Target::written(borrowed(&server.host), server.port) };
        let stream = connect(run, &target).await?;
        let peer = run.peer.ok_or_else(|| Fault::new(FaultCode::ConnectReset, "the connection is gone at once"))?;
        run.phases.begin(Phase::Dns);
        let carrier = match &server.way {
            Way::Https(url) => shaken(url, stream).await?,
            _ => Carrier::Stream(Arc::new(Mutex::new(stream))),
        };
        let network = Arc::clone(&run.tools.network);
        Ok(Self { server: peer, whose, carrier, network, deadline: run.deadline })
    }

    /// Asks, and listens until the answer comes; what answers something else is passed over.
    pub(super) async fn ask(&self, question: &Question) -> Result<Vec<u8>, Stop> {
        let bytes = question.bytes()?;
        match &self.carrier {
            Carrier::Udp => self.over_udp(question, &bytes).await,
            Carrier::Stream(stream) => {
                let mut stream = stream.lock().await;
                over_stream(&mut stream, question, &bytes).await.map_err(|error| self.broken(&error))
            }
            Carrier::Https { url, send, .. } => over_https(url, send.clone(), bytes).await,
        }
    }

    async fn over_udp(&self, question: &Question, bytes: &[u8]) -> Result<Vec<u8>, Stop> {
        let stop = |error: io::Error| self.broken(&error);
        let opened = datagram::open(&self.network.egress, &[self.server.ip()], self.server.port()).await;
        let (socket, _) = opened.map_err(|(_, error)| stop(error))?;
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        loop {
            socket.send(bytes).await.map_err(stop)?;
            let again = Instant::now() + AGAIN;
            while let Ok(received) = timeout_at(again, socket.recv(&mut buffer)).await {
                let length = received.map_err(stop)?;
                if question.is_answered_by(&buffer[..length]) {
                    buffer.truncate(length);
                    return Ok(buffer);
                }
            }
        }
    }

    /// The whole answer, when it did not fit into a datagram.
    pub(super) async fn whole(&self, question: &Question) -> Result<Vec<u8>, Stop> {
        let cut = |why: String| {
            let text = format!("the answer did not fit, and over TCP {why}");
            Fault::new(FaultCode::DnsTruncated, text).during(Phase::Dns)
        };
        let bytes = question.bytes()?;
        let exchange = async {
            let (egress, server) = (&self.network.egress, self.server);
            let tcp = dial::connect(egress, &[server.ip()], server.port()).await.map_err(|stop| match stop {
                Stop::Fault(fault) => Stop::Fault(cut(fault.text)),
                own @ Stop::Own(..) => own,
            })?;
            let mut stream = Stream::Plain(tcp);
            over_stream(&mut stream, question, &bytes).await.map_err(|error| Stop::Fault(cut(error.to_string())))
        };
        // A little before the deadline, so that it can be told what did not come.
        let now = Instant::now();
        let patience = now + self.deadline.saturating_duration_since(now).mul_f64(0.9);
        timeout_at(patience, exchange).await.unwrap_or_else(|_| Err(cut("nothing came".to_owned()).into()))
    }

    pub(super) fn is_udp(&self) -> bool {
        matches!(self.carrier, Carrier::Udp)
    }

    fn broken(&self, error: &io::Error) -> Stop {
        let server = self.server;
        if let Some(fault) = tls::fault(error) {
            return fault.into();
        }
        if let Some(own) = dial::own(error) {
            return Stop::Own(own, format!("asking {server}: {error}"));
        }
        if self.whose == Whose::Ours {
            return Stop::Own(SelfFault::ResolverUnreachable, format!("our name server {server}: {error}"));
        }
        let code = match error.kind() {
            io::ErrorKind::ConnectionRefused => FaultCode::ConnectRefused,
            io::ErrorKind::UnexpectedEof => FaultCode::Truncated,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => FaultCode::Reset,
            _ => FaultCode::ConnectUnreachable,
        };
        Fault::new(code, format!("the name server {server}: {error}")).during(Phase::Dns).into()
    }
}

async fn over_stream(stream: &mut Stream, question: &Question, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    stream.write_all(&[&length[..], bytes].concat()).await?;
    stream.flush().await?;
    loop {
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        if question.is_answered_by(&answer) {
            return Ok(answer);
        }
    }
}

async fn shaken(url: &Url, stream: Stream) -> Result<Carrier, Stop> {
    let wrong = |error: hyper::Error| protocol(&format!("it does not speak HTTP/2: {error}"));
    let (send, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(wrong)?;
    // Ends with the last of those who ask.
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { _ = connection.await });
    Ok(Carrier::Https { url: Arc::new(url.clone()), send, _connection: Arc::new(tasks) })
}

async fn over_https(url: &Url, mut send: http2::SendRequest<Full<Bytes>>, bytes: Vec<u8>) -> Result<Vec<u8>, Stop> {
    const MEDIA: &str = "application/dns-message";
    let request = http::Request::post(url.as_str())
        .header("content-type", MEDIA)
        .header("accept", MEDIA)
        .header("user-agent", concat!("unbroken/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(bytes)))
        .map_err(|error| protocol(&error))?;
    send.ready().await.map_err(|error| protocol(&error))?;
    let answer = send.send_request(request).await.map_err(|error| protocol(&error))?;
    let status = answer.status();
    if status != http::StatusCode::OK {
        let text = format!("the name server answers {} instead of a DNS message", status.as_u16());
        return Err(Fault::new(FaultCode::Status, text).during(Phase::Dns).into());
    }
    let body = Limited::new(answer.into_body(), MESSAGE_BYTES_MAX).collect().await;
    let body = body.map_err(|error| protocol(&format!("its answer: {error}")))?;
    Ok(body.to_bytes().to_vec())
}

fn protocol(why: &impl std::fmt::Display) -> Stop {
    Fault::new(FaultCode::Protocol, format!("the name server over HTTPS: {why}")).during(Phase::Dns).into()
}
