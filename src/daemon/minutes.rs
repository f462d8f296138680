//! Adds up each journey's seconds into minutes for the history.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::board::{ScoreNow, Spent};
use crate::model::{JourneyId, Loss, LostTo};
use crate::store::ScorePoint;

/// A longer pause was not watched: the daemon stood still.
const WATCHED_SECONDS_MAX: f64 = 10.0;

#[derive(Debug, Default)]
struct Sum {
    seconds: f64,
    score: f64,
    felt: f64,
    observed: f64,
    lost: f64,
    unobserved: f64,
    planned: f64,
    losses: BTreeMap<LostTo, f64>,
}

#[derive(Debug)]
pub(super) struct Minutes {
    minute: i64,
    last: Timestamp,
    sums: BTreeMap<JourneyId, Sum>,
}

impl Minutes {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { minute: minute_of(now), last: now, sums: BTreeMap::new() }
    }

    /// Adds the time since the last call at the present standing; the minute before, once it is over.
    /// `planned` are the journeys at which work is under way as planned.
    pub(super) fn add(
        &mut self,
        standings: &[ScoreNow],
        planned: &BTreeSet<JourneyId>,
        now: Timestamp,
    ) -> Vec<ScorePoint> {
        let elapsed = now.duration_since(self.last).as_secs_f64().max(0.0);
        self.last = now;
        let watched = elapsed.min(WATCHED_SECONDS_MAX);
        let finished = if minute_of(now) == self.minute { Vec::new() } else { self.finish(minute_of(now)) };
        for standing in standings {
            let sum = self.sums.entry(standing.journey.clone()).or_default();
            sum.observed += watched * standing.observed;
            sum.unobserved += elapsed - watched;
            sum.planned += if planned.contains(&standing.journey) { elapsed } else { 0.0 };
            if let (Some(score), Some(felt)) = (standing.score, standing.felt) {
                sum.seconds += watched;
                sum.score += watched * score;
                sum.felt += watched * felt;
                // Rounding can take a whole score a little above 1.
                sum.lost += watched * (1.0 - score).max(0.0);
                for (to, share) in &standing.losses {
                    *sum.losses.entry(to.clone()).or_default() += watched * share;
                }
            } else {
                sum.unobserved += watched;
            }
        }
        finished
    }

    fn finish(&mut self, next: i64) -> Vec<ScorePoint> {
        let at = Timestamp::from_second(self.minute * 60).unwrap_or(self.last);
        self.minute = next;
        std::mem::take(&mut self.sums)
            .into_iter()
            .map(|(journey, sum)| {
                let mean = |total: f64| (sum.seconds > 0.0).then(|| 100.0 * total / sum.seconds);
                ScorePoint {
                    journey,
                    at,
                    score: mean(sum.score),
                    felt: mean(sum.felt),
                    observed: (sum.observed / (sum.seconds + sum.unobserved).max(f64::MIN_POSITIVE)).min(1.0),
                    lost_minutes: sum.lost / 60.0,
                    unobserved_minutes: sum.unobserved / 60.0,
                    planned_minutes: (sum.planned / 60.0).min(1.0),
                    scored_minutes: if sum.seconds > 0.0 { 1.0 } else { 0.0 },
                    losses: sum.losses.into_iter().map(|(to, lost)| Loss { to, minutes: lost / 60.0 }).collect(),
                }
            })
            .collect()
    }
}

/// What a journey lost of a minute. One that was mostly not watched says nothing.
pub(super) fn spent(point: &ScorePoint) -> Option<Spent> {
    let watched = point.unobserved_minutes < 0.5;
    watched.then(|| Spent { journey: point.journey.clone(), minute: minute_of(point.at), lost: point.lost_minutes })
}

pub(super) fn minute_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(score: Option<f64>) -> Vec<ScoreNow> {
        let shop = LostTo::Stage("all".into(), "shop".into());
        let losses = score.filter(|score| *score < 1.0).map(|score| (shop, 1.0 - score));
        vec![ScoreNow {
            journey: "buy".into(),
            score,
            felt: score,
            observed: 1.0,
            losses: losses.into_iter().collect(),
        }]
    }

    #[test]
    fn a_minute_holds_what_was_lost_and_what_was_not_watched() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut minutes = Minutes::new(at(0));
        for second in 1..=30 {
            assert!(minutes.add(&standing(Some(0.5)), &BTreeSet::new(), at(second)).is_empty());
        }
        for second in 31..60 {
            minutes.add(&standing(None), &BTreeSet::new(), at(second));
        }
        let points = minutes.add(&standing(Some(1.0)), &BTreeSet::new(), at(60));
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].score, Some(50.0));
        assert!((points[0].lost_minutes - 0.25).abs() < 1e-9);
        let [loss] = points[0].losses.as_slice() else { panic!("{points:?}") };
        assert!((loss.minutes - 0.25).abs() < 1e-9, "{loss:?}");
        assert!((points[0].unobserved_minutes - 29.0 / 60.0).abs() < 1e-9);
    }

    #[test]
    fn who_scores_all_there_is_has_lost_nothing() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut minutes = Minutes::new(at(0));
        minutes.add(&standing(Some(1.0 + f64::EPSILON)), &BTreeSet::new(), at(9));
        let points = minutes.add(&standing(Some(1.0)), &BTreeSet::new(), at(60));
        assert!(points[0].lost_minutes == 0.0 && points[0].lost_minutes.is_sign_positive(), "{points:?}");
    }

    #[test]
    fn a_standstill_is_not_watched() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut minutes = Minutes::new(at(0));
        minutes.add(&standing(Some(1.0)), &BTreeSet::new(), at(3600));
        let points = minutes.add(&standing(Some(1.0)), &BTreeSet::new(), at(3660));
        assert!(points[0].unobserved_minutes > 59.0, "{points:?}");
    }
}
