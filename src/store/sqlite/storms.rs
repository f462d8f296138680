//! Notifications that came too many at once, and the storms that carry them.
//!
//! A storm is a row of the outbox like any other letter, under nobody's incident: of those the courier is offered the
//! oldest only, so that storms of one receiver keep their order. Its members wait as `gathered` and share its fate.

use std::fmt::Write as _;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::{Row, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::decide::{from_json, time, to_json};
use super::letters::{PUT_OFF_MAX, notification};
use crate::model::{Cause, Notification, NotificationKind, Storm};
use crate::store::{Bundle, Fate, Holds, Replay, Sealing};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Who is told by himself, and who by the storm of this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Alone,
    Storm(String),
}

/// How a new row of a receiver that is told of storms goes out.
pub(super) async fn way(connection: &mut SqliteConnection, new: &Notification) -> Result<Way> {
    // What we say of ourselves must not drown.
    if matches!(new.incident.cause, Cause::Own(_)) {
        return Ok(Way::Alone);
    }
    let row = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE incident = $1 AND receiver = $2 AND state = 'pending'),
                (SELECT MAX(m.storm) FROM outbox m JOIN outbox s ON s.id = m.storm WHERE m.incident = $1
                 AND m.receiver = $2 AND m.state = 'gathered' AND s.state = 'pending' AND s.sealed IS NULL),
                (SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE receiver = $2 AND created > $3 AND created <= $4
                 AND kind NOT IN ('storm', 'report') LIMIT $5))",
    )
    .bind(new.incident.id.to_string())
    .bind(&new.receiver)
    .bind(new.at.saturating_sub(Storm::WITHIN).unwrap_or(new.at).as_millisecond())
    .bind(new.at.as_millisecond())
    .bind(i64::from(Storm::AFTER))
    .fetch_one(&mut *connection)
    .await?;
    let (alone, with, lately) = (row.get::<bool, _>(0), row.get::<Option<String>, _>(1), row.get::<i64, _>(2));
    Ok(match with {
        // A row of the same incident waits by itself: a storm could overtake it.
        _ if alone => Way::Alone,
        // What the storm says of an incident is the latest.
        Some(storm) => Way::Storm(storm),
        None if lately < i64::from(Storm::AFTER) => Way::Alone,
        None => Way::Storm(gathering(connection, new).await?),
    })
}

/// The storm that gathers for this receiver; a new one, if there is none.
async fn gathering(connection: &mut SqliteConnection, new: &Notification) -> Result<String> {
    let open = sqlx::query(
        "SELECT id FROM outbox s WHERE receiver = $1 AND incident = $2 AND state = 'pending' AND sealed IS NULL
         AND (SELECT COUNT(*) FROM outbox m WHERE m.storm = s.id) < $3 ORDER BY number DESC LIMIT 1",
    )
    .bind(&new.receiver)
    .bind(Uuid::nil().to_string())
    .bind(i64::from(Storm::MEMBERS_MAX))
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(open) = open {
        return Ok(open.get(0));
    }
    // Written again after a crash it is the same.
    let id = Sha256::digest(format!("storm/{}", new.id)).iter().fold(String::with_capacity(64), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    });
    let due = new.at.saturating_add(Storm::GATHERS).unwrap_or(new.at);
    sqlx::query(
        "INSERT INTO outbox (id, incident, receiver, kind, version, state, attempts, created, queued, next_attempt, labels, body)
         VALUES ($1, $2, $3, 'storm', 1, 'pending', 0, $4, $5, $5, '[]', '{}')",
    )
    .bind(&id)
    .bind(Uuid::nil().to_string())
    .bind(&new.receiver)
    .bind(new.at.as_millisecond())
    .bind(due.as_millisecond())
    .execute(connection)
    .await?;
    Ok(id)
}

pub(super) async fn bundle(pool: &SqlitePool, receiver: &str, now: Timestamp) -> Result<Option<Bundle>> {
    let row = sqlx::query(
        "SELECT number, id, attempts, queued, sealed IS NOT NULL, body, next_attempt, refusals FROM outbox
         WHERE receiver = $1 AND incident = $2 AND state = 'pending' ORDER BY number LIMIT 1",
    )
    .bind(receiver)
    .bind(Uuid::nil().to_string())
    .fetch_optional(pool)
    .await?;
    let later = now.saturating_add(PUT_OFF_MAX).unwrap_or(Timestamp::MAX);
    let is_due = |next: i64| next <= now.as_millisecond() || next > later.as_millisecond();
    let Some(row) = row.filter(|row| is_due(row.get(6))) else { return Ok(None) };
    let id: String = row.get(1);
    let holds = if row.get(4) {
        Holds::Sealed(from_json(row.get(5))?)
    } else {
        let members = sqlx::query(
            "SELECT labels, body, number FROM outbox WHERE storm = $1 AND state = 'gathered' ORDER BY number",
        )
        .bind(&id)
        .fetch_all(pool)
        .await?;
        Holds::Loose {
            last: members.last().map_or(0, |last| last.get(2)),
            members: members.iter().map(|row| notification(row, 0, 1)).collect::<Result<_>>()?,
        }
    };
    let count = |column: usize| u32::try_from(row.get::<i64, _>(column)).unwrap_or(u32::MAX);
    let (attempts, refusals) = (count(2), count(7));
    Ok(Some(Bundle { number: row.get(0), id, attempts, refusals, queued: time(row.get(3)), holds }))
}

