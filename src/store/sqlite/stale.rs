//! Messages at receivers that say of something that it is broken, when its end was told in another message.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::decide::time;
use super::letters::notification;
use crate::store::{Stale, Thread};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// What the ends just told, by a letter or a storm, leave behind: the messages of their beginnings that they do not
/// stand under, and storms that named them. A letter's own first message is put right as it is told.
pub(super) async fn mark(connection: &mut SqliteConnection, number: i64) -> Result<()> {
    sqlx::query(
        "WITH over AS (
             SELECT incident, receiver, storm FROM outbox WHERE kind = 'resolve' AND state = 'delivered' AND number = $1
             UNION ALL
             SELECT incident, receiver, storm FROM outbox WHERE kind = 'resolve' AND state = 'delivered'
             AND storm = (SELECT id FROM outbox WHERE number = $1 AND kind = 'storm'))
         UPDATE outbox SET stale = COALESCE(stale, 0) + 1 WHERE state = 'delivered' AND receipt IS NOT NULL
         AND storm IS NULL AND (number IN (
             SELECT (SELECT MIN(number) FROM outbox f WHERE f.incident = over.incident AND f.receiver = over.receiver
                 AND f.receipt IS NOT NULL) FROM over WHERE storm IS NOT NULL)
         OR id IN (
             SELECT m.storm FROM over JOIN outbox m ON m.incident = over.incident AND m.receiver = over.receiver
             WHERE m.storm IS NOT over.storm AND m.state = 'delivered'))",
    )
    .bind(number)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn oldest(pool: &SqlitePool, receiver: &str) -> Result<Option<Stale>> {
    let row = sqlx::query(
        "SELECT number, id, kind, receipt, stale FROM outbox
         WHERE receiver = $1 AND stale IS NOT NULL ORDER BY number LIMIT 1",
    )
    .bind(receiver)
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let thread = if row.get::<&str, _>(2) == "storm" { Thread::Storm } else { Thread::Own };
    let told = sqlx::query(
        "SELECT labels, body, settled FROM outbox WHERE receiver = $2 AND state = 'delivered' AND kind <> 'storm'
         AND (storm = $1 OR kind = 'resolve' AND incident IN (SELECT incident FROM outbox WHERE storm = $1 OR id = $1))
         ORDER BY number",
    )
    .bind(row.get::<String, _>(1))
    .bind(receiver)
    .fetch_all(pool)
    .await?;
    Ok(Some(Stale {
        number: row.get(0),
        id: row.get(1),
        thread: thread(row.get::<Option<String>, _>(3).unwrap_or_default()),
        ends: row.get(4),
        since: told.iter().filter_map(|row| row.get::<Option<i64>, _>(2)).max().map_or(Timestamp::UNIX_EPOCH, time),
        told: told.iter().map(|row| notification(row, 0, 1)).collect::<Result<_>>()?,
    }))
}

pub(super) async fn freshened(connection: &mut SqliteConnection, number: i64, ends: i64) -> Result<()> {
    sqlx::query("UPDATE outbox SET stale = NULLIF(stale - $2, 0) WHERE number = $1 AND stale >= $2")
        .bind(number)
        .bind(ends)
        .execute(connection)
        .await
        .map(drop)
}
