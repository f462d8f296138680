//! Where the time of a step goes.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Phase, PhaseTime};

/// Phases kept of one step; ten redirects of six phases fit.
const PHASES_MAX: usize = 96;

/// A step's phases with their true starts and ends. The runner owns it, so that what was measured survives a timeout.
#[derive(Debug)]
pub struct Phases {
    /// The run's start: what offsets count from.
    start: Instant,
    done: Vec<PhaseTime>,
    running: Option<(Phase, Instant)>,
}

impl Phases {
    pub fn new(start: Instant) -> Self {
        Self { start, done: Vec::new(), running: None }
    }

    /// Ends the running phase and begins another.
    pub fn begin(&mut self, phase: Phase) {
        self.begin_at(phase, Instant::now());
    }

    /// Ends the running phase at a moment that has passed already, and begins another there.
    pub fn begin_at(&mut self, phase: Phase, at: Instant) {
        self.end_at(at);
        self.running = Some((phase, at));
    }

    /// Ends the running phase, if one runs, and tells which.
    pub fn end(&mut self) -> Option<Phase> {
        let running = self.running();
        self.end_at(Instant::now());
        running
    }

    /// Ends the running phase at a moment that has passed already.
    pub fn end_at(&mut self, at: Instant) {
        if let Some((phase, from)) = self.running.take() {
            self.record(phase, from, at);
        }
    }

    /// Writes down a phase that was measured elsewhere.
    pub fn record(&mut self, phase: Phase, from: Instant, to: Instant) {
        if self.done.len() < PHASES_MAX {
            let offset = from.saturating_duration_since(self.start);
            self.done.push(PhaseTime { phase, offset, took: to.saturating_duration_since(from) });
        }
    }

    /// The phase that runs now: the one that a timeout is blamed on.
    pub fn running(&self) -> Option<Phase> {
        self.running.map(|(phase, _)| phase)
    }

    /// The time since the run's start.
    pub fn since_start(&self) -> Duration {
        self.start.elapsed()
    }

    /// The time spent in all phases of one kind so far.
    pub fn total(&self, phase: Phase) -> Duration {
        self.done.iter().filter(|time| time.phase == phase).map(|time| time.took).sum()
    }

    /// The time spent in each kind of phase so far.
    pub fn totals(&self) -> Vec<(Phase, Duration)> {
        let spent = Phase::ALL.iter().filter(|phase| self.done.iter().any(|time| time.phase == **phase));
        spent.map(|phase| (*phase, self.total(*phase))).collect()
    }

    /// Ends what still runs and hands over everything, in the order of its end.
    #[must_use]
    pub fn finish(&mut self) -> Vec<PhaseTime> {
        self.end();
        std::mem::take(&mut self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_runs_is_known_and_closed() {
        let mut phases = Phases::new(Instant::now());
        phases.begin(Phase::Dns);
        tokio::time::advance(Duration::from_millis(5)).await;
        phases.begin(Phase::Connect);
        tokio::time::advance(Duration::from_millis(7)).await;
        assert_eq!(phases.running(), Some(Phase::Connect));
        let ms = Duration::from_millis;
        assert_eq!(
            phases.finish(),
            [
                PhaseTime { phase: Phase::Dns, offset: ms(0), took: ms(5) },
                PhaseTime { phase: Phase::Connect, offset: ms(5), took: ms(7) },
            ]
        );
    }
}
