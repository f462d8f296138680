//! A connection that is read by lines and by counted bytes, never more than a run may use.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::model::{Fault, FaultCode};
use crate::probe::Stop;
use crate::probe::connect::stream::Stream;
use crate::probe::connect::{dial, tls};

/// What is read in one run, all told.
const READ_BYTES_MAX: usize = 4 << 20;
const CHUNK_BYTES: usize = 8 << 10;
/// What is told of bytes that should not be there.
const EARLY_CHARS_MAX: usize = 80;

pub(in crate::probe) struct Wire<S = Stream> {
    /// Absent while hands are shaken.
    stream: Option<S>,
    /// What was read, from `at` on not yet taken.
    buffer: Vec<u8>,
    at: usize,
    read: usize,
}

impl Wire {
    pub(in crate::probe) const fn is_secure(&self) -> bool {
        matches!(self.stream, Some(Stream::Secure(_)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(in crate::probe) fn new(stream: S) -> Self {
        Self { stream: Some(stream), buffer: Vec::new(), at: 0, read: 0 }
    }

    /// Bytes that this run may still read.
    pub(in crate::probe) const fn left(&self) -> usize {
        READ_BYTES_MAX.saturating_sub(self.read)
    }

    /// What was read and not asked for.
    pub(in crate::probe) fn early(&self) -> Option<String> {
        let rest = &self.buffer[self.at..];
        (!rest.is_empty()).then(|| String::from_utf8_lossy(rest).chars().take(EARLY_CHARS_MAX).collect())
    }

    pub(in crate::probe) fn take(&mut self) -> Option<S> {
        self.stream.take()
    }

    pub(in crate::probe) fn put(&mut self, stream: S) {
        self.stream = Some(stream);
    }

    pub(in crate::probe) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Stop> {
        let Some(stream) = &mut self.stream else { return Err(gone()) };
        stream.write_all(bytes.as_ref()).await.map_err(|error| broken(&error))?;
        stream.flush().await.map_err(|error| broken(&error))
    }

    /// Waits until a whole line of less than `most` bytes is here. Nothing is lost when it is given up.
    pub(in crate::probe) async fn hear(&mut self, most: usize) -> Result<(), Stop> {
        let mut looked = 0;
        loop {
            let rest = &self.buffer[self.at..];
            let end = rest[looked..].iter().position(|byte| *byte == b'\n').map(|at| looked + at);
            if end.is_some_and(|end| end < most) {
                return Ok(());
            }
            if rest.len() >= most {
                return Err(garbage(format!("a line of more than {} KiB", most >> 10)));
            }
            looked = rest.len();
            self.fill().await?;
        }
    }

    /// The next line, without its end.
    pub(in crate::probe) async fn line(&mut self, most: usize) -> Result<Vec<u8>, Stop> {
        self.hear(most).await?;
        let rest = &self.buffer[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]).to_vec();
        self.at += end + 1;
        Ok(line)
    }

    /// The next so many bytes. The caller has looked that they are not too many.
    pub(in crate::probe) async fn exactly(&mut self, bytes: usize) -> Result<Vec<u8>, Stop> {
        while self.buffer.len() - self.at < bytes {
            self.fill().await?;
        }
        let taken = self.buffer[self.at..self.at + bytes].to_vec();
        self.at += bytes;
        Ok(taken)
    }

    async fn fill(&mut self) -> Result<(), Stop> {
        // Moved at most once per chunk that was read.
        self.buffer.drain(..std::mem::take(&mut self.at));
        // Not with every byte of a long line: a peer that drips would have all of it moved each time.
        let held = CHUNK_BYTES.max(self.buffer.len());
        if self.buffer.capacity() > 4 * held {
            self.buffer.shrink_to(held);
        }
        let Some(stream) = &mut self.stream else { return Err(gone()) };
        self.buffer.reserve(CHUNK_BYTES);
        let read = stream.read_buf(&mut self.buffer).await.map_err(|error| broken(&error))?;
        self.read += read;
        if read == 0 {
            return Err(Fault::new(FaultCode::Truncated, "the mail server hung up in the middle").into());
        }
        if self.read > READ_BYTES_MAX {
            return Err(garbage(format!("more than {} MiB in one run", READ_BYTES_MAX >> 20)));
        }
        Ok(())
    }
}

/// What a mail server must not say.
pub(in crate::probe) fn garbage(what: impl std::fmt::Display) -> Stop {
    // What it says itself comes last and whole: the runner redacts it before it cuts it.
    let text = format!(
        "the mail server breaks the rules of its protocol; look what listens there, and what stands in between: {what}"
    );
    Fault::new(FaultCode::MailProtocol, text).into()
}

fn gone() -> Stop {
    Fault::new(FaultCode::Reset, "the connection broke in the handshake").into()
}

fn broken(error: &io::Error) -> Stop {
    if let Some(fault) = tls::fault(error) {
        return fault.into();
    }
    if let Some(own) = dial::own(error) {
        return Stop::Own(own, format!("in the conversation: {error}"));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Fault::new(FaultCode::Truncated, "the mail server hung up in the middle").into()
        }
        _ => Fault::new(FaultCode::Reset, format!("the connection broke: {error}")).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LINE_BYTES: usize = 64 << 10;

    #[tokio::test]
    async fn a_line_that_drips_is_not_moved_for_each_of_its_bytes() {
        // Room for one byte: each is read alone.
        let (ours, mut theirs) = tokio::io::duplex(1);
        tokio::spawn(async move { theirs.write_all(&vec![b'x'; LINE_BYTES]).await });
        let mut wire = Wire::new(ours);
        let mut sizes = BTreeSet::new();
        while wire.read < LINE_BYTES {
            assert!(wire.fill().await.is_ok(), "after {} bytes", wire.read);
            sizes.insert(wire.buffer.capacity());
        }
        // It grows by doubling, and each size is one move.
        assert!(sizes.len() < 10, "{sizes:?}");
    }
}
