//! Requests as an HTTP Archive (HAR 1.2), for browsers' own tools and others. Pure.
//!
//! No cookies, no credentials, no bodies; addresses without what in them lets anybody in.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use super::seen::{Answer, End, Request, Seen, Timing};
use crate::probe::Redactor;
use crate::probe::errand::without_keys;

const URL_CHARS_MAX: usize = 1000;
const HEADER_CHARS_MAX: usize = 200;

/// `began`: when the watch did, by the wall.
pub(super) fn har(seen: &Seen, redactor: &Redactor, began: Timestamp) -> Value {
    let at = |seconds: f64| {
        let since = SignedDuration::try_from(seen.clock.offset(seconds)).unwrap_or_default();
        began.saturating_add(since).unwrap_or(began).to_string()
    };
    let entries: Vec<Value> = seen.requests.iter().map(|it| entry(it, redactor, &at(it.begun))).collect();
    let comment = (seen.left_out > 0).then(|| format!("{} more requests were left out", seen.left_out));
    json!({ "log": {
        "version": "1.2",
        "creator": { "name": "unbroken", "version": env!("CARGO_PKG_VERSION") },
        "pages": [{
            "startedDateTime": seen.requests.first().map_or_else(|| began.to_string(), |first| at(first.begun)),
            "id": "page",
            "title": seen.page().map_or_else(String::new, |page| shown(&page.url, redactor)),
            "pageTimings": {},
        }],
        "entries": entries,
        "comment": comment.unwrap_or_default(),
    } })
}

fn entry(request: &Request, redactor: &Redactor, started: &str) -> Value {
    let none = Answer::default();
    let answer = request.answer.as_ref().unwrap_or(&none);
    let ended = request.end.as_ref().map_or(request.begun, End::at);
    let took = ((ended - request.begun) * 1000.0).max(0.0);
    let error =
        if let Some(End::Failed(_, why)) = &request.end { redactor.clip(why, HEADER_CHARS_MAX) } else { String::new() };
    let headers: Vec<Value> = answer
        .headers
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": redactor.clip(value, HEADER_CHARS_MAX) }))
        .collect();
    json!({
        "pageref": "page",
        "startedDateTime": started,
        "time": took,
        "request": {
            "method": request.method, "url": shown(&request.url, redactor), "httpVersion": answer.protocol,
            "cookies": [], "headers": [], "queryString": [], "headersSize": -1, "bodySize": -1,
        },
        "response": {
            "status": answer.status, "statusText": redactor.clip(&answer.reason, HEADER_CHARS_MAX), "httpVersion": answer.protocol,
            "cookies": [], "headers": headers,
            "content": { "size": request.bytes, "mimeType": redactor.clip(&answer.media, HEADER_CHARS_MAX) },
            "redirectURL": "", "headersSize": -1, "bodySize": request.bytes,
        },
        "cache": {},
        "timings": timings(answer.timing.as_ref(), took),
        "serverIPAddress": answer.address.as_deref().unwrap_or_default(),
        "_resourceType": request.resource.name(),
        "_error": error,
    })
}

/// Milliseconds; -1 for what did not take place. `connect` holds `ssl`, as the format wants it.
fn timings(timing: Option<&Timing>, took: f64) -> Value {
    let Some(timing) = timing else { return json!({ "send": 0, "wait": took, "receive": 0 }) };
    let span = |span: Option<(f64, f64)>| span.map_or(-1.0, |(from, to)| to - from);
    let sent = timing.send.map_or(0.0, |(_, to)| to);
    let head = timing.head.unwrap_or(took).max(sent);
    let first = [timing.dns, timing.connect, timing.send].into_iter().flatten().map(|(from, _)| from).next();
    json!({
        "blocked": first.unwrap_or(-1.0),
        "dns": span(timing.dns),
        "connect": span(timing.connect),
        "ssl": span(timing.tls),
        "send": span(timing.send).max(0.0),
        "wait": head - sent,
        "receive": (took - head).max(0.0),
    })
}

fn shown(url: &str, redactor: &Redactor) -> String {
    let bare = Url::parse(url).map(|mut url| {
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    });
    redactor.clip(&without_keys(bare.as_deref().unwrap_or(url)), URL_CHARS_MAX)
}
