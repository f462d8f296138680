//! The walk as a table for spreadsheets: a row a step.

use super::{Place, Visit, Walk, WalkedStage};
use crate::model::{Phase, StepOutcome, TraceId};
use crate::words::Words;

/// Which no spreadsheet takes for a formula: what a probed server says stands in some of these cells.
const FORMULAS_BEGIN_WITH: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
const PHASES: [Phase; 6] = [Phase::Dns, Phase::Connect, Phase::Tls, Phase::Send, Phase::Wait, Phase::Receive];

/// RFC 4180, UTF-8 with a byte order mark, without which Excel reads no Chinese. Column names are a contract.
pub fn csv(walks: &[Walk], words: &Words) -> String {
    let mut out = String::from('\u{feff}');
    let phases = PHASES.map(|phase| format!("{}_ms", phase.code())).into_iter().chain(["other_ms".to_owned()]);
    let before = [
        "journey",
        "stage",
        "touchpoint",
        "title",
        "channel",
        "owner",
        "state",
        "points",
        "probe",
        "persona",
        "vantage",
        "started",
        "verdict",
        "step",
        "kind",
        "result",
        "took_ms",
    ];
    let after = ["fault", "finding", "expected", "found", "advice", "trace_id"];
    row(&mut out, before.into_iter().map(str::to_owned).chain(phases).chain(after.map(str::to_owned)));
    for walk in walks {
        for (stage, place) in walk.stages.iter().flat_map(|stage| stage.places.iter().map(move |place| (stage, place)))
        {
            let of = place_cells(walk, stage, place);
            for visit in &place.visits {
                let run = visit_cells(visit);
                if visit.reading.outcome.steps.is_empty() {
                    row(&mut out, of.iter().chain(&run).cloned().chain(nothing(visit)));
                }
                for step in &visit.reading.outcome.steps {
                    row(&mut out, of.iter().chain(&run).cloned().chain(step_cells(visit, step, words)));
                }
            }
            if place.visits.is_empty() {
                let rest = vec![String::new(); before.len() - of.len() + PHASES.len() + 1 + after.len()];
                row(&mut out, of.into_iter().chain(rest));
            }
        }
    }
    out
}

fn place_cells(walk: &Walk, stage: &WalkedStage, place: &Place) -> Vec<String> {
    vec![
        walk.journey.to_string(),
        stage.id.to_string(),
        place.touchpoint.to_string(),
        place.title.clone(),
        place.channel.to_owned(),
        place.owner.clone().unwrap_or_default(),
        place.health.state.as_str().to_owned(),
        format!("{:.1}", place.share),
    ]
}

fn visit_cells(visit: &Visit) -> Vec<String> {
    let reading = &visit.reading;
    vec![
        visit.probe.to_string(),
        reading.persona.as_ref().map(ToString::to_string).unwrap_or_default(),
        reading.vantage.to_string(),
        format!("{:.3}", reading.started),
        reading.outcome.verdict.label().to_owned(),
    ]
}

/// A run of which no step was kept.
fn nothing(visit: &Visit) -> Vec<String> {
    let outcome = &visit.reading.outcome;
    let mut cells = vec![String::new(), String::new(), outcome.verdict.label().to_owned(), millis(outcome.took)];
    cells.extend(vec![String::new(); PHASES.len() + 1]);
    let fault = outcome.verdict.fault();
    cells.push(fault.map(|fault| fault.code.code().to_owned()).unwrap_or_default());
    cells.push(fault.map(|fault| fault.text.clone()).unwrap_or_default());
    cells.extend([String::new(), String::new(), String::new(), trace(visit)]);
    cells
}

fn step_cells(visit: &Visit, step: &StepOutcome, words: &Words) -> Vec<String> {
    let found = step.fault.iter().chain(step.findings.iter().map(|one| &one.fault));
    let found: Vec<_> = found.collect();
    let result = match (step.reached, &step.fault) {
        (false, _) => "not_reached",
        (true, Some(_)) => "failed",
        (true, None) if found.is_empty() => "good",
        (true, None) => "defect",
    };
    let all = |text: &dyn Fn(&crate::model::Fault) -> String| {
        let texts: Vec<String> = found.iter().map(|fault| text(fault)).filter(|text| !text.is_empty()).collect();
        texts.join(" | ")
    };
    let mut cells = vec![step.name.to_string(), step.kind.to_string(), result.to_owned(), millis(step.took)];
    let spent = |is_it: &dyn Fn(&Phase) -> bool| {
        let mut mine = step.phases.iter().filter(|one| is_it(&one.phase)).peekable();
        if mine.peek().is_some() { millis(mine.map(|one| one.took).sum()) } else { String::new() }
    };
    cells.extend(PHASES.map(|phase| spent(&|one| *one == phase)));
    cells.push(spent(&|one| !PHASES.contains(one)));
    cells.push(all(&|fault| fault.code.code().to_owned()));
    cells.push(all(&|fault| fault.text.clone()));
    cells.push(all(&|fault| fault.evidence.as_ref().map(|seen| seen.expected.clone()).unwrap_or_default()));
    cells.push(all(&|fault| fault.evidence.as_ref().map(|seen| seen.found.clone()).unwrap_or_default()));
    cells.push(all(&|fault| words.advice(fault).map(std::borrow::Cow::into_owned).unwrap_or_default()));
    cells.push(trace(visit));
    cells
}

/// Nothing of a run whose details were not kept.
fn trace(visit: &Visit) -> String {
    let trace = visit.reading.trace;
    if trace == TraceId::default() { String::new() } else { trace.to_string() }
}

fn millis(took: std::time::Duration) -> String {
    format!("{:.1}", took.as_secs_f64() * 1000.0)
}

fn row(out: &mut String, cells: impl Iterator<Item = String>) {
    let written: Vec<String> = cells.map(|text| cell(&text)).collect();
    out.push_str(&written.join(","));
    out.push_str("\r\n");
}

/// One cell, inert: an apostrophe before what would be worked out, quotes round what would end it.
fn cell(text: &str) -> String {
    let text = if text.starts_with(FORMULAS_BEGIN_WITH) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r', ';', '\t']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_worked_out() {
        for (text, expected) in [
            ("=HYPERLINK(\"http://evil\")", "\"'=HYPERLINK(\"\"http://evil\"\")\""),
            ("+1", "'+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"'\t=1\""),
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("two\nlines", "\"two\nlines\""),
            ("账单", "账单"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
