//! `unbroken probe`: one run, told in full.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::terminal::say;
use super::{Exit, Format, Global, Stop, terminal};
use crate::config::{Plan, Secrets};
use crate::daemon::errands;
use crate::model::{Fault, FaultCode, JourneyMap, PersonaId, Proof, Reading, Source, StepOutcome, VantageId, Verdict};
use crate::probe::browser::pool::Display;
use crate::probe::{Errand, Proofs};
use crate::web;
use crate::words::{self, Words};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A touchpoint, or one probe of it
    #[arg(value_name = "TOUCHPOINT[/PROBE]")]
    what: String,
    /// Only as this persona
    #[arg(long, value_name = "ID")]
    persona: Option<String>,
    /// From this vantage; the first that it can run from, if none is named
    #[arg(long, value_name = "VANTAGE")]
    from: Option<String>,
    /// Write what the pages of browser steps look like into this folder: picture, outline, console, requests
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Show what browsers do in windows on this screen (`DISPLAY` or `WAYLAND_DISPLAY`)
    #[arg(long)]
    headed: bool,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let plan = global.plan(Secrets::Needed)?;
        let chosen = self.choose(&plan)?;
        let from = self.from(&plan)?;
        let display = self.headed.then(|| Display::find(&global.variables())).transpose().map_err(Stop::usage)?;
        let mut walker = errands::Walker::new(&plan, &super::run::program()?).await;
        if let Some(display) = display {
            walker = walker.headed(display);
        }
        if let Some(folder) = &self.pictures {
            std::fs::create_dir_all(folder).map_err(|error| Stop::usage(format!("{}: {error}", folder.display())))?;
            walker = walker.showing(Arc::new(Folder(folder.clone())));
        }
        let (words, mut readings) = (terminal::english(), Vec::new());
        for errand in chosen {
            let vantages = walker.vantages(&errand.id);
            let wanted = vantages.iter().find(|vantage| from.as_ref().is_none_or(|from| from == *vantage));
            let Some(vantage) = wanted else { continue };
            for persona in errands::personas(&plan, &errand) {
                if self.persona.as_ref().is_some_and(|only| persona != Some(PersonaId::new(only))) {
                    continue;
                }
                let reading = walker.walk(&errand, persona, vantage).await;
                if global.format == Format::Text {
                    print(&words, &reading, &plan.map);
                }
                readings.push(reading);
            }
        }
        walker.close().await;
        if readings.is_empty() {
            let persona = self.persona.map(|persona| format!(" as persona `{persona}`"));
            let from = self.from.map(|from| format!(" from `{from}`"));
            let how = [persona, from].into_iter().flatten().collect::<String>();
            return Err(Stop::usage(format!("`{}` does not run{how}", self.what)));
        }
        if global.format == Format::Json {
            say!("{:#}", readings.iter().filter_map(web::reading).collect::<serde_json::Value>());
        }
        let failed = readings.iter().any(|reading| reading.outcome.verdict.fault().is_some());
        Ok(if failed { Exit::No } else { Exit::Well })
    }

    fn from(&self, plan: &Plan) -> Result<Option<VantageId>, Stop> {
        let Some(name) = &self.from else { return Ok(None) };
        let known = &plan.map.vantages;
        let found = known.iter().find(|vantage| vantage.as_str() == name).cloned();
        let hint = || near(name, known.iter().map(ToString::to_string));
        found.map(Some).ok_or_else(|| Stop::usage(format!("there is no vantage `{name}`{}", hint())))
    }

    fn choose(&self, plan: &Plan) -> Result<Vec<Arc<Errand>>, Stop> {
        let chosen: Vec<_> = plan
            .errands
            .iter()
            .filter(|errand| errand.id.to_string() == self.what || errand.id.touchpoint.as_str() == self.what)
            .cloned()
            .collect();
        if chosen.is_empty() {
            let known = plan.errands.iter().flat_map(|e| [e.id.touchpoint.to_string(), e.id.to_string()]);
            return Err(Stop::usage(format!(
                "there is no touchpoint or probe `{}`{}",
                self.what,
                near(&self.what, known)
            )));
        }
        Ok(chosen)
    }
}

/// "; did you mean `billing`?"
pub(super) fn near(text: &str, known: impl Iterator<Item = String>) -> String {
    let known: Vec<String> = known.collect();
    let near = words::nearest(text, known.iter().map(String::as_str));
    near.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default()
}

/// Writes proofs as files, and says which.
#[derive(Debug)]
struct Folder(PathBuf);

impl Proofs for Folder {
    fn want(&self, _: Option<&Fault>) -> bool {
        true
    }

    fn keep(&self, proof: Proof) {
        for exhibit in proof.exhibits() {
            // A step may be called anything; a file may not.
            let step: String = proof.step.chars().take(60).map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
            let name = format!("{}-{}-{step}-{}", proof.probe.touchpoint, proof.trace, exhibit.sort.file());
            let path = self.0.join(name);
            match std::fs::write(&path, &exhibit.bytes) {
                Ok(()) => terminal::tell(&path.display().to_string()),
                Err(error) => terminal::tell(&format!("{}: {error}", path.display())),
            }
        }
    }
}

