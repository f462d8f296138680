//! The present state of everything, for those who only look: pages, API, metrics, alerts.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Color, Element, Fault, FindingSeverity, Health, Incident, JourneyId, JourneyMap, PersonaId, ProbeId, Reading,
    Score, SelfFault, Series, Severity, Silence, Source, StageId, State, TouchpointId,
};

/// What the board believes at one moment. Immutable; swapped whole.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub at: Timestamp,
    pub map: Arc<JourneyMap>,
    /// In the map's order.
    pub journeys: Vec<JourneyNow>,
    pub touchpoints: BTreeMap<TouchpointId, TouchpointNow>,
    /// Open ones, newest first.
    pub incidents: Vec<Incident>,
    /// What people hold back, as it was last said.
    pub silences: Vec<Silence>,
    /// Our own troubles, shown as a banner.
    pub troubles: Vec<Trouble>,
}

/// Something wrong with ourselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub what: SelfFault,
    pub since: Timestamp,
    pub text: String,
}

#[derive(Clone, Debug)]
pub struct JourneyNow {
    pub id: JourneyId,
    /// None: too little is observed for a number.
    pub score: Option<Score>,
    pub felt: Option<Score>,
    /// J itself, 0..=1, unrounded; shares sum to 1 - value.
    pub value: f64,
    /// How much of the journey is freshly observed, 0..=1.
    pub observed: f64,
    /// What the score may be: equal bounds when everything is observed.
    pub range: (Score, Score),
    pub color: Color,
    /// When the colour last changed.
    pub since: Timestamp,
    /// The touchpoint that costs most.
    pub worst: Option<TouchpointId>,
    pub stages: Vec<StageNow>,
    pub consistency: Vec<CheckNow>,
    /// By name; empty where no persona that runs in it has a segment.
    pub segments: Vec<SegmentNow>,
    /// How fast it uses up what its objective allows; empty without one, or before its history was read.
    pub burns: Vec<Burn>,
    /// What that deserves, if anything.
    pub burning: Option<Severity>,
}

/// How many times as fast as its objective allows a journey lost minutes, over two windows in minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burn {
    /// From here on both of them are told.
    pub factor: f64,
    pub severity: Severity,
    pub long: (i64, f64),
    pub short: (i64, f64),
}

impl Burn {
    /// Over both windows.
    pub fn fires(&self) -> bool {
        self.long.1 >= self.factor && self.short.1 >= self.factor
    }
}

/// A journey as the customers of one segment meet it.
#[derive(Clone, Debug)]
pub struct SegmentNow {
    pub name: Arc<str>,
    /// Who stands for it.
    pub personas: Vec<PersonaId>,
    /// None: too little is observed for a number.
    pub score: Option<Score>,
    /// 0..=1, unrounded; the shares of `costs` sum to what it lacks.
    pub value: f64,
    /// How much of what its customers try is freshly observed, 0..=1.
    pub observed: f64,
    pub color: Color,
    /// The dearest first.
    pub costs: Vec<SegmentCost>,
    /// Probes of the journey that only customers of other segments run: no part of its score.
    pub untried: Vec<ProbeId>,
}

/// Something that costs a segment points.
#[derive(Clone, Debug)]
pub struct SegmentCost {
    pub of: Costly,
    /// Points of the segment's score.
    pub share: f64,
    /// As its customers meet it.
    pub state: State,
    pub since: Timestamp,
    pub fault: Option<Fault>,
    pub reach: Reach,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Costly {
    Element(Element),
    /// A consistency check, by name.
    Check(String),
}

/// Whom it hurts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Everyone,
    /// This segment more than the customers as a whole.
    Segment,
}

#[derive(Clone, Debug)]
pub struct StageNow {
    pub id: StageId,
    pub score: Option<Score>,
    pub color: Color,
    pub needs: Vec<NeedNow>,
}

#[derive(Clone, Debug)]
pub enum NeedNow {
    One(ElementNow),
    Of { need: usize, members: Vec<ElementNow>, shares: Vec<f64>, share: f64, health: f64 },
}

