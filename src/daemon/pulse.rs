//! The pulse: starts every run when it is due. Knows no verdict; a hung run costs its slot and nothing else.
//!
//! It has a thread to itself, and its runs share it: waking another thread for every answer would cost a third of what
//! a plain run costs, and a page or a commit that keeps the other threads busy makes no start late. Only when the pulse
//! falls behind, one core being too little, do runs go to the other threads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::Plan;
use crate::model::{
    JourneyMap, Outcome, PersonaId, ProbeId, Reading, Series, SpanId, SpanRef, TraceId, Trigger, VantageId, Verdict,
    Why,
};
use crate::probe::connect::egress::Egress;
use crate::probe::{Errand, Order, Prober};
use crate::schedule::{Due, Entry, Next, Schedule, Turn};
use crate::telemetry::Metrics;

use super::signs::{Part, Signs};

/// Even when nothing is due, the pulse shows that it beats; and feels when it cannot.
const BEAT: Duration = Duration::from_millis(100);
/// Later than two beats of the grid: the pulse's own thread is full.
const BEHIND: Duration = Duration::from_millis(20);
/// Runs at the same time; beyond it a due run is skipped, and said to be.
const RUNS_AT_ONCE_MAX: usize = 20_000;

/// What the pulse is asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// Run this series again at that time, for what this run left open.
    Recheck(Series, Timestamp, SpanRef),
    /// Watch this instead.
    Reload(Arc<Watched>),
}

/// The part of a plan that is run.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) map: Arc<JourneyMap>,
    errands: HashMap<ProbeId, Arc<Errand>>,
    vantages: Vec<(VantageId, Egress)>,
}

impl Watched {
    pub(super) fn of(plan: &Plan) -> Self {
        let errands = plan.errands.iter().map(|errand| (errand.id.clone(), Arc::clone(errand))).collect();
        let vantages = plan.vantages.iter().map(|vantage| (vantage.id.clone(), vantage.egress.clone())).collect();
        Self { map: Arc::clone(&plan.map), errands, vantages }
    }

    /// Every series that runs by itself: credited probes live on their errand's runs.
    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for probe in self.map.probes().filter(|probe| probe.origin.is_none()) {
            let personas: Vec<Option<PersonaId>> =
                if probe.personas.is_empty() { vec![None] } else { probe.personas.iter().cloned().map(Some).collect() };
            let vantages: Vec<&VantageId> = self.map.vantages_of(probe).collect();
            let (every, of) = (self.map.turn_of(probe), vantages.len() as u32);
            for persona in personas {
                for (&vantage, place) in vantages.iter().zip(0..) {
                    let series = Series { probe: probe.id.clone(), persona: persona.clone(), vantage: vantage.clone() };
                    let turn = if of > 1 { Turn::Of(place, of) } else { Turn::Alone };
                    entries.push(Entry { series, every, turn });
                }
            }
        }
        entries
    }
}

/// Starts runs and hands on their readings.
pub(super) struct Pulse {
    watched: Arc<Watched>,
    schedule: Schedule,
    prober: Arc<Prober>,
    clock: Clock,
    origin: Instant,
    /// Whose doubt the next recheck of a series is to settle.
    asked_by: HashMap<Series, SpanRef>,
    /// Series whose run has not ended.
    running: HashSet<Arc<Series>>,
    ended: (mpsc::UnboundedSender<Arc<Series>>, mpsc::UnboundedReceiver<Arc<Series>>),
    readings: mpsc::Sender<Arc<Reading>>,
    metrics: Arc<Metrics>,
    signs: Arc<Signs>,
    runs: TaskTracker,
    /// Runs what this thread cannot.
    others: Handle,
}

impl Pulse {
    pub(super) fn new(
        watched: Arc<Watched>,
        prober: &Prober,
        clock: Clock,
        readings: mpsc::Sender<Arc<Reading>>,
        metrics: Arc<Metrics>,
        signs: Arc<Signs>,
        others: Handle,
    ) -> Self {
        let schedule = Schedule::new(watched.entries(), Duration::ZERO);
        let prober = Arc::new(prober.from(watched.vantages.iter().cloned()));
        Self {
            watched,
            schedule,
            prober,
            clock,
            origin: Instant::now(),
            asked_by: HashMap::new(),
            running: HashSet::new(),
            ended: mpsc::unbounded_channel(),
            readings,
            metrics,
            signs,
            runs: TaskTracker::new(),
            others,
        }
    }

