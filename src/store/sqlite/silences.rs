//! What people silenced.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::decide::{from_json, to_json};
use crate::model::{Silence, SilenceId};

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) async fn write(connection: &mut SqliteConnection, silence: &Silence) -> Result<()> {
    sqlx::query(
        "INSERT INTO silence (id, began, ends, body) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET ends = excluded.ends, body = excluded.body",
    )
    .bind(silence.id.to_string())
    .bind(silence.from.as_millisecond())
    .bind(silence.end().as_millisecond())
    .bind(to_json(silence)?)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn one(pool: &SqlitePool, id: SilenceId) -> Result<Option<Silence>> {
    let row = sqlx::query("SELECT body FROM silence WHERE id = $1").bind(id.to_string()).fetch_optional(pool).await?;
    row.map(|row| from_json(row.get(0))).transpose()
}

/// Those that end after `after`, the latest end first.
pub(super) async fn ending_after(pool: &SqlitePool, after: Timestamp, at_most: u32) -> Result<Vec<Silence>> {
    let rows = sqlx::query("SELECT body FROM silence WHERE ends > $1 ORDER BY ends DESC, id LIMIT $2")
        .bind(after.as_millisecond())
        .bind(i64::from(at_most))
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| from_json(row.get(0))).collect()
}
