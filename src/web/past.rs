//! A journey as far back as somebody wants to look, read at most twice a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::routes::Shared;
use crate::model::JourneyId;
use crate::store::ScorePoint;

/// Many look at once; the past changes slowly.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(30);
/// Journeys and ranges remembered: a year is some twenty kilobytes.
const REMEMBERED_MAX: usize = 512;
const HOUR: u64 = 3600;

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Range {
    #[default]
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Range {
    pub(super) const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// As an address writes it: `7d`.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "1y",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.key() == text)
    }

    /// The length of a slot: a chart has one to four hundred.
    const fn step(self) -> Duration {
        match self {
            Self::Day => Duration::from_secs(HOUR / 4),
            Self::Week => Duration::from_secs(HOUR),
            Self::Month => Duration::from_secs(4 * HOUR),
            Self::Quarter => Duration::from_secs(12 * HOUR),
            Self::Year => Duration::from_secs(24 * HOUR),
        }
    }

    const fn slots(self) -> usize {
        match self {
            Self::Day => 96,
            Self::Week => 168,
            Self::Month | Self::Quarter => 180,
            Self::Year => 366,
        }
    }
}

/// What is known of a slot's time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Slot {
    /// The mean over what was seen of it, points.
    pub(super) score: Option<f64>,
    pub(super) lost_minutes: f64,
    /// What was seen of it.
    pub(super) seen_minutes: f64,
    /// Of the time that has passed of it, 0..=1.
    pub(super) unseen: f64,
    /// The same of planned work.
    pub(super) planned: f64,
}

/// Slots, oldest first; the last one has begun and may not be over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Past {
    pub(super) range: Range,
    pub(super) from: Timestamp,
    /// Where the last slot ends.
    pub(super) to: Timestamp,
    /// When it was read: minutes that end later are not in it yet.
    pub(super) read: Timestamp,
    pub(super) step: Duration,
    pub(super) slots: Vec<Slot>,
}

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct Pasts(Mutex<HashMap<(JourneyId, Range), Arc<Past>>>);

impl Shared {
    /// The journey so far back. A store that refuses leaves it unwatched: the page does without.
    pub(super) async fn past(&self, journey: &JourneyId, range: Range) -> Arc<Past> {
        let now = self.site.clock.now();
        let key = (journey.clone(), range);
        if let Some(past) = self.pasts.fresh(&key, now) {
            return past;
        }
        let from = Past::first(range, now);
        let points = self.site.store.scores(journey, from, now, range.step()).await.unwrap_or_else(|error| {
            self.unread("A journey's history", &crate::words::chain(&error));
            Vec::new()
        });
        let mut past = Past::of(&points, range, now);
        // The running slot has no point yet when it has just begun.
        if let Some(slot @ Slot { score: None, .. }) = past.slots.last_mut() {
            slot.score = self.snapshot().journey(journey).and_then(|now| now.score).map(crate::model::Score::points);
        }
        let past = Arc::new(past);
        self.pasts.keep(key, &past);
        past
    }
}

impl Pasts {
    fn fresh(&self, key: &(JourneyId, Range), now: Timestamp) -> Option<Arc<Past>> {
        let pasts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let past = pasts.get(key)?;
        (now.duration_since(past.read).abs() < FRESH_FOR).then(|| Arc::clone(past))
    }

    fn keep(&self, key: (JourneyId, Range), past: &Arc<Past>) {
        let mut pasts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pasts.len() >= REMEMBERED_MAX {
            pasts.clear();
        }
        pasts.insert(key, Arc::clone(past));
    }
}

/// The minutes of all points together. Of none `sum` makes -0.0, which is nothing to show to anybody.
pub(super) fn total(points: &[ScorePoint], minutes: impl Fn(&ScorePoint) -> f64) -> f64 {
    points.iter().fold(0.0, |sum, point| sum + minutes(point))
}

impl Past {
    /// Where the first slot begins: on whole steps, so that coarse rows fill them.
    fn first(range: Range, now: Timestamp) -> Timestamp {
        let step = range.step().as_secs().cast_signed();
        let last = now.as_second().div_euclid(step) * step;
        Timestamp::from_second(last - step * (range.slots().cast_signed() as i64 - 1)).unwrap_or(now)
    }

