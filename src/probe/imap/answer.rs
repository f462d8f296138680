//! What an IMAP server says (RFC 3501, 7), read flat: nothing here recurses, whatever is nested.

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::probe::Stop;
use crate::probe::mail::wire::{Wire, garbage};

/// A line, its literals left out. A list of forty thousand mails fits.
const LINE_BYTES_MAX: usize = 256 << 10;
/// The most of one mail that is ever asked for, and a little more.
const LITERAL_BYTES_MAX: u64 = (super::MAIL_BYTES_MAX + 1024) as u64;
const LITERALS_MAX: usize = 16;
/// Words of one answer that are looked at. Ours are among the first dozen; a line may have a hundred thousand.
const TOKENS_MAX: usize = 1000;

/// One answer: a line, with the literals that stood in it.
#[derive(Debug)]
pub(super) struct Answer {
    /// The line's text up to each literal's mark, and the literal.
    pieces: Vec<(Vec<u8>, Vec<u8>)>,
    rest: Vec<u8>,
}

/// A part of an answer.
#[derive(Debug, PartialEq)]
enum Token<'a> {
    Atom(&'a [u8]),
    /// Quoted.
    Text(Vec<u8>),
    /// A literal, by its place.
    Counted(usize),
    Open,
    Close,
}

/// What of an answer concerns us.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// `+`: we may go on.
    GoOn,
    /// Our command is done: `OK`, `NO` or `BAD`, and why.
    Done {
        status: Status,
        text: String,
    },
    Exists,
    Search(Vec<u32>),
    Mail(Fetched),
    Capabilities(Vec<String>),
    /// The server hangs up.
    Bye(String),
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    Bad,
}

/// A mail, or a part of one.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fetched {
    pub(super) uid: u32,
    /// When it was put into the mailbox, to the second.
    pub(super) received: Option<Timestamp>,
    pub(super) bytes: Option<Vec<u8>>,
}

impl Answer {
    /// The next one. Give it up only between answers: wait for the line first.
    pub(super) async fn next<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<Self, Stop> {
        let mut answer = Self { pieces: Vec::new(), rest: Vec::new() };
        loop {
            let line = wire.line(LINE_BYTES_MAX).await?;
            let Some((text, bytes)) = literal(&line) else {
                answer.rest = line;
                return Ok(answer);
            };
            if bytes > LITERAL_BYTES_MAX || answer.pieces.len() >= LITERALS_MAX {
                return Err(garbage(format!("a text of {bytes} bytes that nobody asked for")));
            }
            let text = text.to_vec();
            let counted = wire.exactly(bytes as usize).await?;
            answer.pieces.push((text, counted));
        }
    }

    /// Waits until the next one has begun to arrive. Can be given up.
    pub(super) async fn wait(wire: &mut Wire) -> Result<(), Stop> {
        wire.hear(LINE_BYTES_MAX).await
    }

    /// What it says to the one who waits for `tag`.
    pub(super) fn read(self, tag: &str) -> Said {
        let line = self.line();
        let (head, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match head {
            "+" => Said::GoOn,
            "*" => self.untagged(word, text),
            _ if head == tag => {
                let status = match word.to_ascii_uppercase().as_str() {
                    "OK" => Status::Ok,
                    "NO" => Status::No,
                    _ => Status::Bad,
                };
                Said::Done { status, text: text.to_owned() }
            }
            _ => Said::Other,
        }
    }

    fn untagged(self, word: &str, text: &str) -> Said {
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "BYE" => Said::Bye(text.to_owned()),
            "SEARCH" => Said::Search(text.split_whitespace().filter_map(|uid| uid.parse().ok()).collect()),
            "CAPABILITY" => Said::Capabilities(words(text)),
            "OK" | "PREAUTH" => match text.strip_prefix("[CAPABILITY ").and_then(|rest| rest.split_once(']')) {
                Some((listed, _)) => Said::Capabilities(words(listed)),
                None => Said::Other,
            },
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                match text.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
                    "EXISTS" | "RECENT" => Said::Exists,
                    "FETCH" => Said::Mail(self.fetched()),
                    _ => Said::Other,
                }
            }
            _ => Said::Other,
        }
    }

    /// The text without literals, for people and for what has none.
    pub(super) fn line(&self) -> String {
        let parts = self.pieces.iter().map(|(text, _)| text.as_slice()).chain([self.rest.as_slice()]);
        parts.map(String::from_utf8_lossy).collect()
    }

    fn fetched(mut self) -> Fetched {
        let mut fetched = Fetched::default();
        let mut counted = None;
        for pair in self.tokens().windows(2) {
            let [Token::Atom(name), value] = pair else { continue };
            let name = name.to_ascii_uppercase();
            match (name.as_slice(), value) {
                (b"UID", Token::Atom(uid)) => {
                    fetched.uid = String::from_utf8_lossy(uid).parse().unwrap_or_default();
                }
                (b"INTERNALDATE", Token::Text(date)) => fetched.received = moment(&String::from_utf8_lossy(date)),
                (name, Token::Text(bytes)) if name.starts_with(b"BODY[") => fetched.bytes = Some(bytes.clone()),
                (name, Token::Counted(piece)) if name.starts_with(b"BODY[") => counted = Some(*piece),
                _ => {}
            }
        }
        if let Some(piece) = counted {
            fetched.bytes = Some(std::mem::take(&mut self.pieces[piece].1));
        }
        fetched
    }

    fn tokens(&self) -> Vec<Token<'_>> {
        let mut tokens = Vec::new();
        for (piece, (text, _)) in self.pieces.iter().enumerate() {
            tokenize(text, &mut tokens);
            tokens.push(Token::Counted(piece));
        }
        tokenize(&self.rest, &mut tokens);
        tokens
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_ascii_uppercase).collect()
}

