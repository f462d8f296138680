//! What a receiver renders: one message, ready for the wire.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use crate::secret::Secret;
use crate::store::Thread;

/// Which attempt a rendering is for, and when it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    pub at: Timestamp,
    /// The incident's first message, under which this one belongs.
    pub thread: Option<Thread>,
}

impl Attempt {
    pub const fn first(at: Timestamp) -> Self {
        Self { number: 1, at, thread: None }
    }
}

/// What a receiver said to a message that it has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// In one harmless line.
    pub said: String,
    /// See [`Thread`].
    pub receipt: Option<String>,
}

/// One message for one receiver.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Post(Post),
    Mail(Box<Mail>),
    Program(Program),
}

/// A POST of JSON.
#[derive(Clone, PartialEq)]
pub struct Post {
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// What may be in all of the above and in nothing that is said of it.
    pub hidden: Vec<Secret>,
}

impl Post {
    /// Every attempt at the same message carries the same key.
    pub(super) fn new(url: Url, id: &str, attempt: &Attempt, body: &Value) -> Self {
        let headers = vec![("idempotency-key", id.to_owned()), ("unbroken-attempt", attempt.number.to_string())];
        Self { url, headers, body: body.to_string(), hidden: Vec::new() }
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn hide(mut self, secret: &Secret) -> Self {
        self.hidden.push(secret.clone());
        self
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// `smtp://` or `smtps://`.
    pub server: Url,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    /// With its angle brackets.
    pub message_id: String,
    pub in_reply_to: Option<String>,
    pub text: String,
    pub html: String,
}

/// A program that is started without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments; at least the program.
    pub run: Vec<String>,
    pub stdin: String,
    /// Names of environment variables that are handed on.
    pub env: Vec<String>,
    /// What is set besides.
    pub variables: Vec<(&'static str, String)>,
    pub timeout: Duration,
}
