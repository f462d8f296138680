//! `unbroken explain`: why a journey's score is what it is, now or at a time past.

mod past;
mod told;

use jiff::Timestamp;
use serde_json::json;

pub(super) use self::past::peek;
pub(super) use self::told::{Tense, print};
use super::terminal::say;
use super::{Exit, Format, Global, Stop, probe, site, terminal};
use crate::config::{Plan, Secrets};
use crate::model::JourneyId;
use crate::web;

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
            Err(stop) if stop.exit == Exit::Failure && !self.site.is_given() => self.last_known(global).await,
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

    fn known(&self, plan: &Plan) -> Result<JourneyId, Stop> {
        let id = JourneyId::new(&self.journey);
        match plan.map.journey(&id) {
            Some(_) => Ok(id),
            None => Err(self.unknown(plan.map.journeys.iter().map(|journey| journey.id.to_string()))),
        }
    }

    /// What the daemon knew when it last looked round. A store without that is asked for its readings.
    async fn last_known(&self, global: &Global) -> Result<Exit, Stop> {
        let plan = global.plan(Secrets::Without)?;
        let id = self.known(&plan)?;
        let Some(snapshot) = past::last_known(&plan).await? else {
            return self.at_time(global, crate::clock::Clock::system().now()).await;
        };
        let mut journey = web::journey(&terminal::english(), &snapshot, &id).ok_or_else(off_the_board)?;
        journey["last_looked"] = json!(format!("{:.3}", snapshot.at));
        if global.format == Format::Json {
            say!("{journey:#}");
        } else {
            let at = snapshot.at;
            terminal::tell(&format!(
                "No daemon was asked; this is what one knew when it last looked round, at {at:.0}"
            ));
            print(&journey, Tense::Watched);
        }
        Ok(Exit::Well)
    }

    /// Replays what was stored up to `at` into a board: the same readings give the same score.
    async fn at_time(&self, global: &Global, at: Timestamp) -> Result<Exit, Stop> {
        let plan = global.plan(Secrets::Without)?;
        let id = self.known(&plan)?;
        let past = past::recall(&plan, &id, at).await?;
        let mut journey = web::journey(&terminal::english(), &past.snapshot, &id).ok_or_else(off_the_board)?;
        journey["left_out"] = json!(past.left_out);
        journey["recorded"] = json!(past.recorded);
        if global.format == Format::Json {
            say!("{journey:#}");
            return Ok(Exit::Well);
        }
        terminal::tell(&format!("No daemon was asked; this is what the store knows of {at:.0}"));
        print(&journey, Tense::Watched);
        for check in &past.left_out {
            say!("        Not known any more, and left out: whether “{check}”. What was read then was not kept.");
        }
        if let Some(recorded) = past.recorded {
            let minute = terminal::english().moment(at, past.snapshot.at, &plan.map.timezone);
            say!("        Written down over the minute of {minute}: {recorded:.1}");
        }
        Ok(Exit::Well)
    }
}

fn off_the_board() -> Stop {
    Stop::failure("the journey is not on the board")
}
