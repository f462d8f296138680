//! Whatever people do and whatever is restarted: nobody hears an opening twice, everybody hears of the end, and what is
//! held back is told when it is over. Random histories, the seed printed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use unbroken::alert::{Ledger, Quiet, Roster, Settings};
use unbroken::model::{
    Acknowledgement, Change, Close, Incident, IncidentId, JourneyMap, Maintenance, Notification, NotificationKind,
    Scope, Severity, Silence, SilenceId, Timetable,
};
use unbroken::store::Told;

use super::told::map;
use crate::given::{at, incident};

const HISTORIES: u64 = 2_000;
const DEEDS: usize = 40;

/// What a store would hold.
#[derive(Clone, Default)]
struct Disk {
    incidents: BTreeMap<IncidentId, Incident>,
    rows: BTreeMap<(IncidentId, String), Vec<Notification>>,
}

impl Disk {
    /// By the rules of `Store::decide`.
    fn post(&mut self, letters: Vec<Notification>) {
        for letter in letters {
            let rows = self.rows.entry((letter.incident.id, letter.receiver.clone())).or_default();
            let ended = rows.iter().any(|row| row.kind == NotificationKind::Resolve);
            let takes_back = matches!(letter.kind, NotificationKind::Resolve | NotificationKind::Acknowledge);
            let known = rows.iter().any(|row| row.id == letter.id);
            if !(known || ended || takes_back && rows.is_empty()) {
                rows.push(letter);
            }
        }
    }

    fn ledger(&self) -> Ledger {
        let open = self.rows.iter().filter(|((id, _), rows)| self.incidents[id].closed.is_none() && !rows.is_empty());
        let told = open.map(|((id, receiver), rows)| {
            let newest = |kind| rows.iter().filter(|row| row.kind == kind).map(|row| row.at).max();
            let spoken = || rows.iter().filter(|row| row.kind != NotificationKind::Acknowledge);
            Told {
                incident: *id,
                receiver: receiver.clone(),
                version: spoken().map(|row| row.incident.version).max().unwrap_or(0),
                first: rows[0].at,
                last: spoken().map(|row| row.at).max().unwrap_or(rows[0].at),
                acknowledged: newest(NotificationKind::Acknowledge),
                escalated: newest(NotificationKind::Escalate),
            }
        });
        Ledger::new(told.collect())
    }
}

struct History {
    random: StdRng,
    now: Timestamp,
    disk: Disk,
    ledger: Ledger,
    settings: Settings,
    map: JourneyMap,
    silences: Vec<Silence>,
}

fn settings(which: usize) -> Settings {
    let hook = || json!({ "webhook": { "url": "https://ops.example.com/hook" } });
    let escalate = json!({ "after": "10m", "to": ["c", "a"] });
    let routes = [
        json!([{ "to": ["a", "b"], "escalate": escalate }]),
        json!([{ "match": { "severity": "page" }, "to": ["a"], "escalate": escalate }, { "to": ["b"] }]),
        json!([{ "match": { "owner": "nobody" }, "to": ["c"] }]),
    ];
    let receivers = json!({ "a": hook(), "b": hook(), "c": hook() });
    serde_json::from_value(json!({ "receivers": receivers, "routes": routes[which], "repeat": "4h" })).unwrap()
}

