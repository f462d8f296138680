//! A connection over which lines go to and fro, with what was heard and not yet answered.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout_at;
use url::Host;

use super::wanted::Wanted;
use super::{Heard, patience, silence, unexpected};
use crate::model::{Fault, FaultCode};
use crate::probe::connect::stream::Stream;
use crate::probe::connect::tls::{Offer, Options};
use crate::probe::connect::{dial, tls, upgrade};
use crate::probe::{Run, Scope, Stop};

/// A line, or whatever comes without an end of line: a banner without end stops here.
const LINE_BYTES_MAX: usize = 4 << 10;
/// What is listened to in one turn, in lines.
const TURN_BYTES_MAX: usize = 16 << 10;

pub(super) struct Talk {
    stream: Stream,
    heard: Vec<u8>,
    /// The last match ended in the middle of a line whose rest has not come yet.
    within: Option<Within>,
    /// The turn we are in, from 1.
    pub(super) turn: usize,
}

/// What ends the piece that a match stopped in.
#[derive(Clone, Copy)]
enum Within {
    Line,
    /// XML knows no lines.
    Tag,
}

/// What was heard up to the end of a match.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) captured: Vec<(String, String)>,
}

enum More {
    Heard,
    Quiet,
    HungUp,
}

impl Talk {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, heard: Vec::new(), within: None, turn: 0 }
    }

    pub(super) async fn say(&mut self, text: &str) -> Result<(), Stop> {
        self.stream.write_all(text.as_bytes()).await.map_err(|error| self.broken(&error))?;
        self.stream.flush().await.map_err(|error| self.broken(&error))
    }

    /// Listens until it is heard.
    pub(super) async fn until(&mut self, run: &Run<'_>, scope: &Scope, wanted: &Wanted) -> Result<Answer, Stop> {
        loop {
            let text = String::from_utf8_lossy(&self.heard).into_owned();
            if let Some(found) = wanted.find(&text, scope) {
                return Ok(self.take(text, found.end, found.captured));
            }
            if self.is_endless() {
                return Err(self.other(wanted, &text).into());
            }
            match self.listen(run).await? {
                More::Heard => {}
                More::Quiet if text.is_empty() => return Err(silence(&self.place(), &wanted.to_string()).into()),
                More::Quiet => return Err(self.other(wanted, &text).into()),
                More::HungUp if text.is_empty() => {
                    let text = format!("{}: hung up without a word", self.place());
                    return Err(Fault::new(FaultCode::Truncated, text).into());
                }
                More::HungUp => return Err(self.other(wanted, &format!("{text} and then the end")).into()),
            }
        }
    }

    /// The rest of the line belongs to what was found in it.
    fn take(&mut self, mut text: String, end: usize, captured: Vec<(String, String)>) -> Answer {
        let line = text[end..].find('\n').map(|at| end + at + 1);
        let in_line = end > 0 && text.as_bytes()[end - 1] != b'\n';
        let rest = text.split_off(line.unwrap_or(if in_line { text.len() } else { end }));
        self.within = match (line, text.trim_start().starts_with('<')) {
            (Some(_), _) => None,
            (None, true) if text.ends_with('>') => None,
            (None, true) => Some(Within::Tag),
            (None, false) => in_line.then_some(Within::Line),
        };
        self.heard = rest.into_bytes();
        Answer { text, captured }
    }

    /// The first line, or as much of it as fits.
    pub(super) async fn first(&mut self, run: &Run<'_>) -> Result<String, Stop> {
        while !self.heard.contains(&b'\n') && !self.is_endless() {
            if !matches!(self.listen(run).await?, More::Heard) {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&self.heard).lines().next().unwrap_or_default().to_owned())
    }

    /// Encrypts from here on. What came in the clear behind the go-ahead might be somebody else's: it is a fault.
    pub(super) async fn secure(
        mut self,
        run: &mut Run<'_>,
        host: &Host<&str>,
        options: &Options,
    ) -> Result<Self, Stop> {
        while let Some(end) = self.within {
            let end = match end {
                Within::Line => b'\n',
                Within::Tag => b'>',
            };
            if let Some(at) = self.heard.iter().position(|byte| *byte == end) {
                self.heard.drain(..=at);
                self.within = None;
            } else if self.is_endless() || !matches!(self.listen(run).await?, More::Heard) {
                let text = format!("{}: the go-ahead to encrypt has no end", self.place());
                return Err(Fault::new(FaultCode::StarttlsMissing, text).into());
            }
        }
        if !self.heard.is_empty() {
            let more = String::from_utf8_lossy(&self.heard).into_owned();
            let fault = unexpected(self.place(), "nothing more in the clear".to_owned(), more);
            return Err(Fault { code: FaultCode::StarttlsInjection, ..fault }.into());
        }
        let Stream::Plain(tcp) = self.stream else {
            return Err(Fault::new(FaultCode::TlsProtocol, "the connection is encrypted already").into());
        };
        let config = run.tools.network.tls.config(options, Offer::Nothing)?;
        let stream = upgrade(run, (config, options), host, tcp).await?;
        Ok(Self { stream, ..self })
    }

    /// The version of TLS, once there is any: `1.3`.
    pub(super) fn version(&self) -> Option<String> {
        let Stream::Secure(stream) = &self.stream else { return None };
        // `TLSv1_3` is how the library spells it.
        let version = stream.get_ref().1.protocol_version()?.as_str()?;
        Some(version.trim_start_matches("TLSv").replace('_', "."))
    }

    fn is_endless(&self) -> bool {
        let line = self.heard.iter().rev().position(|byte| *byte == b'\n').unwrap_or(self.heard.len());
        line >= LINE_BYTES_MAX || self.heard.len() >= TURN_BYTES_MAX
    }

    async fn listen(&mut self, run: &Run<'_>) -> Result<More, Stop> {
        let heard = match self.heard.last() {
            None => Heard::Nothing,
            Some(b'\n') => Heard::Whole,
            Some(_) => Heard::Part,
        };
        let mut buffer = [0; 1024];
        match timeout_at(patience(run.deadline, heard), self.stream.read(&mut buffer)).await {
            Err(_) => Ok(More::Quiet),
            Ok(Ok(0)) => Ok(More::HungUp),
            Ok(Ok(read)) => {
                self.heard.extend_from_slice(&buffer[..read]);
                Ok(More::Heard)
            }
            // Many servers, ours among them, end an encrypted conversation without saying so.
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(More::HungUp),
            Ok(Err(error)) => Err(self.broken(&error)),
        }
    }

    fn place(&self) -> String {
        format!("turn {} of the dialogue", self.turn)
    }

    fn other(&self, wanted: &Wanted, found: &str) -> Fault {
        unexpected(self.place(), wanted.to_string(), found.to_owned())
    }

    fn broken(&self, error: &io::Error) -> Stop {
        if let Some(fault) = tls::fault(error) {
            return fault.into();
        }
        if let Some(own) = dial::own(error) {
            return Stop::Own(own, format!("{}: {error}", self.place()));
        }
        Fault::new(FaultCode::Reset, format!("{}: the connection broke: {error}", self.place())).into()
    }
}
