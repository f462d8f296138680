//! Which vantages see. One whose canaries do not answer is blind; so is one where many probes that were passing fail
//! within a minute while another vantage passes them: without it a lost uplink would be a hundred outages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::Board;
use super::watch::{elapsed, whole};
use crate::model::{Change, Reading, Sample, SelfFault, Series, State, VantageId, Verdict};

/// Failures that belong together.
const WITHIN: Duration = Duration::from_mins(1);
/// So many probes, and such a part of those that were passing and looked at meanwhile.
const PROBES_MIN: usize = 5;
const SHARE: f64 = 0.2;

/// What keeps vantages from seeing.
#[derive(Clone, Debug, Default)]
pub(super) struct Sight {
    blind: BTreeMap<VantageId, Blind>,
    /// Whose canaries were asked since the start.
    told: BTreeSet<VantageId>,
    /// What each series saw last; empty with one vantage, which nobody can contradict.
    looks: Vec<Look>,
    /// When something last began to fail.
    turned: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
struct Blind {
    /// Why, if its canaries do not answer.
    canaries: Option<String>,
    failing: Option<Failing>,
}

/// What fails from a vantage and from nowhere else.
#[derive(Clone, Debug)]
struct Failing {
    series: BTreeSet<usize>,
    /// How many those were when they began.
    began: usize,
    probes: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Look {
    last: Option<(Timestamp, Seen)>,
    /// When it began to fail, having passed before.
    turned: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Passing,
    Failing,
}

impl Look {
    fn is(&self, seen: Seen) -> bool {
        self.last.is_some_and(|(_, last)| last == seen)
    }
}

impl Blind {
    fn words(&self) -> String {
        let canaries = self.canaries.clone();
        let failing = self.failing.as_ref().map(|Failing { probes, .. }| {
            format!("{probes} probes that pass elsewhere began to fail there within a minute")
        });
        [canaries, failing].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

impl Sight {
    pub(super) fn new(series: usize, vantages: usize) -> Self {
        let looks = if vantages > 1 { vec![Look::default(); series] } else { Vec::new() };
        Self { looks, ..Self::default() }
    }

    /// The same eyes before another map: what its canaries said of a vantage stays true.
    pub(super) fn over(&self, series: usize, vantages: &[VantageId]) -> Self {
        let kept = self.blind.iter().filter(|(vantage, blind)| vantages.contains(vantage) && blind.canaries.is_some());
        let blind = kept.map(|(vantage, blind)| (vantage.clone(), Blind { failing: None, ..blind.clone() }));
        let told = self.told.iter().filter(|vantage| vantages.contains(vantage)).cloned().collect();
        Self { blind: blind.collect(), told, ..Self::new(series, vantages.len()) }
    }

    fn note(&mut self, at: usize, seen: Seen, when: Timestamp) {
        let Some(look) = self.looks.get_mut(at) else { return };
        match (look.last, seen) {
            (Some((_, Seen::Passing)), Seen::Failing) => {
                look.turned = Some(when);
                self.turned = Some(when);
            }
            (_, Seen::Passing) => look.turned = None,
            (_, Seen::Failing) => {}
        }
        look.last = Some((when, seen));
    }
}

impl Board {
    /// No canary of a vantage answers, and why. Say it again as long as it lasts; it holds until [`Board::sees`].
    pub fn blind(&mut self, vantage: &VantageId, why: &str, now: Timestamp) -> Vec<Change> {
        if !self.map.vantages.contains(vantage) {
            return Vec::new();
        }
        self.sight.told.insert(vantage.clone());
        self.sight.blind.entry(vantage.clone()).or_default().canaries = Some(why.to_owned());
        self.tell_sight(whole(now))
    }

    /// A canary of a vantage answers, or it has none.
    pub fn sees(&mut self, vantage: &VantageId, now: Timestamp) -> Vec<Change> {
        self.sight.told.insert(vantage.clone());
        if let Some(blind) = self.sight.blind.get_mut(vantage) {
            blind.canaries = None;
            if blind.failing.is_none() {
                self.sight.blind.remove(vantage);
            }
        }
        self.tell_sight(whole(now))
    }

    /// What comes from there says nothing.
    pub(super) fn is_blind(&self, vantage: &VantageId) -> bool {
        // After a restart an open incident says that we were blind; with one vantage that can mean nothing else.
        self.sight.blind.contains_key(vantage) || self.map.vantages.len() == 1 && self.own.has(SelfFault::BlindVantage)
    }

    /// A failing reading from the only vantage, which may condemn what is not DOWN yet.
    pub fn suspects(&self, reading: &Reading) -> bool {
        let condemns = |sample: &Sample| {
            let series = Series { probe: sample.probe.clone(), ..reading.series() };
            let known = self.net.series_of.get(&series).map(|at| &self.series[*at]);
            sample.quality.fails() && known.is_some_and(|watch| watch.detector.state() != State::Down)
        };
        self.map.vantages.len() == 1
            && !self.is_blind(&reading.vantage)
            && matches!(reading.outcome.verdict, Verdict::Failed(_))
            && reading.outcome.samples.iter().any(condemns)
    }

    /// Notes what a vantage saw, whether or not it can be believed.
    pub(super) fn glimpse(&mut self, reading: &Reading) {
        if self.sight.looks.is_empty() {
            return;
        }
        let seen = match reading.outcome.verdict {
            Verdict::Good | Verdict::Slow => Seen::Passing,
            Verdict::Failed(_) => Seen::Failing,
            Verdict::Inconclusive { .. } | Verdict::Skipped(_) => return,
        };
        if let Some(&at) = self.net.series_of.get(&reading.series()) {
            self.sight.note(at, seen, whole(reading.started));
        }
    }

    /// Looks whether a vantage lost its sight, or has it again.
    pub(super) fn look_through_each(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let recent = self.sight.turned.is_some_and(|turned| elapsed(turned, now) <= WITHIN);
        let before = self.sight.blind.len();
        self.regain();
        if recent {
            for vantage in self.map.vantages.clone() {
                self.look_through(&vantage, now);
            }
        }
        if self.sight.blind.len() != before {
            changes.extend(self.tell_sight(now));
        }
    }

    fn look_through(&mut self, vantage: &VantageId, now: Timestamp) {
        let recent = |at: Timestamp| elapsed(at, now) <= WITHIN;
        let (mut failing, mut looked) = (BTreeSet::new(), 0_usize);
        for (at, look) in self.sight.looks.iter().enumerate() {
            if self.net.series[at].series.vantage != *vantage || !look.last.is_some_and(|(last, _)| recent(last)) {
                continue;
            }
            let turned = look.turned.filter(|turned| recent(*turned));
            if turned.is_some() || look.is(Seen::Passing) {
                looked += 1;
            }
            if turned.is_some_and(|turned| self.passes_elsewhere(at, Some(turned))) {
                failing.insert(at);
            }
        }
        // One probe that fails for all its personas is one failure; one persona that fails everywhere is one of several.
        let (probes, began) = (self.probes_of(&failing), failing.len());
        if probes >= PROBES_MIN && began as f64 >= SHARE * looked as f64 {
            let failing = Failing { series: failing, began, probes };
            self.sight.blind.entry(vantage.clone()).or_default().failing = Some(failing);
        }
    }

    /// How many probes have these series.
    fn probes_of(&self, series: &BTreeSet<usize>) -> usize {
        series.iter().map(|at| self.net.series[*at].probe).collect::<BTreeSet<_>>().len()
    }

    /// Lets those see again from where half of what failed no longer does, or fails elsewhere too.
    fn regain(&mut self) {
        let mut blind = std::mem::take(&mut self.sight.blind);
        blind.retain(|_, blind| {
            if let Some(Failing { series, began, .. }) = &mut blind.failing {
                series.retain(|at| self.sight.looks[*at].is(Seen::Failing) && self.passes_elsewhere(*at, None));
                if series.len() * 2 <= *began {
                    blind.failing = None;
                }
            }
            blind.canaries.is_some() || blind.failing.is_some()
        });
        self.sight.blind = blind;
    }

    /// Another vantage passes it (since then), and none of the others fails it.
    fn passes_elsewhere(&self, at: usize, since: Option<Timestamp>) -> bool {
        let Some(joint) = self.net.series[at].joint else { return false };
        let circle = self.net.joints[joint].series.clone();
        let others = || circle.clone().filter(|other| *other != at).map(|other| &self.sight.looks[other]);
        let passes = |look: &Look| {
            look.last.is_some_and(|(last, seen)| seen == Seen::Passing && since.is_none_or(|since| last >= since))
        };
        others().any(passes) && !others().any(|look| look.is(Seen::Failing))
    }

    fn tell_sight(&mut self, now: Timestamp) -> Vec<Change> {
        let several = self.map.vantages.len() > 1;
        let one = |(vantage, blind): (&VantageId, &Blind)| {
            if several { format!("{vantage}: {}", blind.words()) } else { blind.words() }
        };
        let text: Vec<String> = self.sight.blind.iter().map(one).collect();
        // Of an incident from before a restart the last word is not the first vantage's.
        let heard = || self.map.vantages.iter().all(|vantage| self.sight.told.contains(vantage));
        if text.is_empty() {
            return if heard() { self.well(SelfFault::BlindVantage, now) } else { Vec::new() };
        }
        self.own.leave_to_blindness(|vantage| self.sight.blind.contains_key(vantage));
        self.trouble(SelfFault::BlindVantage, &text.join("; "), now)
    }
}
