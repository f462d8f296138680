//! `unbroken check`: every problem of the configuration.

use super::terminal::say;
use super::{Exit, Format, Global, terminal};
use crate::config::{Plan, Secrets};
use crate::daemon::errands;
use crate::detect;
use crate::model::{DetectRule, Probe};
use crate::units::Period;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not ask for the secrets' values, only for well-formed references
    #[arg(long)]
    without_secrets: bool,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Exit {
        let loaded = global.load(if self.without_secrets { Secrets::Without } else { Secrets::Needed });
        let exit = if loaded.plan.is_some() { Exit::Well } else { Exit::No };
        let browser = match &loaded.plan {
            Some(plan) => browser(plan).await,
            None => None,
        };
        if global.format == Format::Json {
            let advice = loaded.plan.as_ref().and_then(second_vantage);
            let answer = serde_json::json!({ "ok": loaded.plan.is_some(), "problems": loaded.problems, "advice": advice, "browser": browser });
            say!("{answer:#}");
            return exit;
        }
        if !loaded.problems.is_empty() {
            say!("{}", terminal::problems_text(&loaded.problems).trim_end_matches('\n'));
        }
        let tally = terminal::tally(&loaded.problems);
        match &loaded.plan {
            Some(plan) => {
                let mut found = vec![
                    terminal::count(plan.map.journeys.len(), "journey"),
                    terminal::count(plan.map.touchpoints.len(), "touchpoint"),
                    terminal::count(plan.errands.len(), "probe"),
                ];
                found.extend((plan.vantages.len() > 1).then(|| terminal::count(plan.vantages.len(), "vantage")));
                let found = found.join(", ");
                let tally = if tally.is_empty() { tally } else { format!("; {tally}") };
                say!("{}well{:#}: {found}{tally}", terminal::GOOD, terminal::GOOD);
                if let Some(trouble) = browser {
                    say!("{}browser{:#}: {trouble}", terminal::WARN, terminal::WARN);
                }
                if let Some(advice) = second_vantage(plan) {
                    say!("{}{advice}{:#}", terminal::DIM, terminal::DIM);
                }
            }
            None => say!("{}{tally}{:#}", terminal::BAD, terminal::BAD),
        }
        exit
    }
}

/// What is wrong with the browser on this machine, where any probe needs one.
async fn browser(plan: &Plan) -> Option<String> {
    let mut steps = plan.errands.iter().flat_map(|errand| errand.steps());
    if !steps.any(|step| step.kind.key() == "browser") {
        return None;
    }
    let browsers = errands::browsers(plan);
    let tried = browsers.try_out().await;
    browsers.close().await;
    match tried {
        Ok(advice) => advice,
        Err(why) => Some(format!("what needs one cannot run on this machine: {why}")),
    }
}

/// What a second vantage would gain, where there is one and something that it could look at.
fn second_vantage(plan: &Plan) -> Option<String> {
    let mut probes: Vec<&Probe> = plan.map.probes().filter(|probe| probe.rule == DetectRule::Sequential).collect();
    probes.retain(|probe| probe.origin.is_none() && probe.signal.is_none());
    probes.sort_by_key(|probe| probe.every);
    let middle = probes.get(probes.len() / 2).filter(|_| plan.vantages.len() == 1)?;
    let after = |vantages| detect::tells_after(middle.every, plan.map.probes().count(), vantages);
    let text = |after: std::time::Duration| Period::from_secs(after.as_secs().max(1));
    let (one, two) = (after(1), after(2));
    Some(format!(
        "With one vantage an outage of what is probed every {} is told after about {}; with a second one after {}, {} far \
         less often falsely: see `vantages:`",
        Period::from_millis(middle.every.as_millis() as u64),
        text(one),
        text(two),
        if two < one { "and" } else { "but" }
    ))
}
