//! `unbroken alert test`: tries the way to a receiver before it is needed.

use serde_json::json;

use super::terminal::say;
use super::{Exit, Format, Global, Stop, terminal};
use crate::alert::{Rehearsal, Said, rehearse};
use crate::clock::Clock;
use crate::config::Secrets;
use crate::words::nearest;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    wish: Wish,
}

#[derive(Debug, clap::Subcommand)]
enum Wish {
    /// Send a marked test message to a receiver and tell what it answered
    Test {
        /// A name under `alerts: { receivers: }`
        #[arg(value_name = "RECEIVER")]
        receiver: String,
    },
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let Wish::Test { receiver: name } = self.wish;
        let plan = global.plan(Secrets::Needed)?;
        let receivers = &plan.alerts.receivers;
        let receiver = receivers.get(&name).ok_or_else(|| {
            let known = receivers.keys().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
            Stop::usage(match nearest(&name, receivers.keys().map(String::as_str)) {
                Some(near) => format!("no receiver is called `{name}`; did you mean `{near}`?"),
                None if known.is_empty() => "there are no receivers; name them under `alerts: { receivers: }`".into(),
                None => format!("no receiver is called `{name}`; there are {known}"),
            })
        })?;
        let rehearsal = Rehearsal { name: &name, receiver, map: &plan.map, base: plan.url.as_ref() };
        let all = rehearse(rehearsal, &Clock::system(), global.variables())
            .await
            .map_err(|error| Stop::own("cannot make an HTTP client", &error))?;
        let taken = all.iter().all(|said| said.answer.is_ok());
        match global.format {
            Format::Json => say!("{:#}", answer(&name, receiver.key(), &all)),
            _ => all.iter().for_each(|said| print(&name, receiver.key(), said)),
        }
        Ok(if taken { Exit::Well } else { Exit::No })
    }
}

fn print(name: &str, key: &str, said: &Said) {
    let (verdict, style, text) = match &said.answer {
        Ok(text) => ("took", terminal::GOOD, text),
        Err(text) => ("did not take", terminal::BAD, text),
    };
    let kind = said.kind.as_str();
    say!("{style}{name}{style:#} ({key}) {verdict} the {kind} message in {:.2} s: {text}", said.took.as_secs_f64());
}

fn answer(name: &str, key: &str, all: &[Said]) -> serde_json::Value {
    let messages: Vec<_> = all
        .iter()
        .map(|said| {
            let (Ok(text) | Err(text)) = &said.answer;
            json!({
                "kind": said.kind.as_str(),
                "taken": said.answer.is_ok(),
                "answer": text,
                "took_seconds": (said.took.as_secs_f64() * 1000.0).round() / 1000.0,
            })
        })
        .collect();
    let taken = all.iter().all(|said| said.answer.is_ok());
    json!({ "receiver": name, "kind": key, "taken": taken, "messages": messages })
}
