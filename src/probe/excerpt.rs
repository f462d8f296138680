//! What an answer says that is not what was expected: often the owner's own words for what is wrong.

use scraper::Html;
use serde_json::Value;

use super::errand::{keys_in, sounds_secret};
use super::redact::Redactor;
use super::view::{View, spaced};
use crate::model::{Evidence, Fault, FaultCode};

/// Whether the answer's text could tell why, and is not told already.
pub(super) fn could_tell_why(fault: &Fault, view: &View<'_>) -> bool {
    let told = |seen: &Evidence| seen.of.starts_with("certificate") || view.text() == Some(seen.found.as_str());
    matches!(fault.code, FaultCode::Status | FaultCode::Expectation) && !fault.evidence.as_ref().is_some_and(told)
}

/// The text as a person would read it, without `secrets` and without what else it hands out; `None` if it is no text,
/// or says nothing. The runner redacts and clips.
pub(super) fn excerpt(view: &View<'_>, secrets: Vec<String>) -> Option<String> {
    let media = view.content_type().captured().unwrap_or_default();
    let is_text = media.is_empty() || media.starts_with("text/") || media.ends_with("json") || media.ends_with("xml");
    let text = view.text().filter(|text| is_text && !text.contains(['\0', char::REPLACEMENT_CHARACTER]))?;
    let said = match view.page() {
        Some(page) if media.ends_with("html") => spaced(read_by_people(page)),
        _ => spaced(std::iter::once(text)),
    };
    let mut redactor = Redactor::default();
    let addresses = said.split([' ', '"', '\'', '<', '>', '(', ')']);
    let handed_out = addresses.flat_map(keys_in).chain(view.json().map(keys_of).unwrap_or_default());
    for secret in secrets.into_iter().chain(handed_out) {
        redactor.hide(&secret);
    }
    (!said.is_empty()).then(|| redactor.clip(&said, usize::MAX))
}

/// The texts of a page that a reader sees: no script, no style.
fn read_by_people(page: &Html) -> impl Iterator<Item = &str> {
    let unread = |name: &str| matches!(name, "script" | "style" | "template" | "noscript");
    page.tree.root().descendants().filter_map(move |node| {
        let parent = node.parent().and_then(|parent| parent.value().as_element().map(|element| unread(element.name())));
        node.value().as_text().filter(|_| parent != Some(true)).map(|text| &**text)
    })
}

/// Values whose names say that they let in whoever has them.
fn keys_of(document: &Value) -> Vec<String> {
    match document {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if sounds_secret(name) => vec![text.clone()],
                Value::Number(number) if sounds_secret(name) => vec![number.to_string()],
                value => keys_of(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(keys_of).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Body, Field, Reply};
    use http::HeaderMap;
    use http::header::CONTENT_TYPE;
    use jiff::Timestamp;
    use std::time::Duration;

    fn said(media: &str, body: &str) -> Option<String> {
        let mut reply = Reply::new().with(Field::Status, 500_u16);
        reply.headers = Some(HeaderMap::from_iter([(CONTENT_TYPE, media.parse().expect("a media type"))]));
        reply.body = Some(Body { bytes: body.to_owned().into_bytes().into(), charset: None });
        excerpt(&View::new(&reply, Duration::ZERO, Timestamp::UNIX_EPOCH), vec!["hunter2".to_owned()])
    }

    #[tokio::test]
    async fn an_answer_is_quoted_as_a_person_reads_it() {
        let page = "<html><head><style>p { color: red }</style><script>go()</script><title>Oops</title></head>\n\
                    <body><h1>No  database</h1><p>Tell &lt;us&gt;</p></body></html>";
        assert_eq!(said("text/html; charset=utf-8", page).as_deref(), Some("Oops No database Tell <us>"));
        assert_eq!(said("text/plain", "pool\r\n  exhausted\n").as_deref(), Some("pool exhausted"));
        assert_eq!(said("application/problem+json", r#"{"detail":"late"}"#).as_deref(), Some(r#"{"detail":"late"}"#));
        for (media, body) in [("image/png", "PNG"), ("text/plain", " \n"), ("text/plain", "a\0b")] {
            assert_eq!(said(media, body), None, "{media} {body:?}");
        }
    }

    #[tokio::test]
    async fn what_lets_in_is_not_quoted() {
        let body = r#"{"why":"hunter2","user":{"access_token":"t-42","pin_secret":4711},"next":"https://a.example/?key=abcdef&x=1"}"#;
        let said = said("application/json", body).expect("a text");
        for secret in ["hunter2", "t-42", "4711", "abcdef"] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
        assert!(said.starts_with(r#"{"why":"•••","user":{"access_token":"•••","#), "{said}");
    }
}
