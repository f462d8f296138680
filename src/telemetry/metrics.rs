//! Everything that can be counted, by the names of the contract.
//!
//! Counters and histograms live here; gauges are written from the snapshot at the moment of the scrape, so that a
//! series ends when its probe goes. What there is, [`CATALOGUE`] says; text and messages are both written by [`Sink`]s.

mod catalogue;
mod gauges;
mod runs;
mod sink;
mod tables;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use opentelemetry_proto::tonic::metrics::v1::Metric;

pub use self::catalogue::{CATALOGUE, Family, Type, Unit};
pub use self::runs::UnderWay;
pub use self::sink::SERIES_MAX;
pub(super) use self::sink::{Number, Sink};

use self::catalogue::{
    ALIVE, BUILD, CPU, DEAD, DESCRIPTORS, DESCRIPTORS_MAX, DURATION, EXPORTED, MEMORY, PENDING, PHASE, RELOAD, STUCK,
    WAITING,
};
use self::runs::Runs;
use self::sink::Series;
use self::tables::Tables;
use super::ends::Ends;
use super::exposition::{Exposition, Page};
use super::histogram::{Buckets, Traced};
use super::points::Points;
use super::{Signal, Tally};
use crate::model::{JourneyMap, Reading, Snapshot, TouchpointId};

/// A piece of what is written.
enum Part {
    Head,
    /// The family of what follows.
    Family(&'static Family),
    /// How long the runs of one touchpoint took.
    Durations(TouchpointId),
    /// The same, phase by phase.
    Phases(TouchpointId),
    Rest,
}

/// What a scrape must be told by whoever wires it.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    pub life: Life,
    pub outbox: Outbox,
    pub exported: Vec<Exported>,
    /// None, where the kernel does not say.
    pub footprint: Option<Footprint>,
}

/// What became of a signal on its way to a collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// As messages name it.
    pub collector: String,
    pub signal: Signal,
    pub tally: Tally,
}

/// What the daemon takes of its machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub open_descriptors: u64,
    /// None: as many as there are.
    pub descriptors_max: Option<u64>,
}

/// Whether every part of the daemon gives signs of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    #[default]
    Moves,
    Stuck,
}

/// How notifications get out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    pub pending: u64,
    pub dead: u64,
    /// How long the oldest one waits that does not merely wait its turn.
    pub stuck: Duration,
}

/// Whether the newest configuration was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    Taken,
    Refused,
}

/// The daemon's counters.
#[derive(Debug)]
pub struct Metrics {
    since: Timestamp,
    runs: Arc<Mutex<Runs>>,
    reload_refused: AtomicBool,
    tables: Mutex<Tables>,
}

/// Since nobody knows when.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(Timestamp::UNIX_EPOCH, Buckets::Fixed)
    }
}

impl Metrics {
    /// Counts `since` then.
    pub fn new(since: Timestamp, buckets: Buckets) -> Self {
        Self {
            since,
            runs: Arc::default(),
            reload_refused: AtomicBool::new(false),
            tables: Mutex::new(Tables::new(buckets, since)),
        }
    }

    /// A run is due: it is under way from now on.
    pub fn due(&self) -> UnderWay {
        UnderWay::begin(&self.runs)
    }

    /// What a reading says of times; its run began `lateness` after it was due.
    pub fn observe(&self, reading: &Reading, lateness: Duration, traced: Traced) {
        self.tables().observe(reading, lateness, traced);
    }

    /// The store took this long to write a group.
    pub fn wrote(&self, took: Duration) {
        self.tables().wrote(took);
    }

    /// An attempt to notify a receiver ended in `result`: `delivered`, `retried`, `dead`.
    pub fn notified(&self, receiver: &str, result: &'static str) {
        self.tables().notified(receiver, result);
    }

    pub fn reloaded(&self, reload: Reload) {
        self.reload_refused.store(reload == Reload::Refused, Ordering::Relaxed);
    }

    /// Forgets what is not on the map any more, so that what comes back begins anew.
    pub fn keep(&self, map: &JourneyMap) {
        self.tables().keep(map);
    }

