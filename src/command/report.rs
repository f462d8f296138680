//! `unbroken report`: how the journeys went over a week, a month or a quarter.

use std::collections::BTreeSet;

use serde_json::Value;

use super::terminal::say;
use super::{Exit, Format, Global, Stop, explain, probe, site, terminal};
use crate::clock::Clock;
use crate::config::Secrets;
use crate::model::{JourneyId, Language};
use crate::report::{self, Every, Period, Report};
use crate::words::Words;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A week, such as 2026-W47; the last one, if nothing is named
    #[arg(long, value_name = "WEEK", conflicts_with_all = ["month", "quarter"], value_parser = of(Every::Week))]
    week: Option<Period>,
    /// A month, such as 2026-10
    #[arg(long, value_name = "MONTH", conflicts_with = "quarter", value_parser = of(Every::Month))]
    month: Option<Period>,
    /// A quarter, such as 2026-Q4
    #[arg(long, value_name = "QUARTER", value_parser = of(Every::Quarter))]
    quarter: Option<Period>,
    /// Of this journey only
    #[arg(long, value_name = "ID")]
    journey: Option<String>,
    /// The language that it is written in
    #[arg(long, value_name = "LANGUAGE", value_parser = ["en", "zh"], default_value = "en")]
    lang: String,
    #[command(flatten)]
    at: site::At,
}

/// Reads a period of one length.
fn of(every: Every) -> impl Fn(&str) -> Result<Period, String> + Clone + Send + Sync {
    move |text| {
        let example = match every {
            Every::Week => "2026-W47",
            Every::Month => "2026-10",
            Every::Quarter => "2026-Q4",
        };
        let period = Period::parse(text).filter(|period| period.every() == every);
        period.ok_or_else(|| format!("no {}; write one such as {example}", every.as_str()))
    }
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let words = Words::new(Language::of(&self.lang).unwrap_or_default());
        let report = match self.by_daemon(global).await {
            // No daemon runs, and none was named: the store still knows.
            Err(stop) if stop.exit == Exit::Failure && !self.at.is_given() => self.by_store(global, &words).await?,
            other => other?,
        };
        match global.format {
            Format::Json => say!("{:#}", serde_json::to_value(&report).unwrap_or(Value::Null)),
            Format::Html => say!("{}", report::html(&report, &words, None, &[])),
            _ => say!("{}", report::text(&report, &words, None).trim_end()),
        }
        Ok(Exit::Well)
    }

    fn named(&self) -> Option<Period> {
        self.week.or(self.month).or(self.quarter)
    }

    async fn by_daemon(&self, global: &Global) -> Result<Report, Stop> {
        let period = if let Some(period) = self.named() {
            period
        } else {
            // The last week on the company's calendar: the one before the running one.
            let running: Report = read(self.at.get(global, "/api/v1/reports/week").await?)?;
            running.period.before()
        };
        let journey = self.journey.as_ref().map(|id| format!("&journey={id}")).unwrap_or_default();
        read(self.at.get(global, &format!("/api/v1/reports/{period}?lang={}{journey}", self.lang)).await?)
    }

    async fn by_store(&self, global: &Global, words: &Words) -> Result<Report, Stop> {
        let plan = global.plan(Secrets::Without)?;
        let store = explain::peek(&plan).await?;
        let now = Clock::system().now();
        let period = self.named().unwrap_or_else(|| Every::Week.around(now, &plan.map.timezone).before());
        let journeys: BTreeSet<JourneyId> = self.journey.iter().map(|id| JourneyId::new(id)).collect();
        if let Some(id) = journeys.iter().find(|id| plan.map.journey(id).is_none()) {
            let known = plan.map.journeys.iter().map(|journey| journey.id.to_string());
            return Err(Stop::usage(format!("there is no journey `{id}`{}", probe::near(id.as_str(), known))));
        }
        terminal::tell("No daemon was asked; this is what the store knows");
        let report = report::read(&store, &plan.map, words, period, &journeys, now).await;
        report.map_err(|error| Stop::own("cannot read the store", &error))
    }
}

fn read(answer: Value) -> Result<Report, Stop> {
    serde_json::from_value(answer).map_err(|error| Stop::own("the daemon answered no report", &error))
}
