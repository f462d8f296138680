//! `webhook`: everything about the incident as JSON, signed as Standard Webhooks asks (v1, HMAC-SHA256).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::alert::fields::Fields;
use crate::alert::{Address, Attempt, Post, Render, Request};
use crate::model::{Notification, NotificationKind};
use crate::secret::Secret;

const PREFIX: &str = "whsec_";

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub url: Address,
    /// Signs every message: `whsec_` and the key in base64, or any text as it is. Unsigned, if absent.
    pub secret: Option<Secret>,
    /// What the body holds, by name, instead of everything: a list of fields, or `name: field` to call them otherwise.
    pub fields: Option<Fields>,
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        let body = match &self.fields {
            Some(fields) => fields.body(notification),
            None => document(notification),
        };
        let body = body.to_string();
        let seconds = attempt.at.as_second();
        let mut headers = vec![
            ("webhook-id", notification.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("unbroken-attempt", attempt.number.to_string()),
        ];
        if let Some(secret) = &self.secret {
            // The settings were checked; a key that is no base64 still signs, so that nothing goes out unsigned.
            let key = key(secret.expose()).unwrap_or_else(|_| secret.expose().as_bytes().to_vec());
            headers.push(("webhook-signature", sign(&key, &notification.id, attempt.at, &body)));
        }
        Request::Post(Post { url: self.url.url().clone(), headers, body, hidden: Vec::new() })
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let secret = self.secret.as_ref()?;
        key(secret.expose()).err().map(|text| ("secret", text))
    }
}

/// The key in a secret. The error never quotes it.
fn key(secret: &str) -> Result<Vec<u8>, String> {
    match secret.trim().strip_prefix(PREFIX) {
        None => Ok(secret.as_bytes().to_vec()),
        Some(rest) => STANDARD.decode(rest).map_err(|_| format!("what follows `{PREFIX}` in the secret is not base64")),
    }
}

/// The `webhook-signature` of a message.
///
/// Standard Webhooks, "Signature scheme": `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
fn sign(key: &[u8], id: &str, at: Timestamp, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{}.{body}", at.as_second()).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The notification as JSON; `command` gets the same. Equal for every attempt.
pub(super) fn document(notification: &Notification) -> Value {
    // A test is no incident: what acts on those must not act on it.
    let kind = match notification.kind {
        NotificationKind::Test => "test".to_owned(),
        kind => format!("incident.{}", kind.as_str()),
    };
    json!({
        "type": kind,
        "timestamp": format!("{:.3}", notification.at),
        "data": data(notification),
    })
}

/// Everything about it, by name.
pub(super) fn data(notification: &Notification) -> Value {
    let incident = &notification.incident;
    let time = |at: Timestamp| format!("{at:.3}");
    json!({
        "incident": incident.id,
        "version": incident.version,
        "severity": incident.severity,
        "headline": notification.headline,
        "lines": notification.lines,
        "link": notification.link,
        "trace_link": notification.trace_link,
        "opened": time(incident.opened),
        "closed": incident.closed.map(time),
        "close": incident.close,
        "cause": incident.cause,
        "touchpoint": incident.touchpoint,
        "touchpoints": incident.touchpoints,
        "probes": incident.probes,
        "journeys": incident.impacts.iter().map(|impact| json!({
            "journey": impact.journey, "points_lost": (impact.loss * 10.0).round() / 10.0,
        })).collect::<Vec<_>>(),
        "fault": incident.fault,
        "acknowledged": incident.answered().map(|said| json!({
            "at": time(said.at), "by": said.by, "why": said.why,
        })),
        "trace_id": incident.trace,
        "labels": notification.labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect::<serde_json::Map<_, _>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification and of its reference libraries.
    #[test]
    fn signs_as_the_specification_does() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let text = super::key("whsec_!!!").unwrap_err();
        assert!(!text.contains("!!!"), "{text}");
    }
}