fn print(words: &Words, reading: &Reading, map: &JourneyMap) {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    let style = terminal::verdict_style(&reading.outcome.verdict);
    let persona = reading.persona.as_ref().map(|persona| format!(" as {persona}")).unwrap_or_default();
    let from = if map.vantages.len() > 1 { format!(" from {}", reading.vantage) } else { String::new() };
    say!(
        "{bold}{}{bold:#}{persona}{from}  {style}{}{style:#}  {}  {dim}trace {}{dim:#}",
        reading.probe,
        label(reading),
        millis(reading.outcome.took),
        reading.trace
    );
    let cut = reading.cut();
    for (number, step) in reading.outcome.steps.iter().enumerate() {
        print_step(words, step, if cut == Some(number) { Seen::InPart } else { Seen::Whole });
    }
    match &reading.outcome.verdict {
        Verdict::Inconclusive { why, text } => say!("  {}: {text}", why.words()),
        Verdict::Failed(fault) if fault.step.is_none() => {
            say!("  {}: {}", fault.code, fault.text);
            if let Some(advice) = words.advice(fault) {
                say!("  → {advice}");
            }
        }
        _ => {}
    }
    for sample in &reading.outcome.samples {
        say!("  {dim}quality{dim:#} {:.3} {dim}for{dim:#} {}", sample.quality.get(), sample.probe);
        if let Some(slow) = sample.fault.as_ref().filter(|fault| fault.code == FaultCode::Latency) {
            let step = slow.step.as_deref().unwrap_or("It");
            say!("    “{step}” {}", slow.text);
            if let Some(advice) = words.advice(slow) {
                say!("    → {advice}");
            }
        }
    }
    for line in compared(reading, map) {
        say!("  {line}");
    }
    say!("");
}

/// A run that is not well may be slow, or it found what costs and does not stop customers.
fn label(reading: &Reading) -> &'static str {
    let is_flawed = reading.outcome.steps.iter().any(|step| !step.findings.is_empty());
    match &reading.outcome.verdict {
        Verdict::Slow if is_flawed => "with a defect",
        verdict => verdict.label(),
    }
}

/// Where what was captured must agree with other touchpoints: one run alone cannot tell whether it does.
fn compared(reading: &Reading, map: &JourneyMap) -> Vec<String> {
    let captured = reading.outcome.steps.iter().flat_map(|step| &step.captured);
    let names: Vec<&str> = captured.map(|captured| captured.name.as_ref()).collect();
    let is_ours = |source: &Source| source.probe == reading.probe && names.contains(&&*source.value);
    let mut lines = Vec::new();
    for journey in &map.journeys {
        for check in journey.consistency.iter().filter(|check| check.values.iter().any(is_ours)) {
            let ours = check.values.iter().filter(|source| is_ours(source)).map(|source| format!("`{}`", source.value));
            let others = check.values.iter().filter(|source| !is_ours(source)).map(ToString::to_string);
            let (ours, others) = (ours.collect::<Vec<_>>().join(", "), others.collect::<Vec<_>>().join(", "));
            let (name, journey) = (&check.name, &journey.id);
            lines.push(format!(
                "“{name}” compares {ours} with {others}; `unbroken explain {journey}` says whether it is so"
            ));
        }
    }
    lines
}

/// Whether a step came to its end, or our own trouble came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Whole,
    InPart,
}

fn print_step(words: &Words, step: &StepOutcome, seen: Seen) {
    let (dim, bad, good, warn) = (terminal::DIM, terminal::BAD, terminal::GOOD, terminal::WARN);
    if !step.reached {
        say!("  {dim}- {} (not reached){dim:#}", step.name);
        return;
    }
    let mark = if step.fault.is_some() {
        format!("{bad}✗{bad:#}")
    } else if seen == Seen::InPart {
        format!("{warn}?{warn:#}")
    } else if step.findings.is_empty() {
        format!("{good}✓{good:#}")
    } else {
        format!("{warn}!{warn:#}")
    };
    let credited = step.on.as_ref().map(|on| format!(" {dim}on {on}{dim:#}")).unwrap_or_default();
    say!("  {mark} {}  {dim}{}{dim:#}{credited}  {}", step.name, step.kind, millis(step.took));
    let mut phases = String::new();
    for phase in &step.phases {
        write!(phases, "{} {}  ", phase.phase, millis(phase.took)).ok();
    }
    if !phases.is_empty() {
        say!("      {dim}{}{dim:#}", phases.trim_end());
    }
    for (name, value) in &step.attributes {
        say!("      {dim}{name}{dim:#} {value}");
    }
    for fault in step.fault.iter().chain(step.findings.iter().map(|finding| &finding.fault)) {
        let phase = fault.phase.map(|phase| format!(" while {}", phase.words())).unwrap_or_default();
        say!("      {bad}{}{bad:#}{phase}: {}", fault.code, fault.text);
        if let Some(evidence) = fault.evidence.as_ref().filter(|it| !fault.text.contains(&it.found)) {
            say!("        {}: expected {}", evidence.of, evidence.expected);
            say!("        {}: found    {}", evidence.of, evidence.found);
        }
        if let Some(excerpt) = &fault.excerpt {
            say!("        the answer says: {excerpt}");
        }
        if let Some(advice) = words.advice(fault) {
            say!("      → {advice}");
        }
    }
    for captured in &step.captured {
        say!("      {dim}captured{dim:#} {} = {}", captured.name, captured.value.as_deref().unwrap_or("•••"));
    }
}

/// "12.3 ms"
pub(super) fn millis(duration: std::time::Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
