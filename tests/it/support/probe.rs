//! One errand, run once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rustls::RootCertStore;
use serde::Deserialize as _;
use serde_json::{Value, json};
use unbroken::clock::Clock;
use unbroken::model::{
    Fault, FaultCode, FindingSeverity, Phase, ProbeId, Reading, SelfFault, StepOutcome, Trigger, VantageId, Verdict,
};
use unbroken::probe::browser::pool::{self, Browsers};
use unbroken::probe::connect::Network;
use unbroken::probe::connect::resolve::Resolver;
use unbroken::probe::connect::tls::Tls;
use unbroken::probe::expect::Expect;
use unbroken::probe::{Errand, Heard, Kind, Order, Prober, Pushes, Step, Tools, When};

struct Nobody;

#[async_trait]
impl Pushes for Nobody {
    async fn last(&self, _: &ProbeId) -> Result<Option<Heard>, String> {
        Ok(None)
    }
}

/// The network of a machine where every `*.test` name means this machine.
pub(crate) fn network() -> Network {
    trusting(public())
}

/// The authorities that browsers trust.
fn public() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

/// The same, with authorities of the test's own.
pub(crate) fn trusting(roots: RootCertStore) -> Network {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/net");
    let (resolv, hosts) = (folder.join("resolv.conf"), folder.join("hosts"));
    Network::new(Resolver::of_files(resolv, hosts), Tls::new(Clock::system()).trusting(roots))
}

/// Asks these name servers.
pub(crate) fn asking(servers: &[std::net::SocketAddr]) -> Network {
    Network::new(Resolver::of_servers(servers), Tls::new(Clock::system()).trusting(public()))
}

pub(crate) fn prober(network: Network) -> Prober {
    let counter = AtomicU64::new(1);
    Prober::new(Tools {
        clock: Clock::system(),
        pushes: Arc::new(Nobody),
        random: Arc::new(move || counter.fetch_add(1, Ordering::Relaxed)),
        network: Arc::new(network),
        program: PathBuf::from("/nonexistent"),
        browsers: Browsers::new(pool::Settings::default(), Arc::new(rand::random)),
    })
}

/// An errand in the making.
pub(crate) struct Visit {
    steps: Vec<Step>,
    timeout: Duration,
}

/// One step: what stands under `http:`.
pub(crate) fn http(settings: Value) -> Visit {
    Visit { steps: vec![], timeout: Duration::from_secs(20) }.then(settings)
}

/// What the file's author would be told.
pub(crate) fn refused(settings: Value) -> String {
    Kind::decode("http", settings).unwrap().unwrap_err().to_string()
}

impl Visit {
    pub(crate) fn then(mut self, settings: Value) -> Self {
        let kind = Kind::decode("http", settings).unwrap().unwrap();
        self.steps.push(Step {
            name: "".into(),
            kind,
            expect: Expect::default(),
            capture: vec![],
            on: None,
            when: When::Well,
            timeout: None,
            severity: FindingSeverity::Blocking,
        });
        self
    }

    pub(crate) fn expect(mut self, expect: Value) -> Self {
        self.steps.last_mut().unwrap().expect = Expect::deserialize(expect).unwrap();
        self
    }

    pub(crate) fn capture(mut self, name: &str, capture: Value) -> Self {
        let capture = serde_json::from_value(capture).unwrap();
        self.steps.last_mut().unwrap().capture.push((name.into(), capture));
        self
    }

    pub(crate) fn within(mut self, millis: u64) -> Self {
        self.timeout = Duration::from_millis(millis);
        self
    }

    pub(crate) fn errand(self) -> Arc<Errand> {
        let id = ProbeId::new("shop", "visit");
        let periods = (Duration::from_secs(60), self.timeout);
        Arc::new(Errand::new(id, "A visit".to_owned(), periods, self.steps, BTreeMap::new()))
    }

    pub(crate) async fn run(self) -> Met {
        self.run_in(network()).await
    }

    pub(crate) async fn run_in(self, network: Network) -> Met {
        run(&prober(network), &self.errand()).await
    }
}

pub(crate) async fn run(prober: &Prober, errand: &Arc<Errand>) -> Met {
    let order = Order {
        persona: None,
        vantage: VantageId::default(),
        trigger: Trigger::Person,
        asked_by: None,
        scheduled: Clock::system().now(),
    };
    let reading = prober.run(errand, order).await;
    crate::telemetry::conventions::hold(&reading);
    Met(reading)
}

/// What a run met.
#[derive(Debug)]
pub(crate) struct Met(pub(crate) Reading);

impl Met {
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.0.outcome.verdict, Verdict::Good, "{:#?}", self.0.outcome.steps);
        self
    }

    #[track_caller]
    pub(crate) fn failed(self, code: FaultCode, phase: Phase) -> Fault {
        let Verdict::Failed(fault) = self.0.outcome.verdict.clone() else {
            panic!("should have failed with {code}: {:#?}", self.0.outcome)
        };
        assert_eq!((fault.code, fault.phase), (code, Some(phase)), "{fault:?}");
        fault
    }

    #[track_caller]
    pub(crate) fn inconclusive(self, expected: SelfFault) -> String {
        match self.0.outcome.verdict {
            Verdict::Inconclusive { why, text } if why == expected => text,
            other => panic!("should be inconclusive ({expected}): {other:?}"),
        }
    }

    pub(crate) fn last(&self) -> &StepOutcome {
        self.0.outcome.steps.last().unwrap()
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.last().attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn captured(&self, name: &str) -> Option<&str> {
        let all = self.0.outcome.steps.iter().flat_map(|step| &step.captured);
        all.filter(|captured| captured.name == name).find_map(|captured| captured.value.as_deref())
    }

    pub(crate) fn phases(&self) -> Vec<&'static str> {
        self.last().phases.iter().map(|time| time.phase.code()).collect()
    }

    pub(crate) fn took(&self) -> Duration {
        self.0.outcome.took
    }
}

/// The settings of a GET.
pub(crate) fn get(url: impl Into<String>) -> Value {
    json!({ "get": url.into() })
}
