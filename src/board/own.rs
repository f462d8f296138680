//! Our own troubles: shown at once, told when they last.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Board;
use super::pulse::OBSERVED_MIN;
use super::turned_back::TurnedBack;
use super::watch::{elapsed, whole};
use crate::model::{Cause, Change, Close, Incident, IncidentId, SelfFault, Severity, Trouble, VantageId};

/// How long a trouble lasts before somebody is told.
const HELD: Duration = Duration::from_mins(1);

/// What is wrong with ourselves.
#[derive(Clone, Debug)]
pub(super) struct Own {
    troubles: BTreeMap<SelfFault, Held>,
    /// Before it, only what is certain is told.
    grace: Timestamp,
}

#[derive(Clone, Debug)]
struct Held {
    since: Timestamp,
    text: String,
    incident: Option<IncidentId>,
    witness: Witness,
    /// What readings say of it, by where they come from.
    vantages: BTreeMap<VantageId, String>,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Witness {
    /// The daemon, who will say when it is over.
    Daemon,
    /// Readings that were inconclusive; a conclusive one ends it.
    Readings,
    /// The board itself.
    Board,
    /// An incident from before the restart, which nobody has confirmed yet.
    Restored,
}

impl Own {
    pub(super) fn new(grace: Timestamp) -> Self {
        Self { troubles: BTreeMap::new(), grace }
    }

    pub(super) fn has(&self, what: SelfFault) -> bool {
        self.troubles.contains_key(&what)
    }

    /// Something of our own keeps this vantage from seeing.
    pub(super) fn blinds(&self, vantage: &VantageId) -> bool {
        self.troubles.iter().any(|(what, held)| blinds(*what) && held.vantages.contains_key(vantage))
    }

    /// What readings from a blind vantage say is why it is blind: that is told once.
    pub(super) fn leave_to_blindness(&mut self, is_blind: impl Fn(&VantageId) -> bool) {
        self.troubles.retain(|what, held| {
            if !blinds(*what) || held.incident.is_some() {
                return true;
            }
            held.vantages.retain(|vantage, _| !is_blind(vantage));
            !held.vantages.is_empty()
        });
    }

    /// The same troubles, of vantages that are still there.
    pub(super) fn over(mut self, vantages: &[VantageId]) -> Self {
        for held in self.troubles.values_mut() {
            held.vantages.retain(|vantage, _| vantages.contains(vantage));
        }
        self
    }

    /// It was told before a restart, and may be so from each of these vantages.
    pub(super) fn restore(&mut self, what: SelfFault, told: &Incident, vantages: &[VantageId]) {
        let text = told.timeline.first().map(|first| first.what.clone()).unwrap_or_default();
        let (since, incident) = (told.opened, Some(told.id));
        let vantages = vantages.iter().map(|vantage| (vantage.clone(), text.clone())).collect();
        self.troubles.insert(what, Held { since, text, incident, witness: Witness::Restored, vantages });
    }

    /// The clock was set back.
    pub(super) fn turn_back(&mut self, back: TurnedBack) {
        back.earlier(&mut self.grace);
        self.troubles.values_mut().for_each(|held| back.earlier(&mut held.since));
    }

    pub(super) fn list(&self) -> Vec<Trouble> {
        let list = self.troubles.iter();
        list.map(|(what, held)| Trouble { what: *what, since: held.since, text: held.text.clone() }).collect()
    }

    fn report(&mut self, what: SelfFault, text: &str, witness: Witness, now: Timestamp) {
        let held = self.troubles.entry(what).or_insert_with(|| Held {
            since: now,
            text: String::new(),
            incident: None,
            witness,
            vantages: BTreeMap::new(),
        });
        text.clone_into(&mut held.text);
        held.witness = witness;
    }
}

/// Errors of our own make that say nothing of any touchpoint: whoever has them on every reading is blind.
fn blinds(what: SelfFault) -> bool {
    use SelfFault::{NetworkUnreachable, NoDescriptors, NoPorts, NoRoute, ResolverUnreachable};
    matches!(what, NoDescriptors | NetworkUnreachable | NoRoute | NoPorts | ResolverUnreachable)
}

/// True the moment it is said: starting up is no excuse.
fn is_certain(what: SelfFault) -> bool {
    matches!(what, SelfFault::StoreRefused | SelfFault::BlindVantage | SelfFault::DeadLetter | SelfFault::Clock)
        || blinds(what)
}

impl Board {
    /// We are in trouble. Say it again as long as it lasts, or once; it holds until [`Board::well`].
    pub fn trouble(&mut self, what: SelfFault, text: &str, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        let now = whole(now);
        self.own.report(what, text, Witness::Daemon, now);
        self.own_tick(now, &mut changes);
        changes
    }

