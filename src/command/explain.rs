//! `unbroken explain`: why a journey's score is what it is, now or at a time past.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::terminal::say;
use super::{Exit, Format, Global, Stop, probe, site, terminal};
use crate::board::Board;
use crate::config::{Plan, Secrets};
use crate::model::{JourneyId, Snapshot};
use crate::store::Store;
use crate::web;

/// Readings of a series that decide its health at a moment: its window of ten, and enough before it for the detector.
const READINGS_PER_SERIES: u32 = 60;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The journey's id
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
            return self.at_time(global, at).await;
        }
        let path = format!("/api/v1/journeys/{}", self.journey);
        match self.site.get(global, &path).await {
            Ok(journey) => {
                if global.format == Format::Json {
                    say!("{journey:#}");
                } else {
                    print(&journey, Tense::Watched);
                }
                Ok(Exit::Well)
            }
            // No daemon runs, and none was named: the store still knows.
            Err(stop) if stop.exit == Exit::Failure && !self.site.is_given() => {
                self.at_time(global, crate::clock::Clock::system().now()).await
            }
            Err(stop) if stop.exit == Exit::Usage => {
                let status = self.site.get(global, "/api/v1/status").await?;
                let known = status["journeys"].as_array().into_iter().flatten();
                Err(self.unknown(known.filter_map(|journey| Some(journey["id"].as_str()?.to_owned()))))
            }
            Err(stop) => Err(stop),
        }
    }

    fn unknown(&self, known: impl Iterator<Item = String>) -> Stop {
        Stop::usage(format!("there is no journey `{}`{}", self.journey, probe::near(&self.journey, known)))
    }

    /// Replays what was stored up to `at` into a board: the same readings give the same score.
    async fn at_time(&self, global: &Global, at: Timestamp) -> Result<Exit, Stop> {
        let plan = global.plan(Secrets::Without)?;
        let id = JourneyId::new(&self.journey);
        if plan.map.journey(&id).is_none() {
            return Err(self.unknown(plan.map.journeys.iter().map(|journey| journey.id.to_string())));
        }
        let snapshot = replay(&plan, at).await?;
        let journey = web::journey(&snapshot, &id).ok_or_else(|| Stop::failure("the journey is not on the board"))?;
        if global.format == Format::Json {
            say!("{journey:#}");
        } else {
            terminal::tell(&format!("No daemon was asked; this is what the store knows of {at:.0}"));
            print(&journey, Tense::Watched);
        }
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
        board.apply(&[Arc::new(reading)], ended);
    }
    board.tick(at);
    Ok(board.snapshot(at))
}

/// Whether a journey was watched for long, or walked just once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tense {
    Watched,
    Walked,
}

/// The score, the sentence, and what costs it, the dearest first: shares that sum to what is lost.
pub(super) fn print(journey: &Value, tense: Tense) {
    let score = journey["score"].as_f64();
    let style = terminal::score_style(score);
    let bold = terminal::BOLD;
    say!("{style}{:>6}{style:#}  {bold}{}{bold:#}", terminal::score_text(score), text(&journey["title"]));
    say!("        {}", text(&journey["sentence"]));
    let mut costs: Vec<(f64, String)> = Vec::new();
    let stages = journey["stages"].as_array().into_iter().flatten();
    for element in stages.flat_map(|stage| stage["elements"].as_array().into_iter().flatten()) {
        let members = element["any_of"].as_array().map_or(std::slice::from_ref(element), Vec::as_slice);
        costs.extend(members.iter().map(|member| (share(member), cost(member, score, tense))));
    }
    let checks = journey["consistency"].as_array().into_iter().flatten();
    costs.extend(checks.map(|check| (share(check), disagreement(check))));
    costs.retain(|(share, _)| *share > 0.0);
    costs.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (share, what) in costs {
        say!("{:>14}  {what}", format!("-{share:.1}"));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn share(element: &Value) -> f64 {
    element["share"].as_f64().unwrap_or_default()
}

/// "billing, down since …: status: expected 200, found 500 (if mended: 83.0)"
fn cost(element: &Value, score: Option<f64>, tense: Tense) -> String {
    let dim = terminal::DIM;
    let place = match element["probe"].as_str() {
        Some(probe) => format!("{}/{probe}", text(&element["touchpoint"])),
        None => text(&element["touchpoint"]).to_owned(),
    };
    let state = match tense {
        Tense::Watched => format!(", {} since {}", text(&element["state"]), text(&element["since"])),
        Tense::Walked => String::new(),
    };
    let fault = element["fault"]["text"].as_str().map(|fault| format!(": {fault}")).unwrap_or_default();
    let gain = element["gain_if_fixed"].as_f64().unwrap_or(0.0);
    let mended = score.map(|score| format!(" {dim}(if mended: {:.1}){dim:#}", score + gain)).unwrap_or_default();
    format!("{place}{state}{fault}{mended}")
}

/// "The price is the same everywhere: 34.99 at web/ad-landing.price, 29.99 at shop/plan-page.price"
fn disagreement(check: &Value) -> String {
    let values = check["values"].as_array().into_iter().flatten();
    let values =
        values.map(|seen| format!("{} at {}", seen["value"].as_str().unwrap_or("nothing"), text(&seen["source"])));
    format!("{}: {}", text(&check["name"]), values.collect::<Vec<_>>().join(", "))
}
