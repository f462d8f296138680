//! Messages on a stream, cut where they end (RFC 3261, 18.3).

use bytes::Bytes;

use super::message::{HEAD_BYTES_MAX, Message, endless, head_end};

/// What has come and was not taken. However small the pieces are, each byte is looked at once: a peer that sends its
/// message byte by byte costs no more than one that sends it whole.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    pub(super) buffer: Vec<u8>,
    /// No head ends before this place.
    looked: usize,
    /// A message whose content has not come yet: where its head ends, and where it ends itself.
    begun: Option<(Message, usize, usize)>,
}

impl Incoming {
    /// Takes the first message; none, if it is not whole yet.
    pub(super) fn take(&mut self) -> Result<Option<Message>, String> {
        let begun = match self.begun.take() {
            None => self.begin()?,
            begun => begun,
        };
        let Some((mut message, head, whole)) = begun else { return Ok(None) };
        if self.buffer.len() < whole {
            self.begun = Some((message, head, whole));
            return Ok(None);
        }
        message.body = Bytes::copy_from_slice(&self.buffer[head..whole]);
        self.buffer.drain(..whole);
        Ok(Some(message))
    }

    fn begin(&mut self) -> Result<Option<(Message, usize, usize)>, String> {
        // Blank lines between messages keep connections alive (RFC 5626, 3.5.1).
        if self.looked == 0 {
            let blank = self.buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.buffer.drain(..blank);
        }
        let from = self.looked.saturating_sub(3);
        let Some(end) = head_end(&self.buffer[from..]).map(|end| from + end) else {
            self.looked = self.buffer.len();
            return if self.looked > HEAD_BYTES_MAX { Err(endless()) } else { Ok(None) };
        };
        self.looked = 0;
        let message = Message::of_head(&self.buffer[..end])?;
        let length = message.length()?.ok_or("a message on a stream that does not say how long it is")?;
        Ok(Some((message, end, end + length)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{BODY_BYTES_MAX, Start};
    use super::*;

    const RINGING: &str = "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP x;branch=1\r\nCSeq: 7 INVITE\r\nl: 2\r\n\r\nhi";

    #[test]
    fn a_stream_is_cut_where_messages_end() {
        let whole = format!("\r\n\r\n{RINGING}{RINGING}BYE sip:a@x SIP/2.0\r\nl:0\r\n\r\n");
        let (mut incoming, mut seen) = (Incoming::default(), Vec::new());
        for byte in whole.bytes() {
            incoming.buffer.push(byte);
            seen.extend(incoming.take().expect("well formed"));
        }
        assert_eq!((seen.len(), incoming.buffer.len()), (3, 0));
        assert_eq!(seen[2].start, Start::Request { method: "BYE".to_owned() });
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in [b"SIP/2.0 200 OK\r\n\r\n".to_vec(), vec![b'x'; HEAD_BYTES_MAX + 1]] {
            Incoming { buffer: wrong, ..Incoming::default() }.take().expect_err("no length, no end");
        }
    }

    /// A quarter of a megabyte, byte by byte, behind a large head: read anew with every byte it would take minutes.
    #[test]
    fn what_drips_in_is_looked_at_once() {
        let head = format!("SIP/2.0 200 OK\r\n{}l: {BODY_BYTES_MAX}\r\n\r\n", "a: b\r\n".repeat(200));
        let mut incoming = Incoming { buffer: head.into_bytes(), ..Incoming::default() };
        for _ in 1..BODY_BYTES_MAX {
            incoming.buffer.push(b'x');
            assert_eq!(incoming.take(), Ok(None));
        }
        incoming.buffer.push(b'x');
        let message = incoming.take().expect("well formed").expect("whole");
        assert_eq!(message.body.len(), BODY_BYTES_MAX);
    }
}

#[cfg(test)]
mod fuzz {
    use super::super::message::{BODY_BYTES_MAX, fuzz::CORPUS};
    use super::*;
    use crate::bent::Bent;

    /// Everything that is read until it breaks, and how much is left.
    fn heard(pieces: &[Vec<u8>]) -> (Vec<Message>, Result<Vec<u8>, String>) {
        let (mut incoming, mut messages) = (Incoming::default(), Vec::new());
        for piece in pieces {
            incoming.buffer.extend_from_slice(piece);
            loop {
                match incoming.take() {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(why) => return (messages, Err(why)),
                }
            }
            assert!(incoming.buffer.len() <= HEAD_BYTES_MAX + BODY_BYTES_MAX + piece.len());
        }
        (messages, Ok(incoming.buffer))
    }

    #[test]
    fn streams_are_the_same_however_they_arrive() {
        let long =
            [b"SIP/2.0 200 OK\r\nX: ".as_slice(), &vec![b'x'; HEAD_BYTES_MAX - 20], b"\r\nl: 0\r\n\r\n"].concat();
        let mut bent = Bent::of(1500, &[CORPUS, &[&long]].concat());
        while let Some(input) = bent.next() {
            let pieces = bent.pieces(&input);
            assert_eq!(heard(&[input]), heard(&pieces));
        }
    }
}
