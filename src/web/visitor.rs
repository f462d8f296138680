//! Who asks, as far as it matters to what is said: the language.
//!
//! `?lang=` decides, and a page remembers it in a cookie; then what the browser accepts; then the company's own
//! language. Programs have no cookies, and are answered in English unless they ask.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::routes::Shared;
use crate::model::Language;
use crate::words::Words;

/// The parameter of an address, and the cookie.
const NAME: &str = "lang";
/// How long a browser remembers: a year, seconds.
const REMEMBERED: u32 = 31_536_000;
/// Languages of one header that are looked at.
const ACCEPTED_MAX: usize = 32;

/// Who looks at a page.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) words: Arc<Words>,
    /// The same page in every language: language, its own name for itself, where.
    pub(super) tongues: Vec<(Language, String, String)>,
    /// Asked for in the address.
    chosen: Option<Language>,
}

/// A program that reads the API.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) words: Arc<Words>,
}

/// An answer in a language, which says so.
pub(super) struct Spoken<T>(pub(super) Language, pub(super) T);

impl FromRequestParts<Arc<Shared>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let chosen = asked(query);
        let own = || shared.site.snapshot.borrow().map.language;
        let language = chosen.or_else(|| remembered(&parts.headers)).or_else(|| accepted(&parts.headers, own));
        let language = language.unwrap_or_else(own);
        let there = |language: Language| {
            let name = shared.tongues.of(language).text("language-name").into_owned();
            (language, name, elsewhere(query, language))
        };
        Ok(Self {
            words: Arc::clone(shared.tongues.of(language)),
            tongues: Language::ALL.iter().map(|language| there(*language)).collect(),
            chosen,
        })
    }
}

impl Visitor {
    /// A page, which says its language and remembers the one that was chosen.
    pub(super) fn answered(&self, page: impl IntoResponse) -> Response {
        let mut response = Spoken(self.words.language(), page).into_response();
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("cookie"));
        if let Some(chosen) = self.chosen {
            let cookie = format!("{NAME}={}; Path=/; Max-Age={REMEMBERED}; SameSite=Lax; HttpOnly", chosen.as_str());
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                headers.append(header::SET_COOKIE, cookie);
            }
        }
        response
    }
}

impl FromRequestParts<Arc<Shared>> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Infallible> {
        let language = asked(parts.uri.query().unwrap_or_default());
        let language = language.or_else(|| accepted(&parts.headers, Language::default)).unwrap_or_default();
        Ok(Self { words: Arc::clone(shared.tongues.of(language)) })
    }
}

impl Reader {
    pub(super) fn answered<T>(&self, answer: T) -> Spoken<T> {
        Spoken(self.words.language(), answer)
    }
}

impl<T: IntoResponse> IntoResponse for Spoken<T> {
    fn into_response(self) -> Response {
        let Self(language, answer) = self;
        let mut response = answer.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
        response
    }
}

/// `?lang=zh`
fn asked(query: &str) -> Option<Language> {
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields.find(|(name, _)| name == NAME).and_then(|(_, value)| Language::of(&value))
}

/// The same address in another language: what else it asks for stays.
fn elsewhere(query: &str, language: Language) -> String {
    let mut fields = form_urlencoded::Serializer::new(String::new());
    fields.extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != NAME));
    format!("?{}", fields.append_pair(NAME, language.as_str()).finish())
}

fn remembered(headers: &HeaderMap) -> Option<Language> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(name, _)| *name == NAME).and_then(|(_, value)| Language::of(value))
}

/// Of what the browser accepts, what we speak: the dearest to it, the first of equals (RFC 9110, 12.5.4). `own` is
/// what `*` comes to.
fn accepted(headers: &HeaderMap, own: impl Fn() -> Language) -> Option<Language> {
    let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let mut best: Option<(Language, f32)> = None;
    for range in lines.flat_map(|line| line.split(',')).take(ACCEPTED_MAX) {
        let (tag, weight) = range.split_once(';').map_or((range, 1.0), |(tag, rest)| (tag, weight(rest)));
        let language = if tag.trim() == "*" { Some(own()) } else { Language::of(tag) };
        let better = best.is_none_or(|(_, least)| weight > least);
        if let Some(language) = language.filter(|_| weight > 0.0 && better) {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

/// Of `q=0.8`; what is no weight counts as nothing.
fn weight(parameters: &str) -> f32 {
    let mut parameters = parameters.split(';').map(str::trim);
    let weight = parameters.find_map(|one| one.strip_prefix("q=").or_else(|| one.strip_prefix("Q=")));
    weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &header::HeaderName, lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn the_browsers_dearest_language_wins() {
        let say = |line: &'static str| accepted(&headers(&header::ACCEPT_LANGUAGE, &[line]), || Language::Zh);
        for (line, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Language::Zh)),
            ("en-GB,en;q=0.9,zh;q=0.8", Some(Language::En)),
            ("de-DE,de;q=0.9,en;q=0.5,zh;q=0.7", Some(Language::Zh)),
            ("fr, ZH-hant-TW ; q=0.3 , en;q=0.2", Some(Language::Zh)),
            ("zh;q=0, en;q=0.1", Some(Language::En)),
            ("zh;q=0", None),
            ("en;q=rubbish, zh;q=0.1", Some(Language::Zh)),
            ("de, fr", None),
            ("de, *;q=0.1", Some(Language::Zh)),
            ("en, zh", Some(Language::En)),
            ("", None),
            ("zhuang", None),
        ] {
            assert_eq!(say(line), language, "{line}");
        }
        assert_eq!(
            accepted(&headers(&header::ACCEPT_LANGUAGE, &["de", "zh"]), Language::default),
            Some(Language::Zh),
            "of several headers"
        );
    }

    #[test]
    fn an_address_and_a_cookie_name_a_language() {
        assert_eq!(asked("range=7d&lang=zh"), Some(Language::Zh));
        assert_eq!(asked("lang=zh-CN"), Some(Language::Zh));
        assert_eq!(asked("lang=xx"), None);
        assert_eq!(asked("language=zh"), None);
        let cookie = |line| remembered(&headers(&header::COOKIE, &[line]));
        assert_eq!(cookie("a=b; lang=zh; c=d"), Some(Language::Zh));
        assert_eq!(cookie("slang=zh"), None);
    }

    #[test]
    fn another_language_is_the_same_address() {
        assert_eq!(elsewhere("", Language::Zh), "?lang=zh");
        assert_eq!(elsewhere("range=7d&lang=en&a=%22%3E", Language::Zh), "?range=7d&a=%22%3E&lang=zh");
    }
}
