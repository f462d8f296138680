//! A webhook that remembers what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

/// How it treats who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Take,
    Refuse,
    /// Says that the message itself is wrong.
    Unfit,
    /// Remembers, and never answers.
    Hang,
}

#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) id: String,
    /// 1 for the first.
    pub(crate) attempt: u32,
    pub(crate) body: Value,
    pub(crate) taken: bool,
}

impl Letter {
    /// `open`, `remind`, `update`, `resolve`
    pub(crate) fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().trim_start_matches("incident.")
    }

    pub(crate) fn incident(&self) -> &str {
        self.body["data"]["incident"].as_str().unwrap_or_default()
    }
}

#[derive(Clone)]
pub(crate) struct Hook {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl Hook {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let hook = Self {
            address: listener.local_addr().expect("an address"),
            manner: Arc::new(Mutex::new(Manner::Take)),
            letters: Arc::default(),
        };
        let seen = hook.clone();
        let take = move |headers: HeaderMap, body: Bytes| {
            let seen = seen.clone();
            async move { seen.take(&headers, &body).await }
        };
        let router = Router::new().route("/", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        hook
    }

    async fn take(&self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let manner = *self.manner.lock().expect("not poisoned");
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (id, attempt) = (said("webhook-id"), said("unbroken-attempt").parse().unwrap_or_default());
        let body = serde_json::from_slice(body).unwrap_or_default();
        let letter = Letter { id, attempt, body, taken: manner == Manner::Take };
        self.letters.lock().expect("not poisoned").push(letter);
        match manner {
            Manner::Take => StatusCode::NO_CONTENT,
            Manner::Refuse => StatusCode::INTERNAL_SERVER_ERROR,
            Manner::Unfit => StatusCode::BAD_REQUEST,
            Manner::Hang => std::future::pending().await,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn be(&self, manner: Manner) {
        *self.manner.lock().expect("not poisoned") = manner;
    }

    /// Everything that came, taken or not.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.letters.lock().expect("not poisoned").clone()
    }

    /// What was taken, of one kind.
    pub(crate) fn taken(&self, kind: &str) -> Vec<Letter> {
        self.letters().into_iter().filter(|letter| letter.taken && letter.kind() == kind).collect()
    }
}
