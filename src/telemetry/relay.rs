//! Hands the log's lines to collectors.
//!
//! Whatever the log itself shows, collectors get: our own lines from INFO up, and every event that has a name. What the
//! export itself logs is not exported: a collector that is down would be told so again and again. Nor is what
//! libraries log, which knows neither our names nor our secrets; the log has that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::record::record;
use super::{Exporter, Line, Signal, lines};
use crate::clock::Clock;

/// Lines from before it is known who gets them; the oldest go first.
const EARLY_MAX: usize = 256;

/// One end of it is a part of the log; the other is given an exporter as soon as there is one.
#[derive(Clone, Debug)]
pub struct Relay {
    clock: Clock,
    lines: Arc<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    exporter: OnceLock<Weak<Exporter>>,
    early: Mutex<VecDeque<LogRecord>>,
}

impl Relay {
    pub fn new(clock: Clock) -> Self {
        Self { clock, lines: Arc::default() }
    }

    /// The log's end of it.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let wanted = filter_fn(is_wanted).with_max_level_hint(LevelFilter::DEBUG);
        self.clone().with_filter(wanted)
    }

    /// From now on lines go to this exporter, those from before first. A second one gets none.
    pub fn attach(&self, exporter: &Arc<Exporter>) {
        let mut early = self.early();
        for record in early.drain(..) {
            exporter.log(&record);
        }
        // While the early ones are held nothing comes between.
        self.lines.exporter.set(Arc::downgrade(exporter)).ok();
    }

    fn pass(&self, line: impl FnOnce() -> LogRecord) {
        if let Some(exporter) = self.lines.exporter.get() {
            // What nobody takes is not made.
            if let Some(exporter) = exporter.upgrade().filter(|exporter| exporter.wants(Signal::Logs)) {
                exporter.log(&line());
            }
            return;
        }
        let record = line();
        let mut early = self.early();
        if let Some(exporter) = self.lines.exporter.get().and_then(Weak::upgrade) {
            exporter.log(&record);
            return;
        }
        if early.len() >= EARLY_MAX {
            early.pop_front();
        }
        early.push_back(record);
    }

    fn early(&self) -> std::sync::MutexGuard<'_, VecDeque<LogRecord>> {
        self.lines.early.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Relay {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.pass(|| record(Line::of(event), self.clock.now()));
    }
}

/// Whether collectors get it.
fn is_wanted(of: &Metadata<'_>) -> bool {
    let within =
        |module: &str| of.target().strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    let ours = within("unbroken") && !within("unbroken::telemetry");
    ours && of.is_event() && (*of.level() <= Level::INFO || lines::is_named(of.name()))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn what_has_a_name_or_matters_goes_and_what_the_export_says_stays() {
        let relay = Relay::new(Clock::system());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(relay.layer()), || {
            tracing::info!(target: "unbroken::daemon", "one");
            tracing::debug!(target: "unbroken::daemon", "every detail");
            tracing::debug!(name: "unbroken.probe.state_changed", target: "unbroken::daemon::journal", "two");
            tracing::error!(target: "unbroken::telemetry::outlet::carrier", "the collector is away");
            tracing::error!(target: "h2::proto", "the connection broke");
            tracing::error!(target: "unbrokenish", "somebody else");
            tracing::warn!(target: "unbroken", "three");
        });
        let said: Vec<_> = relay.early().iter().map(|record| record.body.clone().and_then(|body| body.value)).collect();
        assert_eq!(said, ["one", "two", "three"].map(|text| Some(Value::StringValue(text.to_owned()))));
    }

    #[test]
    fn what_comes_before_there_is_an_exporter_is_bounded() {
        let relay = Relay::new(Clock::system());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(relay.layer()), || {
            (0..2 * EARLY_MAX).for_each(|number| tracing::info!(target: "unbroken", number, "line"));
        });
        assert_eq!(relay.early().len(), EARLY_MAX);
    }
}