    /// Until `stop`; then no new run starts, and those under way get until `grace` to end.
    pub(super) async fn beat(mut self, mut asks: mpsc::Receiver<Ask>, stop: CancellationToken, grace: Duration) {
        loop {
            self.signs.give(Part::Schedule);
            let now = self.origin.elapsed();
            let next = self.schedule.next(now);
            let until = match &next {
                Next::Run(_) => now,
                Next::Wait { until } => *until.min(&(now + BEAT)),
            };
            self.prober.standstill().beat(self.origin + now, self.origin + until);
            if let Next::Run(due) = next {
                self.start(due, now);
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ask) = asks.recv() => self.answer(ask),
                () = tokio::time::sleep_until(self.origin + until) => {}
            }
        }
        // Those under way need no beat of ours.
        let now = Instant::now();
        self.prober.standstill().beat(now, now + grace);
        self.runs.close();
        tokio::time::timeout(grace, self.runs.wait()).await.ok();
    }

    fn answer(&mut self, ask: Ask) {
        let now = self.origin.elapsed();
        match ask {
            Ask::Recheck(series, at, by) => {
                let ahead = at.duration_since(self.clock.now()).max(SignedDuration::ZERO).unsigned_abs();
                self.schedule.recheck(&series, now + ahead);
                self.asked_by.insert(series, by);
            }
            Ask::Reload(watched) => {
                self.schedule.reload(watched.entries(), now);
                if self.watched.vantages != watched.vantages {
                    self.prober = Arc::new(self.prober.from(watched.vantages.iter().cloned()));
                }
                let map = &watched.map;
                self.asked_by.retain(|series, _| map.probe(&series.probe).is_some());
                self.watched = watched;
            }
        }
    }

    fn start(&mut self, due: Due, now: Duration) {
        // Wall time is read once a run and never subtracted: a clock step bends no duration.
        let scheduled =
            self.clock.now() - SignedDuration::try_from(now.saturating_sub(due.scheduled)).unwrap_or_default();
        let Some(errand) = self.watched.errands.get(&due.series.probe).cloned() else { return };
        let under_way = self.metrics.due();
        self.signs.due();
        // Drained here and not in the loop's select: nobody needs to know earlier, and a wake-up a run is dear.
        while let Ok(series) = self.ended.1.try_recv() {
            self.running.remove(&series);
        }
        let why = if self.running.contains(&due.series) {
            Some(Why::StillRunning)
        } else if self.running.len() >= RUNS_AT_ONCE_MAX {
            Some(Why::Overloaded)
        } else {
            None
        };
        if let Some(why) = why {
            under_way.end(&self.skip(&due, scheduled, why));
            return;
        }
        let asked_by = (due.trigger == Trigger::Recheck).then(|| self.asked_by.remove(&due.series)).flatten();
        self.running.insert(due.series.clone());
        let order = Order {
            persona: due
                .series
                .persona
                .as_ref()
                .and_then(|id| self.watched.map.personas.get(id))
                .cloned()
                .map(Arc::new),
            vantage: due.series.vantage.clone(),
            trigger: due.trigger,
            asked_by,
            scheduled,
        };
        let (prober, readings, ended) = (Arc::clone(&self.prober), self.readings.clone(), self.ended.0.clone());
        let behind = now.saturating_sub(due.scheduled) > BEHIND;
        let run = async move {
            let reading = prober.run(&errand, order).await;
            under_way.end(&reading.outcome.verdict);
            ended.send(due.series).ok();
            readings.send(Arc::new(reading)).await.ok();
        };
        if behind {
            self.runs.spawn_on(run, &self.others);
        } else {
            self.runs.spawn(run);
        }
    }

    /// A due run that did not take place is a reading too: one terminal reading per due run.
    fn skip(&self, due: &Due, scheduled: Timestamp, why: Why) -> Verdict {
        self.signs.skipped();
        let mut dice = rand::rng();
        let reading = Reading {
            probe: due.series.probe.clone(),
            persona: due.series.persona.clone(),
            vantage: due.series.vantage.clone(),
            trigger: due.trigger,
            asked_by: None,
            scheduled,
            started: self.clock.now(),
            trace: TraceId::random(&mut dice),
            span: SpanId::random(&mut dice),
            outcome: Outcome {
                verdict: Verdict::Skipped(why),
                samples: Vec::new(),
                took: Duration::ZERO,
                steps: Vec::new(),
            },
        };
        let readings = self.readings.clone();
        self.runs.spawn(async move { readings.send(Arc::new(reading)).await.ok() });
        Verdict::Skipped(why)
    }
}
