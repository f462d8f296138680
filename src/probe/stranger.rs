//! Who answers in the place of the server that was meant. Pure.

/// How well known protocols begin, and who speaks them.
const SPEAKERS: &[(&str, &str)] = &[
    ("HTTP/", "a web server"),
    ("<!DOCTYPE", "a web server"),
    ("<html", "a web server"),
    ("SSH-", "a server for remote logins (SSH)"),
    ("220", "a mail or file server (SMTP, FTP)"),
    ("* OK", "a mailbox server (IMAP)"),
    ("+OK", "a mailbox server (POP3)"),
    ("SIP/", "a telephone server (SIP)"),
    ("<?xml", "a chat server (XMPP)"),
    ("<stream", "a chat server (XMPP)"),
];

/// Nobody who is known.
pub(super) const STRANGER: &str = "something else";

/// Who begins to speak like this: "a web server".
pub(super) fn speaker(line: &str) -> &'static str {
    let known = SPEAKERS.iter().find(|(begin, _)| line.starts_with(begin));
    known.map_or(STRANGER, |(_, speaker)| speaker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_known_by_their_first_words() {
        assert_eq!(speaker("HTTP/1.1 400 Bad Request"), "a web server");
        assert_eq!(speaker("220 mx.example.com ESMTP"), "a mail or file server (SMTP, FTP)");
        assert_eq!(speaker("hello"), "something else");
    }
}
