//! A report as text: for mail programs without HTML, and for terminals.

use std::fmt::Write as _;

use super::compose::Report;
use super::look::{Changed, CostRow, JourneySheet, Sheet, sheet};
use crate::words::Words;

const WIDTH: usize = 72;

/// The subject of its mail: "Halcyon Mobile, week 47 of 2026: …"
pub fn subject(report: &Report, words: &Words) -> String {
    let sheet = sheet(report, words);
    words
        .say("report-subject")
        .with("company", sheet.company)
        .with("title", sheet.title)
        .with("gist", sheet.gist)
        .to_string()
}

/// All of it, at most 72 columns wide where its words allow; `link` leads to its page.
pub fn text(report: &Report, words: &Words, link: Option<&str>) -> String {
    let sheet = sheet(report, words);
    let mut out = format!("{}\n{}, {}\n\n{}\n", sheet.company, sheet.title, sheet.days, wrapped(&sheet.gist, ""));
    for note in &sheet.notes {
        _ = writeln!(out, "{}", wrapped(note, ""));
    }
    for journey in &sheet.journeys {
        write_journey(&mut out, journey, words);
    }
    if !sheet.owners.is_empty() {
        heading(&mut out, &words.text("report-by-owner"));
        sheet.owners.iter().for_each(|row| line(&mut out, 2, row));
    }
    write_problems(&mut out, &sheet, words);
    if let Some(link) = link {
        _ = writeln!(out, "\n{link}");
    }
    out
}

fn write_journey(out: &mut String, journey: &JourneySheet, words: &Words) {
    heading(out, &journey.title);
    let widest = journey.figures.iter().map(|figure| columns(&figure.name)).max().unwrap_or_default();
    for figure in &journey.figures {
        let pad = " ".repeat(widest - columns(&figure.name));
        let beside = figure.change.as_ref().map(|change| &change.text).or(figure.note.as_ref());
        let beside = beside.map(|text| format!("  ({text})")).unwrap_or_default();
        _ = writeln!(out, "  {}{pad}  {}{beside}", figure.name, figure.value);
    }
    if let Some((objective, _)) = &journey.objective {
        _ = writeln!(out, "{}", wrapped(objective, "  "));
    }
    if !journey.stages.is_empty() || !journey.checks.is_empty() {
        _ = writeln!(out, "\n  {}", words.text("report-by-stage"));
    }
    for stage in &journey.stages {
        line(out, 4, &stage.row);
        stage.touchpoints.iter().for_each(|row| line(out, 6, row));
    }
    journey.checks.iter().for_each(|row| line(out, 4, row));
    if let Some(remark) = &journey.remark {
        _ = writeln!(out, "{}", wrapped(remark, "  "));
    }
}

fn write_problems(out: &mut String, sheet: &Sheet, words: &Words) {
    heading(out, &words.text("report-longest"));
    if sheet.problems.is_empty() {
        _ = writeln!(out, "{}", wrapped(&words.text("report-no-problems"), "  "));
    }
    for problem in &sheet.problems {
        _ = writeln!(out, "{}", wrapped(&problem.headline, "  "));
        let owner = problem.owner.as_ref().map(|owner| format!(", {owner}")).unwrap_or_default();
        _ = writeln!(out, "    {}, {}, {}{owner}", problem.began, problem.lasted, problem.points);
    }
    if let Some(more) = &sheet.more_problems {
        _ = writeln!(out, "  {more}");
    }
}

fn heading(out: &mut String, text: &str) {
    _ = writeln!(out, "\n{text}\n{}", "-".repeat(columns(text).min(WIDTH)));
}

/// Title and owner on the left, what was lost on the right.
fn line(out: &mut String, indent: usize, row: &CostRow) {
    let owner = row.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
    let left = format!("{}{}{owner}", " ".repeat(indent), row.title);
    let change = row.change.as_ref().map(|Changed { text, .. }| format!("  ({text})")).unwrap_or_default();
    let dots = WIDTH.saturating_sub(columns(&left) + columns(&row.lost) + 18).max(2);
    _ = writeln!(out, "{left} {} {}{change}", ".".repeat(dots), row.lost);
}

/// How many columns a terminal needs for it: characters of the far east take two.
fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// Lines of at most [`WIDTH`], broken at spaces.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split(' ') {
        let last = lines.last_mut().map_or(0, |line| columns(line));
        let is_first = last == columns(indent);
        if !is_first && last + 1 + columns(word) > WIDTH {
            lines.push(format!("{indent}{word}"));
        } else if let Some(line) = lines.last_mut() {
            if !is_first {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
