//! What a client and a broker write to each other (OASIS MQTT 3.1.1 and 5.0), from the broker's side. Pure.
//!
//! Written apart from the probe that speaks to it: what one of them gets wrong the other does not forgive.

use super::Notice;

/// Of one packet; a telephone's are far smaller.
pub(super) const PACKET_BYTES_MAX: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V311,
    V5,
}

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Connect(Connect),
    Publish {
        notice: Notice,
        qos: u8,
        id: u16,
    },
    Subscribe {
        id: u16,
        filters: Vec<(String, Options)>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    /// The second step of a message that comes exactly once.
    Released(u16),
    /// Ours has come; nothing follows.
    Acknowledged,
    Ping,
    /// And whether the will shall be read all the same.
    Disconnect {
        reason: u8,
    },
}

/// What a client wants of a subscription (MQTT 5, 3.8.3.1); 3.1.1 knows only the first two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options(u8);

impl Options {
    /// As sure as it gets here: at least once.
    pub(super) const fn granted(self) -> u8 {
        match self.0 & 3 {
            0 => 0,
            _ => 1,
        }
    }

    /// Its own messages left out, or marks passed on: this broker cannot.
    pub(super) const fn asks_too_much(self) -> bool {
        self.0 & 0b1100 != 0 || self.0 & 3 == 3
    }

    pub(super) const fn wants_retained(self) -> bool {
        self.0 >> 4 != 2
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub(super) version: Version,
    pub(super) client: String,
    pub(super) user: String,
    pub(super) password: String,
    /// Seconds; 0 is for ever.
    pub(super) keep_alive: u16,
    /// What to say for a client that is lost.
    pub(super) will: Option<Notice>,
}

/// Why a client is not listened to any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Not what the standard says.
    Malformed,
    /// A version that is not spoken here.
    Version,
}

/// The first byte and the body of a packet.
pub(super) type Raw = (u8, Vec<u8>);

/// Takes the first whole packet off what was heard.
pub(super) fn take(heard: &mut Vec<u8>) -> Result<Option<Raw>, Wrong> {
    let (mut length, mut at) = (0, 1);
    loop {
        let Some(byte) = heard.get(at) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        at += 1;
        match byte & 0x80 {
            0 => break,
            _ if at > 4 => return Err(Wrong::Malformed),
            _ => {}
        }
    }
    if length > PACKET_BYTES_MAX {
        return Err(Wrong::Malformed);
    }
    if heard.len() < at + length {
        return Ok(None);
    }
    let (first, body) = (heard[0], heard[at..at + length].to_vec());
    heard.drain(..at + length);
    Ok(Some((first, body)))
}

/// Reads a packet; `None` is the version of a client that has not said it yet.
pub(super) fn read(version: Option<Version>, (first, body): &Raw) -> Result<Said, Wrong> {
    let mut left = Left { body, version: version.unwrap_or(Version::V311) };
    match (first >> 4, first & 0x0f, version) {
        (1, 0, None) => left.connect().map(Said::Connect),
        (_, _, None) => Err(Wrong::Malformed),
        (3, flags, _) => left.publish(flags),
        (4, 0, _) => Ok(Said::Acknowledged),
        (6, 2, _) => left.number().map(Said::Released),
        (8, 2, _) => {
            let id = left.number()?;
            left.properties()?;
            let mut filters = Vec::new();
            while !left.body.is_empty() {
                filters.push((left.text()?, Options(left.byte()?)));
            }
            Ok(Said::Subscribe { id, filters })
        }
        (10, 2, _) => {
            let id = left.number()?;
            left.properties()?;
            let mut filters = Vec::new();
            while !left.body.is_empty() {
                filters.push(left.text()?);
            }
            Ok(Said::Unsubscribe { id, filters })
        }
        (12, 0, _) => Ok(Said::Ping),
        (14, 0, _) => Ok(Said::Disconnect { reason: left.byte().unwrap_or(0) }),
        _ => Err(Wrong::Malformed),
    }
}

/// What of a body has not been read yet.
struct Left<'a> {
    body: &'a [u8],
    version: Version,
}

