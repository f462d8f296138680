//! A journey's scores over time, from minutes, hours and days.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::{Row, SqlitePool};

use super::decide::time;
use super::record::{DAY, HOUR, MINUTE};
use super::tidy::{DAY_MS, HOUR_MS};
use crate::model::JourneyId;
use crate::store::ScorePoint;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// A window of rows of one span: from, before.
type Window = (i64, i64, i64);

pub(super) async fn read(
    pool: &SqlitePool,
    journey: &JourneyId,
    from: Timestamp,
    to: Timestamp,
    step: Duration,
) -> Result<Vec<ScorePoint>> {
    let word =
        sqlx::query("SELECT id FROM word WHERE text = $1").bind(journey.to_string()).fetch_optional(pool).await?;
    let Some(word) = word else { return Ok(Vec::new()) };
    let number: i64 = word.get(0);
    let step = i64::try_from(step.as_millis()).unwrap_or(DAY_MS).max(60_000);
    // Whole buckets: a coarse row lies where its bucket begins.
    let from = from.as_millisecond().div_euclid(step) * step;
    let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
    for (span, from, to) in windows(pool, number, from, to.as_millisecond(), step).await? {
        let rows = sqlx::query(
            "SELECT at, score, felt, observed, lost_minutes, unobserved_minutes, minutes, scored, planned_minutes FROM score
             WHERE journey = $1 AND span = $2 AND at >= $3 AND at < $4 ORDER BY at",
        )
        .bind(number)
        .bind(span)
        .bind(from)
        .bind(to)
        .fetch_all(pool)
        .await?;
        for row in &rows {
            let bucket = buckets.entry(row.get::<i64, _>(0).div_euclid(step) * step).or_default();
            let (minutes, scored) = (row.get::<i64, _>(6) as f64, row.get::<i64, _>(7) as f64);
            bucket.score.add(row.get(1), scored);
            bucket.felt.add(row.get(2), scored);
            bucket.observed.add(Some(row.get(3)), minutes);
            bucket.lost += row.get::<f64, _>(4);
            bucket.unobserved += row.get::<f64, _>(5);
            bucket.planned += row.get::<f64, _>(8);
        }
    }
    Ok(buckets
        .into_iter()
        .map(|(at, bucket)| ScorePoint {
            journey: journey.clone(),
            at: time(at),
            score: bucket.score.value(),
            felt: bucket.felt.value(),
            observed: bucket.observed.value().unwrap_or(0.0),
            lost_minutes: bucket.lost,
            unobserved_minutes: bucket.unobserved,
            planned_minutes: bucket.planned,
        })
        .collect())
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
    Ok(vec![
        (DAY, from, to.min(hours_from)),
        (HOUR, from.max(hours_from), to.min(minutes_from)),
        (MINUTE, from.max(minutes_from), to),
    ])
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

/// A mean over time, of what there is.
#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>, minutes: f64) {
        if let Some(value) = value {
            self.sum += value * minutes;
            self.weight += minutes;
        }
    }

    fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}
