//! `unbroken status`: what the journey health page shows, from a terminal.

use serde_json::Value;

use super::terminal::{say, text};
use super::{Exit, Format, Global, Stop, site, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: site::At,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let status = self.at.get(global, "/api/v1/status").await?;
        if global.format == Format::Json {
            say!("{status:#}");
        } else {
            print(&status);
        }
        Ok(Exit::Well)
    }
}

fn print(status: &Value) {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    say!("{bold}{}{bold:#}  {dim}{}{dim:#}", text(&status["company"]), text(&status["at"]));
    for trouble in status["troubles"].as_array().into_iter().flatten() {
        let (what, detail) = (text(&trouble["what"]), text(&trouble["text"]));
        say!("{}We ourselves are in trouble: {what}{:#} ({detail})", terminal::BAD, terminal::BAD);
    }
    for journey in status["journeys"].as_array().into_iter().flatten() {
        let score = terminal::score(journey);
        let style = terminal::score_style(score);
        say!(
            "{style}{:>6}{style:#}  {bold}{}{bold:#}  {dim}{}{dim:#}",
            terminal::score_text(score),
            text(&journey["title"]),
            text(&journey["color"])
        );
        say!("        {}", text(&journey["sentence"]));
        if let Some(alert) = journey["burning"].as_str() {
            say!("        {bold}It loses minutes faster than its objective allows ({alert}).{bold:#}");
        }
        let trend = trend(&journey["trend"]);
        if !trend.is_empty() {
            say!("        {dim}{trend}{dim:#}");
        }
        let segments = segments(journey, score);
        if !segments.is_empty() {
            say!("        {dim}{segments}{dim:#}");
        }
    }
}

/// "+2.1 against yesterday, -0.4 against a week ago"; nothing of what nobody saw.
fn trend(trend: &Value) -> String {
    let told = [("yesterday", "yesterday"), ("last_week", "a week ago")].into_iter();
    let told = told.filter_map(|(key, name)| {
        let change = trend[key]["change"].as_f64()?;
        Some(format!("{:+.1} against {name}", change + 0.0))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// "business 50.0, consumer 100.0", where any of them fares unlike the whole.
fn segments(journey: &Value, whole: Option<f64>) -> String {
    let segments = || journey["segments"].as_array().into_iter().flatten();
    if segments().all(|segment| terminal::score(segment) == whole) {
        return String::new();
    }
    let told =
        |segment: &Value| format!("{} {}", text(&segment["segment"]), terminal::score_text(terminal::score(segment)));
    segments().map(told).collect::<Vec<_>>().join(", ")
}