impl<'a> Left<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Wrong> {
        let (part, rest) = self.body.split_at_checked(length).ok_or(Wrong::Malformed)?;
        self.body = rest;
        Ok(part)
    }

    fn byte(&mut self) -> Result<u8, Wrong> {
        self.take(1).map(|part| part[0])
    }

    fn number(&mut self) -> Result<u16, Wrong> {
        self.take(2).map(|part| u16::from_be_bytes([part[0], part[1]]))
    }

    fn bytes(&mut self) -> Result<&'a [u8], Wrong> {
        let length = self.number()?;
        self.take(length.into())
    }

    fn text(&mut self) -> Result<String, Wrong> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| Wrong::Malformed)
    }

    /// Version 5's; none of those that telephones send changes what this broker does. Their length takes one byte, or
    /// two: more would not fit a packet of ours.
    fn properties(&mut self) -> Result<(), Wrong> {
        if self.version == Version::V311 {
            return Ok(());
        }
        let mut length = 0;
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return self.take(length).map(drop);
            }
        }
        Err(Wrong::Malformed)
    }

    fn connect(&mut self) -> Result<Connect, Wrong> {
        if self.bytes()? != b"MQTT" {
            return Err(Wrong::Malformed);
        }
        self.version = match self.byte()? {
            4 => Version::V311,
            5 => Version::V5,
            _ => return Err(Wrong::Version),
        };
        let flags = self.byte()?;
        let has = |bit: u8| flags & (1 << bit) != 0;
        let keep_alive = self.number()?;
        self.properties()?;
        let client = self.text()?;
        let mut will = None;
        if has(2) {
            self.properties()?;
            will = Some(Notice { topic: self.text()?, payload: self.bytes()?.into(), retained: has(5) });
        }
        let user = if has(7) { self.text()? } else { String::new() };
        let password = if has(6) { self.text()? } else { String::new() };
        Ok(Connect { version: self.version, client, user, password, keep_alive, will })
    }

    fn publish(&mut self, flags: u8) -> Result<Said, Wrong> {
        let qos = (flags >> 1) & 3;
        let topic = self.text()?;
        if qos == 3 || topic.is_empty() || topic.contains(['+', '#']) {
            return Err(Wrong::Malformed);
        }
        let id = if qos > 0 { self.number()? } else { 0 };
        self.properties()?;
        let notice = Notice { topic, payload: self.body.into(), retained: flags & 1 == 1 };
        Ok(Said::Publish { notice, qos, id })
    }
}

/// Why a client may not do what it wants; the codes differ between the versions (3.1.1: 3.2.2.3; 5: 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Version,
    Password,
    Forbidden,
    /// This broker cannot do it.
    Unable,
}

impl Refusal {
    pub(super) const fn code(self, version: Version) -> u8 {
        match (self, version) {
            (Self::Version, Version::V311) => 1,
            (Self::Version, Version::V5) => 0x84,
            (Self::Password, Version::V311) => 4,
            (Self::Password, Version::V5) => 0x86,
            (Self::Forbidden | Self::Unable, Version::V311) => 5,
            (Self::Forbidden, Version::V5) => 0x87,
            (Self::Unable, Version::V5) => 0x83,
        }
    }
}

/// CONNACK. `named` is the name that was given to a client without one.
pub(super) fn connected(version: Version, refusal: Option<Refusal>, named: Option<&str>) -> Vec<u8> {
    let code = refusal.map_or(0, |refusal| refusal.code(version));
    let mut body = vec![0, code];
    if version == Version::V5 {
        let mut properties = Vec::new();
        if let Some(name) = named {
            properties.push(0x12);
            text(&mut properties, name);
        }
        // No session outlives its connection, no shared subscriptions, and what a client may send at most.
        properties.extend([0x11, 0, 0, 0, 0, 0x2a, 0, 0x27]);
        properties.extend((PACKET_BYTES_MAX as u32).to_be_bytes());
        body.push(properties.len() as u8);
        body.extend(properties);
    }
    whole(0x20, &body)
}

/// SUBACK or UNSUBACK, one code for each filter.
pub(super) fn answered(version: Version, first: u8, id: u16, codes: &[u8]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(codes);
    whole(first, &body)
}

pub(super) const SUBACK: u8 = 0x90;
pub(super) const UNSUBACK: u8 = 0xb0;
pub(super) const PINGRESP: [u8; 2] = [0xd0, 0];

