//! A journey as each segment of its customers meets it.

use super::Frame;
use super::home::persona_name;
use super::number::Number;
use super::tone::Tone;
use crate::model::{JourneyNow, Score, SegmentNow, Snapshot, State};
use crate::words;

/// So many points below the whole, a segment is worth a word on the front page.
const CLEARLY_WORSE: f64 = 5.0;

/// One segment's row.
pub(super) struct SegmentRow {
    pub(super) name: String,
    /// "Anna Schmidt and 李伟"
    pub(super) as_whom: String,
    pub(super) number: Number,
    pub(super) tone: Tone,
    pub(super) sentence: String,
    /// "Not tried as them: Checkout at the shop", if anything.
    pub(super) untried: Option<String>,
}

pub(super) fn rows(frame: &Frame, journey: &JourneyNow, snapshot: &Snapshot) -> Vec<SegmentRow> {
    let row = |now: &SegmentNow| SegmentRow {
        name: now.name.to_string(),
        as_whom: frame.words.list(now.personas.iter().map(|id| persona_name(id, snapshot).into_owned())),
        number: words::segment_score(now).into(),
        tone: if words::is_segment_pending(now) { Tone::from(State::Pending) } else { Tone::from(now.color) },
        sentence: frame.words.segment(now, snapshot),
        untried: untried(frame, now, snapshot),
    };
    journey.segments.iter().map(row).collect()
}

fn untried(frame: &Frame, now: &SegmentNow, snapshot: &Snapshot) -> Option<String> {
    // An errand stands at every touchpoint that it credits, under one title.
    let mut errands: Vec<(String, Vec<String>)> = Vec::new();
    for id in &now.untried {
        let title = snapshot.map.probe(id).map_or_else(|| id.name.to_string(), |probe| probe.title.clone());
        let place = words::touchpoint(&id.touchpoint, &snapshot.map).to_owned();
        match errands.iter_mut().find(|(known, _)| *known == title) {
            Some((_, places)) => places.push(place),
            None => errands.push((title, vec![place])),
        }
    }
    let told = |(title, places): (String, Vec<String>)| {
        let places = frame.words.list(places.into_iter());
        frame.say("segment-errand").with("title", title).with("places", places).to_string()
    };
    (!errands.is_empty()).then(|| frame.words.list(errands.into_iter().map(told)))
}

/// "business 50.0", where a segment fares clearly worse than the customers as a whole.
pub(super) fn worse(frame: &Frame, journey: &JourneyNow) -> Option<String> {
    let whole = journey.score.filter(|_| !words::is_pending(journey))?;
    let worse = |now: &&SegmentNow| {
        words::segment_score(now).is_some_and(|score: Score| whole.points() - score.points() >= CLEARLY_WORSE)
    };
    let told = |now: &SegmentNow| Some(format!("{} {}", now.name, now.score?));
    let worse: Vec<String> = journey.segments.iter().filter(worse).filter_map(told).collect();
    (!worse.is_empty()).then(|| frame.words.list(worse.into_iter()))
}
