//! What the browser tells of a page, event by event, kept within bounds whatever the page does. No I/O.

mod entry;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::log::{EventEntryAdded, LogEntryLevel, LogEntrySource};
use chromiumoxide::cdp::browser_protocol::network::{
    EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent, EventResponseReceived, ResourceType,
};
use chromiumoxide::cdp::browser_protocol::page::EventLoadEventFired;
use chromiumoxide::cdp::js_protocol::runtime::{
    CallFrame, ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown, RemoteObject, StackTrace,
};
use tokio::time::Instant;

use super::refused;
use super::seen::{Answer, BrowserClock, End, Level, Place, Request, Resource, Said, Seen, clipped};
use entry::{answer, begun, bytes};

/// Requests kept of one run.
const REQUESTS_MAX: usize = 600;
/// Pages kept beyond them: where a customer is in the end is known, whatever was asked for before.
const PAGES_MAX: usize = 50;
/// Requests that are heard of before their beginnings.
const EARLY_MAX: usize = 256;
/// Requests under way at the same time that are waited for.
const WAITING_MAX: usize = 4096;
/// Distinct texts of the console, and of errors that nobody caught.
const SAID_MAX: usize = 50;
/// Characters of one text, of one address.
const TEXT_CHARS_MAX: usize = 500;
const URL_CHARS_MAX: usize = 2048;
/// Arguments of one call of the console that are shown.
const ARGUMENTS_MAX: usize = 8;
/// Pages of one run whose ends of loading are kept.
const COMPLETE_MAX: usize = 200;

/// The book of one run.
#[derive(Debug)]
pub(super) struct Ledger {
    began: Instant,
    requests: Vec<Request>,
    /// By the browser's id: the newest of a chain of redirects.
    places: HashMap<String, usize>,
    /// Events of different kinds come by different ways, and may overtake each other. The newest last.
    early: VecDeque<(String, Early)>,
    /// Those that were too many to be kept, too.
    waiting: HashSet<String>,
    quiet_since: Instant,
    left_out: usize,
    /// Sockets opened, and what was sent by them.
    pub(super) spoken: usize,
    uncaught: Vec<Said>,
    console: Vec<Said>,
    skew: Option<f64>,
    complete: Vec<f64>,
}

#[derive(Debug, Default)]
struct Early {
    answer: Option<Answer>,
    end: Option<(End, u64)>,
}