    pub(super) fn of(points: &[ScorePoint], range: Range, now: Timestamp) -> Self {
        let (from, step) = (Self::first(range, now), range.step());
        let seconds = step.as_secs().cast_signed();
        let mut slots = vec![Slot { unseen: 1.0, ..Slot::default() }; range.slots()];
        for point in points {
            let place = point.at.duration_since(from).as_secs().div_euclid(seconds);
            let slot = usize::try_from(place).ok().and_then(|place| slots.get_mut(place));
            let Some(slot) = slot else { continue };
            let passed = (now.duration_since(point.at).as_secs_f64() / 60.0).min(step.as_secs_f64() / 60.0);
            // The minute that is under way is written when it is over: nobody missed it.
            let unseen = passed - point.scored_minutes;
            let share = |minutes: f64| if passed > 0.0 { (minutes / passed).clamp(0.0, 1.0) } else { 0.0 };
            *slot = Slot {
                score: point.score,
                lost_minutes: point.lost_minutes,
                seen_minutes: point.scored_minutes,
                unseen: if unseen <= UNDER_WAY_MINUTES { 0.0 } else { share(unseen) },
                planned: share(point.planned_minutes),
            };
        }
        if let Some(last) = slots.last_mut()
            && last.score.is_none()
            && now.duration_since(from).as_secs() - seconds * (range.slots().cast_signed() as i64 - 1)
                < UNDER_WAY_MINUTES as i64 * 60
        {
            last.unseen = 0.0;
        }
        let to =
            from.saturating_add(SignedDuration::from_secs(seconds * range.slots().cast_signed() as i64)).unwrap_or(now);
        Self { range, from, to, read: now, step, slots }
    }

    pub(super) fn lost_minutes(&self) -> f64 {
        self.slots.iter().fold(0.0, |sum, slot| sum + slot.lost_minutes)
    }

    /// Of the time so far.
    pub(super) fn unseen_minutes(&self) -> f64 {
        let passed = |place: usize| {
            let begun = self.from.as_second() + self.step.as_secs().cast_signed() * place.cast_signed() as i64;
            ((self.read.as_second() - begun) as f64 / 60.0).clamp(0.0, self.step.as_secs_f64() / 60.0)
        };
        self.slots.iter().enumerate().fold(0.0, |sum, (place, slot)| sum + slot.unseen * passed(place))
    }

    /// When a slot begins.
    pub(super) fn begins(&self, place: usize) -> Timestamp {
        let offset = SignedDuration::from_secs(self.step.as_secs().cast_signed() * place.cast_signed() as i64);
        self.from.saturating_add(offset).unwrap_or(self.to)
    }

    /// Where a moment lies between the first slot's beginning and the last one's end, 0..=1.
    pub(super) fn place(&self, at: Timestamp) -> f64 {
        let whole = self.to.duration_since(self.from).as_secs_f64();
        (at.duration_since(self.from).as_secs_f64() / whole).clamp(0.0, 1.0)
    }
}

/// So much may be missing at the end of what was read.
const UNDER_WAY_MINUTES: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T09:07:30Z".parse().expect("a time")
    }

    fn point(at: &str, score: f64, scored: f64) -> ScorePoint {
        ScorePoint {
            journey: "buy".into(),
            at: at.parse().expect("a time"),
            score: Some(score),
            felt: Some(score),
            observed: 1.0,
            lost_minutes: (1.0 - score / 100.0) * scored,
            unobserved_minutes: 0.0,
            planned_minutes: 0.0,
            scored_minutes: scored,
            losses: Vec::new(),
        }
    }

    #[test]
    fn every_range_ends_now_and_is_as_long_as_it_says() {
        for (range, days) in Range::ALL.into_iter().zip([1, 7, 30, 90, 366]) {
            let past = Past::of(&[], range, now());
            assert_eq!(past.to.duration_since(past.from), SignedDuration::from_hours(24 * days), "{range:?}");
            assert!(past.to > now() && past.begins(past.slots.len() - 1) <= now(), "{range:?}");
            assert_eq!(Range::parse(range.key()), Some(range));
            assert!(past.lost_minutes().is_sign_positive(), "nothing was lost");
        }
        assert_eq!(Range::parse("2w"), None);
    }

    #[test]
    fn what_nobody_saw_is_unseen_and_what_is_under_way_is_not() {
        // The daemon began at 22:00; the day before says nothing, the running slot is as good as seen.
        let points = [
            point("2026-11-21T09:00:00Z", 50.0, 6.0),
            point("2026-11-21T08:45:00Z", 100.0, 15.0),
            point("2026-11-21T08:30:00Z", 100.0, 5.0),
        ];
        let past = Past::of(&points, Range::Day, now());
        let [.., partly, whole, running] = past.slots.as_slice() else { panic!("slots") };
        assert!((partly.unseen - 2.0 / 3.0).abs() < 1e-9, "{partly:?}");
        assert_eq!((whole.unseen, running.unseen, past.slots[0].unseen), (0.0, 0.0, 1.0));
        assert!((past.lost_minutes() - 3.0).abs() < 1e-9);
        assert!((past.unseen_minutes() - (93.0 * 15.0 + 10.0)).abs() < 1e-6, "{}", past.unseen_minutes());
        assert!((past.place(now()) - (1.0 - 7.5 / 1440.0)).abs() < 1e-9);
    }
}
