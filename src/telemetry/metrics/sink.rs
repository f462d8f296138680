//! Where series go: a text for who scrapes, messages for who is sent them.

use std::collections::BTreeMap;

use super::catalogue::{Family, LEFT_OUT};
use crate::telemetry::histogram::Histogram;

/// Series of one family; a histogram counts as one. Ten thousand probes from five vantages fit.
pub const SERIES_MAX: usize = 50_000;

/// A value, as exact as it was counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::telemetry) enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(whole: u64) -> Self {
        Self::Whole(whole)
    }
}

impl From<usize> for Number {
    fn from(whole: usize) -> Self {
        Self::Whole(whole as u64)
    }
}

impl From<bool> for Number {
    fn from(flag: bool) -> Self {
        Self::Whole(u64::from(flag))
    }
}

impl From<f64> for Number {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

/// One way to write series. Each family is begun once; what follows is of it. Label values stand in the family's order.
pub(in crate::telemetry) trait Sink {
    fn family(&mut self, family: &'static Family);
    fn number(&mut self, labels: &[&str], number: Number);
    fn histogram(&mut self, labels: &[&str], histogram: &Histogram);
}

/// Writes into a sink, no more of a family than is good for whoever stores it; what is left out is counted.
///
/// All labels come from the configuration, so the first ones are the same every time: nothing comes and goes.
#[derive(Debug)]
pub(in crate::telemetry) struct Series<S> {
    pub(in crate::telemetry) sink: S,
    max: usize,
    family: Option<&'static Family>,
    written: usize,
    left_out: BTreeMap<&'static str, u64>,
}

impl<S: Sink> Series<S> {
    pub(in crate::telemetry) fn new(sink: S) -> Self {
        Self { sink, max: SERIES_MAX, family: None, written: 0, left_out: BTreeMap::new() }
    }

    pub(super) fn family(&mut self, family: &'static Family) {
        (self.family, self.written) = (Some(family), 0);
        self.sink.family(family);
    }

    pub(super) fn number(&mut self, labels: &[&str], number: impl Into<Number>) {
        if self.fits(labels) {
            self.sink.number(labels, number.into());
        }
    }

    pub(super) fn histogram(&mut self, labels: &[&str], histogram: &Histogram) {
        if self.fits(labels) {
            self.sink.histogram(labels, histogram);
        }
    }

    /// The last family: what the others lack.
    pub(super) fn write_left_out(&mut self) {
        self.family(LEFT_OUT);
        for (family, count) in std::mem::take(&mut self.left_out) {
            self.sink.number(&[family], count.into());
        }
    }

    fn fits(&mut self, labels: &[&str]) -> bool {
        let Some(family) = self.family else { return false };
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        self.written += 1;
        if self.written > self.max {
            *self.left_out.entry(family.name).or_default() += 1;
        }
        self.written <= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::{DUE, SCORE};
    use super::*;

    /// Remembers what was written.
    #[derive(Debug, Default)]
    struct Lines(Vec<String>);

    impl Sink for Lines {
        fn family(&mut self, family: &'static Family) {
            self.0.push(family.name.to_owned());
        }

        fn number(&mut self, labels: &[&str], number: Number) {
            self.0.push(format!("{labels:?} {number:?}"));
        }

        fn histogram(&mut self, _: &[&str], _: &Histogram) {}
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let mut series = Series { max: 2, ..Series::new(Lines::default()) };
        series.family(SCORE);
        for journey in ["a", "b", "c", "d"] {
            series.number(&[journey], 1.5);
        }
        series.family(DUE);
        series.number(&[], 3_u64);
        series.write_left_out();
        let expected = [
            SCORE.name,
            r#"["a"] Real(1.5)"#,
            r#"["b"] Real(1.5)"#,
            DUE.name,
            "[] Whole(3)",
            LEFT_OUT.name,
            r#"["unbroken_journey_score"] Whole(2)"#,
        ];
        assert_eq!(series.sink.0, expected);
    }
}
