//! How a journey does against the same time of day yesterday and a week ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use schemars::JsonSchema;
use serde::Serialize;

use super::routes::Shared;
use crate::model::{JourneyId, JourneyNow, Score};
use crate::store::Refused;

/// Then is the hour around that time: a single minute has moods.
const AROUND: SignedDuration = SignedDuration::from_mins(30);
/// Of which so many minutes must have been seen.
const SEEN_MINUTES: f64 = 30.0;
/// What was then changes only because now moves on.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);
const REMEMBERED_MAX: usize = 1024;

/// Against the same time of day; each is none where too little was seen then, or is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(super) struct Trend {
    pub(super) yesterday: Option<Against>,
    pub(super) last_week: Option<Against>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct Against {
    /// The mean over the hour around that time, points.
    pub(super) score: f64,
    /// What has come to it since.
    pub(super) change: f64,
}

/// What was then, of each journey: when that was read, yesterday's mean, last week's.
#[derive(Debug, Default)]
pub(super) struct Thens(Mutex<HashMap<JourneyId, Then>>);

#[derive(Clone, Copy, Debug)]
struct Then {
    read: Timestamp,
    yesterday: Option<f64>,
    last_week: Option<f64>,
}

impl Shared {
    /// The journey's trend; nothing is known where the store refuses.
    pub(super) async fn trend(&self, journey: &JourneyNow) -> Trend {
        let now = self.site.clock.now();
        let Some(score) = journey.score.map(Score::points) else { return Trend::default() };
        let then = match self.thens.fresh(&journey.id, now) {
            Some(then) => then,
            None => match self.then(&journey.id, now).await {
                Ok(then) => self.thens.keep(&journey.id, then),
                Err(error) => {
                    self.unread("A journey's trend", &crate::words::chain(&error));
                    return Trend::default();
                }
            },
        };
        let against = |then: Option<f64>| then.map(|then| Against { score: tenth(then), change: tenth(score - then) });
        Trend { yesterday: against(then.yesterday), last_week: against(then.last_week) }
    }

    async fn then(&self, journey: &JourneyId, now: Timestamp) -> Result<Then, Refused> {
        let wall = now.to_zoned(self.snapshot().map.timezone.clone());
        let mean = async |days: i32| {
            let Some(at) = same_time(&wall, days) else { return Ok(None) };
            let (from, to) = (at.saturating_sub(AROUND).unwrap_or(at), at.saturating_add(AROUND).unwrap_or(at));
            let hour = self.site.store.stretch(journey, from, to).await?;
            Ok::<_, Refused>(hour.score.filter(|_| hour.scored_minutes >= SEEN_MINUTES))
        };
        Ok(Then { read: now, yesterday: mean(1).await?, last_week: mean(7).await? })
    }
}

impl Thens {
    fn fresh(&self, journey: &JourneyId, now: Timestamp) -> Option<Then> {
        let thens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let then = thens.get(journey)?;
        (now.duration_since(then.read).abs() < FRESH_FOR).then_some(*then)
    }

    fn keep(&self, journey: &JourneyId, then: Then) -> Then {
        let mut thens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if thens.len() >= REMEMBERED_MAX {
            thens.clear();
        }
        thens.insert(journey.clone(), then);
        then
    }
}

/// When the clock on the wall showed the same, so many days ago: people's days may be longer or shorter than 24 hours.
fn same_time(wall: &Zoned, days: i32) -> Option<Timestamp> {
    wall.checked_sub(days.days()).ok().map(|then| then.timestamp())
}

fn tenth(points: f64) -> f64 {
    (points * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yesterday_is_the_same_time_on_the_wall() {
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("a known zone");
        let then = |now: &str, days: i32| {
            let now: Timestamp = now.parse().expect("a time");
            same_time(&now.to_zoned(zone.clone()), days).map(|at| at.to_string())
        };
        assert_eq!(then("2026-11-21T09:00:00Z", 1).as_deref(), Some("2026-11-20T09:00:00Z"));
        // Clocks went back on the 25th: ten o'clock was an hour earlier before.
        assert_eq!(then("2026-10-25T09:00:00Z", 1).as_deref(), Some("2026-10-24T08:00:00Z"));
        assert_eq!(then("2026-10-29T09:00:00Z", 7).as_deref(), Some("2026-10-22T08:00:00Z"));
    }
}
