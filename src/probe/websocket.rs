//! Opens a WebSocket (RFC 6455) and talks over it, as a chat's customers do.

use std::collections::BTreeMap;
use std::io;

use futures::{SinkExt as _, StreamExt as _};
use http::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::connect::stream::Stream;
use super::connect::tls::{Offer, Options};
use super::connect::{Secure, Target, connect, dial};
use super::dialogue::{Heard, Turn, patience, unexpected};
use super::expect::Expect;
use super::template::{Place, Template, TemplateOrSecret};
use super::{Act, Body, Field, Part, Reply, Run, Scope, Stop};
use crate::model::{Fault, FaultCode, Phase};

/// The largest message and frame.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Messages received in one run, and the characters of each that are kept.
const MESSAGES_MAX: usize = 100;
const MESSAGE_CHARS_MAX: usize = 4096;
const BUFFER_BYTES: usize = 4 << 10;

/// A WebSocket, and a dialogue over it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `ws://` or `wss://`.
    pub open: Template,
    /// Sent with the request to open.
    #[serde(default)]
    pub headers: BTreeMap<String, TemplateOrSecret>,
    /// The subprotocol to ask for.
    pub subprotocol: Option<String>,
    #[serde(default)]
    pub tls: Options,
    /// What is said and waited for, in turns; messages that were not waited for are passed over.
    #[serde(default)]
    pub dialogue: Vec<Turn<OfMessage>>,
}

/// What is expected of one message: `json` or `text`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(transparent)]
pub struct OfMessage(Expect);

impl<'de> Deserialize<'de> for OfMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expect = Expect::deserialize(deserializer)?;
        let wrong = expect.unanswerable(&[Field::Json, Field::Text, Field::Body]);
        match wrong.first() {
            Some(field) => {
                Err(serde::de::Error::custom(format!("a message has no `{field}`; expect `json` or `text` of it")))
            }
            None => Ok(Self(expect)),
        }
    }
}

impl Act for Settings {
    const DOES: &'static str = "opens a WebSocket, and talks in turns of `send` and `expect`";
    const FIELDS: &'static [Field] =
        &[Field::Messages, Field::Subprotocol, Field::Headers, Field::Certificate, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.open, Place::Url));
        for (name, value) in &self.headers {
            let proves = ["authorization", "cookie"].iter().any(|known| name.eq_ignore_ascii_case(known));
            see(value.part(if proves { Place::Credential } else { Place::Line }));
        }
        for turn in &self.dialogue {
            match turn {
                Turn::Send(text) => {
                    let json = text.to_string().trim_start().starts_with(['{', '[']);
                    see(Part::Template(text, if json { Place::Json } else { Place::Text }));
                }
                Turn::Expect(OfMessage(expect)) => expect.templates(&mut |it| see(Part::Template(it, Place::Text))),
            }
        }
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let url = self.url(run.scope)?;
        run.attribute("url.full", url.as_str());
        let request = self.request(&url, run)?;
        let stream = self.connect(&url, run).await?;
        run.phases.begin(Phase::Wait);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let opened = client_async_with_config(request, stream, Some(config)).await;
        let (socket, response) = opened.map_err(|error| refused(&error))?;
        let mut reply = Reply::new();
        let chosen = response.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
        if let Some(chosen) = chosen {
            reply.set(Field::Subprotocol, chosen);
        }
        reply.headers = Some(response.headers().clone());
        run.phases.begin(Phase::Receive);
        let mut talk = Talk { socket, messages: Vec::new() };
        for turn in &self.dialogue {
            match turn {
                Turn::Send(text) => talk.say(text.render(run.scope).into_owned()).await?,
                Turn::Expect(OfMessage(expect)) => talk.until(run, expect).await?,
            }
        }
        // Polite, but not worth waiting for.
        let _ = talk.socket.close(None).await;
        run.phases.end();
        reply.set(Field::Messages, talk.messages);
        Ok(reply)
    }
}

