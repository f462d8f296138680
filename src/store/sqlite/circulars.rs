//! Circulars: rows of the outbox like any other letter, each under an incident that there is not.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::decide::{from_json, time, to_json};
use super::letters::PUT_OFF_MAX;
use crate::model::Circular;
use crate::store::Outgoing;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) async fn write(
    connection: &mut SqliteConnection,
    schedule: &str,
    upto: Timestamp,
    circulars: &[Circular],
) -> Result<()> {
    for circular in circulars {
        sqlx::query(
            "INSERT INTO outbox (id, incident, receiver, kind, version, state, attempts, created, queued, next_attempt, labels, body)
             VALUES ($1, $2, $3, 'report', 1, 'pending', 0, $4, $4, $4, '[]', $5) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&circular.id)
        // Of its own: a receiver is offered the oldest letter of an incident only, and nothing here waits for another.
        .bind(Uuid::now_v7().to_string())
        .bind(&circular.receiver)
        .bind(circular.at.as_millisecond())
        .bind(to_json(circular)?)
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query(
        "INSERT INTO circulated (schedule, upto) VALUES ($1, $2)
         ON CONFLICT (schedule) DO UPDATE SET upto = excluded.upto",
    )
    .bind(schedule)
    .bind(upto.as_millisecond())
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn upto(pool: &SqlitePool, schedule: &str) -> Result<Option<Timestamp>> {
    let row =
        sqlx::query("SELECT upto FROM circulated WHERE schedule = $1").bind(schedule).fetch_optional(pool).await?;
    Ok(row.map(|row| time(row.get(0))))
}

pub(super) async fn due(pool: &SqlitePool, receiver: &str, now: Timestamp, at_most: u32) -> Result<Vec<Outgoing>> {
    let rows = sqlx::query(
        "SELECT number, attempts, queued, body, refusals FROM outbox WHERE receiver = $1 AND state = 'pending'
         AND kind = 'report' AND (next_attempt <= $2 OR next_attempt > $3) ORDER BY number LIMIT $4",
    )
    .bind(receiver)
    .bind(now.as_millisecond())
    .bind(now.saturating_add(PUT_OFF_MAX).unwrap_or(Timestamp::MAX).as_millisecond())
    .bind(i64::from(at_most))
    .fetch_all(pool)
    .await?;
    let one = |row: &sqlx::sqlite::SqliteRow| {
        Ok(Outgoing {
            number: row.get(0),
            attempts: u32::try_from(row.get::<i64, _>(1)).unwrap_or(u32::MAX),
            refusals: u32::try_from(row.get::<i64, _>(4)).unwrap_or(u32::MAX),
            queued: time(row.get(2)),
            circular: from_json(row.get(3))?,
        })
    };
    rows.iter().map(one).collect()
}
