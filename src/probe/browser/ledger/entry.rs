//! One request of a page, as the browser's events tell of it. Pure.

use chromiumoxide::cdp::browser_protocol::network::{EventRequestWillBeSent, ResourceTiming, ResourceType, Response};
use chromiumoxide::cdp::browser_protocol::security::MixedContentType;
use url::Url;

use super::URL_CHARS_MAX;
use crate::probe::browser::seen::{Answer, Crypt, Key, Party, Request, Resource, Timing, clipped};

/// Characters of one header's value.
const HEADER_CHARS_MAX: usize = 200;
/// Headers that say how something was sent; the others may hold what opens doors.
const HEADERS: &[&str] = &[
    "age",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "server",
    "server-timing",
    "via",
    "x-cache",
];

pub(super) fn begun(event: &EventRequestWillBeSent, at: f64, in_main_frame: bool) -> Request {
    let asked = &event.request;
    let same_host = || host(&asked.url) == host(&event.document_url);
    let first = asked.is_same_site.unwrap_or_else(same_host);
    let mixed =
        matches!(asked.mixed_content_type, Some(MixedContentType::Blockable | MixedContentType::OptionallyBlockable));
    // Browsers ask every site for it, unasked.
    let icon = event.r#type == Some(ResourceType::Other) && asked.url.ends_with("/favicon.ico");
    let resource = if icon { Resource::Aside } else { resource(event.r#type.as_ref(), in_main_frame) };
    Request {
        key: Key::of(event.request_id.as_ref(), &asked.url),
        url: clipped(&asked.url, URL_CHARS_MAX),
        method: clipped(&asked.method, 20),
        resource,
        party: if first { Party::First } else { Party::Third },
        crypt: if mixed { Crypt::Mixed } else { Crypt::AsThePage },
        begun: at,
        answer: None,
        end: None,
        bytes: 0,
    }
}

fn resource(kind: Option<&ResourceType>, in_main_frame: bool) -> Resource {
    match kind {
        Some(ResourceType::Document) if in_main_frame => Resource::Page,
        Some(ResourceType::Document) => Resource::Frame,
        Some(ResourceType::Stylesheet) => Resource::Style,
        Some(ResourceType::Image) => Resource::Picture,
        Some(ResourceType::Media | ResourceType::TextTrack) => Resource::Media,
        Some(ResourceType::Font) => Resource::Font,
        Some(ResourceType::Script) => Resource::Script,
        Some(ResourceType::Xhr | ResourceType::Fetch) => Resource::Call,
        Some(
            ResourceType::EventSource
            | ResourceType::Ping
            | ResourceType::CspViolationReport
            | ResourceType::Preflight
            | ResourceType::Prefetch
            | ResourceType::WebSocket,
        ) => Resource::Aside,
        _ => Resource::Other,
    }
}

pub(super) fn answer(response: &Response, at: f64) -> Answer {
    let headers = response.headers.inner().as_object();
    let kept = headers.into_iter().flatten().filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let value = clipped(value.as_str()?, HEADER_CHARS_MAX);
        HEADERS.contains(&name.as_str()).then_some((name, value))
    });
    Answer {
        status: u16::try_from(response.status).unwrap_or_default(),
        reason: clipped(&response.status_text, 60),
        media: clipped(&response.mime_type, 100),
        protocol: clipped(response.protocol.as_deref().unwrap_or_default(), 20),
        address: response.remote_ip_address.as_deref().map(|address| clipped(address, 60)),
        at,
        timing: response.timing.as_ref().map(timing),
        headers: kept.collect(),
    }
}

/// The browser writes -1 for what did not take place.
fn timing(timing: &ResourceTiming) -> Timing {
    let span = |from: f64, to: f64| (from >= 0.0 && to >= from).then_some((from, to));
    Timing {
        begun: timing.request_time,
        dns: span(timing.dns_start, timing.dns_end),
        connect: span(timing.connect_start, timing.connect_end),
        tls: span(timing.ssl_start, timing.ssl_end),
        send: span(timing.send_start, timing.send_end),
        head: (timing.receive_headers_end >= 0.0).then_some(timing.receive_headers_end),
    }
}

fn host(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a length; `as` keeps it within its bounds"
)]
pub(super) fn bytes(length: f64) -> u64 {
    length as u64
}
