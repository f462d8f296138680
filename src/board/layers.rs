//! The layers above a single touchpoint: many small problems, page-after, and what incidents cost.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Board;
use super::incidents::note;
use super::net::Leaf;
use super::people::lapse;
use crate::model::{Cause, Change, Close, Fault, FaultCode, Impact, IncidentId, Severity, State, TouchpointId};
use crate::score::{CLOSED, Ground};

/// Below it a journey is broken.
const BROKEN: f64 = 0.5;
const EVALUATIONS: u8 = 2;
/// An incident explains a journey's loss if it takes at least this part of it.
const EXPLAINS: f64 = 0.5;
/// Losses that moved less are not worth writing down, points.
const MOVED: f64 = 1.0;
const NAMED: usize = 3;

impl Board {
    /// Opens or ends the incident of a journey that is broken with nothing DOWN in it.
    pub(super) fn journey_layer(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        for journey in 0..self.journeys.len() {
            // Without a number we cannot see, and change nothing.
            let Some(value) = self.journeys[journey].number() else { continue };
            let cause = Cause::Journey(self.net.journeys[journey].id.clone());
            let open = self.incident_of(&cause);
            let budget = || self.incident_of(&Cause::Objective(self.net.journeys[journey].id.clone()));
            let explained = self.explained_by(journey).or_else(budget);
            let breaks = || value < BROKEN && self.is_decided(journey) && self.at_best(journey, now) < BROKEN;
            let counts = if open.is_some() { value >= BROKEN } else { breaks() };
            let pulse = &mut self.journeys[journey];
            let before = pulse.evaluations;
            pulse.evaluations = if counts { before.saturating_add(1) } else { 0 };
            let enough = pulse.evaluations >= EVALUATIONS;
            if enough {
                pulse.evaluations = 0;
            }
            if pulse.evaluations != before {
                self.dirty.journeys.insert(journey);
            }
            match (open, explained) {
                (Some(id), Some(_)) => self.close(id, Close::Merged, now, changes),
                (Some(id), None) if enough => self.close(id, Close::Recovered, now, changes),
                (None, Some(id)) if enough && self.is_ticket(id) => {
                    let what = format!("It breaks the journey: {}", self.map.journeys[journey].title);
                    self.raise(id, Severity::Page, what, now, changes);
                }
                (None, None) if enough => self.open_journey(journey, cause, now, changes),
                _ => {}
            }
        }
    }

    /// The incident of a touchpoint that takes at least half of what a journey loses.
    pub(super) fn explained_by(&self, journey: usize) -> Option<IncidentId> {
        let id = &self.net.journeys[journey].id;
        let lost = 100.0 * (1.0 - self.journeys[journey].sight.value);
        let takes = |incident: &&crate::model::Incident| {
            matches!(incident.cause, Cause::Touchpoint(_))
                && self.impacts(&incident.touchpoints).iter().any(|i| i.journey == *id && i.loss >= EXPLAINS * lost)
        };
        self.incidents.values().find(takes).filter(|_| lost > 0.0).map(|incident| incident.id)
    }

    /// Nothing in it is DOWN or suspected. What is not seen is neither: it may be as good as [`Self::at_best`] says. What
    /// a blind vantage saw last is nothing to go by where another one sees.
    fn is_decided(&self, journey: usize) -> bool {
        let members = self.net.journeys[journey].stages.iter().flatten().flat_map(|need| &need.members);
        let elements = members.map(|member| &self.net.elements[member.element]);
        let open = elements.filter(|element| !self.touchpoints[element.touchpoint].closed);
        open.flat_map(|element| self.net.series_of_probes(element.probes.clone())).all(|at| {
            let decided = match self.series[at].state {
                State::Up | State::Degraded => !self.is_undecided(at),
                State::Unknown | State::Pending => true,
                State::Down | State::Closed => false,
            };
            decided || self.is_left_to_others(at)
        })
    }

    /// J if what is not seen were as good as what was seen of it allows.
    fn at_best(&self, journey: usize, now: Timestamp) -> f64 {
        let at = &self.net.journeys[journey];
        let best = |leaf: &Leaf| match leaf {
            Leaf::Probe(probe) if self.is_closed(*probe) => CLOSED,
            Leaf::Probe(probe) => {
                let series = self.net.probes[*probe].series.clone();
                let count = series.len() as f64;
                series.map(|at| self.series_at_best(at, now)).sum::<f64>() / count
            }
            Leaf::Check(check) => self.check_range(*check, now).1.1,
        };
        let healths: Vec<f64> = at.leaves.iter().map(best).collect();
        at.formula.value(Ground { healths: &healths, caps: &[] })
    }

