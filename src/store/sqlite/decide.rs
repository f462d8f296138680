//! Incidents, the outbox and the board's memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

use crate::model::{Incident, IncidentId, Notification, NotificationKind, TouchpointId};
use crate::store::{Decision, Delivery, Fate, Letter, OutboxDepth, Replay};

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(super) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

pub(super) async fn write(connection: &mut SqliteConnection, decision: &Decision) -> Result<()> {
    for (from, to) in &decision.renamed {
        rename(connection, from, to).await?;
    }
    for incident in &decision.incidents {
        keep(connection, incident).await?;
    }
    for notification in &decision.outbox {
        post(connection, notification).await?;
    }
    remember(connection, &decision.memory).await
}

/// Gives what was recorded of a touchpoint, and of what its errands did elsewhere, its new name.
async fn rename(connection: &mut SqliteConnection, from: &TouchpointId, to: &TouchpointId) -> Result<()> {
    const RENAMES: [&str; 3] = [
        "UPDATE OR IGNORE series SET probe = $2 || substr(probe, length($1) + 1)
         WHERE substr(probe, 1, length($1) + 1) = $1 || '/'",
        "UPDATE OR IGNORE series
         SET probe = substr(probe, 1, instr(probe, '/')) || $2 || substr(probe, instr(probe, '/') + length($1) + 1)
         WHERE substr(probe, instr(probe, '/') + 1, length($1) + 1) = $1 || '.'",
        "UPDATE OR IGNORE push SET probe = $2 || substr(probe, length($1) + 1)
         WHERE substr(probe, 1, length($1) + 1) = $1 || '/'",
    ];
    for sql in RENAMES {
        sqlx::query(sql).bind(from.to_string()).bind(to.to_string()).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn remember(connection: &mut SqliteConnection, memory: &[(String, Option<String>)]) -> Result<()> {
    // All in one statement: each one is a trip to SQLite's own thread and back.
    let kept: BTreeMap<&str, &str> =
        memory.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_deref()?))).collect();
    if !kept.is_empty() {
        sqlx::query(
            "INSERT INTO memory (key, value) SELECT key, value FROM json_each($1) WHERE true
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(to_json(&kept)?)
        .execute(&mut *connection)
        .await?;
    }
    for (key, _) in memory.iter().filter(|(_, value)| value.is_none()) {
        sqlx::query("DELETE FROM memory WHERE key = $1").bind(key.clone()).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn keep(connection: &mut SqliteConnection, incident: &Incident) -> Result<()> {
    sqlx::query(
        "INSERT INTO incident (id, opened, closed, body) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET opened = excluded.opened, closed = excluded.closed, body = excluded.body",
    )
    .bind(incident.id.to_string())
    .bind(incident.opened.as_millisecond())
    .bind(incident.closed.map(Timestamp::as_millisecond))
    .bind(to_json(incident)?)
    .execute(connection)
    .await
    .map(drop)
}

/// One row, by the rules of [`crate::store::Store::decide`].
async fn post(connection: &mut SqliteConnection, notification: &Notification) -> Result<()> {
    let incident = notification.incident.id.to_string();
    let told = sqlx::query(
        "SELECT COUNT(*), COALESCE(MAX(kind = 'resolve'), 0), COALESCE(MAX(id = $3), 0)
         FROM outbox WHERE incident = $1 AND receiver = $2",
    )
    .bind(&incident)
    .bind(&notification.receiver)
    .bind(&notification.id)
    .fetch_one(&mut *connection)
    .await?;
    let (rows, ended, known): (i64, bool, bool) = (told.get(0), told.get(1), told.get(2));
    let resolve = notification.kind == NotificationKind::Resolve;
    if known || ended || (resolve && rows == 0) {
        return Ok(());
    }
    if rows > 0 {
        sqlx::query(
            "UPDATE outbox SET state = 'superseded', settled = $3
             WHERE incident = $1 AND receiver = $2 AND state = 'pending' AND kind IN ('update', 'remind')",
        )
        .bind(&incident)
        .bind(&notification.receiver)
        .bind(notification.at.as_millisecond())
        .execute(&mut *connection)
        .await?;
    }
    let first = sqlx::query("SELECT labels FROM outbox WHERE incident = $1 ORDER BY number LIMIT 1").bind(&incident);
    let labels = match first.fetch_optional(&mut *connection).await? {
        Some(row) => row.get::<String, _>(0),
        None => to_json(&notification.labels)?,
    };
    sqlx::query(
        "INSERT INTO outbox (id, incident, receiver, kind, version, state, attempts, created, queued, next_attempt, labels, body)
         VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, $6, $6, $7, $8)",
    )
    .bind(&notification.id)
    .bind(incident)
    .bind(&notification.receiver)
    .bind(notification.kind.as_str())
    .bind(i64::from(notification.incident.version))
    .bind(notification.at.as_millisecond())
    .bind(labels)
    .bind(to_json(notification)?)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn settle(connection: &mut SqliteConnection, number: i64, fate: &Fate) -> Result<()> {
    let query = match fate {
        // True whatever was thought of it meanwhile.
        Fate::Delivered { at, receipt } => sqlx::query(
            "UPDATE outbox SET state = 'delivered', attempts = attempts + 1, settled = $2, error = NULL, receipt = $3
             WHERE number = $1",
        )
        .bind(number)
        .bind(at.as_millisecond())
        .bind(receipt.clone()),
        Fate::Retry { next, error } => sqlx::query(
            "UPDATE outbox SET attempts = attempts + 1, next_attempt = $2, error = $3
             WHERE number = $1 AND state = 'pending'",
        )
        .bind(number)
        .bind(next.as_millisecond())
        .bind(error.clone()),
        Fate::Dead { at, error } => sqlx::query(
            "UPDATE outbox SET state = 'dead', attempts = attempts + 1, settled = $2, error = $3
             WHERE number = $1 AND state = 'pending'",
        )
        .bind(number)
        .bind(at.as_millisecond())
        .bind(error.clone()),
        Fate::Superseded { at } => {
            sqlx::query("UPDATE outbox SET state = 'superseded', settled = $2 WHERE number = $1 AND state = 'pending'")
                .bind(number)
                .bind(at.as_millisecond())
        }
    };
    query.execute(connection).await.map(drop)
}

pub(super) async fn replay(connection: &mut SqliteConnection, id: &str, now: Timestamp) -> Result<Replay> {
    let dead = sqlx::query(
        "SELECT d.number, d.kind <> 'resolve' AND EXISTS (
             SELECT 1 FROM outbox e WHERE e.incident = d.incident AND e.receiver = d.receiver
             AND e.kind = 'resolve' AND e.state = 'delivered')
         FROM outbox d WHERE d.id = $1 AND d.state = 'dead'",
    )
    .bind(id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(dead) = dead else { return Ok(Replay::Unknown) };
    if dead.get::<bool, _>(1) {
        return Ok(Replay::Overtaken);
    }
    sqlx::query(
        "UPDATE outbox SET state = 'pending', attempts = 0, queued = $2, next_attempt = $2, settled = NULL WHERE number = $1",
    )
    .bind(dead.get::<i64, _>(0))
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(Replay::Queued)
}

pub(super) async fn letters(pool: &SqlitePool, receiver: &str, now: Timestamp, at_most: u32) -> Result<Vec<Letter>> {
    let rows = sqlx::query(
        "SELECT number, attempts, next_attempt, queued, labels, body, (
             SELECT receipt FROM outbox first WHERE first.incident = outbox.incident AND first.receiver = outbox.receiver
             AND first.receipt IS NOT NULL ORDER BY first.number LIMIT 1)
         FROM outbox WHERE number IN (
             SELECT MIN(number) FROM outbox WHERE receiver = $1 AND state = 'pending' GROUP BY incident)
         AND next_attempt <= $2 ORDER BY number LIMIT $3",
    )
    .bind(receiver)
    .bind(now.as_millisecond())
    .bind(i64::from(at_most))
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Letter {
                number: row.get(0),
                attempts: u32::try_from(row.get::<i64, _>(1)).unwrap_or(u32::MAX),
                next_attempt: time(row.get(2)),
                queued: time(row.get(3)),
                notification: notification(row, 4, 5)?,
                thread: row.get(6),
            })
        })
        .collect()
}

