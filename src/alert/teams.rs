//! `teams`: an Adaptive Card through a webhook of the Workflows app.
//!
//! (The "Incoming Webhook" connectors of Office 365 are gone.) What targets say stands in text runs, which know neither
//! Markdown nor mentions.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::fit::fit;
use crate::alert::look::Look;
use crate::alert::{Answer, Attempt, Post, Render, Request, SecretAddress, Verdict};
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
        let message = json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": card(notification),
            }],
        });
        let post = Post::new(self.webhook.url().clone(), notification, attempt, &message);
        Request::Post(post.hide(self.webhook.secret()))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_strict_status()
    }
}

fn card(notification: &Notification) -> Value {
    let look = Look::of(notification);
    let style = match look {
        Look::Grave => "attention",
        Look::Uneasy => "warning",
        Look::Mended => "good",
        Look::Test => "accent",
    };
    let headline = fit(&format!("{} {}", look.sign(), notification.headline), HEADLINE_MAX);
    let mut body = vec![json!({
        "type": "Container",
        "style": style,
        "bleed": true,
        "items": [text(&headline, "Bolder")],
    })];
    let mut left = BODY_MAX;
    for line in &notification.lines {
        let line = fit(line, left);
        left = left.saturating_sub(line.encode_utf16().count());
        body.push(text(&line, "Default"));
        if left < 2 {
            break;
        }
    }
    let links = [("Open the incident", &notification.link), ("Open the trace", &notification.trace_link)];
    let actions: Vec<_> = links
        .into_iter()
        .filter_map(|(title, url)| Some(json!({ "type": "Action.OpenUrl", "title": title, "url": url.as_ref()? })))
        .collect();
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