    fn is_ticket(&self, id: IncidentId) -> bool {
        self.incidents.get(&id).is_some_and(|incident| incident.severity == Severity::Ticket)
    }

    /// Writes something into an incident; worth telling if it makes it severer.
    pub(super) fn raise(
        &mut self,
        id: IncidentId,
        severity: Severity,
        what: String,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let Some(incident) = self.incidents.get_mut(&id) else { return };
        note(incident, now, what);
        if incident.severity >= severity {
            changes.push(Change::IncidentNoted(incident.clone()));
            return;
        }
        incident.severity = severity;
        incident.version += 1;
        lapse(incident, now);
        changes.push(Change::IncidentUpdated(incident.clone()));
    }

    fn open_journey(&mut self, journey: usize, cause: Cause, now: Timestamp, changes: &mut Vec<Change>) {
        let top = self.costliest(journey).into_iter().take(NAMED);
        let names: Vec<String> = top.map(|(name, _, loss)| format!("{name} takes {loss:.1} points")).collect();
        let title = &self.map.journeys[journey].title;
        let what = format!("{title}: many small problems break it. {}", names.join(", "));
        let fault = self.contradiction(journey, now);
        self.open_for(journey, cause, (Severity::Page, what), fault, now, changes);
    }

    /// Opens an incident of a whole journey, which names what costs it most.
    pub(super) fn open_for(
        &mut self,
        journey: usize,
        cause: Cause,
        (severity, what): (Severity, String),
        fault: Option<Fault>,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let top = self.costliest(journey);
        let loss = 100.0 * (1.0 - self.journeys[journey].sight.value);
        let mut incident = self.draft(cause, severity, what, now);
        incident.touchpoints.extend(top.into_iter().take(NAMED).filter_map(|(_, touchpoint, _)| touchpoint));
        incident.impacts = vec![Impact { journey: self.net.journeys[journey].id.clone(), loss: tenths(loss) }];
        incident.segments = self.segments_losing(journey);
        incident.fault = fault;
        self.begin(incident, changes);
    }

    /// What costs a journey most: its name, its touchpoint, points.
    fn costliest(&self, journey: usize) -> Vec<(String, Option<TouchpointId>, f64)> {
        let at = &self.net.journeys[journey];
        let shares = &self.journeys[journey].sight.shares;
        let loss = |part: &crate::score::Part| 100.0 * shares[part.clone()].iter().sum::<f64>();
        let members = at.stages.iter().flatten().flat_map(|need| &need.members).map(|member| {
            let id = self.net.touchpoints[self.net.elements[member.element].touchpoint].id.clone();
            (self.title(&id), Some(id), loss(&member.part))
        });
        let checks =
            at.checks.iter().map(|(check, part)| (self.net.checks[*check].check.name.clone(), None, loss(part)));
        let mut all: Vec<_> = members.chain(checks).filter(|(_, _, loss)| *loss > 0.0).collect();
        all.sort_by(|left, right| right.2.total_cmp(&left.2));
        all
    }

    /// The contradiction between places that a journey suffers from, as a fault.
    fn contradiction(&self, journey: usize, now: Timestamp) -> Option<Fault> {
        let checks = self.net.journeys[journey].checks.iter().map(|(check, _)| *check);
        let check = checks.into_iter().find(|check| self.check_sight(*check, now).0 == State::Down)?;
        let values: Vec<String> = self
            .check_values(check, now)
            .into_iter()
            .map(|now| format!("{} says {}", now.source, now.value.as_deref().unwrap_or("nothing")))
            .collect();
        let text = format!("{}: {}", self.net.checks[check].check.name, values.join(", "));
        Some(Fault::new(FaultCode::Inconsistent, text.chars().take(300).collect::<String>()))
    }

