//! Who is told what, and when. Pure.
//!
//! What is due follows from what is open and from what each receiver has been told of it, never from the moment at
//! which something happened: so a restart, a reload or a night of silence loses nothing and repeats nothing.
//!
//! - Who is on the incident's route and has heard nothing is told the opening, whatever version it has come to.
//! - Who knows an older version is told the newest; who knows the newest is reminded, until somebody has it.
//! - What is quiet is told nobody, and all that is due then when it is no longer.
//! - Whoever was told is told that somebody has it, and of the end: that takes an alarm back, and is never held back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::alert::tell::{Letter, Unanswered};
use crate::alert::{Escalation, Match, Quiet, Settings};
use crate::model::{
    Acknowledgement, Cause, Change, Incident, IncidentId, JourneyMap, Notification, NotificationKind, TouchpointId,
};
use crate::store::Told;
use crate::words::Words;

/// What has been told of each open incident, by receiver.
#[derive(Clone, Debug, Default)]
pub struct Ledger(BTreeMap<IncidentId, BTreeMap<String, Told>>);

impl Ledger {
    /// As the outbox has it.
    pub fn new(told: Vec<Told>) -> Self {
        let mut ledger = Self::default();
        for told in told {
            ledger.0.entry(told.incident).or_default().insert(told.receiver.clone(), told);
        }
        ledger
    }

    fn of(&self, incident: IncidentId, receiver: &str) -> Option<&Told> {
        self.0.get(&incident)?.get(receiver)
    }

    /// Everybody who was told of it.
    fn all(&self, incident: IncidentId) -> impl Iterator<Item = &Told> {
        self.0.get(&incident).into_iter().flat_map(BTreeMap::values)
    }

    fn note(&mut self, letter: &Notification) {
        let (incident, at) = (letter.incident.id, letter.at);
        let of = self.0.entry(incident).or_default();
        let told = of.entry(letter.receiver.clone()).or_insert_with(|| Told {
            incident,
            receiver: letter.receiver.clone(),
            version: letter.incident.version,
            first: at,
            last: at,
            acknowledged: None,
            escalated: None,
        });
        match letter.kind {
            NotificationKind::Acknowledge => told.acknowledged = Some(at),
            NotificationKind::Escalate => (told.escalated, told.last) = (Some(at), at),
            _ => told.last = at,
        }
        if letter.kind != NotificationKind::Acknowledge {
            told.version = told.version.max(letter.incident.version);
        }
    }
}

/// Decides who is told what.
#[derive(Clone, Copy, Debug)]
pub struct Roster<'a> {
    pub settings: &'a Settings,
    pub map: &'a JourneyMap,
    /// In whose language they are told.
    pub words: &'a Words,
    /// Of whom nobody is told at present.
    pub quiet: &'a Quiet<'a>,
    /// Where the page is, if others can reach it.
    pub base: Option<&'a Url>,
}

/// What is due to one receiver.
struct Due<'a> {
    receiver: &'a str,
    kind: NotificationKind,
    /// Tells letters of one kind and version from each other.
    ordinal: u64,
}

/// Who is told at first, and who if nobody answers.
struct Way<'a> {
    named: Vec<&'a str>,
    escalation: Option<&'a Escalation>,
}

