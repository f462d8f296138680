//! Everything with a socket, a file or a process: one binary, because linking is what costs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    clippy::similar_names,
    clippy::float_cmp,
    clippy::too_many_lines,
    clippy::duration_suboptimal_units,
    clippy::needless_for_each,
    clippy::redundant_closure_for_method_calls,
    clippy::items_after_statements,
    clippy::match_wildcard_for_single_variants,
    clippy::type_complexity,
    reason = "a test is read once, from top to bottom, and its figures are those of the contract"
)]

mod alert;
mod annotations;
mod architecture;
mod browser;
mod cli;
mod clocks;
mod config;
mod demo;
mod detection;
mod explain;
mod fuzz;
mod given;
mod hostile;
mod http;
mod journal;
mod kinds;
mod main_job;
mod numbers;
mod objectives;
mod observability;
mod outbox;
mod own_trouble;
mod parts;
mod people;
mod preflight;
mod probe;
mod promises;
mod pushes;
mod readme;
mod reloads;
mod renames;
mod reports;
mod restarts;
mod secrets;
mod stop;
mod store;
mod support;
mod sweep;
mod telemetry;
mod traces;
mod vantages;
mod walk;
mod web;
mod wide;
mod words;
mod world;
