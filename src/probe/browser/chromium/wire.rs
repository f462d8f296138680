//! The two pipes that a browser is spoken to through, as a WebSocket: what chromiumoxide speaks.
//!
//! Rejected: `--remote-debugging-port`. Whoever has a user on the machine could then steer the browser, and a browser
//! whose daemon is killed would stay; at the end of a pipe it ends by itself. What a page makes the browser say is
//! bounded here: chromiumoxide reads messages of any length, and remembers any number of them.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use rustix::net::sockopt::set_tcp_quickack;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::herald::{For, Herald};

const LIMITS: Limits = Limits { event_bytes: 1 << 20, answer_bytes: 32 << 20, events: 2000 };
const BUFFER_BYTES: usize = 64 << 10;

/// What a request waits for carries all that it sends: left out, the page would wait for ever.
const WAITED_FOR: &[u8] = br#"{"method":"Fetch.requestPaused""#;

/// Events that nobody asks for, dozens a page: reading each takes longer than writing it. Of the first chromiumoxide cannot
/// read a newer Chromium's.
const UNREAD: &[&[u8]] = &[
    b"Network.requestWillBeSentExtraInfo",
    b"Network.responseReceivedExtraInfo",
    b"Network.dataReceived",
    b"Network.resourceChangedPriority",
    b"Network.policyUpdated",
    b"Network.webSocketFrameReceived",
    b"Page.domContentEventFired",
    b"Page.frameClearedScheduledNavigation",
    b"Page.frameRequestedNavigation",
    b"Page.frameResized",
    b"Page.frameScheduledNavigation",
    b"Page.frameStartedNavigating",
    b"Page.frameStoppedLoading",
    b"Accessibility.loadComplete",
    b"Accessibility.nodesUpdated",
];

/// A door on our own machine that opens once, for whoever knows the word.
pub(super) struct Door {
    listener: TcpListener,
    word: String,
}

impl Door {
    pub(super) async fn new(word: String) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind("127.0.0.1:0").await?, word })
    }

    pub(super) fn url(&self) -> io::Result<String> {
        Ok(format!("ws://{}/{}", self.listener.local_addr()?, self.word))
    }

    /// Carries messages both ways until the browser or we are gone.
    pub(super) async fn carry(
        self,
        (mut to, from): (impl AsyncWrite + Unpin, impl AsyncRead + Unpin),
        (herald, mut own): (&Herald, mpsc::UnboundedReceiver<String>),
    ) -> io::Result<()> {
        let (open, line) = self.open().await?;
        let (mut into, mut out_of) = open.split();
        let orders = async {
            loop {
                let order = tokio::select! {
                    Some(order) = own.recv() => order,
                    message = out_of.next() => {
                        // The client holds its next order back until this one is known to be here (Nagle's algorithm).
                        set_tcp_quickack(&line, true)?;
                        match message {
                            Some(Ok(Message::Text(text))) if Herald::passes(&text) => text.as_str().to_owned(),
                            Some(Ok(_)) => continue,
                            Some(Err(_)) | None => return Ok(()),
                        }
                    }
                };
                to.write_all(order.as_bytes()).await?;
                to.write_all(&[0]).await?;
            }
        };
        let answers = async {
            let mut said = Said::new(from, LIMITS);
            while let Some(text) = said.next().await? {
                let hears = match Kind::of(text.as_bytes()) {
                    Kind::Event(name) => herald.hear(name, &text),
                    Kind::Answer(id) if Herald::is_own(id) => {
                        herald.answered(id);
                        For::Us
                    }
                    Kind::Answer(_) | Kind::Other => For::Everybody,
                };
                if hears == For::Everybody {
                    into.send(Message::text(text)).await.map_err(io::Error::other)?;
                }
            }
            Ok(())
        };
        tokio::select! { ended = orders => ended, ended = answers => ended }
    }

    /// The door, open, and the line that leads through it.
    async fn open(self) -> io::Result<(WebSocketStream<TcpStream>, OwnedFd)> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            let line = stream.as_fd().try_clone_to_owned()?;
            let check = |request: &Request, response: Response| match request.uri().path().strip_prefix('/') {
                Some(word) if word == self.word => Ok(response),
                _ => Err(ErrorResponse::new(None)),
            };
            if let Ok(open) = accept_hdr_async(stream, check).await {
                return Ok((open, line));
            }
        }
    }
}

/// How much a browser may say.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// A longer event is left out, with whatever the page wrote into it.
    event_bytes: usize,
    /// A longer answer becomes an error: a screenshot of a long page is some megabytes.
    answer_bytes: usize,
    /// Of one kind of event a second; further ones are left out.
    events: u32,
}

/// What the browser says: JSON, each ended by a zero byte.
struct Said<R> {
    pipe: BufReader<R>,
    limits: Limits,
    flood: Flood,
}

impl<R: AsyncRead + Unpin> Said<R> {
    fn new(pipe: R, limits: Limits) -> Self {
        Self { pipe: BufReader::with_capacity(BUFFER_BYTES, pipe), limits, flood: Flood::default() }
    }

