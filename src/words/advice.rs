//! What the owner of a touchpoint does about a fault: one imperative sentence without a full stop.

use std::borrow::Cow;

use super::Words;
use super::unmet::Unmet;
use crate::model::{Fault, FaultCode, Phase};

impl Words {
    /// What to do, where the fault's own text does not say it already.
    pub fn advice(&self, fault: &Fault) -> Option<Cow<'_, str>> {
        advice(fault).map(|key| self.text(key))
    }
}

/// The message that says what to do.
fn advice(fault: &Fault) -> Option<&'static str> {
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

/// The message that says what an answer with this status means to customers.
pub(super) const fn status_meaning(status: u16) -> &'static str {
    match status {
        300..=399 => "status-elsewhere",
        401 | 403 | 407 => "status-barred",
        404 | 410 | 604 => "status-lost",
        429 => "status-too-many",
        480 => "status-nobody",
        486 | 600 => "status-busy",
        502..=504 => "status-out",
        603 => "status-away",
        _ => "status-error",
    }
}

const fn status(status: Option<u16>) -> &'static str {
    match status {
        Some(300..=399) => "advice-redirects",
        Some(401 | 403 | 407) => "advice-account",
        Some(404 | 410 | 604) => "advice-put-back",
        Some(429) => "advice-limit",
        Some(480) => "advice-telephones",
        Some(486 | 600) => "advice-lines-status",
        Some(502..=504) => "advice-gateway",
        Some(200..300) => "advice-compare-status",
        _ => "advice-error-log",
    }
}

const fn late(phase: Option<Phase>) -> &'static str {
    match phase {
        Some(Phase::Dns) => "advice-late-names",
        Some(Phase::Connect | Phase::Proxy) => "advice-late-connect",
        Some(Phase::Tls) => "advice-late-tls",
        Some(Phase::Greeting) => "advice-late-greeting",
        Some(Phase::Receive) => "advice-late-silent",
        Some(Phase::Run) => "advice-late-program",
        Some(Phase::Crawl) => "advice-late-crawl",
        _ => "advice-late-server",
    }
}

/// What is missing here is told by the fault's own text.
const ADVICE: &[(&[FaultCode], &str)] = &[
    (&[FaultCode::DnsNxdomain, FaultCode::DnsEmpty, FaultCode::DnsLoop], "advice-name"),
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
        "advice-name-server",
    ),
    (&[FaultCode::DnsBogus], "advice-zone"),
    (&[FaultCode::ConnectRefused], "advice-refused"),
    (&[FaultCode::ConnectUnreachable], "advice-unreachable"),
    (&[FaultCode::ConnectReset, FaultCode::Reset, FaultCode::Truncated], "advice-reset"),
    (&[FaultCode::H2Goaway], "advice-goaway"),
    (
        &[FaultCode::ProxyRefused, FaultCode::ProxyAuth, FaultCode::ProxyGateway, FaultCode::ProxyTimeout],
        "advice-proxy",
    ),
    (&[FaultCode::CertExpired], "advice-cert-renew"),
    (&[FaultCode::CertNotYetValid], "advice-cert-clock"),
    (&[FaultCode::CertSelfSigned, FaultCode::CertUntrusted], "advice-cert-trust"),
    (&[FaultCode::CertWrongHost], "advice-cert-name"),
    (&[FaultCode::CertRevoked, FaultCode::CertInvalid], "advice-cert-new"),
    (&[FaultCode::ChainIncomplete], "advice-chain"),
    (&[FaultCode::TlsVersion], "advice-tls-version"),
    (&[FaultCode::TlsAlert], "advice-tls-alert"),
    (&[FaultCode::TlsProtocol], "advice-tls-port"),
    (&[FaultCode::TlsClientCertificate], "advice-client-certificate"),
    (
        &[FaultCode::Protocol, FaultCode::AlpnMismatch, FaultCode::GrpcMalformed, FaultCode::SipMalformed],
        "advice-listens",
    ),
    (&[FaultCode::HeadTooLarge, FaultCode::Decode, FaultCode::GrpcTooLarge], "advice-by-hand"),
    (&[FaultCode::TooManyRedirects, FaultCode::RedirectRefused], "advice-circles"),
    (&[FaultCode::TokenRefused], "advice-token"),
    (&[FaultCode::GraphqlErrors], "advice-graphql"),
    (&[FaultCode::Latency], "advice-slow"),
    (&[FaultCode::LinkBroken], "advice-links"),
    (&[FaultCode::ElementMissing, FaultCode::ElementHidden, FaultCode::ElementDisabled], "advice-element"),
    (&[FaultCode::ElementCovered], "advice-covered"),
    (&[FaultCode::NoEffect], "advice-effect"),
    (&[FaultCode::ScriptError], "advice-script"),
    (&[FaultCode::RequestFailed, FaultCode::PictureBroken], "advice-parts"),
    (&[FaultCode::MixedContent], "advice-encrypt"),
    (&[FaultCode::LayoutShift, FaultCode::ElementMoving], "advice-shift"),
    (&[FaultCode::Unresponsive], "advice-responsive"),
    (&[FaultCode::WsRefused], "advice-websocket"),
    (&[FaultCode::WsProtocol], "advice-websocket-log"),
    (&[FaultCode::Undelivered], "advice-publisher"),
    (&[FaultCode::MqttRefused], "advice-broker"),
    (&[FaultCode::SipTimeout], "advice-sip-server"),
    (&[FaultCode::SipUnanswered], "advice-sip-forwarded"),
    (&[FaultCode::SipBusy], "advice-lines"),
    (&[FaultCode::SipRefused], "advice-sip-account"),
    (&[FaultCode::SipAnnouncement], "advice-announcement"),
    (&[FaultCode::GrpcUnimplemented, FaultCode::GrpcServiceUnknown], "advice-grpc-health"),
    (&[FaultCode::GrpcNotServing], "advice-grpc-not-ready"),
    (&[FaultCode::GrpcStatus, FaultCode::GrpcNoStatus], "advice-grpc-log"),
    (&[FaultCode::Silence], "advice-silence"),
    (&[FaultCode::Reported], "advice-reported"),
    (&[FaultCode::Exit], "advice-exit"),
    (&[FaultCode::BrowserOom], "advice-memory"),
    (&[FaultCode::Inconsistent], "advice-agree"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, Language};

    /// What is said in every language, in English first.
    fn advice(fault: &Fault) -> Option<String> {
        Words::new(Language::En).advice(fault).map(Cow::into_owned)
    }

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
