//! OTLP over HTTP, in protobuf.

use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use prost::Message;
use reqwest::redirect::Policy;
use url::Url;

use super::answer::{Answer, Refusal, Response};
use super::dial;
use super::wire::{USER_AGENT, Unwired};
use crate::telemetry::settings::Compression;
use crate::telemetry::{Otlp, Signal};
use crate::words::chain;

/// An answer is a few words.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// What was taken for a collector is none.
pub(in crate::telemetry) const WEB_PAGE: &str = "a web page comes back";
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

pub(super) struct Web {
    client: reqwest::Client,
    addresses: [Url; 3],
    compression: Compression,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Web({:?})", self.addresses[0].host_str())
    }
}

impl Web {
    pub(super) fn new(otlp: &Otlp) -> Result<Self, Unwired> {
        let mut headers = HeaderMap::new();
        for (name, value) in otlp.headers.iter() {
            let key = HeaderName::try_from(name).map_err(|_| Unwired(format!("`{name}` is no header's name")))?;
            let value = HeaderValue::try_from(value);
            let mut value =
                value.map_err(|_| Unwired(format!("the header `{name}` has a value that cannot be sent")))?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        headers.insert(CONTENT_TYPE, PROTOBUF);
        let client = reqwest::Client::builder()
            .no_proxy()
            // A header that opens a collector opens no other.
            .redirect(Policy::none())
            // One connection a signal, which a timeout closes: over HTTP/2 a dead one would be kept.
            .http1_only()
            .tls_backend_preconfigured(dial::config(otlp, b"http/1.1")?)
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .timeout(otlp.timeout())
            .build()
            .map_err(|error| Unwired(chain(&error)))?;
        Ok(Self { client, addresses: Signal::ALL.map(|signal| otlp.url(signal)), compression: otlp.compression })
    }

    pub(super) async fn send(&self, signal: Signal, body: Bytes) -> Result<Answer, Refusal> {
        let request = self.client.post(self.addresses[signal as usize].clone());
        let request = match self.compression {
            Compression::None => request.body(body),
            Compression::Gzip => request.header(CONTENT_ENCODING, "gzip").body(gzip(&body)),
        };
        let unreachable = |error: reqwest::Error| Refusal::Unreachable(chain(&error.without_url()));
        let mut response = request.send().await.map_err(unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        // What was answered counts, even if the rest of it never comes.
        while let Ok(Some(piece)) = response.chunk().await {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                break;
            }
            body.extend_from_slice(&piece);
        }
        judge(status, &headers, &body)
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

/// Source: OpenTelemetry protocol specification, "OTLP/HTTP response".
fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Refusal> {
    if status.is_success() {
        // The page of a login, or of the collector's own port for people.
        if kind(headers).starts_with("text/html") {
            return Err(Refusal::Refused(format!("{WEB_PAGE} (status {status})")));
        }
        // Whatever stands there, the request was taken.
        return Ok(Response::decode(body).unwrap_or_default().into());
    }
    let text = match said(headers, body) {
        Some(said) => format!("{said} (status {status})"),
        None => format!("status {status}"),
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Err(Refusal::Busy { text, after: retry_after(headers) }),
        _ => Err(Refusal::Refused(text)),
    }
}

/// `google.rpc.Status`, of which the message is for people.
#[derive(Clone, PartialEq, Message)]
struct Problem {
    #[prost(string, tag = "2")]
    message: String,
}

fn kind(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

fn said(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let kind = kind(headers);
    let text = if kind.starts_with("application/x-protobuf") {
        Problem::decode(body).ok()?.message
    } else if kind.starts_with("text/html") {
        return None;
    } else {
        String::from_utf8_lossy(body).into_owned()
    };
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Seconds, or a date; the date is measured by the collector's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|time| time.timestamp());
    let now = time(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::try_from(time(text)?.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_collector_says_when_to_come_back() {
        let after = |pairs: &[(&'static str, &'static str)]| retry_after(&headers(pairs));
        assert_eq!(after(&[("retry-after", "120")]), Some(Duration::from_mins(2)));
        let (date, later) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(after(&[("retry-after", later), ("date", date)]), Some(Duration::from_secs(30)));
        assert_eq!(after(&[("retry-after", date), ("date", later)]), Some(Duration::ZERO));
        assert_eq!(after(&[("retry-after", later)]), None);
        assert_eq!(after(&[("retry-after", "soon"), ("date", date)]), None);
        assert_eq!(after(&[]), None);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let none = HeaderMap::new();
        assert_eq!(judge(StatusCode::OK, &none, b"\xff\xff nonsense"), Ok(Answer::default()));
        for status in [429, 502, 503, 504] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert!(matches!(judge(status, &none, b""), Err(Refusal::Busy { .. })), "{status}");
        }
        let problem = Problem { message: "no such tenant".to_owned() }.encode_to_vec();
        let protobuf = headers(&[("content-type", "application/x-protobuf")]);
        let text = "no such tenant (status 401 Unauthorized)".to_owned();
        assert_eq!(judge(StatusCode::UNAUTHORIZED, &protobuf, &problem), Err(Refusal::Refused(text)));
        let html = headers(&[("content-type", "text/html")]);
        assert!(matches!(judge(StatusCode::OK, &html, b"<html>"), Err(Refusal::Refused(_))), "nobody took it");
        assert_eq!(
            judge(StatusCode::OK, &headers(&[("content-type", "application/json")]), b"{}"),
            Ok(Answer::default())
        );
        let text = "status 301 Moved Permanently".to_owned();
        assert_eq!(judge(StatusCode::MOVED_PERMANENTLY, &html, b"<html>"), Err(Refusal::Refused(text)));
    }
}
