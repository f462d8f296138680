//! Charts as SVG paths: drawn here, coloured by the style sheet, so that they print and turn dark.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;

use super::past::told;
use super::tone::{Tone, of_points};
use crate::web::past::Past;
use crate::words::Words;

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

pub(super) fn strip(words: &Words, day: &Past) -> Strip {
    let mut paths: BTreeMap<&'static str, String> = BTreeMap::new();
    for (place, slot) in day.slots.iter().enumerate() {
        let (class, height) = match slot.score {
            Some(score) => (of_points(score).class, (STRIP_HEIGHT * score / 100.0).max(BAR_MIN)),
            None => ("unknown", STRIP_HEIGHT),
        };
        let path = paths.entry(class).or_default();
        let _ = write!(path, "M{} {STRIP_HEIGHT}v-{height:.1}h{BAR_WIDTH}v{height:.1}z", place * BAR_STEP);
    }
    Strip {
        width: day.slots.len() * BAR_STEP,
        bars: paths.into_iter().map(|(class, path)| Bars { class, path }).collect(),
        told: told(words, day, 0),
    }
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
