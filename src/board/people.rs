//! What people say of incidents.

use jiff::Timestamp;

use super::Board;
use super::incidents::note;
use super::watch::whole;
use crate::model::{Acknowledgement, Change, Incident, IncidentId};

impl Board {
    /// Open incidents, as they are at this moment.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    /// Writes into an open incident's timeline what is to be known of it; once.
    pub fn remark(&mut self, id: IncidentId, what: &str, now: Timestamp) -> Vec<Change> {
        let open = self.incidents.get_mut(&id);
        let Some(incident) = open.filter(|it| it.timeline.iter().all(|line| line.what != what)) else {
            return Vec::new();
        };
        note(incident, whole(now), what.to_owned());
        vec![Change::IncidentNoted(incident.clone())]
    }

    /// Somebody has it. Nothing changes where it is over already.
    pub fn acknowledge(&mut self, id: IncidentId, by: &str, why: Option<&str>, now: Timestamp) -> Vec<Change> {
        let now = whole(now);
        let Some(incident) = self.incidents.get_mut(&id) else { return Vec::new() };
        let said = why.map_or_else(String::new, |why| format!(": {why}"));
        note(incident, now, format!("{by} has it{said}"));
        incident.acknowledged =
            Some(Acknowledgement { at: now, by: by.to_owned(), why: why.map(str::to_owned), lapsed: None });
        vec![Change::IncidentNoted(incident.clone())]
    }
}

/// It has grown severer than what was acknowledged: whoever has it may not know.
pub(super) fn lapse(incident: &mut Incident, now: Timestamp) {
    let Some(said) = incident.acknowledged.as_mut().filter(|said| said.lapsed.is_none()) else { return };
    said.lapsed = Some(now);
    let what = format!("It is worse than what {} has", said.by);
    note(incident, now, what);
}
