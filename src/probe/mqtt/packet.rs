//! MQTT's packets (OASIS MQTT 3.1.1 and 5.0), as far as a client that publishes and subscribes needs them. Pure.

/// The largest packet that we take; version 5 tells the broker so.
pub(super) const PACKET_BYTES_MAX: usize = 1 << 20;

/// Of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    #[default]
    V311,
    V5,
}

impl Version {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }

    const fn level(self) -> u8 {
        match self {
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }
}

/// How sure delivery is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qos {
    #[default]
    AtMost,
    AtLeast,
    Exactly,
}

impl Qos {
    pub(super) const fn of(level: u8) -> Option<Self> {
        match level {
            0 => Some(Self::AtMost),
            1 => Some(Self::AtLeast),
            2 => Some(Self::Exactly),
            _ => None,
        }
    }
}

/// A published message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) payload: Vec<u8>,
    pub(super) qos: Qos,
    /// Present where delivery is acknowledged.
    pub(super) id: u16,
    pub(super) retained: bool,
}

/// Why a broker says no, or that it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) code: u8,
    /// In the broker's words (version 5).
    pub(super) text: Option<String>,
}

impl Reason {
    pub(super) const fn refuses(&self) -> bool {
        self.code >= 0x80
    }
}

/// What a broker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// In version 3.1.1 anything but 0 refuses.
    ConnAck(Reason),
    SubAck(Reason),
    Publish(Message),
    /// Of what is delivered at least once, and the three steps of exactly once.
    PubAck(u16, Reason),
    PubRec(u16, Reason),
    PubRel(u16),
    PubComp(u16, Reason),
    PingResp,
    Disconnect(Reason),
}

impl Packet {
    /// As the standard calls it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::ConnAck(_) => "CONNACK",
            Self::SubAck(_) => "SUBACK",
            Self::Publish(_) => "PUBLISH",
            Self::PubAck(..) => "PUBACK",
            Self::PubRec(..) => "PUBREC",
            Self::PubRel(_) => "PUBREL",
            Self::PubComp(..) => "PUBCOMP",
            Self::PingResp => "PINGRESP",
            Self::Disconnect(_) => "DISCONNECT",
        }
    }
}

/// CONNECT, with a clean session.
pub(super) fn connect(version: Version, login: &super::Login) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    let flag = |bit: u8, part: &Option<String>| if part.is_some() { 1 << bit } else { 0 };
    body.extend([version.level(), 0b10 | flag(7, &login.user) | flag(6, &login.password)]);
    body.extend(login.keep_alive.to_be_bytes());
    if version == Version::V5 {
        // Maximum packet size.
        body.extend([5, 0x27]);
        body.extend((PACKET_BYTES_MAX as u32).to_be_bytes());
    }
    text(&mut body, &login.client);
    login.user.iter().chain(&login.password).for_each(|part| text(&mut body, part));
    whole(0x10, &body)
}

/// SUBSCRIBE to one topic; version 5 can leave out what was retained.
pub(super) fn subscribe(version: Version, id: u16, topic: &str, qos: Qos, retained: Retained) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    let mut options = qos as u8;
    if version == Version::V5 {
        body.push(0);
        if retained == Retained::Unwanted {
            options |= 2 << 4;
        }
    }
    text(&mut body, topic);
    body.push(options);
    whole(0x82, &body)
}

/// Whether the broker shall send what was published before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retained {
    Wanted,
    Unwanted,
}

pub(super) fn publish(version: Version, id: u16, topic: &str, payload: &[u8], qos: Qos) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, topic);
    if qos > Qos::AtMost {
        body.extend(id.to_be_bytes());
    }
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(payload);
    whole(0x30 | (qos as u8) << 1, &body)
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP: all is well.
pub(super) fn acknowledge(step: Step, id: u16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    vec![step as u8, 2, high, low]
}

