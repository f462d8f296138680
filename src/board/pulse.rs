//! One journey now: its number, its colour, and what each leaf costs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Board;
use super::net::{JourneyAt, Leaf};
use super::segments::SegmentSight;
use super::watch::whole;
use crate::model::{Change, Color, Score, Severity, State};
use crate::score::{CLOSED, Ground, Hue, PENDING, seen};

/// Fewer than half of the elements fresh: no number.
pub(super) const OBSERVED_MIN: f64 = 0.5;

/// What was last worked out of a journey. What serde writes is the board's memory of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pulse {
    #[serde(rename = "h")]
    pub(super) hue: Hue,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) since: Timestamp,
    /// The score that was last told.
    #[serde(rename = "t")]
    pub(super) told: (Option<Score>, Color),
    /// Evaluations in a row below 50 with nothing that explains it, or above while an incident says so.
    #[serde(rename = "n")]
    pub(super) evaluations: u8,
    /// What was told of how fast it uses up what its objective allows.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(super) burning: Option<Severity>,
    /// The last minute (of the epoch) in which an open incident said so.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(super) carried: Option<i64>,
    #[serde(skip)]
    pub(super) sight: Sight,
}

/// What is recomputed from the series.
#[derive(Clone, Debug, Default)]
pub(super) struct Sight {
    /// When it was worked out.
    pub(super) at: Timestamp,
    pub(super) value: f64,
    pub(super) felt: f64,
    pub(super) observed: f64,
    pub(super) range: (f64, f64),
    pub(super) healths: Vec<f64>,
    /// Per leaf of the formula, 0..=1; sums to 1 - value.
    pub(super) shares: Vec<f64>,
    /// In the order of the journey's segments.
    pub(super) segments: Vec<SegmentSight>,
}

/// What led to working a score out anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Occasion {
    /// New samples.
    Sample,
    /// Every 30 s: the colour may change.
    Evaluation,
    /// A detector made up its mind: the colour follows at once.
    Decision,
}

impl Occasion {
    /// What led from one state to another: a detector, or only silence or opening hours.
    pub(super) fn of(from: State, to: State) -> Self {
        let seen = |state| matches!(state, State::Up | State::Degraded | State::Down);
        if seen(to) && (seen(from) || from == State::Pending) { Self::Decision } else { Self::Sample }
    }
}

impl Pulse {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            hue: Hue::default(),
            since: now,
            told: (None, Color::Unknown),
            evaluations: 0,
            burning: None,
            carried: None,
            sight: Sight::default(),
        }
    }

    /// J, if enough is observed for a number.
    pub(super) fn number(&self) -> Option<f64> {
        (self.sight.observed >= OBSERVED_MIN).then_some(self.sight.value)
    }

    pub(super) fn score(&self) -> Option<Score> {
        self.number().map(Score::of)
    }

    /// Never a colour without a number.
    pub(super) fn color(&self) -> Color {
        self.number().map_or(Color::Unknown, |_| self.hue.shown())
    }
}

impl Board {
    /// Works out one journey, and says so if what is shown of it changed.
    pub(super) fn pulse(&mut self, journey: usize, occasion: Occasion, now: Timestamp, changes: &mut Vec<Change>) {
        let sight = self.sight(journey, now);
        let pulse = &mut self.journeys[journey];
        let told = pulse.told;
        pulse.sight = sight;
        let hue = pulse.hue;
        match occasion {
            Occasion::Evaluation => pulse.hue.evaluate(pulse.number()),
            Occasion::Decision => pulse.hue.decide(pulse.number()),
            Occasion::Sample if hue.shown() == Color::Unknown => pulse.hue.evaluate(pulse.number()),
            Occasion::Sample => {}
        }
        let now_told = (pulse.score(), pulse.color());
        if pulse.hue.shown() != hue.shown() {
            pulse.since = now;
        }
        if pulse.hue != hue || now_told != told {
            self.dirty.journeys.insert(journey);
        }
        if now_told != told {
            pulse.told = now_told;
            let (to, color) = now_told;
            let id = self.net.journeys[journey].id.clone();
            changes.push(Change::ScoreChanged { journey: id, from: told.0, to, color, at: now });
        }
        self.stale_scores.remove(&journey);
    }

    pub(super) fn sight(&self, journey: usize, now: Timestamp) -> Sight {
        let now = whole(now);
        let at = &self.net.journeys[journey];
        let mut healths = Vec::with_capacity(at.leaves.len());
        let (mut low, mut high) = (healths.clone(), healths.clone());
        for leaf in &at.leaves {
            let (value, (least, most)) = match leaf {
                Leaf::Probe(probe) if self.is_closed(*probe) => (CLOSED, (CLOSED, CLOSED)),
                Leaf::Probe(probe) => self.probe_range(*probe, now),
                Leaf::Check(check) => self.check_range(*check, now),
            };
            healths.push(value);
            low.push(least);
            high.push(most);
        }
        let caps: Vec<f64> = at.caps.iter().map(|element| self.ceiling(*element)).collect();
        let ground = Ground { healths: &healths, caps: &[] };
        let value = at.formula.value(ground);
        let felt = at.formula.value(Ground { healths: &healths, caps: &caps }).min(value);
        let observed = self.observed(at, now);
        let least = at.formula.value(Ground { healths: &low, caps: &[] }).min(value);
        let most = at.formula.value(Ground { healths: &high, caps: &[] }).max(value);
        let least = if observed < OBSERVED_MIN { 0.0 } else { least };
        let shares = at.formula.shares(ground);
        let segments = self.segment_sights(at, &healths, now);
        Sight { at: now, value, felt, observed, range: (least, most), healths, shares, segments }
    }

    /// J if these probes were perfect.
    pub(super) fn mended(&self, journey: usize, probes: std::ops::Range<usize>) -> f64 {
        let at = &self.net.journeys[journey];
        let mend = |(leaf, health): (&Leaf, &f64)| match leaf {
            Leaf::Probe(probe) if probes.contains(probe) && !health.is_nan() => 1.0,
            _ => *health,
        };
        let healths: Vec<f64> = at.leaves.iter().zip(&self.journeys[journey].sight.healths).map(mend).collect();
        at.formula.value(Ground { healths: &healths, caps: &[] })
    }

    fn ceiling(&self, element: usize) -> f64 {
        let touchpoint = self.net.elements[element].touchpoint;
        if self.touchpoints[touchpoint].closed { 1.0 } else { self.felt[element].ceiling() }
    }

    /// The mean over the elements that the journey names; what is closed need not be seen.
    fn observed(&self, at: &JourneyAt, now: Timestamp) -> f64 {
        let members = at.stages.iter().flatten().flat_map(|need| &need.members);
        let (mut sum, mut count) = (0.0, 0.0);
        for member in members {
            sum += self.element_health(member.element, now).observed;
            count += 1.0;
        }
        if count == 0.0 { 0.0 } else { sum / count }
    }

    /// A check's value, and the lowest and the highest that what we saw allows.
    pub(super) fn check_range(&self, check: usize, now: Timestamp) -> (f64, (f64, f64)) {
        let (state, freshness) = self.check_sight(check, now);
        let fresh = |known: f64| if freshness >= 1.0 { (known, known) } else { (0.0, known) };
        match state {
            State::Closed => (1.0, (1.0, 1.0)),
            State::Down => (0.0, fresh(0.0)),
            State::Pending => (PENDING, (0.0, 1.0)),
            _ => (seen(1.0, freshness, PENDING), fresh(1.0)),
        }
    }
}
