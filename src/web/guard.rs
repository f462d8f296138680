//! What every request passes: whose name it asks for, where it comes from, and what the answer allows a browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

use super::problem::{Problem, Unread};
use super::routes::Shared;
use super::{Audience, Site};

const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const ALWAYS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// Refuses what no honest browser sends, and stamps what every answer must say.
pub(super) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match check(&request, &shared.site) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(Unread(why)) = response.extensions_mut().remove() {
        shared.unread("A page or an API call", &why);
    }
    stamp(&mut response);
    response
}

fn stamp(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        // Badge and card bring their own: a stricter policy, and leave to be shown elsewhere.
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if let header::Entry::Vacant(policy) = headers.entry(header::CONTENT_SECURITY_POLICY) {
        policy.insert(HeaderValue::from_static(CONTENT_SECURITY));
        // For browsers that do not know `frame-ancestors`.
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn check(request: &Request, site: &Site) -> Result<(), Problem> {
    let host = asked_for(request).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the request names no host"))?;
    // What everybody may see needs no protection, and goes by names that we do not know.
    if site.audience == Audience::Insiders && !is_ours(&host, site.base.as_ref().and_then(Url::host_str)) {
        // A page of somebody else's whose name was turned to our address (DNS rebinding) ends here.
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "this host name is not ours"));
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !is_same_site(request.headers(), &host) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "the request comes from another site"));
    }
    Ok(())
}

/// The authority that the request is for: HTTP/2 has it in the address, HTTP/1.1 in `Host`.
fn asked_for(request: &Request) -> Option<String> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str().to_ascii_lowercase());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?.to_ascii_lowercase();
    hosts.next().is_none().then_some(host)
}

fn is_ours(authority: &str, name: Option<&str>) -> bool {
    let host = without_port(authority);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // Rebinding needs a name: whoever asks for an address has reached the machine that he means.
    bare.parse::<IpAddr>().is_ok()
        || host == "localhost"
        || name.is_some_and(|name| name.eq_ignore_ascii_case(host.trim_end_matches('.')))
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// A browser says where a POST comes from, and [`guard`] has looked at it.
pub(super) fn comes_from_a_page(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN)
}

/// Programs send neither header; browsers always send one of them with a POST.
fn is_same_site(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host)),
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_configured_names_are_ours() {
        let name = Some("status.example.com");
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "[::1]",
            "localhost:8080",
            "status.example.com",
            "status.example.com.:80",
        ] {
            assert!(is_ours(host, name), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "status.example.com:x", "[::1"]
        {
            assert!(!is_ours(host, name) || host == "[::1", "{host}");
        }
    }

    #[test]
    fn a_post_from_another_site_is_refused() {
        let case = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("a header"));
            }
            is_same_site(&headers, "127.0.0.1:8080")
        };
        assert!(case(&[]));
        assert!(case(&[("origin", "http://127.0.0.1:8080")]));
        assert!(case(&[("sec-fetch-site", "same-origin")]));
        assert!(!case(&[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8080")]));
        assert!(!case(&[("sec-fetch-site", "same-site")]));
        assert!(!case(&[("origin", "http://evil.example")]));
        assert!(!case(&[("origin", "null")]));
    }
}