    async fn next(&mut self) -> io::Result<Option<String>> {
        let Limits { event_bytes, answer_bytes, events } = self.limits;
        loop {
            let Some((message, length)) = self.read().await? else { return Ok(None) };
            let kind = Kind::of(&message);
            let text = match kind {
                Kind::Event(_) if message.starts_with(WAITED_FOR) && length <= answer_bytes => message,
                Kind::Event(name) if length > event_bytes || UNREAD.contains(&name) => continue,
                Kind::Event(name) if !self.flood.lets(name, events) => continue,
                Kind::Answer(id) if length > answer_bytes => too_large(id),
                _ => message,
            };
            if let Ok(text) = String::from_utf8(text) {
                return Ok(Some(text));
            }
        }
    }

    /// The next message, cut to what may be kept, and its whole length.
    async fn read(&mut self) -> io::Result<Option<(Vec<u8>, usize)>> {
        let (mut message, mut length) = (Vec::new(), 0);
        loop {
            let chunk = self.pipe.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let end = chunk.iter().position(|byte| *byte == 0);
            let part = &chunk[..end.unwrap_or(chunk.len())];
            length += part.len();
            let is_long = [&br#"{"id":"#[..], WAITED_FOR].iter().any(|begin| message.starts_with(begin));
            let most = if is_long { self.limits.answer_bytes } else { self.limits.event_bytes };
            let room = most.saturating_sub(message.len()).min(part.len());
            message.extend_from_slice(&part[..room]);
            let consumed = part.len() + usize::from(end.is_some());
            self.pipe.consume(consumed);
            if end.is_some() {
                return Ok(Some((message, length)));
            }
        }
    }
}

/// What Chromium begins a message with says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'a> {
    Event(&'a [u8]),
    Answer(u64),
    Other,
}

impl<'a> Kind<'a> {
    fn of(message: &'a [u8]) -> Self {
        if let Some(rest) = message.strip_prefix(br#"{"method":""#) {
            return Self::Event(rest.split(|byte| *byte == b'"').next().unwrap_or_default());
        }
        let digits = message.strip_prefix(br#"{"id":"#).map(|rest| rest.split(|byte| !byte.is_ascii_digit()));
        let digits = digits.and_then(|mut parts| parts.next()).and_then(|digits| std::str::from_utf8(digits).ok());
        digits.and_then(|digits| digits.parse().ok()).map_or(Self::Other, Self::Answer)
    }
}

/// The session is named at a message's end, which is cut off: chromiumoxide goes by the id alone.
fn too_large(id: u64) -> Vec<u8> {
    format!(r#"{{"id":{id},"error":{{"code":-32000,"message":"the answer is too large"}}}}"#).into_bytes()
}

/// How many events of each kind came within this second.
#[derive(Debug, Default)]
struct Flood {
    since: Option<Instant>,
    counts: HashMap<Vec<u8>, u32>,
}

impl Flood {
    fn lets(&mut self, name: &[u8], most: u32) -> bool {
        let now = Instant::now();
        if self.since.is_none_or(|since| now.duration_since(since) > Duration::from_secs(1)) {
            self.since = Some(now);
            self.counts.clear();
        }
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
            return *count <= most || !is_written_by_pages(name);
        }
        self.counts.insert(name.to_vec(), 1);
        true
    }
}

/// What a page can say as often as it likes. Nothing else is left out: who waits for it would wait for ever.
fn is_written_by_pages(name: &[u8]) -> bool {
    const FREE: &[&[u8]] = &[
        b"Runtime.consoleAPICalled",
        b"Runtime.exceptionThrown",
        b"Runtime.bindingCalled",
        b"Log.entryAdded",
        b"Network.webSocketFrameSent",
        b"Page.navigatedWithinDocument",
    ];
    FREE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Limits = Limits { event_bytes: 1000, answer_bytes: 2000, events: 5 };

    async fn heard(pieces: Vec<Vec<u8>>) -> Vec<String> {
        let mut said = Said::new(crate::probe::pieces::Pieces::new(pieces), FEW);
        let mut heard = Vec::new();
        while let Some(text) = said.next().await.expect("readable") {
            heard.push(text);
        }
        heard
    }

    #[tokio::test]
    async fn messages_come_whole_and_bounded() {
        let long = "x".repeat(FEW.answer_bytes + 1);
        let event = format!(r#"{{"method":"Runtime.consoleAPICalled","params":"{long}"}}"#);
        let answer = format!(r#"{{"id":7,"result":"{long}","sessionId":"S"}}"#);
        let odd = format!(r#"{{"method":"{}","params":{{}}}}"#, String::from_utf8_lossy(UNREAD[0]));
        let all =
            [r#"{"id":1,"result":{}}"#, &event, &answer, &odd, r#"{"method":"Page.x"}"#].join("\0") + "\0{\"id\":";
        let bytes = all.into_bytes();
        let (first, rest) = bytes.split_at(9);
        let heard = heard(vec![first.to_vec(), rest.to_vec()]).await;
        let error = r#"{"id":7,"error":{"code":-32000,"message":"the answer is too large"}}"#;
        assert_eq!(heard, [r#"{"id":1,"result":{}}"#, error, r#"{"method":"Page.x"}"#]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_talks_without_end_is_cut_short() {
        let (chat, own) = (r#"{"method":"Runtime.consoleAPICalled"}"#, r#"{"method":"Page.loadEventFired"}"#);
        let count = FEW.events as usize * 2;
        let all = format!("{chat}\0{own}\0").repeat(count).into_bytes();
        let heard = heard(vec![all]).await;
        assert_eq!(heard.iter().filter(|text| *text == chat).count(), FEW.events as usize);
        assert_eq!(heard.iter().filter(|text| *text == own).count(), count);
    }
}
