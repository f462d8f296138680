//! What we tell other systems of ourselves and of every run: spans, and numbers to scrape.

mod settings;

pub use settings::{Headers, Otlp, Protocol, Settings};
