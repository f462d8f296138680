//! The daemon's log: human or JSON, on stderr or in a file; each line readable alone.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::File;
use std::panic::PanicHookInfo;
use std::sync::Mutex;

use serde_json::Value;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{self, FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::{Format, Global, terminal};
use crate::clock::Clock;
use crate::telemetry::{Line, Relay};

/// A browser newer than its client says things that the client does not know, on every page: that is no warning.
///
/// Without `-v` what matters, with it every change of state and score, with `-vv` every run too; `RUST_LOG` overrides.
fn filter(global: &Global) -> EnvFilter {
    let level = match global.verbose {
        0 => "unbroken=info,chromiumoxide::handler=error,warn",
        1 => "unbroken=debug,unbroken::daemon::run=info,chromiumoxide::handler=error,warn",
        _ => "unbroken=debug,chromiumoxide::handler=error,info",
    };
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level))
}

pub(super) fn to_stderr(global: &Global) -> Relay {
    // What cannot be logged must not be complained of on the same stream: that would panic.
    let log = fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let log = log.with_ansi(terminal::colors_stderr());
    match global.format {
        Format::Json => begin(global, log.event_format(Json)),
        _ => begin(global, log.event_format(Human)),
    }
}

/// For the demo, whose terminal shows the scores.
pub(super) fn to_file(global: &Global, file: File) -> Relay {
    let log = fmt::layer().with_writer(Mutex::new(file)).log_internal_errors(false);
    begin(global, log.with_ansi(false).event_format(Human))
}

/// Begins to log; what collectors get of it comes out of the relay, whatever is shown here.
fn begin(global: &Global, log: impl Layer<Registry> + Send + Sync) -> Relay {
    let relay = Relay::new(Clock::system());
    tracing_subscriber::registry().with(log.with_filter(filter(global))).with(relay.layer()).init();
    std::panic::set_hook(Box::new(crashed));
    relay
}

/// One line for a crash too, in the log's own form.
fn crashed(panic: &PanicHookInfo<'_>) {
    // A text that was put together while we ran may hold what was probed; one that stands in the code does not.
    let why = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("the place tells why");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    // Taken only where RUST_BACKTRACE asks for it.
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(trace));
    tracing::error!(place, backtrace = trace, "A part of us crashed at {place}: {why}");
}

/// One JSON object a line, every field a key of its own.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let mut at = String::new();
        SystemTime.format_time(&mut Writer::new(&mut at))?;
        writeln!(writer, "{}", Line::of(event).json(&at))
    }
}

/// The time, the level, the sentence, and of the fields those that the sentence does not say.
struct Human;

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let line = Line::of(event);
        let (dim, color, plain) =
            if writer.has_ansi_escapes() { ("\u{1b}[2m", color(line.level), "\u{1b}[0m") } else { ("", "", "") };
        write!(writer, "{dim}")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "{plain} {color}{:>5}{plain} {}{dim}", line.level, printable(&line.message))?;
        for (name, value) in &line.fields {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if !line.message.contains(&value) {
                write!(writer, " {name}={}", printable(&value))?;
            }
        }
        writeln!(writer, "{plain}")
    }
}

const fn color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

/// Nothing from outside begins a line of ours, or colours it.
fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}
