//! Prometheus text 0.0.4 and OpenMetrics 1.0.

use std::fmt::Write;

use jiff::Timestamp;

use super::histogram::{Exemplar, Histogram};
use super::metrics::{Family, Number, Sink, Type};

/// How metrics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus text format 0.0.4.
    #[default]
    Prometheus,
    /// OpenMetrics 1.0, with exemplars.
    OpenMetrics,
}

impl Exposition {
    /// What an `Accept` header asks for; whoever does not name OpenMetrics gets Prometheus text.
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The text as it grows, family by family; taken away in pieces, for all of it at once would be our largest thing.
#[derive(Debug)]
pub(super) struct Page {
    exposition: Exposition,
    now: Timestamp,
    name: &'static str,
    labels: &'static [&'static str],
    text: String,
}

impl Page {
    pub(super) fn new(exposition: Exposition, now: Timestamp) -> Self {
        Self { exposition, now, name: "", labels: &[], text: String::new() }
    }

    /// What was written since it was taken last.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    pub(super) fn end(&mut self) {
        if self.exposition == Exposition::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(text);
    }

    /// `name="value",` for each that has a value.
    fn inner(&self, values: &[&str]) -> String {
        let mut inner = String::new();
        for (name, value) in self.labels.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            let comma = if inner.is_empty() { "" } else { "," };
            let _ = write!(inner, "{comma}{name}=\"{}\"", escape(value));
        }
        inner
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        let at = exemplar.at.as_millisecond() as f64 / 1000.0;
        self.line(format_args!(" # {{trace_id=\"{}\"}} {} {at}", exemplar.trace, exemplar.seconds));
    }
}

impl Sink for Page {
    fn family(&mut self, family: &'static Family) {
        (self.name, self.labels) = (family.name, family.labels);
        let (open, mut name) = (self.exposition == Exposition::OpenMetrics, family.name);
        if open && family.of == Type::Counter {
            // OpenMetrics names the family without the suffix that its samples have.
            name = name.strip_suffix("_total").unwrap_or(name);
        }
        self.line(format_args!("# HELP {name} {}\n# TYPE {name} {}\n", family.help, family.of.as_str()));
        if let Some(unit) = family.unit.suffix().filter(|_| open) {
            self.line(format_args!("# UNIT {name} {unit}\n"));
        }
    }

    fn number(&mut self, labels: &[&str], number: Number) {
        let (name, labels) = (self.name, braces(&self.inner(labels)));
        match number {
            Number::Whole(whole) => self.line(format_args!("{name}{labels} {whole}\n")),
            Number::Real(f64::INFINITY) => self.line(format_args!("{name}{labels} +Inf\n")),
            Number::Real(real) => self.line(format_args!("{name}{labels} {real}\n")),
        }
    }

    fn histogram(&mut self, labels: &[&str], histogram: &Histogram) {
        let (name, inner, mut total) = (self.name, self.inner(labels), 0);
        let comma = if inner.is_empty() { "" } else { "," };
        let exemplar = match self.exposition {
            Exposition::Prometheus => None,
            Exposition::OpenMetrics => histogram.exemplar_of_late(self.now),
        };
        for (bucket, count) in histogram.counts.iter().enumerate() {
            total += count;
            self.line(format_args!("{name}_bucket{{{inner}{comma}le=\""));
            match (histogram.bounds.get(bucket), self.exposition) {
                (None, _) => self.text.push_str("+Inf"),
                (Some(bound), Exposition::Prometheus) => self.line(format_args!("{bound}")),
                // It writes every bound as a float.
                (Some(bound), Exposition::OpenMetrics) => self.line(format_args!("{bound:?}")),
            }
            self.line(format_args!("\"}} {total}"));
            if let Some(exemplar) = exemplar.filter(|exemplar| histogram.bucket(exemplar.seconds) == bucket) {
                self.exemplar(&exemplar);
            }
            self.text.push('\n');
        }
        let labels = braces(&inner);
        self.line(format_args!("{name}_sum{labels} {}\n{name}_count{labels} {total}\n", histogram.sum));
    }
}

fn braces(inner: &str) -> String {
    if inner.is_empty() { String::new() } else { format!("{{{inner}}}") }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}
