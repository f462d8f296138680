//! A visit's story as episodes. Pure.
//!
//! What was done and the pages that were gone to are ours; each request is an exchange with somebody. A page belongs to
//! what was done when it was asked for, a request to the page that was loading, else to what was done then. Whoever
//! causes something may end before it does: ends are true, not fitted.

use std::collections::HashSet;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};
use tokio::time::Instant;
use url::Url;

use super::{Done, Story};
use crate::model::{Episode, Fault, FaultCode, Scalar, Side, SpanId};
use crate::probe::browser::seen::{End, Key, Party, Request, Resource, Seen};
use crate::probe::{Account, Stop};

/// Requests told of one visit.
const REQUESTS_MAX: usize = 100;
const URL_CHARS_MAX: usize = 500;
/// Where ids of what is no request begin.
const DEEDS: u64 = 1 << 32;
const PAGES: u64 = 2 << 32;

/// The methods that conventions know; a page may make up others.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

pub(super) struct Told<'s> {
    pub(super) story: &'s Story,
    pub(super) seen: Seen,
    /// The run's.
    pub(super) start: Instant,
    /// What is still under way was seen until then.
    pub(super) until: Instant,
}

/// A page that was gone to, from the first request for it until it had all its parts.
struct Page {
    span: SpanId,
    /// Its first request and its last one: in between it was sent on.
    first: usize,
    last: usize,
    /// Browser's seconds; until then what is asked for is a part of it.
    from: f64,
    to: f64,
    caused_by: Option<SpanId>,
}

impl Told<'_> {
    pub(super) fn account(&self, deeds: &[Done], own: &HashSet<Key>) -> Account {
        let pages = self.pages(deeds);
        let (told, left_out) = self.chosen(own);
        let deeds_told = deeds.iter().enumerate().map(|(number, done)| self.deed(number, done));
        let mut episodes: Vec<Episode> = deeds_told.collect();
        episodes.extend(pages.iter().map(|page| self.page(page)));
        let mut spans = HashSet::new();
        for place in told {
            let request = &self.seen.requests[place];
            let mut key = request.key.0;
            // One that is sent on to itself.
            while !spans.insert(key) {
                key = key.wrapping_add(1);
            }
            let within = page_of(&pages, place, request).or_else(|| self.deed_at(deeds, request.begun));
            episodes.push(self.request(request, self.story.span.below(key), within));
        }
        let attributes = match left_out {
            0 => Vec::new(),
            more => vec![("unbroken.browser.requests.left_out", format_smolstr!("{more}"))],
        };
        Account { episodes, attributes }
    }

    /// Those whose servers know their spans, those that failed, those of the first party, the others: by place, and how
    /// many are not told.
    fn chosen(&self, own: &HashSet<Key>) -> (Vec<usize>, usize) {
        let rank = |place: &usize| {
            let request = &self.seen.requests[*place];
            match request.party {
                _ if own.contains(&request.key) => 0,
                _ if request.failure().is_some() => 1,
                Party::First => 2,
                Party::Third => 3,
            }
        };
        let mut places: Vec<usize> = (0..self.seen.requests.len()).collect();
        places.sort_by_key(rank);
        let left_out = self.seen.left_out + places.len().saturating_sub(REQUESTS_MAX);
        places.truncate(REQUESTS_MAX);
        places.sort_unstable();
        (places, left_out)
    }

    fn pages(&self, deeds: &[Done]) -> Vec<Page> {
        let mut pages: Vec<Page> = Vec::new();
        let mut sent_on = false;
        for (place, request) in self.seen.requests.iter().enumerate() {
            if request.resource != Resource::Page {
                continue;
            }
            match pages.last_mut() {
                Some(page) if sent_on => page.last = place,
                _ => pages.push(Page {
                    span: self.story.span.below(PAGES + pages.len() as u64),
                    first: place,
                    last: place,
                    from: request.begun,
                    to: f64::INFINITY,
                    caused_by: self.deed_at(deeds, request.begun),
                }),
            }
            sent_on = matches!(request.end, Some(End::SentOn(_)));
        }
        for number in 0..pages.len() {
            let next = pages.get(number + 1).map_or(f64::INFINITY, |next| next.from);
            let page = &mut pages[number];
            let complete = self.seen.complete.iter().copied().find(|at| (page.from..next).contains(at));
            let unmade = match &self.seen.requests[page.last].end {
                Some(End::Done(_) | End::SentOn(_)) | None => None,
                Some(end) => Some(end.at()),
            };
            page.to = complete.or(unmade).unwrap_or(next);
        }
        pages
    }

    /// What was done at a moment of the browser's.
    fn deed_at(&self, deeds: &[Done], seconds: f64) -> Option<SpanId> {
        let at = self.seen.clock.instant(seconds);
        let during = |done: &Done| done.from <= at && done.end.as_ref().is_none_or(|(end, _)| at <= *end);
        deeds.iter().position(during).map(|number| self.story.span.below(DEEDS + number as u64))
    }

    fn deed(&self, number: usize, done: &Done) -> Episode {
        let (end, stop) = match &done.end {
            Some((end, stop)) => (*end, stop.as_ref()),
            None => (self.until, None),
        };
        let mut attributes =
            vec![("unbroken.browser.deed", count(number + 1)), ("unbroken.browser.verb", text(done.verb))];
        let fault = match stop {
            Some(Stop::Fault(fault)) => Some(fault.clone()),
            // Our own fault is no error of the page's.
            Some(Stop::Own(why, words)) => {
                attributes.push(("unbroken.fault.code", text(why.code())));
                attributes.push(("unbroken.fault.text", text(words)));
                None
            }
            None => {
                // It was cut off; what did so is told of the step.
                attributes.extend(done.end.is_none().then(|| ("unbroken.browser.ended", text("open"))));
                None
            }
        };
        attributes.extend(fault.as_ref().map(|fault| ("error.type", text(fault.code.code()))));
        let span = self.story.span.below(DEEDS + number as u64);
        Episode { attributes, fault, ..self.episode((span, None), &done.name, (done.from, end)) }
    }

    fn page(&self, page: &Page) -> Episode {
        let last = &self.seen.requests[page.last];
        let to = if page.to.is_finite() { self.seen.clock.instant(page.to) } else { self.until };
        let times = (self.seen.clock.instant(page.from), to);
        let mut attributes = vec![("url.full", text(&bare(&last.url)))];
        if page.last > page.first {
            attributes.push(("unbroken.browser.sent_on", count(page.last - page.first)));
        }
        Episode { attributes, ..self.episode((page.span, page.caused_by), "navigation", times) }
    }

    fn request(&self, request: &Request, span: SpanId, within: Option<SpanId>) -> Episode {
        let method = if METHODS.contains(&&*request.method) { &*request.method } else { "_OTHER" };
        let mut attributes = vec![
            ("http.request.method", text(method)),
            ("url.full", text(&bare(&request.url))),
            ("unbroken.browser.resource", text(request.resource.name())),
            ("unbroken.browser.party", text(if request.party == Party::First { "first" } else { "third" })),
        ];
        if let Ok(url) = Url::parse(&request.url)
            && let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default())
        {
            attributes.push(("server.address", text(host)));
            attributes.push(("server.port", Scalar::Integer(port.into())));
        }
        attributes.extend(answered(request));
        let ended = match &request.end {
            None => Some("open"),
            Some(End::Dropped(_)) => Some("dropped"),
            Some(End::Withheld(_)) => Some("withheld"),
            Some(End::Done(_) | End::SentOn(_) | End::Failed(..)) => None,
        };
        attributes.extend(ended.map(|ended| ("unbroken.browser.ended", text(ended))));
        let fault = request.failure().map(|why| Fault::new(FaultCode::RequestFailed, format!("{request} {why}")));
        if fault.is_some() {
            let status = request.answer.as_ref().map(|answer| answer.status).filter(|status| *status >= 400);
            // HTTP conventions: an error status is its own error type.
            let class =
                status.map_or(SmolStr::new_static(FaultCode::RequestFailed.code()), |it| format_smolstr!("{it}"));
            attributes.push(("error.type", Scalar::Text(class)));
        }
        let end = request.end.as_ref().map_or(self.until, |end| self.seen.clock.instant(end.at()));
        let times = (self.seen.clock.instant(request.begun), end);
        Episode { side: Side::Client, attributes, fault, ..self.episode((span, within), method, times) }
    }

    fn episode(&self, (span, within): (SpanId, Option<SpanId>), name: &str, (from, to): (Instant, Instant)) -> Episode {
        let to = to.min(self.until);
        Episode {
            span,
            within,
            name: name.into(),
            side: Side::Own,
            offset: from.saturating_duration_since(self.start),
            took: to.saturating_duration_since(from.max(self.start)),
            attributes: Vec::new(),
            fault: None,
        }
    }
}

