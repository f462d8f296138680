//! A UDP socket that goes deaf when it has heard enough.
//!
//! What is spoken over QUIC gathers a head, and whatever else is no body, until it is whole, however long the server says
//! that it is; what is gathered makes room for more, and nobody in between says stop.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime as _, TokioRuntime, UdpPoller};

/// What has been heard.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Heard>);

#[derive(Debug, Default)]
struct Heard {
    bytes: AtomicU64,
    /// Whoever looks: what came last may be of no use to anybody.
    looks: AtomicWaker,
}

impl Meter {
    /// Bytes so far; whoever asks is woken when there are too many.
    pub fn bytes(&self, cx: &Context<'_>) -> u64 {
        self.0.looks.register(cx.waker());
        self.0.bytes.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) struct Metered {
    socket: Arc<dyn AsyncUdpSocket>,
    heard: Meter,
    bytes_max: u64,
}

impl Metered {
    pub(super) fn over(socket: std::net::UdpSocket, bytes_max: u64) -> io::Result<(Self, Meter)> {
        let socket = TokioRuntime.wrap_udp_socket(socket)?;
        let heard = Meter::default();
        Ok((Self { socket, heard: heard.clone(), bytes_max }, heard))
    }
}

impl AsyncUdpSocket for Metered {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.socket).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let heard = &self.heard.0;
        if heard.bytes.load(Ordering::Relaxed) > self.bytes_max {
            heard.looks.wake();
            return Poll::Pending;
        }
        let polled = self.socket.poll_recv(cx, bufs, meta);
        if let Poll::Ready(Ok(count)) = polled {
            let bytes: usize = meta.iter().take(count).map(|datagram| datagram.len).sum();
            heard.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        polled
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}
