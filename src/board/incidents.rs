//! One cause, one incident: who opens it, who joins, who is the root, when it ends.
//!
//! A touchpoint ails when a probe of it is DOWN, DEGRADED for five minutes, flapping, failing from one of several
//! vantages, or stands for one that ailed (`heirs`). An ailing touchpoint joins the incident of what it depends on, or of
//! one that fails for the same reason (`causes`); else it takes over those of what depends on it; else it opens one. An
//! incident ends when nothing in it ails.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::Board;
use super::layers::at_worst;
use super::people::lapse;
use super::watch::elapsed;
use crate::model::{
    Cause, Change, Close, Happening, Impact, Incident, IncidentId, JourneyId, Severity, State, TouchpointId,
};

/// Criticality from which DOWN pages.
const PAGE_FROM: f64 = 0.6;
const ROUNDING: f64 = 1e-9;
const DEGRADED_FOR: Duration = Duration::from_mins(5);
const TIMELINE_MAX: usize = 200;
const TEXT_MAX: usize = 300;

impl Board {
    /// How much a touchpoint's ailment is worth telling, if it ails. Silence changes nothing here.
    pub(super) fn ailment(&self, touchpoint: usize, now: Timestamp) -> Option<Severity> {
        let page_after = self.net.touchpoints[touchpoint].page_after;
        let mut worst = None;
        for probe in self.net.touchpoints[touchpoint].probes.clone() {
            let at = &self.net.probes[probe];
            for first in at.series.clone().step_by(at.vantages) {
                let vantages = &self.series[first..first + at.vantages];
                let down = |watch: &super::Watch| watch.detector.state() == State::Down;
                let degraded = |watch: &super::Watch| {
                    watch.detector.state() == State::Degraded
                        && self.open_since(touchpoint, watch.decided, now) >= DEGRADED_FOR
                };
                let downs = || vantages.iter().filter(|watch| down(watch));
                let open = |watch: &super::Watch| self.open_since(touchpoint, watch.decided, now);
                let lasted = || downs().map(open).min().unwrap_or_default();
                // From one of several only is that vantage's matter; from two of them it is everybody's.
                let several = || downs().count() > 1;
                let everywhere = || self.all_that_see(first..first + at.vantages, |at| down(&self.series[at]));
                let found = if (several() || everywhere())
                    && at.criticality >= PAGE_FROM - ROUNDING
                    && lasted() >= page_after
                {
                    Some(Severity::Page)
                } else if vantages.iter().any(|watch| down(watch) || degraded(watch) || watch.detector.is_flapping())
                    || (first..first + at.vantages).any(|at| self.holds_incident(at))
                {
                    Some(Severity::Ticket)
                } else {
                    None
                };
                worst = worst.max(found);
            }
        }
        worst
    }

    /// For how long it has been open since then: what is closed keeps nobody waiting.
    fn open_since(&self, touchpoint: usize, since: Timestamp, now: Timestamp) -> Duration {
        let hours = self.net.touchpoints[touchpoint].hours.as_ref();
        hours.map_or_else(|| elapsed(since, now), |hours| hours.open_for(since, now))
    }

    /// Follows those of these touchpoints that ail or belong to an incident. An incident is brought up to date once,
    /// however many of them it has.
    pub(super) fn review(
        &mut self,
        touchpoints: impl Iterator<Item = usize>,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let mut touched = BTreeSet::new();
        for touchpoint in touchpoints {
            if let Some(id) = self.touchpoints[touchpoint].incident {
                touched.insert(self.unite(touchpoint, id, now, changes));
            } else if let Some(severity) = self.ailment(touchpoint, now) {
                touched.extend(self.announce(touchpoint, severity, now, changes));
            }
        }
        for id in touched {
            self.revise(id, now, changes);
        }
    }