fn notification(row: &SqliteRow, labels: usize, body: usize) -> Result<Notification> {
    let mut notification: Notification = from_json(row.get(body))?;
    notification.labels = from_json(row.get(labels))?;
    Ok(notification)
}

pub(super) async fn addressees(pool: &SqlitePool) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT DISTINCT receiver FROM outbox WHERE state = 'pending'").fetch_all(pool).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

pub(super) async fn standing(pool: &SqlitePool, receiver: &str, since: Timestamp) -> Result<Vec<Notification>> {
    let rows = sqlx::query(
        "SELECT labels, body FROM outbox WHERE number IN (
             SELECT MAX(number) FROM outbox WHERE receiver = $1 AND state = 'delivered' GROUP BY incident)
         AND (kind <> 'resolve' OR settled >= $2) ORDER BY number",
    )
    .bind(receiver)
    .bind(since.as_millisecond())
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| notification(row, 0, 1)).collect()
}

pub(super) async fn depth(pool: &SqlitePool) -> Result<OutboxDepth> {
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM outbox WHERE state = 'pending'), (SELECT COUNT(*) FROM outbox WHERE state = 'dead'),
                (SELECT MIN(queued) FROM outbox WHERE state = 'pending')",
    )
    .fetch_one(pool)
    .await?;
    let count = |column: usize| row.get::<i64, _>(column).unsigned_abs();
    Ok(OutboxDepth { pending: count(0), dead: count(1), oldest: row.get::<Option<i64>, _>(2).map(time) })
}

pub(super) async fn deliveries(pool: &SqlitePool, incident: IncidentId) -> Result<Vec<Delivery>> {
    let rows = sqlx::query(
        "SELECT id, incident, receiver, kind, version, state, attempts, created, settled, error
         FROM outbox WHERE incident = $1 ORDER BY number LIMIT 1000",
    )
    .bind(incident.to_string())
    .fetch_all(pool)
    .await?;
    rows.iter().map(delivery).collect()
}

pub(super) async fn undelivered(pool: &SqlitePool, at_most: u32) -> Result<Vec<Delivery>> {
    let rows = sqlx::query(
        "SELECT id, incident, receiver, kind, version, state, attempts, created, settled, error
         FROM outbox WHERE state IN ('pending', 'dead') ORDER BY number LIMIT $1",
    )
    .bind(i64::from(at_most))
    .fetch_all(pool)
    .await?;
    rows.iter().map(delivery).collect()
}

fn delivery(row: &SqliteRow) -> Result<Delivery> {
    let incident = row.get::<String, _>(1).parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Delivery {
        id: row.get(0),
        incident: IncidentId(incident),
        receiver: row.get(2),
        kind: row.get(3),
        version: u32::try_from(row.get::<i64, _>(4)).unwrap_or(u32::MAX),
        state: row.get(5),
        attempts: u32::try_from(row.get::<i64, _>(6)).unwrap_or(u32::MAX),
        created: time(row.get(7)),
        settled: row.get::<Option<i64>, _>(8).map(time),
        error: row.get(9),
    })
}
