//! SIP messages as they are read (RFC 3261, 7): strictly where two readers could differ, and never more than fits.
//!
//! A parser of our own, because what must be told is why a message is wrong, and nothing of a message is trusted before
//! it is known to be for us.

use bytes::Bytes;

use crate::probe::stranger::{STRANGER, speaker};

/// The first line and all headers of one message.
pub(super) const HEAD_BYTES_MAX: usize = 32 << 10;
pub(super) const BODY_BYTES_MAX: usize = 256 << 10;
const HEADERS_MAX: usize = 256;

/// The short names of headers (RFC 3261, 7.3.3).
const SHORT: [(&str, &str); 10] = [
    ("i", "call-id"),
    ("m", "contact"),
    ("e", "content-encoding"),
    ("l", "content-length"),
    ("c", "content-type"),
    ("f", "from"),
    ("s", "subject"),
    ("k", "supported"),
    ("t", "to"),
    ("v", "via"),
];

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Reply { status: u16, reason: String },
    Request { method: String },
}

/// A request or a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) start: Start,
    /// Names in lower case and in full.
    headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Message {
    /// Reads the message that a datagram is.
    pub(super) fn of_datagram(datagram: &[u8]) -> Result<Self, String> {
        let end = head_end(datagram).ok_or("a message without an end of its head")?;
        let mut message = Self::of_head(&datagram[..end])?;
        let rest = &datagram[end..];
        let length = message.length()?.unwrap_or(rest.len());
        let body = rest
            .get(..length)
            .ok_or_else(|| format!("a message that says it has {length} bytes of content, and has {}", rest.len()))?;
        message.body = Bytes::copy_from_slice(body);
        Ok(message)
    }

    pub(super) fn of_head(head: &[u8]) -> Result<Self, String> {
        if head.len() > HEAD_BYTES_MAX {
            return Err(endless());
        }
        let head = std::str::from_utf8(head).map_err(|_| "a message whose head is no UTF-8")?;
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let start = Start::parse(lines.next().unwrap_or_default())?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.contains(['\r', '\n', '\0']) {
                return Err("a header with a line break in it".to_owned());
            }
            if line.starts_with([' ', '\t']) {
                let (_, value) = headers.last_mut().ok_or("a message whose first header begins with a blank")?;
                // A line of blanks adds nothing.
                for word in line.split_whitespace() {
                    value.extend((!value.is_empty()).then_some(' '));
                    value.push_str(word);
                }
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| format!("a header without a colon: `{line}`"))?;
            let name = name.trim_end().to_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(format!("a header whose name cannot be: `{line}`"));
            }
            let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| (*long).to_owned());
            headers.push((name, value.trim().to_owned()));
            if headers.len() > HEADERS_MAX {
                return Err(format!("a message with more than {HEADERS_MAX} headers"));
            }
        }
        Ok(Self { start, headers, body: Bytes::new() })
    }

    /// How long it says that its body is.
    pub(super) fn length(&self) -> Result<Option<usize>, String> {
        let mut length = None;
        for value in self.all("content-length") {
            let said = Some(value).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
            let said = said.and_then(|value| value.parse::<usize>().ok()).filter(|said| *said <= BODY_BYTES_MAX);
            let said = said.ok_or_else(|| format!("a message that says it has `{value}` bytes of content"))?;
            if length.is_some_and(|length| length != said) {
                return Err("a message that says twice how long it is, and each time otherwise".to_owned());
            }
            length = Some(said);
        }
        Ok(length)
    }

    /// The first header of this name, in lower case.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every header of this name, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A reply's status in words.
    pub(super) fn reason(&self) -> &str {
        match &self.start {
            Start::Reply { reason, .. } => reason,
            Start::Request { .. } => "",
        }
    }

    /// The number and the method that a reply answers.
    pub(super) fn sequence(&self) -> Option<(u32, &str)> {
        let (number, method) = self.first("cseq")?.split_once([' ', '\t'])?;
        Some((number.trim().parse().ok()?, method.trim()))
    }

    /// The branch of the topmost `Via`.
    pub(super) fn branch(&self) -> Option<&str> {
        let via = self.first("via")?;
        // Several may stand in one line.
        let topmost = via.split(',').next()?;
        parameter(topmost, "branch")
    }
}

