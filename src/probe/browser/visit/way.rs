//! How the way to a page and to its parts was: our gate knows what the browser cannot.

use url::Url;

use crate::model::{Fault, FaultCode, SelfFault};
use crate::probe::Stop;
use crate::probe::browser::gate::{Passage, Troubles};
use crate::probe::browser::seen::{End, Party, Request, Resource, Seen};
use crate::probe::browser::tab::Tab;

/// What Chromium calls a navigation that leads to no page.
pub(super) const ABORTED: &str = "net::ERR_ABORTED";

/// What it calls a connection that our gate did not make.
const NO_WAY: &str = "(SOCKS_";

/// What it calls one that it gave up because an address of our own machine came or went.
const CHANGED: &str = "NETWORK_CHANGED";

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
    if name.starts_with("SOCKS_") {
        // Nobody else speaks it: the browser did not get to ask our gate in time.
        let ours = || Stop::Own(SelfFault::Browser, format!("our browser did not find its way out: {error}"));
        return elsewhere().unwrap_or_else(ours);
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
    if name == CHANGED {
        let (why, text) = changed();
        return Stop::Own(why, text);
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

/// What of ours kept a part of the page's own away, if any did, that did not come later: what the page would have been
/// with it, nobody knows. A picture more or less changes nothing that people do, and what nobody waits for does not.
pub(super) fn short_of(tab: &Tab, seen: &Seen) -> Option<Stop> {
    let ours = tab.ours();
    seen.requests.iter().filter(|request| decides(request)).find_map(|request| {
        let (why, text) = kept_away(request, &ours)?;
        let is_same = |it: &Request| (&it.url, &it.method) == (&request.url, &request.method);
        let came = seen.requests.iter().any(|it| it.begun > request.begun && it.answer.is_some() && is_same(it));
        let told = || Stop::Own(why, format!("{request} did not come, for a reason of our own: {text}"));
        (!came).then(told)
    })
}

/// Whether what people do on a page may hang on it.
fn decides(request: &Request) -> bool {
    let adorns = matches!(request.resource, Resource::Picture | Resource::Font | Resource::Media | Resource::Aside);
    request.party == Party::First && !adorns
}

/// What we kept away is no failure of the page's.
pub(super) fn excuse(tab: &Tab, seen: &mut Seen) {
    let ours = tab.ours();
    for request in &mut seen.requests {
        if kept_away(request, &ours).is_some()
            && let Some(end) = &mut request.end
        {
            *end = End::Withheld(end.at());
        }
    }
}

/// Why, if it was us. Another connection to the same host may have come about.
fn kept_away(request: &Request, ours: &Troubles) -> Option<(SelfFault, String)> {
    let Some(End::Failed(_, how)) = &request.end else { return None };
    if how.contains(CHANGED) {
        return Some(changed());
    }
    let has_no_way = request.answer.is_none() && how.contains(NO_WAY);
    ours.get(&place(&Url::parse(&request.url).ok().filter(|_| has_no_way)?)?).cloned()
}

fn changed() -> (SelfFault, String) {
    (SelfFault::NetworkUnreachable, "our own network changed meanwhile".to_owned())
}

/// The gate's word for a host.
fn place(url: &Url) -> Option<(String, u16)> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}
