//! A journey's scores over time, from minutes, hours and days. SQLite adds up: a row costs it a tenth of what it costs
//! to hand it over.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlitePool};

use super::decide::time;
use super::record::{DAY, HOUR, MINUTE};
use super::tidy::{DAY_MS, HOUR_MS};
use crate::model::JourneyId;
use crate::store::{ScorePoint, Stretch};

type Result<T> = std::result::Result<T, sqlx::Error>;

const MINUTE_MS: i64 = 60_000;

/// A window of rows of one span: span, from, before.
type Window = (i64, i64, i64);

pub(super) async fn read(
    pool: &SqlitePool,
    journey: &JourneyId,
    from: Timestamp,
    to: Timestamp,
    step: Duration,
) -> Result<Vec<ScorePoint>> {
    let step = i64::try_from(step.as_millis()).unwrap_or(DAY_MS).max(MINUTE_MS);
    // Whole buckets: a coarse row lies where its bucket begins.
    let from = from.as_millisecond().div_euclid(step) * step;
    let buckets = buckets(pool, journey, from, to.as_millisecond(), step).await?;
    let point = |(at, bucket): (i64, Bucket)| ScorePoint {
        journey: journey.clone(),
        at: time(at),
        score: bucket.score.value(),
        felt: bucket.felt.value(),
        observed: bucket.observed.value().unwrap_or(0.0),
        lost_minutes: bucket.lost,
        unobserved_minutes: bucket.unobserved,
        planned_minutes: bucket.planned,
        scored_minutes: bucket.score.weight,
        losses: Vec::new(),
    };
    Ok(buckets.into_iter().map(point).collect())
}

/// Beyond it, minutes at the edges say nothing of the whole, and hours are sixty times as few.
const BY_THE_MINUTE_MS: i64 = 2 * DAY_MS;

/// All of a length of time together: by the minute if it is short, and as far back as minutes go.
pub(super) async fn stretch(pool: &SqlitePool, journey: &JourneyId, from: Timestamp, to: Timestamp) -> Result<Stretch> {
    let length = to.as_millisecond() - from.as_millisecond();
    let step = if length > BY_THE_MINUTE_MS { HOUR_MS } else { MINUTE_MS };
    let whole = |at: Timestamp| at.as_millisecond().div_euclid(step) * step;
    let (from, to) = (whole(from), whole(to));
    let number = number(pool, journey).await?;
    let Some(number) = number else { return Ok(Stretch::default()) };
    let mut all = Bucket::default();
    for window in windows(pool, number, from, to, step).await? {
        // One bucket as long as all of time.
        for (_, bucket) in rows(pool, number, window, i64::MAX).await? {
            all.add(&bucket);
        }
    }
    Ok(Stretch {
        score: all.score.value(),
        felt: all.felt.value(),
        lost_minutes: all.lost,
        planned_minutes: all.planned,
        scored_minutes: all.score.weight,
    })
}

async fn number(pool: &SqlitePool, journey: &JourneyId) -> Result<Option<i64>> {
    let word = sqlx::query("SELECT id FROM word WHERE text = $1").bind(journey.to_string());
    Ok(word.fetch_optional(pool).await?.map(|row| row.get(0)))
}

async fn buckets(
    pool: &SqlitePool,
    journey: &JourneyId,
    from: i64,
    to: i64,
    step: i64,
) -> Result<BTreeMap<i64, Bucket>> {
    let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
    let Some(number) = number(pool, journey).await? else { return Ok(buckets) };
    for window in windows(pool, number, from, to, step).await? {
        for (at, bucket) in rows(pool, number, window, step).await? {
            buckets.entry(at).or_default().add(&bucket);
        }
    }
    Ok(buckets)
}

async fn rows(pool: &SqlitePool, journey: i64, (span, from, to): Window, step: i64) -> Result<Vec<(i64, Bucket)>> {
    let rows = sqlx::query(
        "SELECT at / $5 * $5, SUM(score * scored), SUM(felt * scored),
                SUM(CASE WHEN score IS NULL THEN 0 ELSE scored END),
                SUM(CASE WHEN felt IS NULL THEN 0 ELSE scored END), SUM(observed * minutes), SUM(minutes),
                SUM(lost_minutes), SUM(unobserved_minutes), SUM(planned_minutes)
         FROM score WHERE journey = $1 AND span = $2 AND at >= $3 AND at < $4 GROUP BY 1",
    )
    .bind(journey)
    .bind(span)
    .bind(from)
    .bind(to)
    .bind(step)
    .fetch_all(pool)
    .await?;
    Ok(rows.iter().map(|row| (row.get(0), Bucket::of(row))).collect())
}

/// Which rows answer the question without counting any time twice: coarse ones where that is enough, or all there is.
async fn windows(pool: &SqlitePool, journey: i64, from: i64, to: i64, step: i64) -> Result<Vec<Window>> {
    let row = sqlx::query(
        "SELECT (SELECT MIN(at) FROM score WHERE journey = $1 AND span = 1),
                (SELECT MIN(at) FROM score WHERE journey = $1 AND span = 2),
                (SELECT value FROM meta WHERE key = 'score_hours'),
                (SELECT value FROM meta WHERE key = 'score_days')",
    )
    .bind(journey)
    .fetch_one(pool)
    .await?;
    let get = |column: usize| row.get::<Option<i64>, _>(column);
    // Minutes may begin in the middle of an hour; before its end the hour's row is not used, nor the day's likewise.
    let first_minute = get(0).map_or(i64::MAX, |at| at.div_euclid(HOUR_MS) * HOUR_MS);
    let first_hour = get(1).map_or(i64::MAX, |at| at.div_euclid(DAY_MS) * DAY_MS);
    let (rolled_hours, rolled_days) = (get(2).unwrap_or(i64::MIN), get(3).unwrap_or(i64::MIN));
    let minutes_from = if step % HOUR_MS == 0 { rolled_hours } else { first_minute.min(rolled_hours) };
    let hours_from = if step % DAY_MS == 0 { rolled_days } else { first_hour.min(rolled_days) };
    let windows = [
        (DAY, from, to.min(hours_from)),
        (HOUR, from.max(hours_from), to.min(minutes_from)),
        (MINUTE, from.max(minutes_from), to),
    ];
    Ok(windows.into_iter().filter(|(_, from, to)| from < to).collect())
}

#[derive(Default)]
struct Bucket {
    score: Mean,
    felt: Mean,
    observed: Mean,
    lost: f64,
    unobserved: f64,
    planned: f64,
}

impl Bucket {
    fn of(row: &SqliteRow) -> Self {
        let get = |column: usize| row.get::<Option<f64>, _>(column).unwrap_or(0.0);
        let weight = |column: usize| row.get::<Option<i64>, _>(column).unwrap_or(0) as f64;
        Self {
            score: Mean { sum: get(1), weight: weight(3) },
            felt: Mean { sum: get(2), weight: weight(4) },
            observed: Mean { sum: get(5), weight: weight(6) },
            lost: get(7),
            unobserved: get(8),
            planned: get(9),
        }
    }

    fn add(&mut self, other: &Self) {
        self.score.add(&other.score);
        self.felt.add(&other.felt);
        self.observed.add(&other.observed);
        self.lost += other.lost;
        self.unobserved += other.unobserved;
        self.planned += other.planned;
    }
}

/// A mean over minutes.
#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, other: &Self) {
        self.sum += other.sum;
        self.weight += other.weight;
    }

    fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}
