//! A running daemon, asked over its own API.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Global, Stop};
use crate::config::Secrets;

const ANSWER_MAX: Duration = Duration::from_secs(10);
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// Where the daemon answers.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// The daemon's address [default: where the demo or the configuration says]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl At {
    pub(super) fn is_given(&self) -> bool {
        self.url.is_some()
    }

    fn base(&self, global: &Global) -> String {
        let of_demo = || {
            let page = crate::demo::control::page(&global.data).ok();
            page.filter(|_| global.config == Path::new(super::CONFIG))
        };
        let from_config = || global.load(Secrets::Without).plan.map(|plan| format!("http://{}", plan.listen));
        self.url.clone().or_else(of_demo).or_else(from_config).unwrap_or_else(|| DEFAULT_URL.to_owned())
    }

    /// `GET {base}{path}` as JSON.
    pub(super) async fn get(&self, global: &Global, path: &str) -> Result<Value, Stop> {
        let base = self.base(global);
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_MAX)
            .build()
            .map_err(|error| Stop::own("cannot make an HTTP client", &error))?;
        let answer = client.get(format!("{}{path}", base.trim_end_matches('/'))).send().await.map_err(|_| {
            Stop::failure(format!(
                "no daemon answers at {base}; start one with `unbroken run`, or name another with --url"
            ))
        })?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(|error| {
            Stop::failure(format!("{base} answered something that is not a daemon's: {}", crate::words::chain(&error)))
        })?;
        if status == reqwest::StatusCode::NOT_FOUND {
            return Err(Stop::usage(body["detail"].as_str().unwrap_or("there is no such thing").to_owned()));
        }
        if !status.is_success() {
            return Err(Stop::failure(format!("{base} answered {status}: {}", body["detail"].as_str().unwrap_or(""))));
        }
        Ok(body)
    }
}