/// PUBACK, PUBREC or PUBCOMP. Version 3.1.1 has no way to say no to a message.
pub(super) fn received(version: Version, first: u8, id: u16, refusal: Option<Refusal>) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if let (Version::V5, Some(refusal)) = (version, refusal) {
        body.push(refusal.code(version));
    }
    whole(first, &body)
}

pub(super) const PUBACK: u8 = 0x40;
pub(super) const PUBREC: u8 = 0x50;
pub(super) const PUBCOMP: u8 = 0x70;

/// DISCONNECT of version 5: another client took this one's name.
pub(super) const TAKEN_OVER: [u8; 3] = [0xe0, 1, 0x8e];

/// PUBLISH; an id is there if it shall be acknowledged.
pub(super) fn publish(version: Version, notice: &Notice, id: Option<u16>) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, &notice.topic);
    body.extend(id.iter().flat_map(|id| id.to_be_bytes()));
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(&*notice.payload);
    whole(0x30 | u8::from(id.is_some()) << 1 | u8::from(notice.retained), &body)
}

fn whole(first: u8, body: &[u8]) -> Vec<u8> {
    let (mut packet, mut length) = (vec![first], body.len());
    while length > 0x7f {
        packet.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend(body);
    packet
}

/// A text with its length before it. Topics are those that came in with such a length, or ours.
fn text(into: &mut Vec<u8>, text: &str) {
    into.extend((text.len() as u16).to_be_bytes());
    into.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(version: Option<Version>, bytes: &[u8]) -> Result<Said, Wrong> {
        let mut heard = bytes.to_vec();
        let raw = take(&mut heard)?.expect("a whole packet");
        assert!(heard.is_empty());
        read(version, &raw)
    }

    #[test]
    fn clients_are_understood() {
        let connect = Connect {
            version: Version::V311,
            client: "a".into(),
            user: "u".into(),
            password: "p".into(),
            keep_alive: 60,
            will: Some(Notice { topic: "t".into(), payload: (*b"hi").into(), retained: true }),
        };
        let written = b"\x10\x1a\x00\x04MQTT\x04\xe6\x00\x3c\x00\x01a\x00\x01t\x00\x02hi\x00\x01u\x00\x01p";
        assert_eq!(said(None, written), Ok(Said::Connect(connect)));
        let written = b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x05\x11\x00\x00\x00\x0a\x00\x01a";
        assert!(matches!(said(None, written), Ok(Said::Connect(Connect { version: Version::V5, will: None, .. }))));
        let notice = Notice { topic: "t".into(), payload: (*b"hi").into(), retained: true };
        let written = b"\x33\x07\x00\x01t\x00\x07hi";
        assert_eq!(said(Some(Version::V311), written), Ok(Said::Publish { notice, qos: 1, id: 7 }));
        let filters = vec![("a/#".to_owned(), Options(0x21)), ("b".to_owned(), Options(0))];
        assert!(!filters[0].1.wants_retained() && filters[1].1.wants_retained());
        let written = b"\x82\x0d\x00\x01\x00\x00\x03a/#\x21\x00\x01b\x00";
        assert_eq!(said(Some(Version::V5), written), Ok(Said::Subscribe { id: 1, filters }));
        assert_eq!(said(Some(Version::V5), b"\xe0\x01\x04"), Ok(Said::Disconnect { reason: 4 }));
    }

    #[test]
    fn garbage_is_refused_and_a_part_waited_for() {
        for (version, written) in [
            (None, &b"\x10\x06\x00\x04HTTP"[..]),
            (None, b"\x82\x00"),
            (Some(Version::V5), b"\x10\x00"),
            (Some(Version::V5), b"\x30\x05\x00\x01t\xff\xff"),
            (Some(Version::V311), b"\x36\x03\x00\x01t"),
            (Some(Version::V311), b"\x30\x03\x00\x01#"),
            (Some(Version::V311), b"\x80\x00"),
            (Some(Version::V311), b"\x10\xff\xff\xff\xff\x01"),
        ] {
            assert_eq!(said(version, written), Err(Wrong::Malformed), "{written:x?}");
        }
        assert_eq!(said(None, b"\x10\x07\x00\x04MQTT\x03"), Err(Wrong::Version));
        for part in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x05\x00\x01t"] {
            assert_eq!(take(&mut part.to_vec()), Ok(None));
        }
    }
}