/// The first byte of an acknowledgement.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Step {
    Ack = 0x40,
    Rec = 0x50,
    Rel = 0x62,
    Comp = 0x70,
}

pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

fn whole(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let part = (length % 128) as u8;
        length /= 128;
        packet.push(if length > 0 { part | 0x80 } else { part });
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

/// A text with its length before it; what does not fit is cut, for no broker would take it.
fn text(into: &mut Vec<u8>, text: &str) {
    let bytes = &text.as_bytes()[..text.floor_char_boundary(usize::from(u16::MAX))];
    into.extend((bytes.len() as u16).to_be_bytes());
    into.extend(bytes);
}

/// Reads a packet's body; the error says what is wrong with it.
pub(super) fn read(version: Version, first: u8, body: &[u8]) -> Result<Packet, String> {
    let mut left = Left { body, version };
    let packet = match first >> 4 {
        2 => {
            left.byte()?;
            let code = left.byte()?;
            let text = left.properties()?;
            Packet::ConnAck(Reason { code, text })
        }
        3 => Packet::Publish(left.message(first)?),
        4 => Packet::PubAck(left.id()?, left.reason()?),
        5 => Packet::PubRec(left.id()?, left.reason()?),
        6 => Packet::PubRel(left.id()?),
        7 => Packet::PubComp(left.id()?, left.reason()?),
        9 => {
            left.id()?;
            let text = left.properties()?;
            Packet::SubAck(Reason { code: left.byte()?, text })
        }
        13 => Packet::PingResp,
        14 if version == Version::V5 => Packet::Disconnect(left.reason()?),
        kind => return Err(format!("a packet of type {kind}, which no broker sends")),
    };
    Ok(packet)
}

/// What of a body has not been read yet.
struct Left<'a> {
    body: &'a [u8],
    version: Version,
}

