//! The outbox: what is to be sent, and what became of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::decide::{from_json, time, to_json};
use super::stale;
use super::storms::{self, Way};
use crate::model::{IncidentId, Notification, NotificationKind};
use crate::store::{Delivery, Discard, Fate, Letter, LetterState, OutboxDepth, Replay, Sought, Thread};

/// Nothing is put off for longer: what seems to be, was put off before the clock was set back.
pub(super) const PUT_OFF_MAX: SignedDuration = SignedDuration::from_hours(1);

type Result<T> = std::result::Result<T, sqlx::Error>;

/// One row, by the rules of [`crate::store::Store::decide`].
pub(super) async fn post(
    connection: &mut SqliteConnection,
    notification: &Notification,
    together: &BTreeSet<String>,
) -> Result<()> {
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
    let takes_back = matches!(notification.kind, NotificationKind::Resolve | NotificationKind::Acknowledge);
    if known || ended || (takes_back && rows == 0) {
        return Ok(());
    }
    if rows > 0 {
        supersede(connection, &incident, notification).await?;
    }
    let first = sqlx::query("SELECT labels FROM outbox WHERE incident = $1 ORDER BY number LIMIT 1").bind(&incident);
    let labels = match first.fetch_optional(&mut *connection).await? {
        Some(row) => row.get::<String, _>(0),
        None => to_json(&notification.labels)?,
    };
    let way = if together.contains(&notification.receiver) {
        storms::way(connection, notification).await?
    } else {
        Way::Alone
    };
    let (state, storm) = match way {
        Way::Alone => ("pending", None),
        Way::Storm(storm) => ("gathered", Some(storm)),
    };
    sqlx::query(
        "INSERT INTO outbox (id, incident, receiver, kind, version, state, attempts, created, queued, next_attempt, labels, body, storm)
         VALUES ($1, $2, $3, $4, $5, $9, 0, $6, $6, $6, $7, $8, $10)",
    )
    .bind(&notification.id)
    .bind(incident)
    .bind(&notification.receiver)
    .bind(notification.kind.as_str())
    .bind(i64::from(notification.incident.version))
    .bind(notification.at.as_millisecond())
    .bind(labels)
    .bind(to_json(notification)?)
    .bind(state)
    .bind(storm)
    .execute(connection)
    .await
    .map(drop)
}

