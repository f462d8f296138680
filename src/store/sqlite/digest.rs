//! Availability and latency over any window, from single runs, hours and days.

use jiff::Timestamp;
use sqlx::{Row, SqlitePool};

use super::look::{malformed, series_of, unsorted};
use super::record::{DAY, HOUR};
use super::tidy::{DAY_MS, HOUR_MS, block_id};
use crate::model::ProbeId;
use crate::store::Digest;
use crate::store::brief::{Brief, merge, unpack};
use crate::store::rollup::Rollup;

type Result<T> = std::result::Result<T, sqlx::Error>;

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
