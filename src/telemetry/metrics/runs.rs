//! Runs, counted from when they come due to their one reading.

use std::sync::{Arc, Mutex};

use super::catalogue::{DUE, READINGS, UNDER_WAY};
use super::lock;
use super::sink::{Series, Sink};
use crate::model::Verdict;

/// Counted one by one where each happens; that they add up is for whoever reads them to see.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Runs {
    due: u64,
    under_way: u64,
    /// In the order of [`Verdict::LABELS`].
    readings: [u64; Verdict::LABELS.len()],
}

/// A run that came due. What its panic ended without a reading is missing in the sum; what the stop gave up stays under
/// way, for a last scrape to see.
#[derive(Debug)]
pub struct UnderWay {
    runs: Arc<Mutex<Runs>>,
    /// Until it has a reading.
    verdict: Option<usize>,
}

impl UnderWay {
    pub(super) fn begin(runs: &Arc<Mutex<Runs>>) -> Self {
        let mut counted = lock(runs);
        counted.due += 1;
        counted.under_way += 1;
        Self { runs: Arc::clone(runs), verdict: None }
    }

    /// It came to its one reading.
    pub fn end(mut self, verdict: &Verdict) {
        let label = verdict.label();
        self.verdict = Verdict::LABELS.iter().position(|known| *known == label);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.verdict.is_none() && !std::thread::panicking() {
            return;
        }
        let mut runs = lock(&self.runs);
        runs.under_way -= 1;
        if let Some(place) = self.verdict {
            runs.readings[place] += 1;
        }
    }
}

impl Runs {
    /// Of one moment: what was due has come to a reading or is under way, in every scrape.
    pub(super) fn write<S: Sink>(self, series: &mut Series<S>) {
        series.family(DUE);
        series.number(&[], self.due);
        series.family(UNDER_WAY);
        series.number(&[], self.under_way);
        series.family(READINGS);
        for (verdict, count) in Verdict::LABELS.iter().zip(self.readings) {
            series.number(&[verdict], count);
        }
    }
}
