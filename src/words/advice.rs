//! What the owner of a touchpoint does about a fault: one imperative sentence without a full stop.

use super::unmet::Unmet;
use crate::model::{Fault, FaultCode, Phase};

/// What to do, where the fault's own text does not say it already.
pub fn advice(fault: &Fault) -> Option<&'static str> {
    let found = fault.evidence.as_ref().map(|evidence| evidence.found.as_str());
    match fault.code {
        FaultCode::Timeout => Some(late(fault.phase)),
        FaultCode::Status => Some(status(found.and_then(|found| found.parse().ok()))),
        FaultCode::WsRefused if answered(fault) >= Some(400) => Some(status(answered(fault))),
        FaultCode::Expectation => fault.evidence.as_ref().and_then(Unmet::of).map(|unmet| unmet.advice),
        code => ADVICE.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, advice)| *advice),
    }
}

/// The status with which it is answered instead of opened.
fn answered(fault: &Fault) -> Option<u16> {
    fault.text.strip_prefix("answers ")?.split(' ').next()?.parse().ok()
}

/// What an answer with this status means to customers.
pub(super) const fn status_words(status: u16) -> &'static str {
    match status {
        300..=399 => "sends customers somewhere else",
        401 | 403 | 407 => "does not let customers in",
        404 | 410 | 604 => "has lost what customers look for",
        429 => "turns customers away because they are too many",
        480 => "has nobody who answers",
        486 | 600 => "is busy",
        502..=504 => "is out of service",
        603 => "turns customers away",
        _ => "answers with an error",
    }
}

const fn status(status: Option<u16>) -> &'static str {
    match status {
        Some(300..=399) => "see where it redirects to, and whether that is meant",
        Some(401 | 403 | 407) => "try the probe's account or key by hand: it may be locked, expired or changed",
        Some(404 | 410 | 604) => "put it back, or correct the address that leads there",
        Some(429) => "raise the limit, exempt the probe's address from it, or probe less often",
        Some(480) => "see who takes calls now, and whether their telephones are signed in",
        Some(486 | 600) => "add lines or people, or let callers wait in a queue instead of being turned away",
        Some(502..=504) => "see whether the server behind the gateway runs, and whether it is overloaded",
        Some(200..300) => "compare what it answers with what the probe expects, and correct either",
        _ => {
            "look at the server's error log at this time; where it logs `traceparent`, the trace id leads to the very request"
        }
    }
}

const fn late(phase: Option<Phase>) -> &'static str {
    match phase {
        Some(Phase::Dns) => "see whether the name servers of this domain answer",
        Some(Phase::Connect | Phase::Proxy) => "see whether the host is on, and whether a firewall drops what we send",
        Some(Phase::Tls) => "see whether this port speaks TLS at all, and whether the server is overloaded",
        Some(Phase::Greeting) => {
            "see whether the server is overloaded, or whether something else listens there: a web server and a port \
             that expects TLS greet nobody"
        }
        Some(Phase::Receive) => "it is open, and falls silent: see whether what answers behind it runs",
        Some(Phase::Run) => "see what the program waits for, or give it a longer `timeout`",
        Some(Phase::Crawl) => "give the crawl a longer `timeout`, or fewer pages",
        _ => "the server takes what it is asked and does not answer: look at its load, and at what it waits for itself",
    }
}

