//! Who is told what, and the courier who tells them.
//!
//! Changes become notifications (pure); the store keeps them in its outbox; the courier carries them from there to the
//! receivers until each has taken its own or 72 hours have passed. Nothing is sent that is not on disk.
//!
//! *Invariant:* a receiver only renders ([`Receiver::render`]); timeouts, retries, backoff, order and limits are the
//! courier's and the same for all.

pub mod alertmanager;
mod answer;
pub mod command;
mod courier;
mod direct;
pub mod discord;
mod due;
pub mod email;
mod fields;
mod fit;
mod heartbeat;
mod look;
mod message;
pub mod ntfy;
pub mod opsgenie;
mod pace;
pub mod pagerduty;
mod policy;
mod quiet;
mod rehearsal;
mod request;
mod send;
mod settings;
pub mod slack;
mod storm;
pub mod teams;
pub mod telegram;
mod tell;
pub mod webhook;

pub use answer::{Answer, Verdict};
pub use courier::{About, Bell, Courier, News};
pub use direct::Direct;
pub use due::{Ledger, Roster};
pub use heartbeat::beat;
pub use policy::{DEAD_AFTER, Failure, Tried, after};
pub use quiet::{Quiet, Why};
pub use rehearsal::{Rehearsal, Said, rehearse};
pub use request::{Attempt, Mail, Post, Program, Request, Taken};
pub use settings::{Address, Escalation, Heartbeat, Match, Route, SecretAddress, Settings};
pub use storm::Teller;
pub use tell::notification_id;

use schemars::JsonSchema;
use serde::Deserialize;

use self::message::Message;
use self::pace::Pace;
use crate::model::{Circular, Notification, Storm};

/// What every receiver's settings can do.
trait Render {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request;

    /// What an answer over HTTP means: each has its own ways to say yes.
    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_status()
    }

    /// What the answer gives to write the next message under this one.
    fn receipt(&self, _answer: &Answer) -> Option<String> {
        None
    }

    /// What is put right there before this is told, because it is no longer so. It may be put right twice, and what
    /// cannot be any more is left as it is.
    fn amend(&self, _notification: &Notification, _attempt: &Attempt) -> Option<Request> {
        None
    }

    /// What an opening becomes there.
    fn keeps(&self) -> Keeps {
        Keeps::Message
    }

    /// People who read along, if there are any: they are told of a storm as one. Machines need each for itself.
    fn chat(&self) -> Option<&dyn Chat> {
        None
    }

    /// How often it wants to be told; none, if that does not matter.
    fn pace(&self) -> Option<Pace> {
        None
    }

    /// What must be said again and again as long as it is so, for receivers that forget.
    fn restate(&self, _standing: &[Notification], _attempt: &Attempt) -> Option<Request> {
        None
    }

    /// What is wrong with the settings: the key it concerns, and the text.
    fn problem(&self) -> Option<(&'static str, String)> {
        None
    }
}

/// A receiver that people read.
trait Chat {
    fn say(&self, message: &Message<'_>, attempt: &Attempt) -> Request;

    /// Says this in place of the first message of the attempt's thread. It may be said twice.
    fn rewrite(&self, _message: &Message<'_>, _attempt: &Attempt) -> Option<Request> {
        None
    }
}

/// What a receiver makes of an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// A message, which needs no end.
    Message,
    /// An alert that stands until it is resolved.
    Alert,
}

impl Receiver {
    /// The request that tells this receiver of a storm; none, if it is told of each incident for itself. Pure.
    pub fn render_storm(&self, storm: &Storm, attempt: &Attempt) -> Option<Request> {
        Some(self.chat()?.say(&Message::of_storm(storm), attempt))
    }

    /// The request that puts the message of a storm right, which stands at the head of the attempt's thread. Pure.
    pub fn amend_storm(&self, storm: &Storm, attempt: &Attempt) -> Option<Request> {
        self.chat()?.rewrite(&Message::of_storm(storm), attempt)
    }

    /// The mail that a circular is; none from a receiver that sends no mail. Pure.
    pub fn render_circular(&self, circular: &Circular) -> Option<Request> {
        match self {
            Self::Email(settings) => Some(settings.send(circular)),
            _ => None,
        }
    }
}

/// The one list of receivers: variant, module, key in YAML.
macro_rules! receivers {
    ($($(#[doc = $doc:literal])* $variant:ident $module:ident $key:literal;)*) => {
        /// One receiver's settings, by kind.
        #[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
        pub enum Receiver {
            $($(#[doc = $doc])* #[serde(rename = $key)] $variant($module::Settings),)*
        }

        impl Receiver {
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            pub const fn key(&self) -> &'static str {
                match self { $(Self::$variant(_) => $key,)* }
            }

            /// The request that tells this receiver. Pure.
            pub fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
                match self { $(Self::$variant(settings) => settings.render(notification, attempt),)* }
            }

            /// The request that puts right what it was told before, to be sent before [`Self::render`]'s. Pure.
            pub fn amend(&self, notification: &Notification, attempt: &Attempt) -> Option<Request> {
                match self { $(Self::$variant(settings) => settings.amend(notification, attempt),)* }
            }

            /// What an answer over HTTP means. Pure.
            pub fn judge(&self, answer: &Answer) -> Verdict {
                match self { $(Self::$variant(settings) => settings.judge(answer),)* }
            }

            fn chat(&self) -> Option<&dyn Chat> {
                match self { $(Self::$variant(settings) => settings.chat(),)* }
            }

            fn pace(&self) -> Option<Pace> {
                match self { $(Self::$variant(settings) => settings.pace(),)* }
            }

            fn receipt(&self, answer: &Answer) -> Option<String> {
                match self { $(Self::$variant(settings) => settings.receipt(answer),)* }
            }

            fn keeps(&self) -> Keeps {
                match self { $(Self::$variant(settings) => settings.keeps(),)* }
            }

            fn restate(&self, standing: &[Notification], attempt: &Attempt) -> Option<Request> {
                match self { $(Self::$variant(settings) => settings.restate(standing, attempt),)* }
            }

            fn problem(&self) -> Option<(&'static str, String)> {
                match self { $(Self::$variant(settings) => settings.problem(),)* }
            }
        }
    };
}

receivers! {
    /// Alertmanager, API v2.
    Alertmanager alertmanager "alertmanager";
    /// `PagerDuty`, Events API v2.
    Pagerduty pagerduty "pagerduty";
    /// Opsgenie, or what speaks its Alert API; the vendor ends it on 5 April 2027.
    Opsgenie opsgenie "opsgenie";
    /// A Slack channel, by incoming webhook or as a bot.
    Slack slack "slack";
    /// A Microsoft Teams channel or chat, by a Workflows webhook.
    Teams teams "teams";
    /// A Discord channel, by its webhook.
    Discord discord "discord";
    /// A Telegram chat, by a bot.
    Telegram telegram "telegram";
    /// Phones that listen to an ntfy topic.
    Ntfy ntfy "ntfy";
    /// A POST of JSON with a Standard Webhooks signature.
    Webhook webhook "webhook";
    /// A mail in text and HTML.
    Email email "email";
    /// A program that is given JSON.
    Command command "command";
}
