//! One client's connection to a broker, from CONNECT to DISCONNECT.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::Wanted;
use super::packet::{self, DISCONNECT, Message, PACKET_BYTES_MAX, Packet, Qos, Reason, Retained, Step, Version};
use crate::model::{Fault, FaultCode};
use crate::probe::Stop;
use crate::probe::connect::stream::Stream;
use crate::probe::connect::{dial, tls};
use crate::probe::stranger::speaker;

/// Read in one run, however many packets it comes in.
const BYTES_MAX: usize = 4 << 20;
/// Of an answer in another protocol, to tell which.
const FOREIGN_BYTES: usize = 64;
const FOREIGN_WAIT: Duration = Duration::from_millis(500);
/// The ids of our only subscription and our only message.
const SUBSCRIPTION: u16 = 1;
const MESSAGE: u16 = 2;

/// Who we say we are.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) client: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// Seconds.
    pub(super) keep_alive: u16,
}

pub(super) struct Session<S = Stream> {
    stream: S,
    version: Version,
    read: usize,
    /// What was published still waits for the broker's word.
    owed: bool,
    /// Heard while something else was waited for.
    early: Vec<Message>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(super) fn new(stream: S, version: Version) -> Self {
        Self { stream, version, read: 0, owed: false, early: Vec::new() }
    }

    pub(super) async fn connect(&mut self, login: &Login) -> Result<(), Stop> {
        self.say(&packet::connect(self.version, login)).await?;
        let head = self.head().await?;
        self.check_protocol(head).await?;
        match self.packet(head).await? {
            Packet::ConnAck(reason) if reason.code == 0 => Ok(()),
            Packet::ConnAck(reason) => Err(self.refused("refuses the connection", &reason)),
            other => Err(unexpected("the connection to be accepted", &other)),
        }
    }

    pub(super) async fn subscribe(&mut self, topic: &str, qos: Qos, wanted: Wanted) -> Result<(), Stop> {
        let retained = if wanted == Wanted::Any { Retained::Wanted } else { Retained::Unwanted };
        self.say(&packet::subscribe(self.version, SUBSCRIPTION, topic, qos, retained)).await?;
        loop {
            match self.hear().await? {
                Packet::SubAck(reason) if reason.refuses() => {
                    return Err(self.refused(&format!("refuses the subscription to `{topic}`"), &reason));
                }
                Packet::SubAck(_) => return Ok(()),
                // What was retained may come first.
                Packet::Publish(message) => {
                    self.acknowledge(&message).await?;
                    if wanted == Wanted::Any && self.early.is_empty() {
                        self.early.push(message);
                    }
                }
                other => self.follow(&other).await?,
            }
        }
    }

    pub(super) async fn publish(&mut self, topic: &str, payload: &[u8], qos: Qos) -> Result<(), Stop> {
        self.owed = qos > Qos::AtMost;
        self.say(&packet::publish(self.version, MESSAGE, topic, payload, qos)).await
    }

    /// Listens until the message is there, and the broker has answered for ours.
    pub(super) async fn until(&mut self, wanted: impl Fn(&Message) -> bool) -> Result<Message, Stop> {
        let mut found = self.early.pop().filter(&wanted);
        loop {
            match found.take() {
                Some(message) if !self.owed => return Ok(message),
                kept => found = kept,
            }
            match self.hear().await? {
                Packet::Publish(message) => {
                    self.acknowledge(&message).await?;
                    if found.is_none() && wanted(&message) {
                        found = Some(message);
                    }
                }
                other => self.follow(&other).await?,
            }
        }
    }

    /// Polite, but not worth waiting for.
    pub(super) async fn goodbye(&mut self) {
        let _ = self.stream.write_all(&DISCONNECT).await;
        let _ = self.stream.flush().await;
    }

    async fn acknowledge(&mut self, message: &Message) -> Result<(), Stop> {
        match message.qos {
            Qos::AtMost => Ok(()),
            Qos::AtLeast => self.say(&packet::acknowledge(Step::Ack, message.id)).await,
            Qos::Exactly => self.say(&packet::acknowledge(Step::Rec, message.id)).await,
        }
    }

    /// Does what the protocol asks for after a packet that is nobody's message.
    async fn follow(&mut self, packet: &Packet) -> Result<(), Stop> {
        match packet {
            Packet::PubAck(MESSAGE, reason) | Packet::PubRec(MESSAGE, reason) | Packet::PubComp(MESSAGE, reason)
                if reason.refuses() =>
            {
                Err(self.refused("refuses the message", reason))
            }
            Packet::PubRec(id, _) => self.say(&packet::acknowledge(Step::Rel, *id)).await,
            Packet::PubRel(id) => self.say(&packet::acknowledge(Step::Comp, *id)).await,
            Packet::PubAck(MESSAGE, _) | Packet::PubComp(MESSAGE, _) => {
                self.owed = false;
                Ok(())
            }
            Packet::PingResp => Ok(()),
            Packet::Disconnect(reason) => Err(self.refused("ends the conversation", reason)),
            other => Err(unexpected("an answer to what was said", other)),
        }
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.stream.write_all(bytes).await.map_err(|error| broken(&error))?;
        self.stream.flush().await.map_err(|error| broken(&error))
    }

