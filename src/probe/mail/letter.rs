//! A mail as it arrived: what its reader sees, where it leads, and what its receiver's server says of its sender.

use std::sync::LazyLock;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use mail_parser::parsers::MessageStream;
use mail_parser::{Address, MessageParser, PartType};
use regex::Regex;
use serde_json::Value;

use crate::model::{Fault, FaultCode};
use crate::probe::{Body, Field, Reply};

/// A reader's mail is far below these; what is above costs more memory to read than a run may use.
const HEADER_LINES_MAX: usize = 10_000;
const PARTS_MAX: usize = 500;
const NESTED_MAX: usize = 20;
const HEADERS_KEPT_MAX: usize = 500;
const METHODS: [&str; 3] = ["spf", "dkim", "dmarc"];
const LINKS_MAX: usize = 200;
const LINK_CHARS_MAX: usize = 4096;

/// A mail that was read.
#[derive(Debug, Default)]
pub(in crate::probe) struct Letter {
    /// The address alone.
    pub(in crate::probe) from: String,
    pub(in crate::probe) to: Vec<String>,
    pub(in crate::probe) subject: String,
    pub(in crate::probe) text: String,
    pub(in crate::probe) html: Option<String>,
    pub(in crate::probe) links: Vec<String>,
    /// Decoded; `spf`, `dkim` and `dmarc` beside those of the mail.
    pub(in crate::probe) headers: HeaderMap,
}

impl Letter {
    /// Reads a whole mail, or its head alone. `authserv`: whose word on the sender counts, see [`verdicts`].
    pub(in crate::probe) fn read(raw: &[u8], authserv: Option<&str>) -> Result<Self, Fault> {
        if let Some(what) = excess(raw) {
            return Err(Fault::new(FaultCode::MailProtocol, format!("a mail of {what} is not read")));
        }
        let Some(mail) = MessageParser::default().parse(raw) else { return Ok(Self::default()) };
        let text = mail.body_text(0).unwrap_or_default().into_owned();
        let html = mail.html_bodies().find_map(|part| match &part.body {
            PartType::Html(html) => Some(html.to_string()),
            _ => None,
        });
        let mut headers = HeaderMap::new();
        for (name, raw) in mail.headers_raw().take(HEADERS_KEPT_MAX) {
            add(&mut headers, name, &decoded(raw));
        }
        let said: Vec<String> = mail
            .headers_raw()
            .filter(|(name, _)| name.eq_ignore_ascii_case("authentication-results"))
            .map(|(_, value)| unfolded(value))
            .collect();
        // A mail's own header of such a name proves nothing.
        for method in METHODS {
            headers.remove(method);
        }
        for (method, result) in verdicts(&said, authserv) {
            add(&mut headers, method, &result);
        }
        Ok(Self {
            from: addresses(mail.from()).into_iter().next().unwrap_or_default(),
            to: addresses(mail.to()),
            subject: mail.subject().unwrap_or_default().to_owned(),
            links: links(html.as_deref().unwrap_or_default(), &text),
            text,
            html,
            headers,
        })
    }

    /// What is expected of it and captured from it.
    pub(in crate::probe) fn into_reply(self, arrived: Option<Timestamp>) -> Reply {
        let mut reply = Reply::new()
            .with(Field::From, self.from)
            .with(Field::To, Value::from(self.to))
            .with(Field::Subject, self.subject)
            .with(Field::Text, self.text)
            .with(Field::Links, Value::from(self.links));
        if let Some(arrived) = arrived {
            reply.set(Field::Arrival, arrived.to_string());
        }
        reply.headers = Some(self.headers);
        reply.body = self.html.map(|html| Body { bytes: html.into(), charset: None });
        reply
    }
}

/// What of a mail is too much to be read within a run's memory; its parser keeps a record of each.
fn excess(raw: &[u8]) -> Option<String> {
    let (mut headers, mut parts, mut nested) = (0, 0, 0);
    // Within a header that says what a part is, and what its further lines hold.
    let mut kind = false;
    for line in raw.split(|byte| *byte == b'\n') {
        let colon = line.iter().take(80).position(|byte| *byte == b':');
        let named = |end: usize| !line[..end].is_empty() && line[..end].iter().all(u8::is_ascii_graphic);
        headers += usize::from(colon.is_some_and(named));
        parts += usize::from(line.starts_with(b"--"));
        kind = says_kind(line) || (kind && matches!(line.first(), Some(b' ' | b'\t')));
        if kind {
            nested += line.windows(8).filter(|window| window.eq_ignore_ascii_case(b"message/")).count();
        }
    }
    [(headers, HEADER_LINES_MAX, "headers"), (parts, PARTS_MAX, "parts"), (nested, NESTED_MAX, "mails in mails")]
        .into_iter()
        .find(|(count, most, _)| count > most)
        .map(|(count, most, what)| format!("{count} {what} (at most {most})"))
}

