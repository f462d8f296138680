//! The board's task: readings in; decisions, asks and snapshots out. It never waits for a store, a receiver or a page.

mod doubt;
mod hearing;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::doubt::Doubt;
use self::writing::Writing;
use super::commit::{Backlog, INCIDENTS_WAITING_MAX, Verdict};
use super::desk::Waiting;
use super::journal::{self, Journal, Turn};
use super::minutes::{Minutes, minute_of, spent};
use super::pulse::Ask;
use super::punctuality::Punctuality;
use super::record::{Fared, Gathering, READINGS_AT_ONCE, next};
use super::signs::{Part, Signs};
pub(super) use super::tell::{Before, Tell};
use crate::alert::{self, Bell, Ledger, Quiet, Roster};
use crate::board::{Board, Spent};
use crate::clock::Clock;
use crate::model::{
    Cause, Change, Incident, IncidentId, JourneyMap, Language, Notification, Reading, SelfFault, Silence, Snapshot,
};
use crate::store::Decision;
use crate::telemetry::{Exporter, Metrics};
use crate::web::Event;
use crate::words::Tongues;

const TICK: Duration = Duration::from_secs(1);
/// Readings are taken together so often: waking up for each one costs as much as the rest of what is done with it.
const READINGS_EVERY: Duration = Duration::from_millis(50);
/// While nothing happens, pages see a new snapshot so often, later the larger the map is: of ten thousand probes it
/// takes some twenty milliseconds, and is allowed one part in five hundred of the time.
const CALM: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));
const CALM_SHARE: u32 = 500;
/// What a killed daemon may forget of windows that decided nothing.
const TICKS_BETWEEN_MEMORIES: u64 = 2;

/// Where conclusions go.
pub(super) struct Outlets {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) decisions: mpsc::UnboundedSender<Decision>,
    pub(super) readings: Gathering,
    pub(super) snapshot: watch::Sender<Arc<Snapshot>>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) bell: Bell,
    /// Notifications about ourselves that the store will not take: sent at once, from memory.
    pub(super) direct: mpsc::UnboundedSender<Vec<Notification>>,
    pub(super) exporter: Arc<Exporter>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) signs: Arc<Signs>,
    pub(super) backlog: Arc<Backlog>,
}

/// Where word comes from.
pub(super) struct Inlets {
    pub(super) readings: mpsc::Receiver<Arc<Reading>>,
    pub(super) tells: mpsc::UnboundedReceiver<Tell>,
    pub(super) verdicts: mpsc::UnboundedReceiver<Verdict>,
    pub(super) fared: mpsc::UnboundedReceiver<Fared>,
    /// No more readings are waited for: runs that hang must not keep us from the end.
    pub(super) closing: CancellationToken,
}

pub(super) struct Keeper {
    board: Board,
    map: Arc<JourneyMap>,
    alerts: Arc<alert::Settings>,
    tongues: Tongues,
    clock: Clock,
    base: Option<Url>,
    out: Outlets,
    /// Open incidents as they are on disk: the only ones that a page may show.
    durable: BTreeMap<IncidentId, Incident>,
    ledger: Ledger,
    /// Those that are not over.
    silences: Vec<Silence>,
    waiting: Waiting,
    doubt: Doubt,
    minutes: Minutes,
    ticks: u64,
    /// Something happened since the last snapshot.
    unseen: bool,
    /// Until then a snapshot may wait for something to happen.
    calm_until: Instant,
    /// What the store refuses at present.
    refused: BTreeSet<Writing>,
    punctuality: Punctuality,
    journal: Journal,
    /// Readings that found no room lately, and those that the store did not take.
    lost: u64,
    dropped: u64,
}

impl Keeper {
    pub(super) fn new(
        board: Board,
        map: Arc<JourneyMap>,
        alerts: Arc<alert::Settings>,
        clock: Clock,
        base: Option<Url>,
        before: Before,
        out: Outlets,
    ) -> Self {
        let now = clock.now();
        let durable = before.open.into_iter().map(|incident| (incident.id, incident)).collect();
        Self {
            board,
            map,
            alerts,
            tongues: Tongues::new(),
            clock,
            base,
            out,
            durable,
            ledger: before.ledger,
            silences: before.silences,
            waiting: Waiting::default(),
            doubt: Doubt::default(),
            minutes: Minutes::new(now),
            ticks: 0,
            unseen: false,
            calm_until: Instant::now(),
            refused: BTreeSet::new(),
            punctuality: Punctuality::default(),
            journal: Journal::default(),
            lost: 0,
            dropped: 0,
        }
    }