    /// Finds an ailing touchpoint its incident; that which it joined.
    fn announce(
        &mut self,
        touchpoint: usize,
        severity: Severity,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Option<IncidentId> {
        let ailing = |root: &usize| self.ailment(*root, now).and(self.touchpoints[*root].incident);
        let above = self.net.roots(touchpoint).iter().find_map(ailing);
        let below = self.incidents_below(touchpoint, now);
        let alike = above.or_else(|| self.incidents_beside(touchpoint).first().copied());
        let Some(into) = alike.or_else(|| below.first().copied()) else {
            self.open(touchpoint, severity, now, changes);
            return None;
        };
        self.join(into, touchpoint, now);
        self.merge(below, into, now, changes);
        Some(into)
    }

    fn open(&mut self, touchpoint: usize, severity: Severity, now: Timestamp, changes: &mut Vec<Change>) {
        let id = self.net.touchpoints[touchpoint].id.clone();
        let what = format!("{} is {}", self.title(&id), self.plight(touchpoint));
        let mut incident = self.draft(Cause::Touchpoint(id.clone()), severity, what, now);
        incident.touchpoint = Some(id.clone());
        incident.touchpoints.insert(id);
        self.refresh(&incident.touchpoints, now);
        self.fill(&mut incident, touchpoint);
        self.touchpoints[touchpoint].incident = Some(incident.id);
        self.begin(incident, changes);
    }

    pub(super) fn draft(&mut self, cause: Cause, severity: Severity, what: String, now: Timestamp) -> Incident {
        let timeline = vec![Happening { at: now, what: bounded(what) }];
        Incident { timeline, ..Incident::new(IncidentId((self.ids)()), cause, severity, now) }
    }

    pub(super) fn begin(&mut self, incident: Incident, changes: &mut Vec<Change>) {
        self.incidents.insert(incident.id, incident.clone());
        changes.push(Change::IncidentOpened(incident));
    }

    fn join(&mut self, id: IncidentId, touchpoint: usize, now: Timestamp) {
        let name = self.net.touchpoints[touchpoint].id.clone();
        let what = format!("{} is {}", self.title(&name), self.plight(touchpoint));
        self.touchpoints[touchpoint].incident = Some(id);
        if let Some(incident) = self.incidents.get_mut(&id) {
            incident.touchpoints.insert(name);
            note(incident, now, what);
        }
        self.noted.insert(id);
    }

    /// Brings an incident up to date, and says what is worth saying.
    pub(super) fn revise(&mut self, id: IncidentId, now: Timestamp, changes: &mut Vec<Change>) {
        let Some(mut incident) = self.incidents.get(&id).cloned() else { return };
        let Cause::Touchpoint(root) = incident.cause.clone() else { return };
        let ailing: Vec<(usize, Severity)> = incident
            .touchpoints
            .iter()
            .filter_map(|id| self.net.touchpoint_of.get(id))
            .filter_map(|place| Some((*place, self.ailment(*place, now)?)))
            .collect();
        let Some(place) = self.root(&ailing, self.net.touchpoint_of.get(&root).copied()) else {
            return self.close(id, Close::Recovered, now, changes);
        };
        let before = incident.clone();
        let severity = ailing.iter().map(|(_, severity)| *severity).max();
        incident.severity = incident.severity.max(severity.unwrap_or(incident.severity));
        let root = self.net.touchpoints[place].id.clone();
        incident.cause = Cause::Touchpoint(root.clone());
        incident.touchpoint = Some(root.clone());
        // What it costs is looked at now: from when a journey was last worked out depends on when we were started.
        self.refresh(&incident.touchpoints, now);
        self.fill(&mut incident, place);
        let places: Vec<usize> = ailing.iter().map(|(place, _)| *place).collect();
        incident.shared = self.common(&places, before.shared.as_ref());
        let new = |impact: &&Impact| before.impacts.iter().all(|old| old.journey != impact.journey);
        let hurt: Vec<String> = incident.impacts.iter().filter(new).map(|it| self.journey_title(&it.journey)).collect();
        let added = !hurt.is_empty();
        let (rose, moved) = (incident.severity > before.severity, incident.cause != before.cause);
        if moved {
            note(&mut incident, now, format!("The cause is now {}", self.title(&root)));
        }
        for title in hurt {
            note(&mut incident, now, format!("It hurts the journey: {title}"));
        }
        if rose {
            lapse(&mut incident, now);
            note(&mut incident, now, "Somebody should get up for this".into());
        }
        let noted = self.noted.remove(&id) || is_known_better(&before, &incident);
        if rose || moved || added || noted {
            incident.impacts = at_worst(&before.impacts, self.impacts(&incident.touchpoints));
        } else {
            // The losses alone are told with the next evaluation.
            incident.impacts.clone_from(&before.impacts);
        }
        let untold = |change: &&mut Change| matches!(change, Change::IncidentOpened(known) if known.id == id);
        if let Some(Change::IncidentOpened(opened)) = changes.iter_mut().rev().find(untold) {
            // What failed at the same moment is told in one go.
            opened.clone_from(&incident);
        } else if rose || moved || added {
            incident.version += 1;
            changes.push(Change::IncidentUpdated(incident.clone()));
        } else if noted {
            changes.push(Change::IncidentNoted(incident.clone()));
        }
        self.incidents.insert(id, incident);
    }

    /// Of those that ail, one that no other explains: the present root if it can stay, else the most critical.
    fn root(&self, ailing: &[(usize, Severity)], present: Option<usize>) -> Option<usize> {
        let places: BTreeSet<usize> = ailing.iter().map(|(place, _)| *place).collect();
        let unexplained = |place: &&usize| !self.is_explained(**place, &places);
        let mut roots: Vec<usize> = places.iter().filter(unexplained).copied().collect();
        if roots.is_empty() {
            // They depend on each other in a circle.
            roots = places.into_iter().collect();
        }
        if let Some(present) = present.filter(|present| roots.contains(present)) {
            return Some(present);
        }
        let criticality = |place: &usize| {
            let probes = self.net.touchpoints[*place].probes.clone();
            probes.map(|probe| self.net.probes[probe].criticality).fold(0.0, f64::max)
        };
        roots.into_iter().rev().max_by(|left, right| criticality(left).total_cmp(&criticality(right)))
    }

    /// Probes, fault, trace and impacts as they are now; `root` decides the fault.
    pub(super) fn fill(&self, incident: &mut Incident, root: usize) {
        let members = incident.touchpoints.iter().filter_map(|id| self.net.touchpoint_of.get(id));
        let series = members.clone().flat_map(|place| self.net.series_at(*place));
        let bad = |at: &usize| matches!(self.series[*at].detector.state(), State::Down | State::Degraded);
        incident.probes.extend(series.filter(bad).map(|at| self.net.series[at].series.probe.clone()));
        let rank = |at: &usize| (self.series[*at].detector.state() == State::Down, self.series[*at].fault.is_some());
        let worst = self.net.series_at(root).filter(bad).rev().max_by_key(rank);
        if let Some(watch) = worst.map(|at| &self.series[at]).filter(|watch| watch.fault.is_some()) {
            incident.fault.clone_from(&watch.fault);
            incident.trace = watch.trace;
        }
        incident.impacts = self.impacts(&incident.touchpoints);
        let ails = |at: &usize| bad(at) || self.series[*at].detector.is_flapping();
        let series = || members.clone().flat_map(|place| self.net.series_at(*place));
        incident.segments.extend(self.segments_of(series().filter(ails)));
        incident.only_from = self.only_from(series().filter(bad));
    }

    pub(super) fn close(&mut self, id: IncidentId, how: Close, now: Timestamp, changes: &mut Vec<Change>) {
        let Some(mut incident) = self.incidents.remove(&id) else { return };
        incident.version += 1;
        incident.closed = Some(now);
        incident.close = Some(how);
        let what = match how {
            Close::Recovered => "Everything works again",
            Close::Removed => "No longer watched",
            Close::Merged => "Explained by another incident",
        };
        note(&mut incident, now, what.into());
        self.noted.remove(&id);
        for place in 0..self.touchpoints.len() {
            if self.touchpoints[place].incident == Some(id) {
                self.touchpoints[place].incident = None;
                self.disown(place);
            }
        }
        changes.push(Change::IncidentClosed(incident));
    }

    /// Writes a change of state into the incident's timeline.
    pub(super) fn note_state(&mut self, touchpoint: usize, to: State, now: Timestamp) {
        let Some(id) = self.touchpoints[touchpoint].incident else { return };
        let what = format!("{} is {to}", self.title(&self.net.touchpoints[touchpoint].id));
        if let Some(incident) = self.incidents.get_mut(&id) {
            note(incident, now, what);
            self.noted.insert(id);
        }
    }

    /// What is the matter, in words.
    fn plight(&self, touchpoint: usize) -> String {
        let series: Vec<_> = self.net.series_at(touchpoint).map(|at| &self.series[at]).collect();
        let down = series.iter().find(|watch| watch.detector.state() == State::Down);
        let degraded = series.iter().find(|watch| watch.detector.state() == State::Degraded);
        let (word, watch) = match (down, degraded) {
            (Some(watch), _) => ("down", Some(watch)),
            (None, Some(watch)) => ("degraded", Some(watch)),
            (None, None) => ("flapping", series.iter().find(|watch| watch.detector.is_flapping())),
        };
        match watch.and_then(|watch| watch.fault.as_ref()) {
            Some(fault) => format!("{word}: {fault}"),
            None => word.into(),
        }
    }

    fn journey_title(&self, id: &JourneyId) -> String {
        self.map.journey(id).map_or_else(|| id.to_string(), |journey| journey.title.clone())
    }

    pub(super) fn title(&self, id: &TouchpointId) -> String {
        self.map.touchpoints.get(id).map_or_else(|| id.to_string(), |touchpoint| touchpoint.title.clone())
    }
}

/// Something of it is worth writing down.
fn is_known_better(before: &Incident, now: &Incident) -> bool {
    now.probes != before.probes
        || now.segments != before.segments
        || now.fault != before.fault
        || now.shared != before.shared
        || now.only_from != before.only_from
}

/// Adds a line; the oldest after the opening goes first.
pub(super) fn note(incident: &mut Incident, at: Timestamp, what: String) {
    if incident.timeline.len() >= TIMELINE_MAX {
        incident.timeline.remove(1);
    }
    incident.timeline.push(Happening { at, what: bounded(what) });
}

fn bounded(text: String) -> String {
    if text.chars().count() <= TEXT_MAX { text } else { text.chars().take(TEXT_MAX).collect() }
}
