//! `discord`: a message with an embed, through a channel's webhook.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::fit::{discord as inert, fit, lines};
use crate::alert::message::Message;
use crate::alert::pace::Pace;
use crate::alert::{Answer, Attempt, Chat, Post, Render, Request, SecretAddress, Verdict};
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
        self.say(&Message::of(notification), attempt)
    }

    fn chat(&self) -> Option<&dyn Chat> {
        Some(self)
    }

    /// Five in two seconds, and thirty a minute for one channel.
    fn pace(&self) -> Option<Pace> {
        Some(Pace { burst: 5, every: Duration::from_secs(2) })
    }

    /// 204 is yes; a 429 says in its body, too, how long to wait.
    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.status {
            StatusCode::BAD_REQUEST => Verdict::Unfit,
            _ => answer.by_status_and_wait("/retry_after"),
        }
    }
}

impl Chat for Settings {
    fn say(&self, message: &Message<'_>, attempt: &Attempt) -> Request {
        let post = Post::new(self.webhook.url().clone(), message.id, attempt, &body(message));
        Request::Post(post.hide(self.webhook.secret()))
    }
}

fn body(message: &Message<'_>) -> Value {
    let look = message.look;
    // An escape is never cut in two: the text is cut before, so that its escaped form fits.
    let headline = fit(message.headline, CONTENT_MAX / 2 - 4);
    let mut embed = json!({
        "description": lines(message.lines.iter().map(|line| inert(line)), DESCRIPTION_MAX),
        "color": look.color(),
        "timestamp": format!("{:.3}", message.at),
        "footer": { "text": message.about },
    });
    if let Some((link, title)) = message.link {
        embed["title"] = title.into();
        embed["url"] = link.into();
    }
    json!({
        "content": format!("{} **{}**", look.sign(), inert(&headline)),
        "embeds": [embed],
        // Whatever a text says, it calls nobody.
        "allowed_mentions": { "parse": [] },
    })
}
