//! Charts as SVG paths: drawn here, coloured by the style sheet, so that they print and turn dark.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::tone::{Tone, of_points};
use crate::web::history::Day;

/// One path per colour, so that a day costs five elements, not ninety-six.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bars {
    pub(super) class: &'static str,
    pub(super) path: String,
}

/// A day in bars: the higher the better, coloured by how good, hatched where nobody looked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Strip {
    pub(super) width: usize,
    pub(super) bars: Vec<Bars>,
    /// The same for those who do not see it.
    pub(super) told: String,
}

/// Height of a strip, user units.
const STRIP_HEIGHT: f64 = 40.0;
/// A bar and its gap, user units.
const BAR_STEP: usize = 5;
const BAR_WIDTH: f64 = 3.5;
/// A journey at zero still shows that it was watched.
const BAR_MIN: f64 = 3.0;

pub(super) fn strip(day: &Day) -> Strip {
    let mut paths: BTreeMap<&'static str, String> = BTreeMap::new();
    for (place, slot) in day.slots.iter().enumerate() {
        let (class, height) = match slot {
            Some(score) => (of_points(*score).class, (STRIP_HEIGHT * score / 100.0).max(BAR_MIN)),
            None => ("unknown", STRIP_HEIGHT),
        };
        let path = paths.entry(class).or_default();
        let _ = write!(path, "M{} {STRIP_HEIGHT}v-{height:.1}h{BAR_WIDTH}v{height:.1}z", place * BAR_STEP);
    }
    Strip {
        width: day.slots.len() * BAR_STEP,
        bars: paths.into_iter().map(|(class, path)| Bars { class, path }).collect(),
        told: told(day),
    }
}

fn told(day: &Day) -> String {
    let seen: Vec<f64> = day.slots.iter().flatten().copied().collect();
    let Some(worst) = seen.iter().copied().min_by(f64::total_cmp) else {
        return "Last 24 hours: not watched yet".to_owned();
    };
    let gaps = day.slots.len() - seen.len();
    let mean = seen.iter().sum::<f64>() / seen.len() as f64;
    let unseen = if gaps == 0 { String::new() } else { format!(", {} h not watched", hours(gaps, day)) };
    let planned = day.planned.iter().filter(|planned| **planned).count();
    let planned = if planned == 0 { String::new() } else { format!(", {} h of planned work", hours(planned, day)) };
    format!("Last 24 hours: on average {mean:.1}, at worst {worst:.1}{unseen}{planned}")
}

fn hours(slots: usize, day: &Day) -> String {
    let hours = slots as f64 * day.step.as_secs_f64() / 3600.0;
    if hours < 10.0 { format!("{hours:.1}") } else { format!("{hours:.0}") }
}

/// A day as a line over its four bands, with a clock below.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Graph {
    pub(super) line: String,
    pub(super) area: String,
    /// Where nobody looked: (x, width).
    pub(super) gaps: Vec<(String, String)>,
    /// Where work was under way as planned: (x, width).
    pub(super) planned: Vec<(String, String)>,
    /// (x in per cent, text)
    pub(super) hours: Vec<(String, String)>,
    pub(super) told: String,
}

/// The graph's inner size, user units; the template's frame fits it.
pub(super) const GRAPH_WIDTH: f64 = 960.0;
pub(super) const GRAPH_HEIGHT: f64 = 200.0;

pub(super) fn graph(day: &Day, zone: &TimeZone) -> Graph {
    let step = GRAPH_WIDTH / day.slots.len().max(1) as f64;
    let (mut line, mut area, mut gaps) = (String::new(), String::new(), Vec::new());
    let mut place = 0;
    for run in day.slots.chunk_by(|a, b| a.is_some() == b.is_some()) {
        let (from, to) = (place as f64 * step, (place + run.len()) as f64 * step);
        if run[0].is_none() {
            gaps.push((format!("{from:.1}"), format!("{:.1}", to - from)));
        } else {
            let mut steps = String::new();
            for (offset, score) in run.iter().flatten().enumerate() {
                let y = GRAPH_HEIGHT * (1.0 - score / 100.0);
                let x = (place + offset) as f64 * step;
                let _ = if offset == 0 { write!(steps, "M{x:.1} {y:.1}") } else { write!(steps, "V{y:.1}") };
                let _ = write!(steps, "H{:.1}", x + step);
            }
            let _ = write!(line, "{steps}");
            let _ = write!(area, "{steps}V{GRAPH_HEIGHT}H{from:.1}z");
        }
        place += run.len();
    }
    let (mut planned, mut place) = (Vec::new(), 0);
    for run in day.planned.chunk_by(|a, b| a == b) {
        if run[0] {
            planned.push((format!("{:.1}", place as f64 * step), format!("{:.1}", run.len() as f64 * step)));
        }
        place += run.len();
    }
    Graph { line, area, gaps, planned, hours: clock(day, zone), told: told(day) }
}

/// A label every four hours of the local clock.
fn clock(day: &Day, zone: &TimeZone) -> Vec<(String, String)> {
    let length = day.step.as_secs_f64() * day.slots.len() as f64;
    let mut labels = Vec::new();
    for (place, _) in day.slots.iter().enumerate() {
        let at = day.from.checked_add(day.step * place as u32).unwrap_or(day.from).to_zoned(zone.clone());
        if at.hour() % 4 == 0 && i64::from(at.minute()) * 60 < day.step.as_secs().cast_signed() {
            let x = 100.0 * (place as f64 * day.step.as_secs_f64()) / length;
            labels.push((format!("{x:.1}%"), at.strftime("%H:%M").to_string()));
        }
    }
    labels
}

/// A piece of a row that is 100 wide.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) x: String,
    pub(super) width: String,
}

impl Piece {
    /// From `from` to `to` of `whole`; what is there is seen, however thin.
    pub(super) fn new(from: f64, to: f64, whole: f64) -> Self {
        let scale = if whole > 0.0 { 100.0 / whole } else { 0.0 };
        let (from, to) = ((from * scale).clamp(0.0, 99.4), (to * scale).clamp(0.0, 100.0));
        Self { x: format!("{from:.2}"), width: format!("{:.2}", (to - from).max(0.6)) }
    }
}

/// One run of a probe as a bar: as high as it was long.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Beat {
    pub(super) x: usize,
    pub(super) y: String,
    pub(super) height: String,
    pub(super) tone: Tone,
    pub(super) told: String,
}

/// Bars of runs, oldest first, against the longest of them.
pub(super) fn beats(runs: &[(Timestamp, f64, Tone, String)]) -> Vec<Beat> {
    let longest = runs.iter().map(|(_, seconds, ..)| *seconds).fold(f64::MIN_POSITIVE, f64::max);
    let beat = |(place, (_, seconds, tone, told)): (usize, &(Timestamp, f64, Tone, String))| {
        let height = (STRIP_HEIGHT * seconds / longest).max(BAR_MIN);
        let y = format!("{:.1}", STRIP_HEIGHT - height);
        Beat { x: place * 10, y, height: format!("{height:.1}"), tone: *tone, told: told.clone() }
    };
    runs.iter().enumerate().map(beat).collect()
}
