//! OpenTelemetry's standard variables. A value that cannot be right is told, never ignored in silence.
//!
//! Source: OpenTelemetry specification 1.50, "Environment Variable Specification" and "OTLP Exporter Configuration".

mod own;
mod sender;

use std::collections::BTreeMap;
use std::fmt;

use self::own::Sampled;
use super::Settings;
use crate::telemetry::Signal;
use crate::units::Percent;

/// What a variable says that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    pub variable: String,
    pub text: String,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.text)
    }
}

/// Variables that are read for every collector of theirs, and not at all where the file names collectors.
const OF_COLLECTORS: &[&str] = &["OTEL_EXPORTER_OTLP_", "OTEL_TRACES_", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"];

impl Settings {
    /// Adds what the standard variables say. Collectors of the file win over theirs, as a whole; the resource, the
    /// queues and the switch that turns everything off are theirs alone.
    #[must_use]
    pub fn or_environment(mut self, environment: &BTreeMap<String, String>) -> (Self, Vec<Oddity>) {
        let mut variables = Variables::new(environment);
        self.standard = variables.standard();
        let every = variables.measured_every();
        if self.every.is_some() && every.is_some() {
            variables.odd(own::EVERY, "is not used: the configuration says `every:`");
        }
        self.every = self.every.or(every);
        let histograms = variables.histograms();
        let disabled = variables.is_true("OTEL_SDK_DISABLED");
        if !self.otlp.is_empty() {
            variables.tell_unused(OF_COLLECTORS, "is not used: the configuration names collectors");
            if disabled {
                variables.odd("OTEL_SDK_DISABLED", "is `true`: no collector of the configuration is sent anything");
                self.otlp.clear();
            }
        } else if disabled {
            variables.tell_unused(OF_COLLECTORS, "is not used: OTEL_SDK_DISABLED is `true`");
        } else {
            self.histograms = self.histograms.or(histograms);
            self.otlp = variables.collectors();
            match variables.sampled() {
                Some(Sampled::Share(share)) => self.sample = self.sample.or(Percent::of(share)),
                Some(Sampled::Nothing) => self.silence(Signal::Traces),
                None => {}
            }
        }
        variables.tell_unknown();
        (self, variables.odd)
    }

    fn silence(&mut self, silent: Signal) {
        for otlp in &mut self.otlp {
            let taken = Signal::ALL.into_iter().filter(|signal| *signal != silent && otlp.takes(*signal)).collect();
            otlp.signals = taken;
        }
        self.otlp.retain(|otlp| !otlp.signals.is_empty());
    }
}

/// The variables, which of them were looked at, and what was odd about them.
struct Variables<'a> {
    all: &'a BTreeMap<String, String>,
    known: Vec<String>,
    odd: Vec<Oddity>,
}

impl<'a> Variables<'a> {
    fn new(all: &'a BTreeMap<String, String>) -> Self {
        Self { all, known: Vec::new(), odd: Vec::new() }
    }

    /// What a variable says; an empty one says nothing.
    fn text(&mut self, name: &str) -> Option<&'a str> {
        self.known.push(name.to_owned());
        self.all.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn odd(&mut self, variable: &str, text: impl Into<String>) {
        let oddity = Oddity { variable: variable.to_owned(), text: text.into() };
        if !self.odd.contains(&oddity) {
            self.odd.push(oddity);
        }
    }

    /// What a variable says, if it can be read; else that it is not followed, and what could be.
    fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>, wanted: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = read(text);
        if value.is_none() {
            let shown: String = text.chars().take(60).collect();
            self.odd(name, format!("says `{shown}`, which is not followed; it is {wanted}"));
        }
        value
    }

    /// The same of a word, in whatever case: "enum values SHOULD be interpreted in a case-insensitive manner".
    fn word<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>, wanted: &str) -> Option<T> {
        self.read(name, |text| read(&text.to_ascii_lowercase()), wanted)
    }

    fn is_true(&mut self, name: &str) -> bool {
        let truth = |text: &str| match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        self.word(name, truth, "`true` or `false`").unwrap_or_default()
    }

    /// Those that are set and begin with one of these.
    fn tell_unused(&mut self, prefixes: &[&str], why: &str) {
        let set: Vec<&String> = self
            .all
            .iter()
            .filter(|(name, text)| !text.is_empty() && prefixes.iter().any(|prefix| name.starts_with(prefix)))
            .map(|(name, _)| name)
            .collect();
        for name in set {
            self.known.push(name.clone());
            self.odd(name, why);
        }
    }

    /// Those that say something which we know nothing of.
    fn tell_unknown(&mut self) {
        let unknown = self.all.iter().filter(|(name, text)| name.starts_with("OTEL_") && !text.is_empty());
        let unknown: Vec<&String> = unknown.map(|(name, _)| name).filter(|name| !self.known.contains(name)).collect();
        for name in unknown {
            self.odd(name, "is not known here, and not followed");
        }
    }
}

#[cfg(test)]
mod tests;
