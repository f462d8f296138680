//! `ntfy`: a push message to the phones that listen to a topic.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::fit::fit;
use crate::alert::look::Look;
use crate::alert::message::{Message, Weight};
use crate::alert::pace::Pace;
use crate::alert::{Address, Answer, Attempt, Chat, Post, Render, Request, Verdict};
use crate::model::Notification;
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
        self.say(&Message::of(notification), attempt)
    }

    fn chat(&self) -> Option<&dyn Chat> {
        Some(self)
    }

    /// A server as it comes takes 60 at once, of all that one address sends, and then one in five seconds.
    fn pace(&self) -> Option<Pace> {
        Some(Pace { burst: 25, every: Duration::from_secs(5) })
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

impl Chat for Settings {
    fn say(&self, message: &Message<'_>, attempt: &Attempt) -> Request {
        let post = Post::new(self.url.under("/"), message.id, attempt, &self.body(message));
        Request::Post(match &self.token {
            Some(token) => post.header("authorization", format!("Bearer {}", token.expose())).hide(token),
            None => post,
        })
    }
}

impl Settings {
    fn body(&self, message: &Message<'_>) -> Value {
        let look = message.look;
        let priority = match (look, message.weight) {
            (Look::Grave, Weight::Reminder) => 4,
            (Look::Grave, _) => 5,
            _ => 3,
        };
        let tag = match look {
            Look::Grave => "rotating_light",
            Look::Uneasy => "warning",
            Look::Mended => "white_check_mark",
            Look::Answered => "raising_hand",
            Look::Test => "test_tube",
        };
        let mut body = json!({
            "topic": self.topic,
            "title": fit(message.headline, TITLE_MAX),
            "message": within(message.lines, MESSAGE_MAX_BYTES),
            "priority": priority,
            "tags": [tag],
        });
        if let Some((link, _)) = message.link {
            body["click"] = link.into();
        }
        body
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