    /// Until the readings' sender is gone: then everything that was concluded has been handed on.
    pub(super) async fn keep(mut self, mut from: Inlets, first: Vec<Change>) {
        self.conclude(first).await;
        self.publish();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut readings = Vec::with_capacity(READINGS_AT_ONCE);
        let mut pause = Instant::now();
        loop {
            tokio::select! {
                taken = next(&mut from.readings, &mut readings, pause) => {
                    if taken == 0 {
                        break;
                    }
                    if taken < READINGS_AT_ONCE {
                        pause = Instant::now() + READINGS_EVERY;
                    }
                    // What is said of a vantage comes before what was seen from there.
                    while let Ok(tell) = from.tells.try_recv() {
                        self.hear(tell).await;
                    }
                    self.doubt.keep(&mut readings, |reading| self.board.suspects(reading));
                    self.take(&mut readings).await;
                }
                Some(tell) = from.tells.recv() => self.hear(tell).await,
                Some(verdict) = from.verdicts.recv() => self.settle(verdict).await,
                Some(fared) = from.fared.recv() => self.fare(fared).await,
                _ = tick.tick() => self.tick().await,
                () = from.closing.cancelled(), if !from.readings.is_closed() => from.readings.close(),
            }
        }
        let mut rest = self.doubt.clear();
        self.take(&mut rest).await;
        self.out.readings.hand_on();
        let all = self.board.memory();
        self.remember(all);
    }

    async fn take(&mut self, readings: &mut Vec<Arc<Reading>>) {
        if readings.is_empty() {
            return;
        }
        // What may wait for the store is full: a reading could open an incident more, and must rather be lost.
        let full = self.out.backlog.incidents() >= INCIDENTS_WAITING_MAX;
        let changes = if full { Vec::new() } else { self.board.apply(readings, self.clock.now()) };
        let export = |reading| {
            let traced = self.out.exporter.export(&reading, &self.map);
            (reading, traced)
        };
        let readings: Vec<_> = readings.drain(..).map(export).collect();
        self.journal.runs(&readings, &changes, &self.board, &self.map);
        for (reading, traced) in readings {
            let lateness = reading.started.duration_since(reading.scheduled).unsigned_abs();
            self.out.metrics.observe(&reading, lateness, traced);
            self.punctuality.note(&reading, lateness, &self.map);
            if full {
                self.out.readings.lose();
                continue;
            }
            self.out.readings.add(reading);
        }
        self.hand_on(changes).await;
    }

