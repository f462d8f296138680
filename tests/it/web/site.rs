//! A site on a port of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use unbroken::clock::Clock;
use unbroken::model::{IncidentId, ProbeId, Silence, Snapshot};
use unbroken::secret::Secret;
use unbroken::telemetry::{Exposition, Gauges, Metrics};
use unbroken::web::{self, Answer, Audience, Event, Scrape, Site, Vitals};

use super::halcyon::{self, Mood};
use super::shelf::Shelf;

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Shelf>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) stopping: CancellationToken,
    pub(crate) served: tokio::task::JoinHandle<()>,
    client: reqwest::Client,
}

/// Remembers who has what.
struct Desk(Arc<Mutex<Vec<(IncidentId, String)>>>);

#[async_trait]
impl web::Desk for Desk {
    async fn acknowledge(&self, incident: IncidentId, by: String, _: Option<String>) -> Answer {
        self.0.lock().expect("not poisoned").push((incident, by));
        Answer::Done
    }

    fn silenced(&self, _: Silence) {}
}

struct Pulse(Arc<Metrics>);

#[async_trait]
impl Vitals for Pulse {
    fn alive(&self) -> Result<(), String> {
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        Err("the first runs are under way".to_owned())
    }

    async fn metrics(&self, snapshot: &Arc<Snapshot>, accept: &str) -> Scrape {
        let exposition = Exposition::accepted(accept);
        let pieces = self.0.render(snapshot, Gauges::default(), exposition, halcyon::now());
        Scrape { content_type: exposition.content_type(), pieces: Box::new(pieces) }
    }
}

pub(crate) async fn start(mood: Mood) -> Running {
    start_for(mood, Audience::Insiders).await
}

pub(crate) async fn start_for(mood: Mood, audience: Audience) -> Running {
    // Ring and aws-lc meet in this binary; whoever comes first says which.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let store = Arc::new(Shelf::new(mood));
    let (snapshots, snapshot) = watch::channel(Arc::new(halcyon::snapshot(mood)));
    let (events, _) = broadcast::channel(64);
    let secrets = ["first-token", "second-token"].map(|value| Secret::new("test", value)).to_vec();
    let (_, tokens) = watch::channel(Arc::new(BTreeMap::from([(ProbeId::new("billing", "night-run"), secrets)])));
    let yaml = format!("title: Bills and payments {}\npassword: {{ env: BILLING_PASSWORD }}\n", halcyon::ATTACK);
    let (_, written) = watch::channel(Arc::new(BTreeMap::from([("billing".into(), Arc::from(yaml))])));
    let stopping = CancellationToken::new();
    let site = Site {
        clock: Clock::new(halcyon::now),
        snapshot,
        store: store.clone(),
        desk: Arc::new(Desk(Arc::default())),
        events: events.clone(),
        tokens,
        written,
        key: Secret::new("test", "the-key"),
        base: Some("https://status.halcyon.example/".parse().unwrap()),
        audience,
        vitals: Arc::new(Pulse(Arc::default())),
        stopping: stopping.clone(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let served = tokio::spawn(web::serve(listener, web::router(site), stopping.clone()));
    Running { address, store, snapshots, events, stopping, served, client: reqwest::Client::new() }
}

impl Running {
    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.ask(reqwest::Method::POST, path)
    }

    pub(crate) fn put(&self, path: &str) -> reqwest::RequestBuilder {
        self.ask(reqwest::Method::PUT, path)
    }

    pub(crate) fn ask(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        let response = self.get(path).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.expect("text")
    }

    pub(crate) async fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.page(path).await).expect("JSON")
    }
}
