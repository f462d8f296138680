//! A report as a mail in HTML: tables and inline styles, which is what every mail program shows. Nothing in it is
//! fetched from anywhere; colours have words beside them.

use std::fmt::Write as _;

use super::compose::Report;
use super::look::{Changed, CostRow, Direction, JourneySheet, Mood, Sheet, sheet};
use super::walk::{Walk, heading, pain_line};
use crate::words::{Words, markup};

const INK: &str = "#1d2321";
const SOFT: &str = "#5b6561";
const LINE: &str = "#dfe3e0";
const PAPER: &str = "#f3f5f3";
const GOOD: &str = "#1b6e4f";
const BAD: &str = "#a3341f";
const BAR: &str = "#c9624a";
const TABLE: &str = "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">";
/// Twelve blocks are a whole bar.
const BAR_PIXELS: f64 = 96.0;

/// The whole document; `link` leads to its page, and each walk has one of its own.
pub fn html(report: &Report, words: &Words, link: Option<&str>, walks: &[(Walk, Option<String>)]) -> String {
    let sheet = sheet(report, words);
    let title = format!("{} – {}", sheet.title, sheet.company);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light\"><title>{title}</title></head>\n\
         <body style=\"margin:0;padding:0;background:{PAPER};color:{INK};font:15px/1.5 -apple-system,'Segoe UI',Roboto,Arial,'Noto Sans SC',sans-serif\">\n\
         {TABLE}<tr><td align=\"center\" style=\"padding:24px 12px\">\n\
         <table role=\"presentation\" width=\"640\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"max-width:640px;width:100%\">\n",
        lang = words.language().as_str(),
        title = markup(&title),
    );
    head(&mut out, &sheet, words, link);
    for journey in &sheet.journeys {
        card(&mut out, &journey.title, &of_journey(journey, words));
    }
    if !sheet.owners.is_empty() {
        card(&mut out, &words.text("report-by-owner"), &costs(sheet.owners.iter().map(|row| (row, 0)), words));
    }
    card(&mut out, &words.text("report-longest"), &problems(&sheet, words));
    for (walk, link) in walks {
        card(&mut out, &heading(walk, words), &of_walk(walk, link.as_deref(), words));
    }
    _ = write!(
        out,
        "<tr><td style=\"padding:8px 20px 24px;color:{SOFT};font-size:13px\">{}</td></tr>\n</table>\n</td></tr></table>\n</body></html>\n",
        markup(&words.text("report-footer")),
    );
    out
}

fn head(out: &mut String, sheet: &Sheet, words: &Words, link: Option<&str>) {
    let edge = match sheet.mood {
        Mood::Calm => GOOD,
        Mood::Lost => BAR,
        Mood::Unseen => "#8a938f",
    };
    _ = write!(
        out,
        "<tr><td style=\"padding:4px 20px 20px\">\n\
         <p style=\"margin:0 0 4px;color:{SOFT};font-size:13px\">{company} · {title} · {days}</p>\n\
         <h1 style=\"margin:0 0 8px;padding-left:12px;border-left:5px solid {edge};font-size:22px;line-height:1.3;font-weight:650\">{gist}</h1>\n",
        company = markup(&sheet.company),
        title = markup(&sheet.title),
        days = markup(&sheet.days),
        gist = markup(&sheet.gist),
    );
    for note in &sheet.notes {
        _ = writeln!(out, "<p style=\"margin:0;color:{SOFT};font-size:13px\">{}</p>", markup(note));
    }
    if let Some(link) = link {
        _ = writeln!(
            out,
            "<p style=\"margin:12px 0 0\"><a href=\"{}\" style=\"color:#155e8b;font-weight:600\">{}</a></p>",
            markup(link),
            markup(&words.text("report-open")),
        );
    }
    out.push_str("</td></tr>\n");
}

fn card(out: &mut String, title: &str, inner: &str) {
    _ = write!(
        out,
        "<tr><td style=\"padding:18px 20px;background:#ffffff;border:1px solid {LINE};border-radius:12px\">\n\
         <h2 style=\"margin:0 0 10px;font-size:17px;line-height:1.3;font-weight:650\">{}</h2>\n{inner}</td></tr>\n\
         <tr><td style=\"height:14px;line-height:14px;font-size:1px\">&nbsp;</td></tr>\n",
        markup(title),
    );
}

fn of_journey(journey: &JourneySheet, words: &Words) -> String {
    let mut out = String::new();
    for figure in &journey.figures {
        let note = figure
            .note
            .as_ref()
            .map(|note| format!("<br><span style=\"color:{SOFT};font-size:14px\">{}</span>", markup(note)));
        let change =
            figure.change.as_ref().map(|change| format!("<br>{}", colored(change))).or(note).unwrap_or_default();
        // Beside each other as far as there is room.
        _ = writeln!(
            out,
            "<span style=\"display:inline-block;vertical-align:top;margin:0 26px 8px 0\"><span style=\"color:{SOFT};font-size:13px\">{}</span><br>\
             <strong style=\"font-size:17px\">{}</strong>{change}</span>",
            markup(&figure.name),
            markup(&figure.value),
        );
    }
    if let Some((objective, direction)) = &journey.objective {
        let color = if *direction == Direction::Worse { BAD } else { SOFT };
        _ = writeln!(out, "<p style=\"margin:0 0 8px;color:{color}\">{}</p>", markup(objective));
    }
    let stages = journey
        .stages
        .iter()
        .flat_map(|stage| std::iter::once((&stage.row, 0)).chain(stage.touchpoints.iter().map(|row| (row, 1))));
    let rows: Vec<(&CostRow, usize)> = stages.chain(journey.checks.iter().map(|row| (row, 0))).collect();
    if !rows.is_empty() {
        let named = markup(&words.text("report-by-stage"));
        _ = writeln!(out, "<h3 style=\"margin:8px 0 4px;font-size:13px;font-weight:600;color:{SOFT}\">{named}</h3>");
        out.push_str(&costs(rows.into_iter(), words));
    }
    if let Some(remark) = &journey.remark {
        _ = writeln!(out, "<p style=\"margin:6px 0 0;color:{SOFT}\">{}</p>", markup(remark));
    }
    out
}

