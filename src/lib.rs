//! Unbroken: a holistic digital experience monitor.
//!
//! Synthetic customers do their errands at every touchpoint; what they meet becomes one score per journey.
//! Data flows one way:
//!
//! ```text
//! config ─▶ schedule ─▶ probe ─▶ Reading ─▶ board ─▶ Change ─▶ store ─▶ alert   (outbox ─▶ receivers)
//!  YAML      when        what     the one    now,      what      one    ├▶ web   (pages, API, events)
//!                                 fact       pure      changed   commit └▶ telemetry (spans, metrics)
//! ```
//!
//! Left of [`model::Reading`] everything is concurrent and keeps no state between runs. The board is one task, pure
//! and deterministic. Right of the commit nothing decides anything: the page and the receivers see a change only
//! after it is on disk.

pub mod alert;
pub mod board;
pub mod clock;
pub mod command;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod detect;
pub mod lasting;
pub mod model;
pub mod probe;
pub mod report;
pub mod schedule;
pub mod score;
pub mod secret;
pub mod store;
pub mod telemetry;
pub mod units;
pub mod web;
pub mod words;

/// What fuzz targets are fed with, here and in the tests that have sockets.
#[cfg(test)]
#[path = "../tests/it/fuzz/bent.rs"]
mod bent;
