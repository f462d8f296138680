//! `telegram`: a message by a bot.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::fit::{fit, lines, telegram as inert};
use crate::alert::message::{Message, Weight};
use crate::alert::pace::Pace;
use crate::alert::{Address, Answer, Attempt, Chat, Post, Render, Request, Verdict};
use crate::model::Notification;
use crate::secret::Secret;

/// Of a message's text; markup would not count.
const TEXT_MAX: usize = 4096;
const HEADLINE_MAX: usize = 400;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The bot's token, as `@BotFather` gave it. Telegram wants it in the address; it shows nowhere.
    pub token: Secret,
    /// The chat's id (a group's begins with `-`), or a public channel's `@name`.
    pub chat: String,
    /// A topic of a group with topics: its number.
    pub topic: Option<u32>,
    /// The base, for a Bot API server of your own.
    #[serde(default = "home")]
    pub url: Address,
}

fn home() -> Address {
    Address::parse("https://api.telegram.org").expect("a constant URL")
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        self.say(&Message::of(notification), attempt)
    }

    fn chat(&self) -> Option<&dyn Chat> {
        Some(self)
    }

    /// One a second in one chat, and 20 a minute in a group.
    fn pace(&self) -> Option<Pace> {
        Some(if self.chat.starts_with('-') {
            Pace { burst: 3, every: Duration::from_millis(3500) }
        } else {
            Pace { burst: 5, every: Duration::from_secs(1) }
        })
    }

    /// `ok` in the body is yes; a 429 says there how long to wait. A 400 may be a chat that the bot is not yet in.
    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.by_status_and_wait("/parameters/retry_after") {
            // Something on the way said 200 that is not Telegram.
            Verdict::Taken if answer.json()["ok"] != true => Verdict::Later(answer.retry_after),
            verdict => verdict,
        }
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let number = self.chat.strip_prefix('-').unwrap_or(&self.chat);
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = self.chat.strip_prefix('@').is_some_and(|name| !name.is_empty());
        let text = "a chat is a number, such as `-1001234567890`, or the `@name` of a public channel";
        (!is_number && !is_name).then(|| ("chat", text.to_owned()))
    }
}

impl Chat for Settings {
    fn say(&self, message: &Message<'_>, attempt: &Attempt) -> Request {
        let url = self.url.under(&format!("/bot{}/sendMessage", self.token.expose().trim()));
        Request::Post(Post::new(url, message.id, attempt, &self.body(message)).hide(&self.token))
    }
}

impl Settings {
    fn body(&self, message: &Message<'_>) -> Value {
        let headline = inert(&fit(message.headline, HEADLINE_MAX));
        let headline = format!("{} <b>{headline}</b>", message.look.sign());
        let link = message.link.map(|(link, title)| format!("<a href=\"{}\">{title}</a>", href(link)));
        let room = TEXT_MAX - link.as_ref().map_or(0, |link| link.encode_utf16().count() + 1);
        let mut text = lines([headline].into_iter().chain(message.lines.iter().map(|line| inert(line))), room);
        if let Some(link) = link {
            text.push('\n');
            text.push_str(&link);
        }
        let mut body = json!({
            "chat_id": self.chat,
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
            "disable_notification": message.weight == Weight::Reminder,
        });
        if let Some(topic) = self.topic {
            body["message_thread_id"] = topic.into();
        }
        body
    }
}

fn href(url: &str) -> String {
    url.replace('&', "&amp;").replace('"', "%22").replace('<', "%3C").replace('>', "%3E")
}
