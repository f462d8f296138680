//! Why an errand failed, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $code:literal $words:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $(#[doc = $words] #[serde(rename = $code)] $variant,)*
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable machine code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The same in a customer's words, a clause that follows a name: "does not answer in time".
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}

codes! {
    /// What went wrong at the touchpoint. Codes are a contract: metrics, traces and alerts carry them.
    FaultCode {
        Timeout "timeout" "does not answer in time",
        DnsNxdomain "dns_nxdomain" "has a name that does not exist",
        DnsServfail "dns_servfail" "has a name that cannot be looked up",
        DnsRefused "dns_refused" "has a name server that refuses to answer",
        DnsFormerr "dns_formerr" "has a name server that does not understand the question",
        DnsEmpty "dns_empty" "has a name without an address",
        DnsTimeout "dns_timeout" "has a name server that does not answer",
        DnsTruncated "dns_truncated" "has a name server that answers in part only",
        DnsLoop "dns_loop" "has a name that points to itself",
        DnsMalformed "dns_malformed" "has a name server that answers garbage",
        DnsBogus "dnssec_bogus" "has a name whose signature is wrong",
        ConnectRefused "connect_refused" "refuses connections",
        ConnectUnreachable "connect_unreachable" "cannot be reached",
        ConnectReset "connect_reset" "drops connections",
        ProxyRefused "proxy_refused" "cannot be reached through the proxy",
        ProxyAuth "proxy_auth" "lies behind a proxy that does not let us through",
        ProxyGateway "proxy_bad_gateway" "cannot be reached by the proxy",
        ProxyTimeout "proxy_timeout" "lies behind a proxy that does not answer in time",
        CertExpired "cert_expired" "has an expired certificate",
        CertNotYetValid "cert_not_yet_valid" "has a certificate that is not valid yet",
        CertSelfSigned "cert_self_signed" "has a certificate that nobody vouches for",
        CertUntrusted "cert_untrusted" "has a certificate from an unknown issuer",
        CertWrongHost "cert_wrong_host" "has a certificate for another name",
        CertRevoked "cert_revoked" "has a revoked certificate",
        CertInvalid "cert_invalid" "has an invalid certificate",
        ChainIncomplete "chain_incomplete" "sends an incomplete certificate chain",
        TlsVersion "tls_version" "offers only outdated encryption",
        TlsAlert "tls_alert" "refuses to speak securely",
        TlsProtocol "tls_protocol" "does not speak securely",
        TlsClientCertificate "tls_client_certificate" "asks for a client certificate",
        AlpnMismatch "alpn_mismatch" "does not speak the protocol that was agreed on",
        H2Goaway "h2_goaway" "closes the connection in the middle",
        Reset "reset" "breaks off in the middle",
        Truncated "truncated" "sends only a part",
        HeadTooLarge "head_too_large" "sends an endless head",
        Protocol "protocol_error" "answers something unintelligible",
        Decode "decode_error" "sends what cannot be decoded",
        TooManyRedirects "too_many_redirects" "sends customers round in circles",
        RedirectRefused "redirect_refused" "sends customers somewhere unsafe",
        Status "status" "answers with an error",
        TokenRefused "token_refused" "does not let our programs sign in",
        GraphqlErrors "graphql_errors" "answers a question with errors",
        Expectation "expectation" "does not show what it should",
        Latency "latency" "is too slow",
        LinkBroken "link_broken" "has links that lead nowhere",
        ElementMissing "element_missing" "lacks what customers look for",
        ElementHidden "element_hidden" "hides what customers look for",
        ElementDisabled "element_disabled" "keeps switched off what customers need",
        ElementMoving "element_moving" "does not hold still",
        ElementCovered "element_covered" "covers what customers want to press",
        NoEffect "no_effect" "does nothing when it is used",
        ScriptError "script_error" "has a script that stops with an error",
        RequestFailed "request_failed" "does not load all its parts",
        PictureBroken "picture_broken" "has pictures that do not show",
        MixedContent "mixed_content" "loads parts without encryption",
        LayoutShift "layout_shift" "jumps about while it is used",
        Unresponsive "unresponsive" "reacts late when it is used",
        WsRefused "ws_refused" "refuses the conversation",
        WsProtocol "ws_protocol" "breaks off the conversation",
        MqttRefused "mqtt_refused" "has a broker that refuses",
        Undelivered "undelivered" "loses messages",
        StarttlsMissing "starttls_missing" "offers no encryption",
        StarttlsInjection "starttls_injection" "lets others speak into the encryption",
        SmtpGreetingTimeout "smtp_greeting_timeout" "does not say hello to mail in time",
        MailDeferred "mail_deferred" "puts mail off until later",
        MailRefused "mail_refused" "refuses mail",
        MailLogin "mail_login" "does not let mail customers sign in",
        MailProtocol "mail_protocol" "has a mail server that answers garbage",
        MailMissing "mail_missing" "does not deliver the mail",
        MailTooMany "mail_too_many" "writes too often",
        MailCareless "mail_careless" "recommends what was just bought",
        Rcode "rcode" "has a name server that answers with an error",
        SipTimeout "sip_timeout" "does not answer the phone line",
        SipMalformed "sip_malformed" "answers the phone line with garbage",
        SipBusy "sip_busy" "is busy",
        SipUnanswered "sip_unanswered" "rings, and nobody answers",
        SipRefused "sip_refused" "turns customers away",
        SipAnnouncement "sip_announcement" "announces something else",
        GrpcUnimplemented "grpc_unimplemented" "does not tell how it is",
        GrpcNotServing "grpc_not_serving" "says that it cannot serve",
        GrpcServiceUnknown "grpc_service_unknown" "does not know the service",
        GrpcStatus "grpc_status" "answers with an error",
        GrpcNoStatus "grpc_no_status" "does not say how it ended",
        GrpcTooLarge "grpc_too_large" "sends an endless message",
        GrpcMalformed "grpc_malformed" "answers something unintelligible",
        Silence "silence" "has not reported in time",
        Reported "reported" "reports a failure",
        Exit "exit" "has a check that fails",
        BrowserOom "browser_oom" "takes more memory than a customer's device has",
        Inconsistent "inconsistent" "disagrees with other places",
    }
}

