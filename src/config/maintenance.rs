//! `maintenance:` as it is written: windows once, every week, or by a rule.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::build::Read;
use crate::config::decode::{At, Desk, Kept};
use crate::config::unbroken::{Wall, Zone};
use crate::config::{hours, names, rule};
use crate::model::{Maintenance, Timetable, TouchpointId};

/// Longer than this, nobody means a window.
const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Planned work: what breaks meanwhile is told when it is over, if it is still broken. The score counts it all.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMaintenance {
    name: At<String>,
    /// All, if absent.
    touchpoints: Option<Vec<At<String>>>,
    /// Days and local times of every week, such as `Mon..Fri 02:00-02:30`.
    every: Option<At<String>>,
    /// Local time of the beginning, such as `2026-12-05T22:00`.
    from: Option<Kept<Wall>>,
    to: Option<Kept<Wall>>,
    /// When what `from` and `to` say comes again: a rule of RFC 5545, such as `FREQ=MONTHLY;BYDAY=2TU`.
    rrule: Option<At<String>>,
    /// The company's, if absent.
    timezone: Option<Zone>,
}

/// The windows of the configuration, with what is wrong of them reported.
pub(super) fn windows(read: &Read<'_>, company: &TimeZone) -> Vec<Maintenance> {
    let Some(stands) = &read.top.maintenance else { return Vec::new() };
    let (mut windows, mut known): (Vec<Maintenance>, Vec<&str>) = (Vec::new(), Vec::new());
    for kept in stands.value.iter().flatten() {
        let Some(raw) = &kept.value else { continue };
        let desk = stands.desk;
        if raw.name.value.trim().is_empty() {
            desk.report(desk.source.problem(raw.name.place, "a window has a name: it stands on the page"));
        } else if known.contains(&raw.name.value.as_str()) {
            let text = format!("another window is called `{}` already", raw.name.value);
            desk.report(desk.source.problem(raw.name.place, text));
        }
        known.push(&raw.name.value);
        check_touchpoints(read, desk, raw);
        // Of a window with a key that nobody knows it is not said that it lacks one.
        let is_lacking = raw.every.is_none() && (raw.from.is_none() || raw.to.is_none());
        if kept.damaged && is_lacking {
            continue;
        }
        let Some(timetable) = timetable(desk, raw) else { continue };
        let ids = raw.touchpoints.iter().flatten().map(|id| TouchpointId::new(&id.value));
        windows.push(Maintenance {
            name: raw.name.value.clone(),
            touchpoints: ids.collect(),
            timetable,
            timezone: raw.timezone.as_ref().map_or(company, |zone| &zone.0).clone(),
        });
    }
    windows
}

fn check_touchpoints(read: &Read<'_>, desk: Desk<'_>, raw: &RawMaintenance) {
    if raw.touchpoints.as_ref().is_some_and(Vec::is_empty) {
        let text = "a window over no touchpoint mutes nothing";
        let problem = desk.source.problem(raw.name.place, text);
        desk.report(problem.hint("name some, or leave `touchpoints` out: then it is over all"));
    }
    for id in raw.touchpoints.iter().flatten().filter(|id| read.draft(&id.value).is_none()) {
        let known = read.drafts.iter().map(|draft| draft.id.as_str());
        names::dangling(&desk, id.place, format!("there is no touchpoint `{}`", id.value), &id.value, known);
    }
}

fn timetable(desk: Desk<'_>, raw: &RawMaintenance) -> Option<Timetable> {
    let wrong = |place, text: String| {
        let (text, hint) = text.split_once("; ").map_or((text.as_str(), None), |(text, hint)| (text, Some(hint)));
        let problem = desk.source.problem(place, text);
        desk.report(hint.map_or(problem.clone(), |hint| problem.hint(hint)));
        None
    };
    match (&raw.every, &raw.from, &raw.to, &raw.rrule) {
        (Some(every), None, None, None) => match hours::spans(&every.value) {
            Ok(spans) => Some(Timetable::Weekly(spans)),
            Err(text) => wrong(every.place, text),
        },
        (None, Some(from), Some(to), rrule) => {
            // What is wrong with them is reported.
            let (Wall(from), Wall(until)) = (from.value.as_ref()?, to.value.as_ref()?);
            let length = until.duration_since(*from);
            if length <= SignedDuration::ZERO {
                return wrong(to.place, "the window ends before it begins".into());
            }
            if length > WINDOW_MAX {
                return wrong(to.place, "a window is at most 31 days long; say when it comes again with `rrule`".into());
            }
            let Some(rrule) = rrule else { return Some(Timetable::Once { from: *from, to: *until }) };
            match by_rule(&rrule.value, *from, length) {
                Ok(timetable) => Some(timetable),
                Err(text) => wrong(rrule.place, text),
            }
        }
        _ => wrong(raw.name.place, "when is the window?; write `every: \"Mon..Fri 02:00-02:30\"`, or `from:` and `to:`, with `rrule:` if they come again".into()),
    }
}

fn by_rule(text: &str, from: DateTime, length: SignedDuration) -> Result<Timetable, String> {
    let rule = rule::parse(text, from.date())?;
    Ok(Timetable::Rule { rule, from: from.time(), length })
}