/// What has not gone out and is needless now.
async fn supersede(connection: &mut SqliteConnection, incident: &str, by: &Notification) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET state = 'superseded', settled = $3
         WHERE incident = $1 AND receiver = $2 AND (kind IN (SELECT value FROM json_each($4)) OR $5 AND kind = 'escalate'
             AND EXISTS (SELECT 1 FROM outbox o WHERE o.incident = $1 AND o.receiver = $2 AND o.kind = 'open'
             AND o.number < outbox.number))
         AND (state = 'pending' OR state = 'gathered'
         AND storm IN (SELECT id FROM outbox WHERE kind = 'storm' AND state = 'pending' AND sealed IS NULL))",
    )
    .bind(incident.to_owned())
    .bind(by.receiver.clone())
    .bind(by.at.as_millisecond())
    .bind(to_json(&by.kind.replaces())?)
    // Over is over; but who is called for help and knows of nothing has to learn what the end is of.
    .bind(by.kind == NotificationKind::Resolve)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn begin(connection: &mut SqliteConnection, numbers: &[i64]) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET attempts = attempts + 1
         WHERE number IN (SELECT value FROM json_each($1)) AND state = 'pending'",
    )
    .bind(to_json(&numbers)?)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn settle(connection: &mut SqliteConnection, number: i64, fate: &Fate) -> Result<()> {
    let query = match fate {
        // True whatever was thought of it meanwhile.
        Fate::Delivered { at, receipt } => sqlx::query(
            "UPDATE outbox SET state = 'delivered', settled = $2, error = NULL, receipt = $3
             WHERE number = $1",
        )
        .bind(number)
        .bind(at.as_millisecond())
        .bind(receipt.clone()),
        Fate::Retry { next, error, refusals } => sqlx::query(
            "UPDATE outbox SET next_attempt = $2, error = $3, refusals = $4
             WHERE number = $1 AND state = 'pending'",
        )
        .bind(number)
        .bind(next.as_millisecond())
        .bind(error.clone())
        .bind(i64::from(*refusals)),
        Fate::Dead { at, error } => sqlx::query(
            "UPDATE outbox SET state = 'dead', settled = $2, error = $3
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
    query.execute(&mut *connection).await?;
    if let Fate::Delivered { at, .. } = fate {
        // An alarm that was queued again while its end was on the way must not follow it.
        sqlx::query(
            "UPDATE outbox SET state = 'superseded', settled = $2 WHERE state IN ('pending', 'gathered') AND (incident, receiver) =
             (SELECT incident, receiver FROM outbox WHERE number = $1 AND kind = 'resolve')",
        )
        .bind(number)
        .bind(at.as_millisecond())
        .execute(&mut *connection)
        .await?;
    }
    storms::share(connection, number, fate).await?;
    if matches!(fate, Fate::Delivered { .. }) {
        stale::mark(connection, number).await?;
    }
    Ok(())
}

pub(super) async fn replay(connection: &mut SqliteConnection, id: &str, now: Timestamp) -> Result<Replay> {
    // An end that was dropped never comes, and one that was delivered is over: neither may be followed by an alarm.
    let letter = sqlx::query(
        "SELECT number, incident, receiver, state, kind <> 'resolve' AND EXISTS (
             SELECT 1 FROM outbox e WHERE e.incident = l.incident AND e.receiver = l.receiver
             AND e.kind = 'resolve' AND e.state IN ('delivered', 'dropped')), kind
         FROM outbox l WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(letter) = letter else { return Ok(Replay::Unknown) };
    match letter.get::<&str, _>(3) {
        "pending" | "gathered" => return Ok(Replay::Queued),
        "dead" if letter.get::<&str, _>(5) == "storm" => return storms::replay(connection, id, now).await,
        "dead" if letter.get::<bool, _>(4) => return Ok(Replay::Overtaken),
        "dead" => {}
        _ => return Ok(Replay::Settled),
    }
    sqlx::query(
        "UPDATE outbox SET state = 'pending', attempts = 0, refusals = 0, queued = $2, next_attempt = $2, settled = NULL, storm = NULL
         WHERE number = $1 OR (incident = $3 AND receiver = $4 AND kind = 'resolve' AND state = 'dead')",
    )
    .bind(letter.get::<i64, _>(0))
    .bind(now.as_millisecond())
    .bind(letter.get::<String, _>(1))
    .bind(letter.get::<String, _>(2))
    .execute(connection)
    .await?;
    Ok(Replay::Queued)
}

pub(super) async fn discard(connection: &mut SqliteConnection, id: &str, why: &str, now: Timestamp) -> Result<Discard> {
    let state = sqlx::query("SELECT state FROM outbox WHERE id = $1").bind(id);
    let Some(state) = state.fetch_optional(&mut *connection).await? else { return Ok(Discard::Unknown) };
    match state.get::<&str, _>(0) {
        "pending" | "gathered" | "dead" => {}
        "dropped" => return Ok(Discard::Dropped),
        _ => return Ok(Discard::Settled),
    }
    sqlx::query(
        "UPDATE outbox SET state = 'dropped', settled = $2, note = $3
         WHERE id = $1 OR (storm = $1 AND state IN ('gathered', 'dead'))",
    )
    .bind(id)
    .bind(now.as_millisecond())
    .bind(why)
    .execute(connection)
    .await?;
    Ok(Discard::Dropped)
}

pub(super) async fn letters(pool: &SqlitePool, receiver: &str, now: Timestamp, at_most: u32) -> Result<Vec<Letter>> {
    let rows = sqlx::query(
        "SELECT outbox.number, outbox.attempts, outbox.next_attempt, outbox.queued, outbox.labels, outbox.body,
             first.receipt, first.storm IS NOT NULL, outbox.refusals
         FROM outbox LEFT JOIN outbox first ON first.number = (
             SELECT MIN(number) FROM outbox f WHERE f.incident = outbox.incident AND f.receiver = outbox.receiver
             AND f.receipt IS NOT NULL)
         WHERE outbox.number IN (
             SELECT MIN(number) FROM outbox WHERE receiver = $1 AND state = 'pending' GROUP BY incident)
         AND outbox.kind NOT IN ('storm', 'report') AND (outbox.next_attempt <= $2 OR outbox.next_attempt > $4) AND NOT EXISTS (
             SELECT 1 FROM outbox before WHERE before.incident = outbox.incident AND before.receiver = $1
             AND before.state = 'gathered' AND before.number < outbox.number)
         ORDER BY outbox.number LIMIT $3",
    )
    .bind(receiver)
    .bind(now.as_millisecond())
    .bind(i64::from(at_most))
    .bind(now.saturating_add(PUT_OFF_MAX).unwrap_or(Timestamp::MAX).as_millisecond())
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Letter {
                number: row.get(0),
                attempts: u32::try_from(row.get::<i64, _>(1)).unwrap_or(u32::MAX),
                refusals: u32::try_from(row.get::<i64, _>(8)).unwrap_or(u32::MAX),
                next_attempt: time(row.get(2)),
                queued: time(row.get(3)),
                notification: notification(row, 4, 5)?,
                thread: row.get::<Option<String>, _>(6).map(if row.get(7) { Thread::Storm } else { Thread::Own }),
            })
        })
        .collect()
}

