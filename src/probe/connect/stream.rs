//! A connection, plain or secured, that remembers when bytes went over it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::{dial, tls};
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::{Phases, Stop};

/// What a kind speaks over.
#[derive(Debug)]
pub enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Secure(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Secure(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Secure(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Secure(io) => Pin::new(io).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Secure(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Secure(io) => io.is_write_vectored(),
        }
    }
}

/// When bytes of the protocol itself, not of its encryption, were written and read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks {
    pub first_write: Option<Instant>,
    /// The last before the first byte of the answer.
    pub last_write: Option<Instant>,
    pub first_read: Option<Instant>,
    /// Bytes, before the first of the answer.
    pub written: u64,
    pub read: u64,
}

/// The marks of one connection, shared with whoever looks at them.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Marks>>);

impl Watch {
    pub fn marks(&self) -> Marks {
        *self.lock()
    }

    /// Forgets what went before: a protocol's own greetings are not the request.
    pub fn begin(&self) {
        *self.lock() = Marks::default();
    }

    /// Once the request, whose body is so long, is on the wire, what runs is waiting: a timeout must be blamed on the
    /// right phase.
    pub fn note_sent(&self, phases: &mut Phases, length: u64) {
        if phases.running() == Some(Phase::Send) {
            let marks = self.marks();
            if let Some(last) = marks.last_write
                && marks.written > length
            {
                phases.begin_at(Phase::Wait, last);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that is watched.
#[derive(Debug)]
pub struct Watched<T> {
    io: T,
    watch: Watch,
}

impl<T> Watched<T> {
    pub fn new(io: T) -> (Self, Watch) {
        let watch = Watch::default();
        (Self { io, watch: watch.clone() }, watch)
    }

    fn wrote(&self, wrote: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = wrote {
            let mut marks = self.watch.lock();
            if marks.first_read.is_none() {
                let now = Instant::now();
                marks.first_write.get_or_insert(now);
                marks.last_write = Some(now);
                marks.written += *bytes as u64;
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut me.io).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        if read > 0 {
            let mut marks = me.watch.lock();
            marks.read += read as u64;
            if marks.first_read.is_none() {
                marks.first_read = Some(Instant::now());
            }
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let wrote = Pin::new(&mut me.io).poll_write(cx, buf);
        me.wrote(&wrote);
        wrote
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    /// Nothing goes over the wire: a run's connection is dropped, which resets it, as soon as the answer is there.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let wrote = Pin::new(&mut me.io).poll_write_vectored(cx, bufs);
        me.wrote(&wrote);
        wrote
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// What an error of a connection means that was well until then.
pub fn broken(error: &io::Error, phase: Phase) -> Stop {
    use io::ErrorKind as K;
    if let Some(fault) = tls::fault(error) {
        return fault.into();
    }
    if let Some(own) = dial::own(error) {
        return Stop::Own(own, error.to_string());
    }
    let (code, text) = match error.kind() {
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => {
            (FaultCode::Reset, format!("the server broke off: {error}"))
        }
        K::UnexpectedEof => (FaultCode::Truncated, format!("the server hung up too early: {error}")),
        K::TimedOut => (FaultCode::Timeout, "the connection died".to_owned()),
        _ => (FaultCode::Protocol, format!("the answer makes no sense: {error}")),
    };
    Fault::new(code, text).during(phase).into()
}
