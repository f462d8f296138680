//! What we tell other systems of every run and of ourselves: spans to export, numbers to scrape.
//!
//! [`spans`] and the rendering of [`Metrics`] are pure; what is counted, [`CATALOGUE`] says. The [`Exporter`] never makes
//! anybody wait: beyond a queue the oldest is dropped, and counted. It speaks OTLP itself, one [`Outlet`] per collector.
//!
//! Rejected: the SDK's processors and exporters. They cannot carry what was measured elsewhere, they read `OTEL_*` behind
//! our back (a collector of the file would get another one's headers), and they call sent what a collector refused.

mod attributes;
mod encode;
mod ends;
mod exporter;
mod exposition;
mod histogram;
mod lines;
mod message;
mod metrics;
mod outlet;
mod points;
mod record;
mod rehearsal;
mod relay;
mod run;
mod sampler;
mod settings;
mod signal;
mod spans;

pub use ends::Ends;
pub use exporter::{Exporter, Identity, Unbuilt};
pub use exposition::Exposition;
pub use histogram::{Buckets, Traced};
pub use lines::Line;
pub use metrics::{
    CATALOGUE, Exported, Family, Footprint, Gauges, Life, Metrics, Outbox, Reload, SERIES_MAX, Type, UnderWay, Unit,
};
pub use outlet::{Answer, Outlet, Refusal, Source, Tally};
pub use rehearsal::{Mark, Rehearsed, rehearse};
pub use relay::Relay;
pub use settings::{Headers, Oddity, Otlp, Protocol, Settings};
pub use signal::Signal;
pub use spans::{Event, Kind, Link, Span, Value, spans};
