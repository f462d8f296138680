//! A connection, plain or secured, that remembers when bytes went over it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::farewell::{Farewell, Frames};
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
    /// The last before the first byte of the answer; over HTTP/2 the last of all.
    pub last_write: Option<Instant>,
    pub first_read: Option<Instant>,
    /// Bytes, as far as `last_write`.
    pub written: u64,
    pub read: u64,
}

/// What is known of one connection, shared with whoever looks at it.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    marks: Marks,
    farewell: Option<Farewell>,
}

impl Watch {
    pub fn marks(&self) -> Marks {
        self.lock().marks
    }

    /// What an HTTP/2 server said when it left.
    pub fn farewell(&self) -> Option<Farewell> {
        self.lock().farewell.clone()
    }

    /// Forgets what went before: a protocol's own greetings are not the request.
    pub fn begin(&self) {
        self.lock().marks = Marks::default();
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

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that is watched.
#[derive(Debug)]
pub struct Watched<T> {
    io: T,
    watch: Watch,
    /// Followed where HTTP/2 is spoken.
    frames: Option<Frames>,
}

impl<T> Watched<T> {
    pub fn new(io: T) -> (Self, Watch) {
        Self::following(io, None)
    }

    /// A connection over which HTTP/2 is spoken.
    pub fn http2(io: T) -> (Self, Watch) {
        Self::following(io, Some(Frames::default()))
    }

    fn following(io: T, frames: Option<Frames>) -> (Self, Watch) {
        let watch = Watch::default();
        (Self { io, watch: watch.clone(), frames }, watch)
    }

    fn wrote(&self, wrote: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = wrote {
            let marks = &mut self.watch.lock().marks;
            // A server of HTTP/2 greets, often before it is asked: what comes then is no answer.
            if marks.first_read.is_none() || self.frames.is_some() {
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
        let read = &buf.filled()[before..];
        if !read.is_empty() {
            let farewell = me.frames.as_mut().and_then(|frames| frames.read(read));
            let mut seen = me.watch.lock();
            seen.marks.read += read.len() as u64;
            seen.marks.first_read.get_or_insert_with(Instant::now);
            if farewell.is_some() {
                seen.farewell = farewell;
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_greeting_before_the_question_is_no_answer_to_it() {
        for (speaks, counts) in [(Watched::http2 as fn(_) -> _, 5), (Watched::new, 0)] {
            let (ours, mut theirs) = tokio::io::duplex(64);
            let (mut io, watch): (Watched<tokio::io::DuplexStream>, Watch) = speaks(ours);
            theirs.write_all(b"hello").await.expect("said");
            io.read_exact(&mut [0; 5]).await.expect("heard");
            io.write_all(b"what?").await.expect("asked");
            assert_eq!(watch.marks().written, counts);
            assert_eq!(watch.marks().last_write.is_some(), counts > 0);
        }
    }
}
