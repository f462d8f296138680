//! What journeys lost to each of their parts.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::record::Ledger;
use crate::model::{JourneyId, Loss, LostTo, TouchpointId};
use crate::store::ScorePoint;

type Result<T> = std::result::Result<T, sqlx::Error>;

const QUARTER_MS: i64 = 15 * 60_000;
/// A stage that is none.
const CHECK: i64 = 0;
/// Less is what rounding makes.
const MINUTES_MIN: f64 = 1e-9;

/// Adds a minute's losses to those of its quarter of an hour.
pub(super) async fn write(connection: &mut SqliteConnection, ledger: &mut Ledger, point: &ScorePoint) -> Result<()> {
    for loss in point.losses.iter().filter(|loss| loss.minutes > MINUTES_MIN) {
        let journey = ledger.word(connection, point.journey.as_str()).await?.cast_signed();
        let (stage, part) = match &loss.to {
            LostTo::Stage(stage, touchpoint) => {
                let stage = ledger.word(connection, stage.as_str()).await?.cast_signed();
                (stage, ledger.word(connection, touchpoint.as_str()).await?.cast_signed())
            }
            LostTo::Check(name) => (CHECK, ledger.word(connection, name).await?.cast_signed()),
        };
        sqlx::query(
            "INSERT INTO loss (journey, at, stage, part, lost_minutes) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (journey, at, stage, part) DO UPDATE SET lost_minutes = lost_minutes + excluded.lost_minutes",
        )
        .bind(journey)
        .bind(point.at.as_millisecond().div_euclid(QUARTER_MS) * QUARTER_MS)
        .bind(stage)
        .bind(part)
        .bind(loss.minutes)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn read(pool: &SqlitePool, journey: &JourneyId, from: Timestamp, to: Timestamp) -> Result<Vec<Loss>> {
    let rows = sqlx::query(
        "SELECT s.text, p.text, SUM(l.lost_minutes) FROM word j CROSS JOIN loss l ON l.journey = j.id
         JOIN word p ON p.id = l.part LEFT JOIN word s ON s.id = l.stage
         WHERE j.text = $1 AND l.at >= $2 AND l.at < $3 GROUP BY l.stage, l.part ORDER BY l.stage, l.part",
    )
    .bind(journey.to_string())
    .bind(from.as_millisecond())
    .bind(to.as_millisecond())
    .fetch_all(pool)
    .await?;
    let one = |row: &sqlx::sqlite::SqliteRow| {
        let (stage, part): (Option<&str>, &str) = (row.get(0), row.get(1));
        let to = match stage {
            Some(stage) => LostTo::Stage(stage.into(), part.into()),
            None => LostTo::Check(part.to_owned()),
        };
        Loss { to, minutes: row.get(2) }
    };
    Ok(rows.iter().map(one).collect())
}

/// A touchpoint's losses follow it under its new name; what is there already stays.
pub(super) async fn rename(connection: &mut SqliteConnection, from: &TouchpointId, to: &TouchpointId) -> Result<()> {
    sqlx::query("INSERT INTO word (text) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(to.to_string())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE OR IGNORE loss SET part = (SELECT id FROM word WHERE text = $2)
         WHERE stage <> 0 AND part = (SELECT id FROM word WHERE text = $1)",
    )
    .bind(from.to_string())
    .bind(to.to_string())
    .execute(connection)
    .await
    .map(drop)
}