    async fn hear(&mut self) -> Result<Packet, Stop> {
        let head = self.head().await?;
        self.packet(head).await
    }

    /// What every packet begins with: its kind, and its length or the first part of it.
    async fn head(&mut self) -> Result<[u8; 2], Stop> {
        Ok([self.byte().await?, self.byte().await?])
    }

    async fn packet(&mut self, [first, mut byte]: [u8; 2]) -> Result<Packet, Stop> {
        let mut length = usize::from(byte & 0x7f);
        for shift in [7, 14, 21] {
            if byte & 0x80 == 0 {
                break;
            }
            byte = self.byte().await?;
            length |= usize::from(byte & 0x7f) << shift;
        }
        if byte & 0x80 != 0 {
            return Err(malformed("a length without an end"));
        }
        self.read += length;
        if length > PACKET_BYTES_MAX || self.read > BYTES_MAX {
            let text = format!("a packet of {length} bytes, {} in all: too much for one run", self.read);
            return Err(malformed(&text));
        }
        let mut body = Vec::new();
        // As it comes: what is only announced takes no memory.
        (&mut self.stream).take(length as u64).read_to_end(&mut body).await.map_err(|error| broken(&error))?;
        if body.len() < length {
            return Err(hung_up());
        }
        packet::read(self.version, first, &body).map_err(|why| malformed(&why))
    }

    /// Of a broker's first packet neither byte is a letter: who answers in letters speaks something else.
    async fn check_protocol(&mut self, head: [u8; 2]) -> Result<(), Stop> {
        let [first, second] = head;
        if head == [0x15, 0x03] {
            let text = "the answer is one of TLS: this port is secured; begin the address with `mqtts://`";
            return Err(Fault::new(FaultCode::Protocol, text).into());
        }
        if !first.is_ascii_graphic() || !(second.is_ascii_graphic() || second == b' ') {
            return Ok(());
        }
        let mut line = head.to_vec();
        // Who waits for us in the middle of a line is not waited for.
        let _ = timeout(FOREIGN_WAIT, self.rest_of_line(&mut line)).await;
        let line = String::from_utf8_lossy(&line);
        let text = format!("no MQTT broker listens there, but {}: it answers `{line}`", speaker(&line));
        Err(Fault::new(FaultCode::Protocol, text).into())
    }

    /// Byte by byte, so that it is the same in how many pieces ever it comes.
    async fn rest_of_line(&mut self, line: &mut Vec<u8>) {
        while line.len() < FOREIGN_BYTES {
            match self.stream.read_u8().await {
                Ok(b'\r' | b'\n') | Err(_) => return,
                Ok(byte) => line.push(byte),
            }
        }
    }

    async fn byte(&mut self) -> Result<u8, Stop> {
        self.read += 1;
        self.stream.read_u8().await.map_err(|error| broken(&error))
    }

    fn refused(&self, what: &str, reason: &Reason) -> Stop {
        let code = reason.code;
        let words = match self.version {
            Version::V311 => words_v311(code),
            Version::V5 => words_v5(code),
        };
        let said = reason.text.as_ref().map(|text| format!(" (\"{text}\")")).unwrap_or_default();
        Fault::new(FaultCode::MqttRefused, format!("the broker {what}: {words}, reason code {code:#04x}{said}")).into()
    }
}

/// MQTT 3.1.1, 3.2.2.3 and 3.9.3.
const fn words_v311(code: u8) -> &'static str {
    match code {
        1 => "it does not speak version 3.1.1",
        2 => "the client's name is not allowed",
        3 => "it is unavailable",
        4 => "the user or the password is wrong",
        5 => "this user is not allowed",
        0x80 => "no reason is given",
        _ => "an unknown reason",
    }
}

/// MQTT 5, 2.4.
const fn words_v5(code: u8) -> &'static str {
    match code {
        0x00 => "no reason is given",
        0x81 => "it takes our packet for malformed",
        0x82 => "it takes our packet for wrong",
        0x84 => "it does not speak version 5",
        0x85 => "the client's name is not allowed",
        0x86 => "the user or the password is wrong",
        0x87 => "this user is not allowed",
        0x88 => "it is unavailable",
        0x89 => "it is busy",
        0x8a => "this client is banned",
        0x8b => "it is shutting down",
        0x8c => "it wants another way to sign in",
        0x8d => "it heard nothing for too long",
        0x8e => "another client took this one's name",
        0x8f | 0x90 => "the topic is not allowed",
        0x93 | 0x96 => "too many messages",
        0x95 => "the packet is too large",
        0x97 => "a quota is used up",
        0x9b => "this QoS is not supported",
        0x9c | 0x9d => "use another server",
        0x9f => "too many connections in a short time",
        0xa2 => "wildcards are not supported",
        _ => "an unspecified reason",
    }
}

