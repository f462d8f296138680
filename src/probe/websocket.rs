//! Opens a WebSocket (RFC 6455) and talks over it, as a chat's customers do.

pub mod turns;

use std::collections::BTreeMap;

use http::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use super::connect::stream::Stream;
use super::connect::tls::{Offer, Options, sound};
use super::connect::{Secure, Target, connect};
use super::template::{Place, Template, TemplateOrSecret};
use super::{Act, Field, Part, Reply, Run, Scope, Stop};
use crate::model::{Fault, FaultCode, Phase};
use turns::{Turns, broken};

/// The largest message and frame.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
const BUFFER_BYTES: usize = 4 << 10;

/// A WebSocket, and a dialogue over it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `ws://` or `wss://`.
    #[serde(deserialize_with = "address")]
    pub open: Template,
    /// Sent with the request to open.
    #[serde(default)]
    pub headers: BTreeMap<String, TemplateOrSecret>,
    /// The subprotocol to ask for.
    pub subprotocol: Option<String>,
    #[serde(default, deserialize_with = "sound")]
    pub tls: Options,
    /// What is said and waited for, in turns; messages that were not waited for are passed over.
    #[serde(default)]
    pub dialogue: Turns,
}

fn address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Template, D::Error> {
    let template = Template::deserialize(deserializer)?;
    if let Some(text) = template.constant()
        && !Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host())
    {
        let meant = match text.split_once("://") {
            Some(("http", rest)) => Some(format!("ws://{rest}")),
            Some(("https", rest)) => Some(format!("wss://{rest}")),
            Some(_) => None,
            None => Some(format!("wss://{text}")),
        };
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        let wrong = format!("`{text}` is not an address that begins with `ws://` or `wss://`{meant}");
        return Err(serde::de::Error::custom(wrong));
    }
    Ok(template)
}

impl Act for Settings {
    const DOES: &'static str = "opens a WebSocket, and talks in turns of `send`, `expect` and `capture`";
    const FIELDS: &'static [Field] =
        &[Field::Messages, Field::Subprotocol, Field::Headers, Field::Certificate, Field::Phases, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.open, Place::Url));
        for (name, value) in &self.headers {
            let proves = ["authorization", "cookie"].iter().any(|known| name.eq_ignore_ascii_case(known));
            see(value.part(if proves { Place::Credential } else { Place::Line }));
        }
        self.dialogue.parts(&mut |part| see(part));
    }

    fn captures<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        self.dialogue.captures(see);
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
        let messages = self.dialogue.walk(run, socket).await?;
        run.phases.end();
        reply.set(Field::Messages, messages);
        Ok(reply)
    }
}

impl Settings {
    fn url(&self, scope: &Scope) -> Result<Url, Stop> {
        let text = self.open.render(scope);
        let wrong = |shown: &str, why: &str| {
            Fault::new(FaultCode::Expectation, format!("`{shown}` is not a WebSocket's URL: {why}"))
        };
        let mut url = Url::parse(&text).map_err(|error| wrong(&text, &error.to_string()))?;
        // They would be shown, and are not sent.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        if !matches!(url.scheme(), "ws" | "wss") || url.host().is_none() {
            return Err(wrong(url.as_str(), "it begins with `ws://` or `wss://` and a host").into());
        }
        Ok(url)
    }

    fn request(&self, url: &Url, run: &Run<'_>) -> Result<Request, Stop> {
        let wrong = |what: String| Fault::new(FaultCode::Expectation, format!("cannot be sent: {what}"));
        let mut request = url.as_str().into_client_request().map_err(|error| wrong(error.to_string()))?;
        let own = [("user-agent", concat!("unbroken/", env!("CARGO_PKG_VERSION")).to_owned())];
        let written = self.headers.iter().map(|(name, value)| (name.as_str(), value.render(run.scope).into_owned()));
        let subprotocol = self.subprotocol.iter().map(|name| ("sec-websocket-protocol", name.clone()));
        // Ours come last: what is sent is what our spans say.
        for (name, value) in own.into_iter().chain(subprotocol).chain(written).chain(run.trace_headers()) {
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

/// Why it could not be opened.
fn refused(error: &Error) -> Stop {
    let text = match error {
        Error::Http(response) if response.status().is_success() => {
            let status = response.status().as_u16();
            format!("answers {status} instead of opening: a web page lives at this address, and no conversation")
        }
        Error::Http(response) => format!("answers {} instead of opening", response.status().as_u16()),
        Error::Protocol(ProtocolError::HttparseError(why)) => {
            format!("what listens there answers, and not in HTTP: {why}")
        }
        Error::Protocol(why) => format!("opens wrongly: {why}"),
        Error::AttackAttempt | Error::Capacity(_) => "sends an endless head".to_owned(),
        Error::ConnectionClosed | Error::AlreadyClosed => "hangs up instead of opening".to_owned(),
        Error::Io(_) => return broken(error),
        other => format!("does not open: {other}"),
    };
    Fault::new(FaultCode::WsRefused, text).during(Phase::Wait).into()
}
