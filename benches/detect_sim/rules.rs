//! The rules that are compared: ours, driven as the daemon drives them, and those of others.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use unbroken::detect::{Attempt, Detector, Finding, Joint, Rule};
use unbroken::model::{DetectRule, Quality, State, Trigger, VantageId};

/// What a rule makes of an attempt.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Reply {
    Fine,
    /// Try again at that time, from that vantage.
    Again(f64, usize),
    Alert,
}

/// One attempt.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) at: f64,
    pub(crate) vantage: usize,
    pub(crate) fails: bool,
    pub(crate) trigger: Trigger,
}

/// Who decides that a probe's target is down.
pub(crate) trait Watcher {
    /// A pass would change nothing.
    fn is_calm(&self) -> bool;
    fn see(&mut self, seen: Seen) -> Reply;
}

fn attempt(seen: Seen) -> Attempt {
    let millis = (seen.at * 1000.0) as i64;
    Attempt {
        at: Timestamp::UNIX_EPOCH + SignedDuration::from_millis(millis),
        quality: Quality::new(if seen.fails { 0.0 } else { 1.0 }),
        trigger: seen.trigger,
        passing_since: None,
    }
}

fn rule(probes: usize, every: f64, vantages: usize) -> Rule {
    let recheck = Duration::from_secs(10);
    let every = Duration::from_secs_f64(every * vantages as f64);
    Rule { rule: DetectRule::Sequential, every, recheck, probes, vantages }
}

/// Ours, with one vantage.
pub(crate) struct Alone {
    detector: Detector,
    rule: Rule,
}

impl Alone {
    pub(crate) fn new(probes: usize, every: f64) -> Self {
        Self { detector: Detector::default(), rule: rule(probes, every, 1) }
    }
}

impl Watcher for Alone {
    fn is_calm(&self) -> bool {
        self.detector.statistic() == 0.0
    }

    fn see(&mut self, seen: Seen) -> Reply {
        let step = self.detector.step(attempt(seen), &self.rule);
        match step.recheck {
            _ if step.to == State::Down => Reply::Alert,
            Some(at) => Reply::Again(at.as_millisecond() as f64 / 1000.0, seen.vantage),
            None => Reply::Fine,
        }
    }
}

/// Ours, with several vantages taking turns. Any of them telling of itself alone counts as an alert, too.
pub(crate) struct Several {
    joint: Joint,
    detectors: Vec<Detector>,
    vantages: Vec<VantageId>,
    rule: Rule,
}

impl Several {
    pub(crate) fn new(probes: usize, every: f64, vantages: usize) -> Self {
        Self {
            joint: Joint::default(),
            detectors: vec![Detector::default(); vantages],
            vantages: (0..vantages).map(|place| VantageId::new(&format!("v{place}"))).collect(),
            rule: rule(probes, every, vantages),
        }
    }
}

impl Watcher for Several {
    fn is_calm(&self) -> bool {
        !self.joint.is_suspicious() && self.detectors.iter().all(|detector| detector.statistic() == 0.0)
    }

    fn see(&mut self, seen: Seen) -> Reply {
        let attempt = attempt(seen);
        if self.detectors[seen.vantage].step(attempt, &self.rule).to == State::Down {
            return Reply::Alert;
        }
        match self.joint.attempt(&attempt, &self.vantages[seen.vantage], &self.rule) {
            Finding::Down => Reply::Alert,
            Finding::Reprobe(at) => {
                let next = (seen.vantage + 1) % self.vantages.len();
                Reply::Again((at.as_millisecond() as f64 / 1000.0).max(seen.at), next)
            }
            Finding::Calm | Finding::Waiting => Reply::Fine,
        }
    }
}

/// So many failures among the last scheduled attempts, from one place.
pub(crate) struct Count {
    failures: u32,
    among: u32,
    last: u32,
}

impl Count {
    pub(crate) fn new(failures: u32, among: u32) -> Self {
        Self { failures, among, last: 0 }
    }
}

impl Watcher for Count {
    fn is_calm(&self) -> bool {
        self.last == 0
    }

    fn see(&mut self, seen: Seen) -> Reply {
        self.last = (self.last << 1 | u32::from(seen.fails)) & ((1 << self.among) - 1);
        if self.last.count_ones() >= self.failures { Reply::Alert } else { Reply::Fine }
    }
}

/// A failure that fails again half a second later.
pub(crate) struct Retry;

impl Watcher for Retry {
    fn is_calm(&self) -> bool {
        true
    }

    fn see(&mut self, seen: Seen) -> Reply {
        match (seen.fails, seen.trigger) {
            (false, _) => Reply::Fine,
            (true, Trigger::Schedule) => Reply::Again(seen.at + 0.5, seen.vantage),
            (true, _) => Reply::Alert,
        }
    }
}

/// Two of three vantages, each of which looks every interval: three times the load of any other rule.
#[derive(Default)]
pub(crate) struct Quorum([bool; 3]);

impl Watcher for Quorum {
    fn is_calm(&self) -> bool {
        !self.0.contains(&true)
    }

    fn see(&mut self, seen: Seen) -> Reply {
        self.0[seen.vantage] = seen.fails;
        let failing = self.0.iter().filter(|failing| **failing).count();
        if seen.fails && failing >= 2 { Reply::Alert } else { Reply::Fine }
    }
}
