//! Readings, scores and pushes on their way in.

use std::collections::{HashMap, VecDeque};

use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::decide::to_json;
use super::losses;
use super::scribe::Done;
use crate::model::{ProbeId, Quality, Reading, Series, Verdict};
use crate::store::brief::{Brief, Kind, pack_mixed};
use crate::store::{Batch, Push, ScorePoint};

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) const MINUTE: i64 = 1;
pub(super) const HOUR: i64 = 2;
pub(super) const DAY: i64 = 3;
/// A detail's id is its series' number and the time in so many bits: enough until the year 2109.
pub(super) const DETAIL_TIME_BITS: i64 = 42;

/// Of good runs, whole readings are kept so often and so many.
const GOOD_EVERY_MS: i64 = 300_000;
const GOOD_MAX: usize = 8;
/// Of bad ones the first of a row, then so often.
const BAD_FIRST: u32 = 5;
const BAD_EVERY_MS: i64 = 30_000;
/// Another reason begins another row, but not more often than this.
const BAD_OTHER_EVERY_MS: i64 = 5000;
const DETAILS_A_STATEMENT: usize = 250;

/// Numbers that names have in the file, and what was kept last of each series. Forgotten when a commit fails.
#[derive(Default)]
pub(super) struct Ledger {
    words: HashMap<String, u64>,
    series: HashMap<Series, i64>,
    kept: HashMap<i64, Kept>,
}

/// Readings to be kept whole, and ids of those that go for them.
#[derive(Default)]
struct Details {
    new: Vec<(i64, bool, Vec<u8>)>,
    gone: Vec<i64>,
}

