//! Everything that can be counted, by the names of the contract.
//!
//! Counters and histograms live here; gauges are written from the snapshot at the moment of the scrape, so that a
//! series ends when its probe goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::exporter::Tally;
use super::exposition::{Exposition, Page, Type};
use super::histogram::{ANSWERS, Histogram, LATENESS, WRITES};
use crate::model::{Phase, ProbeId, Reading, Snapshot, TouchpointId, Verdict};

mod gauges;

const DURATION: &str = "unbroken_probe_duration_seconds";

/// A piece of the text.
enum Part {
    Head,
    /// How long the runs of one touchpoint took.
    Durations(TouchpointId),
    Rest,
}

/// What a scrape must be told by whoever wires it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    pub outbox_pending: u64,
    pub spans: Tally,
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
    runs: Arc<Mutex<Runs>>,
    reload_refused: AtomicBool,
    tables: Mutex<Tables>,
}

/// Counted one by one where each happens; that they add up is for whoever reads them to see.
#[derive(Clone, Copy, Debug, Default)]
struct Runs {
    due: u64,
    under_way: u64,
    /// In the order of [`Verdict::LABELS`].
    readings: [u64; Verdict::LABELS.len()],
}

/// A run that came due. What its panic ended without a reading is missing in the sum; what the stop gave up stays under
/// way, for a last scrape to see.
#[derive(Debug)]
pub struct UnderWay {
    runs: Arc<Mutex<Runs>>,
    /// Until it has a reading.
    verdict: Option<usize>,
}

impl UnderWay {
    /// It came to its one reading.
    pub fn end(mut self, verdict: &Verdict) {
        let label = verdict.label();
        self.verdict = Verdict::LABELS.iter().position(|known| *known == label);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.verdict.is_none() && !std::thread::panicking() {
            return;
        }
        let mut runs = lock(&self.runs);
        runs.under_way -= 1;
        if let Some(place) = self.verdict {
            runs.readings[place] += 1;
        }
    }
}

#[derive(Debug)]
struct Tables {
    durations: HashMap<ProbeId, Histogram>,
    phases: HashMap<TouchpointId, BTreeMap<Phase, Histogram>>,
    lateness: Histogram,
    writes: Histogram,
    notifications: BTreeMap<(String, &'static str), u64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            runs: Arc::default(),
            reload_refused: AtomicBool::new(false),
            tables: Mutex::new(Tables {
                durations: HashMap::new(),
                phases: HashMap::new(),
                lateness: Histogram::new(LATENESS),
                writes: Histogram::new(WRITES),
                notifications: BTreeMap::new(),
            }),
        }
    }
}

impl Metrics {
    /// A run is due: it is under way from now on.
    pub fn due(&self) -> UnderWay {
        let mut runs = lock(&self.runs);
        runs.due += 1;
        runs.under_way += 1;
        UnderWay { runs: Arc::clone(&self.runs), verdict: None }
    }

    /// What a reading says of times; its run began `lateness` after it was due.
    pub fn observe(&self, reading: &Reading, lateness: Duration) {
        let mut tables = self.tables();
        match reading.outcome.verdict {
            // It did not begin.
            Verdict::Skipped(_) => return,
            // Its times are ours, not the touchpoint's.
            Verdict::Inconclusive { .. } => return tables.lateness.observe(lateness),
            Verdict::Good | Verdict::Slow | Verdict::Failed(_) => {}
        }
        tables.lateness.observe(lateness);
        let (trace, at) = (reading.trace, reading.started);
        let tables = &mut *tables;
        let note = |histogram: &mut Histogram| histogram.observe_traced(reading.outcome.took, trace, at);
        with(&mut tables.durations, &reading.probe, || Histogram::new(ANSWERS), note);
        with(&mut tables.phases, &reading.probe.touchpoint, BTreeMap::new, |phases| {
            for phase in reading.outcome.steps.iter().flat_map(|step| &step.phases) {
                let histogram = phases.entry(phase.phase).or_insert_with(|| Histogram::new(ANSWERS));
                histogram.observe_traced(phase.took, trace, at);
            }
        });
    }

    /// The store took this long to write a group.
    pub fn wrote(&self, took: Duration) {
        self.tables().writes.observe(took);
    }

    /// An attempt to notify a receiver ended in `result`: `delivered`, `retried`, `dead`.
    pub fn notified(&self, receiver: &str, result: &'static str) {
        *self.tables().notifications.entry((receiver.to_owned(), result)).or_default() += 1;
    }

    pub fn reloaded(&self, reload: Reload) {
        self.reload_refused.store(reload == Reload::Refused, Ordering::Relaxed);
    }