fn unexpected(wanted: &str, packet: &Packet) -> Stop {
    match packet {
        Packet::Disconnect(reason) => {
            let text = format!("the broker hangs up: {}, reason code {:#04x}", words_v5(reason.code), reason.code);
            Fault::new(FaultCode::MqttRefused, text).into()
        }
        packet => malformed(&format!("{} where {wanted} was due", packet.name())),
    }
}

fn malformed(why: &str) -> Stop {
    Fault::new(FaultCode::Protocol, format!("the broker sends {why}")).into()
}

fn hung_up() -> Stop {
    Fault::new(FaultCode::Truncated, "the broker hung up in the middle").into()
}

fn broken(error: &io::Error) -> Stop {
    if let Some(fault) = tls::fault(error) {
        return fault.into();
    }
    if let Some(own) = dial::own(error) {
        return Stop::Own(own, format!("talking to the broker: {error}"));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => hung_up(),
        _ => Fault::new(FaultCode::Reset, format!("the connection to the broker broke: {error}")).into(),
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;
    use crate::probe::pieces::Pieces;

    const CORPUS: &[&[u8]] = &[
        b"\x20\x02\x00\x00\x90\x03\x00\x01\x01\x31\x04\x00\x01thi",
        b"\x20\x0a\x00\x87\x07\x1f\x00\x02no\x21\x00\x14\x90\x05\x00\x01\x00\x01\xd0\x00",
        b"\x33\x0c\x00\x03a/b\x00\x07hello\x40\x02\x00\x02\x50\x02\x00\x02\x62\x02\x00\x07\x70\x02\x00\x02",
        b"\x30\x0d\x00\x01t\x06\x26\x00\x01k\x00\x01\x76hi\xe0\x02\x8e\x00",
    ];

    /// Every packet until it ends or breaks.
    async fn heard(pieces: Vec<Vec<u8>>, version: Version) -> (Vec<Packet>, String) {
        let mut session = Session::new(Pieces::new(pieces), version);
        let mut packets = Vec::new();
        loop {
            match session.hear().await {
                Ok(packet) => packets.push(packet),
                Err(stop) => return (packets, format!("{stop:?}")),
            }
        }
    }

    #[tokio::test]
    async fn packets_are_the_same_however_they_arrive() {
        let mut bent = Bent::of(2000, CORPUS);
        while let Some(input) = bent.next() {
            for version in [Version::V311, Version::V5] {
                let pieces = bent.pieces(&input);
                let (packets, end) = heard(vec![input.clone()], version).await;
                let held: usize = packets.iter().map(|packet| format!("{packet:?}").len()).sum();
                assert!(held <= 100 * input.len(), "{held}");
                assert_eq!((packets, end), heard(pieces, version).await);
            }
        }
    }

    #[tokio::test]
    async fn strangers_are_quoted_the_same_however_they_speak() {
        let login = Login { client: "c".into(), user: None, password: None, keep_alive: 0 };
        let corpus: &[&[u8]] =
            &[b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", b"220 mx.test ESMTP", b"\x20\x02\x00\x00"];
        let mut bent = Bent::of(1000, corpus);
        while let Some(input) = bent.next() {
            let mut ends = Vec::new();
            for pieces in [vec![input.clone()], bent.pieces(&input)] {
                let end = Session::new(Pieces::new(pieces), Version::V311).connect(&login).await;
                ends.push(format!("{end:?}"));
            }
            assert_eq!(ends[0], ends[1]);
        }
    }

    #[tokio::test]
    async fn what_we_publish_is_read_as_it_was_meant() {
        for input in Bent::of(1000, &[b"halcyon/orders H-000001", b"a\xff\0 payload"]) {
            let topic = String::from_utf8_lossy(&input).into_owned();
            for (version, qos) in [(Version::V311, Qos::AtMost), (Version::V5, Qos::Exactly)] {
                let id = if qos == Qos::AtMost { 0 } else { MESSAGE };
                let message = Message { payload: input.clone(), qos, id, retained: false };
                let sent = packet::publish(version, MESSAGE, &topic, &input, qos);
                let (packets, _) = heard(vec![sent], version).await;
                assert_eq!(packets, [Packet::Publish(message)]);
            }
        }
    }
}
