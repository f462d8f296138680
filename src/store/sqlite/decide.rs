//! Incidents and the board's memory, in one transaction with the letters that tell of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::{Row, SqliteConnection};

use super::letters::post;
use super::losses;
use crate::model::{Incident, TouchpointId};
use crate::store::Decision;

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
    index(connection, &decision.incidents).await?;
    for notification in &decision.outbox {
        post(connection, notification, &decision.together).await?;
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
    losses::rename(connection, from, to).await?;
    for sql in RENAMES {
        sqlx::query(sql).bind(from.to_string()).bind(to.to_string()).execute(&mut *connection).await?;
    }
    // Open ones are written by whoever keeps them.
    let past = sqlx::query("SELECT body FROM incident WHERE closed IS NOT NULL AND instr(body, $1) > 0");
    for row in past.bind(from.to_string()).fetch_all(&mut *connection).await? {
        let incident: Incident = from_json(row.get(0))?;
        let present = incident.clone().renamed(|id| if id == from { to.clone() } else { id.clone() });
        if present != incident {
            keep(connection, &present).await?;
        }
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

/// Writes down which journeys they hurt.
async fn index(connection: &mut SqliteConnection, incidents: &[Incident]) -> Result<()> {
    const STEPS: [&str; 2] = [
        "DELETE FROM impact WHERE incident IN (SELECT value FROM json_each($1))",
        "INSERT OR REPLACE INTO impact (journey, opened, incident, closed, loss)
         SELECT json_extract(hurt.value, '$.journey'), i.opened, i.id, i.closed, json_extract(hurt.value, '$.loss')
         FROM json_each($1) these JOIN incident i ON i.id = these.value, json_each(i.body, '$.impacts') hurt",
    ];
    if incidents.is_empty() {
        return Ok(());
    }
    let ids = to_json(&incidents.iter().map(|incident| incident.id).collect::<Vec<_>>())?;
    for sql in STEPS {
        sqlx::query(sql).bind(ids.clone()).execute(&mut *connection).await?;
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