impl NeedNow {
    pub fn elements(&self) -> &[ElementNow] {
        match self {
            Self::One(element) => std::slice::from_ref(element),
            Self::Of { members, .. } => members,
        }
    }
}

#[derive(Clone, Debug)]
pub struct ElementNow {
    pub element: Element,
    pub health: Health,
    /// 0..=1.
    pub criticality: f64,
    /// Its part of the loss, points of the score.
    pub share: f64,
    /// What the journey would gain if only this were mended, points.
    pub gain_if_fixed: f64,
    pub since: Timestamp,
    pub fault: Option<Fault>,
}

/// A consistency check, now.
#[derive(Clone, Debug)]
pub struct CheckNow {
    pub name: String,
    pub severity: FindingSeverity,
    /// Up: agrees; Down: disagrees; Unknown: cannot be compared; Pending: not yet.
    pub state: State,
    pub values: Vec<ValueNow>,
    /// Points of the score.
    pub share: f64,
    pub since: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ValueNow {
    pub source: Source,
    pub value: Option<String>,
    pub at: Option<Timestamp>,
    /// Read within its last two intervals.
    pub fresh: bool,
}

#[derive(Clone, Debug)]
pub struct TouchpointNow {
    pub id: TouchpointId,
    pub health: Health,
    pub since: Timestamp,
    pub fault: Option<Fault>,
    pub probes: Vec<ProbeNow>,
    /// What customers say of it; in no score.
    pub voices: Vec<ProbeNow>,
    /// Where the two tell different stories.
    pub divergence: Option<Divergence>,
}

/// Our probes and the customers disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// Everything we probe works, and customers are unhappy: they meet something that we do not probe.
    CustomersRed,
    /// We say that it is down, and customers are content: we may be probing what they do not use.
    ProbesRed,
}

impl Divergence {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomersRed => "customers_red",
            Self::ProbesRed => "probes_red",
        }
    }
}

#[derive(Clone, Debug)]
pub struct ProbeNow {
    pub id: ProbeId,
    pub health: Health,
    pub since: Timestamp,
    pub fault: Option<Fault>,
    pub series: Vec<SeriesNow>,
}

#[derive(Clone, Debug)]
pub struct SeriesNow {
    pub series: Series,
    pub health: Health,
    pub since: Timestamp,
    pub fault: Option<Fault>,
    /// The newest run with a sample.
    pub last: Option<LastRun>,
    /// Flapping: notifications are held, the score is not.
    pub flapping: bool,
    /// The detector has not made up its mind.
    pub undecided: bool,
    /// What its vantage says counts for nothing now.
    pub blind: bool,
}

/// What is kept at hand of a series' newest run; the whole reading is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// When it began.
    pub at: Timestamp,
    /// When the first of the certificates that it met expires.
    pub certified_until: Option<Timestamp>,
    /// What an outside system reported.
    pub reported: Option<Arc<str>>,
}

impl LastRun {
    pub fn of(reading: &Reading) -> Self {
        let certificates = reading.outcome.steps.iter().filter_map(|step| step.certificate.as_ref());
        Self {
            at: reading.started,
            certified_until: certificates.map(|certificate| certificate.not_after).min(),
            reported: reading.reported().map(Arc::from),
        }
    }
}

impl Snapshot {
    pub fn journey(&self, id: &JourneyId) -> Option<&JourneyNow> {
        self.journeys.iter().find(|journey| journey.id == *id)
    }

    pub fn probe(&self, id: &ProbeId) -> Option<&ProbeNow> {
        let touchpoint = self.touchpoints.get(&id.touchpoint)?;
        touchpoint.probes.iter().chain(&touchpoint.voices).find(|probe| probe.id == *id)
    }

    /// The journey that heads the page: the worst; one without a number is worse than one with.
    pub fn worst(&self) -> Option<&JourneyNow> {
        self.journeys.iter().min_by_key(|journey| journey.score)
    }

    pub fn state_of(&self, id: &TouchpointId) -> State {
        self.touchpoints.get(id).map_or(State::Unknown, |touchpoint| touchpoint.health.state)
    }
}
