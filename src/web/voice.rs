//! What customers say themselves, beside what our probes say.

use jiff::Timestamp;

use crate::model::{Fault, JourneyNow, NeedNow, ProbeId, ProbeNow, Snapshot, State, TouchpointNow};
use crate::words::{self, Words};

/// One signal as it stands now.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) id: ProbeId,
    pub(super) title: String,
    /// As it was reported.
    pub(super) value: Option<String>,
    pub(super) state: State,
    pub(super) since: Timestamp,
    pub(super) fault: Option<Fault>,
}

/// What is said of one touchpoint.
pub(super) fn of_touchpoint(now: &TouchpointNow, snapshot: &Snapshot) -> Vec<Voice> {
    now.voices.iter().map(|voice| one(voice, snapshot)).collect()
}

/// The touchpoints on a journey of which customers say something, each once.
pub(super) fn on_journey<'a>(journey: &JourneyNow, snapshot: &'a Snapshot) -> Vec<&'a TouchpointNow> {
    let needs = journey.stages.iter().flat_map(|stage| &stage.needs);
    let mut met: Vec<&TouchpointNow> = Vec::new();
    for element in needs.flat_map(NeedNow::elements) {
        let touchpoint = snapshot.touchpoints.get(element.element.touchpoint());
        met.extend(touchpoint.filter(|now| !now.voices.is_empty() && met.iter().all(|other| other.id != now.id)));
    }
    met
}

/// Where the two tell different stories, in words.
pub(super) fn divergence(words: &Words, now: &TouchpointNow, snapshot: &Snapshot) -> Option<String> {
    now.divergence.map(|divergence| words.divergence(divergence, words::touchpoint(&now.id, &snapshot.map)))
}

fn one(now: &ProbeNow, snapshot: &Snapshot) -> Voice {
    let latest = now.series.iter().filter_map(|series| series.last.as_ref()).max_by_key(|run| run.at);
    Voice {
        id: now.id.clone(),
        title: snapshot.map.probe(&now.id).map_or_else(|| now.id.name.to_string(), |probe| probe.title.clone()),
        value: latest.and_then(|run| run.reported.as_deref()).map(str::to_owned),
        state: now.health.state,
        since: now.since,
        fault: now.fault.clone(),
    }
}
