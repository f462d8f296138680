//! `unbroken preflight`: is everything ready for a campaign? Its link is followed as a click on the ad would, now.
//!
//! The checks are probes like any other, written for the occasion and run once; nothing of them is kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use url::Url;

use super::terminal::say;
use super::{Exit, Format, Global, Stop, probe, terminal};
use crate::config::{Environment, Folders, Secrets, load};
use crate::daemon::errands;
use crate::model::Reading;
use crate::web;

/// What an ad's link gets where it has none of its own: something must be there to survive.
const MARKS: [(&str, &str); 2] = [("utm_source", "preflight"), ("utm_campaign", "preflight")];
const TOUCHPOINT: &str = "campaign";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The address that the ad leads to, with its `utm_` parameters
    url: Url,
    /// A text that the landing page must show, such as the promotion's code or its price; may be given again
    #[arg(long, value_name = "TEXT")]
    shows: Vec<String>,
    /// How long a customer may wait for the page
    #[arg(long, value_name = "TIME", default_value = "2s")]
    within: String,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        if !matches!(self.url.scheme(), "http" | "https") {
            return Err(Stop::usage("write the web address that the ad leads to, such as https://shop.example/sale"));
        }
        let texts = self.shows.iter().map(String::as_str).chain([self.url.as_str(), &self.within]);
        if texts.into_iter().any(|text| text.contains("{{") || text.contains("${")) {
            return Err(Stop::usage(
                "nothing is filled in here: write the address and the texts without `{{` and `${`",
            ));
        }
        let folder = Folder::write(&self.touchpoint())?;
        let environment = Environment::new(BTreeMap::<String, String>::new());
        let loaded = load(&Folders::new(folder.0.join("config")), &environment, Secrets::Needed);
        let Some(plan) = loaded.plan else {
            let why = loaded.problems.first().map_or_else(String::new, |problem| problem.text.clone());
            return Err(Stop::usage(why));
        };
        let walker = errands::Walker::new(&plan, &super::run::program()?).await;
        let mut readings = Vec::new();
        for errand in &plan.errands {
            let vantage = walker.vantages(&errand.id).into_iter().next().unwrap_or_default();
            let reading = walker.walk(errand, None, &vantage).await;
            if global.format == Format::Text {
                print(&errand.title, &reading);
            }
            readings.push(reading);
        }
        walker.close().await;
        let ready = readings.iter().all(is_well);
        if global.format == Format::Json {
            let runs: Vec<Value> = readings.iter().filter_map(web::reading).collect();
            say!("{:#}", json!({ "url": self.url.as_str(), "ready": ready, "checks": runs }));
        } else {
            say!("{}", if ready { "ready" } else { "not ready" });
        }
        Ok(if ready { Exit::Well } else { Exit::No })
    }

    /// The checks as a touchpoint's file.
    fn touchpoint(&self) -> Value {
        let mut url = self.url.clone();
        let is_mark = |name: &str| name.starts_with("utm_");
        if !url.query_pairs().any(|(name, _)| is_mark(&name)) {
            url.query_pairs_mut().extend_pairs(MARKS);
        }
        let marks = url.query_pairs().filter(|(name, _)| is_mark(name));
        let marks: Map<String, Value> =
            marks.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
        let check = |title: &str, expect: &Value| json!({ "title": title, "steps": [{ "name": title, "http": { "get": url.as_str() }, "expect": expect }] });
        let mut probes = Map::new();
        let mut lands = check("The landing page opens", &json!({ "status": 200 }));
        lands["timeout"] = self.within.as_str().into();
        probes.insert("lands".to_owned(), lands);
        let marked = json!({ "url": { "query": marks } });
        probes.insert("marks".to_owned(), check("It is still known which ad people came from", &marked));
        let card = json!({ "card": { "title": { "exists": true }, "description": { "exists": true } } });
        probes.insert("card".to_owned(), check("It looks well where it is shared", &card));
        for (number, text) in self.shows.iter().enumerate() {
            let shows = json!({ "text": { "contains": text } });
            probes.insert(format!("shows-{number}"), check(&format!("The page shows “{text}”"), &shows));
        }
        json!({ "title": "Campaign", "channel": "ads", "defaults": { "timeout": "30s" }, "probes": probes })
    }
}

/// A configuration of its own, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn write(touchpoint: &Value) -> Result<Self, Stop> {
        let folder = Self(std::env::temp_dir().join(format!("unbroken-preflight-{}", uuid::Uuid::now_v7())));
        let write = |path: &str, text: String| -> std::io::Result<()> {
            let path = folder.0.join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text)
        };
        let stages = json!({ "campaign": { "stages": { "land": { "touchpoints": [TOUCHPOINT] } } } });
        write("config/unbroken.yaml", json!({ "company": "Preflight", "journeys": stages }).to_string())
            .and_then(|()| write(&format!("probes/{TOUCHPOINT}.yaml"), touchpoint.to_string()))
            .map_err(|error| Stop::own("cannot write down what is to be looked at", &error))?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A temporary folder that stays is the system's to sweep.
        _ = fs::remove_dir_all(&self.0);
    }
}

/// A defect stops no customer, and stops a campaign.
fn is_well(reading: &Reading) -> bool {
    let steps = &reading.outcome.steps;
    !steps.is_empty() && steps.iter().all(|step| step.reached && step.fault.is_none() && step.findings.is_empty())
}

fn print(title: &str, reading: &Reading) {
    let (bad, good) = (terminal::BAD, terminal::GOOD);
    let mark = if is_well(reading) { format!("{good}✓{good:#}") } else { format!("{bad}✗{bad:#}") };
    say!("{mark} {title}  {}", probe::millis(reading.outcome.took));
    let steps = reading.outcome.steps.iter();
    let faults = steps.flat_map(|step| step.fault.iter().chain(step.findings.iter().map(|found| &found.fault)));
    for fault in faults {
        say!("  {fault}");
    }
    if let crate::model::Verdict::Inconclusive { why, text } = &reading.outcome.verdict {
        say!("  we ourselves: {} ({text})", why.words());
    }
}
