//! `alertmanager`: alerts by its API v2.
//!
//! Alertmanager forgets what is not said again, and forgets everything when it loses its disk: open alerts are posted
//! every minute to end in four, resolved ones for a quarter of an hour. The identity labels are frozen at the opening;
//! whatever changes is an annotation.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::alert::{Address, Attempt, Keeps, Post, Render, Request};
use crate::model::{Notification, NotificationKind};

const FIRING_FOR: SignedDuration = SignedDuration::from_mins(4);
/// Alertmanager refuses nothing by length, but pages and chats do not care for more.
const ANNOTATION_MAX_CHARS: usize = 2000;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The base, without `/api/v2/alerts`.
    pub url: Address,
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        self.post(std::slice::from_ref(notification), attempt)
    }

    fn keeps(&self) -> Keeps {
        Keeps::Alert
    }

    fn restate(&self, standing: &[Notification], attempt: &Attempt) -> Option<Request> {
        (!standing.is_empty()).then(|| self.post(standing, attempt))
    }
}

impl Settings {
    fn post(&self, notifications: &[Notification], attempt: &Attempt) -> Request {
        let alerts: Vec<_> = notifications.iter().map(|notification| alert(notification, attempt.at)).collect();
        let (url, body) = (self.url.under("/api/v2/alerts"), Value::from(alerts).to_string());
        Request::Post(Post { url, headers: Vec::new(), body, hidden: Vec::new() })
    }
}

fn alert(notification: &Notification, now: Timestamp) -> Value {
    let incident = &notification.incident;
    let ends = match notification.kind {
        NotificationKind::Resolve => incident.closed.unwrap_or(notification.at).min(now),
        _ => now.saturating_add(FIRING_FOR).unwrap_or(now),
    };
    let owner = incident.answered().map(|said| said.by.clone());
    let annotations = [
        ("summary", notification.headline.clone()),
        ("description", notification.lines.join("\n")),
        ("severity_now", incident.severity.as_str().to_owned()),
        ("acknowledged_by", owner.unwrap_or_default()),
        ("trace_id", incident.trace.map(|trace| trace.to_string()).unwrap_or_default()),
    ];
    let mut alert = json!({
        "labels": texts(notification.labels.iter().cloned()),
        "annotations": texts(annotations.map(|(name, value)| (name.to_owned(), value))),
        "startsAt": format!("{:.3}", incident.opened),
        "endsAt": format!("{ends:.3}"),
    });
    if let Some(link) = &notification.link {
        alert["generatorURL"] = link.as_str().into();
    }
    alert
}

/// Alertmanager answers 400 to an empty label.
fn texts(pairs: impl IntoIterator<Item = (String, String)>) -> Map<String, Value> {
    pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, value.chars().take(ANNOTATION_MAX_CHARS).collect::<String>().into()))
        .collect()
}
