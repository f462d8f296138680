//! Carries one rendered request to its receiver and says how that went.

mod mail;
mod post;
mod program;
mod veil;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::alert::{Failure, Receiver, Request, Taken};
use crate::words;

/// Longest that any receiver may take.
const TIMEOUT: Duration = Duration::from_secs(15);
const ECHO_MAX_CHARS: usize = 200;

/// The means to send: shared by all receivers, without state.
#[derive(Clone)]
pub(super) struct Sender {
    client: reqwest::Client,
    environment: Arc<BTreeMap<String, String>>,
}

impl Receiver {
    /// Longest that one message may take before it is given up.
    pub fn patience(&self) -> Duration {
        match self {
            Self::Command(settings) => settings.timeout.get(),
            _ => TIMEOUT,
        }
    }
}

impl Sender {
    pub(super) fn new(environment: BTreeMap<String, String>) -> Result<Self, reqwest::Error> {
        Ok(Self { client: client(TIMEOUT)?, environment: Arc::new(environment) })
    }

    pub(super) async fn send(&self, receiver: &Receiver, request: Request, now: Timestamp) -> Result<Taken, Failure> {
        match request {
            Request::Post(post) => post::send(&self.client, receiver, post, now).await,
            Request::Mail(mail) => mail::send(*mail, TIMEOUT).await,
            Request::Program(program) => program::run(program, &self.environment).await,
        }
    }
}

/// Never follows a redirect, which could lead a signed message astray, nor a proxy from the environment.
pub(super) fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
        .user_agent(concat!("unbroken/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// An error and its sources, harmless as what an outsider said.
pub(super) fn chain(error: &dyn Error) -> String {
    echo(words::chain(error).as_bytes())
}

/// What an outsider said, made harmless: one line, no control characters, cut.
fn echo(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    // Quotes stay: what others answer is mostly JSON, and it stands between no quotes of ours.
    let inert = |c: char| match c {
        '"' | '\'' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    let mut echo: String = text.trim().chars().take(ECHO_MAX_CHARS).map(inert).collect();
    if echo.chars().count() > ECHO_MAX_CHARS {
        echo = echo.chars().take(ECHO_MAX_CHARS).collect();
    }
    echo
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;
    use crate::alert::Post;

    #[tokio::test]
    async fn nobody_is_waited_for_longer_than_fifteen_seconds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let webhook = serde_json::json!({ "webhook": { "url": url } });
        let receiver: Receiver = serde_json::from_value(webhook).expect("settings");
        let url = url.parse().expect("an address");
        let post = Post { url, headers: Vec::new(), body: "{}".to_owned(), hidden: Vec::new() };
        let sender = Sender::new(BTreeMap::new()).expect("a client");
        let sending = async { sender.send(&receiver, Request::Post(post), Timestamp::UNIX_EPOCH).await };
        let hanging = async {
            let (mut caller, _) = listener.accept().await.expect("it calls");
            caller.read_exact(&mut [0; 16]).await.expect("it asks");
            // From here on nothing but our answer is waited for, and there is none.
            tokio::time::pause();
            let began = Instant::now();
            _ = caller.read_to_end(&mut Vec::new()).await;
            began.elapsed()
        };
        let (answer, waited) = tokio::join!(sending, hanging);
        let failure = answer.expect_err("nothing was taken");
        assert!(matches!(failure, Failure::Passing { .. }), "it is tried again: {failure:?}");
        assert!((Duration::from_secs(14)..Duration::from_secs(16)).contains(&waited), "{waited:?}");
    }
}
