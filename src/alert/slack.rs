//! `slack`: a message in a channel.
//!
//! What targets say stands in `plain_text` objects with `<`, `>` and `&` escaped: nothing in it is a mention, a link or
//! an emoji.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::fit::{fit, lines, slack as inert};
use crate::alert::message::{Message, Weight};
use crate::alert::pace::Pace;
use crate::alert::{Address, Answer, Attempt, Chat, Post, Render, Request, SecretAddress, Verdict};
use crate::model::{Notification, NotificationKind};
use crate::secret::Secret;
use crate::store::Thread;

/// Slack's limits, "Reference: blocks"; escapes count.
const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3000;
const TEXT_MAX: usize = 4000;
/// Errors of the Web API that pass; all others last until somebody mends something.
const PASSING: &[&str] =
    &["ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"];
const UNFIT: &[&str] = &["invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"];

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Settings {
    /// The address of an incoming webhook; it knows its channel.
    Webhook(SecretAddress),
    /// A bot that may write in channels (`chat:write`).
    Bot(Bot),
}

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bot {
    /// `xoxb-…`
    pub token: Secret,
    /// The channel's id, or its name with `#`.
    pub channel: String,
    /// The base.
    #[serde(default = "home")]
    pub url: Address,
}

fn home() -> Address {
    Address::parse("https://slack.com").expect("a constant URL")
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        self.say(&Message::of(notification), attempt)
    }

    fn chat(&self) -> Option<&dyn Chat> {
        Some(self)
    }

    /// "One message per second per channel", and short bursts.
    fn pace(&self) -> Option<Pace> {
        Some(Pace { burst: 5, every: Duration::from_secs(1) })
    }

    /// A webhook answers 400 to a message that it does not understand; the Web API says 200 to everything, and `ok` in
    /// its body.
    fn judge(&self, answer: &Answer) -> Verdict {
        match self {
            Self::Webhook(_) => answer.by_strict_status(),
            Self::Bot(_) if !answer.status.is_success() => answer.by_strict_status(),
            Self::Bot(_) => {
                let reply = answer.json();
                match reply["error"].as_str() {
                    _ if reply["ok"] == true => Verdict::Taken,
                    Some(error) if UNFIT.contains(&error) => Verdict::Unfit,
                    Some(error) if !PASSING.contains(&error) => Verdict::Refused,
                    // Something on the way said 200 that is not Slack.
                    _ => Verdict::Later(answer.retry_after),
                }
            }
        }
    }

    /// Where the message stands; what follows is written under it.
    fn receipt(&self, answer: &Answer) -> Option<String> {
        match self {
            Self::Webhook(_) => None,
            Self::Bot(_) => Some(Place::told(&answer.json())?.receipt()),
        }
    }

    /// When it is over the first message says so, too: the channel shows at a glance what is still broken.
    fn amend(&self, notification: &Notification, attempt: &Attempt) -> Option<Request> {
        match (notification.kind, &attempt.thread) {
            (NotificationKind::Resolve, Some(Thread::Own(_))) => self.rewrite(&Message::of(notification), attempt),
            _ => None,
        }
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Bot(bot) if bot.channel.trim().is_empty() => {
                Some(("bot", "name the channel that the bot writes to".into()))
            }
            _ => None,
        }
    }
}

impl Chat for Settings {
    fn say(&self, message: &Message<'_>, attempt: &Attempt) -> Request {
        let mut body = body(message);
        for preview in ["unfurl_links", "unfurl_media"] {
            body[preview] = false.into();
        }
        match self {
            Self::Webhook(webhook) => {
                let post = Post::new(webhook.url().clone(), message.id, attempt, &body);
                Request::Post(post.hide(webhook.secret()))
            }
            Self::Bot(bot) => {
                let first = attempt.thread.as_ref().map(|thread| Place::of(thread.receipt()));
                let channel = first.and_then(|first| first.channel);
                body["channel"] = channel.unwrap_or(&bot.channel).into();
                if let Some(first) = first {
                    body["thread_ts"] = first.ts.into();
                    // The end is news to the channel, and so is what has grown worse.
                    body["reply_broadcast"] = (message.weight == Weight::News).into();
                }
                bot.call("chat.postMessage", message.id, attempt, &body)
            }
        }
    }

    fn rewrite(&self, message: &Message<'_>, attempt: &Attempt) -> Option<Request> {
        let Self::Bot(bot) = self else { return None };
        let Place { channel: Some(channel), ts } = Place::of(attempt.thread.as_ref()?.receipt()) else { return None };
        let mut body = body(message);
        (body["channel"], body["ts"]) = (channel.into(), ts.into());
        Some(bot.call("chat.update", message.id, attempt, &body))
    }
}

impl Bot {
    fn call(&self, method: &str, id: &str, attempt: &Attempt, body: &Value) -> Request {
        let post = Post::new(self.url.under(&format!("/api/{method}")), id, attempt, body)
            .header("authorization", format!("Bearer {}", self.token.expose()));
        Request::Post(post.hide(&self.token))
    }
}

/// Where a message stands: the id of its channel, which a name would not do for, and its time there.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// None, in receipts from before it was kept.
    channel: Option<&'a str>,
    ts: &'a str,
}

impl<'a> Place<'a> {
    fn told(answer: &'a Value) -> Option<Self> {
        Some(Self { channel: answer["channel"].as_str(), ts: answer["ts"].as_str()? })
    }

    fn of(receipt: &'a str) -> Self {
        match receipt.split_once('/') {
            Some((channel, ts)) => Self { channel: Some(channel), ts },
            None => Self { channel: None, ts: receipt },
        }
    }

    fn receipt(self) -> String {
        match self.channel {
            Some(channel) => format!("{channel}/{}", self.ts),
            None => self.ts.to_owned(),
        }
    }
}

fn body(message: &Message<'_>) -> Value {
    let headline = format!("{} {}", message.look.sign(), inert(message.headline));
    let mut blocks = vec![json!({ "type": "header", "text": plain(&fit(&headline, HEADER_MAX)) })];
    let whole = (fit(&headline, HEADER_MAX) != headline).then(|| headline.clone());
    let body = lines(whole.into_iter().chain(message.lines.iter().map(|line| inert(line))), SECTION_MAX);
    if !body.is_empty() {
        blocks.push(json!({ "type": "section", "text": plain(&body) }));
    }
    let links = [message.link, message.trace_link.map(|url| (url, "Open the trace"))];
    let links: Vec<_> = links.into_iter().flatten().map(|(url, text)| link(url, text)).collect();
    if !links.is_empty() {
        let text = lines([links.join("  ·  ")], SECTION_MAX);
        blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": text }] }));
    }
    json!({
        // What notifications and screen readers say.
        "text": fit(&headline, TEXT_MAX),
        "blocks": blocks,
    })
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// Our own address: only what would end it is encoded.
fn link(url: &str, text: &str) -> String {
    format!("<{}|{text}>", inert(&url.replace('|', "%7C").replace('<', "%3C").replace('>', "%3E")))
}
