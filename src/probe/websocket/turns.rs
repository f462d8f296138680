//! A dialogue in messages: checked when it is read, walked turn by turn.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::model::{Fault, FaultCode, SelfFault};
use crate::probe::assess::INLINE_BYTES_MAX;
use crate::probe::capture::Capture;
use crate::probe::connect::stream::Stream;
use crate::probe::connect::{dial, tls};
use crate::probe::dialogue::said::Said;
use crate::probe::dialogue::{Heard, Speak, patience, silence, unexpected, wrong_name};
use crate::probe::expect::Expect;
use crate::probe::template::Place;
use crate::probe::view::View;
use crate::probe::{Body, Field, Part, Reply, Run, Scope, Stop};

/// Messages received in one run, and the characters of each that are kept.
const MESSAGES_MAX: usize = 100;
const MESSAGE_CHARS_MAX: usize = 4096;
/// What can be asked of a message.
const ANSWERS: &[Field] = &[Field::Json, Field::Text, Field::Body];

/// One turn: a map with one key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// What we say.
    Send(Said),
    /// What we wait for.
    Expect(OfMessage),
    /// Names, and where their values stand in the message that was waited for last.
    Capture(BTreeMap<String, OfMessageTaken>),
}

/// What is said and waited for, in turns.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Turn>")]
#[schemars(!try_from, with = "Vec<Turn>")]
pub struct Turns(Vec<Turn>);

/// What is expected of one message: `json` or `text`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(transparent)]
pub struct OfMessage(Expect);

/// What is captured of one message: `json` or `text`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(transparent)]
pub struct OfMessageTaken(Capture);

fn unanswerable(field: &str) -> String {
    format!("a message has no `{field}`; it has `json` and `text`")
}

impl<'de> Deserialize<'de> for OfMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expect = Expect::deserialize(deserializer)?;
        match expect.unanswerable(ANSWERS).first() {
            Some(field) => Err(serde::de::Error::custom(unanswerable(field))),
            None => Ok(Self(expect)),
        }
    }
}

impl<'de> Deserialize<'de> for OfMessageTaken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let capture = Capture::deserialize(deserializer)?;
        if ANSWERS.contains(&capture.field()) {
            Ok(Self(capture))
        } else {
            Err(serde::de::Error::custom(unanswerable(capture.field().name())))
        }
    }
}

impl TryFrom<Vec<Turn>> for Turns {
    type Error = String;

    fn try_from(turns: Vec<Turn>) -> Result<Self, String> {
        let mut heard = false;
        for turn in &turns {
            match turn {
                Turn::Capture(_) if !heard => return Err("`capture` needs an `expect` before it".to_owned()),
                turn => heard |= matches!(turn, Turn::Expect(_)),
            }
        }
        wrong_name(&turns).map_or(Ok(Self(turns)), Err)
    }
}

impl Speak for Turn {
    fn parts<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        match self {
            Self::Send(said) => said.parts(Place::Text, see),
            Self::Expect(OfMessage(expect)) => expect.templates(&mut |it| see(Part::Template(it, Place::Text))),
            Self::Capture(_) => {}
        }
    }

    fn captures(&self) -> Vec<&str> {
        match self {
            Self::Capture(captures) => captures.keys().map(String::as_str).collect(),
            Self::Send(_) | Self::Expect(_) => Vec::new(),
        }
    }
}

impl Turns {
    pub fn parts<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        self.0.iter().for_each(|turn| turn.parts(see));
    }

    pub fn captures<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        self.0.iter().flat_map(Speak::captures).for_each(see);
    }

    /// Walks the turns; the messages received, clipped.
    pub(super) async fn walk(&self, run: &mut Run<'_>, socket: WebSocketStream<Stream>) -> Result<Vec<String>, Stop> {
        let mut scope = run.scope.clone();
        let mut talk = Talk { socket, messages: Vec::new(), newest: Reply::new(), turn: 0 };
        for (index, turn) in self.0.iter().enumerate() {
            talk.turn = index + 1;
            match turn {
                Turn::Send(said) => {
                    let text = said.render(Place::Text, &scope, run);
                    talk.socket.send(Message::text(text)).await.map_err(|error| broken(&error))?;
                }
                Turn::Expect(OfMessage(expect)) => talk.until(run, &scope, expect).await?,
                Turn::Capture(captures) => {
                    let view = View::new(&talk.newest, Duration::ZERO, run.tools.clock.now());
                    for (name, OfMessageTaken(capture)) in captures {
                        let value = capture.take(name, &view)?;
                        let name: Arc<str> = name.as_str().into();
                        scope.capture(name.clone(), value.clone());
                        run.captured.push((name, value));
                    }
                }
            }
        }
        // Polite, but not worth waiting for.
        let _ = talk.socket.close(None).await;
        Ok(talk.messages)
    }
}

/// A dialogue under way.
struct Talk {
    socket: WebSocketStream<Stream>,
    /// Everything received, clipped.
    messages: Vec<String>,
    /// The message that was waited for last.
    newest: Reply,
    /// The turn we are in, from 1.
    turn: usize,
}

