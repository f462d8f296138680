//! Hands traces, metrics and logs to OpenTelemetry collectors, without ever making anybody wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::histogram::Traced;
use super::metrics::Exported;
use super::outlet::{Envelope, Outlet, Source, Tally, Unwired};
use super::run::Run;
use super::sampler::Sampler;
use super::{Otlp, Protocol, Settings, Signal, message};
use crate::model::{JourneyMap, Reading, VantageId};

/// Who says it: the resource of everything that is sent.
#[derive(Clone, Debug)]
pub struct Identity {
    /// One per process.
    pub instance: String,
    pub vantage: VantageId,
}

/// A collector's settings do not fit together.
#[derive(Debug, thiserror::Error)]
#[error("telemetry to {endpoint} ({protocol}) cannot be set up: {detail}")]
pub struct Unbuilt {
    endpoint: String,
    protocol: Protocol,
    detail: String,
}

impl Unbuilt {
    pub(super) fn new(otlp: &Otlp, why: Unwired) -> Self {
        Self { endpoint: otlp.shown().into_owned(), protocol: otlp.protocol, detail: why.0 }
    }
}

/// Sends everything to every collector that is to have it.
#[derive(Debug)]
pub struct Exporter {
    outlets: Vec<Outlet>,
    sampler: Option<Sampler>,
    measured_every: Duration,
    ending: watch::Sender<Option<Instant>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Exporter {
    /// Connects to nothing yet. Must be called within a tokio runtime, on which everything is sent.
    pub fn new(settings: &Settings, identity: &Identity) -> Result<Self, Unbuilt> {
        let (ending, deadline) = watch::channel(None);
        let envelope = Arc::new(Envelope {
            resource: message::resource(identity, &settings.standard.resource),
            scope: message::scope(),
        });
        let outlets = settings.otlp.iter().map(|otlp| {
            Outlet::new(otlp, &settings.standard, &envelope, &deadline).map_err(|why| Unbuilt::new(otlp, why))
        });
        let outlets: Vec<Outlet> = outlets.collect::<Result<_, _>>()?;
        let tasks = outlets.iter().flat_map(Outlet::open).collect();
        let sampler = settings.sample.map(Sampler::new);
        Ok(Self { outlets, sampler, measured_every: settings.every(), ending, tasks: Mutex::new(tasks) })
    }

    /// Whether any collector is to have it: what nobody takes need not be made.
    pub fn wants(&self, signal: Signal) -> bool {
        self.outlets.iter().any(|outlet| outlet.takes(signal))
    }

    /// Queues the run's trace, if it is to have one, and returns at once. Where nobody takes traces, pages still know it.
    pub fn export(&self, reading: &Arc<Reading>, map: &Arc<JourneyMap>) -> Traced {
        if !self.wants(Signal::Traces) {
            return Traced::Yes;
        }
        let run = Run { reading: Arc::clone(reading), map: Arc::clone(map) };
        match &self.sampler {
            Some(sampler) if !sampler.keeps(reading) => {
                self.outlets.iter().for_each(|outlet| outlet.pass_over(&run));
                Traced::No
            }
            _ => {
                self.outlets.iter().for_each(|outlet| outlet.trace(&run));
                Traced::Yes
            }
        }
    }

    /// Forgets what is not on the map any more.
    pub fn keep(&self, map: &JourneyMap) {
        if let Some(sampler) = &self.sampler {
            sampler.keep(map);
        }
    }

    /// Queues a log record and returns at once.
    pub fn log(&self, record: &LogRecord) {
        self.outlets.iter().for_each(|outlet| outlet.log(record));
    }

    /// From now on asks for measurements, regularly and at the end, and sends them. Must be called within the runtime;
    /// `source` is called on it and should not take long before its first piece.
    pub fn measure(&self, source: &Source) {
        let takers = self.outlets.iter().filter(|outlet| outlet.takes(Signal::Metrics));
        let tasks = takers.map(|outlet| outlet.measure(self.measured_every, Arc::clone(source)));
        self.tasks().extend(tasks);
    }

    /// What became of everything so far, over all collectors.
    pub fn tally(&self, signal: Signal) -> Tally {
        self.outlets.iter().map(|outlet| outlet.tally(signal)).fold(Tally::default(), std::ops::Add::add)
    }

    /// The same, collector by collector; two that are named alike are one.
    pub fn tallies(&self) -> Vec<Exported> {
        let mut all: BTreeMap<(&str, Signal), Tally> = BTreeMap::new();
        for outlet in &self.outlets {
            for signal in Signal::ALL.into_iter().filter(|signal| outlet.takes(*signal)) {
                let tally = all.entry((outlet.shown(), signal)).or_default();
                *tally = *tally + outlet.tally(signal);
            }
        }
        let named = |((collector, signal), tally): ((&str, Signal), _)| Exported {
            collector: collector.to_owned(),
            signal,
            tally,
        };
        all.into_iter().map(named).collect()
    }

    /// Sends what is queued, and once more what is measured, for at most `within`. What comes later is lost.
    pub async fn shutdown(&self, within: Duration) {
        let deadline = Instant::now() + within;
        self.ending.send_replace(Some(deadline));
        let tasks = std::mem::take(&mut *self.tasks());
        let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        // Each of them looks at the deadline itself; this is for one that is caught in something else.
        let all = futures::future::join_all(tasks);
        if tokio::time::timeout_at(deadline + Duration::from_millis(200), all).await.is_err() {
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
        for (outlet, signal) in self.outlets.iter().flat_map(|outlet| Signal::ALL.map(|signal| (outlet, signal))) {
            let tally = outlet.tally(signal);
            let (lost, what, collector) = (tally.lost() + tally.queued, signal.items(), outlet.shown());
            if lost > 0 {
                tracing::warn!(
                    collector,
                    signal = signal.label(),
                    lost,
                    "{lost} {what} of this run of the daemon never reached {collector}"
                );
            }
        }
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
