//! What is watched in the place of something that failed and is watched no more: a probe by another name, another persona,
//! another vantage.
//!
//! Nothing is over because a file was edited. At a touchpoint whose incident is open, what is new takes the place of what
//! ailed and went: the incident lasts until it was seen to work as after an outage. It is no evidence of its own: it
//! neither costs points nor raises a severity.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Board;
use super::incidents::note;
use crate::model::{Change, IncidentId, TouchpointId};

/// What a new map lost.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// Series of which nothing is known yet.
    pub(super) new: Vec<usize>,
    /// Touchpoints that lost a series which ailed.
    pub(super) at: BTreeSet<TouchpointId>,
}

impl Board {
    /// Lets what is new take the place of what ailed and went.
    pub(super) fn hand_down(&mut self, lost: &Lost, now: Timestamp, changes: &mut Vec<Change>) {
        let mut told: BTreeMap<IncidentId, BTreeSet<usize>> = BTreeMap::new();
        for &at in &lost.new {
            let place = self.net.probes[self.net.series[at].probe].touchpoint;
            let Some(id) = self.touchpoints[place].incident else { continue };
            // What customers say of a touchpoint keeps no incident open.
            if lost.at.contains(&self.net.touchpoints[place].id) && self.net.series_at(place).contains(&at) {
                self.series[at].inherit();
                self.dirty.series.insert(at);
                told.entry(id).or_default().insert(place);
            }
        }
        for (id, places) in told {
            let titles = places.iter().map(|place| self.title(&self.net.touchpoints[*place].id));
            let titles = titles.collect::<Vec<_>>().join(", ");
            let Some(incident) = self.incidents.get_mut(&id) else { continue };
            let what =
                format!("What failed is no longer watched; it is over when what is watched instead works: {titles}");
            note(incident, now, what);
            changes.push(Change::IncidentNoted(incident.clone()));
        }
    }

    /// An incident is open until this series was seen to work; not where others see what its vantage does not.
    pub(super) fn holds_incident(&self, at: usize) -> bool {
        let place = self.net.probes[self.net.series[at].probe].touchpoint;
        self.series[at].is_heir() && self.touchpoints[place].incident.is_some() && !self.is_left_to_others(at)
    }

    /// The incident is over: nothing of this touchpoint stands for anything else any more.
    pub(super) fn disown(&mut self, place: usize) {
        for at in self.net.series_at(place) {
            if self.series[at].disown() {
                self.dirty.series.insert(at);
            }
        }
    }
}