pub(super) fn notification(row: &SqliteRow, labels: usize, body: usize) -> Result<Notification> {
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
             SELECT MAX(number) FROM outbox WHERE receiver = $1 AND state = 'delivered' AND kind NOT IN ('storm', 'report') GROUP BY incident)
         AND (kind <> 'resolve' OR settled >= $2) AND NOT EXISTS (
             SELECT 1 FROM outbox e WHERE e.incident = outbox.incident AND e.receiver = $1
             AND e.kind = 'resolve' AND e.state <> 'delivered') ORDER BY number",
    )
    .bind(receiver)
    .bind(since.as_millisecond())
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| notification(row, 0, 1)).collect()
}

pub(super) async fn owed(pool: &SqlitePool, receiver: &str) -> Result<Option<Timestamp>> {
    let row = sqlx::query(
        "WITH taken AS (
             SELECT COALESCE(MAX(settled), 0) AS last FROM outbox WHERE receiver = $1 AND state = 'delivered')
         SELECT MAX(MIN(CASE state WHEN 'dead' THEN settled ELSE queued END), (SELECT last FROM taken)) FROM outbox
         WHERE receiver = $1 AND kind <> 'report'
         AND (state = 'pending' OR state = 'dead' AND settled > (SELECT last FROM taken))",
    )
    .bind(receiver)
    .fetch_one(pool)
    .await?;
    Ok(row.get::<Option<i64>, _>(0).map(time))
}

pub(super) async fn depth(pool: &SqlitePool) -> Result<OutboxDepth> {
    // What failed waits for its receiver; what did not may wait its turn, as long as there are turns.
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM outbox WHERE state = 'pending'),
                (SELECT COUNT(*) FROM outbox WHERE state = 'dead' AND storm IS NULL),
                (SELECT MIN(since) FROM (
                     SELECT MIN(queued) AS since FROM outbox WHERE state = 'pending' AND attempts > 0 AND error IS NOT NULL
                     UNION ALL
                     SELECT MAX(MIN(queued), COALESCE((SELECT MAX(settled) FROM outbox d WHERE d.receiver = o.receiver
                         AND d.state = 'delivered'), 0)) FROM outbox o
                     WHERE state = 'pending' AND (attempts = 0 OR error IS NULL) GROUP BY receiver))",
    )
    .fetch_one(pool)
    .await?;
    let count = |column: usize| row.get::<i64, _>(column).unsigned_abs();
    Ok(OutboxDepth { pending: count(0), dead: count(1), oldest: row.get::<Option<i64>, _>(2).map(time) })
}

/// What [`delivery`] reads.
macro_rules! select_delivery {
    ($rest:literal) => {
        concat!(
            "SELECT id, incident, receiver, kind, version, state, attempts, created, settled, error, note,
             CASE state WHEN 'pending' THEN next_attempt END,
             COALESCE(json_extract(body, '$.headline'),
                 (SELECT COUNT(*) FROM outbox m WHERE m.storm = outbox.id) || ' at once, to be told together')
             FROM outbox ",
            $rest
        )
    };
}

pub(super) async fn deliveries(pool: &SqlitePool, incident: IncidentId) -> Result<Vec<Delivery>> {
    let rows = sqlx::query(select_delivery!("WHERE incident = $1 ORDER BY number LIMIT 1000"))
        .bind(incident.to_string())
        .fetch_all(pool)
        .await?;
    rows.iter().map(delivery).collect()
}

pub(super) async fn sought(pool: &SqlitePool, sought: &Sought, at_most: u32) -> Result<Vec<Delivery>> {
    let rows = sqlx::query(select_delivery!(
        "WHERE ($3 IS NOT NULL OR storm IS NULL) AND ($1 IS NULL OR state = $1) AND ($2 IS NULL OR receiver = $2)
         AND ($3 IS NULL OR substr(id, 1, length($3)) = $3)
         AND ($4 IS NULL OR number < (SELECT number FROM outbox WHERE id = $4)) ORDER BY number DESC LIMIT $5"
    ))
    .bind(sought.state.map(LetterState::as_str))
    .bind(sought.receiver.clone())
    .bind(sought.id.clone())
    .bind(sought.before.clone())
    .bind(i64::from(at_most))
    .fetch_all(pool)
    .await?;
    rows.iter().map(delivery).collect()
}

pub(super) async fn deaf(pool: &SqlitePool) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT DISTINCT receiver FROM outbox WHERE state = 'dead'").fetch_all(pool).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn delivery(row: &SqliteRow) -> Result<Delivery> {
    let incident = row.get::<String, _>(1).parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Delivery {
        id: row.get(0),
        incident: IncidentId(incident),
        receiver: row.get(2),
        kind: row.get(3),
        version: u32::try_from(row.get::<i64, _>(4)).unwrap_or(u32::MAX),
        headline: row.get(12),
        state: row.get(5),
        attempts: u32::try_from(row.get::<i64, _>(6)).unwrap_or(u32::MAX),
        created: time(row.get(7)),
        next_attempt: row.get::<Option<i64>, _>(11).map(time),
        settled: row.get::<Option<i64>, _>(8).map(time),
        error: row.get(9),
        why: row.get(10),
    })
}