    /// The trouble is over.
    pub fn well(&mut self, what: SelfFault, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.relieve(what, whole(now), &mut changes);
        changes
    }

    /// A reading from there says that we are in trouble. Of what keeps a vantage from seeing one is enough to tell.
    pub(super) fn inconclusive(
        &mut self,
        why: SelfFault,
        (text, vantage): (&str, &VantageId),
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        if !blinds(why) || !self.own.has(why) && self.is_kept_from_seeing(vantage) {
            return;
        }
        // What was said before a restart is said again, or was not so.
        let heard = self.own.troubles.get(&why).filter(|held| held.witness == Witness::Readings);
        let mut said = heard.map(|held| held.vantages.clone()).unwrap_or_default();
        said.insert(vantage.clone(), text.to_owned());
        let text = match self.map.vantages.len() {
            0 | 1 => text.to_owned(),
            _ => said.iter().map(|(vantage, text)| format!("{vantage}: {text}")).collect::<Vec<_>>().join("; "),
        };
        self.own.report(why, &text, Witness::Readings, now);
        self.own.troubles.entry(why).and_modify(|held| held.vantages = said);
        self.own_tick(now, changes);
    }

    fn is_kept_from_seeing(&self, vantage: &VantageId) -> bool {
        self.is_blind(vantage) || self.own.blinds(vantage)
    }

    /// A vantage sees: from there nothing of our own keeps us from it. Others say for themselves.
    pub(super) fn conclusive(&mut self, vantage: &VantageId, now: Timestamp, changes: &mut Vec<Change>) {
        let over = |(what, held): (&SelfFault, &mut Held)| {
            held.vantages.remove(vantage);
            let readings = held.witness == Witness::Readings || held.witness == Witness::Restored && blinds(*what);
            (readings && held.vantages.is_empty()).then_some(*what)
        };
        let over: Vec<SelfFault> = self.own.troubles.iter_mut().filter_map(over).collect();
        for what in over {
            self.relieve(what, now, changes);
        }
    }

    /// Tells what has lasted.
    pub(super) fn own_tick(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let lasting = |(what, held): (&SelfFault, &Held)| {
            let due = elapsed(held.since, now) >= HELD && (is_certain(*what) || now >= self.own.grace);
            (held.incident.is_none() && due).then(|| (*what, held.text.clone()))
        };
        let told: Vec<(SelfFault, String)> = self.own.troubles.iter().filter_map(lasting).collect();
        for (what, text) in told {
            let line = format!("{}: {text}", what.words());
            let incident = self.draft(Cause::Own(what), Severity::Page, line, now);
            if let Some(held) = self.own.troubles.get_mut(&what) {
                held.incident = Some(incident.id);
            }
            self.begin(incident, changes);
        }
        if now >= self.own.grace {
            let forgotten = |(what, held): (&SelfFault, &Held)| (held.witness == Witness::Restored).then_some(*what);
            let forgotten: Vec<SelfFault> = self.own.troubles.iter().filter_map(forgotten).collect();
            for what in forgotten {
                self.relieve(what, now, changes);
            }
        }
    }

    /// Looks whether half of what should be seen is seen.
    pub(super) fn own_evaluate(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let unseen = self.net.journeys.iter().zip(&self.journeys);
        let unseen: Vec<&str> = unseen
            .filter(|(_, pulse)| pulse.sight.observed < OBSERVED_MIN)
            .map(|(journey, _)| journey.id.as_str())
            .collect();
        if unseen.is_empty() || self.map.vantages.iter().all(|vantage| self.is_kept_from_seeing(vantage)) {
            self.relieve(SelfFault::Unobserved, now, changes);
        } else {
            let text = format!("too little is fresh for a number: {}", unseen.join(", "));
            self.own.report(SelfFault::Unobserved, &text, Witness::Board, now);
        }
    }

    fn relieve(&mut self, what: SelfFault, now: Timestamp, changes: &mut Vec<Change>) {
        if let Some(id) = self.own.troubles.remove(&what).and_then(|held| held.incident) {
            self.close(id, Close::Recovered, now, changes);
        }
    }
}
