//! `unbroken walk`: every probe of a journey once, now, in stage order; what it scores and what costs it.

mod paper;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::json;

use self::paper::Paper;
use super::terminal::say;
use super::{Exit, Format, Global, Stop, explain, probe, terminal};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Plan, Secrets};
use crate::daemon::errands;
use crate::model::{
    Element, Fault, Journey, JourneyId, JourneyMap, Member, Need, ProbeId, Proof, Reading, Snapshot, Weight,
};
use crate::probe::{Errand, Proofs};
use crate::web::{self, Album};
use crate::words::{self, Words};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The journey; every one, if none is named
    journey: Option<String>,
    /// Say "no" (exit 1) when a journey scores below this
    #[arg(long, value_name = "SCORE", default_value_t = 0.0)]
    at_least: f64,
    /// Write the whole walk into a file, by its ending: .html to read and print, .csv for a spreadsheet, .json
    #[arg(long, value_name = "FILE", value_parser = Paper::parse)]
    report: Option<Paper>,
}

struct Walked {
    reading: Reading,
    title: String,
}

/// Everything that is seen on the way.
#[derive(Debug, Default)]
struct Shots(Mutex<Album>);

impl Proofs for Shots {
    fn want(&self, _: Option<&Fault>) -> bool {
        true
    }

    fn keep(&self, proof: Proof) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(&proof);
    }
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let plan = global.plan(Secrets::Needed)?;
        let journeys = self.choose(&plan)?;
        let order = in_stage_order(&plan, &journeys);
        let shots = Arc::new(Shots::default());
        let mut prober = errands::Walker::new(&plan, &super::run::program()?).await;
        if self.report.as_ref().is_some_and(Paper::shows) {
            prober = prober.showing(Arc::clone(&shots) as Arc<dyn Proofs>);
        }
        let clock = Clock::system();
        let map = Arc::new(plan.map.from_one_vantage());
        let runs: Vec<_> = order
            .iter()
            .flat_map(|errand| errands::personas(&plan, errand).into_iter().map(move |persona| (errand, persona)))
            .collect();
        let bar = terminal::progress(runs.len() as u64);
        let (words, mut walked) = (terminal::english(), Vec::new());
        for (errand, persona) in runs {
            bar.set_message(errand.title.clone());
            let vantage = prober.vantages(&errand.id).into_iter().next().unwrap_or_default();
            let reading = prober.walk(errand, persona, &vantage).await;
            bar.inc(1);
            if global.format == Format::Text {
                bar.suspend(|| print_run(&words, &reading, &errand.title));
            }
            walked.push(Walked { reading, title: errand.title.clone() });
        }
        prober.close().await;
        bar.finish_and_clear();
        let snapshot = judged(&map, &walked, clock.now());
        match global.format {
            Format::Text => journeys.iter().filter_map(|id| web::journey(&words, &snapshot, id)).for_each(|journey| {
                say!("");
                explain::print(&journey, explain::Tense::Walked);
            }),
            Format::Json => say!("{:#}", as_json(&words, &snapshot, &journeys, &walked)),
            Format::Junit => say!("{}", as_junit(&walked)),
            // Refused already: a file is written instead.
            Format::Html => {}
        }
        self.put_on_paper(&snapshot, &journeys, (&walked, &shots.0.lock().unwrap_or_else(PoisonError::into_inner)))?;
        let blocked = journeys.iter().filter_map(|id| map.journey(id)).any(|journey| blocks(journey, &snapshot));
        let low =
            journeys.iter().filter_map(|id| snapshot.journey(id)).any(|journey| journey.value * 100.0 < self.at_least);
        Ok(if blocked || low { Exit::No } else { Exit::Well })
    }

    fn put_on_paper(
        &self,
        snapshot: &Snapshot,
        journeys: &[JourneyId],
        (walked, album): (&[Walked], &Album),
    ) -> Result<(), Stop> {
        let Some(paper) = &self.report else { return Ok(()) };
        // It is handed round in the company: in its language.
        let words = Arc::new(Words::new(snapshot.map.language));
        let readings: Vec<Reading> = walked.iter().map(|walked| walked.reading.clone()).collect();
        let json = || as_json(&words, snapshot, journeys, walked);
        paper.write(&words, snapshot, (journeys, &readings, album), json)?;
        terminal::tell(&format!("The walk stands in {}", paper.path().display()));
        Ok(())
    }

    fn choose(&self, plan: &Plan) -> Result<Vec<JourneyId>, Stop> {
        let all = plan.map.journeys.iter().map(|journey| journey.id.clone());
        let Some(wanted) = &self.journey else { return Ok(all.collect()) };
        let id = JourneyId::new(wanted);
        if plan.map.journey(&id).is_none() {
            let hint = probe::near(wanted, all.map(|id| id.to_string()));
            return Err(Stop::usage(format!("there is no journey `{wanted}`{hint}")));
        }
        Ok(vec![id])
    }
}

