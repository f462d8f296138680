//! `unbroken outbox`: what waits to be told, what could not be told, and what is to become of it.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::terminal::{say, text};
use super::{Exit, Format, Global, Stop, site, terminal};
use crate::clock::Clock;

/// Letters of an id's full length are named, shorter ids are looked up.
const ID_CHARS: usize = 64;
const ID_SHOWN_CHARS: usize = 12;
/// Letters asked for at once.
const PAGE: u32 = 500;
/// Of each state, unless one is asked for.
const LATELY: u32 = 20;
const STATES: [&str; 5] = ["pending", "delivered", "dead", "superseded", "dropped"];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    wish: Wish,
    #[command(flatten)]
    at: site::At,
}

#[derive(Debug, clap::Subcommand)]
enum Wish {
    /// What is dead, what waits, what was delivered lately
    List {
        /// Only what is pending, delivered, dead, superseded or dropped
        #[arg(long, value_parser = STATES, hide_possible_values = true)]
        state: Option<String>,
        /// Only what is for this receiver
        #[arg(long, value_name = "NAME")]
        receiver: Option<String>,
        /// At most so many of each state
        #[arg(long, default_value_t = LATELY, value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE)))]
        limit: u32,
    },
    /// Send dead letters after all
    #[command(arg_required_else_help = true)]
    Replay {
        /// The letter's id, or how it begins
        #[arg(value_name = "ID", conflicts_with_all = ["dead", "receiver"])]
        id: Option<String>,
        /// All dead letters
        #[arg(long)]
        dead: bool,
        /// The dead letters of this receiver
        #[arg(long, value_name = "NAME")]
        receiver: Option<String>,
    },
    /// Give up a letter that nobody needs any more
    Drop {
        /// The letter's id, or how it begins
        #[arg(value_name = "ID")]
        id: String,
        /// Kept with the letter and in the incident's timeline
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let asking = Asking { at: &self.at, global };
        match &self.wish {
            Wish::List { state, receiver, limit } => asking.list(state.as_deref(), receiver.as_deref(), *limit).await,
            Wish::Replay { id: Some(id), .. } => {
                let id = asking.whole(id).await?;
                asking.replay(&[id]).await
            }
            Wish::Replay { dead: false, receiver: None, .. } => {
                Err(Stop::usage("which letters? Name an id, `--dead`, or `--receiver NAME`"))
            }
            Wish::Replay { receiver, .. } => {
                let dead = asking.dead(receiver.as_deref()).await?;
                asking.replay(&dead).await
            }
            Wish::Drop { id, why } => {
                let id = asking.whole(id).await?;
                asking.discard(&id, why).await
            }
        }
    }
}

/// A daemon, and how to ask it.
struct Asking<'a> {
    at: &'a site::At,
    global: &'a Global,
}

