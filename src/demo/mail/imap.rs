//! The server that shows customers their mail (RFC 3501, over TLS), as far as a mail program needs it.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::books::Customer;
use super::super::business::Business;
use super::super::certificate::Certificates;
use super::super::stand;
use super::{Mail, Talk, line};

const CAPABILITIES: &str = "CAPABILITY IMAP4rev1 IDLE UIDPLUS AUTH=PLAIN";

pub(in crate::demo) async fn serve(
    listener: TcpListener,
    business: Arc<Business>,
    certificates: Arc<Certificates>,
    shutdown: CancellationToken,
) {
    stand::serve(listener, shutdown, |stream| {
        let (business, certificates) = (Arc::clone(&business), Arc::clone(&certificates));
        async move {
            let stream = BufReader::new(certificates.good.accept(stream).await?);
            let arrived = business.mailboxes.watch();
            Session { stream, business, heard: Vec::new(), customer: None, arrived }.converse().await
        }
    })
    .await;
}

struct Session<S> {
    stream: BufReader<S>,
    business: Arc<Business>,
    /// The beginning of the next line.
    heard: Vec<u8>,
    customer: Option<&'static Customer>,
    /// What came since it was last told of.
    arrived: watch::Receiver<u64>,
}

impl<S: Talk> Session<S> {
    async fn converse(mut self) -> io::Result<()> {
        self.say(&format!("* OK [{CAPABILITIES}] Halcyon Mobile's mail\r\n")).await?;
        while let Some(said) = line(&mut self.stream, &mut self.heard).await? {
            let (tag, rest) = said.split_once(' ').unwrap_or((&said, ""));
            let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let verb = verb.to_ascii_uppercase();
            let answer = match verb.as_str() {
                "LOGOUT" => {
                    return self.say(&format!("* BYE\r\n{tag} OK goodbye\r\n")).await;
                }
                "CAPABILITY" => format!("* {CAPABILITIES}\r\n{tag} OK\r\n"),
                "NOOP" => format!("{tag} OK\r\n"),
                "LOGIN" => {
                    let words = words(rest);
                    let words = (words.first().map_or("", String::as_str), words.get(1).map_or("", String::as_str));
                    self.sign_in(tag, words.0, words.1)
                }
                "AUTHENTICATE" => {
                    self.say("+ \r\n").await?;
                    let message = line(&mut self.stream, &mut self.heard).await?.unwrap_or_default();
                    let message = BASE64_STANDARD.decode(message).unwrap_or_default();
                    let message = String::from_utf8_lossy(&message).into_owned();
                    let mut parts = message.split('\0').skip(1);
                    self.sign_in(tag, parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
                }
                _ => match self.customer {
                    None => format!("{tag} NO please sign in\r\n"),
                    Some(customer) if verb == "IDLE" => self.idle(tag, customer).await?,
                    Some(customer) => {
                        let bytes = self.serve(tag, &verb, rest, customer);
                        self.stream.write_all(&bytes).await?;
                        String::new()
                    }
                },
            };
            self.say(&answer).await?;
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.flush().await
    }

    fn sign_in(&mut self, tag: &str, user: &str, password: &str) -> String {
        self.customer = self.business.books.customer(user, password);
        match self.customer {
            Some(_) => format!("{tag} OK [{CAPABILITIES}] welcome\r\n"),
            None => format!("{tag} NO [AUTHENTICATIONFAILED] e-mail address and password do not fit\r\n"),
        }
    }

    /// What needs a mailbox. There is one: the inbox.
    fn serve(&self, tag: &str, verb: &str, rest: &str, customer: &Customer) -> Vec<u8> {
        let mails = || self.business.mailboxes.mails(customer.email);
        match verb {
            "SELECT" | "EXAMINE" if !rest.trim_matches('"').eq_ignore_ascii_case("INBOX") => {
                format!("{tag} NO there is an INBOX only\r\n").into_bytes()
            }
            "SELECT" | "EXAMINE" => {
                let (count, next) = (mails().len(), mails().last().map_or(1, |mail| mail.uid + 1));
                format!(
                    "* FLAGS (\\Deleted)\r\n* {count} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1]\r\n\
                     * OK [UIDNEXT {next}]\r\n{tag} OK\r\n"
                )
                .into_bytes()
            }
            "EXPUNGE" => {
                self.business.mailboxes.expunge(customer.email, None);
                format!("{tag} OK\r\n").into_bytes()
            }
            "UID" => {
                let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                self.by_uid(tag, &verb.to_ascii_uppercase(), rest, customer, &mails())
            }
            _ => format!("{tag} BAD what?\r\n").into_bytes(),
        }
    }

    fn by_uid(&self, tag: &str, verb: &str, rest: &str, customer: &Customer, mails: &[Mail]) -> Vec<u8> {
        let (set, items) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut out = Vec::new();
        match verb {
            "SEARCH" => {
                let found = mails.iter().filter(|mail| fits(mail, rest)).map(|mail| format!(" {}", mail.uid));
                out.extend(format!("* SEARCH{}\r\n", found.collect::<String>()).bytes());
            }
            "FETCH" => {
                let chosen = mails.iter().enumerate().filter(|(_, mail)| holds(set, mail.uid));
                chosen.for_each(|(at, mail)| show(at + 1, mail, items, &mut out));
            }
            "STORE" if items.to_ascii_uppercase().contains("\\DELETED") => {
                self.business.mailboxes.mark_deleted(customer.email, &chosen(mails, set));
            }
            "EXPUNGE" => self.business.mailboxes.expunge(customer.email, Some(&chosen(mails, set))),
            _ => return format!("{tag} BAD what?\r\n").into_bytes(),
        }
        out.extend(format!("{tag} OK\r\n").bytes());
        out
    }

    /// Tells of each mail that comes (RFC 2177), until the client has enough.
    async fn idle(&mut self, tag: &str, customer: &Customer) -> io::Result<String> {
        self.say("+ idling\r\n").await?;
        loop {
            tokio::select! {
                // What was heard of a line stays in `heard` when the other comes first.
                said = line(&mut self.stream, &mut self.heard) => {
                    return Ok(if said?.is_some() { format!("{tag} OK\r\n") } else { String::new() });
                }
                Ok(()) = self.arrived.changed() => {}
            }
            let count = self.business.mailboxes.mails(customer.email).len();
            self.say(&format!("* {count} EXISTS\r\n")).await?;
        }
    }
}

fn chosen(mails: &[Mail], set: &str) -> Vec<u32> {
    mails.iter().map(|mail| mail.uid).filter(|uid| holds(set, *uid)).collect()
}

/// Whether a set such as `1,4:7,9:*` holds this number.
fn holds(set: &str, uid: u32) -> bool {
    set.split(',').any(|part| match part.split_once(':') {
        None => part.parse() == Ok(uid),
        Some((from, to)) => {
            from.parse().is_ok_and(|from: u32| from <= uid) && (to == "*" || to.parse().is_ok_and(|to: u32| uid <= to))
        }
    })
}

/// `ALL`, `UNDELETED`, `SINCE 1-Nov-2026`; other criteria are not known here and leave mails out.
fn fits(mail: &Mail, criteria: &str) -> bool {
    let mut words = criteria.split_whitespace();
    while let Some(word) = words.next() {
        let fits = match word.to_ascii_uppercase().as_str() {
            "ALL" => true,
            "UNDELETED" => !mail.deleted,
            "SINCE" => {
                let day = words.next().and_then(|day| Date::strptime("%d-%b-%Y", format!("{day:0>11}")).ok());
                day.is_some_and(|day| mail.received.to_zoned(TimeZone::UTC).date() >= day)
            }
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    true
}

/// A mail as it was asked for: its head or all of it, the first so many bytes.
fn show(number: usize, mail: &Mail, items: &str, out: &mut Vec<u8>) {
    let items = items.to_ascii_uppercase();
    let date = mail.received.strftime("%d-%b-%Y %H:%M:%S +0000");
    out.extend(format!("* {number} FETCH (UID {} INTERNALDATE \"{date}\"", mail.uid).bytes());
    let head = mail.bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(mail.bytes.len(), |at| at + 4);
    let part = match items.as_str() {
        items if items.contains("[HEADER]") => Some(("HEADER", &mail.bytes[..head])),
        items if items.contains("[]") => Some(("", &mail.bytes[..])),
        _ => None,
    };
    if let Some((name, bytes)) = part {
        let most = items.split_once("<0.").and_then(|(_, rest)| rest.split_once('>')?.0.parse().ok());
        let bytes = &bytes[..most.unwrap_or(bytes.len()).min(bytes.len())];
        let origin = if most.is_some() { "<0>" } else { "" };
        out.extend(format!(" BODY[{name}]{origin} {{{}}}\r\n", bytes.len()).bytes());
        out.extend(bytes);
    }
    out.extend(b")\r\n");
}

/// Words, plain or quoted.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        let mut word = String::new();
        match c {
            ' ' => {
                chars.next();
                continue;
            }
            '"' => {
                chars.next();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    word.extend(if c == '\\' { chars.next() } else { Some(c) });
                }
            }
            _ => {
                while let Some(c) = chars.next_if(|c| *c != ' ') {
                    word.push(c);
                }
            }
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_words_and_days_are_read() {
        assert!(holds("1,4:7,9:*", 5) && holds("9:*", 12) && !holds("1,4:7", 3));
        assert_eq!(words("\"a@b.example\" \"p\\\"w d\" x"), ["a@b.example", "p\"w d", "x"]);
        let received = "2026-11-22T01:00:00Z".parse().expect("a moment");
        let mail = Mail { uid: 1, received, bytes: b"a: b\r\n\r\nc".as_slice().into(), deleted: false };
        assert!(fits(&mail, "UNDELETED SINCE 22-Nov-2026") && !fits(&mail, "SINCE 23-Nov-2026"));
        assert!(fits(&mail, "SINCE 1-Nov-2026") && !fits(&mail, "FROM x"));
        let mut out = Vec::new();
        show(3, &mail, "(UID BODY.PEEK[HEADER]<0.4>)", &mut out);
        let date = "INTERNALDATE \"22-Nov-2026 01:00:00 +0000\"";
        assert_eq!(
            String::from_utf8_lossy(&out),
            format!("* 3 FETCH (UID 1 {date} BODY[HEADER]<0> {{4}}\r\na: b)\r\n")
        );
    }
}
