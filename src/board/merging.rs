//! Incidents that turn out to be one.
//!
//! What fails gets its incident when it begins to ail. Why it fails is often known later only: ten touchpoints are slow,
//! each for itself as far as anybody can see, and then one certificate ends all ten. So the moment one goes DOWN is looked
//! at again, and only that: what two of them happen to share while they are DOWN anyway says little.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Board;
use crate::model::{Change, Close, IncidentId, State};

impl Board {
    /// If this one has just gone DOWN, the incidents of what it depends on, of what fails for the same reason and of what
    /// depends on it become one with its own: the oldest, which is returned.
    pub(super) fn unite(
        &mut self,
        touchpoint: usize,
        own: IncidentId,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> IncidentId {
        if !self.has_just_gone_down(touchpoint, now) {
            return own;
        }
        let mut all: BTreeSet<IncidentId> = self.incidents_below(touchpoint, now).into_iter().collect();
        let id = &self.net.touchpoints[touchpoint].id;
        // What its incident is about in the first place is another matter, if that is not this one.
        if self.incidents.get(&own).is_some_and(|incident| incident.touchpoint.as_ref() == Some(id)) {
            let ailing = |root: &usize| self.ailment(*root, now).and(self.touchpoints[*root].incident);
            all.extend(self.net.roots(touchpoint).iter().filter_map(ailing));
            all.extend(self.incidents_beside(touchpoint));
        }
        all.insert(own);
        let all = self.by_age(all);
        let oldest = all.first().copied().unwrap_or(own);
        self.merge(all, oldest, now, changes);
        oldest
    }

    fn has_just_gone_down(&self, touchpoint: usize, now: Timestamp) -> bool {
        let mut series = self.net.series_at(touchpoint).map(|at| &self.series[at]);
        series.any(|watch| watch.detector.state() == State::Down && watch.decided == now)
    }

    /// The oldest first.
    pub(super) fn by_age(&self, ids: BTreeSet<IncidentId>) -> Vec<IncidentId> {
        let mut ids: Vec<IncidentId> = ids.into_iter().collect();
        ids.sort_by_key(|id| (self.incidents.get(id).map(|incident| incident.opened), *id));
        ids
    }

    /// Incidents of touchpoints that depend on this one and ail, the oldest first.
    pub(super) fn incidents_below(&self, touchpoint: usize, now: Timestamp) -> Vec<IncidentId> {
        let explained =
            |place: &usize| self.net.roots(*place).contains(&touchpoint) && self.ailment(*place, now).is_some();
        let members = (0..self.touchpoints.len()).filter(|place| self.touchpoints[*place].incident.is_some());
        self.by_age(members.filter(explained).filter_map(|place| self.touchpoints[place].incident).collect())
    }

    /// Everything of these is in that one from now on.
    pub(super) fn merge(&mut self, all: Vec<IncidentId>, into: IncidentId, now: Timestamp, changes: &mut Vec<Change>) {
        for from in all.into_iter().filter(|from| *from != into) {
            let members = self.incidents.get(&from).map(|from| (from.touchpoints.clone(), from.probes.clone()));
            self.close(from, Close::Merged, now, changes);
            let Some((touchpoints, probes)) = members else { continue };
            for place in touchpoints.iter().filter_map(|id| self.net.touchpoint_of.get(id)) {
                // One that recovered meanwhile comes along: should it fail again, it belongs here.
                self.touchpoints[*place].incident = Some(into);
            }
            if let Some(incident) = self.incidents.get_mut(&into) {
                incident.touchpoints.extend(touchpoints);
                incident.probes.extend(probes);
            }
            self.noted.insert(into);
        }
    }
}
