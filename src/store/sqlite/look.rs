//! Reading back: runs, digests, incidents, what a restart begins with.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlitePool};

use super::decide::{from_json, time, to_json};
use super::record::DETAIL_TIME_BITS;
use super::tidy::block_id;
use crate::model::{
    Fault, FaultCode, Incident, IncidentId, Outcome, ProbeId, Reading, Sample, SelfFault, Series, SpanId, TraceId,
    Verdict, Why,
};
use crate::store::brief::{Brief, Kind, Malformed, merge, unpack, unpack_mixed};
use crate::store::{IncidentFilter, Push, Restored, Told};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// A block's id is its series' number and the hour in so many bits.
pub(super) const BLOCK_HOUR_BITS: i64 = 24;
const BLOCKS_AT_ONCE: i64 = 24;

pub(super) fn malformed(error: Malformed) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

pub(super) async fn restore(pool: &SqlitePool) -> Result<Restored> {
    let memory = sqlx::query("SELECT key, value FROM memory ORDER BY key").fetch_all(pool).await?;
    Ok(Restored {
        memory: memory.iter().map(|row| (row.get(0), row.get(1))).collect(),
        incidents: incidents(pool, IncidentFilter::Open, None, u32::MAX).await?,
        told: told(pool).await?,
    })
}

/// What was written to whom of open incidents.
async fn told(pool: &SqlitePool) -> Result<Vec<Told>> {
    let rows = sqlx::query(
        "SELECT o.incident, o.receiver, 
                COALESCE(MAX(CASE WHEN o.kind <> 'acknowledge' THEN o.version END), 0), MIN(o.created),
                COALESCE(MAX(CASE WHEN o.kind <> 'acknowledge' THEN o.created END), MIN(o.created)),
                MAX(CASE WHEN o.kind = 'acknowledge' THEN o.created END),
                MAX(CASE WHEN o.kind = 'escalate' THEN o.created END)
         FROM incident i JOIN outbox o ON o.incident = i.id WHERE i.closed IS NULL GROUP BY o.incident, o.receiver",
    )
    .fetch_all(pool)
    .await?;
    let one = |row: &SqliteRow| {
        let incident = row.get::<String, _>(0).parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Told {
            incident: IncidentId(incident),
            receiver: row.get(1),
            version: u32::try_from(row.get::<i64, _>(2)).unwrap_or(u32::MAX),
            first: time(row.get(3)),
            last: time(row.get(4)),
            acknowledged: row.get::<Option<i64>, _>(5).map(time),
            escalated: row.get::<Option<i64>, _>(6).map(time),
        })
    };
    rows.iter().map(one).collect()
}

pub(super) async fn incidents(
    pool: &SqlitePool,
    filter: IncidentFilter,
    before: Option<Timestamp>,
    at_most: u32,
) -> Result<Vec<Incident>> {
    let query = match filter {
        IncidentFilter::All => "SELECT body FROM incident WHERE opened < $1 ORDER BY opened DESC, id DESC LIMIT $2",
        IncidentFilter::Open => {
            "SELECT body FROM incident WHERE opened < $1 AND closed IS NULL ORDER BY opened DESC, id DESC LIMIT $2"
        }
        IncidentFilter::Closed => {
            "SELECT body FROM incident WHERE opened < $1 AND closed IS NOT NULL ORDER BY opened DESC, id DESC LIMIT $2"
        }
    };
    let rows = sqlx::query(query)
        .bind(before.map_or(i64::MAX, Timestamp::as_millisecond))
        .bind(i64::from(at_most))
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| from_json(row.get(0))).collect()
}

pub(super) async fn incident(pool: &SqlitePool, id: IncidentId) -> Result<Option<Incident>> {
    let row = sqlx::query("SELECT body FROM incident WHERE id = $1").bind(id.to_string()).fetch_optional(pool).await?;
    row.map(|row| from_json(row.get(0))).transpose()
}

pub(super) async fn last_push(pool: &SqlitePool, probe: &ProbeId) -> Result<Option<Push>> {
    let row =
        sqlx::query("SELECT body FROM push WHERE probe = $1").bind(probe.to_string()).fetch_optional(pool).await?;
    row.map(|row| from_json(row.get(0))).transpose()
}

pub(super) async fn series_of(pool: &SqlitePool, probe: &ProbeId) -> Result<Vec<(i64, Series)>> {
    let rows = sqlx::query("SELECT id, persona, vantage FROM series WHERE probe = $1 ORDER BY id")
        .bind(probe.to_string())
        .fetch_all(pool)
        .await?;
    let series = rows.iter().map(|row| {
        let persona: &str = row.get(1);
        let persona = Some(persona).filter(|persona| !persona.is_empty()).map(Into::into);
        (row.get(0), Series { probe: probe.clone(), persona, vantage: row.get::<&str, _>(2).into() })
    });
    Ok(series.collect())
}

/// Briefs that are in no block yet, of these series and from..to.
pub(super) async fn unsorted(
    pool: &SqlitePool,
    series: &[(i64, Series)],
    from: i64,
    to: i64,
) -> Result<HashMap<i64, Vec<Brief>>> {
    let mut found: HashMap<i64, Vec<Brief>> = series.iter().map(|(id, _)| (*id, Vec::new())).collect();
    for row in sqlx::query("SELECT data FROM batch ORDER BY id").fetch_all(pool).await? {
        for (id, brief) in unpack_mixed(row.get(0)).map_err(malformed)? {
            if let Some(briefs) = found.get_mut(&id)
                && (from..to).contains(&brief.at)
            {
                briefs.push(brief);
            }
        }
    }
    Ok(found)
}