/// Whether a line says what a part is. Blanks around the name are passed over, as the parser does.
fn says_kind(line: &[u8]) -> bool {
    const NAME: &[u8] = b"content-type";
    let line = line.trim_ascii_start();
    let named = line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
    named && line[NAME.len()..].trim_ascii_start().starts_with(b":")
}

/// One line, as its reader sees it (RFC 2047).
fn decoded(raw: &str) -> String {
    if !raw.contains("=?") {
        return unfolded(raw);
    }
    let line = format!("{}\r\n", unfolded(raw));
    let read = MessageStream::new(line.as_bytes()).parse_unstructured();
    read.as_text().map_or_else(|| unfolded(raw), unfolded)
}

fn unfolded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn add(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes());
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
        // Bounded above; a map that is full all the same keeps what it has.
        let _full = headers.try_append(name, value);
    }
}

fn addresses(address: Option<&Address<'_>>) -> Vec<String> {
    let all = address.into_iter().flat_map(Address::iter);
    all.filter_map(|one| one.address.as_deref()).map(str::to_owned).collect()
}

/// What the receiving server says of the sender (RFC 8601): method and result.
///
/// Anybody can write such a header into a mail. The receiving server puts its own on top, so the word of whoever wrote
/// the topmost counts, or of `authserv` alone if it is given.
fn verdicts(said: &[String], authserv: Option<&str>) -> Vec<(&'static str, String)> {
    let parsed = said.iter().filter_map(|line| {
        let line = without_comments(line);
        let (server, results) = line.split_once(';')?;
        let server = server.split_whitespace().next()?.to_ascii_lowercase();
        Some((server, results.to_ascii_lowercase()))
    });
    let mut results: Vec<String> = Vec::new();
    let mut trusted = authserv.map(str::to_ascii_lowercase);
    for (server, line) in parsed {
        if *trusted.get_or_insert_with(|| server.clone()) == server {
            results.push(line);
        }
    }
    let of = |method: &str| {
        let all = results.iter().flat_map(|line| line.split(';')).filter_map(|clause| {
            let (name, rest) = clause.trim().split_once('=')?;
            let name = name.split('/').next()?.trim();
            (name == method).then(|| rest.split_whitespace().next().unwrap_or_default().to_owned())
        });
        let all: Vec<String> = all.collect();
        // Of several signatures one that holds is enough.
        all.iter().find(|result| *result == "pass").or(all.first()).cloned()
    };
    METHODS.into_iter().filter_map(|method| Some((method, of(method)?))).collect()
}

fn without_comments(line: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

static HREF: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?is)<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))"#).ok());
static BARE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?i)https?://[^\s<>"'\])}]+"#).ok());

