//! One collector: what waits for it, and how it is told. Nobody who has something to tell ever waits.
//!
//! Each signal has a lane of its own, so that a collector that takes no logs loses no traces. Beyond a lane's queue the
//! oldest is dropped, and counted: after an hour without a collector the last minute is worth more than the first.

mod answer;
mod carrier;
mod dial;
mod grpc;
mod lane;
mod named;
mod parcel;
mod queue;
mod tally;
mod web;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::answer::{Answer, Refusal};
use self::carrier::Carrier;
use self::lane::Lane;
pub(super) use self::parcel::{Envelope, Parcel};
use self::queue::Queue;
use self::tally::Counts;
pub use self::tally::Tally;
pub(super) use self::web::WEB_PAGE;
pub(super) use self::wire::Unwired;
use self::wire::Wire;
use super::encode;
use super::run::{Run, Tracer};
use super::settings::Standard;
use super::{Ends, Otlp, Signal};

/// What is measured, asked for whenever it is sent, with what that collector was told before: piece by piece, for all of
/// it at once would be our largest thing.
pub type Source = Arc<dyn Fn(&Arc<Ends>) -> Box<dyn Iterator<Item = Metric> + Send> + Send + Sync>;

/// When everything has to be sent or given up; none while we run.
pub(super) type Deadline = watch::Receiver<Option<Instant>>;

/// Why a collector cannot be reached as it is written.
pub(super) fn trouble(otlp: &Otlp) -> Option<String> {
    dial::Dial::new(otlp).err().map(|why| why.0)
}

/// One collector, and what waits for it.
#[derive(Debug)]
pub struct Outlet {
    wire: Arc<Wire>,
    /// In the order of [`Signal::ALL`].
    takes: [bool; 3],
    envelope: Arc<Envelope>,
    deadline: Deadline,
    counts: [Arc<Counts>; 3],
    traces: Option<Arc<Queue<Run>>>,
    logs: Option<Arc<Queue<LogRecord>>>,
}

impl Outlet {
    /// Connects to nothing yet.
    pub(super) fn new(
        otlp: &Otlp,
        paces: &Standard,
        envelope: &Arc<Envelope>,
        deadline: &Deadline,
    ) -> Result<Self, Unwired> {
        Ok(Self {
            wire: Arc::new(Wire::new(otlp)?),
            takes: Signal::ALL.map(|signal| otlp.takes(signal)),
            envelope: Arc::clone(envelope),
            deadline: deadline.clone(),
            counts: Default::default(),
            traces: otlp.takes(Signal::Traces).then(|| Arc::new(Queue::new(paces.spans))),
            logs: otlp.takes(Signal::Logs).then(|| Arc::new(Queue::new(paces.records))),
        })
    }

    /// Starts what sends spans and log records.
    pub(super) fn open(&self) -> Vec<JoinHandle<()>> {
        let mut tasks = Vec::new();
        if let Some(queue) = &self.traces {
            let (envelope, mut tracer) = (Arc::clone(&self.envelope), Tracer::default());
            let pack = move |runs: Vec<Run>| {
                let spans = runs.iter().flat_map(|run| tracer.spans(run));
                envelope.spans(spans.map(|span| encode::span(&span)))
            };
            tasks.push(tokio::spawn(Lane::new(Arc::clone(queue), pack, self.carrier(Signal::Traces)).run()));
        }
        if let Some(queue) = &self.logs {
            let envelope = Arc::clone(&self.envelope);
            let pack = move |records: Vec<LogRecord>| envelope.records(records);
            tasks.push(tokio::spawn(Lane::new(Arc::clone(queue), pack, self.carrier(Signal::Logs)).run()));
        }
        tasks
    }

    /// Starts what asks for measurements and sends them.
    pub(super) fn measure(&self, every: Duration, source: Source) -> JoinHandle<()> {
        tokio::spawn(lane::measure(every, source, Arc::clone(&self.envelope), self.carrier(Signal::Metrics)))
    }

    pub(super) fn takes(&self, signal: Signal) -> bool {
        self.takes[signal as usize]
    }

    fn carrier(&self, signal: Signal) -> Carrier {
        let counts = Arc::clone(&self.counts[signal as usize]);
        Carrier::new(Arc::clone(&self.wire), signal, counts, self.deadline.clone())
    }

    /// A run that is not traced: `sample` leaves it out.
    pub(super) fn pass_over(&self, run: &Run) {
        if self.traces.is_some() {
            self.counts[Signal::Traces as usize].pass_over(run.weight() as u64);
        }
    }

    /// Queues a run's trace: whole, or not at all.
    pub(super) fn trace(&self, run: &Run) {
        if let Some(queue) = &self.traces {
            let dropped = queue.push(run.clone(), run.weight());
            self.counts[Signal::Traces as usize].overflow(dropped);
        }
    }

    pub(super) fn log(&self, record: &LogRecord) {
        if let Some(queue) = &self.logs {
            let dropped = queue.push(record.clone(), 1);
            self.counts[Signal::Logs as usize].overflow(dropped);
        }
    }

    /// One request and its answer, past every queue and without a second attempt.
    pub(super) async fn send(&self, signal: Signal, parcel: &Parcel) -> Result<Answer, Refusal> {
        self.wire.send(signal, parcel.body.clone()).await
    }

    /// The collector, for messages.
    pub(super) fn shown(&self) -> &str {
        self.wire.shown()
    }

    pub fn tally(&self, signal: Signal) -> Tally {
        let queued = match signal {
            Signal::Traces => self.traces.as_ref().map_or(0, |queue| queue.weight()),
            Signal::Logs => self.logs.as_ref().map_or(0, |queue| queue.weight()),
            Signal::Metrics => 0,
        };
        self.counts[signal as usize].read(queued as u64)
    }
}