/// All of a walk, as if it had been made at once: what was looked at first must not be stale for what took long.
fn judged(map: &Arc<JourneyMap>, walked: &[Walked], now: Timestamp) -> Snapshot {
    let mut board = Board::new(Arc::clone(map), Box::new(uuid::Uuid::now_v7), now);
    for Walked { reading, .. } in walked {
        let vantage = map.vantages[0].clone();
        board.apply(&[Arc::new(Reading { vantage, scheduled: now, started: now, ..reading.clone() })], now);
    }
    board.tick(now);
    board.snapshot(now)
}

/// Whether some customer cannot go on: what everybody needs failed, and too little is left that would serve instead.
fn blocks(journey: &Journey, snapshot: &Snapshot) -> bool {
    let failed = |id: &ProbeId| {
        let series = snapshot.probe(id).into_iter().flat_map(|probe| &probe.series);
        series.into_iter().any(|series| series.health.observed > 0.0 && series.health.value <= 0.0)
    };
    let fails = |member: &Member| match &member.element {
        Element::Probe(id) => failed(id),
        Element::Touchpoint(id) => {
            let probes = snapshot.map.touchpoints.get(id).into_iter().flat_map(|touchpoint| &touchpoint.probes);
            probes.filter(|probe| probe.weight == Weight::Blocking).any(|probe| failed(&probe.id))
        }
    };
    journey.stages.iter().flat_map(|stage| &stage.needs).any(|need| match need {
        Need::One(member) => member.weight == Weight::Blocking && fails(member),
        Need::Of { need, members, weight, .. } => {
            *weight == Weight::Blocking && members.iter().filter(|member| !fails(member)).count() < *need
        }
    })
}

fn elements<'a>(journey: &'a Journey) -> impl Iterator<Item = &'a Element> {
    let members = |need: &'a Need| match need {
        Need::One(member) => std::slice::from_ref(member),
        Need::Of { members, .. } => members.as_slice(),
    };
    journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(members).map(|member| &member.element)
}

/// Every errand that says something of these journeys, once, in the order in which a customer meets it.
fn in_stage_order(plan: &Plan, journeys: &[JourneyId]) -> Vec<Arc<Errand>> {
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    let journeys = journeys.iter().filter_map(|id| plan.map.journey(id));
    for journey in journeys {
        let checked = journey
            .consistency
            .iter()
            .flat_map(|check| &check.values)
            .map(|source| Element::Probe(source.probe.clone()));
        for element in elements(journey).cloned().chain(checked) {
            let probes =
                plan.map.touchpoints.get(element.touchpoint()).map(|t| t.probes.as_slice()).unwrap_or_default();
            for probe in probes.iter().filter(|probe| {
                matches!(&element, Element::Touchpoint(_)) || element == Element::Probe(probe.id.clone())
            }) {
                let runs = probe.origin.as_ref().unwrap_or(&probe.id);
                if seen.insert(runs.clone()) {
                    order.extend(plan.errands.iter().find(|errand| errand.id == *runs).cloned());
                }
            }
        }
    }
    order
}

fn print_run(words: &Words, reading: &Reading, title: &str) {
    let style = terminal::verdict_style(&reading.outcome.verdict);
    let dim = terminal::DIM;
    let persona = reading.persona.as_ref().map(|persona| format!(" ({persona})")).unwrap_or_default();
    let took = probe::millis(reading.outcome.took);
    say!(
        "{style}{:<12}{style:#} {title}{persona}  {dim}{}  {took}{dim:#}",
        reading.outcome.verdict.label(),
        reading.probe
    );
    if let Some(fault) = reading.outcome.verdict.fault() {
        say!("             {fault}");
        if let Some(advice) = words.advice(fault) {
            say!("             → {advice}");
        }
    }
}

/// In the API's own shapes.
fn as_json(words: &Words, snapshot: &Snapshot, journeys: &[JourneyId], walked: &[Walked]) -> serde_json::Value {
    let journeys: Vec<_> = journeys.iter().filter_map(|id| web::journey(words, snapshot, id)).collect();
    let readings: Vec<_> = walked.iter().filter_map(|walked| web::reading(&walked.reading)).collect();
    json!({ "journeys": journeys, "readings": readings })
}

fn as_junit(walked: &[Walked]) -> String {
    let failures = walked.iter().filter(|walked| walked.reading.outcome.verdict.fault().is_some()).count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"unbroken walk\" tests=\"{}\" failures=\"{failures}\">\n",
        walked.len()
    );
    for Walked { reading, title } in walked {
        let persona = reading.persona.as_ref().map(|persona| format!(" ({persona})")).unwrap_or_default();
        write!(
            xml,
            "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
            words::markup(reading.probe.touchpoint.as_str()),
            words::markup(&format!("{title}{persona}")),
            reading.outcome.took.as_secs_f64()
        )
        .ok();
        if let Some(fault) = reading.outcome.verdict.fault() {
            write!(xml, "<failure type=\"{}\" message=\"{}\"/>", fault.code, words::markup(&fault.to_string())).ok();
        } else if reading.outcome.samples.is_empty() {
            xml += "<skipped/>";
        }
        xml += "</testcase>\n";
    }
    xml + "</testsuite>"
}
