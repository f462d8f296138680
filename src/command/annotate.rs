//! `unbroken annotate`: notes a campaign, a release, a launch on the time axis, and tells how it went before and since.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::terminal::{say, text};
use super::{Exit, Format, Global, Stop, incidents, site, terminal};

const KINDS: [&str; 4] = ["campaign", "release", "launch", "note"];
const STANDING: &str = "/api/v1/annotations?limit=500";

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    wish: Option<Wish>,
    #[command(flatten)]
    note: Note,
    #[command(flatten)]
    at: site::At,
}

#[derive(Debug, clap::Subcommand)]
enum Wish {
    /// What stands on the time axis, the newest first
    List {
        /// Of one journey, with what concerns all of them
        #[arg(long, value_name = "ID", conflicts_with = "incident")]
        journey: Option<String>,
        /// The notes on an incident, by its whole id
        #[arg(long, value_name = "ID")]
        incident: Option<String>,
        /// Those that were taken off, too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        at: site::At,
    },
    /// One of them, and how each journey went before it and since
    Show {
        /// Its id, how that begins, or its title
        annotation: String,
        #[command(flatten)]
        at: site::At,
    },
    /// Take one off the time axis
    Remove {
        /// Its id, how that begins, or its title
        annotation: String,
        /// Who takes it off
        #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
        by: String,
        #[command(flatten)]
        at: site::At,
    },
}

#[derive(Debug, clap::Args)]
struct Note {
    /// What it is, in a few words
    title: Option<String>,
    #[arg(long, value_parser = KINDS, default_value = "note")]
    kind: String,
    /// A journey's id; every journey, if none is named
    #[arg(long, value_name = "ID", conflicts_with = "incident")]
    journey: Option<String>,
    /// An open incident's id, how it begins, or the touchpoint at its root; a whole id of one that is over
    #[arg(long, value_name = "ID")]
    incident: Option<String>,
    /// When it is, such as 2026-12-05T09:00 on the company's walls [default: now]
    #[arg(long = "at", value_name = "TIME")]
    when: Option<String>,
    /// When it ends, if it lasts
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// What else there is to say
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    by: Option<String>,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        match self.wish {
            Some(Wish::List { journey, incident, all, at }) => {
                let of = match (&journey, &incident) {
                    (Some(id), _) => format!("&journey={}", encoded(id)),
                    (_, Some(id)) => format!("&incident={}", encoded(id)),
                    _ => String::new(),
                };
                list(&at, global, &format!("{STANDING}{of}{}", if all { "&state=all" } else { "" })).await
            }
            Some(Wish::Show { annotation, at }) => show(&at, global, &annotation).await,
            Some(Wish::Remove { annotation, by, at }) => remove(&at, global, &annotation, &by).await,
            None => self.note.run(&self.at, global).await,
        }
    }
}

impl Note {
    async fn run(self, at: &site::At, global: &Global) -> Result<Exit, Stop> {
        let incident = match &self.incident {
            Some(whole) if whole.parse::<uuid::Uuid>().is_ok() => Some(whole.clone()),
            Some(meant) => Some(incidents::open(at, global, meant).await?),
            None => None,
        };
        let missing = |name: &str| Stop::usage(format!("say {name}"));
        let body = json!({
            "title": self.title.ok_or_else(|| missing("what it is: `unbroken annotate \"Spring sale\"`"))?,
            "kind": self.kind,
            "journey": self.journey,
            "incident": incident,
            "at": self.when,
            "until": self.until,
            "text": self.text,
            "by": self.by.ok_or_else(|| missing("who says so, with `--by`"))?,
        });
        let (status, answer) = at.post(global, "/api/v1/annotations", Some(&body)).await?;
        match status {
            StatusCode::CREATED if global.format == Format::Json => say!("{answer:#}"),
            StatusCode::CREATED => print(&answer),
            StatusCode::NOT_FOUND => return Err(Stop::usage("there is no such journey or incident")),
            StatusCode::BAD_REQUEST => return Err(Stop::usage(text(&answer["detail"]))),
            status => return Err(Stop::failure(format!("the daemon answered {status}: {}", text(&answer["detail"])))),
        }
        Ok(Exit::Well)
    }
}