impl Asking<'_> {
    async fn list(&self, state: Option<&str>, receiver: Option<&str>, limit: u32) -> Result<Exit, Stop> {
        let (mut items, limit) = (Vec::new(), limit.to_string());
        for state in state.map_or_else(|| vec!["dead", "pending", "delivered"], |state| vec![state]) {
            let path = path(&[("state", Some(state)), ("receiver", receiver), ("limit", Some(limit.as_str()))]);
            let answer = self.at.get(self.global, &path).await?;
            items.extend_from_slice(terminal::items(&answer));
        }
        let now = Clock::system().now();
        terminal::list(self.global, &json!({ "items": items }), |letter| print(letter, now), "no letters");
        Ok(Exit::Well)
    }

    /// All dead letters, oldest first: what was to be told first is told first.
    async fn dead(&self, receiver: Option<&str>) -> Result<Vec<String>, Stop> {
        let (mut ids, mut before) = (Vec::new(), None::<String>);
        loop {
            let page = PAGE.to_string();
            let named = [("state", Some("dead")), ("receiver", receiver), ("limit", Some(page.as_str()))];
            let answer =
                self.at.get(self.global, &path(&[&named[..], &[("before", before.as_deref())]].concat())).await?;
            let items = terminal::items(&answer).iter();
            ids.extend(items.filter_map(|letter| letter["id"].as_str().map(str::to_owned)));
            match answer["next"].as_str() {
                Some(next) => before = Some(next.to_owned()),
                None => break,
            }
        }
        ids.reverse();
        Ok(ids)
    }

    /// The id that begins so.
    async fn whole(&self, id: &str) -> Result<String, Stop> {
        if id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(id.to_owned());
        }
        let answer = self.at.get(self.global, &path(&[("id", Some(id)), ("limit", Some("2"))])).await?;
        match terminal::items(&answer) {
            [one] => Ok(text(&one["id"]).to_owned()),
            [] => Err(unknown(id)),
            _ => Err(Stop::usage(format!("more than one letter's id begins with `{id}`; write more of it"))),
        }
    }

    async fn replay(&self, ids: &[String]) -> Result<Exit, Stop> {
        let mut all = Vec::new();
        for id in ids {
            let (status, answer) = self.at.post(self.global, &format!("/api/v1/outbox/{id}/replay"), None).await?;
            all.push(told(id, status, &answer)?);
        }
        let queued = all.iter().filter(|(_, refused)| refused.is_none()).count();
        self.tell(&all, "queued");
        if self.global.format != Format::Json && all.len() != 1 {
            say!("{} queued again", terminal::count(queued, "letter"));
        }
        Ok(if queued == all.len() { Exit::Well } else { Exit::No })
    }

    async fn discard(&self, id: &str, why: &str) -> Result<Exit, Stop> {
        let body = json!({ "why": why });
        let (status, answer) = self.at.post(self.global, &format!("/api/v1/outbox/{id}/drop"), Some(&body)).await?;
        let told = told(id, status, &answer)?;
        let exit = if told.1.is_none() { Exit::Well } else { Exit::No };
        self.tell(&[told], "dropped");
        Ok(exit)
    }

    fn tell(&self, all: &[(String, Option<String>)], done: &str) {
        if self.global.format == Format::Json {
            let item = |(id, refused): &(String, Option<String>)| match refused {
                None => json!({ "id": id, "done": done }),
                Some(why) => json!({ "id": id, "refused": why }),
            };
            say!("{:#}", json!({ "items": all.iter().map(item).collect::<Vec<_>>() }));
            return;
        }
        for (id, refused) in all {
            match refused {
                None => say!("{done} {}", short(id)),
                Some(why) => terminal::tell(&format!("not {done}: {}: {why}", short(id))),
            }
        }
    }
}

/// The letter's id, and why what was wished was not done; other refusals end the command.
fn told(id: &str, status: StatusCode, answer: &Value) -> Result<(String, Option<String>), Stop> {
    match status {
        StatusCode::OK => Ok((id.to_owned(), None)),
        StatusCode::CONFLICT => Ok((id.to_owned(), Some(text(&answer["detail"]).to_owned()))),
        StatusCode::NOT_FOUND => Err(unknown(id)),
        StatusCode::BAD_REQUEST => Err(Stop::usage(text(&answer["detail"]).to_owned())),
        status => Err(Stop::failure(format!("the daemon answered {status}: {}", text(&answer["detail"])))),
    }
}

fn unknown(id: &str) -> Stop {
    Stop::usage(format!("there is no letter `{id}`; `unbroken outbox list` names them"))
}

/// The list's path with what is asked for.
fn path(asked: &[(&str, Option<&str>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(asked.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
    format!("/api/v1/outbox?{}", query.finish())
}

fn print(letter: &Value, now: Timestamp) {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    let state = text(&letter["state"]);
    let style = match state {
        "dead" => terminal::BAD,
        "pending" => terminal::WARN,
        "delivered" => terminal::GOOD,
        _ => terminal::DIM,
    };
    let age = text(&letter["created"]).parse().map_or_else(|_| String::new(), |created| age(created, now));
    let attempts = terminal::count(usize::try_from(letter["attempts"].as_u64().unwrap_or(0)).unwrap_or(0), "attempt");
    let next = text(&letter["next_attempt"]).parse().map_or_else(|_| String::new(), |next| ahead(next, now));
    say!(
        "{style}{state:<10}{style:#} {}  {bold}{}{bold:#}  {}  {dim}{age} old, {attempts}{next}{dim:#}",
        short(text(&letter["id"])),
        text(&letter["receiver"]),
        text(&letter["kind"])
    );
    say!("           {}", text(&letter["headline"]));
    if let Some(incident) = letter["incident"].as_str() {
        say!("           {dim}incident {incident}{dim:#}");
    }
    if let Some(error) = letter["error"].as_str() {
        say!("           {error}");
    }
    if let Some(why) = letter["why"].as_str() {
        say!("           dropped: {why}");
    }
}

/// What is said of a letter's next attempt.
fn ahead(next: Timestamp, now: Timestamp) -> String {
    if next > now { format!(", the next in {}", age(now, next)) } else { ", the next as soon as it can".to_owned() }
}

/// "42 s", "5 min", "3 h", "2 d"
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn short(id: &str) -> &str {
    id.get(..ID_SHOWN_CHARS).unwrap_or(id)
}