impl History {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            now: at(0),
            disk: Disk::default(),
            ledger: Ledger::default(),
            settings: settings(0),
            map: map(),
            silences: Vec::new(),
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// Something that happens to incidents, or with the quiet; the changes it makes.
    fn deed(&mut self) -> Vec<Change> {
        let open: Vec<Incident> = self.disk.incidents.values().filter(|one| one.closed.is_none()).cloned().collect();
        let picked = (!open.is_empty()).then(|| open[self.random.random_range(0..open.len())].clone());
        match (self.random.random_range(0..10), picked) {
            (0 | 1, _) if open.len() < 3 => {
                let number = self.disk.incidents.len() as u128 + 1;
                let severity = if self.chance(50) { Severity::Page } else { Severity::Ticket };
                vec![Change::IncidentOpened(Incident { severity, opened: self.now, ..incident(number) })]
            }
            (2, Some(mut one)) => {
                one.version += 1;
                if one.severity == Severity::Ticket && self.chance(50) {
                    one.severity = Severity::Page;
                    one.acknowledged =
                        one.acknowledged.map(|said| Acknowledgement { lapsed: said.lapsed.or(Some(self.now)), ..said });
                }
                vec![Change::IncidentUpdated(one)]
            }
            (3, Some(mut one)) => {
                one.acknowledged = Some(Acknowledgement { at: self.now, by: "Anna".into(), why: None, lapsed: None });
                vec![Change::IncidentNoted(one)]
            }
            (4, Some(mut one)) => {
                one.version += 1;
                (one.closed, one.close) = (Some(self.now), Some(Close::Recovered));
                vec![Change::IncidentClosed(one)]
            }
            (5, picked) => {
                self.hush(picked.map(|one| one.id));
                Vec::new()
            }
            (6, _) => {
                let window = Maintenance {
                    name: "work".into(),
                    touchpoints: ["billing".into()].into(),
                    timetable: Timetable::Weekly(vec![(0, 7 * 1440)]),
                    timezone: self.map.timezone.clone(),
                };
                self.map.maintenance = if self.chance(30) { vec![window] } else { Vec::new() };
                Vec::new()
            }
            (7, _) => {
                self.settings = settings(self.random.random_range(0..3));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn hush(&mut self, incident: Option<IncidentId>) {
        let of = match incident.filter(|_| self.chance(30)) {
            Some(id) => Scope::Incident(id),
            None if self.chance(50) => Scope::Journey("pay-my-bill".into()),
            None => Scope::Touchpoint("billing".into()),
        };
        let until = self.now + SignedDuration::from_mins(self.random.random_range(1..300));
        let id = SilenceId(uuid::Uuid::from_u128(1));
        self.silences =
            vec![Silence { id, of, from: self.now, until, by: "Li".into(), why: "work".into(), ended: None }];
    }

    fn step(&mut self) {
        let seconds = [1, 61, 700, 9_000, 40_000][self.random.random_range(0..5)];
        self.now += SignedDuration::from_secs(seconds);
        let changes = self.deed();
        let mut next = self.disk.clone();
        let quiet = Quiet::new(&self.map, &self.silences, self.now);
        let roster = Roster {
            words: crate::given::english(),
            settings: &self.settings,
            map: &self.map,
            quiet: &quiet,
            base: None,
        };
        let mut letters = Vec::new();
        for change in &changes {
            letters.extend(roster.tell(&mut self.ledger, change, self.now));
            if let Change::IncidentOpened(one)
            | Change::IncidentUpdated(one)
            | Change::IncidentNoted(one)
            | Change::IncidentClosed(one) = change
            {
                next.incidents.insert(one.id, one.clone());
            }
        }
        for one in next.incidents.values() {
            letters.extend(roster.due(&mut self.ledger, one, self.now));
        }
        self.look(&letters, &next);
        next.post(letters);
        if self.chance(10) {
            // Killed before the commit: neither the incidents nor the letters are on disk.
            self.ledger = self.disk.ledger();
            return;
        }
        self.disk = next;
        if self.chance(20) {
            self.ledger = self.disk.ledger();
        }
        self.check();
    }

    /// What may be said at this moment.
    fn look(&self, letters: &[Notification], next: &Disk) {
        let quiet = Quiet::new(&self.map, &self.silences, self.now);
        for letter in letters {
            let takes_back = matches!(letter.kind, NotificationKind::Resolve | NotificationKind::Acknowledge);
            let one = &next.incidents[&letter.incident.id];
            assert!(takes_back || quiet.why(one).is_none(), "{:?} in the quiet", letter.kind);
            let pesters = matches!(letter.kind, NotificationKind::Remind | NotificationKind::Escalate);
            assert!(!pesters || letter.incident.answered().is_none(), "{:?} though somebody has it", letter.kind);
        }
    }

    fn check(&self) {
        let quiet = Quiet::new(&self.map, &self.silences, self.now);
        for ((id, receiver), rows) in &self.disk.rows {
            let count = |kind| rows.iter().filter(|row| row.kind == kind).count();
            assert!(count(NotificationKind::Open) <= 1, "{receiver} heard it open twice");
            assert!(count(NotificationKind::Resolve) <= 1, "{receiver} heard it end twice");
            let Some(first) = rows.first() else { continue };
            let begins = matches!(first.kind, NotificationKind::Open | NotificationKind::Escalate);
            assert!(begins, "{receiver} heard of {:?} first", first.kind);
            let ended = rows.last().is_some_and(|row| row.kind == NotificationKind::Resolve);
            assert_eq!(ended, self.disk.incidents[id].closed.is_some(), "{receiver}: every opening has its end");
        }
        let named = |one: &Incident| match (self.settings.routes.len(), one.severity, self.settings.routes[0].to.len())
        {
            (2, Severity::Page, _) => vec!["a"],
            (2, Severity::Ticket, _) => vec!["b"],
            (_, _, 2) => vec!["a", "b"],
            _ => vec!["a", "b", "c"],
        };
        for one in self.disk.incidents.values().filter(|one| one.closed.is_none() && quiet.why(one).is_none()) {
            for receiver in named(one) {
                let rows = self.disk.rows.get(&(one.id, receiver.to_owned())).map_or(&[][..], Vec::as_slice);
                let says = |row: &&Notification| row.kind != NotificationKind::Acknowledge;
                let knows = rows.iter().filter(says).any(|row| row.incident.version == one.version);
                assert!(knows, "{receiver} does not know version {} of what is open", one.version);
            }
        }
    }
}

#[test]
fn every_opening_has_one_end_whatever_people_do_meanwhile() {
    for seed in 0..HISTORIES {
        let run = std::panic::AssertUnwindSafe(|| {
            let mut history = History::new(seed);
            for _ in 0..DEEDS {
                history.step();
            }
        });
        assert!(std::panic::catch_unwind(run).is_ok(), "seed {seed}");
    }
}