impl Ledger {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            requests: Vec::new(),
            places: HashMap::new(),
            early: VecDeque::new(),
            waiting: HashSet::new(),
            quiet_since: now,
            left_out: 0,
            spoken: 0,
            uncaught: Vec::new(),
            console: Vec::new(),
            skew: None,
            complete: Vec::new(),
        }
    }

    /// A request begins, or a redirect leads it on. `main` is the tab's main frame.
    pub(super) fn sent(&mut self, event: &EventRequestWillBeSent, main: &str, now: Instant) {
        let at = *event.timestamp.inner();
        self.set_clock(at, now);
        if event.request.url.starts_with("data:") || event.request.url.starts_with("blob:") {
            return;
        }
        let id: &str = event.request_id.as_ref();
        let in_main_frame = event.frame_id.as_ref().is_some_and(|frame| AsRef::<str>::as_ref(frame) == main);
        let mut request = begun(event, at, in_main_frame);
        let before = self.places.get(id).copied();
        if let (Some(place), Some(response)) = (before, &event.redirect_response) {
            let left = &mut self.requests[place];
            // What was heard of the chain's end already is of its last link.
            (request.answer, request.end, request.bytes) = (left.answer.take(), left.end.take(), left.bytes);
            left.bytes = bytes(response.encoded_data_length);
            left.answer = Some(answer(response, at));
            left.end = Some(End::SentOn(at));
        }
        if request.resource == Resource::Page && before.is_none() {
            // The page that is left waits for nothing any more.
            self.waiting.clear();
        }
        if let Some(early) = self.early.iter().position(|(of, _)| of == id) {
            let early = self.early.remove(early).map(|(_, early)| early).unwrap_or_default();
            request.answer = early.answer.or(request.answer);
            if let Some((end, bytes)) = early.end {
                (request.end, request.bytes) = (Some(end), bytes);
            }
        }
        if request.end.is_some() || request.resource == Resource::Aside {
            self.rest(id, now);
        } else if self.waiting.len() < WAITING_MAX {
            self.waiting.insert(id.to_owned());
        }
        self.keep(id, request);
    }

    /// Of too many pages the newest takes the place of the one before.
    fn keep(&mut self, id: &str, request: Request) {
        let is_page = request.resource == Resource::Page;
        if self.requests.len() >= if is_page { REQUESTS_MAX + PAGES_MAX } else { REQUESTS_MAX } {
            self.left_out += 1;
            // What is heard of it from now on is not of the link before.
            self.places.remove(id);
            if !is_page {
                return;
            }
            self.requests.pop();
            self.places.retain(|_, place| *place < self.requests.len());
        }
        self.places.insert(id.to_owned(), self.requests.len());
        self.requests.push(request);
    }

    pub(super) fn answered(&mut self, event: &EventResponseReceived, now: Instant) {
        let at = *event.timestamp.inner();
        self.set_clock(at, now);
        let answer = answer(&event.response, at);
        let id: &str = event.request_id.as_ref();
        match self.places.get(id) {
            Some(&place) => self.requests[place].answer = Some(answer),
            None => {
                if let Some(early) = self.early(id) {
                    early.answer = Some(answer);
                }
            }
        }
        if event.r#type == ResourceType::EventSource {
            // It stays open for as long as the page does.
            self.rest(id, now);
        }
    }

    pub(super) fn finished(&mut self, event: &EventLoadingFinished, now: Instant) {
        let at = *event.timestamp.inner();
        self.end(event.request_id.as_ref(), End::Done(at), bytes(event.encoded_data_length), now);
    }

    /// A page has all its parts.
    pub(super) fn complete(&mut self, event: &EventLoadEventFired) {
        if self.complete.len() < COMPLETE_MAX {
            self.complete.push(*event.timestamp.inner());
        }
    }

    pub(super) fn failed(&mut self, event: &EventLoadingFailed, now: Instant) {
        let end = refused::end(event, *event.timestamp.inner());
        self.end(event.request_id.as_ref(), end, 0, now);
    }

    fn end(&mut self, id: &str, end: End, bytes: u64, now: Instant) {
        self.set_clock(end.at(), now);
        match self.places.get(id) {
            Some(&place) => {
                let request = &mut self.requests[place];
                if counts(request.end.as_ref(), &end) {
                    (request.end, request.bytes) = (Some(end), bytes);
                }
            }
            None => {
                if let Some(early) = self.early(id)
                    && counts(early.end.as_ref().map(|(known, _)| known), &end)
                {
                    early.end = Some((end, bytes));
                }
            }
        }
        self.rest(id, now);
    }

    /// What is kept for a request that is yet to begin; nothing for one that was left out.
    fn early(&mut self, id: &str) -> Option<&mut Early> {
        if self.waiting.contains(id) {
            return None;
        }
        let known = self.early.iter().position(|(of, _)| of == id);
        let place = known.unwrap_or_else(|| {
            if self.early.len() == EARLY_MAX {
                // It waits in vain the longest: it was left out, and is over.
                self.early.pop_front();
            }
            self.early.push_back((id.to_owned(), Early::default()));
            self.early.len() - 1
        });
        self.early.get_mut(place).map(|(_, early)| early)
    }

    fn rest(&mut self, id: &str, now: Instant) {
        if self.waiting.remove(id) && self.waiting.is_empty() {
            self.quiet_since = now;
        }
    }

    /// The way of an event to us only ever takes time: the quickest one tells best how the clocks stand to each other.
    fn set_clock(&mut self, at: f64, now: Instant) {
        let skew = now.saturating_duration_since(self.began).as_secs_f64() - at;
        self.skew = Some(self.skew.map_or(skew, |known| known.min(skew)));
    }

    pub(super) fn called(&mut self, event: &EventConsoleApiCalled, now: Instant) {
        let level = match event.r#type {
            ConsoleApiCalledType::Error | ConsoleApiCalledType::Assert => Level::Error,
            ConsoleApiCalledType::Warning => Level::Warning,
            _ => return,
        };
        let shown: Vec<String> = event.args.iter().take(ARGUMENTS_MAX).map(argument).collect();
        let frame = event.stack_trace.as_ref().and_then(top);
        self.say(level, &shown.join(" "), frame.map(place), now);
    }

    pub(super) fn thrown(&mut self, event: &EventExceptionThrown, now: Instant) {
        let details = &event.exception_details;
        let what = details.exception.as_ref().map(argument).filter(|text| !text.is_empty());
        // Of an error in another site's script nothing is told but that there was one.
        let text = what.unwrap_or_else(|| details.text.clone());
        let text = if details.text.contains("in promise") { format!("{text} (in a promise)") } else { text };
        let own = details.url.as_deref().filter(|url| !url.is_empty());
        let own = own.map(|url| Place { url: clipped(url, URL_CHARS_MAX), line: line(details.line_number) });
        let frame = details.stack_trace.as_ref().and_then(top);
        self.say(Level::Uncaught, &text, frame.map(place).or(own), now);
    }

    /// What the browser itself says of the page. Requests that failed are known better than by these words.
    pub(super) fn noted(&mut self, event: &EventEntryAdded, now: Instant) {
        let entry = &event.entry;
        let told =
            matches!(entry.source, LogEntrySource::Network | LogEntrySource::Javascript | LogEntrySource::Violation);
        let level = match entry.level {
            LogEntryLevel::Error => Level::Error,
            LogEntryLevel::Warning => Level::Warning,
            _ => return,
        };
        if !told {
            self.say(level, &entry.text, None, now);
        }
    }

    /// A request that failed before this tab was watched; only the browser's own note of it is left.
    pub(super) fn noted_late(&mut self, event: &EventEntryAdded, now: Instant) {
        let entry = &event.entry;
        if entry.source == LogEntrySource::Network && entry.level == LogEntryLevel::Error {
            let of = entry.url.as_deref().map(super::seen::shown).unwrap_or_default();
            self.say(Level::Error, &format!("{of}: {}", entry.text), None, now);
        } else {
            self.noted(event, now);
        }
    }

    fn say(&mut self, level: Level, text: &str, place: Option<Place>, now: Instant) {
        let text = clipped(text.lines().next().unwrap_or_default(), TEXT_CHARS_MAX);
        let first = now.saturating_duration_since(self.began);
        let list = if level == Level::Uncaught { &mut self.uncaught } else { &mut self.console };
        let known = list.iter().position(|said| (said.level, &said.text, &said.place) == (level, &text, &place));
        match known {
            Some(known) => list[known].times = list[known].times.saturating_add(1),
            None if list.len() < SAID_MAX => list.push(Said { level, text, place, times: 1, first }),
            None => {}
        }
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            requests: self.requests.clone(),
            left_out: self.left_out,
            uncaught: self.uncaught.clone(),
            console: self.console.clone(),
            clock: BrowserClock { began: self.began, skew: self.skew.unwrap_or_default() },
            complete: self.complete.clone(),
        }
    }

    /// Those that were too many to be kept count, too.
    pub(super) fn asked(&self) -> usize {
        self.requests.len() + self.left_out + self.spoken
    }

    /// How long no request has been under way.
    pub(super) fn quiet_for(&self, now: Instant) -> Duration {
        if self.waiting.is_empty() { now.saturating_duration_since(self.quiet_since) } else { Duration::ZERO }
    }
}

/// Whether an end says more than the one that is known. In place of a page that does not come the browser shows one of its
/// own, and tells of that by the same name.
const fn counts(known: Option<&End>, end: &End) -> bool {
    !matches!((known, end), (Some(End::Failed(..)), End::Done(_)))
}

/// An argument as the console shows it.
fn argument(object: &RemoteObject) -> String {
    let text = match (&object.value, &object.description) {
        (Some(serde_json::Value::String(text)), _) => text.clone(),
        (Some(value), None) => value.to_string(),
        (_, Some(description)) => description.clone(),
        (None, None) => object.unserializable_value.as_ref().map(|it| it.inner().clone()).unwrap_or_default(),
    };
    clipped(text.lines().next().unwrap_or_default(), TEXT_CHARS_MAX)
}

/// The innermost place that has an address.
fn top(stack: &StackTrace) -> Option<&CallFrame> {
    stack.call_frames.iter().find(|frame| !frame.url.is_empty())
}

fn place(frame: &CallFrame) -> Place {
    Place { url: clipped(&frame.url, URL_CHARS_MAX), line: line(frame.line_number) }
}

/// The browser counts from 0.
fn line(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default() + 1
}
