//! `unbroken telemetry test`: tries the way to the collectors before it is needed.

use serde_json::json;

use super::terminal::say;
use super::{Exit, Format, Global, Stop, terminal};
use crate::clock::Clock;
use crate::config::Secrets;
use crate::model::{SpanId, TraceId};
use crate::telemetry::{Identity, Mark, Rehearsed, rehearse};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    wish: Wish,
}

#[derive(Debug, clap::Subcommand)]
enum Wish {
    /// Send one marked trace, metric and log record to every collector and tell what each answered
    Test,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let Wish::Test = self.wish;
        let plan = global.plan(Secrets::Needed)?;
        if plan.telemetry.otlp.is_empty() {
            let how = "name one under `telemetry: { otlp: { endpoint: … } }`, or in OTEL_EXPORTER_OTLP_ENDPOINT";
            return Err(Stop::usage(format!("there is no collector; {how}")));
        }
        let mut dice = rand::rng();
        let mark =
            Mark { trace: TraceId::random(&mut dice), span: SpanId::random(&mut dice), now: Clock::system().now() };
        let identity = Identity {
            instance: uuid::Uuid::now_v7().to_string(),
            vantage: plan.map.vantages.first().cloned().unwrap_or_default(),
        };
        let all = rehearse(&plan.telemetry, &identity, mark)
            .await
            .map_err(|unbuilt| Stop::own("cannot try the collectors", &unbuilt))?;
        match global.format {
            Format::Json => say!("{:#}", answer(mark, &all)),
            _ => print(mark, &all),
        }
        Ok(if all.iter().all(Rehearsed::is_taken) { Exit::Well } else { Exit::No })
    }
}

fn print(mark: Mark, all: &[Rehearsed]) {
    for said in all {
        let (verdict, style) = if said.is_taken() { ("took", terminal::GOOD) } else { ("did not take", terminal::BAD) };
        let (collector, protocol, signal) = (&said.collector, said.protocol, said.signal.label());
        let text = text(said);
        let text = if text.is_empty() { text } else { format!(": {text}") };
        let seconds = said.took.as_secs_f64();
        say!("{style}{collector}{style:#} ({protocol}) {verdict} the {signal} in {seconds:.2} s{text}");
        if let Some(hint) = said.hint() {
            say!("      = help: {hint}");
        }
    }
    say!("The trace is {}; all three bear `unbroken.test`", mark.trace);
}

/// What it answered, if there is something to it.
fn text(said: &Rehearsed) -> String {
    match &said.answer {
        Ok(answer) => answer.message.clone(),
        Err(refusal) => refusal.to_string(),
    }
}

fn answer(mark: Mark, all: &[Rehearsed]) -> serde_json::Value {
    let answers: Vec<_> = all
        .iter()
        .map(|said| {
            json!({
                "collector": said.collector,
                "protocol": said.protocol.to_string(),
                "signal": said.signal.label(),
                "taken": said.is_taken(),
                "answer": text(said),
                "hint": said.hint(),
                "took_seconds": (said.took.as_secs_f64() * 1000.0).round() / 1000.0,
            })
        })
        .collect();
    json!({ "trace_id": mark.trace.to_string(), "taken": all.iter().all(Rehearsed::is_taken), "answers": answers })
}
