//! More than is kept, and in another order.

use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::network::{
    EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent, EventResponseReceived,
};
use serde_json::{Value, from_value, json};
use tokio::time::Instant;

use super::{EARLY_MAX, Ledger, PAGES_MAX, REQUESTS_MAX};
use crate::probe::browser::seen::End;

/// A book and the moment in which everything happens.
struct Book(Ledger, Instant);

impl Book {
    fn new() -> Self {
        let now = Instant::now();
        Self(Ledger::new(now), now)
    }

    /// A request of the main frame begins; `kind` as the browser names it.
    fn sent(&mut self, id: &str, kind: &str, more: &Value) {
        let url = format!("http://shop.example/{id}");
        let mut event = json!({
            "requestId": id, "loaderId": "L", "documentURL": url, "timestamp": 1.0, "wallTime": 1.0,
            "initiator": { "type": "other" }, "redirectHasExtraInfo": false, "type": kind, "frameId": "main",
            "request": { "url": url, "method": "GET", "headers": {}, "initialPriority": "High", "referrerPolicy": "origin" },
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.0.sent(&from_value::<EventRequestWillBeSent>(event).unwrap(), "main", self.1);
    }

    fn answered(&mut self, id: &str, kind: &str, status: u16) {
        let event = json!({
            "requestId": id, "loaderId": "L", "timestamp": 1.0, "type": kind, "hasExtraInfo": false,
            "response": response(status),
        });
        self.0.answered(&from_value::<EventResponseReceived>(event).unwrap(), self.1);
    }

    fn finished(&mut self, id: &str) {
        let event = json!({ "requestId": id, "timestamp": 1.0, "encodedDataLength": 1.0 });
        self.0.finished(&from_value::<EventLoadingFinished>(event).unwrap(), self.1);
    }

    fn failed(&mut self, id: &str, kind: &str) {
        let event = json!({ "requestId": id, "timestamp": 1.0, "type": kind, "errorText": "net::ERR_EMPTY_RESPONSE" });
        self.0.failed(&from_value::<EventLoadingFailed>(event).unwrap(), self.1);
    }

    /// As many pictures as are kept, and so many more.
    fn filled(mut self, more: usize) -> Self {
        for number in 0..REQUESTS_MAX + more {
            let id = format!("picture-{number}");
            self.sent(&id, "Image", &json!({}));
            self.answered(&id, "Image", 200);
            self.finished(&id);
        }
        self
    }

    /// The newest page, and what it answers.
    fn page(&self) -> (String, Option<u16>) {
        let seen = self.0.seen();
        let page = seen.page().unwrap();
        (page.url.clone(), page.answer.as_ref().map(|answer| answer.status))
    }
}

fn response(status: u16) -> Value {
    json!({
        "url": "http://shop.example/", "status": status, "statusText": "", "headers": {}, "mimeType": "text/html",
        "charset": "", "connectionReused": false, "connectionId": 1.0, "encodedDataLength": 1.0, "securityState": "secure",
    })
}

#[test]
fn the_newest_page_is_known_however_many_there_were() {
    let mut book = Book::new().filled(1000);
    for number in 0..=2 * PAGES_MAX {
        let id = format!("page-{number}");
        book.sent(&id, "Document", &json!({}));
        book.answered(&id, "Document", if number == 2 * PAGES_MAX { 500 } else { 200 });
    }
    // Of one that had to give way.
    book.answered(&format!("page-{PAGES_MAX}"), "Document", 404);
    assert_eq!(book.page(), (format!("http://shop.example/page-{}", 2 * PAGES_MAX), Some(500)));
    let seen = book.0.seen();
    assert_eq!((seen.requests.len(), seen.left_out), (REQUESTS_MAX + PAGES_MAX, 1000 + PAGES_MAX + 1));
    assert_eq!(book.0.asked(), REQUESTS_MAX + 1000 + 2 * PAGES_MAX + 1);
}

#[test]
fn an_answer_before_its_page_is_heard_of_after_many_that_were_left_out() {
    let mut book = Book::new().filled(2 * EARLY_MAX);
    // Whose beginnings nobody saw.
    for number in 0..2 * EARLY_MAX {
        book.finished(&format!("unknown-{number}"));
    }
    book.answered("last", "Document", 500);
    book.sent("last", "Document", &json!({}));
    assert_eq!(book.page(), ("http://shop.example/last".to_owned(), Some(500)));
}

#[test]
fn what_a_request_is_sent_on_to_is_not_taken_for_itself() {
    let mut book = Book::new().filled(0);
    book.0.requests.pop();
    book.sent("moved", "Fetch", &json!({}));
    book.sent("moved", "Fetch", &json!({ "redirectResponse": response(302) }));
    book.answered("moved", "Fetch", 500);
    let seen = book.0.seen();
    let status = seen.requests.last().unwrap().answer.as_ref().map(|answer| answer.status);
    assert_eq!((seen.left_out, status), (1, Some(302)));
}

/// The browser tells of its own page that it shows instead.
#[test]
fn a_page_that_did_not_come_did_not_come_whatever_stands_in_its_place() {
    let mut book = Book::new();
    book.sent("page", "Document", &json!({}));
    book.failed("page", "Document");
    book.finished("page");
    book.failed("early", "Document");
    book.finished("early");
    book.sent("early", "Document", &json!({}));
    let ends: Vec<_> = book.0.seen().requests.into_iter().map(|request| request.end).collect();
    assert!(matches!(ends[..], [Some(End::Failed(..)), Some(End::Failed(..))]), "{ends:?}");
}

#[test]
fn what_is_left_out_is_waited_for() {
    let mut book = Book::new().filled(1);
    let later = book.1 + Duration::from_secs(9);
    book.sent("slow", "Fetch", &json!({}));
    assert_eq!(book.0.quiet_for(later), Duration::ZERO);
    book.finished("slow");
    assert_eq!(book.0.quiet_for(later), Duration::from_secs(9));
}