impl Roster<'_> {
    /// What a change makes known; the ledger says who knows it from now on. Most changes make nothing known.
    pub fn tell(&self, ledger: &mut Ledger, change: &Change, now: Timestamp) -> Vec<Notification> {
        match change {
            Change::IncidentOpened(incident) | Change::IncidentUpdated(incident) | Change::IncidentNoted(incident) => {
                self.due(ledger, incident, now)
            }
            Change::IncidentClosed(incident) => self.end(ledger, incident, now),
            _ => Vec::new(),
        }
    }

    /// What is to be told of an open incident at this moment. Asked again at once, it is nothing.
    pub fn due(&self, ledger: &mut Ledger, incident: &Incident, now: Timestamp) -> Vec<Notification> {
        if incident.closed.is_some() {
            return Vec::new();
        }
        let way = self.way(incident);
        let unanswered = unanswered(&way, ledger, incident);
        let mut due = match self.quiet.why(incident) {
            Some(_) => Vec::new(),
            None => self.on_the_way(&way, ledger, incident, unanswered.as_ref(), now),
        };
        due.extend(self.answers(ledger, incident));
        let letters: Vec<_> =
            due.iter().map(|due| self.letter(incident, due, unanswered.as_ref(), now).address(due.receiver)).collect();
        for letter in &letters {
            ledger.note(letter);
        }
        letters
    }

    /// The end, to everybody: the store drops it for those who never heard of the beginning, and routes that have
    /// changed in between leave nobody with a false alarm.
    fn end(&self, ledger: &mut Ledger, incident: &Incident, now: Timestamp) -> Vec<Notification> {
        ledger.0.remove(&incident.id);
        let all = self.settings.receivers.keys();
        all.map(|receiver| {
            let due = Due { receiver, kind: NotificationKind::Resolve, ordinal: 0 };
            self.letter(incident, &due, None, now).address(receiver)
        })
        .collect()
    }

    fn letter<'b>(
        &'b self,
        incident: &'b Incident,
        due: &Due<'_>,
        unanswered: Option<&'b Unanswered>,
        now: Timestamp,
    ) -> Letter<'b> {
        let (words, map, base) = (self.words, self.map, self.base);
        Letter { words, map, incident, kind: due.kind, ordinal: due.ordinal, now, base, unanswered }
    }

    /// What those on the route, and those who are called for help, are to be told.
    fn on_the_way<'b>(
        &self,
        way: &Way<'b>,
        ledger: &Ledger,
        incident: &Incident,
        unanswered: Option<&Unanswered>,
        now: Timestamp,
    ) -> Vec<Due<'b>> {
        let called = |receiver: &str| ledger.of(incident.id, receiver).and_then(|told| told.escalated);
        let help = || way.escalation.into_iter().flat_map(|escalation| &escalation.to).map(String::as_str);
        let mut due: Vec<Due<'b>> = Vec::new();
        if let (Some(unanswered), Some(escalation)) = (unanswered, way.escalation)
            && has_passed(self.quiet.open_for(incident, unanswered.since, now), escalation)
        {
            // Even who knows of it is told that it waits for him now; but once.
            let uncalled = help().filter(|receiver| called(receiver).is_none_or(|at| at < unanswered.since));
            due.extend(uncalled.map(|receiver| Due { receiver, kind: NotificationKind::Escalate, ordinal: 0 }));
        }
        let others = way.named.iter().copied().chain(help().filter(|receiver| called(receiver).is_some()));
        for receiver in others {
            if due.iter().all(|due| due.receiver != receiver)
                && let Some((kind, ordinal)) = self.news(ledger.of(incident.id, receiver), incident, now)
            {
                due.push(Due { receiver, kind, ordinal });
            }
        }
        due
    }

    /// What a receiver does not know yet, or has not heard of for too long.
    fn news(&self, told: Option<&Told>, incident: &Incident, now: Timestamp) -> Option<(NotificationKind, u64)> {
        let Some(told) = told else { return Some((NotificationKind::Open, 0)) };
        if told.version < incident.version {
            return Some((NotificationKind::Update, 0));
        }
        let every = SignedDuration::try_from(self.settings.repeat.get()).unwrap_or(SignedDuration::MAX).as_millis();
        let open = |at: Timestamp| self.quiet.open_for(incident, incident.opened, at);
        let count = |at: Timestamp| open(at).as_millis().max(0) / every.max(1);
        let is_due = incident.answered().is_none() && count(now) > count(told.last);
        is_due.then(|| (NotificationKind::Remind, u64::try_from(count(now)).unwrap_or(u64::MAX)))
    }

    /// That somebody has it, to everybody who was told of it and does not know.
    fn answers(&self, ledger: &Ledger, incident: &Incident) -> Vec<Due<'_>> {
        let Some(Acknowledgement { at, .. }) = incident.answered() else { return Vec::new() };
        let ordinal = at.as_millisecond().unsigned_abs();
        let ignorant = |told: &&Told| told.acknowledged.is_none_or(|told| told < *at);
        let known = |told: &Told| self.settings.receivers.get_key_value(&told.receiver);
        let names = ledger.all(incident.id).filter(ignorant).filter_map(known).map(|(name, _)| name);
        names.map(|receiver| Due { receiver, kind: NotificationKind::Acknowledge, ordinal }).collect()
    }

    fn way(&self, incident: &Incident) -> Way<'_> {
        let known = &self.settings.receivers;
        let all = || known.keys().map(String::as_str).collect();
        let mut seen = BTreeSet::new();
        let mut named = |names: &'_ [String]| -> Vec<&str> {
            let names = names.iter().filter_map(|name| known.get_key_value(name)).map(|(name, _)| name.as_str());
            names.filter(|name| seen.insert(*name)).collect()
        };
        if let Cause::Own(_) = incident.cause {
            return Way { named: self.settings.own.as_deref().map_or_else(all, named), escalation: None };
        }
        match self.settings.routes.iter().find(|route| fits(&route.matching, self.map, incident)) {
            Some(route) => Way { named: named(&route.to), escalation: route.escalate.as_ref() },
            None => Way { named: all(), escalation: None },
        }
    }
}

/// Since when those on the route know, and nobody has it.
fn unanswered(way: &Way<'_>, ledger: &Ledger, incident: &Incident) -> Option<Unanswered> {
    if incident.answered().is_some() {
        return None;
    }
    let told: Vec<&Told> = way.named.iter().filter_map(|name| ledger.of(incident.id, name)).collect();
    let first = told.iter().map(|told| told.first).min()?;
    let lapsed = incident.acknowledged.as_ref().and_then(|said| said.lapsed);
    let receivers = told.iter().map(|told| told.receiver.clone()).collect();
    Some(Unanswered { since: lapsed.map_or(first, |lapsed| lapsed.max(first)), receivers })
}

fn has_passed(waited: SignedDuration, escalation: &Escalation) -> bool {
    waited >= SignedDuration::try_from(escalation.after.get()).unwrap_or(SignedDuration::MAX)
}

fn fits(wanted: &Match, map: &JourneyMap, incident: &Incident) -> bool {
    let root = incident.touchpoint.as_ref().and_then(|id| map.touchpoints.get(id));
    let touchpoint = |id: &TouchpointId| incident.touchpoint.as_ref() == Some(id) || incident.touchpoints.contains(id);
    wanted.touchpoint.as_ref().is_none_or(touchpoint)
        && wanted.owner.as_ref().is_none_or(|owner| root.is_some_and(|root| root.owner.as_ref() == Some(owner)))
        && wanted.journey.as_ref().is_none_or(|journey| {
            matches!(&incident.cause, Cause::Journey(id) | Cause::Objective(id) if id == journey)
                || incident.impacts.iter().any(|impact| impact.journey == *journey)
        })
        && wanted.channel.is_none_or(|channel| root.is_some_and(|root| root.channel == channel))
        && wanted.severity.is_none_or(|severity| incident.severity == severity)
        && wanted.segment.as_ref().is_none_or(|segment| incident.segments.contains(segment.trim()))
}
