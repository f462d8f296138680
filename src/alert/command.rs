//! `command`: a program of yours, given the notification as JSON on its standard input.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::{Attempt, Program, Render, Request, webhook};
use crate::model::Notification;
use crate::units::Period;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The program and its arguments; no shell reads them. Exit code 0 means taken.
    pub run: Vec<String>,
    /// Names of environment variables to hand on, besides PATH, HOME, LANG and TZ.
    #[serde(default)]
    pub env: Vec<String>,
    /// Then the program and all that it started are killed.
    #[serde(default = "timeout")]
    pub timeout: Period,
}

fn timeout() -> Period {
    Period::from_secs(15)
}

const TIMEOUT_MAX: Duration = Duration::from_mins(5);

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        let variables = vec![
            ("UNBROKEN_ID", notification.id.clone()),
            ("UNBROKEN_INCIDENT", notification.incident.id.to_string()),
            ("UNBROKEN_KIND", notification.kind.as_str().to_owned()),
            ("UNBROKEN_ATTEMPT", attempt.number.to_string()),
        ];
        Request::Program(Program {
            run: self.run.clone(),
            stdin: webhook::document(notification).to_string(),
            env: self.env.clone(),
            variables,
            timeout: self.timeout.get(),
        })
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        if self.run.first().is_none_or(String::is_empty) {
            return Some(("run", "name the program to run, then its arguments".into()));
        }
        (self.timeout.get() > TIMEOUT_MAX).then(|| ("timeout", "a program may take 5m at most".into()))
    }
}
