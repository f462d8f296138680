//! Sorting, rolling up and forgetting, in chores that each take a moment.
//!
//! Every chore is a transaction that names the next. Being interrupted between two costs nothing: each can be done
//! twice.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, QueryBuilder, Row, SqliteConnection};

use super::look::{BLOCK_HOUR_BITS, malformed};
use super::proofs;
use super::record::{DAY, DETAIL_TIME_BITS, HOUR, MINUTE};
use super::roll::{days, hours, scores, series_max};
use crate::store::Retention;
use crate::store::brief::{Brief, merge, pack, unpack, unpack_mixed};
use crate::units::Period;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
const BATCHES_AT_ONCE: i64 = 128;
const BLOCKS_AT_ONCE: usize = 1000;
/// Each statement is a trip to SQLite's own thread and back, and a long one is slow to prepare.
const BLOCKS_A_STATEMENT: usize = 250;
pub(super) const SERIES_AT_ONCE: i64 = 1000;
const ROWS_FORGOTTEN_AT_ONCE: i64 = 5000;
/// Each round over the size cap keeps seven eighths of the time that the round before kept.
const SHRINK: f64 = 0.875;
const SHRINK_ROUNDS_MAX: u32 = 48;
const LETTERS_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Free pages are given back to the disk beyond so many, and so many at once.
const PAGES_FREE_MAX: i64 = 1000;

#[derive(Clone, Debug)]
pub(super) enum Chore {
    /// From batches into blocks, by series after `after`, batches up to `upto`; `then` the rest at that time.
    Sort {
        after: i64,
        upto: Option<i64>,
        then: Option<Timestamp>,
    },
    Hours {
        after: i64,
        now: Timestamp,
    },
    Days {
        after: i64,
        now: Timestamp,
    },
    Scores {
        now: Timestamp,
    },
    /// `round` beyond 0: because the file is too large.
    Forget {
        after: i64,
        round: u32,
        now: Timestamp,
    },
    Letters {
        now: Timestamp,
    },
    Shrink {
        round: u32,
        now: Timestamp,
    },
}

impl Chore {
    pub(super) fn sort() -> Self {
        Self::Sort { after: 0, upto: None, then: None }
    }

    pub(super) fn everything(now: Timestamp) -> Self {
        Self::Sort { after: 0, upto: None, then: Some(now) }
    }
}

/// Does one chore and names the next.
pub(super) async fn perform(
    connection: &mut SqliteConnection,
    chore: &Chore,
    retention: &Retention,
) -> Result<Option<Chore>> {
    match *chore {
        Chore::Sort { after, upto, then } => sort(connection, after, upto, then).await,
        Chore::Hours { after, now } => hours(connection, after, now).await.map(Some),
        Chore::Days { after, now } => days(connection, after, now).await.map(Some),
        Chore::Scores { now } => {
            scores(connection, now).await?;
            Ok(Some(Chore::Forget { after: 0, round: 0, now }))
        }
        Chore::Forget { after, round, now } => forget(connection, retention, after, round, now).await.map(Some),
        Chore::Letters { now } => {
            letters(connection, retention, now).await?;
            Ok(Some(Chore::Shrink { round: 0, now }))
        }
        Chore::Shrink { round, now } => shrink(connection, retention, round, now).await,
    }
}

async fn sort(
    connection: &mut SqliteConnection,
    after: i64,
    upto: Option<i64>,
    then: Option<Timestamp>,
) -> Result<Option<Chore>> {
    let rows = sqlx::query("SELECT id, data FROM batch WHERE id <= $1 ORDER BY id LIMIT $2")
        .bind(upto.unwrap_or(i64::MAX))
        .bind(BATCHES_AT_ONCE)
        .fetch_all(&mut *connection)
        .await?;
    let Some(last) = rows.last() else { return Ok(then.map(|now| Chore::Hours { after: 0, now })) };
    let upto: i64 = last.get(0);
    let mut blocks: BTreeMap<i64, Vec<Brief>> = BTreeMap::new();
    for row in &rows {
        for (series, brief) in unpack_mixed(row.get(1)).map_err(malformed)? {
            if series > after {
                blocks.entry(block_id(series, brief.at)).or_default().push(brief);
            }
        }
    }
    let mut now: Vec<_> = Vec::new();
    let mut reached = after;
    let mut rest = false;
    for (id, briefs) in blocks {
        let series = id >> BLOCK_HOUR_BITS;
        if now.len() >= BLOCKS_AT_ONCE && series != reached {
            rest = true;
            break;
        }
        reached = series;
        now.push((id, briefs));
    }
    add_to_blocks(connection, now).await?;
    if rest {
        return Ok(Some(Chore::Sort { after: reached, upto: Some(upto), then }));
    }
    sqlx::query("DELETE FROM batch WHERE id <= $1").bind(upto).execute(connection).await?;
    Ok(Some(Chore::Sort { after: 0, upto: None, then }))
}

