//! What took the place of something that was broken. A probe that is called something else, is done as somebody else or
//! from somewhere else is new to us: until it was seen, nobody knows whether what was broken is mended.

use std::collections::{BTreeMap, BTreeSet};

use super::Board;
use crate::model::{Cause, Incident, IncidentId, Series, State};

/// By incident.
pub(super) type Successors = BTreeMap<IncidentId, BTreeSet<Series>>;

impl Board {
    /// Finds what took the place of what ails, for every open incident; `new` since a reload or a start, and those that
    /// were waited for already.
    pub(super) fn expect_successors(&mut self, new: &BTreeSet<usize>, before: &Successors) {
        let about = self.incidents.values().filter(|incident| matches!(incident.cause, Cause::Touchpoint(_)));
        let found = about.map(|incident| {
            let awaited = before.get(&incident.id).into_iter().flatten();
            let mut all: BTreeSet<Series> =
                awaited.filter(|series| self.net.series_of.contains_key(*series)).cloned().collect();
            let heirs = self.heirs(incident).into_iter().filter(|at| new.contains(at));
            all.extend(heirs.map(|at| self.net.series[at].series.clone()));
            (incident.id, all)
        });
        self.successors = found.filter(|(_, all)| !all.is_empty()).collect();
    }

    /// Series of the probes that ailed, and where one of these is gone, of those that may be the same under another name.
    fn heirs(&self, incident: &Incident) -> Vec<usize> {
        let mut heirs = Vec::new();
        for (id, place) in incident.touchpoints.iter().filter_map(|id| Some((id, *self.net.touchpoint_of.get(id)?))) {
            let probes = || self.net.touchpoints[place].probes.clone().map(|probe| &self.net.probes[probe]);
            let is_gone =
                |lost: &&crate::model::ProbeId| lost.touchpoint == *id && probes().all(|probe| probe.id != **lost);
            let one_is_gone = incident.probes.iter().any(|probe| is_gone(&probe));
            let fit = probes().filter(|probe| one_is_gone || incident.probes.contains(&probe.id));
            let unseen = |at: &usize| self.series[*at].state == State::Pending && !self.series[*at].is_excused();
            heirs.extend(fit.flat_map(|probe| probe.series.clone()).filter(unseen));
        }
        heirs
    }

    /// Something that took the place of what ailed was not seen to work yet.
    pub(super) fn expects_successors(&self, id: IncidentId) -> bool {
        let series = self.successors.get(&id).into_iter().flatten().filter_map(|series| self.net.series_of.get(series));
        let is_open = |at: &&usize| self.series[**at].state == State::Pending || self.is_undecided(**at);
        series.filter(is_open).any(|at| !self.is_left_to_others(*at))
    }
}
