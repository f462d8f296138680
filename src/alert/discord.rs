//! `discord`: a message with an embed, through a channel's webhook.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::fit::{discord as inert, fit, lines};
use crate::alert::look::Look;
use crate::alert::{Answer, Attempt, Post, Render, Request, SecretAddress, Verdict};
use crate::model::Notification;
use reqwest::StatusCode;

/// Discord's limits, "Embed limits"; all texts of the embeds together: 6000.
const CONTENT_MAX: usize = 2000;
const DESCRIPTION_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address of the channel's webhook.
    pub webhook: SecretAddress,
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        let post = Post::new(self.webhook.url().clone(), notification, attempt, &message(notification));
        Request::Post(post.hide(self.webhook.secret()))
    }

    /// 204 is yes; a 429 says in its body, too, how long to wait.
    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.status {
            StatusCode::BAD_REQUEST => Verdict::Unfit,
            _ => answer.by_status_and_wait("/retry_after"),
        }
    }
}

fn message(notification: &Notification) -> Value {
    let look = Look::of(notification);
    // An escape is never cut in two: the text is cut before, so that its escaped form fits.
    let headline = fit(&notification.headline, CONTENT_MAX / 2 - 4);
    let mut embed = json!({
        "description": lines(notification.lines.iter().map(|line| inert(line)), DESCRIPTION_MAX),
        "color": look.color(),
        "timestamp": format!("{:.3}", notification.at),
        "footer": { "text": format!("Incident {}", notification.incident.id) },
    });
    if let Some(link) = &notification.link {
        embed["title"] = "Open the incident".into();
        embed["url"] = link.as_str().into();
    }
    json!({
        "content": format!("{} **{}**", look.sign(), inert(&headline)),
        "embeds": [embed],
        // Whatever a text says, it calls nobody.
        "allowed_mentions": { "parse": [] },
    })
}
