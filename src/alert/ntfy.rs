//! `ntfy`: a push message to the phones that listen to a topic.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::fit::fit;
use crate::alert::look::Look;
use crate::alert::{Address, Answer, Attempt, Post, Render, Request, Verdict};
use crate::model::{Notification, NotificationKind};
use crate::secret::Secret;

/// ntfy takes 4096 bytes and makes an attachment of what is longer.
const MESSAGE_MAX_BYTES: usize = 4096;
const TITLE_MAX: usize = 250;
const TOPIC_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// On a public server everyone who knows the topic reads along: let it need a token.
    pub topic: String,
    /// An access token (`tk_…`).
    pub token: Option<Secret>,
    /// The server, without the topic.
    #[serde(default = "home")]
    pub url: Address,
}

fn home() -> Address {
    Address::parse("https://ntfy.sh").expect("a constant URL")
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        let post = Post::new(self.url.under("/"), notification, attempt, &self.message(notification));
        Request::Post(match &self.token {
            Some(token) => post.header("authorization", format!("Bearer {}", token.expose())).hide(token),
            None => post,
        })
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_strict_status()
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let well = (1..=TOPIC_MAX).contains(&self.topic.len()) && self.topic.chars().all(allowed);
        (!well).then(|| ("topic", "a topic is 1 to 64 of the characters `A-Z a-z 0-9 - _`".into()))
    }
}

impl Settings {
    fn message(&self, notification: &Notification) -> Value {
        let look = Look::of(notification);
        let priority = match (look, notification.kind) {
            (Look::Grave, NotificationKind::Remind) => 4,
            (Look::Grave, _) => 5,
            _ => 3,
        };
        let tag = match look {
            Look::Grave => "rotating_light",
            Look::Uneasy => "warning",
            Look::Mended => "white_check_mark",
            Look::Test => "test_tube",
        };
        let mut message = json!({
            "topic": self.topic,
            "title": fit(&notification.headline, TITLE_MAX),
            "message": within(&notification.lines, MESSAGE_MAX_BYTES),
            "priority": priority,
            "tags": [tag],
        });
        if let Some(link) = &notification.link {
            message["click"] = link.as_str().into();
        }
        message
    }
}

/// As many whole lines as fit into so many bytes.
fn within(lines: &[String], bytes: usize) -> String {
    let mut text = String::new();
    for line in lines {
        if text.len() + line.len() + 1 > bytes {
            break;
        }
        text.push_str(line);
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}
