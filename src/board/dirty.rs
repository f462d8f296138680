//! What is not on disk yet.

use std::collections::BTreeSet;

use super::keys::{felt_key, journey_key, series_key, touchpoint_key};
use super::memory::{Rounds, Told};
use super::{Board, Place};

/// Quiet series written at one go.
const QUIET_AT_ONCE: usize = 128;

/// What changed since the memory was last asked for.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) series: BTreeSet<usize>,
    /// Series of which there is only good news, as before.
    pub(super) quiet: BTreeSet<usize>,
    pub(super) joints: BTreeSet<usize>,
    pub(super) touchpoints: BTreeSet<usize>,
    pub(super) felt: BTreeSet<usize>,
    pub(super) journeys: BTreeSet<usize>,
    pub(super) checks: BTreeSet<usize>,
    pub(super) clock: bool,
    pub(super) forgotten: Vec<String>,
}

impl Board {
    /// Everything that changed since it was last asked for, for the store: `None` forgets.
    pub fn memory(&mut self) -> Vec<(String, Option<String>)> {
        let quiet = std::mem::take(&mut self.dirty.quiet);
        self.dirty.series.extend(quiet);
        self.told_next = 0;
        self.changed()
    }

    /// What a killed daemon must not forget, and some of the rest: a series that goes on being well is written when its
    /// turn comes, for of ten thousand that alone would cost as much as probing them.
    ///
    /// Asked for with every decision (in the same transaction as its incidents) and every few seconds besides.
    pub fn news(&mut self) -> Vec<(String, Option<String>)> {
        let turn: Vec<usize> = self.dirty.quiet.range(self.told_next..).take(QUIET_AT_ONCE).copied().collect();
        self.told_next = if turn.len() < QUIET_AT_ONCE { 0 } else { turn.last().map_or(0, |last| last + 1) };
        let mut later = std::mem::take(&mut self.dirty.quiet);
        for at in turn {
            later.remove(&at);
            self.dirty.series.insert(at);
        }
        let news = self.changed();
        self.dirty.quiet = later;
        news
    }

    fn changed(&mut self) -> Vec<(String, Option<String>)> {
        let dirty = std::mem::take(&mut self.dirty);
        let mut memory: Vec<(String, Option<String>)> = dirty.forgotten.into_iter().map(|key| (key, None)).collect();
        let mut keep = |key: String, text: Result<String, serde_json::Error>| {
            if let Ok(text) = text {
                memory.push((key, Some(text)));
            }
        };
        for at in dirty.series {
            keep(series_key(&self.net.series[at].series), serde_json::to_string(&self.series[at]));
        }
        for at in dirty.joints {
            keep(self.net.joint_key(at), serde_json::to_string(&self.joints[at]));
        }
        for at in dirty.touchpoints {
            let Place { state, since, .. } = self.touchpoints[at];
            keep(touchpoint_key(&self.net.touchpoints[at].id), serde_json::to_string(&Told { state, since }));
        }
        for at in dirty.felt {
            keep(felt_key(&self.net.elements[at].element), serde_json::to_string(&self.felt[at]));
        }
        for at in dirty.journeys {
            keep(journey_key(self.net.journeys[at].id.as_str()), serde_json::to_string(&self.journeys[at]));
        }
        for at in dirty.checks {
            keep(self.net.check_key(at), serde_json::to_string(&self.checks[at]));
        }
        if dirty.clock {
            let rounds = Rounds { evaluated: self.evaluated, looked: self.looked };
            keep("board".into(), serde_json::to_string(&rounds));
        }
        memory
    }
}
