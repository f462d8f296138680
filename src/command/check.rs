//! `unbroken check`: every problem of the configuration.

use super::terminal::say;
use super::{Exit, Format, Global, terminal};
use crate::config::Secrets;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not ask for the secrets' values, only for well-formed references
    #[arg(long)]
    without_secrets: bool,
}

impl Args {
    pub(super) fn run(self, global: &Global) -> Exit {
        let loaded = global.load(if self.without_secrets { Secrets::Without } else { Secrets::Needed });
        let exit = if loaded.plan.is_some() { Exit::Well } else { Exit::No };
        if global.format == Format::Json {
            let answer = serde_json::json!({ "ok": loaded.plan.is_some(), "problems": loaded.problems });
            say!("{answer:#}");
            return exit;
        }
        if !loaded.problems.is_empty() {
            say!("{}", terminal::problems_text(&loaded.problems).trim_end_matches('\n'));
        }
        let tally = terminal::tally(&loaded.problems);
        match &loaded.plan {
            Some(plan) => {
                let found = format!(
                    "{}, {}, {}",
                    terminal::count(plan.map.journeys.len(), "journey"),
                    terminal::count(plan.map.touchpoints.len(), "touchpoint"),
                    terminal::count(plan.errands.len(), "probe"),
                );
                let tally = if tally.is_empty() { tally } else { format!("; {tally}") };
                say!("{}well{:#}: {found}{tally}", terminal::GOOD, terminal::GOOD);
            }
            None => say!("{}{tally}{:#}", terminal::BAD, terminal::BAD),
        }
        exit
    }
}
