//! A running daemon, asked over its own API.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use super::{Global, Stop};
use crate::config::Secrets;
use crate::daemon;

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
        let from_config = || global.load(Secrets::Without).plan.map(|plan| format!("http://{}", plan.listen));
        self.url.clone().or_else(|| demo_page(global)).or_else(from_config).unwrap_or_else(|| DEFAULT_URL.to_owned())
    }

    /// `GET {base}{path}` as JSON.
    pub(super) async fn get(&self, global: &Global, path: &str) -> Result<Value, Stop> {
        let base = self.base(global);
        let (status, body) = ask(&base, client()?.get(under(&base, path))).await?;
        if status == StatusCode::NOT_FOUND {
            return Err(Stop::usage(body["detail"].as_str().unwrap_or("there is no such thing").to_owned()));
        }
        if !status.is_success() {
            return Err(Stop::failure(format!("{base} answered {status}: {}", body["detail"].as_str().unwrap_or(""))));
        }
        Ok(body)
    }

    /// `GET {base}{path}` as it comes.
    pub(super) async fn text(&self, global: &Global, path: &str) -> Result<String, Stop> {
        let base = self.base(global);
        let answer = client()?.get(under(&base, path)).send().await.map_err(|_| unanswered(&base))?;
        match answer.status() {
            StatusCode::OK => answer.text().await.map_err(|error| Stop::own("cannot read the answer", &error)),
            StatusCode::NOT_FOUND => Err(Stop::usage("there is no such thing")),
            status => Err(Stop::failure(format!("{base} answered {status}"))),
        }
    }

    /// `POST {base}{path}`, with the key that lies beside the configured store: status and answer.
    pub(super) async fn post(
        &self,
        global: &Global,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), Stop> {
        self.change(global, Method::POST, path, body).await
    }

    /// The same with `DELETE`.
    pub(super) async fn delete(&self, global: &Global, path: &str) -> Result<(StatusCode, Value), Stop> {
        self.change(global, Method::DELETE, path, None).await
    }

    async fn change(
        &self,
        global: &Global,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), Stop> {
        let base = self.base(global);
        let of_demo = self.url.is_none() && demo_page(global).is_some();
        let store = if of_demo { global.demo_store() } else { global.plan(Secrets::Without)?.store.path };
        let key = daemon::key::read(&store).map_err(|error| {
            Stop::failure(format!(
                "no key lies beside the store {} ({error}); run this on the daemon's machine, with its configuration, as its user",
                store.display()
            ))
        })?;
        let request = client()?.request(method, under(&base, path)).bearer_auth(key.expose());
        let request = body.into_iter().fold(request, RequestBuilder::json);
        let (status, body) = ask(&base, request).await?;
        if status == StatusCode::UNAUTHORIZED {
            return Err(Stop::failure(format!("the daemon at {base} is not that of the store {}", store.display())));
        }
        Ok((status, body))
    }
}

/// The page of the demo that was started here, unless a configuration is named.
fn demo_page(global: &Global) -> Option<String> {
    let page = crate::demo::control::page(&global.data).ok();
    page.filter(|_| global.config == Path::new(super::CONFIG))
}

fn client() -> Result<Client, Stop> {
    let client = Client::builder().no_proxy().timeout(ANSWER_MAX).build();
    client.map_err(|error| Stop::own("cannot make an HTTP client", &error))
}

fn under(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}

fn unanswered(base: &str) -> Stop {
    Stop::failure(format!("no daemon answers at {base}; start one with `unbroken run`, or name another with --url"))
}

async fn ask(base: &str, request: RequestBuilder) -> Result<(StatusCode, Value), Stop> {
    let answer = request.send().await.map_err(|_| unanswered(base))?;
    let status = answer.status();
    let body = answer.json().await.map_err(|error| {
        Stop::failure(format!("{base} answered something that is not a daemon's: {}", crate::words::chain(&error)))
    })?;
    Ok((status, body))
}