async fn list(at: &site::At, global: &Global, path: &str) -> Result<Exit, Stop> {
    let answer = at.get(global, path).await?;
    terminal::list(global, &answer, print, "nothing is noted");
    Ok(Exit::Well)
}

async fn show(at: &site::At, global: &Global, meant: &str) -> Result<Exit, Stop> {
    let id = find(at, global, meant).await?;
    let answer = at.get(global, &format!("/api/v1/annotations/{id}")).await?;
    if global.format == Format::Json {
        say!("{answer:#}");
        return Ok(Exit::Well);
    }
    print(&answer);
    for compared in answer["compared"].as_array().into_iter().flatten() {
        say!("  {}", told(compared));
    }
    Ok(Exit::Well)
}

async fn remove(at: &site::At, global: &Global, meant: &str, by: &str) -> Result<Exit, Stop> {
    let id = find(at, global, meant).await?;
    let (status, answer) = at.delete(global, &format!("/api/v1/annotations/{id}?by={}", encoded(by))).await?;
    match status {
        StatusCode::OK if global.format == Format::Json => say!("{answer:#}"),
        StatusCode::OK => say!("taken off: {}", text(&answer["title"])),
        StatusCode::BAD_REQUEST => return Err(Stop::usage(text(&answer["detail"]))),
        status => return Err(Stop::failure(format!("the daemon answered {status}: {}", text(&answer["detail"])))),
    }
    Ok(Exit::Well)
}

/// The id of the one that is meant.
async fn find(at: &site::At, global: &Global, meant: &str) -> Result<String, Stop> {
    if meant.parse::<uuid::Uuid>().is_ok() {
        return Ok(meant.to_owned());
    }
    let answer = at.get(global, STANDING).await?;
    let fits = |one: &&Value| text(&one["id"]).starts_with(meant) || text(&one["title"]) == meant;
    let found: Vec<&str> = terminal::items(&answer).iter().filter(fits).map(|one| text(&one["id"])).collect();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(Stop::usage(format!("nothing like `{meant}` is noted; `unbroken annotate list` names all"))),
        _ => Err(Stop::usage(format!("`{meant}` is more than one; write more of the id"))),
    }
}

fn print(one: &Value) {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    let until = one["until"].as_str().map_or_else(String::new, |until| format!(" to {until}"));
    let of = match (one["journey"].as_str(), one["incident"].as_str()) {
        (Some(id), _) => format!("journey {id}"),
        (_, Some(id)) => format!("incident {id}"),
        _ => "every journey".to_owned(),
    };
    say!("{bold}{}{bold:#}  {}, {of}", text(&one["title"]), text(&one["kind"]));
    say!("  {}{until}", text(&one["at"]));
    if let Some(more) = one["text"].as_str() {
        say!("  {more}");
    }
    let gone = one["removed"].as_str().map(|at| format!("; taken off by {} at {at}", text(&one["removed_by"])));
    let gone = gone.unwrap_or_default();
    say!("  {dim}{}, by {} at {}{gone}{dim:#}", text(&one["id"]), text(&one["by"]), text(&one["noted"]));
}

/// How a journey went before and since, in a line.
fn told(compared: &Value) -> String {
    let journey = text(&compared["journey"]);
    let hours = compared["length_seconds"].as_f64().unwrap_or_default() / 3600.0;
    let score = |side: &str| terminal::score_text(compared[side]["score"].as_f64());
    let lost = |side: &str| compared[side]["lost_minutes"].as_f64().unwrap_or_default();
    match text(&compared["state"]) {
        "known" => format!(
            "{journey}: {} before, {} since ({:+.1}), {:.0} and {:.0} minutes lost, {hours:.1} h each",
            score("before"),
            score("after"),
            compared["change"].as_f64().unwrap_or_default(),
            lost("before"),
            lost("after"),
        ),
        "ahead" => format!("{journey}: it has not begun"),
        "too_soon" => format!("{journey}: it is too soon to say anything"),
        _ => format!("{journey}: too little was seen of the {hours:.1} h before or since to compare them"),
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
