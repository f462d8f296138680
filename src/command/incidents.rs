//! `unbroken incidents`: what is broken now, or was.

use jiff::Timestamp;
use serde_json::Value;

use super::terminal::{say, text};
use super::{Exit, Format, Global, Stop, site, terminal};
use crate::clock::Clock;
use crate::words::Words;

const LIMIT: u32 = 20;
const LIMIT_MAX: i64 = 500;
const STATES: [&str; 3] = ["open", "closed", "all"];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One incident as a document: its id, how that begins, or the touchpoint at the root of an open one
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    /// Those that are open, closed, or all
    #[arg(long, value_parser = STATES, default_value = "open")]
    state: String,
    /// At most so many, the newest
    #[arg(long, default_value_t = LIMIT, value_parser = clap::value_parser!(u32).range(1..=LIMIT_MAX))]
    limit: u32,
    #[command(flatten)]
    at: site::At,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        if let Some(meant) = &self.incident {
            return document(&self.at, global, meant).await;
        }
        let path = format!("/api/v1/incidents?state={}&limit={}", self.state, self.limit);
        let answer = self.at.get(global, &path).await?;
        let (words, now) = (terminal::english(), Clock::system().now());
        let which = if self.state == "all" { "" } else { &format!("{} ", self.state) };
        terminal::list(global, &answer, |incident| print(&words, incident, now), &format!("no {which}incidents"));
        Ok(Exit::Well)
    }
}

/// Markdown, or all that is known as JSON.
async fn document(at: &site::At, global: &Global, meant: &str) -> Result<Exit, Stop> {
    let id = match meant.parse::<uuid::Uuid>() {
        Ok(_) => meant.to_owned(),
        Err(_) => one(at, global, meant, "all").await?,
    };
    if global.format == Format::Json {
        say!("{:#}", at.get(global, &format!("/api/v1/incidents/{id}")).await?);
    } else {
        say!("{}", at.text(global, &format!("/api/v1/incidents/{id}/postmortem")).await?.trim_end());
    }
    Ok(Exit::Well)
}

/// The one open incident that is meant: by its id, how that begins, or the touchpoint at its root.
pub(super) async fn open(at: &site::At, global: &Global, meant: &str) -> Result<String, Stop> {
    one(at, global, meant, "open").await
}

async fn one(at: &site::At, global: &Global, meant: &str, state: &str) -> Result<String, Stop> {
    let answer = at.get(global, &format!("/api/v1/incidents?state={state}&limit=500")).await?;
    let items = terminal::items(&answer).iter();
    let is_root = |incident: &Value| incident["closed"].is_null() && text(&incident["touchpoint"]) == meant;
    let fits = |incident: &&Value| text(&incident["id"]).starts_with(meant) || is_root(incident);
    let found: Vec<&str> = items.filter(fits).map(|incident| text(&incident["id"])).collect();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] if state == "open" => {
            Err(Stop::usage(format!("there is no open incident `{meant}`; `unbroken incidents` names them")))
        }
        [] => Err(Stop::usage(format!("there is no incident `{meant}`; `unbroken incidents --state all` names them"))),
        _ => Err(Stop::usage(format!("`{meant}` is more than one incident; write more of the id"))),
    }
}

fn print(words: &Words, incident: &Value, now: Timestamp) {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    let severity = text(&incident["severity"]);
    let style = match (text(&incident["state"]), severity) {
        ("closed", _) => terminal::DIM,
        (_, "page") => terminal::BAD,
        _ => terminal::WARN,
    };
    let time = |name: &str| text(&incident[name]).parse::<Timestamp>().ok();
    let lasted = time("opened").map(|opened| words.length(opened, time("closed").unwrap_or(now)));
    say!("{style}{severity:<6}{style:#} {bold}{}{bold:#}", text(&incident["headline"]));
    let lasted = lasted.unwrap_or_default();
    say!("       {dim}{}  since {}, {lasted}{dim:#}", text(&incident["id"]), text(&incident["opened"]));
    let owner = &incident["acknowledged"];
    if !owner.is_null() {
        let why = owner["why"].as_str().map_or_else(String::new, |why| format!(": {why}"));
        let has = if incident["closed"].is_null() { "has" } else { "had" };
        say!("       {} {has} it{why}", text(&owner["by"]));
    }
}
