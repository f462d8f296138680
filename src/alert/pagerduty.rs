//! `pagerduty`: an alert by the Events API v2, one per incident.
//!
//! The incident's id is the `dedup_key`: an attempt that is made twice is one alert, an update changes the alert that
//! stands, and the end resolves it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::alert::fit::fit;
use crate::alert::pace::Pace;
use crate::alert::{Address, Answer, Attempt, Keeps, Post, Render, Request, Verdict};
use crate::model::{Cause, Notification, NotificationKind, Severity};
use crate::secret::Secret;

const SUMMARY_MAX: usize = 1024;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The integration key of a service ("Events API v2").
    pub routing_key: Secret,
    /// The base; `https://events.eu.pagerduty.com` for accounts in Europe.
    #[serde(default = "home")]
    pub url: Address,
}

fn home() -> Address {
    Address::parse("https://events.pagerduty.com").expect("a constant URL")
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        let action = match notification.kind {
            NotificationKind::Resolve => "resolve",
            NotificationKind::Acknowledge => "acknowledge",
            _ => "trigger",
        };
        let mut event = json!({
            "routing_key": self.routing_key.expose(),
            "event_action": action,
            "dedup_key": notification.incident.id,
        });
        if action == "trigger" {
            event["payload"] = payload(notification);
            event["client"] = "Unbroken".into();
            if let Some(link) = &notification.link {
                event["client_url"] = link.as_str().into();
            }
            event["links"] = links(notification);
        }
        let post = Post::new(self.url.under("/v2/enqueue"), &notification.id, attempt, &event);
        Request::Post(post.hide(&self.routing_key))
    }

    /// 202 is yes; 400 says that the event is invalid.
    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_strict_status()
    }

    fn keeps(&self) -> Keeps {
        Keeps::Alert
    }

    /// 120 events a minute for one integration.
    fn pace(&self) -> Option<Pace> {
        Some(Pace { burst: 20, every: Duration::from_millis(600) })
    }
}

fn payload(notification: &Notification) -> Value {
    let incident = &notification.incident;
    let severity = match (notification.kind, &incident.cause, incident.severity) {
        (NotificationKind::Test, ..) => "info",
        (_, Cause::Own(_), _) => "error",
        (_, _, Severity::Page) => "critical",
        (_, _, Severity::Ticket) => "warning",
    };
    let mut payload = json!({
        "summary": fit(&notification.headline, SUMMARY_MAX),
        "source": incident.touchpoint.as_ref().map_or("unbroken", |id| id.as_str()),
        "severity": severity,
        "timestamp": format!("{:.3}", incident.opened),
        "custom_details": details(notification),
    });
    let texts = [
        ("component", incident.probes.first().map(ToString::to_string)),
        ("group", incident.impacts.first().map(|impact| impact.journey.to_string())),
        ("class", incident.fault.as_ref().map(|fault| fault.code.to_string())),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            payload[name] = text.into();
        }
    }
    payload
}

fn details(notification: &Notification) -> Value {
    let incident = &notification.incident;
    let journeys: Map<_, _> = incident
        .impacts
        .iter()
        .map(|impact| (impact.journey.to_string(), format!("loses {:.1} points of 100", impact.loss).into()))
        .collect();
    json!({
        "message": notification.lines.join("\n"),
        "kind": notification.kind,
        "version": incident.version,
        "journeys": journeys,
        "trace_id": incident.trace.map(|trace| trace.to_string()),
    })
}

fn links(notification: &Notification) -> Value {
    let links = [("The incident in Unbroken", &notification.link), ("The trace of the run", &notification.trace_link)];
    links.into_iter().filter_map(|(text, href)| Some(json!({ "href": href.as_ref()?, "text": text }))).collect()
}
