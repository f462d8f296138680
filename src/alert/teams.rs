//! `teams`: an Adaptive Card through a webhook of the Workflows app.
//!
//! (The "Incoming Webhook" connectors of Office 365 are gone.) What targets say stands in text runs, which know neither
//! Markdown nor mentions.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::fit::fit;
use crate::alert::look::Look;
use crate::alert::message::Message;
use crate::alert::pace::Pace;
use crate::alert::{Answer, Attempt, Chat, Post, Render, Request, SecretAddress, Verdict};
use crate::model::Notification;

const HEADLINE_MAX: usize = 1000;
/// Teams takes 28 KB: with every character escaped to six bytes, so much text is left.
const BODY_MAX: usize = 3000;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address of a workflow that begins with "When a Teams webhook request is received".
    pub webhook: SecretAddress,
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        self.say(&Message::of(notification), attempt)
    }

    fn chat(&self) -> Option<&dyn Chat> {
        Some(self)
    }

    /// Four a second are taken, too many of them in a minute are not.
    fn pace(&self) -> Option<Pace> {
        Some(Pace { burst: 4, every: Duration::from_secs(1) })
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_strict_status()
    }
}

impl Chat for Settings {
    fn say(&self, message: &Message<'_>, attempt: &Attempt) -> Request {
        let body = json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": card(message),
            }],
        });
        let post = Post::new(self.webhook.url().clone(), message.id, attempt, &body);
        Request::Post(post.hide(self.webhook.secret()))
    }
}

fn card(message: &Message<'_>) -> Value {
    let look = message.look;
    let style = match look {
        Look::Grave => "attention",
        Look::Uneasy => "warning",
        Look::Mended => "good",
        Look::Answered | Look::Test => "accent",
    };
    let headline = fit(&format!("{} {}", look.sign(), message.headline), HEADLINE_MAX);
    let mut body = vec![json!({
        "type": "Container",
        "style": style,
        "bleed": true,
        "items": [text(&headline, "Bolder")],
    })];
    let mut left = BODY_MAX;
    for line in message.lines {
        let line = fit(line, left);
        left = left.saturating_sub(line.encode_utf16().count());
        body.push(text(&line, "Default"));
        if left < 2 {
            break;
        }
    }
    let links = [message.link, message.trace_link.map(|url| (url, "Open the trace"))];
    let action = |(url, title)| json!({ "type": "Action.OpenUrl", "title": title, "url": url });
    let actions: Vec<_> = links.into_iter().flatten().map(action).collect();
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": headline,
        "body": body,
        "actions": actions,
        "msteams": { "width": "Full" },
    })
}

fn text(text: &str, weight: &str) -> Value {
    json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text, "weight": weight }] })
}