pub(super) async fn readings(
    pool: &SqlitePool,
    probe: &ProbeId,
    before: Option<Timestamp>,
    at_most: u32,
) -> Result<Vec<Reading>> {
    let wanted = at_most as usize;
    let before = before.map_or(i64::MAX, Timestamp::as_millisecond);
    let series = series_of(pool, probe).await?;
    // Before the blocks: what is sorted in between is seen twice and not never.
    let mut fresh = unsorted(pool, &series, i64::MIN, before).await?;
    let mut newest: Vec<(i64, &Series, Brief)> = Vec::new();
    for (id, series) in &series {
        let mut briefs = Vec::new();
        merge(&mut briefs, &fresh.remove(id).unwrap_or_default());
        newest_of_blocks(pool, *id, before, wanted, &mut briefs).await?;
        newest.extend(briefs.into_iter().rev().take(wanted).map(|brief| (*id, series, brief)));
    }
    newest.sort_by_key(|(_, _, brief)| std::cmp::Reverse(brief.at));
    newest.truncate(wanted);

    let ids: Vec<i64> = newest.iter().map(|(id, _, brief)| id << DETAIL_TIME_BITS | brief.at).collect();
    let rows = sqlx::query("SELECT id, body FROM detail WHERE id IN (SELECT value FROM json_each($1))")
        .bind(to_json(&ids)?)
        .fetch_all(pool)
        .await?;
    let mut details: HashMap<i64, Reading> = HashMap::new();
    for row in &rows {
        let body: &[u8] = row.get(1);
        details.insert(row.get(0), serde_json::from_slice(body).map_err(|error| sqlx::Error::Decode(error.into()))?);
    }
    let words = words(pool).await?;
    let full = newest.iter().zip(ids).map(|((_, series, brief), id)| {
        let whole = details.remove(&id).map(|reading| named(reading, &series.probe));
        whole.unwrap_or_else(|| from_brief(series, brief, words.get(&brief.why)))
    });
    Ok(full.collect())
}

/// A reading as its probe is called now.
fn named(mut reading: Reading, probe: &ProbeId) -> Reading {
    let former = std::mem::replace(&mut reading.probe, probe.clone());
    let own = reading.outcome.samples.iter_mut().filter(|sample| sample.probe == former);
    own.for_each(|sample| sample.probe.clone_from(probe));
    reading
}

/// Adds blocks from the newest back, until there are enough readings.
async fn newest_of_blocks(
    pool: &SqlitePool,
    series: i64,
    before: i64,
    wanted: usize,
    briefs: &mut Vec<Brief>,
) -> Result<()> {
    let mut last = if before == i64::MAX { ((series + 1) << BLOCK_HOUR_BITS) - 1 } else { block_id(series, before) };
    while briefs.len() < wanted {
        let rows = sqlx::query("SELECT id, data FROM block WHERE id >= $1 AND id <= $2 ORDER BY id DESC LIMIT $3")
            .bind(series << BLOCK_HOUR_BITS)
            .bind(last)
            .bind(BLOCKS_AT_ONCE)
            .fetch_all(pool)
            .await?;
        let Some(oldest) = rows.last() else { break };
        last = oldest.get::<i64, _>(0) - 1;
        for row in &rows {
            let mut more = unpack(row.get(1)).map_err(malformed)?;
            more.retain(|brief| brief.at < before);
            merge(briefs, &more);
            if briefs.len() >= wanted {
                break;
            }
        }
    }
    Ok(())
}

async fn words(pool: &SqlitePool) -> Result<HashMap<u64, String>> {
    let rows = sqlx::query("SELECT id, text FROM word").fetch_all(pool).await?;
    Ok(rows.iter().map(|row| (row.get::<i64, _>(0).unsigned_abs(), row.get(1))).collect())
}

/// A reading of which only the brief was kept.
fn from_brief(series: &Series, brief: &Brief, word: Option<&String>) -> Reading {
    const GONE: &str = "its details were not kept";
    let word = word.map_or("", String::as_str);
    let (verdict, fault) = match brief.kind {
        Kind::Good => (Verdict::Good, None),
        Kind::Slow => (Verdict::Slow, None),
        Kind::Failed => {
            let code = FaultCode::ALL.iter().find(|code| code.code() == word).copied();
            let fault = Fault::new(code.unwrap_or(FaultCode::Expectation), GONE);
            (Verdict::Failed(fault.clone()), Some(fault))
        }
        Kind::Inconclusive => {
            let why = SelfFault::ALL.iter().find(|why| why.code() == word).copied();
            (Verdict::Inconclusive { why: why.unwrap_or(SelfFault::Panicked), text: GONE.into() }, None)
        }
        Kind::Skipped => {
            let why = serde_json::from_value(word.into()).unwrap_or(Why::Overloaded);
            (Verdict::Skipped(why), None)
        }
    };
    let seen = matches!(brief.kind, Kind::Good | Kind::Slow | Kind::Failed);
    let sample = seen.then(|| Sample { probe: series.probe.clone(), quality: brief.quality(), fault });
    Reading {
        probe: series.probe.clone(),
        persona: series.persona.clone(),
        vantage: series.vantage.clone(),
        trigger: brief.trigger,
        asked_by: None,
        scheduled: brief.scheduled(),
        started: brief.started(),
        trace: TraceId::default(),
        span: SpanId::default(),
        outcome: Outcome { verdict, samples: sample.into_iter().collect(), took: brief.took, steps: Vec::new() },
    }
}