impl Details {
    /// Few statements for many rows: each one is a trip to SQLite's own thread and back.
    async fn write(mut self, connection: &mut SqliteConnection) -> Result<()> {
        while !self.new.is_empty() {
            let some = self.new.split_off(self.new.len().saturating_sub(DETAILS_A_STATEMENT));
            let mut insert = QueryBuilder::new("INSERT INTO detail (id, good, body) ");
            insert.push_values(some, |mut row, (id, good, body)| {
                row.push_bind(id).push_bind(good).push_bind(body);
            });
            insert.push(" ON CONFLICT (id) DO NOTHING").build().persistent(false).execute(&mut *connection).await?;
        }
        if !self.gone.is_empty() {
            sqlx::query("DELETE FROM detail WHERE id IN (SELECT value FROM json_each($1))")
                .bind(to_json(&self.gone)?)
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}

/// What has been kept whole of one series.
#[derive(Default)]
struct Kept {
    /// Ids of good ones, the oldest first.
    good: VecDeque<i64>,
    /// When a bad one was kept last, and how many bad ones there have been in a row.
    bad_at: i64,
    bad_why: u64,
    bad_in_a_row: u32,
}

impl Kept {
    fn wants(&mut self, brief: &Brief) -> bool {
        const TIME: i64 = (1 << DETAIL_TIME_BITS) - 1;
        let since = |at: i64| i64::try_from(brief.at.abs_diff(at)).unwrap_or(i64::MAX);
        match brief.kind {
            Kind::Skipped => return false,
            Kind::Good => {
                self.bad_in_a_row = 0;
                return self.good.back().is_none_or(|last| since(last & TIME) >= GOOD_EVERY_MS);
            }
            Kind::Slow | Kind::Failed | Kind::Inconclusive => {}
        }
        if brief.why != self.bad_why && since(self.bad_at) >= BAD_OTHER_EVERY_MS {
            self.bad_in_a_row = 0;
        }
        self.bad_in_a_row = self.bad_in_a_row.saturating_add(1);
        let wanted = self.bad_in_a_row <= BAD_FIRST || since(self.bad_at) >= BAD_EVERY_MS;
        if wanted {
            (self.bad_at, self.bad_why) = (brief.at, brief.why);
        }
        wanted
    }
}

pub(super) async fn write(connection: &mut SqliteConnection, ledger: &mut Ledger, batches: &[Batch]) -> Result<Done> {
    let (mut briefs, mut details) = (Vec::new(), Details::default());
    for reading in batches.iter().flat_map(|batch| &batch.readings) {
        take_down(connection, ledger, reading, (&mut briefs, &mut details)).await?;
    }
    details.write(connection).await?;
    if !briefs.is_empty() {
        sqlx::query("INSERT INTO batch (data) VALUES ($1)").bind(pack_mixed(&briefs)).execute(&mut *connection).await?;
    }
    for batch in batches {
        for point in &batch.scores {
            score(connection, ledger, point).await?;
            losses::write(connection, ledger, point).await?;
        }
    }
    Ok(Done::Written)
}

async fn take_down(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    reading: &Reading,
    (briefs, details): (&mut Vec<(i64, Brief)>, &mut Details),
) -> Result<()> {
    let outcome = &reading.outcome;
    let kind = Kind::of(&outcome.verdict);
    let why = match code(&outcome.verdict) {
        Some(code) => ledger.word(connection, &code).await?,
        None => 0,
    };
    let own = outcome.samples.iter().find(|sample| sample.probe == reading.probe);
    let quality = own.map_or(Quality::NONE, |sample| sample.quality);
    let series = ledger.series(connection, &reading.series()).await?;
    let brief = Brief::new(reading, kind, quality, outcome.took, why);
    briefs.push((series, brief));
    if ledger.kept.entry(series).or_default().wants(&brief) {
        keep(connection, ledger, (series, &brief, reading), details).await?;
    }
    // What the run says of other touchpoints stands there as a series of its own.
    for sample in outcome.samples.iter().filter(|sample| sample.probe != reading.probe) {
        let of = Series { probe: sample.probe.clone(), ..reading.series() };
        let series = ledger.series(connection, &of).await?;
        let (kind, why) = match &sample.fault {
            Some(fault) => (Kind::Failed, ledger.word(connection, fault.code.code()).await?),
            None if sample.quality < Quality::PERFECT => (Kind::Slow, 0),
            None => (Kind::Good, 0),
        };
        let there = |step: &&crate::model::StepOutcome| step.on.as_ref() == Some(&sample.probe.touchpoint);
        let took = outcome.steps.iter().filter(there).map(|step| step.took).sum();
        briefs.push((series, Brief::new(reading, kind, sample.quality, took, why)));
    }
    Ok(())
}

/// The reason's stable code.
fn code(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Failed(fault) => Some(fault.code.code().to_owned()),
        Verdict::Inconclusive { why, .. } => Some(why.code().to_owned()),
        Verdict::Skipped(why) => serde_json::to_value(why).ok()?.as_str().map(str::to_owned),
        Verdict::Good | Verdict::Slow => None,
    }
}

async fn keep(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    (series, brief, reading): (i64, &Brief, &Reading),
    details: &mut Details,
) -> Result<()> {
    let id = series << DETAIL_TIME_BITS | brief.at.max(0);
    let good = brief.kind == Kind::Good;
    details.new.push((id, good, to_json(reading)?.into_bytes()));
    let kept = ledger.kept.entry(series).or_default();
    if !good {
        return Ok(());
    }
    if kept.good.is_empty() {
        // After a start: what an earlier process kept.
        let rows = sqlx::query("SELECT id FROM detail WHERE good AND id >= $1 AND id < $2 ORDER BY id")
            .bind(series << DETAIL_TIME_BITS)
            .bind(id)
            .fetch_all(&mut *connection)
            .await?;
        kept.good.extend(rows.iter().map(|row| row.get::<i64, _>(0)));
    }
    kept.good.push_back(id);
    while kept.good.len() > GOOD_MAX {
        details.gone.extend(kept.good.pop_front());
    }
    Ok(())
}

async fn score(connection: &mut SqliteConnection, ledger: &mut Ledger, point: &ScorePoint) -> Result<()> {
    let journey = ledger.word(connection, point.journey.as_str()).await?;
    sqlx::query(
        "INSERT INTO score (journey, span, at, score, felt, observed, lost_minutes, unobserved_minutes, minutes, scored,
                            planned_minutes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $4 IS NOT NULL, $9) ON CONFLICT (journey, span, at) DO UPDATE SET
         score = excluded.score, felt = excluded.felt, observed = excluded.observed,
         lost_minutes = excluded.lost_minutes, unobserved_minutes = excluded.unobserved_minutes,
         scored = excluded.scored, planned_minutes = excluded.planned_minutes",
    )
    .bind(journey.cast_signed())
    .bind(MINUTE)
    .bind(point.at.as_millisecond().div_euclid(60_000) * 60_000)
    .bind(point.score)
    .bind(point.felt)
    .bind(point.observed)
    .bind(point.lost_minutes)
    .bind(point.unobserved_minutes)
    .bind(point.planned_minutes)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn push(connection: &mut SqliteConnection, probe: &ProbeId, push: &Push) -> Result<()> {
    sqlx::query("INSERT INTO push (probe, body) VALUES ($1, $2) ON CONFLICT (probe) DO UPDATE SET body = excluded.body")
        .bind(probe.to_string())
        .bind(to_json(push)?)
        .execute(connection)
        .await
        .map(drop)
}

impl Ledger {
    pub(super) async fn word(&mut self, connection: &mut SqliteConnection, text: &str) -> Result<u64> {
        if let Some(number) = self.words.get(text) {
            return Ok(*number);
        }
        sqlx::query("INSERT INTO word (text) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(text.to_owned())
            .execute(&mut *connection)
            .await?;
        let row =
            sqlx::query("SELECT id FROM word WHERE text = $1").bind(text.to_owned()).fetch_one(connection).await?;
        let number = row.get::<i64, _>(0).unsigned_abs();
        self.words.insert(text.to_owned(), number);
        Ok(number)
    }

    async fn series(&mut self, connection: &mut SqliteConnection, series: &Series) -> Result<i64> {
        if let Some(number) = self.series.get(series) {
            return Ok(*number);
        }
        let persona = series.persona.as_ref().map_or("", |persona| persona.as_str()).to_owned();
        let (probe, vantage) = (series.probe.to_string(), series.vantage.to_string());
        sqlx::query("INSERT INTO series (probe, persona, vantage) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(&probe)
            .bind(&persona)
            .bind(&vantage)
            .execute(&mut *connection)
            .await?;
        let row = sqlx::query("SELECT id FROM series WHERE probe = $1 AND persona = $2 AND vantage = $3")
            .bind(probe)
            .bind(persona)
            .bind(vantage)
            .fetch_one(connection)
            .await?;
        let number = row.get(0);
        self.series.insert(series.clone(), number);
        Ok(number)
    }
}
