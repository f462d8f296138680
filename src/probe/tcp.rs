//! Connects and talks in lines: SMTP's greeting, Redis's PONG, anything that answers in plain text.

use std::io;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout_at;

use super::connect::stream::Stream;
use super::connect::{Target, connect};
use super::dialogue::{Heard, Turn, patience, unexpected};
use super::endpoint::{Endpoint, borrowed};
use super::spot::Pattern;
use super::template::Place;
use super::{Act, Field, Needs, Part, Reply, Run, Stop};
use crate::model::{Fault, FaultCode, Phase};

/// What is listened to in one turn: a banner without end ends here.
const HEARD_BYTES_MAX: usize = 4 << 10;

/// A connection, and a dialogue over it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub connect: Endpoint,
    /// What is said and waited for, in turns.
    #[serde(default)]
    pub dialogue: Vec<Turn<Pattern>>,
}

impl Act for Settings {
    const DOES: &'static str = "connects, and talks in turns of `send` and `expect`";
    const FIELDS: &'static [Field] = &[Field::Banner, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.connect.part());
        for turn in &self.dialogue {
            if let Turn::Send(text) = turn {
                see(Part::Template(text, Place::Text));
            }
        }
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let (host, port) = self.connect.resolve(run.scope)?;
        run.attribute("server.address", host.to_string());
        run.attribute("server.port", port.to_string());
        let mut line = Line { stream: connect(run, &Target::written(borrowed(&host), port)).await?, heard: Vec::new() };
        run.phases.begin(Phase::Receive);
        let mut banner = None;
        for turn in &self.dialogue {
            match turn {
                Turn::Send(text) => line.say(&text.render(run.scope)).await?,
                Turn::Expect(pattern) => {
                    let heard = line.until(run, pattern).await?;
                    banner.get_or_insert(heard);
                }
            }
        }
        if banner.is_none() && run.needs > Needs::Head {
            banner = Some(line.first(run).await?);
        }
        run.phases.end();
        let mut reply = Reply::new();
        if let Some(banner) = banner {
            reply.set(Field::Banner, banner.trim_end());
        }
        Ok(reply)
    }
}

/// A connection with what was heard over it and not yet answered.
struct Line {
    stream: Stream,
    heard: Vec<u8>,
}

enum More {
    Heard,
    Quiet,
    HungUp,
}

impl Line {
    async fn say(&mut self, text: &str) -> Result<(), Stop> {
        self.stream.write_all(text.as_bytes()).await.map_err(|error| broken(&error))?;
        self.stream.flush().await.map_err(|error| broken(&error).into())
    }

    /// Listens until the pattern matches; what was heard up to there.
    async fn until(&mut self, run: &Run<'_>, pattern: &Pattern) -> Result<String, Stop> {
        loop {
            let text = String::from_utf8_lossy(&self.heard).into_owned();
            if let Some(found) = pattern.find_in(&text) {
                // The rest of the line belongs to it.
                let end = text[found.end()..].find('\n').map_or(text.len(), |at| found.end() + at + 1);
                self.heard = text.as_bytes()[end..].to_vec();
                return Ok(text);
            }
            let wanted = || format!("matching `{pattern}`");
            if self.heard.len() >= HEARD_BYTES_MAX {
                return Err(unexpected("dialogue", wanted(), text).into());
            }
            match self.listen(run).await? {
                More::Heard => {}
                More::Quiet => return Err(unexpected("dialogue", wanted(), text).into()),
                More::HungUp if text.is_empty() => {
                    return Err(Fault::new(FaultCode::Truncated, "hung up without a word").into());
                }
                More::HungUp => return Err(unexpected("dialogue", wanted(), format!("{text} and then the end")).into()),
            }
        }
    }

    /// The first line, or as much of it as fits.
    async fn first(&mut self, run: &Run<'_>) -> Result<String, Stop> {
        while !self.heard.contains(&b'\n') && self.heard.len() < HEARD_BYTES_MAX {
            if !matches!(self.listen(run).await?, More::Heard) {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&self.heard).lines().next().unwrap_or_default().to_owned())
    }

    async fn listen(&mut self, run: &Run<'_>) -> Result<More, Stop> {
        let heard = match self.heard.last() {
            None => Heard::Nothing,
            Some(b'\n') => Heard::Whole,
            Some(_) => Heard::Part,
        };
        let mut buffer = [0; 1024];
        let room = buffer.len().min(HEARD_BYTES_MAX - self.heard.len());
        match timeout_at(patience(run.deadline, heard), self.stream.read(&mut buffer[..room])).await {
            Err(_) => Ok(More::Quiet),
            Ok(Ok(0)) => Ok(More::HungUp),
            Ok(Ok(read)) => {
                self.heard.extend_from_slice(&buffer[..read]);
                Ok(More::Heard)
            }
            Ok(Err(error)) => Err(broken(&error).into()),
        }
    }
}

fn broken(error: &io::Error) -> Fault {
    Fault::new(FaultCode::Reset, format!("the connection broke: {error}"))
}