/// The line before a literal's mark at its end, and how many bytes it counts: `... {123}`.
fn literal(line: &[u8]) -> Option<(&[u8], u64)> {
    let open = line.strip_suffix(b"}")?.iter().rposition(|byte| *byte == b'{')?;
    let digits = std::str::from_utf8(&line[open + 1..line.len() - 1]).ok()?.trim_end_matches('+');
    let counted = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than a number can hold are more bytes than we take.
    counted.then(|| (&line[..open], digits.parse().unwrap_or(u64::MAX)))
}

fn tokenize<'a>(text: &'a [u8], tokens: &mut Vec<Token<'a>>) {
    let mut at = 0;
    while let Some(&byte) = text.get(at)
        && tokens.len() < TOKENS_MAX
    {
        match byte {
            b' ' => at += 1,
            b'(' | b')' => {
                tokens.push(if byte == b'(' { Token::Open } else { Token::Close });
                at += 1;
            }
            b'"' => {
                let (quoted, end) = quoted(text, at + 1);
                tokens.push(Token::Text(quoted));
                at = end;
            }
            _ => {
                let end = atom_end(text, at);
                tokens.push(Token::Atom(&text[at..end]));
                at = end;
            }
        }
    }
}

/// The text up to the closing quote, and the place behind it.
fn quoted(text: &[u8], from: usize) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return (out, at + 1),
            b'\\' => {
                out.extend(text.get(at + 1));
                at += 2;
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    (out, text.len())
}

/// Where a word ends; what stands in brackets belongs to it: `BODY[HEADER.FIELDS (FROM)]`.
fn atom_end(text: &[u8], from: usize) -> usize {
    let mut bracketed = false;
    for (at, byte) in text.iter().enumerate().skip(from) {
        match byte {
            b'[' => bracketed = true,
            b']' => bracketed = false,
            b' ' | b'(' | b')' | b'"' if !bracketed => return at.max(from + 1),
            _ => {}
        }
    }
    text.len()
}

