//! Errands as tests write them, and servers for them to meet.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use unbroken::clock::Clock;
use unbroken::model::{ProbeId, Reading, TouchpointId, Trigger, VantageId};
use unbroken::probe::browser::pool::{self, Browsers};
use unbroken::probe::connect::Network;
use unbroken::probe::connect::resolve::Resolver;
use unbroken::probe::connect::tls::Tls;
use unbroken::probe::{Errand, Heard, Kind, Order, Prober, Pushes, Step, Tools, When};

/// Pushes as a test wants them.
pub(crate) struct Pushed(pub(crate) Result<Option<Heard>, String>);

#[async_trait]
impl Pushes for Pushed {
    async fn last(&self, _: &ProbeId) -> Result<Option<Heard>, String> {
        self.0.clone()
    }
}

pub(crate) fn tools() -> Tools {
    Tools {
        clock: Clock::system(),
        pushes: Arc::new(Pushed(Ok(None))),
        random: Arc::new(rand::random),
        network: Arc::new(Network::new(Resolver::of_servers(&[]), Tls::new(Clock::system()))),
        program: "unbroken".into(),
        browsers: Browsers::new(pool::Settings::default(), Arc::new(rand::random)),
    }
}

/// A step as YAML would have it.
pub(crate) fn step(written: &Value) -> Step {
    let text = |key: &str| written[key].as_str().unwrap_or_default().to_owned();
    let (key, settings) = written.as_object().unwrap().iter().find(|(key, _)| Kind::KEYS.contains(&&***key)).unwrap();
    let duration = |key: &str| written[key].as_u64().map(Duration::from_millis);
    let expect = written.get("expect").cloned().unwrap_or_else(|| json!({}));
    let capture = written.get("capture").and_then(Value::as_object).cloned().unwrap_or_default();
    Step {
        name: text("name").into(),
        kind: Kind::decode(key, settings.clone()).unwrap().unwrap_or_else(|error| panic!("{settings}: {error}")),
        expect: serde_json::from_value(expect.clone()).unwrap_or_else(|error| panic!("{expect}: {error}")),
        capture: capture
            .into_iter()
            .map(|(name, capture)| (name.as_str().into(), serde_json::from_value(capture).unwrap()))
            .collect(),
        on: written["on"].as_str().map(TouchpointId::new),
        when: if written["always"] == json!(true) { When::Always } else { When::Well },
        timeout: duration("timeout_ms"),
        severity: serde_json::from_value(written.get("severity").cloned().unwrap_or_else(|| json!("blocking")))
            .unwrap(),
    }
}

pub(crate) fn errand(timeout: Duration, steps: Vec<Step>) -> Arc<Errand> {
    let variables = BTreeMap::from([("greeting".to_owned(), "hello".to_owned())]);
    let id = ProbeId::new("shop", "buy");
    Arc::new(Errand::new(id, "A customer buys".to_owned(), (Duration::from_secs(60), timeout), steps, variables))
}

pub(crate) fn order() -> Order {
    Order {
        persona: None,
        vantage: VantageId::default(),
        trigger: Trigger::Person,
        asked_by: None,
        scheduled: "2026-11-21T12:00:00Z".parse().unwrap(),
    }
}

/// Runs these steps with five seconds' time.
pub(crate) async fn run(steps: Value) -> Reading {
    let steps = steps.as_array().unwrap().iter().map(step).collect();
    let reading = Prober::new(tools()).run(&errand(Duration::from_secs(5), steps), order()).await;
    crate::telemetry::conventions::hold(&reading);
    reading
}

/// Serves each connection with `serve`, for as long as the test runs.
pub(crate) async fn serve<F, S>(serve: S) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}