/// The page that a request is a part of.
fn page_of(pages: &[Page], place: usize, request: &Request) -> Option<SpanId> {
    let own = |page: &&Page| (page.first..=page.last).contains(&place) && request.resource == Resource::Page;
    let during = |page: &&Page| page.from <= request.begun && request.begun < page.to;
    let page = pages.iter().find(own).or_else(|| pages.iter().rev().find(during));
    page.map(|page| page.span)
}

fn answered(request: &Request) -> Vec<(&'static str, Scalar)> {
    let Some(answer) = &request.answer else { return Vec::new() };
    let mut said = Vec::new();
    if answer.status > 0 {
        said.push(("http.response.status_code", Scalar::Integer(answer.status.into())));
    }
    if request.bytes > 0 {
        said.push(("http.response.size", Scalar::Integer(request.bytes.try_into().unwrap_or(i64::MAX))));
    }
    let version = match &*answer.protocol {
        "h2" => Some("2"),
        "h3" => Some("3"),
        other => other.strip_prefix("http/"),
    };
    said.extend(version.map(|version| ("network.protocol.version", text(version))));
    if let Some(timing) = &answer.timing
        && let (Some((_, sent)), Some(head)) = (timing.send, timing.head)
    {
        let waited = Duration::try_from_secs_f64((head - sent) / 1000.0).unwrap_or_default();
        said.push(("unbroken.browser.waited", Scalar::Number(waited.as_secs_f64())));
    }
    said
}

/// An address without who asks for it.
fn bare(url: &str) -> SmolStr {
    let bare = Url::parse(url).map(|mut url| {
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    });
    super::super::seen::clipped(bare.as_deref().unwrap_or(url), URL_CHARS_MAX).into()
}

fn count(number: usize) -> Scalar {
    Scalar::Integer(number.try_into().unwrap_or(i64::MAX))
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.into())
}
