//! What all commands share of the terminal: colour, complaints, tables of problems.

use std::fmt::{self, Write as _};
use std::io::{ErrorKind, IsTerminal as _, Write as _};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::{Color, Exit, Format, Global, Stop};
use crate::config::{Problem, Severity};
use crate::model::{Language, Verdict};
use crate::words::Words;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const WARN: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

pub(super) fn choose_color(color: Color) {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
    .write_global();
}

/// Whether what goes to stderr may be coloured.
pub(super) fn colors_stderr() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

pub(super) fn complain(stop: &Stop) -> Exit {
    if !stop.text.is_empty() {
        tell(&format!("{BAD}error{BAD:#}: {}", stop.text));
    }
    stop.exit
}

/// What commands say it with: they speak English, as logs do.
pub(super) fn english() -> Words {
    Words::new(Language::En)
}

/// A line on stderr; whether anybody reads it changes nothing.
pub(super) fn tell(text: &str) {
    writeln!(anstream::stderr(), "{text}").ok();
}

/// Prints a line of the answer, like `println!`, and does not panic.
macro_rules! say {
    ($($text:tt)*) => { $crate::command::terminal::answer(format_args!($($text)*)) };
}
pub(super) use say;

/// A line of the answer on stdout. Who has read enough (`| head`) ends nothing: the exit code stays the truth. An
/// answer that cannot be written is our own failure, at once.
pub(super) fn answer(text: fmt::Arguments<'_>) {
    let mut out = anstream::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = written.or_else(unread) {
        complain(&Stop::own("cannot write the answer", &error));
        std::process::exit(3);
    }
}

/// Nobody reads any more: that is no failure.
pub(super) fn unread(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

/// Every problem with an empty line after it, as `check` answers it.
pub(super) fn problems_text(problems: &[Problem]) -> String {
    let mut all = String::new();
    for problem in problems {
        let style = if problem.severity == Severity::Error { BAD } else { WARN };
        let text = problem.to_string();
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        writeln!(all, "{style}{first}{style:#}").ok();
        if !rest.is_empty() {
            writeln!(all, "{rest}").ok();
        }
        all.push('\n');
    }
    all
}

/// Every problem on stderr, for a command whose answer is another.
pub(super) fn print_problems(problems: &[Problem]) {
    if !problems.is_empty() {
        tell(problems_text(problems).trim_end_matches('\n'));
    }
}

/// "2 errors, 1 warning"
pub(super) fn tally(problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(count(errors, "error"));
    }
    if warnings > 0 {
        parts.push(count(warnings, "warning"));
    }
    parts.join(", ")
}

/// A text of an answer; none, where there is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// The items of an answer's list.
pub(super) fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map_or(&[], Vec::as_slice)
}

/// A list as it was answered, or item by item; of an empty one, what it means.
pub(super) fn list(global: &Global, answer: &Value, print: impl FnMut(&Value), empty: &str) {
    if global.format == Format::Json {
        return say!("{answer:#}");
    }
    let items = items(answer);
    items.iter().for_each(print);
    if items.is_empty() {
        say!("{empty}");
    }
}

pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

pub(super) const fn verdict_style(verdict: &Verdict) -> Style {
    match verdict {
        Verdict::Good => GOOD,
        Verdict::Slow => WARN,
        Verdict::Failed(_) => BAD,
        Verdict::Inconclusive { .. } | Verdict::Skipped(_) => DIM,
    }
}

pub(super) fn score_style(points: Option<f64>) -> Style {
    match points {
        Some(points) if points >= 95.0 => GOOD,
        Some(points) if points >= 80.0 => WARN,
        Some(_) => BAD,
        None => DIM,
    }
}

/// A journey's score as the API tells it; none, too, while only first looks are missing: that is no bad news.
pub(super) fn score(journey: &Value) -> Option<f64> {
    journey["score"].as_f64().filter(|_| journey["pending"] != true)
}

/// "62.0", or a dash where there is no number.
pub(super) fn score_text(points: Option<f64>) -> String {
    points.map_or_else(|| "–".to_owned(), |points| format!("{points:.1}"))
}

/// A bar on stderr while a terminal listens, nothing otherwise.
pub(super) fn progress(steps: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:24.cyan/dim} {pos}/{len} {msg}")
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("━━─"));
    ProgressBar::new(steps).with_style(style)
}