/// Where a mail leads, each place once: the links of its page, then those in its text.
fn links(html: &str, text: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    let hrefs = HREF.iter().flat_map(|href| href.captures_iter(html));
    let hrefs =
        hrefs.filter_map(|found| (1..=3).find_map(|group| found.get(group))).map(|link| entities(link.as_str()));
    let bare = BARE.iter().flat_map(|bare| bare.find_iter(text));
    let bare = bare.map(|link| link.as_str().trim_end_matches(['.', ',', ';', ':', '!', '?']).to_owned());
    for link in hrefs.chain(bare) {
        let leads = ["http://", "https://"]
            .iter()
            .any(|scheme| link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
        if leads && link.len() <= LINK_CHARS_MAX && links.len() < LINKS_MAX && !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

fn entities(link: &str) -> String {
    link.trim().replace("&amp;", "&").replace("&#38;", "&").replace("&#x26;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "Authentication-Results: mx.halcyon.example (trust me);\r\n spf=pass smtp.mailfrom=halcyon.example;\r\n \
        dkim=fail (bad \"pass\" (nested)) header.d=a; dkim=pass header.d=halcyon.example; dmarc=pass\r\n\
        Authentication-Results: evil.example; spf=fail; dkim=fail\r\n\
        From: =?utf-8?b?5p2O5Lyf?= <Orders@Halcyon.example>\r\nTo: Anna <anna@probe.example>, li@probe.example\r\n\
        Subject: =?utf-8?q?Your_order_=E2=9C=93?=\r\nX-Order: H-000001\r\nMessage-ID: <1.2@halcyon.example>\r\nDKIM: forged\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nDear 李伟=2C see https://halcyon.example/o/1.\r\n--b\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n<p>Dear <b>x</b> <a class=go href=\"https://halcyon.example/o?a=1&amp;b=2\">go\
        </a> <a href='mailto:x@y'>w</a> <a href=https://halcyon.example/p>p</a></p>\r\n--b--\r\n";

    #[test]
    fn a_mail_is_read_as_its_reader_sees_it() {
        let letter = Letter::read(MAIL.as_bytes(), None).expect("read");
        assert_eq!(letter.from, "Orders@Halcyon.example");
        assert_eq!(letter.to, ["anna@probe.example", "li@probe.example"]);
        assert_eq!(letter.subject, "Your order ✓");
        assert_eq!(letter.text.trim(), "Dear 李伟, see https://halcyon.example/o/1.");
        assert!(letter.html.expect("read").contains("<b>x</b>"));
        assert_eq!(
            letter.links,
            ["https://halcyon.example/o?a=1&b=2", "https://halcyon.example/p", "https://halcyon.example/o/1"]
        );
        assert_eq!(letter.headers["x-order"], "H-000001");
        assert_eq!(letter.headers["subject"].as_bytes(), "Your order ✓".as_bytes());
        assert_eq!(letter.headers["message-id"], "<1.2@halcyon.example>");
    }

    #[test]
    fn the_receivers_own_word_counts_and_no_forged_one() {
        let of = |authserv| {
            let letter = Letter::read(MAIL.as_bytes(), authserv).expect("read");
            ["spf", "dkim", "dmarc"].map(|method| {
                letter.headers.get(method).map(|value| value.to_str().expect("read").to_owned()).unwrap_or_default()
            })
        };
        assert_eq!(of(None), ["pass", "pass", "pass"]);
        assert_eq!(of(Some("Evil.example")), ["fail", "fail", ""]);
        // Nobody of that name has said anything; the mail's own `DKIM: forged` is no verdict either.
        assert_eq!(of(Some("other.example")), ["", "", ""]);
    }

    #[test]
    fn what_costs_too_much_is_not_read() {
        let nested = "Content-Type: message/rfc822\n\n".repeat(20_000);
        let parts = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n".repeat(600));
        let headers = "a:\n".repeat(100_000);
        let folded = "CONTENT-TYPE:\r\n\tmessage/rfc822\r\n\r\n".repeat(200);
        let spaced = " Content-Type : message/rfc822\n\n".repeat(200);
        for hostile in [nested, folded, spaced, parts, headers] {
            let refused = Letter::read(hostile.as_bytes(), None).expect_err("too much");
            assert_eq!(refused.code, FaultCode::MailProtocol);
        }
    }

    #[test]
    fn a_mail_may_speak_of_messages() {
        let html = "<a href=https://shop.example/message/1>Your message/s</a>\r\n".repeat(100);
        let mail = format!("Subject: message/s\r\nContent-Type: text/html\r\n\r\n{html}");
        assert_eq!(Letter::read(mail.as_bytes(), None).expect("read").links, ["https://shop.example/message/1"]);
    }

    #[test]
    fn what_is_no_mail_is_an_empty_one() {
        for garbage in ["", "\r\n\r\n", "\0\u{1}", "no colon at all", "(((((((", "Subject:"] {
            let letter = Letter::read(garbage.as_bytes(), None).expect("read");
            assert_eq!((letter.from.as_str(), letter.links.len()), ("", 0), "{garbage}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    const CORPUS: &[&[u8]] = &[
        b"Authentication-Results: mx.a; spf=pass x=(y); dkim=fail; dmarc=pass\r\nFrom: A <a@b.c>\r\nTo: x@y, z@w\r\n\
          Subject: =?utf-8?q?Your_order_=E2=9C=93?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
          --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
          see=2C https://halcyon.example/o/1.\r\n--b\r\nContent-Type: text/html\r\n\r\n\
          <a href=\"https://halcyon.example/o?a=1&amp;b=2\">go</a>\r\n--b--\r\n",
        b"Subject: x\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?iso-8859-1?b?5OQ=?=\r\n\r\nhi\r\n",
        b"From: =?utf-8?b?5p2O5Lyf?= <li@x>\nContent-Type: text/html;\n charset=utf-16\nContent-Transfer-Encoding: base64\n\nPGEgaHJlZj0naHR0cDovL3gnPg==\n",
    ];

    #[test]
    fn letters_are_read_or_refused() {
        for input in Bent::of(1500, CORPUS) {
            let Ok(letter) = Letter::read(&input, Some("nobody.invalid")) else { continue };
            assert!(letter.links.len() <= LINKS_MAX && letter.links.iter().all(|link| link.len() <= LINK_CHARS_MAX));
            assert!(letter.links.iter().all(|link| link.to_ascii_lowercase().starts_with("http")));
            assert!(letter.headers.len() <= HEADERS_KEPT_MAX + METHODS.len());
            // No more than a few characters come of each byte.
            let texts = letter.text.len() + letter.html.as_ref().map_or(0, String::len) + letter.subject.len();
            assert!(texts <= 8 * input.len() + 64, "{texts}");
            // Only the word of the server that is asked for counts, and it has said nothing.
            let forged = METHODS.iter().any(|method| letter.headers.contains_key(*method));
            assert!(!forged || String::from_utf8_lossy(&input).to_ascii_lowercase().contains("nobody.invalid"));
            drop(Letter::read(&input, None).expect("the same mail").into_reply(None));
        }
    }
}
