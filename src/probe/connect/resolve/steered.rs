//! hickory's sockets, led out of this machine the way its vantage leaves it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_resolver::net::runtime::{RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use crate::probe::connect::egress::Egress;

/// A lost datagram is the usual case: TCP is for answers that do not fit.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

#[derive(Clone, Default)]
pub(super) struct Steered {
    inner: TokioRuntimeProvider,
    egress: Arc<Egress>,
}

impl Steered {
    pub(super) fn new(egress: &Egress) -> Self {
        Self { inner: TokioRuntimeProvider::default(), egress: Arc::new(egress.clone()) }
    }

    /// A name server on this machine is reached as ever: it asks others in its own way.
    fn egress(&self, server: SocketAddr) -> Arc<Egress> {
        if server.ip().is_loopback() { Arc::default() } else { Arc::clone(&self.egress) }
    }
}

type Opening<T> = Pin<Box<dyn Send + Future<Output = io::Result<T>>>>;

impl RuntimeProvider for Steered {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = UdpSocket;
    type Tcp = AsyncIoTokioAsStd<TcpStream>;

    fn create_handle(&self) -> TokioHandle {
        self.inner.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        _: Option<SocketAddr>,
        within: Option<Duration>,
    ) -> Opening<AsyncIoTokioAsStd<TcpStream>> {
        let egress = self.egress(server);
        Box::pin(async move {
            let socket = if server.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            egress.bind(&socket, server.ip())?;
            socket.set_nodelay(true)?;
            let connected = tokio::time::timeout(within.unwrap_or(CONNECTS_WITHIN), socket.connect(server)).await;
            Ok(AsyncIoTokioAsStd(connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??))
        })
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Opening<UdpSocket> {
        let egress = self.egress(server);
        Box::pin(async move {
            match &*egress {
                // hickory picks the port: guessing it is part of forging an answer.
                Egress::Machine | Egress::Proxy(_) => UdpSocket::bind(local).await,
                _ => UdpSocket::from_std(egress.datagrams(server.ip())?),
            }
        })
    }
}
