//! What we tell other systems of every run and of ourselves: spans to export, numbers to scrape.
//!
//! [`spans`] and the rendering of [`Metrics`] are pure; what is counted, [`CATALOGUE`] says. The [`Exporter`] never makes a run wait: beyond its queue a
//! trace is dropped whole, and counted.

mod attributes;
mod exporter;
mod exposition;
mod histogram;
mod metrics;
mod settings;
mod spans;

pub use exporter::{Exporter, Identity, Tally, Unbuilt};
pub use exposition::Exposition;
pub use metrics::{CATALOGUE, Family, Gauges, Metrics, Outbox, Reload, SERIES_MAX, Type, UnderWay, Unit};
pub use settings::{Headers, Otlp, Protocol, Settings};
pub use spans::{Event, Kind, Span, Value, spans};
