//! What is watched in the place of something that failed and is watched no more: a probe by another name, another persona,
//! another vantage.
//!
//! Nothing is over because a file was edited. At a touchpoint whose incident is open, what is new takes the place of what
//! ailed and went: the incident lasts until it was seen to work as after an outage. It is no evidence of its own: it
//! neither costs points nor raises a severity.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Board;
use super::incidents::note;
use crate::model::{Change, TouchpointId};

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
        let mut places = BTreeSet::new();
        for &at in &lost.new {
            let place = self.net.probes[self.net.series[at].probe].touchpoint;
            if lost.at.contains(&self.net.touchpoints[place].id) && self.touchpoints[place].incident.is_some() {
                self.series[at].inherit();
                self.dirty.series.insert(at);
                places.insert(place);
            }
        }
        for place in places {
            let title = self.title(&self.net.touchpoints[place].id);
            let incident = self.touchpoints[place].incident.and_then(|id| self.incidents.get_mut(&id));
            let Some(incident) = incident else { continue };
            let what =
                format!("{title}: what failed is no longer watched; it is over when what is watched instead works");
            note(incident, now, what);
            changes.push(Change::IncidentNoted(incident.clone()));
        }
    }
}
