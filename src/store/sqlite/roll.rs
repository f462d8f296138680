//! Rolling up: runs into hours, hours into days; minutes of a score likewise.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection};

use super::look::malformed;
use super::record::{DAY, HOUR, MINUTE};
use super::tidy::{Chore, DAY_MS, HOUR_MS, SERIES_AT_ONCE};
use crate::store::brief::unpack;
use crate::store::rollup::Rollup;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// An hour is rolled up so long after its end: runs that began in it have ended and are written by then.
const ROLL_AFTER_MS: i64 = 15 * 60_000;

/// Rolls up the next hour that is over, for some series.
pub(super) async fn hours(connection: &mut SqliteConnection, after: i64, now: Timestamp) -> Result<Chore> {
    let done = Chore::Days { after: 0, now };
    let oldest = "SELECT MIN(id & 16777215) FROM block";
    let Some(hour) = mark(connection, "hours", oldest).await? else { return Ok(done) };
    if (hour + 1) * HOUR_MS + ROLL_AFTER_MS > now.as_millisecond() {
        return Ok(done);
    }
    let rows = sqlx::query(
        "SELECT s.id, b.data FROM series s CROSS JOIN block b ON b.id = (s.id << 24) | $1
         WHERE s.id > $2 AND s.id <= $2 + $3",
    )
    .bind(hour)
    .bind(after)
    .bind(SERIES_AT_ONCE)
    .fetch_all(&mut *connection)
    .await?;
    for row in &rows {
        let briefs = unpack(row.get(1)).map_err(malformed)?;
        put_rollup(connection, row.get(0), HOUR, hour * HOUR_MS, &Rollup::of(&briefs)).await?;
    }
    if after + SERIES_AT_ONCE < series_max(connection).await? {
        return Ok(Chore::Hours { after: after + SERIES_AT_ONCE, now });
    }
    set_mark(connection, "hours", hour + 1).await?;
    Ok(Chore::Hours { after: 0, now })
}

/// Rolls up the next day all of whose hours are, for some series.
pub(super) async fn days(connection: &mut SqliteConnection, after: i64, now: Timestamp) -> Result<Chore> {
    let done = Chore::Scores { now };
    let oldest = "SELECT MIN(at) / 86400000 FROM rollup WHERE span = 2";
    let Some(day) = mark(connection, "days", oldest).await? else { return Ok(done) };
    if mark(connection, "hours", "SELECT NULL").await?.is_none_or(|hours| hours < (day + 1) * 24) {
        return Ok(done);
    }
    let rows = sqlx::query(
        "SELECT s.id, r.data FROM series s CROSS JOIN rollup r
         ON r.series = s.id AND r.span = 2 AND r.at >= $1 AND r.at < $1 + 86400000
         WHERE s.id > $2 AND s.id <= $2 + $3",
    )
    .bind(day * DAY_MS)
    .bind(after)
    .bind(SERIES_AT_ONCE)
    .fetch_all(&mut *connection)
    .await?;
    let mut sums: BTreeMap<i64, Rollup> = BTreeMap::new();
    for row in &rows {
        sums.entry(row.get(0)).or_default().merge(&Rollup::unpack(row.get(1)).map_err(malformed)?);
    }
    for (series, rollup) in sums {
        put_rollup(connection, series, DAY, day * DAY_MS, &rollup).await?;
    }
    if after + SERIES_AT_ONCE < series_max(connection).await? {
        return Ok(Chore::Days { after: after + SERIES_AT_ONCE, now });
    }
    set_mark(connection, "days", day + 1).await?;
    Ok(Chore::Days { after: 0, now })
}

async fn put_rollup(connection: &mut SqliteConnection, series: i64, span: i64, at: i64, rollup: &Rollup) -> Result<()> {
    sqlx::query(
        "INSERT INTO rollup (series, span, at, data) VALUES ($1, $2, $3, $4)
         ON CONFLICT (series, span, at) DO UPDATE SET data = excluded.data",
    )
    .bind(series)
    .bind(span)
    .bind(at)
    .bind(rollup.pack())
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn series_max(connection: &mut SqliteConnection) -> Result<i64> {
    let row = sqlx::query("SELECT COALESCE(MAX(id), 0) FROM series").fetch_one(connection).await?;
    Ok(row.get(0))
}

/// How far something is done; where it has to begin, if it never was; none if there is nothing to do.
async fn mark(connection: &mut SqliteConnection, key: &str, oldest: &'static str) -> Result<Option<i64>> {
    let row = sqlx::query("SELECT value FROM meta WHERE key = $1").bind(key.to_owned());
    if let Some(row) = row.fetch_optional(&mut *connection).await? {
        return Ok(Some(row.get(0)));
    }
    Ok(sqlx::query(oldest).fetch_one(connection).await?.get(0))
}

async fn set_mark(connection: &mut SqliteConnection, key: &str, value: i64) -> Result<()> {
    sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(key.to_owned())
        .bind(value)
        .execute(connection)
        .await
        .map(drop)
}

/// Minutes into hours, hours into days.
pub(super) async fn scores(connection: &mut SqliteConnection, now: Timestamp) -> Result<()> {
    let hour = (now.as_millisecond() - ROLL_AFTER_MS).div_euclid(HOUR_MS) * HOUR_MS;
    let steps = [
        ("score_hours", MINUTE, HOUR, HOUR_MS, hour, "SELECT MIN(at) / 3600000 * 3600000 FROM score WHERE span = 1"),
        (
            "score_days",
            HOUR,
            DAY,
            DAY_MS,
            hour.div_euclid(DAY_MS) * DAY_MS,
            "SELECT MIN(at) / 86400000 * 86400000 FROM score WHERE span = 2",
        ),
    ];
    for (key, from_span, to_span, length, to, oldest) in steps {
        let Some(from) = mark(connection, key, oldest).await? else { continue };
        if from >= to {
            continue;
        }
        sqlx::query(
            "INSERT OR REPLACE INTO score
             SELECT s.journey, $1, s.at / $2 * $2,
                    SUM(s.score * s.scored) / SUM(s.scored), SUM(s.felt * s.scored) / SUM(s.scored),
                    SUM(s.observed * s.minutes) / SUM(s.minutes),
                    SUM(s.lost_minutes), SUM(s.unobserved_minutes), SUM(s.minutes), SUM(s.scored),
                    SUM(s.planned_minutes)
             FROM word w CROSS JOIN score s ON s.journey = w.id AND s.span = $3 AND s.at >= $4 AND s.at < $5
             GROUP BY s.journey, s.at / $2",
        )
        .bind(to_span)
        .bind(length)
        .bind(from_span)
        .bind(from)
        .bind(to)
        .execute(&mut *connection)
        .await?;
        set_mark(connection, key, to).await?;
    }
    Ok(())
}