pub(super) const fn block_id(series: i64, at: i64) -> i64 {
    (series << BLOCK_HOUR_BITS) | (at.div_euclid(HOUR_MS) & ((1 << BLOCK_HOUR_BITS) - 1))
}

async fn add_to_blocks(connection: &mut SqliteConnection, blocks: Vec<(i64, Vec<Brief>)>) -> Result<()> {
    let ids: Vec<_> = blocks.iter().map(|(id, _)| *id).collect();
    let rows = sqlx::query("SELECT id, data FROM block WHERE id IN (SELECT value FROM json_each($1))")
        .bind(super::decide::to_json(&ids)?)
        .fetch_all(&mut *connection)
        .await?;
    let mut there: BTreeMap<i64, Vec<Brief>> = BTreeMap::new();
    for row in &rows {
        there.insert(row.get(0), unpack(row.get(1)).map_err(malformed)?);
    }
    for some in blocks.chunks(BLOCKS_A_STATEMENT) {
        let mut insert = QueryBuilder::new("INSERT INTO block (id, data) ");
        insert.push_values(some, |mut row, (id, more)| {
            let mut briefs = there.remove(id).unwrap_or_default();
            merge(&mut briefs, more);
            row.push_bind(*id).push_bind(pack(&briefs));
        });
        insert.push(" ON CONFLICT (id) DO UPDATE SET data = excluded.data");
        insert.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// What must be younger than what, milliseconds since 1970.
struct Cut {
    details: i64,
    blocks: i64,
    hours: i64,
    days: i64,
}

impl Cut {
    fn new(retention: &Retention, round: u32, now: Timestamp) -> Self {
        // First the details, which are large, then the rest.
        let (details, blocks) = (round.min(SHRINK_ROUNDS_MAX / 2), round.saturating_sub(SHRINK_ROUNDS_MAX / 2));
        let before = |period: Period, round: u32| {
            let kept = period.get().mul_f64(SHRINK.powi(round.cast_signed()));
            now.as_millisecond() - i64::try_from(kept.as_millis()).unwrap_or(i64::MAX / 4)
        };
        Self {
            details: before(retention.readings, details),
            blocks: before(retention.minutes.max(retention.readings), blocks),
            hours: before(retention.hours, blocks),
            days: before(retention.days, 0),
        }
    }
}

/// Forgets for some series what is older than it must be.
async fn forget(
    connection: &mut SqliteConnection,
    retention: &Retention,
    after: i64,
    round: u32,
    now: Timestamp,
) -> Result<Chore> {
    let cut = Cut::new(retention, round, now);
    proofs::forget(connection, cut.details).await?;
    let id_range = |table: &str, bits: i64| {
        format!(
            "DELETE FROM {table} WHERE id IN (SELECT t.id FROM series s CROSS JOIN {table} t
             ON t.id >= s.id << {bits} AND t.id < (s.id << {bits}) + $1
             WHERE s.id > $2 AND s.id <= $2 + {SERIES_AT_ONCE} LIMIT {ROWS_FORGOTTEN_AT_ONCE})"
        )
    };
    let span_range = |table: &str, owner: &str, name: &str, span: i64| {
        format!(
            "DELETE FROM {table} WHERE ({name}, span, at) IN (SELECT t.{name}, t.span, t.at
             FROM {owner} s CROSS JOIN {table} t ON t.{name} = s.id AND t.span = {span} AND t.at < $1
             WHERE s.id > $2 AND s.id <= $2 + {SERIES_AT_ONCE} LIMIT {ROWS_FORGOTTEN_AT_ONCE})"
        )
    };
    let losses = format!(
        "DELETE FROM loss WHERE (journey, at, stage, part) IN (SELECT t.journey, t.at, t.stage, t.part
         FROM word s CROSS JOIN loss t ON t.journey = s.id AND t.at < $1
         WHERE s.id > $2 AND s.id <= $2 + {SERIES_AT_ONCE} LIMIT {ROWS_FORGOTTEN_AT_ONCE})"
    );
    let deletions = [
        (id_range("detail", DETAIL_TIME_BITS), cut.details.max(0)),
        (id_range("block", BLOCK_HOUR_BITS), cut.blocks.max(0) / HOUR_MS),
        (span_range("rollup", "series", "series", HOUR), cut.hours),
        (span_range("rollup", "series", "series", DAY), cut.days),
        (span_range("score", "word", "journey", MINUTE), cut.blocks),
        (span_range("score", "word", "journey", HOUR), cut.hours),
        (span_range("score", "word", "journey", DAY), cut.days),
        (losses, cut.hours),
    ];
    for (sql, before) in deletions {
        let gone = sqlx::query(AssertSqlSafe(sql)).bind(before).bind(after).execute(&mut *connection).await?;
        if gone.rows_affected() >= ROWS_FORGOTTEN_AT_ONCE.unsigned_abs() {
            return Ok(Chore::Forget { after, round, now });
        }
    }
    let words: i64 = sqlx::query("SELECT COALESCE(MAX(id), 0) FROM word").fetch_one(&mut *connection).await?.get(0);
    if after + SERIES_AT_ONCE < series_max(connection).await?.max(words) {
        return Ok(Chore::Forget { after: after + SERIES_AT_ONCE, round, now });
    }
    Ok(if round == 0 { Chore::Letters { now } } else { Chore::Shrink { round, now } })
}

