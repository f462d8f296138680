//! What is wrong with the configuration, as a person reads it: the place, the line, a caret, and what to do.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// One thing that is wrong, or at least odd, in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    pub file: PathBuf,
    /// From 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters the caret underlines.
    #[serde(skip)]
    pub width: usize,
    /// The line itself; empty when the file as a whole is meant.
    pub source_line: String,
    pub text: String,
    pub hint: Option<String>,
}

/// An error stops the start; a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

impl Problem {
    /// About a file as a whole, or a folder.
    pub(super) fn whole(file: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.into(),
            line: 0,
            column: 0,
            width: 0,
            source_line: String::new(),
            text: text.into(),
            hint: None,
        }
    }

    #[must_use]
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The longest part of a line that is printed.
const SHOWN_CHARS: usize = 140;

impl Problem {
    /// For the log: where and what, without the line itself.
    pub fn in_one_line(&self) -> String {
        let file = self.file.display();
        let place = if self.line == 0 { String::new() } else { format!(":{}:{}", self.line, self.column) };
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{file}{place}: {}{hint}", self.text)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let file = self.file.display();
        if self.line == 0 {
            write!(f, "{file}: {severity}: {}", self.text)?;
            return match &self.hint {
                Some(hint) => write!(f, "\n      = help: {hint}"),
                None => Ok(()),
            };
        }
        writeln!(f, "{file}:{}:{}: {severity}: {}", self.line, self.column, self.text)?;
        // A long line is shown from a little before the place.
        let skipped = self.column.saturating_sub(SHOWN_CHARS / 2);
        let shown: String = self.source_line.chars().skip(skipped).take(SHOWN_CHARS).map(printable).collect();
        let before = self.column.saturating_sub(1 + skipped);
        let room = shown.chars().count().saturating_sub(before).max(1);
        writeln!(f, "{:>5} | {}", self.line, shown.trim_end())?;
        write!(f, "      | {}{}", " ".repeat(before), "^".repeat(self.width.clamp(1, room)))?;
        match &self.hint {
            Some(hint) => write!(f, "\n      = help: {hint}"),
            None => Ok(()),
        }
    }
}

/// Keeps control characters of a hostile file away from the terminal, and the caret under its place.
fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// From 1.
    pub(super) line: usize,
    /// From 1, in characters.
    pub(super) column: usize,
    /// In characters, at least 1, within the line.
    pub(super) width: usize,
}

/// A file that was read: what a problem quotes.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// Where each line begins and ends, in bytes, without its break.
    lines: Vec<(usize, usize)>,
}

impl Source {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            // CR alone ends a line too, as YAML has it.
            let wide = bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
            if bytes[at] == b'\n' || bytes[at] == b'\r' {
                lines.push((start, at));
                start = at + 1 + usize::from(wide);
                at = start;
            } else {
                at += 1;
            }
        }
        lines.push((start, text.len()));
        Self { path, text, lines }
    }

    pub(super) fn line(&self, line: usize) -> &str {
        let span = line.checked_sub(1).and_then(|index| self.lines.get(index));
        span.map_or("", |&(start, end)| &self.text[start..end])
    }

    /// The last line and the column after its end.
    pub(super) fn end(&self) -> Place {
        let line = self.lines.len().max(1);
        Place { line, column: self.line(line).chars().count() + 1, width: 1 }
    }

    pub(super) fn problem(&self, place: Place, text: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Error,
            file: self.path.clone(),
            line: place.line,
            column: place.column,
            width: place.width,
            source_line: self.line(place.line).to_owned(),
            text: text.into(),
            hint: None,
        }
    }

    /// The place of a text in a place's line; the line's beginning if it is not there.
    pub(super) fn find_in_line(&self, place: Place, text: &str) -> Place {
        let line = self.line(place.line);
        let found = line.find(text);
        found.map_or(place, |offset| Place {
            column: line[..offset].chars().count() + 1,
            width: text.chars().count(),
            ..place
        })
    }
}