/// What a message of which only the beginning came may be.
pub(super) fn unfinished(begun: &[u8]) -> String {
    let line = String::from_utf8_lossy(begun);
    let line = line.lines().next().unwrap_or_default();
    if line.starts_with("SIP/") {
        return format!("only {} bytes came of a message that says it is longer", begun.len());
    }
    format!("no telephone server listens there, but {}: it answers `{line}`", speaker(line))
}

impl Start {
    fn parse(line: &str) -> Result<Self, String> {
        let wrong = || match speaker(line) {
            STRANGER => format!("a message that begins with `{line}`"),
            speaker => format!("no telephone server listens there, but {speaker}: it answers `{line}`"),
        };
        if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let digits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
            let status = code.parse().ok().filter(|status| digits && (100..700).contains(status)).ok_or_else(wrong)?;
            return Ok(Self::Reply { status, reason: reason.trim().to_owned() });
        }
        let mut parts = line.split(' ');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(method), Some(uri), Some("SIP/2.0"), None)
                if !method.is_empty() && method.bytes().all(is_token) && !uri.is_empty() =>
            {
                Ok(Self::Request { method: method.to_owned() })
            }
            _ => Err(wrong()),
        }
    }
}

/// The value of a parameter behind an address or a `Via`: `;tag=x`. What stands within angle brackets is not looked at.
pub(super) fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let outside = text.rsplit_once('>').map_or(text, |(_, outside)| outside);
    outside.split(';').skip(1).find_map(|one| {
        let (known, value) = one.split_once('=')?;
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The address in `"Anna" <sip:anna@x>;tag=1`, or in `sip:anna@x;tag=1`.
pub(super) fn bracketed(text: &str) -> &str {
    match text.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        Some((inside, _)) => inside,
        None => text.split(';').next().unwrap_or_default().trim(),
    }
}

pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

pub(super) fn endless() -> String {
    format!("a message whose head is longer than {HEAD_BYTES_MAX} bytes")
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RINGING: &str = "SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP 127.0.0.1:5;branch=z9hG4bK1;rport=5, SIP/2.0/UDP x;branch=2\r\n\
        f: \"A;tag=no\" <sip:a@x;tag=no>;tag=1\r\nT : <sip:b@x>\r\nsubject: one\r\n two\r\nCSeq: 7 INVITE\r\nl: 2\r\n\r\nhi";

    #[test]
    fn messages_are_read() {
        let message = Message::of_datagram(format!("{RINGING}tail").as_bytes()).expect("a message");
        assert_eq!(message.start, Start::Reply { status: 180, reason: "Ringing".to_owned() });
        assert_eq!((message.branch(), message.sequence()), (Some("z9hG4bK1"), Some((7, "INVITE"))));
        assert_eq!((message.first("subject"), message.first("to")), (Some("one two"), Some("<sip:b@x>")));
        assert_eq!(message.first("from").and_then(|from| parameter(from, "tag")), Some("1"));
        assert_eq!(&message.body[..], b"hi");
        assert_eq!(bracketed("\"B\" <sip:b@x;lr>;q=1"), "sip:b@x;lr");
        assert_eq!(bracketed("sip:b@x;q=1"), "sip:b@x");
    }

    #[test]
    fn folded_lines_leave_no_blanks_at_the_ends() {
        let message = Message::of_datagram(b"SIP/2.0 200 OK\r\na:\r\n one\r\n \t\r\nb: x\r\n  y\r\n \r\n\r\n")
            .expect("a message");
        assert_eq!(message.headers().collect::<Vec<_>>(), [("a", "one"), ("b", "x y")]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let ok = "SIP/2.0 200 OK\r\n";
        for wrong in [
            "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
            "SIP/2.0 2000 OK\r\n\r\n".to_owned(),
            "SIP/2.0 +20 OK\r\n\r\n".to_owned(),
            "SIP/2.0 099 OK\r\n\r\n".to_owned(),
            "BYE SIP/2.0\r\n\r\n".to_owned(),
            "\r\n\r\n".to_owned(),
            ok.to_owned(),
            format!("{ok}no colon\r\n\r\n"),
            format!("{ok} folded: first\r\n\r\n"),
            format!("{ok}a b: c\r\n\r\n"),
            format!("{ok}a: b\nc\r\n\r\n"),
            format!("{ok}content-length: -1\r\n\r\n"),
            format!("{ok}content-length: 99999999999999999999\r\n\r\n"),
            format!("{ok}content-length: 2000000000\r\n\r\n"),
            format!("{ok}content-length: 0\r\nl: 1\r\n\r\nx"),
            format!("{ok}content-length: 9\r\n\r\nx"),
            format!("{ok}a: {}\r\n\r\n", "x".repeat(64 << 10)),
            format!("{ok}{}\r\n", "a: b\r\n".repeat(300)),
        ] {
            Message::of_datagram(wrong.as_bytes()).expect_err(&wrong);
        }
        Message::of_datagram(b"SIP/2.0 200 \xff\xfe\r\n\r\n").expect_err("no UTF-8");
    }

    proptest! {
        /// Whatever comes in is read or refused.
        #[test]
        fn nothing_breaks_the_reader(parts in prop::collection::vec(prop_oneof![
            Just(&b"SIP/2.0 200 OK\r\n"[..]), Just(&b"\r\n"[..]), Just(&b"Via: SIP/2.0/UDP x;branch=1\r\n"[..]),
            Just(&b"l: 3\r\n"[..]), Just(&b"CSeq: 1 BYE\r\n"[..]), Just(&b"abc"[..]), Just(&b"\xff"[..]), Just(&b": <;=>\""[..]),
        ], 0..12)) {
            let bytes = parts.concat();
            if let Ok(message) = Message::of_datagram(&bytes) {
                let _ = (message.branch(), message.sequence(), bracketed(message.first("via").unwrap_or_default()));
            }
        }
    }
}

#[cfg(test)]
pub(super) mod fuzz {
    use super::*;
    use crate::bent::Bent;

    pub(in crate::probe::sip) const CORPUS: &[&[u8]] = &[
        b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport=5070\r\nFrom: <sip:a@x>;tag=1\r\n\
          To: \"B\" <sip:b@x;tag=no>;tag=2\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
        b"SIP/2.0 200 OK\r\nv: SIP/2.0/TCP x;branch=1, SIP/2.0/UDP y;branch=2\r\nm: <sip:desk@127.0.0.1>\r\nCSeq: 1 INVITE\r\n\
          Content-Type: application/sdp\r\nl: 9\r\n\r\nv=0\r\ni=hi\r\n\r\n",
        b"SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"x\",\r\n nonce=\"y\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n",
        b"BYE sip:unbroken@127.0.0.1:5070 SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=3\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n",
        b"\r\n\r\n",
    ];

    /// The message as its sender could have written it.
    fn written(message: &Message) -> Vec<u8> {
        let start = match &message.start {
            Start::Reply { status, reason } => format!("SIP/2.0 {status} {reason}"),
            Start::Request { method } => format!("{method} sip:x SIP/2.0"),
        };
        let headers = message.headers().map(|(name, value)| format!("{name}: {value}"));
        let head: Vec<String> = [start].into_iter().chain(headers).collect();
        [head.join("\r\n").as_bytes(), b"\r\n\r\n", &message.body].concat()
    }

    #[test]
    fn messages_are_read_or_refused() {
        for input in Bent::of(3000, CORPUS) {
            let Ok(message) = Message::of_datagram(&input) else { continue };
            assert!(message.headers.len() <= HEADERS_MAX && message.body.len() <= input.len());
            let again = Message::of_datagram(&written(&message));
            assert_eq!(again.as_ref(), Ok(&message), "written again it is the same");
            let _ = (message.branch(), message.sequence(), message.reason());
            for (_, value) in message.headers() {
                assert!(!value.contains(['\r', '\n', '\0']), "one line, whatever is made of it: {value:?}");
                assert!(value.contains(bracketed(value)));
                assert!(parameter(value, "tag").is_none_or(|tag| value.contains(tag)));
            }
        }
    }
}
