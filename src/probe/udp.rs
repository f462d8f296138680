//! Talks in datagrams: game servers, NTP, STUN, anything that answers over UDP.

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::connect::egress::Egress;
use super::connect::resolve::Family;
use super::connect::{addresses, datagram, dial};
use super::dialogue::{Heard, Turn, patience, silence, unexpected};
use super::endpoint::{Endpoint, borrowed};
use super::spot::Pattern;
use super::template::Place;
use super::{Act, Body, Field, Part, Reach, Reply, Run, Stop};
use crate::model::{Fault, FaultCode, Phase};

/// The largest datagram that can be.
const DATAGRAM_BYTES_MAX: usize = 64 << 10;
/// Datagrams heard in one run, and the characters of each that are kept.
const MESSAGES_MAX: usize = 100;
const MESSAGE_CHARS_MAX: usize = 4096;
/// Whoever refuses says so at once; after a last word that needs no answer we listen so long for it.
const REFUSALS: Duration = Duration::from_millis(300);

/// Datagrams to and from one address.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Udp")]
pub struct Settings {
    pub connect: Endpoint,
    /// How `send` and `expect` are written: `text` or `hex`, two digits a byte.
    #[serde(default)]
    pub encoding: Encoding,
    /// What is said and waited for, a datagram a turn; datagrams that were not waited for are passed over.
    pub dialogue: Dialogue,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    #[default]
    Text,
    Hex,
}

/// At least one turn: a port that nobody speaks to cannot be told from one that is closed.
#[derive(Clone, Debug)]
pub struct Dialogue(Vec<Turn<Pattern>>);

impl<'de> Deserialize<'de> for Dialogue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let turns = Vec::<Turn<Pattern>>::deserialize(deserializer)?;
        match turns.first() {
            Some(Turn::Send(_)) => Ok(Self(turns)),
            Some(Turn::Expect(_)) => Err(D::Error::custom("over UDP we speak first: begin with `send`")),
            None => Err(D::Error::custom("over UDP nothing is known before something is said: add a `send`")),
        }
    }
}

impl JsonSchema for Dialogue {
    fn schema_name() -> Cow<'static, str> {
        "Datagrams".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let turn = generator.subschema_for::<Turn<Pattern>>();
        schemars::json_schema!({ "type": "array", "items": turn, "minItems": 1 })
    }
}

impl Act for Settings {
    const DOES: &'static str = "talks in datagrams, in turns of `send` and `expect`";
    const FIELDS: &'static [Field] = &[Field::Messages, Field::Text, Field::Json, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.connect.part());
        for turn in &self.dialogue.0 {
            if let Turn::Send(text) = turn {
                see(Part::Template(text, Place::Text));
            }
        }
    }

    fn reach(&self) -> Reach {
        Reach::Direct
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let (host, port) = self.connect.resolve(run.scope)?;
        run.attribute("server.address", host.to_string());
        run.attribute("server.port", port.to_string());
        let ips = addresses(run, &borrowed(&host), Family::Any).await?;
        if ips.is_empty() {
            return Err(Fault::new(FaultCode::DnsEmpty, format!("`{host}` has no address")).into());
        }
        run.phases.begin(Phase::Send);
        let mut talk = Talk::open(&run.tools.network.egress, (&ips, port), self.encoding).await?;
        run.peer = Some(talk.address);
        let begun = Instant::now();
        for turn in &self.dialogue.0 {
            match turn {
                Turn::Send(text) => talk.say(&text.render(run.scope)).await?,
                Turn::Expect(pattern) => {
                    run.phases.begin(Phase::Wait);
                    talk.until(run.deadline, pattern).await?;
                }
            }
        }
        let latency = begun.elapsed();
        if matches!(self.dialogue.0.last(), Some(Turn::Send(_))) {
            run.phases.begin(Phase::Wait);
            talk.listen_for_refusal(run.deadline).await?;
        }
        run.phases.end();
        let mut reply = Reply::new();
        reply.latency = Some(latency);
        reply.body = talk.messages.last().map(|last| Body { bytes: last.clone().into(), charset: None });
        reply.set(Field::Messages, talk.messages);
        Ok(reply)
    }
}

/// A dialogue under way.
struct Talk {
    socket: UdpSocket,
    address: SocketAddr,
    encoding: Encoding,
    buffer: Vec<u8>,
    /// Every datagram heard, as it is written down, clipped.
    messages: Vec<String>,
}

