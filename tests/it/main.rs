//! Everything with a socket, a file or a process: one binary, because linking is what costs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod alert;
mod architecture;
mod cli;
mod config;
mod demo;
mod given;
mod hostile;
mod http;
mod kinds;
mod main_job;
mod own_trouble;
mod parts;
mod probe;
mod promises;
mod readme;
mod secrets;
mod store;
mod support;
mod telemetry;
mod walk;
mod web;
mod world;