impl<'a> Left<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (part, rest) = self.body.split_at_checked(length).ok_or("a packet that ends too early")?;
        self.body = rest;
        Ok(part)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.take(1).map(|part| part[0])
    }

    fn id(&mut self) -> Result<u16, String> {
        self.take(2).map(|part| u16::from_be_bytes([part[0], part[1]]))
    }

    fn string(&mut self) -> Result<&'a [u8], String> {
        let length = self.id()?;
        self.take(length.into())
    }

    fn number(&mut self) -> Result<usize, String> {
        let mut number = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a length without an end".to_owned())
    }

    fn message(&mut self, first: u8) -> Result<Message, String> {
        let qos = Qos::of((first >> 1) & 3).ok_or("a message with a QoS of 3")?;
        self.string()?;
        let id = if qos > Qos::AtMost { self.id()? } else { 0 };
        self.properties()?;
        Ok(Message { payload: self.body.to_vec(), qos, id, retained: first & 1 == 1 })
    }

    /// A reason code and its properties may be left out when all is well.
    fn reason(&mut self) -> Result<Reason, String> {
        if self.version == Version::V311 || self.body.is_empty() {
            return Ok(Reason::default());
        }
        let code = self.byte()?;
        let text = if self.body.is_empty() { None } else { self.properties()? };
        Ok(Reason { code, text })
    }

    /// Passes over the properties of version 5, but for the reason in words.
    fn properties(&mut self) -> Result<Option<String>, String> {
        if self.version == Version::V311 {
            return Ok(None);
        }
        let length = self.number()?;
        let mut inner = Left { body: self.take(length)?, version: self.version };
        let mut reason = None;
        while !inner.body.is_empty() {
            // MQTT 5, 2.2.2.2.
            match inner.byte()? {
                0x1f => reason = Some(String::from_utf8_lossy(inner.string()?).into_owned()),
                0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => _ = inner.take(1)?,
                0x13 | 0x21 | 0x22 | 0x23 => _ = inner.take(2)?,
                0x02 | 0x11 | 0x18 | 0x27 => _ = inner.take(4)?,
                0x0b => _ = inner.number()?,
                0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c => _ = inner.string()?,
                0x26 => {
                    inner.string()?;
                    inner.string()?;
                }
                other => return Err(format!("a property {other:#04x}, which there is not")),
            }
        }
        Ok(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::super::session::Login;
    use super::*;

    #[test]
    fn packets_are_written_as_the_standard_shows_them() {
        let login = Login { client: "a".into(), user: Some("u".into()), password: Some("p".into()), keep_alive: 60 };
        let v311 = b"\x10\x13\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01a\x00\x01u\x00\x01p";
        assert_eq!(connect(Version::V311, &login), v311);
        let v5 = b"\x10\x19\x00\x04MQTT\x05\xc2\x00\x3c\x05\x27\x00\x10\x00\x00\x00\x01a\x00\x01u\x00\x01p";
        assert_eq!(connect(Version::V5, &login), v5);
        let subscribed = subscribe(Version::V311, 1, "t", Qos::AtLeast, Retained::Unwanted);
        assert_eq!(subscribed, b"\x82\x06\x00\x01\x00\x01t\x01");
        let subscribed = subscribe(Version::V5, 1, "t", Qos::AtLeast, Retained::Unwanted);
        assert_eq!(subscribed, b"\x82\x07\x00\x01\x00\x00\x01t\x21");
        assert_eq!(publish(Version::V5, 2, "t", b"hi", Qos::Exactly), b"\x34\x08\x00\x01t\x00\x02\x00hi");
        let long = publish(Version::V311, 2, "t", &[0; 200], Qos::AtMost);
        assert_eq!(long[..3], [0x30, 0xcb, 0x01]);
    }

    #[test]
    fn what_a_broker_says_is_read() {
        let refused = Reason { code: 0x87, text: Some("no".into()) };
        for (version, first, body, packet) in [
            (Version::V311, 0x20, &b"\x00\x05"[..], Packet::ConnAck(Reason { code: 5, text: None })),
            (Version::V5, 0x20, b"\x00\x87\x05\x1f\x00\x02no", Packet::ConnAck(refused.clone())),
            (Version::V5, 0x20, b"\x00\x00\x06\x22\x00\x0a\x21\x00\x14", Packet::ConnAck(Reason::default())),
            (Version::V5, 0x90, b"\x00\x01\x00\x02", Packet::SubAck(Reason { code: 2, text: None })),
            (Version::V5, 0x40, b"\x00\x02", Packet::PubAck(2, Reason::default())),
            (Version::V5, 0xe0, b"\x87\x05\x1f\x00\x02no", Packet::Disconnect(refused)),
            (Version::V5, 0xe0, b"", Packet::Disconnect(Reason::default())),
            (Version::V311, 0xd0, b"", Packet::PingResp),
        ] {
            assert_eq!(read(version, first, body), Ok(packet));
        }
        let message = Message { payload: b"hi".into(), qos: Qos::AtLeast, id: 7, retained: true };
        assert_eq!(read(Version::V311, 0x33, b"\x00\x01t\x00\x07hi"), Ok(Packet::Publish(message)));
    }

    #[test]
    fn garbage_is_refused_and_never_panics() {
        for (first, body) in [
            (0x20, &b"\x00"[..]),
            (0x36, b"\x00\x01t"),
            (0x30, b"\xff\xff"),
            (0x20, b"\x00\x00\xff\xff\xff\xff\x7f"),
            (0x20, b"\x00\x00\x01\x77"),
            (0x10, b""),
            (0xf0, b""),
        ] {
            assert!(read(Version::V5, first, body).is_err(), "{first:x} {body:?}");
        }
        for first in 0..=255 {
            for length in 0..16 {
                for filling in [0, 1, 0x1f, 0x26, 0x7f, 0xff] {
                    let _ = read(Version::V5, first, &vec![filling; length]);
                    let _ = read(Version::V311, first, &vec![filling; length]);
                }
            }
        }
    }
}
