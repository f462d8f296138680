//! The daemon's log: human or JSON, on stderr or in a file; each line readable alone.

use std::fs::File;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::{Format, Global, terminal};

/// `-v` says what happens, `-vv` every run; `RUST_LOG` overrides.
fn filter(global: &Global, quiet: &str) -> EnvFilter {
    let level = match global.verbose {
        0 => quiet,
        1 => "unbroken=info,warn",
        _ => "unbroken=debug,info",
    };
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level))
}

pub(super) fn to_stderr(global: &Global) {
    let log = tracing_subscriber::fmt().with_env_filter(filter(global, "unbroken=info,warn"));
    // What cannot be logged must not be complained of on the same stream: that would panic.
    let log = log.with_writer(std::io::stderr).log_internal_errors(false).with_ansi(terminal::colors_stderr());
    if global.format == Format::Json { log.json().init() } else { log.with_target(false).init() }
}

/// For the demo, whose terminal shows the scores.
pub(super) fn to_file(global: &Global, file: File) {
    let log = tracing_subscriber::fmt().with_env_filter(filter(global, "unbroken=info,warn")).with_ansi(false);
    log.with_writer(Mutex::new(file)).with_target(false).log_internal_errors(false).init();
}
