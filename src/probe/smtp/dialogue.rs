//! The dialogue with an SMTP server: commands, and replies of bounded length.

use tokio::io::{AsyncRead, AsyncWrite};

use super::draft::Letter;
use crate::model::{Evidence, Fault, FaultCode};
use crate::probe::mail::wire::{Wire, garbage};
use crate::probe::mail::{self, Login, Reached, Security};
use crate::probe::{Run, Stop};

/// RFC 5321, 4.5.3.1.5 says 512; some servers say more.
const LINE_BYTES_MAX: usize = 4 << 10;
const LINES_MAX: usize = 128;

pub(super) struct Dialogue<'a> {
    reached: Reached<'a>,
}

/// A reply: its code and its lines without it.
#[derive(Debug, PartialEq)]
struct Answer {
    code: u16,
    lines: Vec<String>,
}

/// What the server can do beyond the least (RFC 5321, 4.1.1.1).
pub(super) struct Extensions(Vec<String>);

impl Extensions {
    pub(super) fn offers(&self, keyword: &str) -> bool {
        self.arguments(keyword).is_some()
    }

    /// What stands behind the keyword.
    fn arguments(&self, keyword: &str) -> Option<&str> {
        self.0.iter().find_map(|line| {
            let (name, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
            name.eq_ignore_ascii_case(keyword).then_some(rest)
        })
    }

    fn signs_in_by(&self, mechanism: &str) -> bool {
        let offered = self.arguments("AUTH").unwrap_or_default();
        offered.split_whitespace().any(|one| one.eq_ignore_ascii_case(mechanism))
    }
}

impl<'a> Dialogue<'a> {
    pub(super) fn new(reached: Reached<'a>) -> Self {
        Self { reached }
    }

    pub(super) const fn security(&self) -> Security {
        self.reached.security
    }

    /// The banner.
    pub(super) async fn greeting(&mut self) -> Result<String, Stop> {
        let answer = answer(&mut self.reached.wire).await?;
        let banner = format!("{} {}", answer.code, answer.lines.first().map_or("", String::as_str));
        answer.must(2, "the connection", "look at its block lists, its limits and whether it is in maintenance")?;
        Ok(banner)
    }

    pub(super) async fn hello(&mut self, name: &str) -> Result<Extensions, Stop> {
        let answer = self.ask(&format!("EHLO {name}")).await?;
        answer.must(2, "EHLO", "look whether it demands a name with an address; `hello:` sets ours")?;
        Ok(Extensions(answer.lines.into_iter().skip(1).collect()))
    }

    pub(super) async fn starttls(&mut self, run: &mut Run<'_>) -> Result<(), Stop> {
        self.ask("STARTTLS").await?.must(2, "STARTTLS", "look at its certificate and key files")?;
        self.reached.secure(run).await
    }

    pub(super) async fn sign_in(
        &mut self,
        run: &mut Run<'_>,
        login: &Login,
        extensions: &Extensions,
    ) -> Result<(), Stop> {
        let (user, password) = login.render(run, &self.reached.wire)?;
        let advice = "look whether the account exists, is locked, or its password has changed";
        let refused = |stop: Stop| match stop {
            Stop::Fault(fault) if fault.code == FaultCode::MailRefused => {
                Fault { code: FaultCode::MailLogin, ..fault }.into()
            }
            other => other,
        };
        let answer = if extensions.signs_in_by("PLAIN") {
            let message = mail::plain(run, &user, &password);
            self.ask(&format!("AUTH PLAIN {message}")).await?
        } else if extensions.signs_in_by("LOGIN") {
            // Three turns: the server asks in base64 for the name, then for the password.
            self.ask("AUTH LOGIN").await?.must(3, "AUTH", advice).map_err(refused)?;
            self.ask(&mail::encode(&user)).await?.must(3, "the user's name", advice).map_err(refused)?;
            self.ask(&mail::encode(&password)).await?
        } else {
            let offered = extensions.arguments("AUTH").unwrap_or("nothing");
            let text = format!("offers `{offered}` to sign in by, neither PLAIN nor LOGIN; switch one of them on");
            return Err(Fault::new(FaultCode::MailLogin, text).into());
        };
        answer.must(2, "AUTH", advice).map_err(refused)
    }

    pub(super) async fn envelope(&mut self, letter: &Letter, extensions: &Extensions) -> Result<(), Stop> {
        let ascii = letter.from.is_ascii() && letter.to.iter().all(|to| to.is_ascii());
        let utf8 = if !ascii && extensions.offers("SMTPUTF8") { " SMTPUTF8" } else { "" };
        let from = self.ask(&format!("MAIL FROM:<{}>{utf8}", letter.from)).await?;
        from.must(2, "the sender", "look whether it may send from this address here, and at its limits")?;
        for to in &letter.to {
            let answer = self.ask(&format!("RCPT TO:<{to}>")).await?;
            let of = format!("the recipient {to}");
            answer.must(2, &of, "look whether the mailbox exists, is full, or is greylisted for new senders")?;
        }
        Ok(())
    }

    pub(super) async fn hand_over(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let advice = "look at its filters, its limits and the space for its queue";
        self.ask("DATA").await?.must(3, "DATA", advice)?;
        self.reached.wire.say(stuffed(bytes)).await?;
        answer(&mut self.reached.wire).await?.must(2, "the mail", advice)
    }