pub(super) async fn seal(connection: &mut SqliteConnection, number: i64, last: i64, storm: &Storm) -> Result<Sealing> {
    let sealed = sqlx::query(
        "UPDATE outbox SET sealed = $2, body = $3 WHERE number = $1 AND state = 'pending' AND sealed IS NULL
         AND (SELECT MAX(m.number) FROM outbox m WHERE m.storm = outbox.id AND m.state = 'gathered') = $4",
    )
    .bind(number)
    .bind(storm.at.as_millisecond())
    .bind(to_json(storm)?)
    .bind(last)
    .execute(connection)
    .await?;
    Ok(if sealed.rows_affected() == 1 { Sealing::Sealed } else { Sealing::Grown })
}

pub(super) async fn scatter(connection: &mut SqliteConnection, number: i64, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET state = 'pending', storm = NULL
         WHERE state = 'gathered' AND storm = (SELECT id FROM outbox WHERE number = $1)",
    )
    .bind(number)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE outbox SET state = 'superseded', settled = $2 WHERE number = $1 AND state = 'pending'")
        .bind(number)
        .bind(now.as_millisecond())
        .execute(connection)
        .await
        .map(drop)
}

/// What became of a storm became of those in it.
pub(super) async fn share(connection: &mut SqliteConnection, number: i64, fate: &Fate) -> Result<()> {
    let (state, at, error, receipt) = match fate {
        Fate::Delivered { at, receipt } => ("delivered", at, None, receipt.clone()),
        Fate::Dead { at, error } => ("dead", at, Some(error.clone()), None),
        Fate::Superseded { at } => ("superseded", at, None, None),
        Fate::Retry { .. } => return Ok(()),
    };
    let members = sqlx::query(
        "UPDATE outbox SET state = $2, attempts = attempts + 1, settled = $3, error = $4, receipt = $5
         WHERE state = 'gathered' AND storm = (SELECT id FROM outbox WHERE number = $1 AND kind = 'storm')",
    )
    .bind(number)
    .bind(state)
    .bind(at.as_millisecond())
    .bind(error)
    .bind(receipt)
    .execute(&mut *connection)
    .await?;
    if state == "delivered" && members.rows_affected() > 0 {
        // As after a single one: no alarm that was queued again follows the end that was just told.
        sqlx::query(
            "UPDATE outbox SET state = 'superseded', settled = $2
             WHERE state IN ('pending', 'gathered') AND (incident, receiver) IN (
                 SELECT incident, receiver FROM outbox WHERE kind = 'resolve' AND state = 'delivered'
                 AND storm = (SELECT id FROM outbox WHERE number = $1))",
        )
        .bind(number)
        .bind(at.as_millisecond())
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// A dead storm again, with those in it whose end was not told meanwhile, and the ends of those where they are dead.
pub(super) async fn replay(connection: &mut SqliteConnection, id: &str, now: Timestamp) -> Result<Replay> {
    let members = sqlx::query(
        "UPDATE outbox SET state = 'gathered', settled = NULL WHERE storm = $1 AND state = 'dead' AND NOT EXISTS (
             SELECT 1 FROM outbox e WHERE e.incident = outbox.incident AND e.receiver = outbox.receiver
             AND e.kind = $2 AND e.state IN ('delivered', 'dropped'))",
    )
    .bind(id)
    .bind(NotificationKind::Resolve.as_str())
    .execute(&mut *connection)
    .await?;
    if members.rows_affected() == 0 {
        return Ok(Replay::Overtaken);
    }
    // It is composed anew: what it said may be over.
    sqlx::query(
        "UPDATE outbox SET state = 'pending', attempts = 0, refusals = 0, queued = $2, next_attempt = $2, settled = NULL, sealed = NULL
         WHERE id = $1 OR (kind = $3 AND state = 'dead' AND storm IS NULL AND (incident, receiver) IN (
             SELECT incident, receiver FROM outbox WHERE storm = $1 AND state = 'gathered'))",
    )
    .bind(id)
    .bind(now.as_millisecond())
    .bind(NotificationKind::Resolve.as_str())
    .execute(connection)
    .await?;
    Ok(Replay::Queued)
}
