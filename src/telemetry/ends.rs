//! What a collector was told of, so that it hears of its end: whoever pushes into a store shows the last value for minutes
//! more, unless a last point says that there is none.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Stands between the values of labels.
const BETWEEN: char = '\0';

/// The series of the newest round that was made for one collector.
#[derive(Debug, Default)]
pub struct Ends(Mutex<HashSet<Told>>);

/// What its points are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shape {
    Number,
    Fixed,
    Exponential,
}

/// A series; small, for ten thousand probes have a hundred thousand of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Told {
    pub(super) family: &'static str,
    pub(super) shape: Shape,
    labels: Box<str>,
}

impl Told {
    pub(super) fn new(family: &'static str, shape: Shape, labels: &[&str]) -> Self {
        let mut joined = String::new();
        for label in labels {
            joined.push_str(label);
            joined.push(BETWEEN);
        }
        Self { family, shape, labels: joined.into() }
    }

    pub(super) fn labels(&self) -> Vec<&str> {
        self.labels.split_terminator(BETWEEN).collect()
    }
}

impl Ends {
    /// A round is over: what was told before and was not told now, family by family.
    pub(super) fn after(&self, round: HashSet<Told>) -> Vec<Told> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone: Vec<Told> = known.iter().filter(|told| !round.contains(*told)).cloned().collect();
        *known = round;
        drop(known);
        gone.sort_unstable();
        gone
    }
}
