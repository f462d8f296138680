//! Why a browser did not get what a page asked for, in words for the page's owner.

use chromiumoxide::cdp::browser_protocol::network::{BlockedReason, EventLoadingFailed};

use super::seen::{End, clipped};

/// How a request ended that the browser calls failed.
pub(super) fn end(event: &EventLoadingFailed, at: f64) -> End {
    if let Some(reason) = &event.blocked_reason {
        return match reason {
            BlockedReason::Inspector => End::Withheld(at),
            reason => End::Failed(at, blocked(reason).to_owned()),
        };
    }
    if event.cors_error_status.is_some() {
        return End::Failed(at, "is blocked: its server does not let this page read it (CORS)".to_owned());
    }
    match event.error_text.as_str() {
        "net::ERR_BLOCKED_BY_CLIENT" => End::Withheld(at),
        "net::ERR_ABORTED" => End::Dropped(at),
        _ if event.canceled == Some(true) => End::Dropped(at),
        text => End::Failed(at, failed(text)),
    }
}

const fn blocked(reason: &BlockedReason) -> &'static str {
    match reason {
        BlockedReason::Csp => "is blocked by the page's own rules (Content-Security-Policy)",
        BlockedReason::MixedContent => "is blocked: the page is secure, and this is not",
        BlockedReason::Integrity | BlockedReason::SriMessageSignatureMismatch => {
            "is blocked: it is not the file that the page names (integrity)"
        }
        BlockedReason::ContentType => "is blocked: it is of another type than it should be",
        BlockedReason::SubresourceFilter => "is blocked by the browser's filter",
        BlockedReason::Other => "is blocked by the browser",
        _ => "is blocked: its server does not let this page use it",
    }
}

/// The browser's own code stays in the words: engineers look for it.
pub(super) fn failed(code: &str) -> String {
    let name = code.strip_prefix("net::ERR_").unwrap_or(code);
    let words = match name {
        "NAME_NOT_RESOLVED" | "NAME_RESOLUTION_FAILED" => "has a name that cannot be looked up",
        "CONNECTION_REFUSED" => "does not come: its server refuses connections",
        "CONNECTION_RESET"
        | "CONNECTION_CLOSED"
        | "CONNECTION_ABORTED"
        | "EMPTY_RESPONSE"
        | "HTTP2_PROTOCOL_ERROR"
        | "QUIC_PROTOCOL_ERROR" => "does not come: its server breaks off",
        "INCOMPLETE_CHUNKED_ENCODING" | "CONTENT_LENGTH_MISMATCH" => "comes only in part",
        "CONNECTION_TIMED_OUT" | "TIMED_OUT" => "does not come in time",
        "TOO_MANY_REDIRECTS" => "is sent round in circles",
        "INTERNET_DISCONNECTED" => "does not come: the device is offline",
        "ADDRESS_UNREACHABLE"
        | "SOCKS_CONNECTION_FAILED"
        | "SOCKS_CONNECTION_HOST_UNREACHABLE"
        | "PROXY_CONNECTION_FAILED"
        | "TUNNEL_CONNECTION_FAILED" => "cannot be reached",
        "BLOCKED_BY_ORB" => "is blocked: it is not what the page takes it for",
        name if name.starts_with("CERT_") => "has a certificate that does not hold",
        name if name.starts_with("SSL_") => "cannot be reached securely",
        _ => "does not come",
    };
    format!("{words} ({})", clipped(name, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_words_and_stay() {
        for (code, words) in [
            ("net::ERR_NAME_NOT_RESOLVED", "has a name that cannot be looked up (NAME_NOT_RESOLVED)"),
            ("net::ERR_CERT_DATE_INVALID", "has a certificate that does not hold (CERT_DATE_INVALID)"),
            ("net::ERR_FAILED", "does not come (FAILED)"),
        ] {
            assert_eq!(failed(code), words);
        }
    }
}
