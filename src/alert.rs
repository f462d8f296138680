//! Who is told what, and the courier who tells them.
//!
//! Changes become notifications (pure); the store keeps them in its outbox; the courier carries them from there to the
//! receivers until each has taken its own or 72 hours have passed. Nothing is sent that is not on disk.
//!
//! *Invariant:* a receiver only renders ([`Receiver::render`]); timeouts, retries, backoff, order and limits are the
//! courier's and the same for all.

pub mod alertmanager;
pub mod command;
mod courier;
mod direct;
pub mod email;
mod heartbeat;
mod policy;
mod request;
mod send;
mod settings;
mod tell;
pub mod webhook;

pub use courier::{Bell, Courier, News};
pub use direct::Direct;
pub use heartbeat::beat;
pub use policy::{DEAD_AFTER, Failure, after};
pub use request::{Attempt, Mail, Post, Program, Request};
pub use settings::{Address, Heartbeat, Match, Route, Settings};
pub use tell::{notification_id, notifications, reminders};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::Notification;

/// What every receiver's settings can do.
trait Render {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request;

    /// What must be said again and again as long as it is so, for receivers that forget.
    fn restate(&self, _standing: &[Notification], _attempt: &Attempt) -> Option<Request> {
        None
    }

    /// What is wrong with the settings: the key it concerns, and the text.
    fn problem(&self) -> Option<(&'static str, String)> {
        None
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
    /// A POST of JSON with a Standard Webhooks signature.
    Webhook webhook "webhook";
    /// A mail in text and HTML.
    Email email "email";
    /// A program that is given JSON.
    Command command "command";
}
