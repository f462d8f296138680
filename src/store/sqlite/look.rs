//! Reading back: runs, digests, incidents, what a restart begins with.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{Row, SqlitePool};

use super::decide::{from_json, to_json};
use super::record::{DAY, DETAIL_TIME_BITS, HOUR};
use super::tidy::{DAY_MS, HOUR_MS, block_id};
use crate::model::{
    Fault, FaultCode, Incident, IncidentId, Outcome, ProbeId, Reading, Sample, SelfFault, Series, SpanId, TraceId,
    Verdict, Why,
};
use crate::store::brief::{Brief, Kind, Malformed, merge, unpack, unpack_mixed};
use crate::store::rollup::Rollup;
use crate::store::{Digest, IncidentFilter, Push, Restored};

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
    })
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

async fn series_of(pool: &SqlitePool, probe: &ProbeId) -> Result<Vec<(i64, Series)>> {
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
async fn unsorted(pool: &SqlitePool, series: &[(i64, Series)], from: i64, to: i64) -> Result<HashMap<i64, Vec<Brief>>> {
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
        details.remove(&id).unwrap_or_else(|| from_brief(series, brief, words.get(&brief.why)))
    });
    Ok(full.collect())
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
        scheduled: brief.scheduled(),
        started: brief.started(),
        trace: TraceId::default(),
        span: SpanId::default(),
        outcome: Outcome { verdict, samples: sample.into_iter().collect(), took: brief.took, steps: Vec::new() },
    }
}

pub(super) async fn digest(pool: &SqlitePool, probe: &ProbeId, from: Timestamp, to: Timestamp) -> Result<Digest> {
    let (from, to) = (from.as_millisecond(), to.as_millisecond());
    let series = series_of(pool, probe).await?;
    // Marks first, then what is not sorted, then blocks: what moves on in between is seen at least once, and merged.
    let row =
        sqlx::query("SELECT (SELECT value FROM meta WHERE key = 'hours'), (SELECT value FROM meta WHERE key = 'days')")
            .fetch_one(pool)
            .await?;
    let hours_done = row.get::<Option<i64>, _>(0).map_or(i64::MIN, |hour| hour * HOUR_MS);
    let days_done = row.get::<Option<i64>, _>(1).map_or(i64::MIN, |day| day * DAY_MS);
    let parts = Parts::of(from, to, hours_done, days_done);

    let mut fresh = unsorted(pool, &series, from, to).await?;
    let mut sum = Rollup::default();
    for (id, _) in &series {
        let fresh = fresh.remove(id).unwrap_or_default();
        for (from, to) in &parts.raw {
            let mut briefs: Vec<Brief> =
                fresh.iter().filter(|brief| (*from..*to).contains(&brief.at)).copied().collect();
            add_blocks(pool, *id, *from, *to, &mut briefs).await?;
            sum.merge(&Rollup::of(&briefs));
        }
        for (span, from, to) in &parts.rolled {
            let rows = sqlx::query("SELECT data FROM rollup WHERE series = $1 AND span = $2 AND at >= $3 AND at < $4")
                .bind(*id)
                .bind(*span)
                .bind(*from)
                .bind(*to)
                .fetch_all(pool)
                .await?;
            for row in &rows {
                sum.merge(&Rollup::unpack(row.get(0)).map_err(malformed)?);
            }
        }
    }
    Ok(sum.digest())
}

async fn add_blocks(pool: &SqlitePool, series: i64, from: i64, to: i64, briefs: &mut Vec<Brief>) -> Result<()> {
    let rows = sqlx::query("SELECT data FROM block WHERE id >= $1 AND id <= $2")
        .bind(block_id(series, from))
        .bind(block_id(series, to))
        .fetch_all(pool)
        .await?;
    let mut found = std::mem::take(briefs);
    for row in &rows {
        found.extend(unpack(row.get(0)).map_err(malformed)?.into_iter().filter(|brief| (from..to).contains(&brief.at)));
    }
    merge(briefs, &found);
    Ok(())
}

/// A window of time cut up by what is known of it: whole days, whole hours, single runs at the edges.
#[derive(Debug, PartialEq)]
struct Parts {
    raw: Vec<(i64, i64)>,
    rolled: Vec<(i64, i64, i64)>,
}

impl Parts {
    fn of(from: i64, to: i64, hours_done: i64, days_done: i64) -> Self {
        let up = |at: i64, unit: i64| (at + unit - 1).div_euclid(unit) * unit;
        let down = |at: i64, unit: i64| at.div_euclid(unit) * unit;
        let (first, last) = (up(from, HOUR_MS), down(to, HOUR_MS).min(hours_done));
        if first >= last {
            return Self { raw: vec![(from, to)], rolled: Vec::new() };
        }
        let (first_day, last_day) = (up(first, DAY_MS), down(last, DAY_MS).min(days_done));
        let rolled = if first_day < last_day {
            vec![(HOUR, first, first_day), (DAY, first_day, last_day), (HOUR, last_day, last)]
        } else {
            vec![(HOUR, first, last)]
        };
        let rolled = rolled.into_iter().filter(|(_, from, to)| from < to).collect();
        let raw = [(from, first), (last, to)].into_iter().filter(|(from, to)| from < to).collect();
        Self { raw, rolled }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_of_a_window_cover_it_once(
            from in 0..200 * HOUR_MS, length in 0..200 * HOUR_MS, hours_done in 0..400_i64, days_done in 0..16_i64,
        ) {
            let to = from + length;
            let parts = Parts::of(from, to, hours_done * HOUR_MS, days_done.min(hours_done / 24) * DAY_MS);
            let mut all: Vec<_> = parts.raw.iter().copied().chain(parts.rolled.iter().map(|(_, a, b)| (*a, *b))).collect();
            all.sort_unstable();
            let mut at = from;
            for (begin, end) in all.into_iter().filter(|(begin, end)| begin < end) {
                prop_assert_eq!(begin, at);
                at = end;
            }
            prop_assert_eq!(at, to);
        }
    }
}
