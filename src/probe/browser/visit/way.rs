//! How the way to a page and to its parts was: our gate knows what the browser cannot.

use url::Url;

use crate::model::{Fault, FaultCode};
use crate::probe::Stop;
use crate::probe::browser::gate::Passage;
use crate::probe::browser::seen::{Party, Seen};
use crate::probe::browser::tab::Tab;

/// What Chromium calls a navigation that leads to no page.
pub(super) const ABORTED: &str = "net::ERR_ABORTED";

/// How the way to the page's host was.
pub(super) fn passage(tab: &Tab, url: &Url) -> Option<Passage> {
    tab.passages().remove(&place(url)?)
}

/// Why the page did not come: our gate knows better than the browser how far it got.
pub(in crate::probe::browser) fn unreachable(error: &str, url: &Url, tab: &Tab) -> Stop {
    if let Some(Passage { ended: Err(stop), .. }) = passage(tab, url) {
        return stop;
    }
    let name = error.strip_prefix("net::ERR_").unwrap_or(error);
    // The page's own host was reached: it is one that it was sent on to.
    let elsewhere = || tab.passages().into_values().find_map(|it| it.ended.err());
    if let Some(stop) = name.starts_with("SOCKS_").then(elsewhere).flatten() {
        return stop;
    }
    if error == ABORTED
        && let Some(file) = tab.downloads().pop().map(|file| file.name)
    {
        let text = format!(
            "{url} is a file that is downloaded (`{file}`), not a page: open the page that links to it, and promise \
             `then: {{ download: {file} }}`"
        );
        return Fault::new(FaultCode::Expectation, text).into();
    }
    let code = match name {
        "CERT_DATE_INVALID" => FaultCode::CertExpired,
        "CERT_AUTHORITY_INVALID" => FaultCode::CertUntrusted,
        "CERT_COMMON_NAME_INVALID" => FaultCode::CertWrongHost,
        "CERT_REVOKED" => FaultCode::CertRevoked,
        name if name.starts_with("CERT_") => FaultCode::CertInvalid,
        "SSL_VERSION_OR_CIPHER_MISMATCH" => FaultCode::TlsVersion,
        name if name.starts_with("SSL_") => FaultCode::TlsProtocol,
        "TOO_MANY_REDIRECTS" => FaultCode::TooManyRedirects,
        "UNSAFE_REDIRECT" | "UNSAFE_PORT" | "DISALLOWED_URL_SCHEME" | "UNKNOWN_URL_SCHEME" => {
            FaultCode::RedirectRefused
        }
        "CONNECTION_RESET" | "CONNECTION_CLOSED" | "EMPTY_RESPONSE" => FaultCode::Reset,
        "CONTENT_LENGTH_MISMATCH" | "INCOMPLETE_CHUNKED_ENCODING" => FaultCode::Truncated,
        "TIMED_OUT" => FaultCode::Timeout,
        _ => FaultCode::Protocol,
    };
    Fault::new(code, format!("the page does not come: {error}")).into()
}

/// What of ours kept a part of the page's own away, if any did: what the page would have been with it, nobody knows.
pub(super) fn short_of(tab: &Tab, seen: impl Fn() -> Seen) -> Option<Stop> {
    let passages = tab.passages();
    let ours = |url: &Url| match &passages.get(&place(url)?)?.ended {
        Err(Stop::Own(why, text)) => Some((*why, text.clone())),
        _ => None,
    };
    // What was seen is much to copy, and this is rare.
    passages.values().any(|it| matches!(it.ended, Err(Stop::Own(..)))).then(seen)?.failed().find_map(|(request, _)| {
        let (why, text) = ours(&Url::parse(&request.url).ok()?).filter(|_| request.party == Party::First)?;
        Some(Stop::Own(why, format!("{request} did not come, for a reason of our own: {text}")))
    })
}

/// The gate's word for a host.
fn place(url: &Url) -> Option<(String, u16)> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}