codes! {
    /// What went wrong on our own side: never the touchpoint's fault, never an alert about it.
    SelfFault {
        NoDescriptors "self_no_descriptors" "we have no file descriptors left",
        NetworkUnreachable "self_network_unreachable" "our network is unreachable",
        NoRoute "self_no_route" "we have no route to anywhere",
        NoPorts "self_no_ports" "we have no local ports left",
        ResolverUnreachable "self_resolver_unreachable" "our name server cannot be reached",
        BlindVantage "self_blind" "a vantage of ours cannot see",
        StoreRefused "self_store" "our store refuses to write",
        OutboxStuck "self_outbox" "our notifications are not getting out",
        DeadLetter "self_dead_letter" "a notification could not be delivered",
        Late "self_late" "our schedule is late",
        Unobserved "self_unobserved" "we observe less than half of what we should",
        Panicked "self_panic" "a probe of ours crashed",
        Cancelled "self_cancelled" "we stopped in the middle",
        Clock "self_clock" "our clock is wrong",
        Unsupported "self_unsupported" "this machine does not allow this probe",
        Misconfigured "self_configuration" "our configuration asks for what is not there",
        Browser "self_browser" "our browser crashed",
        Unsafe "self_unsafe" "a safety rule of ours forbids the address",
    }
}

codes! {
    /// A part of a step with a true start and end of its own.
    Phase {
        Dns "dns" "looking up the name",
        Connect "connect" "connecting",
        Proxy "proxy" "asking the proxy",
        Tls "tls" "securing the connection",
        Greeting "greeting" "waiting for the greeting",
        Starttls "starttls" "asking for encryption",
        Login "auth" "signing in",
        Open "select" "opening the mailbox",
        Arrival "arrival" "waiting for the mail",
        Envelope "mail" "naming sender and recipients",
        Letter "data" "handing over the mail",
        Tidy "delete" "deleting the mail",
        Send "send" "sending the request",
        Wait "wait" "waiting for the first byte",
        Ring "ring" "ringing",
        Receive "receive" "receiving the answer",
        Run "run" "running the program",
        Assert "assert" "checking the answer",
        Crawl "crawl" "following the links",
        Load "load" "loading the page",
        Use "use" "using the page",
        Token "token" "asking for a token",
    }
}

/// Why a run failed. All text in it is redacted and bounded already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    pub code: FaultCode,
    /// Where in the step it happened.
    pub phase: Option<Phase>,
    /// The step that failed, by name.
    pub step: Option<String>,
    /// What happened, for engineers, in one line of at most 300 characters.
    pub text: String,
    pub evidence: Option<Evidence>,
    /// How the text of the answer begins that failed, at most 300 characters: the other side's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// What an expectation wanted and what it found, each at most 200 characters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was looked at: `status`, `json $.total`.
    pub of: String,
    pub expected: String,
    pub found: String,
}

impl Fault {
    pub fn new(code: FaultCode, text: impl Into<String>) -> Self {
        Self { code, phase: None, step: None, text: text.into(), evidence: None, excerpt: None }
    }

    #[must_use]
    pub fn during(mut self, phase: Phase) -> Self {
        self.phase = Some(phase);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = &self.step {
            write!(f, "{step}: ")?;
        }
        f.write_str(&self.text)
    }
}