impl Settings {
    fn url(&self, scope: &Scope) -> Result<Url, Stop> {
        let text = self.open.render(scope);
        let wrong = |why: &str| Fault::new(FaultCode::Expectation, format!("`{text}` is not a WebSocket's URL: {why}"));
        let url = Url::parse(&text).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "ws" | "wss") || url.host().is_none() {
            return Err(wrong("it begins with `ws://` or `wss://` and a host").into());
        }
        Ok(url)
    }

    fn request(&self, url: &Url, run: &Run<'_>) -> Result<Request, Stop> {
        let wrong = |what: String| Fault::new(FaultCode::Expectation, format!("cannot be sent: {what}"));
        let mut request = url.as_str().into_client_request().map_err(|error| wrong(error.to_string()))?;
        let own = [
            ("traceparent", run.traceparent()),
            ("user-agent", concat!("unbroken/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        let written = self.headers.iter().map(|(name, value)| (name.as_str(), value.render(run.scope).into_owned()));
        let subprotocol = self.subprotocol.iter().map(|name| ("sec-websocket-protocol", name.clone()));
        for (name, value) in own.into_iter().chain(subprotocol).chain(written) {
            let header = HeaderName::try_from(name).map_err(|_| wrong(format!("`{name}` is not a header's name")))?;
            let value = HeaderValue::from_str(&value)
                .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
                .map_err(|_| wrong(format!("the value of header `{name}`")))?;
            request.headers_mut().insert(header, value);
        }
        Ok(request)
    }

    async fn connect(&self, url: &Url, run: &mut Run<'_>) -> Result<Stream, Stop> {
        let missing = || Fault::new(FaultCode::Expectation, "the URL names no host");
        let host = url.host().ok_or_else(missing)?;
        let port = url.port_or_known_default().ok_or_else(missing)?;
        let secure = (url.scheme() == "wss").then_some(Secure { options: &self.tls, offer: Offer::Http1 });
        connect(run, &Target { secure, ..Target::written(host, port) }).await
    }
}

/// A dialogue under way.
struct Talk {
    socket: WebSocketStream<Stream>,
    /// Everything received, clipped.
    messages: Vec<String>,
}

impl Talk {
    async fn say(&mut self, text: String) -> Result<(), Stop> {
        self.socket.send(Message::text(text)).await.map_err(|error| broken(&error))
    }

    /// Listens until a message is what is expected.
    async fn until(&mut self, run: &Run<'_>, expect: &Expect) -> Result<(), Stop> {
        let mut nearest: Option<Fault> = None;
        loop {
            let heard = if nearest.is_some() { Heard::Whole } else { Heard::Nothing };
            let Ok(received) = timeout_at(patience(run.deadline, heard), self.socket.next()).await else {
                return Err(nearest
                    .unwrap_or_else(|| unexpected("message", "a message".to_owned(), "nothing".to_owned()))
                    .into());
            };
            let text = match received {
                Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
                Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map_or_else(String::new, |frame| format!(" with {}: {}", frame.code, frame.reason));
                    return Err(
                        Fault::new(FaultCode::WsProtocol, format!("the server closed the conversation{why}")).into()
                    );
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(broken(&error)),
                None => return Err(Fault::new(FaultCode::WsProtocol, "the server closed the conversation").into()),
            };
            if self.messages.len() >= MESSAGES_MAX {
                let fault = Fault::new(FaultCode::WsProtocol, format!("more than {MESSAGES_MAX} messages"));
                return Err(nearest.unwrap_or(fault).into());
            }
            self.messages.push(text.chars().take(MESSAGE_CHARS_MAX).collect());
            let mut reply = Reply::new();
            reply.body = Some(Body { bytes: text.into(), charset: None });
            match expect.first_failure(&reply, run.scope, run.tools.clock.now()) {
                None => return Ok(()),
                Some(fault) => nearest = Some(fault),
            }
        }
    }
}

/// Why it could not be opened.
fn refused(error: &Error) -> Stop {
    let text = match error {
        Error::Http(response) => format!("answers {} instead of opening", response.status().as_u16()),
        Error::Protocol(why) => format!("opens wrongly: {why}"),
        Error::AttackAttempt | Error::Capacity(_) => "sends an endless head".to_owned(),
        Error::ConnectionClosed | Error::AlreadyClosed => "hangs up instead of opening".to_owned(),
        Error::Io(_) => return broken(error),
        other => format!("does not open: {other}"),
    };
    Fault::new(FaultCode::WsRefused, text).during(Phase::Wait).into()
}

/// Why a conversation ended in the middle.
fn broken(error: &Error) -> Stop {
    let io = match error {
        Error::Io(io) => io,
        Error::ConnectionClosed | Error::AlreadyClosed => {
            return Fault::new(FaultCode::WsProtocol, "the server closed the conversation").into();
        }
        Error::Capacity(why) => return Fault::new(FaultCode::WsProtocol, format!("too much: {why}")).into(),
        other => return Fault::new(FaultCode::WsProtocol, format!("speaks wrongly: {other}")).into(),
    };
    if let Some(own) = dial::own(io) {
        return Stop::Own(own, format!("in the conversation: {io}"));
    }
    match io.kind() {
        io::ErrorKind::UnexpectedEof => Fault::new(FaultCode::Truncated, "hung up in the middle").into(),
        _ => Fault::new(FaultCode::Reset, format!("the connection broke: {io}")).into(),
    }
}
