//! Prometheus text 0.0.4 and OpenMetrics 1.0.

use std::fmt::{Display, Write};

use super::histogram::Histogram;

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

/// What a family of series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Gauge,
    Counter,
    Histogram,
}

/// The text as it grows, family by family; taken away in pieces, for all of it at once would be our largest thing.
#[derive(Debug)]
pub(super) struct Page {
    exposition: Exposition,
    text: String,
}

impl Page {
    pub(super) fn new(exposition: Exposition) -> Self {
        Self { exposition, text: String::new() }
    }

    /// What was written since it was taken last.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    pub(super) fn family(&mut self, name: &str, of: Type, help: &str) {
        let (kind, name) = match of {
            Type::Gauge => ("gauge", name),
            Type::Histogram => ("histogram", name),
            // OpenMetrics names the family without the suffix that its samples have.
            Type::Counter if self.exposition == Exposition::OpenMetrics => {
                ("counter", name.strip_suffix("_total").unwrap_or(name))
            }
            Type::Counter => ("counter", name),
        };
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels = braces(&inner(labels));
        self.line(format_args!("{name}{labels} {value}\n"));
    }

    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let mut total = 0;
        let inner = inner(labels);
        let comma = if inner.is_empty() { "" } else { "," };
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
            let exemplar = histogram.exemplar.filter(|exemplar| exemplar.bucket == bucket);
            if let (Some(exemplar), Exposition::OpenMetrics) = (exemplar, self.exposition) {
                let (trace, seconds) = (exemplar.trace, exemplar.seconds);
                let at = exemplar.at.as_millisecond() as f64 / 1000.0;
                self.line(format_args!(" # {{trace_id=\"{trace}\"}} {seconds} {at}"));
            }
            self.text.push('\n');
        }
        let labels = braces(&inner);
        self.line(format_args!("{name}_sum{labels} {}\n{name}_count{labels} {total}\n", histogram.sum));
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
}

fn inner(labels: &[(&str, &str)]) -> String {
    let each: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    each.join(",")
}

fn braces(inner: &str) -> String {
    if inner.is_empty() { String::new() } else { format!("{{{inner}}}") }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}
