//! `opsgenie`: an alert by the Alert API v2, one per incident.
//!
//! The incident's id is the alias: a creation that is made twice counts up one alert. What changes is a note, the end
//! closes it. The vendor ends the service and this API on 5 April 2027.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::alert::fit::{fit, lines};
use crate::alert::pace::Pace;
use crate::alert::{Address, Answer, Attempt, Keeps, Post, Render, Request, Verdict};
use crate::model::{Notification, NotificationKind, Severity};
use crate::secret::Secret;

const MESSAGE_MAX: usize = 130;
const DESCRIPTION_MAX: usize = 15_000;
const NOTE_MAX: usize = 25_000;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The key of an API integration.
    pub api_key: Secret,
    /// The base; `https://api.eu.opsgenie.com` for accounts in Europe.
    #[serde(default = "home")]
    pub url: Address,
}

fn home() -> Address {
    Address::parse("https://api.opsgenie.com").expect("a constant URL")
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        let alias = notification.incident.id;
        let note = || json!({ "source": "Unbroken", "note": text(notification, NOTE_MAX) });
        let (path, body) = match notification.kind {
            // Whoever knows the alert counts it up, whoever does not has it from now on.
            NotificationKind::Open | NotificationKind::Escalate | NotificationKind::Test => {
                ("/v2/alerts".to_owned(), alert(notification))
            }
            NotificationKind::Update | NotificationKind::Remind => (format!("/v2/alerts/{alias}/notes"), note()),
            NotificationKind::Acknowledge => (format!("/v2/alerts/{alias}/acknowledge"), note()),
            NotificationKind::Resolve => (format!("/v2/alerts/{alias}/close"), note()),
        };
        let mut url = self.url.under(&path);
        if path != "/v2/alerts" {
            url.set_query(Some("identifierType=alias"));
        }
        let post = Post::new(url, &notification.id, attempt, &body)
            .header("authorization", format!("GenieKey {}", self.api_key.expose()));
        Request::Post(post.hide(&self.api_key))
    }

    /// 202 is yes; 422 says that the alert is invalid.
    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_strict_status()
    }

    fn keeps(&self) -> Keeps {
        Keeps::Alert
    }

    /// It allows more the more users there are; this many to the smallest of teams.
    fn pace(&self) -> Option<Pace> {
        Some(Pace { burst: 20, every: Duration::from_millis(600) })
    }
}

fn alert(notification: &Notification) -> Value {
    let incident = &notification.incident;
    let priority = match (notification.kind, incident.severity) {
        (NotificationKind::Test, _) => "P5",
        (_, Severity::Page) => "P1",
        (_, Severity::Ticket) => "P3",
    };
    let details: Map<_, _> =
        notification.labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let mut alert = json!({
        "message": fit(&notification.headline, MESSAGE_MAX),
        "alias": incident.id,
        "description": text(notification, DESCRIPTION_MAX),
        "priority": priority,
        "source": "Unbroken",
        "tags": ["unbroken", incident.severity],
        "details": details,
    });
    if let Some(touchpoint) = &incident.touchpoint {
        alert["entity"] = touchpoint.as_str().into();
    }
    alert
}

fn text(notification: &Notification, units: usize) -> String {
    let all = [&notification.headline].into_iter().chain(&notification.lines).chain(&notification.link);
    lines(all.cloned(), units)
}
