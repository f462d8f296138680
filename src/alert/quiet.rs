//! What is told to nobody at present: what somebody silenced, planned work, and what is closed at this hour. Pure.
//!
//! An incident is quiet when everything that it is about is. It is told in full as soon as one thing of it is not: in
//! doubt somebody hears of it. Patience, too, lasts only as long as something of it is open.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::{Calendar, Cause, Incident, IncidentId, JourneyMap, Maintenance, Scope, Silence, TouchpointId};

/// A line of a timeline; with it, the same remark is known again.
const REMARK_MAX_CHARS: usize = 300;

/// What holds at one moment.
#[derive(Clone, Debug)]
pub struct Quiet<'a> {
    map: &'a JourneyMap,
    silences: Vec<&'a Silence>,
    maintenance: Vec<&'a Maintenance>,
    now: Timestamp,
}

/// Why nobody is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why<'a> {
    Silenced(&'a Silence),
    Planned(&'a Maintenance),
    /// No customer is there now.
    Closed,
}

impl Why<'_> {
    fn words(&self, zone: &TimeZone) -> String {
        let words = match self {
            Self::Silenced(silence) => {
                let until = silence.until.to_zoned(zone.clone()).strftime("%H:%M on %-d %B");
                format!("Nobody is told: {} silenced it until {until}: {}", silence.by, silence.why)
            }
            Self::Planned(window) => format!("Nobody is told: planned work, {}", window.name),
            Self::Closed => "Nobody is told while it is closed".to_owned(),
        };
        words.chars().take(REMARK_MAX_CHARS).collect()
    }
}

impl<'a> Quiet<'a> {
    pub fn new(map: &'a JourneyMap, silences: &'a [Silence], now: Timestamp) -> Self {
        Self {
            map,
            silences: silences.iter().filter(|silence| silence.holds(now)).collect(),
            maintenance: map.maintenance.iter().filter(|window| window.contains(now)).collect(),
            now,
        }
    }

    /// Why nobody is told of an incident, if nobody is.
    pub fn why(&self, incident: &Incident) -> Option<Why<'a>> {
        let of = |scope: &Scope| matches!(scope, Scope::Incident(id) if *id == incident.id);
        if let Some(silence) = self.silences.iter().find(|silence| of(&silence.of)) {
            return Some(Why::Silenced(silence));
        }
        // Our own trouble is nobody's planned work.
        if matches!(incident.cause, Cause::Own(_)) {
            return None;
        }
        self.touchpoints(incident).or_else(|| self.journeys(incident))
    }

    /// What the timelines of these incidents are to say of the quiet.
    pub fn remarks<'b>(&self, open: impl Iterator<Item = &'b Incident>) -> Vec<(IncidentId, String)> {
        open.filter_map(|incident| Some((incident.id, self.why(incident)?.words(&self.map.timezone)))).collect()
    }

    /// How much of the time between these moments something of an incident was open.
    pub fn open_for(&self, incident: &Incident, from: Timestamp, to: Timestamp) -> SignedDuration {
        let Some(hours) = self.hours(incident) else { return to.duration_since(from) };
        let mut open: Vec<_> = hours.iter().flat_map(|hours| hours.open_between(from, to)).collect();
        open.sort_unstable();
        let mut counted = from;
        let mut sum = SignedDuration::ZERO;
        for (opens, closes) in open {
            sum += closes.duration_since(opens.max(counted)).max(SignedDuration::ZERO);
            counted = counted.max(closes);
        }
        sum
    }

    /// When its touchpoints are open, if none of them is always.
    fn hours(&self, incident: &Incident) -> Option<Vec<&'a Calendar>> {
        let Cause::Touchpoint(_) = incident.cause else { return None };
        let hours = incident.touchpoints.iter().map(|id| self.map.touchpoints.get(id)?.hours.as_ref());
        hours.collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    }

    fn is_closed(&self, id: &TouchpointId) -> bool {
        let hours = self.map.touchpoints.get(id).and_then(|touchpoint| touchpoint.hours.as_ref());
        hours.is_some_and(|hours| !hours.contains(self.now))
    }

    fn touchpoints(&self, incident: &Incident) -> Option<Why<'a>> {
        let direct = |id: &TouchpointId| self.silenced(id).or_else(|| self.planned(id));
        let covered: Vec<(&TouchpointId, Why<'a>)> =
            incident.touchpoints.iter().filter_map(|id| Some((id, direct(id)?))).collect();
        let first = covered.iter().find(|(id, _)| incident.touchpoint.as_ref() == Some(*id)).or(covered.first());
        // What depends on it is down because of it. That it is closed is no such reason.
        let explained = |id: &TouchpointId| self.depends_on(id, &|above| covered.iter().any(|(id, _)| *id == above));
        let closed = |id: &TouchpointId| matches!(incident.cause, Cause::Touchpoint(_)) && self.is_closed(id);
        let quiet = |id: &TouchpointId| direct(id).is_some() || closed(id) || explained(id);
        let all = !incident.touchpoints.is_empty() && incident.touchpoints.iter().all(quiet);
        all.then(|| first.map_or(Why::Closed, |(_, why)| *why))
    }

    fn journeys(&self, incident: &Incident) -> Option<Why<'a>> {
        let silenced = |journey: &crate::model::JourneyId| {
            self.silences.iter().find(|silence| matches!(&silence.of, Scope::Journey(id) if id == journey))
        };
        let named = match &incident.cause {
            Cause::Journey(id) | Cause::Objective(id) => Some(id),
            _ => None,
        };
        let hurt: Vec<_> = incident.impacts.iter().map(|impact| &impact.journey).chain(named).collect();
        let all: Option<Vec<_>> = hurt.into_iter().map(silenced).collect();
        all?.first().map(|silence| Why::Silenced(silence))
    }

    fn silenced(&self, id: &TouchpointId) -> Option<Why<'a>> {
        let former = self.map.touchpoints.get(id).and_then(|touchpoint| touchpoint.was.as_ref());
        let former = former.filter(|was| !self.map.touchpoints.contains_key(*was));
        let names = |scope: &Scope| matches!(scope, Scope::Touchpoint(known) if known == id || Some(known) == former);
        self.silences.iter().find(|silence| names(&silence.of)).map(|silence| Why::Silenced(silence))
    }

    fn planned(&self, id: &TouchpointId) -> Option<Why<'a>> {
        self.maintenance.iter().find(|window| window.covers(id)).map(|window| Why::Planned(window))
    }

    /// Whether a touchpoint depends on one that fits, however many lie between.
    fn depends_on(&self, id: &TouchpointId, fits: &dyn Fn(&TouchpointId) -> bool) -> bool {
        let above =
            |id: &TouchpointId| self.map.touchpoints.get(id).map_or(&[][..], |touchpoint| &touchpoint.depends_on);
        let mut waiting: Vec<&TouchpointId> = above(id).iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(next) = waiting.pop() {
            if fits(next) {
                return true;
            }
            if seen.insert(next) {
                waiting.extend(above(next));
            }
        }
        false
    }
}
