//! A journey's last day, read at most twice a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::routes::Shared;
use crate::model::JourneyId;
use crate::store::ScorePoint;

/// A slot of the day's chart.
const STEP: Duration = Duration::from_mins(15);
const SLOTS: usize = 96;
/// Many look at once; the day changes slowly.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(30);
/// Journeys remembered; a map has a handful.
const REMEMBERED_MAX: usize = 1024;

/// A day in slots, oldest first; `None` where nobody looked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Day {
    pub(super) from: Timestamp,
    /// When it was read: minutes that end later are not in it yet.
    pub(super) read: Timestamp,
    pub(super) step: Duration,
    pub(super) slots: Vec<Option<f64>>,
    /// In which of them work was under way as planned.
    pub(super) planned: Vec<bool>,
    pub(super) lost_minutes: f64,
    pub(super) unobserved_minutes: f64,
}

/// The days that were read last.
#[derive(Debug, Default)]
pub(super) struct Days(Mutex<HashMap<JourneyId, (Timestamp, Arc<Day>)>>);

impl Shared {
    /// The journey's last 24 hours. A store that refuses leaves them unwatched: the page does without.
    pub(super) async fn day(&self, journey: &JourneyId) -> Arc<Day> {
        let now = self.site.clock.now();
        if let Some(day) = self.days.fresh(journey, now) {
            return day;
        }
        let from = first_slot(now);
        let points = self.site.store.scores(journey, from, now, STEP).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "A journey's history cannot be read");
            Vec::new()
        });
        let mut day = Day::of(&points, from, now);
        // The running quarter of an hour has no point yet when it has just begun.
        if let Some(slot @ None) = day.slots.last_mut() {
            *slot = self.snapshot().journey(journey).and_then(|now| now.score).map(crate::model::Score::points);
        }
        let day = Arc::new(day);
        self.days.keep(journey, now, &day);
        day
    }
}

impl Days {
    fn fresh(&self, journey: &JourneyId, now: Timestamp) -> Option<Arc<Day>> {
        let days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, day) = days.get(journey)?;
        (now.duration_since(*read).abs() < FRESH_FOR).then(|| Arc::clone(day))
    }

    fn keep(&self, journey: &JourneyId, now: Timestamp, day: &Arc<Day>) {
        let mut days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if days.len() >= REMEMBERED_MAX {
            days.clear();
        }
        days.insert(journey.clone(), (now, Arc::clone(day)));
    }
}

/// The minutes of all points together. Of none `sum` makes -0.0, which is nothing to show to anybody.
pub(super) fn total(points: &[ScorePoint], minutes: impl Fn(&ScorePoint) -> f64) -> f64 {
    points.iter().fold(0.0, |sum, point| sum + minutes(point))
}

fn first_slot(now: Timestamp) -> Timestamp {
    let step = STEP.as_secs().cast_signed();
    let last = now.as_second().div_euclid(step) * step;
    Timestamp::from_second(last - step * (SLOTS.cast_signed() as i64 - 1)).unwrap_or(now)
}

impl Day {
    fn of(points: &[ScorePoint], from: Timestamp, read: Timestamp) -> Self {
        let (mut slots, mut planned) = (vec![None; SLOTS], vec![false; SLOTS]);
        for point in points {
            let place = point.at.duration_since(from).as_secs().div_euclid(STEP.as_secs().cast_signed());
            let Ok(place) = usize::try_from(place) else { continue };
            if let (Some(slot), Some(planned)) = (slots.get_mut(place), planned.get_mut(place)) {
                (*slot, *planned) = (point.score, point.planned_minutes > 0.0);
            }
        }
        Self {
            from,
            read,
            step: STEP,
            slots,
            planned,
            lost_minutes: total(points, |point| point.lost_minutes),
            unobserved_minutes: total(points, |point| point.unobserved_minutes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_points_has_lost_nothing() {
        let day = Day::of(&[], Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        assert!(day.lost_minutes.is_sign_positive() && day.unobserved_minutes.is_sign_positive(), "{day:?}");
    }
}
