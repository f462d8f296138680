//! The budget layer: a journey that loses minutes faster than its objective allows is told, by the incident that explains
//! the loss where there is one, else by one of its own.

use jiff::Timestamp;

use super::Board;
use super::watch::whole;
use crate::model::{Cause, Change, Close, Incident, IncidentId, JourneyId, JourneyMap, Severity};
use crate::score::Budget;

/// What a journey with an objective has lost.
#[derive(Clone, Debug)]
pub(super) struct Spending {
    pub(super) budget: Budget,
    /// What was lost before the start has been read: before that, nothing is concluded.
    is_whole: bool,
    /// The minute that is not over yet.
    pub(super) minute: i64,
}

/// What one journey lost of one minute (since 1970), 0..=1.
#[derive(Clone, Debug, PartialEq)]
pub struct Spent {
    pub journey: JourneyId,
    pub minute: i64,
    pub lost: f64,
}

impl Spending {
    /// One per journey that has an objective.
    pub(super) fn of(map: &JourneyMap) -> Vec<Option<Self>> {
        let spending = |objective: crate::model::Objective| Self {
            budget: Budget::new(objective.target),
            is_whole: false,
            minute: 0,
        };
        map.journeys.iter().map(|journey| journey.objective.map(spending)).collect()
    }
}

impl Board {
    /// Takes what a journey lost before the start, as it was recorded. Saying it twice changes nothing.
    pub fn recall_spending(&mut self, journey: &JourneyId, spent: &[Spent]) {
        let Some(place) = self.net.journeys.iter().position(|at| at.id == *journey) else { return };
        let Some(spending) = &mut self.spending[place] else { return };
        for spent in spent {
            spending.budget.set(spent.minute, spent.lost);
        }
        spending.is_whole = true;
    }

    /// Takes what journeys lost of the minutes that are just over; `minute` is the one that begins.
    pub fn spend(&mut self, spent: &[Spent], minute: i64, now: Timestamp) -> Vec<Change> {
        let now = whole(now);
        let mut changes = Vec::new();
        for place in 0..self.spending.len() {
            let Some(spending) = &mut self.spending[place] else { continue };
            let mine = spent.iter().filter(|spent| spent.journey == self.net.journeys[place].id);
            mine.for_each(|spent| spending.budget.set(spent.minute, spent.lost));
            spending.minute = minute;
            if spending.is_whole {
                let (alarm, is_calm) = (spending.budget.alarm(minute), spending.budget.is_calm(minute));
                self.budget_layer(place, alarm, is_calm, now, &mut changes);
            }
        }
        changes
    }

    fn budget_layer(
        &mut self,
        journey: usize,
        alarm: Option<Severity>,
        is_calm: bool,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let told = self.journeys[journey].burning;
        let open = self.incident_of(&Cause::Objective(self.net.journeys[journey].id.clone()));
        let carrier = self.carrier(journey);
        if told.is_some() && (carrier.is_some() || self.journeys[journey].carried.is_none()) {
            self.carry(journey);
        }
        match alarm {
            Some(severity) if told < alarm || told.is_some() && self.burns_anew(journey) => {
                self.journeys[journey].burning = alarm;
                self.carry(journey);
                self.tell_burning(journey, severity, carrier, now, changes);
            }
            None if is_calm && (told.is_some() || open.is_some()) => {
                (self.journeys[journey].burning, self.journeys[journey].carried) = (None, None);
                self.dirty.journeys.insert(journey);
                if let Some(id) = open {
                    self.close(id, Close::Recovered, now, changes);
                }
            }
            _ => {}
        }
    }

    /// The open incident that says it, or would: its own, one that explains the loss, or that of the whole journey.
    fn carrier(&self, journey: usize) -> Option<IncidentId> {
        let id = &self.net.journeys[journey].id;
        let own = self.incident_of(&Cause::Objective(id.clone()));
        own.or_else(|| self.explained_by(journey)).or_else(|| self.incident_of(&Cause::Journey(id.clone())))
    }

    fn carry(&mut self, journey: usize) {
        self.journeys[journey].carried = self.spending[journey].as_ref().map(|spending| spending.minute);
        self.dirty.journeys.insert(journey);
    }

    /// A rule fires by what was lost since the incident that said so was over: something else loses it.
    fn burns_anew(&self, journey: usize) -> bool {
        let (Some(spending), Some(carried)) = (&self.spending[journey], self.journeys[journey].carried) else {
            return false;
        };
        let since = spending.minute - carried;
        spending.budget.burns(spending.minute).iter().any(|burn| burn.fires() && burn.short.0 <= since)
    }

    fn tell_burning(
        &mut self,
        journey: usize,
        severity: Severity,
        carrier: Option<IncidentId>,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let what = self.burning_words(journey);
        let id = self.net.journeys[journey].id.clone();
        match carrier {
            Some(known) => self.raise(known, severity, what, now, changes),
            None => self.open_for(journey, Cause::Objective(id), (severity, what), None, now, changes),
        }
    }

    /// The rule that fires, with its figures.
    fn burning_words(&self, journey: usize) -> String {
        let title = &self.map.journeys[journey].title;
        let Some(spending) = &self.spending[journey] else { return title.clone() };
        let burns = spending.budget.burns(spending.minute);
        let fires = burns.iter().find(|burn| burn.fires());
        let Some(burn) = fires.or(burns.first()) else { return title.clone() };
        format!(
            "{title} loses minutes {:.1} times as fast over {} and {:.1} times as fast over {} as its objective allows",
            burn.long.1,
            length(burn.long.0),
            burn.short.1,
            length(burn.short.0),
        )
    }

    /// What was told of an objective that is gone is not so any more.
    pub(super) fn forget_burning(&mut self) {
        let gone = self.journeys.iter_mut().zip(&self.spending).filter(|(_, spending)| spending.is_none());
        gone.for_each(|(pulse, _)| (pulse.burning, pulse.carried) = (None, None));
    }

    pub(super) fn incident_of(&self, cause: &Cause) -> Option<IncidentId> {
        self.incidents.values().find(|incident: &&Incident| incident.cause == *cause).map(|incident| incident.id)
    }

    /// How fast a journey uses up what its objective allows.
    pub(super) fn burns(&self, journey: usize) -> Vec<crate::model::Burn> {
        let spending = self.spending[journey].as_ref().filter(|spending| spending.is_whole);
        spending.map(|spending| spending.budget.burns(spending.minute)).unwrap_or_default()
    }
}

fn length(minutes: i64) -> String {
    match minutes {
        0..60 => format!("{minutes} minutes"),
        60 => "an hour".to_owned(),
        61..1440 => format!("{} hours", minutes / 60),
        1440 => "a day".to_owned(),
        _ => format!("{} days", minutes / 1440),
    }
}
