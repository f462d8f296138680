//! `unbroken explain`: why a journey's score is what it is, now or at a time past.

use std::path::Path;
use std::sync::Arc;

use anstream::println;
use jiff::Timestamp;
use serde_json::Value;

use super::{Exit, Format, Global, Stop, probe, site, terminal, walk};
use crate::board::Board;
use crate::config::Plan;
use crate::model::{JourneyId, Score, Snapshot};
use crate::store::Store;
use crate::words;

/// Readings of a series that decide its health at a moment: its window of ten, and enough before it for the detector.
const READINGS_PER_SERIES: u32 = 60;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    journey: String,
    /// As it was then, from the store: 2026-05-01T09:40:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    site: site::At,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        if let Some(at) = self.at {
            return self.from_store(global, at).await;
        }
        let path = format!("/api/v1/journeys/{}", self.journey);
        match self.site.get(global, &path).await {
            Ok(journey) => {
                if global.format == Format::Json {
                    println!("{journey:#}")
                } else {
                    print(&journey)
                }
                Ok(Exit::Well)
            }
            // No daemon runs, and none was named: the store still knows.
            Err(stop) if stop.exit == Exit::Failure && !self.site.is_given() => {
                self.from_store(global, crate::clock::Clock::system().now()).await
            }
            Err(stop) => Err(stop),
        }
    }

    /// Replays what was stored up to `at` into a board: the same readings give the same score.
    async fn from_store(&self, global: &Global, at: Timestamp) -> Result<Exit, Stop> {
        let plan = global.plan()?;
        let id = JourneyId::new(&self.journey);
        if plan.map.journey(&id).is_none() {
            let hint = probe::near(&self.journey, plan.map.journeys.iter().map(|journey| journey.id.to_string()));
            return Err(Stop::usage(format!("there is no journey `{}`{hint}", self.journey)));
        }
        let snapshot = replay(&plan, at).await?;
        let now = snapshot.journey(&id).ok_or_else(|| Stop::failure("the journey is not on the board"))?;
        let costs = walk::costs(now, &snapshot);
        if global.format == Format::Json {
            let answer = serde_json::json!({ "id": id, "at": at, "score": now.score, "observed": now.observed,
                "color": now.color, "sentence": words::journey(now, &snapshot), "costs": costs });
            println!("{answer:#}");
            return Ok(Exit::Well);
        }
        let points = now.score.map(Score::points);
        let (style, dim) = (terminal::score_style(points), terminal::DIM);
        println!(
            "{style}{:>6}{style:#}  {} {dim}at {at}, from the store{dim:#}",
            terminal::score_text(points),
            words::journey(now, &snapshot)
        );
        costs.iter().for_each(|cost| println!("        {cost}"));
        Ok(Exit::Well)
    }
}

async fn replay(plan: &Plan, at: Timestamp) -> Result<Snapshot, Stop> {
    let path: &Path = &plan.store.path;
    if !path.exists() {
        return Err(Stop::failure(format!("no daemon answers, and there is no store at {}", path.display())));
    }
    let store = crate::store::sqlite::Sqlite::peek(&plan.store)
        .await
        .map_err(|error| Stop::own("cannot read the store", &error))?;
    let mut readings = Vec::new();
    for probe in plan.map.probes().filter(|probe| probe.origin.is_none()) {
        let series = (probe.personas.len().max(1) * plan.map.vantages.len()) as u32;
        let before = at.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(at);
        let some = store
            .readings(&probe.id, Some(before), READINGS_PER_SERIES * series)
            .await
            .map_err(|error| Stop::own("cannot read the store", &error))?;
        readings.extend(some);
    }
    readings.sort_by_key(crate::model::Reading::ended);
    let began = readings.first().map_or(at, |reading| reading.started);
    let mut board = Board::new(Arc::clone(&plan.map), Box::new(uuid::Uuid::now_v7), began);
    for reading in readings {
        let ended = reading.ended();
        board.apply(Arc::new(reading), ended);
    }
    board.tick(at);
    Ok(board.snapshot(at))
}

fn print(journey: &Value) {
    let score = journey["score"].as_f64();
    let style = terminal::score_style(score);
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    println!("{style}{:>6}{style:#}  {bold}{}{bold:#}", terminal::score_text(score), text(&journey["title"]));
    println!("        {}", text(&journey["sentence"]));
    let mut costs: Vec<(f64, String)> = Vec::new();
    let stages = journey["stages"].as_array().into_iter().flatten();
    for element in stages.flat_map(|stage| stage["elements"].as_array().into_iter().flatten()) {
        let members = element["any_of"].as_array().map_or(std::slice::from_ref(element), Vec::as_slice);
        for member in members {
            let share = member["share"].as_f64().unwrap_or(0.0);
            if share > 0.0 {
                costs.push((share, cost(member, score)));
            }
        }
    }
    for check in journey["consistency"].as_array().into_iter().flatten() {
        let share = check["share"].as_f64().unwrap_or(0.0);
        if share > 0.0 {
            costs.push((share, format!("{} {dim}disagrees{dim:#}", text(&check["name"]))));
        }
    }
    costs.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (share, what) in costs {
        println!("{:>14}  {what}", format!("-{share:.1}"));
    }
}

/// "billing, down since …: status: expected 200, found 500 (if mended: 83.0)"
fn cost(element: &Value, score: Option<f64>) -> String {
    let dim = terminal::DIM;
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let place = match element["probe"].as_str() {
        Some(probe) => format!("{}/{probe}", text(&element["touchpoint"])),
        None => text(&element["touchpoint"]),
    };
    let fault = element["fault"]["text"].as_str().map(|fault| format!(": {fault}")).unwrap_or_default();
    let gain = element["gain_if_fixed"].as_f64().unwrap_or(0.0);
    let mended = score.map(|score| format!(" {dim}(if mended: {:.1}){dim:#}", score + gain)).unwrap_or_default();
    format!("{place}, {} since {}{fault}{mended}", text(&element["state"]), text(&element["since"]))
}