async fn letters(connection: &mut SqliteConnection, retention: &Retention, now: Timestamp) -> Result<()> {
    sqlx::query(
        "DELETE FROM outbox WHERE number IN (SELECT o.number FROM outbox o LEFT JOIN incident i ON i.id = o.incident
         WHERE o.state <> 'pending' AND o.settled < $1 AND (i.id IS NULL OR i.closed IS NOT NULL) LIMIT $2)",
    )
    .bind(now.saturating_sub(LETTERS_KEPT).unwrap_or(now).as_millisecond())
    .bind(ROWS_FORGOTTEN_AT_ONCE)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM silence WHERE ends < $1")
        .bind(Cut::new(retention, 0, now).days)
        .execute(&mut *connection)
        .await?;
    for gone in ["DELETE FROM annotation WHERE ends < $1", "DELETE FROM impact WHERE closed < $1"] {
        sqlx::query(gone).bind(Cut::new(retention, 0, now).days).execute(&mut *connection).await?;
    }
    sqlx::query("DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE closed < $1 LIMIT $2)")
        .bind(Cut::new(retention, 0, now).days)
        .bind(ROWS_FORGOTTEN_AT_ONCE)
        .execute(connection)
        .await
        .map(drop)
}

/// Over the cap another round of forgetting; under it, what is free goes back to the disk.
async fn shrink(
    connection: &mut SqliteConnection,
    retention: &Retention,
    round: u32,
    now: Timestamp,
) -> Result<Option<Chore>> {
    let row = sqlx::query(
        "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    )
    .fetch_one(&mut *connection)
    .await?;
    let (pages, free, size): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let used = (pages - free).saturating_mul(size).unsigned_abs();
    if used > retention.at_most.get() && round < SHRINK_ROUNDS_MAX {
        return Ok(Some(Chore::Forget { after: 0, round: round + 1, now }));
    }
    if free > PAGES_FREE_MAX {
        sqlx::query(AssertSqlSafe(format!("PRAGMA incremental_vacuum({PAGES_FREE_MAX})")))
            .fetch_all(connection)
            .await?;
        return Ok(Some(Chore::Shrink { round: SHRINK_ROUNDS_MAX, now }));
    }
    Ok(None)
}
