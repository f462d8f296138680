//! `unbroken silence`: holds back what is told of something, for a time.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::terminal::{say, text};
use super::{Exit, Format, Global, Stop, incidents, site, terminal};
use crate::clock::Clock;
use crate::words::Words;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    wish: Option<Wish>,
    #[command(flatten)]
    begin: Begin,
    #[command(flatten)]
    at: site::At,
}

#[derive(Debug, clap::Subcommand)]
enum Wish {
    /// What is silenced now
    List {
        /// Those that are over, too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        at: site::At,
    },
    /// End a silence early
    End {
        /// The silence's id, how it begins, or what is silenced
        silence: String,
        /// Who ends it
        #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
        by: String,
        #[command(flatten)]
        at: site::At,
    },
}

#[derive(Debug, clap::Args)]
struct Begin {
    /// A touchpoint's id
    #[arg(long, value_name = "ID", conflicts_with_all = ["journey", "incident"])]
    touchpoint: Option<String>,
    /// A journey's id: what hurts it and no other
    #[arg(long, value_name = "ID", conflicts_with = "incident")]
    journey: Option<String>,
    /// An incident's id, how it begins, or the touchpoint at its root
    #[arg(long, value_name = "ID")]
    incident: Option<String>,
    /// How long, such as 2h; at most 30d
    #[arg(long, value_name = "TIME")]
    r#for: Option<String>,
    /// Others will wonder at the silence
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Who wants it
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    by: Option<String>,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        match self.wish {
            Some(Wish::List { all, at }) => list(&at, global, all).await,
            Some(Wish::End { silence, by, at }) => end(&at, global, &silence, &by).await,
            None => self.begin.run(&self.at, global).await,
        }
    }
}

impl Begin {
    async fn run(self, at: &site::At, global: &Global) -> Result<Exit, Stop> {
        let incident = match &self.incident {
            Some(meant) => Some(incidents::open(at, global, meant).await?),
            None => None,
        };
        if self.touchpoint.is_none() && self.journey.is_none() && incident.is_none() {
            return Err(Stop::usage("silence what? Name `--touchpoint`, `--journey` or `--incident`"));
        }
        let missing = |name: &str| Stop::usage(format!("say {name}"));
        let body = json!({
            "touchpoint": self.touchpoint,
            "journey": self.journey,
            "incident": incident,
            "for": self.r#for.ok_or_else(|| missing("for how long: `--for 2h`"))?,
            "why": self.why.ok_or_else(|| missing("why, with `--why`"))?,
            "by": self.by.ok_or_else(|| missing("who wants it, with `--by`"))?,
        });
        let (status, answer) = at.post(global, "/api/v1/silences", Some(&body)).await?;
        match status {
            StatusCode::CREATED if global.format == Format::Json => say!("{answer:#}"),
            StatusCode::CREATED => print(&terminal::english(), &answer, Clock::system().now()),
            StatusCode::NOT_FOUND => return Err(Stop::usage("there is no such touchpoint, journey or open incident")),
            StatusCode::BAD_REQUEST => return Err(Stop::usage(text(&answer["detail"]))),
            status => return Err(Stop::failure(format!("the daemon answered {status}: {}", text(&answer["detail"])))),
        }
        Ok(Exit::Well)
    }
}

async fn list(at: &site::At, global: &Global, all: bool) -> Result<Exit, Stop> {
    let answer = at.get(global, if all { "/api/v1/silences?state=all&limit=500" } else { ACTIVE }).await?;
    let (words, now) = (terminal::english(), Clock::system().now());
    terminal::list(global, &answer, |silence| print(&words, silence, now), "nothing is silenced");
    Ok(Exit::Well)
}

const ACTIVE: &str = "/api/v1/silences?limit=500";

async fn end(at: &site::At, global: &Global, meant: &str, by: &str) -> Result<Exit, Stop> {
    let answer = at.get(global, ACTIVE).await?;
    let items = terminal::items(&answer).iter();
    let fits = |silence: &&Value| text(&silence["id"]).starts_with(meant) || what(silence).1 == meant;
    let found: Vec<&str> = items.filter(fits).map(|silence| text(&silence["id"])).collect();
    let id = match found.as_slice() {
        [one] => *one,
        [] => return Err(Stop::usage(format!("there is no silence `{meant}`; `unbroken silence list` names them"))),
        _ => return Err(Stop::usage(format!("`{meant}` is more than one silence; write more of the id"))),
    };
    let by = url::form_urlencoded::byte_serialize(by.as_bytes()).collect::<String>();
    let (status, answer) = at.delete(global, &format!("/api/v1/silences/{id}?by={by}")).await?;
    match status {
        StatusCode::OK if global.format == Format::Json => say!("{answer:#}"),
        StatusCode::OK => say!("ended: {} {} is told of again", what(&answer).0, what(&answer).1),
        StatusCode::BAD_REQUEST => return Err(Stop::usage(text(&answer["detail"]))),
        status => return Err(Stop::failure(format!("the daemon answered {status}: {}", text(&answer["detail"])))),
    }
    Ok(Exit::Well)
}

fn print(words: &Words, silence: &Value, now: Timestamp) {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    let (kind, id) = what(silence);
    let until = text(&silence["ended"]).parse().or_else(|_| text(&silence["until"]).parse::<Timestamp>());
    let left = match until {
        Ok(until) if until > now => format!("for {} more", words.length(now, until)),
        _ => "over".to_owned(),
    };
    say!("{bold}{kind} {id}{bold:#}  {left}, until {}", text(&silence["until"]));
    say!("  {}: {}  {dim}{}{dim:#}", text(&silence["by"]), text(&silence["why"]), text(&silence["id"]));
}

/// What is silenced: its kind and its id.
fn what(silence: &Value) -> (&'static str, &str) {
    let mut kinds = ["touchpoint", "journey", "incident"].into_iter();
    kinds.find_map(|kind| Some((kind, silence[kind].as_str()?))).unwrap_or(("", ""))
}