/// `17-Jul-1996 02:44:25 -0700`; the day may have a blank for its ten.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim_start();
    let padded = if text.as_bytes().get(1) == Some(&b'-') { format!("0{text}") } else { text.to_owned() };
    Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", padded).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(pieces: &[(&str, &str)], rest: &str) -> Said {
        let pieces = pieces.iter().map(|(text, counted)| (text.as_bytes().to_vec(), counted.as_bytes().to_vec()));
        Answer { pieces: pieces.collect(), rest: rest.as_bytes().to_vec() }.read("a1")
    }

    #[test]
    fn answers_are_told_apart() {
        for (line, expected) in [
            ("+ idling", Said::GoOn),
            ("a1 OK done", Said::Done { status: Status::Ok, text: "done".into() }),
            ("a1 no [ALERT] full", Said::Done { status: Status::No, text: "[ALERT] full".into() }),
            ("a1", Said::Done { status: Status::Bad, text: String::new() }),
            ("a2 OK late", Said::Other),
            ("* 3 EXISTS", Said::Exists),
            ("* SEARCH 4 5 x 6", Said::Search(vec![4, 5, 6])),
            ("* SEARCH", Said::Search(vec![])),
            ("* OK [CAPABILITY IMAP4rev1 Idle] hi", Said::Capabilities(vec!["IMAP4REV1".into(), "IDLE".into()])),
            ("* BYE too many", Said::Bye("too many".into())),
            ("* 3 EXPUNGE", Said::Other),
            ("", Said::Other),
        ] {
            assert_eq!(said(&[], line), expected, "{line}");
        }
    }

    #[test]
    fn a_mail_is_found_in_its_answer() {
        let received = "2026-11-22T01:00:05Z".parse().ok();
        let date = "INTERNALDATE \"22-Nov-2026 02:00:05 +0100\"";
        let expected = Fetched { uid: 7, received, bytes: Some(b"Subject: x\r\n\r\n".to_vec()) };
        let first = format!("* 12 FETCH (UID 7 {date} BODY[HEADER]<0> ");
        assert_eq!(said(&[(&first, "Subject: x\r\n\r\n")], ")"), Said::Mail(expected));
        let quoted = format!("* 12 FETCH (FLAGS (\\Seen (x)) BODY[HEADER.FIELDS (FROM TO)] \"a\\\"b\" {date} UID 8)");
        let expected = Fetched { uid: 8, received, bytes: Some(b"a\"b".to_vec()) };
        assert_eq!(said(&[], &quoted), Said::Mail(expected));
        assert_eq!(moment(" 1-Jan-2026 00:00:00 +0000"), "2026-01-01T00:00:00Z".parse().ok());
    }

    #[test]
    fn literals_are_counted_and_none_is_invented() {
        assert_eq!(literal(b"* 1 FETCH (BODY[] {12}"), Some((b"* 1 FETCH (BODY[] ".as_slice(), 12)));
        assert_eq!(literal(b"x {4294967295}").map(|it| it.1), Some(4_294_967_295));
        assert_eq!(literal(b"x {99999999999999999999999}").map(|it| it.1), Some(u64::MAX));
        for none in ["{}", "x {a}", "{12} ", "12}", ""] {
            assert_eq!(literal(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn nesting_costs_no_stack() {
        let deep = format!("* 1 FETCH {}", "(".repeat(100_000));
        assert_eq!(said(&[], &deep), Said::Mail(Fetched::default()));
        let answer = Answer { pieces: Vec::new(), rest: deep.into_bytes() };
        assert_eq!(answer.tokens().len(), TOKENS_MAX);
    }

    proptest! {
        #[test]
        fn nothing_that_a_server_says_is_a_panic(text in "[ -~]{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = said(&[(&format!("* 1 FETCH {text}"), "x")], &text);
            let answer = Answer { pieces: vec![(bytes.clone(), bytes.clone())], rest: bytes };
            let _ = answer.tokens();
            let _ = answer.read("a1");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;
    use crate::probe::pieces::Pieces;

    const CORPUS: &[&[u8]] = &[
        b"* OK [CAPABILITY IMAP4rev1 IDLE LITERAL+ AUTH=PLAIN] Dovecot ready.\r\na1 OK Logged in\r\n",
        b"* FLAGS (\\Answered \\Deleted)\r\n* 3 EXISTS\r\n* OK [UIDNEXT 4] Predicted\r\na1 OK [READ-ONLY] done\r\n",
        b"* SEARCH 1 2 3\r\na1 OK Search completed (0.001 secs).\r\n",
        b"* 1 FETCH (UID 7 INTERNALDATE \"22-Nov-2026 02:00:05 +0100\" BODY[HEADER] {17}\r\nSubject: a {9}\r\n\r\n)\r\na1 OK\r\n",
        b"* 2 FETCH (BODY[HEADER.FIELDS (FROM TO)] \"a\\\"b\" FLAGS () UID 8)\r\n+ idling\r\n* BYE too many\r\n",
        b"* 3 FETCH (UID 9 BODY[]<0> {0}\r\n BODY[TEXT] {4294967295}\r\n",
    ];

    /// Everything that is said until it ends or breaks.
    async fn heard(pieces: Vec<Vec<u8>>) -> (Vec<Said>, String) {
        let mut wire = Wire::new(Pieces::new(pieces));
        let mut said = Vec::new();
        loop {
            match Answer::next(&mut wire).await {
                Ok(answer) => {
                    assert!(answer.pieces.len() <= LITERALS_MAX && answer.tokens().len() <= TOKENS_MAX + LITERALS_MAX);
                    assert!(answer.pieces.iter().all(|(_, counted)| counted.len() as u64 <= LITERAL_BYTES_MAX));
                    said.push(answer.read("a1"));
                }
                Err(stop) => return (said, format!("{stop:?}")),
            }
        }
    }

    #[tokio::test]
    async fn answers_are_the_same_however_they_arrive() {
        let long = [b"* 1 FETCH (X \"".as_slice(), &vec![b'x'; LINE_BYTES_MAX - 20], b"\")\r\na1 OK\r\n"].concat();
        let mut bent = Bent::of(2000, &[CORPUS, &[&long]].concat());
        while let Some(input) = bent.next() {
            let pieces = bent.pieces(&input);
            assert_eq!(heard(vec![input]).await, heard(pieces).await);
        }
    }
}
