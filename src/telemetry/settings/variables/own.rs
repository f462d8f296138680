//! What the variables say of ourselves: our name, our queues, how much of what happens is told.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::Variables;
use crate::telemetry::Buckets;
use crate::telemetry::settings::{Pace, Standard};
use crate::units::Period;

/// Longer than any queue or pause that makes sense.
const NUMBER_MAX: u64 = 10_000_000;

/// A run has some ten spans, and goes whole or not at all.
const QUEUE_MIN: usize = 64;

pub(super) const EVERY: &str = "OTEL_METRIC_EXPORT_INTERVAL";

/// What `OTEL_TRACES_SAMPLER` asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sampled {
    /// Of the good runs; 0.0..=1.0.
    Share(f64),
    Nothing,
}

impl Variables<'_> {
    pub(super) fn standard(&mut self) -> Standard {
        let mut standard = Standard { resource: self.resource(), ..Standard::default() };
        self.pace("OTEL_BSP", &mut standard.spans);
        self.pace("OTEL_BLRP", &mut standard.records);
        self.unfollowed();
        standard
    }

    fn resource(&mut self) -> Vec<(String, String)> {
        let mut attributes = Vec::new();
        if let Some(text) = self.text("OTEL_RESOURCE_ATTRIBUTES") {
            match pairs(text) {
                // A resource has each name once: the last one is as good as the first.
                Some(pairs) => pairs.into_iter().for_each(|(name, value)| put(&mut attributes, &name, value)),
                // The specification: on any error, none of it.
                None => self.odd("OTEL_RESOURCE_ATTRIBUTES", "is not followed; it is `name=value,name=value`"),
            }
        }
        if let Some(name) = self.text("OTEL_SERVICE_NAME") {
            put(&mut attributes, "service.name", name.to_owned());
        }
        attributes
    }

    fn pace(&mut self, prefix: &str, pace: &mut Pace) {
        let count = |text: &str| text.parse().ok().filter(|count| (1..=NUMBER_MAX).contains(count));
        let counted = format!("a number from 1 to {NUMBER_MAX}");
        let size = format!("{prefix}_MAX_QUEUE_SIZE");
        if let Some(most) = self.read(&size, count, &counted) {
            pace.queued_max = most as usize;
            if pace.queued_max < QUEUE_MIN {
                self.odd(&size, format!("is so little that whole runs find no room in it; {QUEUE_MIN} are some"));
            }
        }
        let name = format!("{prefix}_MAX_EXPORT_BATCH_SIZE");
        if let Some(batch) = self.read(&name, count, &counted) {
            pace.batch = batch as usize;
        }
        if pace.batch > pace.queued_max {
            if self.all.contains_key(&name) {
                self.odd(&name, format!("is more than the queue holds; {} go at once", pace.queued_max));
            }
            pace.batch = pace.queued_max;
        }
        if let Some(within) = self.millis(&format!("{prefix}_SCHEDULE_DELAY")) {
            pace.within = within;
        }
        if let Some(offered) = self.millis(&format!("{prefix}_EXPORT_TIMEOUT")) {
            pace.offered_for = offered;
        }
    }

    pub(super) fn millis(&mut self, name: &str) -> Option<Duration> {
        let millis = |text: &str| text.parse().ok().filter(|millis| (1..=NUMBER_MAX).contains(millis));
        self.read(name, millis, "a number of milliseconds").map(Duration::from_millis)
    }

    pub(super) fn measured_every(&mut self) -> Option<Period> {
        let every = |text: &str| text.parse().ok().filter(|millis| (1_000..=NUMBER_MAX).contains(millis));
        let wanted = "a number of milliseconds, at least 1000";
        self.read(EVERY, every, wanted).map(Period::from_millis)
    }

    pub(super) fn histograms(&mut self) -> Option<Buckets> {
        let buckets = |text: &str| match text {
            "explicit_bucket_histogram" => Some(Buckets::Fixed),
            "base2_exponential_bucket_histogram" => Some(Buckets::Exponential),
            _ => None,
        };
        let name = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
        self.word(name, buckets, "`explicit_bucket_histogram` or `base2_exponential_bucket_histogram`")
    }

    pub(super) fn sampled(&mut self) -> Option<Sampled> {
        let wanted = "`always_on`, `always_off` or `traceidratio`, each also with `parentbased_` before it";
        let ratio = |text: &str| text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        let ratio = self.read("OTEL_TRACES_SAMPLER_ARG", ratio, "a number from 0 to 1").unwrap_or(1.0);
        // We begin every trace: there is no parent whose choice would count.
        let sampled = |text: &str| match text.strip_prefix("parentbased_").unwrap_or(text) {
            "always_on" => Some(Sampled::Share(1.0)),
            "always_off" => Some(Sampled::Nothing),
            "traceidratio" => Some(Sampled::Share(ratio)),
            _ => None,
        };
        self.word("OTEL_TRACES_SAMPLER", sampled, wanted)
    }

    /// What can be asked for in these, and what we do in any case.
    fn unfollowed(&mut self) {
        let only = |wanted: &'static str| move |text: &str| (text == wanted).then_some(());
        let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        self.word(name, only("cumulative"), "always `cumulative`");
        let name = "OTEL_METRICS_EXEMPLAR_FILTER";
        self.word(name, only("always_on"), "always `always_on`: every run is a trace");
        let context = |text: &str| text.split(',').any(|part| part.trim() == "tracecontext").then_some(());
        self.word("OTEL_PROPAGATORS", context, "always `tracecontext`; `trace: false` at a probe sends nothing");
    }
}

/// In place of what stood there by that name.
fn put(attributes: &mut Vec<(String, String)>, name: &str, value: String) {
    attributes.retain(|(known, _)| known != name);
    attributes.push((name.to_owned(), value));
}

/// `name=value,name=value`, percent-encoded as W3C Baggage.
pub(super) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let decode = |text: &str| percent_decode_str(text.trim()).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((decode(name).filter(|name| !name.is_empty())?, decode(value)?))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}
