//! A marked test message, by the same way as all others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::alert::send::Sender;
use crate::alert::{Attempt, Keeps, Receiver, notification_id};
use crate::clock::Clock;
use crate::model::{
    Cause, Close, Incident, IncidentId, JourneyMap, Notification, NotificationKind, Severity, TouchpointId,
};
use crate::store::Thread;

/// The touchpoint that tests are about: there is none of this name.
const NOBODY: &str = "unbroken-test";

/// Who is tried, and what is said of us.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    pub name: &'a str,
    pub receiver: &'a Receiver,
    pub map: &'a JourneyMap,
    /// Where the page is, if others can reach it.
    pub base: Option<&'a Url>,
}

/// What came of one message of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub kind: NotificationKind,
    pub took: Duration,
    /// What the receiver answered; an error, if it did not take it.
    pub answer: Result<String, String>,
}

/// Sends a test, and its end to receivers that would keep it open. Never more than one attempt each.
///
/// # Errors
/// If this machine's trusted certificates cannot be read.
pub async fn rehearse(
    rehearsal: Rehearsal<'_>,
    clock: &Clock,
    environment: BTreeMap<String, String>,
) -> Result<Vec<Said>, reqwest::Error> {
    let sender = Sender::new(environment)?;
    let mut all = Vec::new();
    let mut attempt = Attempt::first(clock.now());
    for notification in rehearsal.messages(IncidentId(Uuid::now_v7()), clock.now()) {
        let request = rehearsal.receiver.render(&notification, &attempt);
        let began = Instant::now();
        let answer = sender.send(rehearsal.receiver, request, attempt.at).await;
        let took = began.elapsed();
        let failed = answer.is_err();
        if let Ok(taken) = &answer {
            attempt.thread = taken.receipt.clone().map(Thread::Own);
        }
        let answer = answer.map(|taken| taken.said).map_err(|failure| failure.text().to_owned());
        all.push(Said { kind: notification.kind, took, answer });
        if failed {
            break;
        }
    }
    Ok(all)
}

impl Rehearsal<'_> {
    /// The test; and its end, where it would stay open. Pure.
    pub fn messages(&self, id: IncidentId, now: Timestamp) -> Vec<Notification> {
        let nobody = TouchpointId::from(NOBODY);
        let test = Incident {
            touchpoint: Some(nobody.clone()),
            touchpoints: BTreeSet::from([nobody.clone()]),
            ..Incident::new(id, Cause::Touchpoint(nobody), Severity::Ticket, now)
        };
        let mut messages = vec![self.message(&test, NotificationKind::Test)];
        if self.receiver.keeps() == Keeps::Alert {
            let end = Incident { version: 2, closed: Some(now), close: Some(Close::Recovered), ..test };
            messages.push(self.message(&end, NotificationKind::Resolve));
        }
        messages
    }

    fn message(&self, incident: &Incident, kind: NotificationKind) -> Notification {
        let company = &self.map.company;
        let headline = match kind {
            NotificationKind::Resolve => format!("Test ended: {company} was well all the time"),
            _ => format!("Test: nothing is broken at {company}"),
        };
        let lines = vec![
            format!("Somebody asked Unbroken to try the receiver “{}”.", self.name),
            "Alerts will arrive here and look like this.".to_owned(),
            "Next: nothing is to be done.".to_owned(),
        ];
        Notification {
            id: notification_id(incident.id, incident.version, kind, 0, self.name),
            receiver: self.name.to_owned(),
            kind,
            at: incident.opened,
            incident: incident.clone(),
            headline,
            lines,
            link: self.base.map(ToString::to_string),
            trace_link: None,
            labels: [("alertname", "UnbrokenTest"), ("incident", &incident.id.to_string()), ("severity", "ticket")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }
}
