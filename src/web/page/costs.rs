//! What costs a journey its points: the rows of its waterfall.

use super::Frame;
use super::chart::Piece;
use super::number::minus;
use super::tone::Tone;
use crate::model::{Element, JourneyNow, Snapshot, State};
use crate::web::shares::Shares;
use crate::words;

/// A row of the waterfall.
pub(super) struct Cost {
    /// None for a consistency check.
    pub(super) touchpoint: Option<String>,
    pub(super) title: String,
    pub(super) why: String,
    pub(super) since: String,
    pub(super) tone: Tone,
    pub(super) points: String,
    pub(super) piece: Piece,
    /// The score if only this were mended.
    pub(super) mended: Option<String>,
}

/// A cost before its place among the others is known.
struct Raw {
    share: f64,
    down: State,
    criticality: f64,
    cost: Cost,
}

/// Everything that costs points, in the order in which to mend it, as steps down from 100.
pub(super) fn costs(frame: &Frame, now: &JourneyNow, shares: &Shares, snapshot: &Snapshot) -> Vec<Cost> {
    let blank = || Piece::new(0.0, 0.0, 1.0);
    let score = now.score.map_or(0.0, crate::model::Score::points);
    let title = |element: &Element| {
        let name = words::touchpoint(element.touchpoint(), &snapshot.map);
        probe_title(element, snapshot).map_or_else(
            || name.to_owned(),
            |probe| frame.say("cost-probe").with("place", name).with("probe", probe).to_string(),
        )
    };
    let mut all: Vec<Raw> = Vec::new();
    for (place, stage) in now.stages.iter().enumerate() {
        for (number, need) in stage.needs.iter().enumerate() {
            for (member, element) in need.elements().iter().enumerate() {
                let share = shares.element(place, number, member);
                let state = element.health.state;
                let mended = (score + element.gain_if_fixed).min(100.0);
                let cost = Cost {
                    touchpoint: Some(element.element.touchpoint().to_string()),
                    title: title(&element.element),
                    why: frame.words.fault(state, element.fault.as_ref()).into_owned(),
                    since: frame.since(element.since),
                    tone: state.into(),
                    points: minus(share),
                    piece: blank(),
                    mended: Some(format!("{:.1}", (mended * 10.0 + 1e-6).floor() / 10.0)),
                };
                all.push(Raw { share, down: state, criticality: element.criticality, cost });
            }
        }
    }
    for (place, check) in now.consistency.iter().enumerate() {
        let cost = Cost {
            touchpoint: None,
            title: check.name.clone(),
            why: frame.text(if check.state == State::Down { "check-disagrees" } else { "check-cannot" }).into_owned(),
            since: frame.since(check.since),
            tone: check.state.into(),
            points: minus(shares.check(place)),
            piece: blank(),
            mended: None,
        };
        all.push(Raw { share: shares.check(place), down: check.state, criticality: check.severity.cost(), cost });
    }
    all.retain(|raw| raw.share >= 0.05);
    let last = |state: State| state != State::Down;
    all.sort_by(|a, b| {
        b.share
            .total_cmp(&a.share)
            .then(last(a.down).cmp(&last(b.down)))
            .then(b.criticality.total_cmp(&a.criticality))
            .then_with(|| a.cost.title.cmp(&b.cost.title))
    });
    let mut level = 100.0;
    all.into_iter()
        .map(|mut raw| {
            raw.cost.piece = Piece::new(level - raw.share, level, 100.0);
            level -= raw.share;
            raw.cost
        })
        .collect()
}

/// The probe's title, where an element is one probe of its touchpoint.
pub(super) fn probe_title(element: &Element, snapshot: &Snapshot) -> Option<String> {
    let Element::Probe(id) = element else { return None };
    Some(snapshot.map.probe(id).map_or_else(|| id.name.to_string(), |probe| probe.title.clone()))
}
