//! What failed runs left to be looked at: bounded in all, and not the same again and again.

use sqlx::{Row, SqliteConnection, SqlitePool};

use super::decide::time;
use crate::model::{FaultCode, ProbeId, Proof, Sort, TraceId};
use crate::store::Kept;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Of all exhibits; beyond it the oldest go.
const BYTES_MAX: i64 = 256 << 20;
/// A probe that fails for the same reason is pictured so often.
const EVERY_MS: i64 = 600_000;
const GONE_AT_ONCE: i64 = 32;

/// Of what failed.
pub(super) async fn write(connection: &mut SqliteConnection, proof: &Proof) -> Result<()> {
    let Some(why) = proof.why else { return Ok(()) };
    let at = proof.at.as_millisecond();
    let (probe, trace) = (proof.probe.to_string(), proof.trace.to_string());
    let known = sqlx::query("SELECT 1 FROM exhibit WHERE probe = $1 AND at > $2 AND why = $3 LIMIT 1")
        .bind(probe.as_str())
        .bind(at - EVERY_MS)
        .bind(why.code());
    if known.fetch_optional(&mut *connection).await?.is_some() {
        return Ok(());
    }
    for exhibit in proof.exhibits() {
        sqlx::query(
            "INSERT INTO exhibit (probe, trace, step, why, at, name, bytes, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(probe.as_str())
        .bind(trace.as_str())
        .bind(proof.step.as_str())
        .bind(why.code())
        .bind(at)
        .bind(exhibit.sort.file())
        .bind(i64::try_from(exhibit.bytes.len()).unwrap_or(i64::MAX))
        .bind(exhibit.bytes.as_slice())
        .execute(&mut *connection)
        .await?;
    }
    make_room(connection, BYTES_MAX).await
}

async fn make_room(connection: &mut SqliteConnection, most: i64) -> Result<()> {
    loop {
        let sum = sqlx::query("SELECT COALESCE(SUM(bytes), 0) FROM exhibit").fetch_one(&mut *connection).await?;
        if sum.get::<i64, _>(0) <= most {
            return Ok(());
        }
        sqlx::query("DELETE FROM exhibit WHERE id IN (SELECT id FROM exhibit ORDER BY at, id LIMIT $1)")
            .bind(GONE_AT_ONCE)
            .execute(&mut *connection)
            .await?;
    }
}

/// Forgets what is older than that, milliseconds since 1970.
pub(super) async fn forget(connection: &mut SqliteConnection, before: i64) -> Result<()> {
    sqlx::query("DELETE FROM exhibit WHERE at < $1").bind(before).execute(connection).await.map(drop)
}

/// What the newest run of a probe left that left something.
pub(super) async fn newest(pool: &SqlitePool, probe: &ProbeId) -> Result<Option<Kept>> {
    let rows = sqlx::query(
        "SELECT trace, step, why, at, name FROM exhibit WHERE trace = (
             SELECT trace FROM exhibit WHERE probe = $1 ORDER BY at DESC, id DESC LIMIT 1) ORDER BY id",
    )
    .bind(probe.to_string())
    .fetch_all(pool)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let Ok(trace) = u128::from_str_radix(first.get(0), 16) else { return Ok(None) };
    let why = first.get::<&str, _>(2);
    Ok(Some(Kept {
        trace: TraceId(trace),
        step: first.get(1),
        why: FaultCode::ALL.iter().copied().find(|code| code.code() == why),
        at: time(first.get(3)),
        sorts: rows.iter().filter_map(|row| Sort::of_file(row.get(4))).collect(),
    }))
}

pub(super) async fn one(pool: &SqlitePool, trace: TraceId, sort: Sort) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query("SELECT body FROM exhibit WHERE trace = $1 AND name = $2")
        .bind(trace.to_string())
        .bind(sort.file())
        .fetch_optional(pool)
        .await?;
    Ok(row.map(|row| row.get(0)))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use sqlx::Connection as _;

    use super::*;
    use crate::model::Exhibit;

    const SCHEMA: &str = include_str!("../migrations/0009_exhibit.sql");

    fn proof(trace: u128, minutes: i64, why: FaultCode, bytes: usize) -> Proof {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let exhibit = |sort| Exhibit { sort, bytes: vec![7; bytes] };
        let exhibits = vec![exhibit(Sort::Picture), exhibit(Sort::Console)];
        Proof::new((ProbeId::new("shop", "buy"), TraceId(trace)), ("pay".into(), Some(why)), at, exhibits)
    }

    async fn kept(connection: &mut SqliteConnection) -> Vec<String> {
        let rows = sqlx::query("SELECT DISTINCT trace FROM exhibit ORDER BY at").fetch_all(connection).await;
        rows.expect("rows").iter().map(|row| row.get::<String, _>(0).trim_start_matches('0').to_owned()).collect()
    }

    #[tokio::test]
    async fn the_same_failure_is_shown_now_and_then_and_the_oldest_go() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("a store");
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await.expect("a table");
        let (late, broken) = (FaultCode::Timeout, FaultCode::Status);
        for proof in [proof(1, 0, late, 50), proof(2, 5, late, 50), proof(3, 6, broken, 50), proof(4, 11, late, 50)] {
            write(&mut connection, &proof).await.expect("it is written");
        }
        assert_eq!(kept(&mut connection).await, ["1", "3", "4"]);
        make_room(&mut connection, 300).await.expect("all fit");
        assert_eq!(kept(&mut connection).await.len(), 3);
        forget(&mut connection, 60_000).await.expect("the first is old");
        assert_eq!(kept(&mut connection).await, ["3", "4"]);
        make_room(&mut connection, 199).await.expect("it is made");
        assert_eq!(kept(&mut connection).await.len(), 0, "so few rows go at once");
    }
}