/// What costs the journey, and where the whole walk is.
fn of_walk(walk: &Walk, link: Option<&str>, words: &Words) -> String {
    let mut out = String::new();
    for pain in &walk.pains {
        let what = pain.fault.as_ref().map(|fault| {
            format!("<br><span style=\"color:{SOFT};font-size:14px\">{}</span>", markup(&fault.to_string()))
        });
        let what = what.unwrap_or_default();
        _ = writeln!(out, "<p style=\"margin:0 0 6px\">{}{what}</p>", markup(&pain_line(pain, words)));
    }
    if walk.pains.is_empty() {
        _ = writeln!(out, "<p style=\"margin:0 0 6px\">{}</p>", markup(&words.text("walk-no-pains")));
    }
    if let Some(link) = link {
        _ = writeln!(
            out,
            "<p style=\"margin:0\"><a href=\"{}\" style=\"color:#155e8b;font-weight:600\">{}</a></p>",
            markup(link),
            markup(&words.text("walk-open")),
        );
    }
    out
}

/// A table of what was lost; rows within rows stand further in, and have no bar.
fn costs<'a>(rows: impl Iterator<Item = (&'a CostRow, usize)>, words: &Words) -> String {
    let mut out = format!(
        "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"border-collapse:collapse\">\n\
         <tr style=\"color:{SOFT};font-size:12px\"><th align=\"left\" style=\"font-weight:400\">&nbsp;</th><th>&nbsp;</th>\
         <th align=\"right\" style=\"font-weight:400;padding-left:12px\">{}</th><th align=\"right\" style=\"font-weight:400;padding-left:12px\">{}</th></tr>\n",
        markup(&words.text("report-lost")),
        markup(&words.text("report-change")),
    );
    for (row, depth) in rows {
        let owner = row
            .owner
            .as_ref()
            .map(|owner| format!(" <span style=\"color:{SOFT}\">{}</span>", markup(owner)))
            .unwrap_or_default();
        let (span, bar) = if depth == 0 {
            (1, format!("<td width=\"{BAR_PIXELS}\" style=\"border-top:1px solid {LINE}\">{}</td>", bar(row.share)))
        } else {
            (2, String::new())
        };
        let weight = if depth == 0 { "font-weight:600" } else { "font-size:14px" };
        let edge = if depth == 0 { format!("border-top:1px solid {LINE};") } else { String::new() };
        let change = row.change.as_ref().map_or_else(|| "–".to_owned(), colored);
        _ = writeln!(
            out,
            "<tr><td colspan=\"{span}\" style=\"{edge}padding:5px 8px 5px {indent}px;{weight}\">{title}{owner}</td>{bar}\
             <td align=\"right\" style=\"{edge}padding:5px 0 5px 12px;white-space:nowrap;{weight}\">{lost}</td>\
             <td align=\"right\" style=\"{edge}padding:5px 0 5px 12px;white-space:nowrap;font-size:14px\">{change}</td></tr>",
            indent = depth * 16,
            title = markup(&row.title),
            lost = markup(&row.lost),
        );
    }
    out + "</table>\n"
}

fn bar(share: f64) -> String {
    let wide = (share * BAR_PIXELS).round().clamp(2.0, BAR_PIXELS);
    format!(
        "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr>\
         <td width=\"{wide}\" height=\"9\" style=\"width:{wide}px;height:9px;line-height:9px;font-size:1px;background:{BAR};border-radius:3px\">&nbsp;</td></tr></table>"
    )
}

/// Its sign says it; the colour repeats it.
fn colored(change: &Changed) -> String {
    let color = match change.direction {
        Direction::Better => GOOD,
        Direction::Worse => BAD,
        Direction::Same => SOFT,
    };
    format!("<span style=\"color:{color};font-size:14px\">{}</span>", markup(&change.text))
}

fn problems(sheet: &Sheet, words: &Words) -> String {
    if sheet.problems.is_empty() {
        return format!("<p style=\"margin:0\">{}</p>\n", markup(&words.text("report-no-problems")));
    }
    let mut out = TABLE.to_owned();
    for (number, problem) in sheet.problems.iter().enumerate() {
        let owner = problem.owner.as_ref().map(|owner| format!(" · {}", markup(owner))).unwrap_or_default();
        let edge = if number == 0 { String::new() } else { format!("border-top:1px solid {LINE};") };
        _ = writeln!(
            out,
            "<tr><td style=\"{edge}padding:7px 0\"><strong style=\"font-weight:600\">{}</strong><br>\
             <span style=\"color:{SOFT};font-size:14px\">{} · {} · {}{owner}</span></td></tr>",
            markup(&problem.headline),
            markup(&problem.began),
            markup(&problem.lasted),
            markup(&problem.points),
        );
    }
    out.push_str("</table>\n");
    if let Some(more) = &sheet.more_problems {
        _ = writeln!(out, "<p style=\"margin:6px 0 0;color:{SOFT}\">{}</p>", markup(more));
    }
    out
}