/// What is missing here is told by the fault's own text.
const ADVICE: &[(&[FaultCode], &str)] = &[
    (
        &[FaultCode::DnsNxdomain, FaultCode::DnsEmpty, FaultCode::DnsLoop],
        "correct the name's records at its name servers; see whether the domain was paid for",
    ),
    (
        &[
            FaultCode::DnsServfail,
            FaultCode::DnsRefused,
            FaultCode::DnsFormerr,
            FaultCode::DnsTimeout,
            FaultCode::DnsTruncated,
            FaultCode::DnsMalformed,
            FaultCode::Rcode,
        ],
        "ask who runs the name server: its own log says why",
    ),
    (&[FaultCode::DnsBogus], "sign the zone anew, and see that the DS record above it belongs to its key"),
    (
        &[FaultCode::ConnectRefused],
        "nothing listens at that address and port: start the service, or correct the address",
    ),
    (&[FaultCode::ConnectUnreachable], "see whether the host is on, and its route and firewall"),
    (
        &[FaultCode::ConnectReset, FaultCode::Reset, FaultCode::Truncated],
        "look for a crash or a limit in the server's log; a port that expects TLS breaks off like this when it is \
         addressed without, and so does one that speaks another protocol",
    ),
    (
        &[FaultCode::H2Goaway],
        "see who restarts, or deploys, just then, and have it finish what it has begun before it goes (draining); its \
         log says why it left",
    ),
    (
        &[FaultCode::ProxyRefused, FaultCode::ProxyAuth, FaultCode::ProxyGateway, FaultCode::ProxyTimeout],
        "ask who runs the proxy; customers without it may see nothing of this",
    ),
    (&[FaultCode::CertExpired], "renew the certificate and reload the server; see why it was not renewed by itself"),
    (
        &[FaultCode::CertNotYetValid],
        "compare the certificate's dates with the clocks of the server and of this machine",
    ),
    (
        &[FaultCode::CertSelfSigned, FaultCode::CertUntrusted],
        "install a certificate that browsers trust; an authority of your own is named in `tls: { ca: … }`",
    ),
    (&[FaultCode::CertWrongHost], "have the name that customers use put into the certificate, or correct the address"),
    (
        &[FaultCode::CertRevoked, FaultCode::CertInvalid],
        "have a new certificate issued today: browsers refuse this one",
    ),
    (&[FaultCode::ChainIncomplete], "let the server send its intermediate certificates too (the full chain)"),
    (&[FaultCode::TlsVersion], "switch TLS 1.2 or 1.3 on"),
    (
        &[FaultCode::TlsAlert],
        "look at the server's log: it ended the handshake itself; it may not know the name it was asked for",
    ),
    (&[FaultCode::TlsProtocol], "see which port speaks TLS; if this one is not meant to, ask it without"),
    (&[FaultCode::TlsClientCertificate], "give the probe a client certificate: `tls: { cert: …, key: … }`"),
    (
        &[FaultCode::Protocol, FaultCode::AlpnMismatch, FaultCode::GrpcMalformed, FaultCode::SipMalformed],
        "see what listens at that address and port, and what stands in between",
    ),
    (
        &[FaultCode::HeadTooLarge, FaultCode::Decode, FaultCode::GrpcTooLarge],
        "look at the answer by hand: a server or a cache in front of it is out of order",
    ),
    (
        &[FaultCode::TooManyRedirects, FaultCode::RedirectRefused],
        "follow the redirects by hand: two rules may send customers to each other",
    ),
    (&[FaultCode::TokenRefused], "try the client's id and secret by hand: they may be locked or changed"),
    (
        &[FaultCode::GraphqlErrors],
        "look at the errors in the answer, and at what the last release changed in the schema",
    ),
    (&[FaultCode::Latency], "see in the phases where the time goes: name, connection, encryption or server"),
    (&[FaultCode::LinkBroken], "mend or remove the links that are named, on the pages that are named"),
    (
        &[FaultCode::WsRefused],
        "see that the address is the conversation's own, and that every proxy in front of it passes `Upgrade` on",
    ),
    (&[FaultCode::WsProtocol], "look at the server's log: what it sends is no proper WebSocket"),
    (
        &[FaultCode::Undelivered],
        "see whether what publishes on that topic runs, and whether the broker lets this user publish and subscribe there",
    ),
    (&[FaultCode::MqttRefused], "look at the broker's log, and at what this user may do there"),
    (
        &[FaultCode::SipTimeout],
        "see whether the telephone server runs, and whether a firewall lets this transport through",
    ),
    (&[FaultCode::SipUnanswered], "see who takes calls now, and where the line is forwarded to"),
    (&[FaultCode::SipBusy], "add lines or people, or let callers wait in a queue"),
    (&[FaultCode::SipRefused], "see what the registrar knows of this account, and whether it is locked"),
    (&[FaultCode::SipAnnouncement], "listen to the announcement, and record it anew"),
    (
        &[FaultCode::GrpcUnimplemented, FaultCode::GrpcServiceUnknown],
        "let the server offer the health service, and this service's name in it",
    ),
    (&[FaultCode::GrpcNotServing], "look at the server's log: it says of itself that it is not ready"),
    (
        &[FaultCode::GrpcStatus, FaultCode::GrpcNoStatus],
        "look at the server's log at this time; the trace id leads to the very request",
    ),
    (&[FaultCode::Silence], "see whether the job that posts it still runs, and with the right token"),
    (&[FaultCode::Reported], "look at what reported it, and at its own log"),
    (&[FaultCode::Exit], "run the program by hand as this user does"),
    (&[FaultCode::Inconsistent], "agree on one value, and correct the other places"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Evidence;

    #[test]
    fn every_fault_says_what_to_do() {
        // Their texts name what to look at.
        let told = |code: &FaultCode| {
            let code = code.code();
            code.starts_with("mail_") || code.starts_with("smtp_") || code.starts_with("starttls_")
        };
        for code in FaultCode::ALL.iter().filter(|code| !told(code)) {
            let of = "json $.total".to_owned();
            let evidence = Some(Evidence { of, expected: "29.99".into(), found: "34.99".into() });
            let said = advice(&Fault { evidence, ..Fault::new(*code, "") });
            let said = said.unwrap_or_else(|| panic!("nobody knows what to do about {code}"));
            assert!(!said.ends_with('.') && said.len() < 220, "{said}");
        }
    }

    #[test]
    fn a_conversation_that_does_not_open_is_told_by_its_status() {
        let said = |text: &str| advice(&Fault::new(FaultCode::WsRefused, text)).expect("known");
        assert!(said("answers 200 instead of opening: a web page").contains("Upgrade"));
        assert!(said("opens wrongly").contains("Upgrade"));
        assert!(said("answers 503 instead of opening").contains("overloaded"));
    }

    #[test]
    fn lost_letters_are_told_from_another_ones_name() {
        let said = |expected: &str, found: &str| {
            let (of, expected, found) = ("addressee".to_owned(), expected.to_owned(), found.to_owned());
            let evidence = Some(Evidence { of, expected, found });
            advice(&Fault { evidence, ..Fault::new(FaultCode::Expectation, "") }).expect("known")
        };
        for (expected, found) in [("李伟", "??"), ("Jürgen", "J\u{fffd}rgen"), ("Jürgen", "JÃ¼rgen")] {
            assert!(said(expected, found).contains("UTF-8"), "{found}");
        }
        for (expected, found) in [("李伟", "John"), ("Anna", "??"), ("Why?é", "Why?e")] {
            assert!(said(expected, found).contains("whose data"), "{found}");
        }
    }

    #[test]
    fn a_timeout_is_told_by_where_it_happened() {
        let at = |phase| advice(&Fault::new(FaultCode::Timeout, "").during(phase)).expect("known");
        assert!(at(Phase::Greeting).contains("web server"));
        assert!(at(Phase::Connect).contains("firewall"));
    }
}