    async fn tick(&mut self) {
        self.out.signs.give(Part::Board);
        let mut overdue = self.doubt.overdue();
        self.take(&mut overdue).await;
        let now = self.clock.now();
        let mut changes = self.board.tick(now);
        match self.punctuality.take() {
            Some(Ok(())) => changes.extend(self.board.well(SelfFault::Late, now)),
            Some(Err(late)) => changes.extend(self.board.trouble(SelfFault::Late, &late, now)),
            None => {}
        }
        self.conclude(changes).await;
        self.journal.tick();
        let minutes = self.minutes.add(&self.board.scores(), &self.map.under_maintenance(now), now);
        if !minutes.is_empty() {
            let spent: Vec<Spent> = minutes.iter().filter_map(spent).collect();
            let changes = self.board.spend(&spent, minute_of(now), now);
            self.conclude(changes).await;
        }
        self.out.readings.scores(minutes);
        self.out.readings.hand_on();
        self.tell(now).await;
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS_BETWEEN_MEMORIES) {
            let news = self.board.news();
            self.remember(news);
        }
        if self.unseen || Instant::now() >= self.calm_until {
            self.publish();
        }
        let lost = self.out.readings.lost();
        if lost > 0 && self.lost == 0 {
            tracing::warn!("Readings find no room on their way to the store and are lost");
        } else if lost == 0 && self.lost > 0 {
            let readings = std::mem::take(&mut self.lost);
            tracing::warn!(
                readings,
                "{readings} readings found no room on their way to the store; there is room again"
            );
        }
        self.lost += lost;
    }

    /// What was decided is on disk, or is not yet.
    async fn settle(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Durable(incidents) => {
                if !incidents.is_empty() {
                    self.out.bell.ring();
                }
                self.waiting.durable(&incidents);
                self.written(Writing::Decisions).await;
                for incident in incidents {
                    self.show(incident);
                }
                self.publish();
            }
            Verdict::Refused { text, waiting } => {
                self.waiting.refused(&text);
                self.refused(Writing::Decisions, &text).await;
                let own: Vec<_> =
                    waiting.outbox.into_iter().filter(|n| matches!(n.incident.cause, Cause::Own(_))).collect();
                if !own.is_empty() {
                    self.out.direct.send(own).ok();
                }
            }
        }
    }

    fn show(&mut self, incident: Incident) {
        // Logs are written in English.
        let english = self.tongues.of(Language::En);
        let headline = english.incident(&incident, &self.map);
        let change = if incident.closed.is_some() {
            journal::incident(&incident, &headline, Turn::Over);
            self.durable.remove(&incident.id);
            Change::IncidentClosed(incident)
        } else {
            match self.durable.insert(incident.id, incident.clone()) {
                None => journal::incident(&incident, &headline, Turn::Opened),
                Some(before) if before.version < incident.version => {
                    journal::incident(&incident, &headline, Turn::Changed(before.severity));
                }
                Some(_) => {}
            }
            Change::IncidentUpdated(incident)
        };
        if let Some(event) = Event::of(&change, english, &self.map) {
            self.out.events.send(event).ok();
        }
    }

    /// Notes what was concluded otherwise than from readings, and hands it on.
    async fn conclude(&mut self, changes: Vec<Change>) {
        self.journal.others(&changes, &self.board, &self.map);
        self.hand_on(changes).await;
    }

    /// Hands on what the board concluded: incidents to the commit, rechecks to the pulse, the rest to those who look.
    async fn hand_on(&mut self, changes: Vec<Change>) {
        let now = self.clock.now();
        let quiet = Quiet::new(&self.map, &self.silences, now);
        let words = self.tongues.of(self.map.language);
        let base = self.base.as_ref();
        let roster = Roster { settings: &self.alerts, map: &self.map, words, quiet: &quiet, base };
        let mut decision = Decision::default();
        for change in changes {
            self.unseen |= !matches!(change, Change::Recheck { .. });
            decision.outbox.extend(roster.tell(&mut self.ledger, &change, now));
            match change {
                Change::IncidentOpened(incident)
                | Change::IncidentUpdated(incident)
                | Change::IncidentNoted(incident)
                | Change::IncidentClosed(incident) => {
                    decision.incidents.retain(|known| known.id != incident.id);
                    decision.incidents.push(incident);
                }
                Change::Renamed { from, to } => decision.renamed.push((from, to)),
                Change::Recheck { series, at, by } => {
                    self.out.asks.send(Ask::Recheck(series, at, by)).await.ok();
                }
                other => {
                    if let Some(event) = Event::of(&other, self.tongues.of(Language::En), &self.map) {
                        self.out.events.send(event).ok();
                    }
                }
            }
        }
        if !decision.incidents.is_empty() || !decision.renamed.is_empty() {
            decision.together = self.alerts.chats();
            decision.memory = self.board.news();
            self.out.decisions.send(decision).ok();
        }
    }

    /// Tells what has become due with time alone: reminders, escalations, what a silence held back.
    async fn tell(&mut self, now: Timestamp) {
        self.silences.retain(|silence| silence.end() > now);
        let quiet = Quiet::new(&self.map, &self.silences, now);
        let words = self.tongues.of(self.map.language);
        let base = self.base.as_ref();
        let roster = Roster { settings: &self.alerts, map: &self.map, words, quiet: &quiet, base };
        let open = self.board.incidents();
        let outbox: Vec<_> = open.flat_map(|incident| roster.due(&mut self.ledger, incident, now)).collect();
        let remarks = quiet.remarks(self.board.incidents());
        if !outbox.is_empty() {
            self.out.decisions.send(Decision { outbox, together: self.alerts.chats(), ..Decision::default() }).ok();
        }
        let changes = remarks.into_iter().flat_map(|(id, what)| self.board.remark(id, &what, now)).collect();
        self.conclude(changes).await;
    }

    /// Memory takes the same way as incidents: on any other, an older state could arrive after a newer one.
    fn remember(&self, memory: Vec<(String, Option<String>)>) {
        if !memory.is_empty() {
            self.out.decisions.send(Decision { memory, ..Decision::default() }).ok();
        }
    }

    fn publish(&mut self) {
        self.unseen = false;
        let began = Instant::now();
        let mut snapshot = self.board.snapshot(self.clock.now());
        let mut incidents: Vec<Incident> = self.durable.values().cloned().collect();
        incidents.sort_by_key(|incident| std::cmp::Reverse(incident.opened));
        snapshot.incidents = incidents;
        snapshot.silences.clone_from(&self.silences);
        self.out.snapshot.send_replace(Arc::new(snapshot));
        self.calm_until = began + (began.elapsed() * CALM_SHARE).clamp(CALM.0, CALM.1);
    }
}
