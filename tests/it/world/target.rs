//! A web server that can be broken while it runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

/// Answers 200 "ok" until it is broken.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    visits: Arc<AtomicU64>,
    pause_millis: Arc<AtomicU64>,
}

impl Target {
    pub(crate) async fn start() -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    pub(crate) fn start_on(listener: TcpListener) -> Self {
        let target = Self {
            address: listener.local_addr().expect("an address"),
            status: Arc::new(AtomicU16::new(200)),
            visits: Arc::default(),
            pause_millis: Arc::default(),
        };
        let seen = target.clone();
        let answer = move || {
            let seen = seen.clone();
            async move {
                seen.visits.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(seen.pause_millis.load(Ordering::Relaxed))).await;
                let status = seen.status.load(Ordering::Relaxed);
                (StatusCode::from_u16(status).expect("a status"), "ok")
            }
        };
        let router = Router::new().route("/", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        target
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn answer_after(&self, pause: Duration) {
        self.pause_millis.store(pause.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn break_(&self) {
        self.status.store(500, Ordering::Relaxed);
    }

    pub(crate) fn mend(&self) {
        self.status.store(200, Ordering::Relaxed);
    }

    pub(crate) fn visits(&self) -> u64 {
        self.visits.load(Ordering::Relaxed)
    }
}
