//! The walk as text: for terminals, and in the mail that goes out each quarter.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::{Pain, PainOf, Place, Told, Visit, Walk};
use crate::model::Verdict;
use crate::words::Words;

/// Each walk with where its page is.
pub fn text(walks: &[(Walk, Option<String>)], words: &Words) -> String {
    let mut out = String::new();
    for (walk, link) in walks {
        write(&mut out, walk, words);
        if let Some(link) = link {
            _ = writeln!(out, "\n{link}");
        }
    }
    out
}

fn write(out: &mut String, walk: &Walk, words: &Words) {
    let heading = heading(walk, words);
    _ = writeln!(out, "\n{heading}\n{}", "=".repeat(heading.chars().count()));
    if walk.pains.is_empty() {
        _ = writeln!(out, "{}", words.text("walk-no-pains"));
    }
    for (number, pain) in walk.pains.iter().enumerate() {
        _ = writeln!(out, "{:>3}. {}", number + 1, pain_line(pain, words));
        if let Some(fault) = &pain.fault {
            _ = writeln!(out, "     {fault}");
        }
    }
    for stage in &walk.stages {
        let score = stage.score.map_or_else(|| "–".to_owned(), |score| score.to_string());
        _ = writeln!(out, "\n{}  {score}", stage.title);
        for place in &stage.places {
            write_place(out, place, walk, words);
        }
    }
}

/// "Walk through “Pay my bill”: 62.3"
pub(in crate::report) fn heading(walk: &Walk, words: &Words) -> String {
    let score = walk.score.map_or_else(|| "–".to_owned(), |score| score.to_string());
    words.say("walk-heading").with("title", walk.title.as_str()).with("score", score).to_string()
}

/// "Bills and payments: −21.0 points"
pub(in crate::report) fn pain_line(pain: &Pain, words: &Words) -> String {
    let title = match &pain.of {
        PainOf::Place { title, .. } | PainOf::Check(title) => title.as_str(),
    };
    words.say("walk-pain").with("title", title).with("points", format!("{:.1}", pain.share)).to_string()
}

fn write_place(out: &mut String, place: &Place, walk: &Walk, words: &Words) {
    let state = words.text(crate::words::state(place.health.state));
    _ = writeln!(out, "  {}: {state}", place.title);
    if place.told == Told::Above {
        _ = writeln!(out, "    {}", words.text("walk-above"));
    } else if place.visits.is_empty() {
        _ = writeln!(out, "    {}", words.text("walk-no-visits"));
    }
    for visit in &place.visits {
        write_visit(out, visit, walk, words);
    }
}

fn write_visit(out: &mut String, visit: &Visit, walk: &Walk, words: &Words) {
    let reading = &visit.reading;
    let persona = reading.persona.as_ref().map(|persona| format!(" ({persona})")).unwrap_or_default();
    let verdict = match &reading.outcome.verdict {
        Verdict::Good => "verdict-good",
        Verdict::Slow => "verdict-slow",
        Verdict::Failed(_) => "verdict-failed",
        Verdict::Inconclusive { .. } => "verdict-inconclusive",
        Verdict::Skipped(_) => "verdict-skipped",
    };
    let when = words.moment(reading.started, walk.at, &TimeZone::UTC);
    let (verdict, took) = (words.text(verdict), words.took(reading.outcome.took));
    _ = writeln!(out, "    {}{persona}: {verdict}, {took} ({when} UTC)", visit.title);
    for (step, fault) in visit.findings() {
        _ = writeln!(out, "      {}: {}", step.name, fault.text);
    }
}
