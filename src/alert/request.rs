//! What a receiver renders: one message, ready for the wire.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use crate::secret::Secret;

/// Which attempt a rendering is for, and when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    pub at: Timestamp,
}

/// One message for one receiver.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Post(Post),
    Mail(Box<Mail>),
    Program(Program),
}

/// A POST of JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
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