    /// All of it as text, as of now, piece by piece: each is written when it is asked for, and probing waits for none.
    pub fn render(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        gauges: Gauges,
        exposition: Exposition,
        now: Timestamp,
    ) -> impl Iterator<Item = String> + Send + use<> {
        let (metrics, snapshot) = (Arc::clone(self), Arc::clone(snapshot));
        let mut series = Series::new(Page::new(exposition, now));
        parts(&snapshot).into_iter().map(move |part| {
            metrics.write(&part, &mut series, &snapshot, &gauges);
            if matches!(part, Part::Rest) {
                series.sink.end();
            }
            series.sink.take()
        })
    }

    /// All of it as messages, piece by piece, as of now: a series that is gone since the round before has a last point
    /// without a value.
    pub fn measure(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        gauges: Gauges,
        now: Timestamp,
        ends: &Arc<Ends>,
    ) -> impl Iterator<Item = Metric> + Send + use<> {
        let (metrics, snapshot) = (Arc::clone(self), Arc::clone(snapshot));
        let mut series = Series::new(Points::new(now, self.since, ends));
        parts(&snapshot).into_iter().flat_map(move |part| {
            metrics.write(&part, &mut series, &snapshot, &gauges);
            if matches!(part, Part::Rest) { series.sink.end() } else { series.sink.take() }
        })
    }

    /// Families in the catalogue's order.
    fn write<S: Sink>(&self, part: &Part, series: &mut Series<S>, snapshot: &Snapshot, gauges: &Gauges) {
        match part {
            Part::Head => {
                gauges::write(series, snapshot);
                let runs = *lock(&self.runs);
                runs.write(series);
                self.keep(&snapshot.map);
            }
            Part::Family(family) => series.family(family),
            Part::Durations(touchpoint) => self.tables().write_durations(series, &snapshot.map, touchpoint),
            Part::Phases(touchpoint) => self.tables().write_phases(series, touchpoint),
            Part::Rest => {
                self.tables().write_rest(series);
                self.write_ourselves(series, gauges);
                series.write_left_out();
            }
        }
    }

    fn write_ourselves<S: Sink>(&self, series: &mut Series<S>, gauges: &Gauges) {
        let Gauges { life, outbox, exported, footprint } = gauges;
        series.family(ALIVE);
        series.number(&[], *life == Life::Moves);
        series.family(PENDING);
        series.number(&[], outbox.pending);
        series.family(DEAD);
        series.number(&[], outbox.dead);
        series.family(STUCK);
        series.number(&[], outbox.stuck.as_secs_f64());
        series.family(EXPORTED);
        for Exported { collector, signal, tally } in exported {
            for (result, count) in tally.results() {
                series.number(&[collector, signal.label(), result], count);
            }
        }
        series.family(WAITING);
        for Exported { collector, signal, tally } in exported.iter().filter(|it| it.signal != Signal::Metrics) {
            series.number(&[collector, signal.label()], tally.queued);
        }
        write_footprint(series, *footprint);
        series.family(RELOAD);
        series.number(&[], !self.reload_refused.load(Ordering::Relaxed));
        series.family(BUILD);
        series.number(&[env!("CARGO_PKG_VERSION")], true);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }
}

fn write_footprint<S: Sink>(series: &mut Series<S>, footprint: Option<Footprint>) {
    let mut write = |family: &'static Family, of: &dyn Fn(Footprint) -> Option<Number>| {
        series.family(family);
        if let Some(number) = footprint.and_then(of) {
            series.number(&[], number);
        }
    };
    write(CPU, &|taken| Some(taken.cpu_seconds.into()));
    write(MEMORY, &|taken| Some(taken.resident_bytes.into()));
    write(DESCRIPTORS, &|taken| Some(taken.open_descriptors.into()));
    write(DESCRIPTORS_MAX, &|taken| taken.descriptors_max.map(Number::from));
}

fn parts(snapshot: &Snapshot) -> Vec<Part> {
    let touchpoints = || snapshot.map.touchpoints.keys().cloned();
    let durations = std::iter::once(Part::Family(DURATION)).chain(touchpoints().map(Part::Durations));
    let phases = std::iter::once(Part::Family(PHASE)).chain(touchpoints().map(Part::Phases));
    std::iter::once(Part::Head).chain(durations).chain(phases).chain([Part::Rest]).collect()
}

/// A panic while counting loses a count at most.
fn lock<T>(counted: &Mutex<T>) -> MutexGuard<'_, T> {
    counted.lock().unwrap_or_else(PoisonError::into_inner)
}
