//! What people noted on the time axis, and the incidents that stand on it.

use jiff::Timestamp;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};

use super::decide::{from_json, time, to_json};
use crate::model::{Annotation, AnnotationId, IncidentId, JourneyId, Subject};
use crate::store::{Hurt, Noted, Removed};

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) async fn write(connection: &mut SqliteConnection, annotation: &Annotation) -> Result<()> {
    let (journey, incident) = match &annotation.of {
        Subject::Company => (None, None),
        Subject::Journey(id) => (Some(id.to_string()), None),
        Subject::Incident(id) => (None, Some(id.to_string())),
    };
    sqlx::query(
        "INSERT INTO annotation (id, journey, incident, began, ends, removed, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET journey = excluded.journey, incident = excluded.incident,
         began = excluded.began, ends = excluded.ends, removed = excluded.removed, body = excluded.body",
    )
    .bind(annotation.id.to_string())
    .bind(journey)
    .bind(incident)
    .bind(annotation.from.as_millisecond())
    .bind(annotation.end().as_millisecond())
    .bind(annotation.removed.as_ref().map(|(at, _)| at.as_millisecond()))
    .bind(to_json(annotation)?)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn one(pool: &SqlitePool, id: AnnotationId) -> Result<Option<Annotation>> {
    let row =
        sqlx::query("SELECT body FROM annotation WHERE id = $1").bind(id.to_string()).fetch_optional(pool).await?;
    row.map(|row| from_json(row.get(0))).transpose()
}

/// The latest beginning first.
pub(super) async fn list(pool: &SqlitePool, noted: &Noted, at_most: u32) -> Result<Vec<Annotation>> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT body FROM annotation WHERE ");
    match &noted.of {
        None => query.push("incident IS NULL"),
        Some(Subject::Company) => query.push("incident IS NULL AND journey IS NULL"),
        Some(Subject::Journey(id)) => {
            query.push("incident IS NULL AND (journey IS NULL OR journey = ").push_bind(id.to_string()).push(")")
        }
        Some(Subject::Incident(id)) => query.push("incident = ").push_bind(id.to_string()),
    };
    if noted.removed == Removed::Hidden {
        query.push(" AND removed IS NULL");
    }
    if let Some(from) = noted.from {
        query.push(" AND ends >= ").push_bind(from.as_millisecond());
    }
    if let Some(to) = noted.to {
        query.push(" AND began < ").push_bind(to.as_millisecond());
    }
    if let Some(before) = noted.before {
        query.push(" AND (began, id) < (SELECT began, id FROM annotation WHERE id = ");
        query.push_bind(before.to_string()).push(")");
    }
    query.push(" ORDER BY began DESC, id DESC LIMIT ").push_bind(i64::from(at_most));
    let rows = query.build().fetch_all(pool).await?;
    rows.iter().map(|row| from_json(row.get(0))).collect()
}

/// Incidents that hurt a journey between two moments, newest first.
pub(super) async fn hurts(
    pool: &SqlitePool,
    journey: &JourneyId,
    from: Timestamp,
    to: Timestamp,
    at_most: u32,
) -> Result<Vec<Hurt>> {
    let rows = sqlx::query(
        "SELECT incident, opened, closed, loss FROM impact
         WHERE journey = $1 AND opened < $3 AND (closed IS NULL OR closed > $2) ORDER BY opened DESC LIMIT $4",
    )
    .bind(journey.to_string())
    .bind(from.as_millisecond())
    .bind(to.as_millisecond())
    .bind(i64::from(at_most))
    .fetch_all(pool)
    .await?;
    let hurt = |row: &sqlx::sqlite::SqliteRow| {
        let incident = row.get::<String, _>(0).parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let closed = row.get::<Option<i64>, _>(2).map(time);
        Ok(Hurt { incident: IncidentId(incident), opened: time(row.get(1)), closed, loss: row.get(3) })
    };
    rows.iter().map(hurt).collect()
}
