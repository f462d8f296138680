//! The cookies of one run: kept as a browser keeps them, bounded, gone with the run.

use cookie_store::{Cookie, CookieStore};
use http::HeaderValue;
use http::header::{HeaderMap, SET_COOKIE};
use url::Url;

use crate::probe::Run;

/// As many as browsers keep for one site.
const COOKIES_MAX: usize = 180;
const COOKIE_BYTES_MAX: usize = 4096;

/// Keeps what a reply sets.
pub(super) fn keep(run: &mut Run<'_>, headers: &HeaderMap, url: &Url) {
    for value in headers.get_all(SET_COOKIE).iter().take(COOKIES_MAX) {
        let Some(cookie) = value
            .to_str()
            .ok()
            .filter(|text| text.len() <= COOKIE_BYTES_MAX)
            .and_then(|text| Cookie::parse(text, url).ok())
        else {
            continue;
        };
        if cookie.http_only() == Some(true) {
            // What scripts may not read is a session: it proves who one is.
            run.hide_session(cookie.value());
        }
        let jar = run.cookies.get_or_insert_default();
        if jar.iter_any().take(COOKIES_MAX).count() < COOKIES_MAX {
            let _ = jar.insert(cookie.into_owned(), url);
        }
    }
}

/// What goes back to `url`, after what the user wrote by hand.
pub(super) fn header(jar: Option<&CookieStore>, url: &Url, written: Option<&HeaderValue>) -> Option<HeaderValue> {
    let mut line = written.map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    let before = line.len();
    for (name, value) in jar?.get_request_values(url) {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        line.extend_from_slice(name.as_bytes());
        line.push(b'=');
        line.extend_from_slice(value.as_bytes());
    }
    if line.len() == before {
        return None;
    }
    let mut value = HeaderValue::from_bytes(&line).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Names and values that `url` would get, or, without a jar, those that the reply sets.
pub(super) fn list(jar: Option<&CookieStore>, headers: &HeaderMap, url: &Url) -> Vec<(String, String)> {
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    match jar {
        Some(jar) => jar.get_request_values(url).map(own).collect(),
        None => headers
            .get_all(SET_COOKIE)
            .iter()
            .take(COOKIES_MAX)
            .filter_map(|value| value.to_str().ok()?.split(';').next()?.trim().split_once('='))
            .map(own)
            .collect(),
    }
}
