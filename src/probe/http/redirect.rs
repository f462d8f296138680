//! Where a reply sends us, and what may come along. Pure.

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, PROXY_AUTHORIZATION};
use http::{Method, StatusCode};
use url::Url;

use crate::model::{Fault, FaultCode};
use crate::probe::Stop;
use crate::probe::redact::{Finds, Redactor};

use super::request::Outgoing;

/// Where a reply to `asked` sends us; nowhere, if it is no redirect.
pub(super) fn next(asked: &Outgoing, status: StatusCode, headers: &HeaderMap) -> Result<Option<Outgoing>, Stop> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    // Browsers read it as UTF-8, whatever it is.
    let text = String::from_utf8_lossy(location.as_bytes());
    let mut url = asked.url.join(&text).map_err(|error| refused(&text, &error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(&text, "only http and https are followed"));
    }
    // Credentials in an address are a reply's trick, not a customer's.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.fragment().is_none() {
        url.set_fragment(asked.url.fragment());
    }
    let method = method_after(status, &asked.method);
    let mut headers = asked.headers.clone();
    let mut body = asked.body.clone();
    if method != asked.method {
        headers.remove(CONTENT_TYPE);
        body = bytes::Bytes::new();
    }
    if url.origin() != asked.url.origin() {
        leave_behind(&mut headers);
    }
    let mut next = Outgoing::to(method, url, headers, body)?;
    // What a reply wrote into a query may be a token.
    next.shown = shown(&next.url).into();
    Ok(Some(next))
}

/// RFC 9110, 15.4: what browsers do.
fn method_after(status: StatusCode, method: &Method) -> Method {
    match status.as_u16() {
        303 if method != Method::HEAD => Method::GET,
        301 | 302 if method == Method::POST => Method::GET,
        _ => method.clone(),
    }
}

/// Nothing that proves who we are goes to another origin: of the user's own headers none at all.
fn leave_behind(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    headers.remove(PROXY_AUTHORIZATION);
    headers.remove(COOKIE);
    headers.remove("x-api-key");
    let secret: Vec<_> =
        headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.clone()).collect();
    for name in secret {
        headers.remove(name);
    }
}

/// Nothing that the redactor hides goes to another origin, wherever it stands: a header is left behind, a body cannot be.
pub(super) fn withhold(asked: &Outgoing, next: &mut Outgoing, secrets: &Redactor) -> Result<(), Stop> {
    if next.url.origin() == asked.url.origin() {
        return Ok(());
    }
    let tells = |bytes: &[u8]| secrets.finds(&String::from_utf8_lossy(bytes)) == Finds::Secret;
    let telling: Vec<_> =
        next.headers.iter().filter(|(_, value)| tells(value.as_bytes())).map(|(name, _)| name.clone()).collect();
    for name in telling {
        next.headers.remove(name);
    }
    if tells(&next.body) {
        return Err(refused(&next.shown, "it would hand a secret to another origin"));
    }
    Ok(())
}

/// Whether a redirect gives up encryption: followed, as browsers do, but noted.
pub(super) fn downgrades(from: &Url, to: &Url) -> bool {
    from.scheme() == "https" && to.scheme() == "http"
}

fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_fragment(None);
    if url.query().is_some_and(|query| !query.is_empty()) {
        let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        shown.query_pairs_mut().clear().extend_pairs(names.iter().map(|name| (name, "REDACTED")));
    }
    shown.into()
}

fn refused(location: &str, why: &str) -> Stop {
    // The address comes last and whole: the runner redacts it before it cuts it.
    Fault::new(FaultCode::RedirectRefused, format!("a redirect is not followed, because {why}: `{location}`")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str) -> Outgoing {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "Bearer x".parse().expect("a header"));
        headers.insert("x-shop", "1".parse().expect("a header"));
        Outgoing::to(Method::POST, url.parse().expect(url), headers, "body".into()).expect(url)
    }

    fn sent(status: u16, location: &str) -> Result<Option<Outgoing>, Stop> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, http::HeaderValue::from_bytes(location.as_bytes()).expect(location));
        next(&asked("https://shop.example/cart#top"), StatusCode::from_u16(status).expect("a status"), &headers)
    }

    #[test]
    fn methods_change_as_in_browsers() {
        for (status, method, body) in
            [(301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "body"), (308, "POST", "body")]
        {
            let next = sent(status, "/pay").expect("followed").expect("a redirect");
            assert_eq!((next.method.as_str(), &next.body[..]), (method, body.as_bytes()), "{status}");
            assert_eq!(next.url.as_str(), "https://shop.example/pay#top");
            assert!(next.headers.contains_key(AUTHORIZATION));
        }
        assert!(sent(304, "/pay").expect("a reply").is_none());
    }

    #[test]
    fn credentials_stay_at_home() {
        for location in
            ["https://evil.example/", "http://shop.example/", "https://shop.example:444/", "//u:p@evil.example/"]
        {
            let next = sent(302, location).expect("followed").expect("a redirect");
            assert!(!next.headers.contains_key(AUTHORIZATION), "{location}");
            assert!(next.headers.contains_key("x-shop"));
            assert_eq!((next.url.username(), next.url.password()), ("", None));
        }
    }

    #[test]
    fn only_the_web_is_followed() {
        for location in ["file:///etc/passwd", "gopher://x/1", "javascript:alert(1)", "http://", "http://[::1"] {
            let Err(Stop::Fault(fault)) = sent(302, location) else { panic!("{location} was followed") };
            assert_eq!(fault.code, FaultCode::RedirectRefused, "{location}");
        }
    }

    #[test]
    fn tokens_in_a_location_are_not_shown() {
        let next = sent(302, "https://x.example/cb?code=s3cr3t&state=1").expect("followed").expect("a redirect");
        assert_eq!(next.shown, "https://x.example/cb?code=REDACTED&state=REDACTED");
    }
}