impl Talk {
    /// Listens until a message is what is expected.
    async fn until(&mut self, run: &Run<'_>, scope: &Scope, expect: &Expect) -> Result<(), Stop> {
        let mut nearest: Option<Fault> = None;
        loop {
            let heard = if nearest.is_some() { Heard::Whole } else { Heard::Nothing };
            let Ok(received) = timeout_at(patience(run.deadline, heard), self.socket.next()).await else {
                return Err(nearest.unwrap_or_else(|| silence(&self.place(), "a message")).into());
            };
            let text = match received {
                Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
                Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map_or_else(String::new, |frame| format!(" with {}: {}", frame.code, frame.reason));
                    return Err(self.ended(&why, nearest));
                }
                Some(Ok(_)) => continue,
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => return Err(self.ended("", nearest)),
                Some(Err(error)) => return Err(broken(&error)),
            };
            if self.messages.len() >= MESSAGES_MAX {
                let fault = Fault::new(FaultCode::WsProtocol, format!("more than {MESSAGES_MAX} messages"));
                return Err(nearest.unwrap_or(fault).into());
            }
            self.messages.push(text.chars().take(MESSAGE_CHARS_MAX).collect());
            let mut reply = Reply::new();
            reply.body = Some(Body { bytes: text.into(), charset: None });
            let failure;
            (self.newest, failure) = looked_at(reply, expect, scope, run.tools.clock.now(), run.deadline).await?;
            match failure {
                None => return Ok(()),
                Some(fault) => nearest = Some(self.placed(fault)),
            }
        }
    }

    /// The server has closed; what it said before tells more than that, if it said anything.
    fn ended(&self, why: &str, nearest: Option<Fault>) -> Stop {
        if let Some(Fault { evidence: Some(evidence), .. }) = nearest {
            let found = format!("{} and then the end{why}", evidence.found);
            let fault = unexpected(evidence.of, evidence.expected, found);
            return Fault { code: FaultCode::WsProtocol, ..fault }.into();
        }
        let text = format!("{}: the server closed the conversation{why}", self.place());
        Fault::new(FaultCode::WsProtocol, text).into()
    }

    fn place(&self) -> String {
        format!("turn {} of the dialogue", self.turn)
    }

    fn placed(&self, mut fault: Fault) -> Fault {
        if let Some(evidence) = &mut fault.evidence {
            evidence.of = format!("turn {}, {}", self.turn, evidence.of);
        }
        fault
    }
}

/// The message, and the first thing that it fails. What may take long is looked at on a thread of its own, and no longer
/// than the run may take.
async fn looked_at(
    reply: Reply,
    expect: &Expect,
    scope: &Scope,
    now: Timestamp,
    limit: Instant,
) -> Result<(Reply, Option<Fault>), Stop> {
    let large = reply.body.as_ref().is_some_and(|body| body.bytes.len() > INLINE_BYTES_MAX);
    if !large && !expect.is_heavy() {
        let failure = expect.first_failure(&reply, scope, now);
        return Ok((reply, failure));
    }
    let (expect, scope) = (expect.clone(), scope.clone());
    let look = move || {
        let failure = expect.first_failure_in(&View::new(&reply, Duration::ZERO, now).until(limit), &scope);
        (reply, failure)
    };
    match timeout_at(limit, tokio::task::spawn_blocking(look)).await {
        // What was given up at the deadline must not look like a message that does not say what it should.
        Ok(Ok(looked)) if Instant::now() < limit => Ok(looked),
        Ok(Err(_)) => Err(Stop::Own(SelfFault::Panicked, "checking a message panicked".to_owned())),
        Ok(Ok(_)) | Err(_) => {
            Err(Stop::Own(SelfFault::Late, "checking a message took longer than the run may".to_owned()))
        }
    }
}

/// Why a conversation ended in the middle.
pub(super) fn broken(error: &Error) -> Stop {
    let io = match error {
        Error::Io(io) => io,
        Error::ConnectionClosed | Error::AlreadyClosed => {
            return Fault::new(FaultCode::WsProtocol, "the server closed the conversation").into();
        }
        Error::Capacity(why) => return Fault::new(FaultCode::WsProtocol, format!("too much: {why}")).into(),
        other => return Fault::new(FaultCode::WsProtocol, format!("speaks wrongly: {other}")).into(),
    };
    if let Some(fault) = tls::fault(io) {
        return fault.into();
    }
    if let Some(own) = dial::own(io) {
        return Stop::Own(own, format!("in the conversation: {io}"));
    }
    match io.kind() {
        io::ErrorKind::UnexpectedEof => Fault::new(FaultCode::Truncated, "hung up in the middle").into(),
        _ => Fault::new(FaultCode::Reset, format!("the connection broke: {io}")).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde_json::json;

    use super::*;

    fn message(numbers: u32) -> Reply {
        let mut reply = Reply::new();
        let text = serde_json::Value::from((0..numbers).collect::<Vec<u32>>()).to_string();
        reply.body = Some(Body { bytes: text.into(), charset: None });
        reply
    }

    #[tokio::test]
    async fn an_expression_over_a_message_stands_in_nobodys_way_and_ends_with_the_run() {
        let that = "json.all(a, json.all(b, json.all(c, json.all(d, a + b + c + d >= 0))))";
        let expect: Expect = serde_json::from_value(json!({ "that": that })).expect("an expectation");
        let (scope, now) = (Scope::default(), Timestamp::UNIX_EPOCH);
        let ran = AtomicBool::new(false);
        let look = async {
            let soon = Instant::now() + Duration::from_millis(300);
            let looked = looked_at(message(1000), &expect, &scope, now, soon).await;
            (looked, ran.load(Ordering::Relaxed))
        };
        let others = async { ran.store(true, Ordering::Relaxed) };
        let ((looked, others_ran), ()) = tokio::join!(look, others);
        assert!(others_ran, "the thread was not given to others");
        assert!(matches!(looked, Err(Stop::Own(SelfFault::Late, _))), "{looked:?}");
        let later = Instant::now() + Duration::from_mins(1);
        let (_, failure) = looked_at(message(3), &expect, &scope, now, later).await.expect("in time");
        assert_eq!(failure, None);
        let expect = serde_json::from_value(json!({ "that": "size(json) == 4" })).expect("an expectation");
        let (_, failure) = looked_at(message(3), &expect, &scope, now, later).await.expect("in time");
        assert!(failure.is_some());
    }
}