    /// Works out the journeys of these touchpoints, so that what is told of their losses is true at this moment.
    pub(super) fn refresh(&mut self, touchpoints: &BTreeSet<TouchpointId>, now: Timestamp) {
        let places = touchpoints.iter().filter_map(|id| self.net.touchpoint_of.get(id));
        let journeys: BTreeSet<usize> =
            places.flat_map(|place| &self.net.touchpoints[*place].journeys).copied().collect();
        for journey in journeys {
            if self.fresh_scores.insert(journey) {
                self.journeys[journey].sight = self.sight(journey, now);
                self.stale_scores.insert(journey);
            }
        }
    }

    /// Every journey that uses what ails of these touchpoints, with what they take from it; the worst first.
    pub(super) fn impacts(&self, touchpoints: &BTreeSet<TouchpointId>) -> Vec<Impact> {
        let places: BTreeSet<usize> =
            touchpoints.iter().filter_map(|id| self.net.touchpoint_of.get(id).copied()).collect();
        let journeys: BTreeSet<usize> =
            places.iter().flat_map(|place| &self.net.touchpoints[*place].journeys).copied().collect();
        let mut impacts = Vec::new();
        for at in journeys {
            let journey = &self.net.journeys[at];
            let sight = &self.journeys[at].sight;
            let members = journey.stages.iter().flatten().flat_map(|need| &need.members);
            let mine: Vec<_> = members
                .filter(|member| places.contains(&self.net.elements[member.element].touchpoint))
                // A touchpoint may be down where this journey does not go.
                .filter(|member| self.element_health(member.element, sight.at).value < 1.0)
                .collect();
            let shares = &sight.shares;
            let loss: f64 = mine.iter().filter_map(|member| shares.get(member.part.clone())).flatten().sum();
            if !mine.is_empty() {
                impacts.push(Impact { journey: journey.id.clone(), loss: (loss * 1000.0).round() / 10.0 });
            }
        }
        impacts.sort_by(|left, right| right.loss.total_cmp(&left.loss));
        impacts
    }

    /// Notes what incidents cost now, where that moved.
    pub(super) fn note_impacts(&mut self, changes: &mut Vec<Change>) {
        let ids: Vec<IncidentId> = self.incidents.keys().copied().collect();
        for id in ids {
            let Some(incident) = self.incidents.get(&id) else { continue };
            let mut segments = incident.segments.clone();
            let impacts = match &incident.cause {
                Cause::Touchpoint(_) => self.impacts(&incident.touchpoints),
                Cause::Journey(journey) | Cause::Objective(journey) => {
                    let Some(place) = self.net.journeys.iter().position(|at| at.id == *journey) else { continue };
                    let loss = tenths(100.0 * (1.0 - self.journeys[place].sight.value));
                    segments.extend(self.segments_losing(place));
                    vec![Impact { journey: journey.clone(), loss }]
                }
                Cause::Own(_) => continue,
            };
            let old = |impact: &Impact| incident.impacts.iter().find(|old| old.journey == impact.journey);
            let moved = impacts.iter().any(|new| old(new).is_none_or(|old| new.loss - old.loss >= MOVED));
            let moved = moved || segments != incident.segments;
            let impacts = at_worst(&incident.impacts, impacts);
            if let Some(incident) = self.incidents.get_mut(&id).filter(|_| moved) {
                (incident.impacts, incident.segments) = (impacts, segments);
                changes.push(Change::IncidentNoted(incident.clone()));
            }
        }
    }

    /// Pages for what has been DOWN for long enough.
    pub(super) fn escalate(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let waiting = |incident: &&crate::model::Incident| {
            incident.severity == Severity::Ticket && matches!(incident.cause, Cause::Touchpoint(_))
        };
        let ids: Vec<IncidentId> = self.incidents.values().filter(waiting).map(|incident| incident.id).collect();
        for id in ids {
            self.revise(id, now, changes);
        }
    }
}

/// What an incident took when it was worst: one that is over would otherwise have hurt nobody.
pub(super) fn at_worst(before: &[Impact], mut now: Vec<Impact>) -> Vec<Impact> {
    for old in before {
        match now.iter_mut().find(|new| new.journey == old.journey) {
            Some(new) => new.loss = new.loss.max(old.loss),
            None => now.push(old.clone()),
        }
    }
    now.sort_by(|left, right| right.loss.total_cmp(&left.loss));
    now
}

fn tenths(points: f64) -> f64 {
    (points * 10.0).round() / 10.0
}