    async fn ask(&mut self, line: &str) -> Result<Answer, Stop> {
        self.say(line).await?;
        answer(&mut self.reached.wire).await
    }

    pub(super) async fn say(&mut self, line: &str) -> Result<(), Stop> {
        // One line, whatever a captured value holds.
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.reached.wire.say(format!("{line}\r\n")).await
    }
}

impl Answer {
    /// A fault unless the code is of this class; `of`: what was answered.
    fn must(&self, class: u16, of: &str, advice: &str) -> Result<(), Stop> {
        let code = match self.code / 100 {
            got if got == class => return Ok(()),
            4 => FaultCode::MailDeferred,
            5 => FaultCode::MailRefused,
            _ => return Err(garbage(format!("{} to {of}", self.code))),
        };
        let found = format!("{} {}", self.code, self.lines.join(" / "));
        let verb = if code == FaultCode::MailDeferred { "puts off" } else { "refuses" };
        // What is quoted comes last and whole: cut before it is redacted, a secret at the cut would not be known.
        let text = format!("the server {verb} {of}; {advice}: `{found}`");
        let evidence = Evidence { of: format!("the reply to {of}"), expected: format!("{class}xx"), found };
        Err(Fault { evidence: Some(evidence), ..Fault::new(code, text) }.into())
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<Answer, Stop> {
    let mut answer = Answer { code: 0, lines: Vec::new() };
    loop {
        let line = wire.line(LINE_BYTES_MAX).await?;
        let line = String::from_utf8_lossy(&line);
        let code = line.get(..3).and_then(|code| code.parse().ok()).filter(|code| (200..600).contains(code));
        let Some(code) = code else {
            return Err(garbage(format!("no reply of SMTP, but `{line}`")));
        };
        answer.code = code;
        answer.lines.push(line.get(4..).unwrap_or_default().trim_end().to_owned());
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(answer);
        }
        if answer.lines.len() >= LINES_MAX {
            return Err(garbage(format!("a reply of more than {LINES_MAX} lines")));
        }
    }
}

/// The mail as it travels: a line that begins with a dot gets another, a dot alone ends it (RFC 5321, 4.5.2).
fn stuffed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_doubled_and_the_end_is_one() {
        assert_eq!(stuffed(b"a\r\n.b\r\n..\r\n"), b"a\r\n..b\r\n...\r\n.\r\n");
        assert_eq!(stuffed(b"no end"), b"no end\r\n.\r\n");
    }

    #[test]
    fn extensions_are_read_in_any_spelling() {
        let extensions = Extensions(vec!["size 1000".into(), "AUTH=PLAIN login".into(), "STARTTLS".into()]);
        assert!(extensions.offers("SIZE") && extensions.offers("starttls") && !extensions.offers("PIPELINING"));
        assert!(extensions.signs_in_by("LOGIN") && !extensions.signs_in_by("GSSAPI"));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;
    use crate::probe::pieces::Pieces;

    const CORPUS: &[&[u8]] = &[
        b"220 mx.shop.test ESMTP Postfix (Debian/GNU)\r\n",
        b"250-mx.shop.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-AUTH PLAIN LOGIN\r\n250 SMTPUTF8\r\n",
        b"334 VXNlcm5hbWU6\r\n235 2.7.0 Authentication successful\r\n250 2.1.0 Ok\r\n",
        b"451 4.7.1 <anna@probe.test>: Greylisted\r\n552-5.3.4 spam\r\n552 really\r\n421 4.3.2\r\n",
    ];

    /// Every reply until it ends or breaks.
    async fn heard(pieces: Vec<Vec<u8>>) -> (Vec<Answer>, String) {
        let mut wire = Wire::new(Pieces::new(pieces));
        let mut replies = Vec::new();
        loop {
            match answer(&mut wire).await {
                Ok(reply) => {
                    assert!((200..600).contains(&reply.code) && (1..=LINES_MAX).contains(&reply.lines.len()));
                    assert!(reply.lines.iter().all(|line| line.len() <= 3 * LINE_BYTES_MAX));
                    replies.push(reply);
                }
                Err(stop) => return (replies, format!("{stop:?}")),
            }
        }
    }

    #[tokio::test]
    async fn replies_are_the_same_however_they_arrive() {
        let long = [b"250 ".as_slice(), &[b'x'; LINE_BYTES_MAX - 10], b"\r\n250 ok\r\n"].concat();
        let lines = b"250-more\r\n".repeat(LINES_MAX - 1);
        let mut bent = Bent::of(2000, &[CORPUS, &[&long, &lines]].concat());
        while let Some(input) = bent.next() {
            let pieces = bent.pieces(&input);
            assert_eq!(heard(vec![input]).await, heard(pieces).await);
        }
    }

    #[test]
    fn what_is_stuffed_is_what_its_receiver_takes_out() {
        let mut bent = Bent::of(2000, &[b"a\r\n.b\r\n..\r\nend", b".", b"\r\n.\r\n", b"x\n.\ny"]);
        for input in &mut bent {
            let sent = stuffed(&input);
            let body = sent.strip_suffix(b".\r\n").expect("it ends");
            // RFC 5321, 4.5.2: no line is a dot alone before the end, and one dot is taken off each line that has one.
            let lines: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').collect();
            assert!(lines.iter().all(|line| *line != b".\r\n"));
            let taken: Vec<u8> =
                lines.iter().flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect();
            assert!(taken == input || taken == [&input[..], b"\r\n"].concat());
        }
    }
}