impl Talk {
    async fn open(egress: &Egress, (ips, port): (&[IpAddr], u16), encoding: Encoding) -> Result<Self, Stop> {
        let opened = datagram::open(egress, ips, port).await;
        let (socket, address) = opened.map_err(|(address, error)| broken(address, &error))?;
        Ok(Self { socket, address, encoding, buffer: Vec::new(), messages: Vec::new() })
    }

    async fn say(&self, text: &str) -> Result<(), Stop> {
        let bytes = match self.encoding {
            Encoding::Text => Cow::Borrowed(text.as_bytes()),
            Encoding::Hex => Cow::Owned(unhex(text).ok_or_else(|| {
                Fault::new(FaultCode::Expectation, format!("`{text}` is not written in hex, two digits a byte"))
            })?),
        };
        self.socket.send(&bytes).await.map(|_| ()).map_err(|error| broken(self.address, &error))
    }

    /// Listens until a datagram matches.
    async fn until(&mut self, deadline: Instant, pattern: &Pattern) -> Result<(), Stop> {
        let mut nearest: Option<String> = None;
        loop {
            let heard = if nearest.is_some() { Heard::Whole } else { Heard::Nothing };
            let wanted = || format!("matching `{pattern}`");
            let Ok(received) = timeout_at(patience(deadline, heard), self.receive()).await else {
                let fault = match nearest {
                    Some(nearest) => unexpected("datagram", wanted(), nearest),
                    None => silence("the dialogue", &wanted()),
                };
                return Err(fault.into());
            };
            let text = received?;
            if self.messages.len() >= MESSAGES_MAX {
                return Err(unexpected("datagram", wanted(), format!("{MESSAGES_MAX} others")).into());
            }
            self.messages.push(text.chars().take(MESSAGE_CHARS_MAX).collect());
            if pattern.matches(&text) {
                return Ok(());
            }
            nearest = Some(text);
        }
    }

    async fn listen_for_refusal(&mut self, deadline: Instant) -> Result<(), Stop> {
        match timeout_at(deadline.min(Instant::now() + REFUSALS), self.receive()).await {
            Ok(Err(stop)) => Err(stop),
            _ => Ok(()),
        }
    }

    async fn receive(&mut self) -> Result<String, Stop> {
        self.buffer.resize(DATAGRAM_BYTES_MAX, 0);
        let length = self.socket.recv(&mut self.buffer).await.map_err(|error| broken(self.address, &error))?;
        let bytes = &self.buffer[..length];
        Ok(match self.encoding {
            Encoding::Text => String::from_utf8_lossy(bytes).into_owned(),
            Encoding::Hex => bytes.iter().fold(String::with_capacity(length * 2), |text, byte| text + &hex(*byte)),
        })
    }
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}")
}

/// Blanks between bytes are for the reader.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u8::from_str_radix(pair, 16).ok()
    };
    if digits.len().is_multiple_of(2) { digits.chunks(2).map(pair).collect() } else { None }
}

fn broken(address: SocketAddr, error: &io::Error) -> Stop {
    if let Some(own) = dial::own(error) {
        return Stop::Own(own, format!("talking to {address}: {error}"));
    }
    if error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) {
        return Fault::new(FaultCode::Expectation, "what is to be sent does not fit into a datagram").into();
    }
    let (code, text) = match error.kind() {
        // ICMP port unreachable.
        io::ErrorKind::ConnectionRefused => (
            FaultCode::ConnectRefused,
            format!("nobody listens at {address}: is the server running, and on this port?"),
        ),
        _ => (FaultCode::ConnectUnreachable, format!("{address} cannot be reached: {error}")),
    };
    Fault::new(code, text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_as_people_write_it() {
        assert_eq!(unhex("e3 00\n0A"), Some(vec![0xe3, 0, 10]));
        assert_eq!(unhex(""), Some(vec![]));
        for wrong in ["e", "xy", "+1", "é0"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn we_speak_first() {
        let read = |text: &str| serde_json::from_str::<Dialogue>(text).map_err(|error| error.to_string());
        assert!(read(r#"[{"send": "PING"}, {"expect": "PONG"}]"#).is_ok());
        assert!(read(r#"[{"expect": "PONG"}]"#).expect_err("mute").contains("we speak first"));
        assert!(read("[]").expect_err("empty").contains("add a `send`"));
    }
}