    /// All of it as text, piece by piece: each is written when it is asked for, and probing waits for none.
    pub fn render(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        gauges: Gauges,
        exposition: Exposition,
    ) -> impl Iterator<Item = String> + Send + use<> {
        let (metrics, snapshot) = (Arc::clone(self), Arc::clone(snapshot));
        let touchpoints: Vec<TouchpointId> = snapshot.map.touchpoints.keys().cloned().collect();
        let places =
            std::iter::once(Part::Head).chain(touchpoints.into_iter().map(Part::Durations)).chain([Part::Rest]);
        let mut page = Page::new(exposition);
        places.map(move |part| {
            match part {
                Part::Head => metrics.write_head(&mut page, &snapshot),
                Part::Durations(touchpoint) => metrics.write_durations(&mut page, &snapshot, &touchpoint),
                Part::Rest => metrics.write_rest(&mut page, &snapshot, gauges),
            }
            page.take()
        })
    }

    fn write_head(&self, page: &mut Page, snapshot: &Snapshot) {
        gauges::write(page, snapshot);
        self.write_runs(page);
        page.family(DURATION, Type::Histogram, "From a run's first step to the end of its last.");
        let mut tables = self.tables();
        tables.durations.retain(|probe, _| snapshot.map.probe(probe).is_some());
        tables.phases.retain(|touchpoint, _| snapshot.map.touchpoints.contains_key(touchpoint));
    }

    fn write_durations(&self, page: &mut Page, snapshot: &Snapshot, touchpoint: &TouchpointId) {
        let tables = self.tables();
        for probe in snapshot.map.touchpoints.get(touchpoint).into_iter().flat_map(|touchpoint| &touchpoint.probes) {
            if let Some(histogram) = tables.durations.get(&probe.id) {
                let labels = [("touchpoint", touchpoint.as_str()), ("probe", &*probe.id.name)];
                page.histogram(DURATION, &labels, histogram);
            }
        }
    }

    fn write_rest(&self, page: &mut Page, snapshot: &Snapshot, gauges: Gauges) {
        self.write_histograms(page, snapshot);
        page.family("unbroken_outbox_pending", Type::Gauge, "Notifications that wait for delivery.");
        page.sample("unbroken_outbox_pending", &[], gauges.outbox_pending);
        page.family("unbroken_spans_total", Type::Counter, "Spans by what became of them.");
        let spans = gauges.spans;
        for (result, count) in [("sent", spans.sent), ("failed", spans.failed), ("dropped", spans.dropped)] {
            page.sample("unbroken_spans_total", &[("result", result)], count);
        }
        page.family("unbroken_config_reload_success", Type::Gauge, "1 if the newest configuration was taken.");
        let taken = u8::from(!self.reload_refused.load(Ordering::Relaxed));
        page.sample("unbroken_config_reload_success", &[], taken);
        page.family("unbroken_build_info", Type::Gauge, "Always 1; what runs here.");
        page.sample("unbroken_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        page.end();
    }

    fn write_runs(&self, page: &mut Page) {
        // Read at one moment: what was due has come to a reading or is under way, in every scrape.
        let Runs { due, under_way, readings } = *lock(&self.runs);
        page.family("unbroken_runs_due_total", Type::Counter, "Runs that came due.");
        page.sample("unbroken_runs_due_total", &[], due);
        page.family("unbroken_runs_under_way", Type::Gauge, "Runs that came due and have not come to their reading.");
        page.sample("unbroken_runs_under_way", &[], under_way);
        page.family("unbroken_readings_total", Type::Counter, "Terminal readings, one per due run, by verdict.");
        for (verdict, count) in Verdict::LABELS.iter().zip(readings) {
            page.sample("unbroken_readings_total", &[("verdict", verdict)], count);
        }
    }

    fn write_histograms(&self, page: &mut Page, snapshot: &Snapshot) {
        let tables = self.tables();
        page.family("unbroken_probe_phase_seconds", Type::Histogram, "Phases of a touchpoint's runs.");
        for touchpoint in snapshot.map.touchpoints.keys() {
            for (phase, histogram) in tables.phases.get(touchpoint).into_iter().flatten() {
                let labels = [("touchpoint", touchpoint.as_str()), ("phase", phase.code())];
                page.histogram("unbroken_probe_phase_seconds", &labels, histogram);
            }
        }
        page.family("unbroken_schedule_lateness_seconds", Type::Histogram, "How late runs began.");
        page.histogram("unbroken_schedule_lateness_seconds", &[], &tables.lateness);
        page.family("unbroken_store_write_seconds", Type::Histogram, "How long the store took to write a group.");
        page.histogram("unbroken_store_write_seconds", &[], &tables.writes);
        page.family("unbroken_notifications_total", Type::Counter, "Attempts to notify, by receiver and result.");
        for ((receiver, result), count) in &tables.notifications {
            page.sample("unbroken_notifications_total", &[("receiver", receiver), ("result", result)], count);
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }
}

/// A panic while counting loses a count at most.
fn lock<T>(counted: &Mutex<T>) -> MutexGuard<'_, T> {
    counted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does something with an entry; looks for it once, and clones the key only the first time.
fn with<K, V>(map: &mut HashMap<K, V>, key: &K, new: impl FnOnce() -> V, what: impl FnOnce(&mut V))
where
    K: Clone + Eq + std::hash::Hash,
{
    if let Some(known) = map.get_mut(key) {
        return what(known);
    }
    let mut value = new();
    what(&mut value);
    map.insert(key.clone(), value);
}
