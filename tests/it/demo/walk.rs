//! Unbroken's own synthetic customers visit the demo company: what is broken is noticed, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use unbroken::clock::Clock;
use unbroken::config::{self, Environment, Folders, Plan, Secrets};
use unbroken::model::{ProbeId, Reading, Trigger, VantageId};
use unbroken::probe::browser::pool::{self, Browsers};
use unbroken::probe::connect::Network;
use unbroken::probe::push::{Heard, Pushes};
use unbroken::probe::{Order, Prober, Tools};

use super::Visit;

/// Nobody pushes at Halcyon Mobile.
struct Quiet;

#[async_trait]
impl Pushes for Quiet {
    async fn last(&self, _: &ProbeId) -> Result<Option<Heard>, String> {
        Ok(None)
    }
}

fn plan(visit: &Visit) -> Plan {
    plan_with(visit.company.environment().clone())
}

/// The shipped configuration, where the company is at other addresses.
pub(super) fn plan_with(environment: BTreeMap<String, String>) -> Plan {
    let folders = Folders::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("config"));
    config::load(&folders, &Environment::new(environment), Secrets::Needed).plan.unwrap()
}

/// Every errand once, as every persona.
pub(super) async fn walk(plan: &Plan) -> Vec<Reading> {
    let clock = Clock::system();
    let prober = Prober::new(Tools {
        clock: clock.clone(),
        pushes: Arc::new(Quiet),
        random: Arc::new(rand::random),
        network: Arc::new(Network::system(clock.clone())),
        program: PathBuf::from(env!("CARGO_BIN_EXE_unbroken")),
        browsers: Browsers::new(pool::Settings::default(), Arc::new(rand::random)),
    });
    let run = |errand, persona| {
        let order = Order {
            persona,
            vantage: VantageId::default(),
            trigger: Trigger::Person,
            asked_by: None,
            scheduled: clock.now(),
        };
        let prober = &prober;
        async move { prober.run(errand, order).await }
    };
    let runs = plan.errands.iter().flat_map(|errand| {
        let personas = &plan.map.probe(&errand.id).unwrap().personas;
        let personas = personas.iter().map(|id| Some(Arc::new(plan.map.personas[id].clone())));
        let personas: Vec<_> = if personas.len() == 0 { vec![None] } else { personas.collect() };
        personas.into_iter().map(move |persona| run(errand, persona))
    });
    join_all(runs).await
}

/// Per touchpoint, the worst quality of any of its samples.
fn worst(readings: &[Reading]) -> BTreeMap<String, f64> {
    let mut worst = BTreeMap::new();
    for sample in readings.iter().flat_map(|reading| &reading.outcome.samples) {
        let entry = worst.entry(sample.probe.touchpoint.to_string()).or_insert(1.0_f64);
        *entry = entry.min(sample.quality.get());
    }
    worst
}

/// Faults that show in no status, only to those who use the page.
const SEEN_ONLY: [&str; 8] = [
    "script-error",
    "late-hydration",
    "layout-shift",
    "dead-link",
    "no-picture",
    "covered-button",
    "slow-third-party",
    "phone-layout",
];

/// Of those that use a page; what they find has tests of its own.
fn is_seen(id: &ProbeId) -> bool {
    const SEEN: [&str; 6] = [
        "shop/order-on-a-phone",
        "shop/order-on-a-desktop",
        "shop/help",
        "shop/links",
        "billing/account",
        "chat/window",
    ];
    SEEN.contains(&id.to_string().as_str())
}

fn is_only_seen(touchpoint: &str, fault: &str) -> bool {
    // A card without a picture is found by whoever asks for it.
    SEEN_ONLY.contains(&fault) && touchpoint != "social"
}

#[tokio::test]
async fn what_only_eyes_see_leaves_every_other_errand_green() {
    let visit = Visit::new().await;
    let mut plan = plan(&visit);
    let touched = ["shop", "billing", "chat"];
    plan.errands.retain(|errand| touched.contains(&errand.id.touchpoint.as_str()) && !is_seen(&errand.id));
    let faults = visit.company.faults().into_iter();
    let faults: Vec<_> = faults.filter(|switch| is_only_seen(&switch.touchpoint, &switch.fault)).collect();
    assert!(faults.len() > SEEN_ONLY.len(), "{faults:?}");
    for switch in faults {
        visit.company.break_(&switch.touchpoint, Some(&switch.fault)).unwrap();
        let worst = worst(&walk(&plan).await);
        assert!(worst[&switch.touchpoint] > 0.5, "{switch:?}: {worst:?}");
        visit.mend();
    }
}

#[tokio::test]
async fn every_errand_succeeds_while_nothing_is_broken() {
    let visit = Visit::new().await;
    for reading in walk(&plan(&visit)).await {
        let outcome = &reading.outcome;
        assert!(matches!(outcome.verdict.label(), "good" | "slow"), "{}: {:?}", reading.probe, outcome.verdict);
        let findings: Vec<_> = outcome.steps.iter().flat_map(|step| &step.findings).collect();
        assert!(findings.is_empty(), "{}: {findings:?}", reading.probe);
    }
}

#[tokio::test]
async fn every_fault_is_felt_where_it_is_and_nowhere_else() {
    let visit = Visit::new().await;
    let mut plan = plan(&visit);
    plan.errands.retain(|errand| !is_seen(&errand.id));
    let mut switches = visit.company.faults();
    // What was mailed stays in the mailbox for a while after all is mended: last, so that it is felt by nobody else.
    switches.sort_by_key(|switch| switch.touchpoint == "email");
    for switch in switches {
        match (switch.touchpoint.as_str(), switch.fault.as_str()) {
            (touchpoint, fault) if is_only_seen(touchpoint, fault) => continue,
            // Told by comparing touchpoints, see below.
            (_, "wrong-price" | "wrong-hours") => continue,
            // Every touchpoint hangs and slows down in the same way; waiting for one is enough.
            (touchpoint, "hangs" | "slow") if touchpoint != "billing" => continue,
            _ => {}
        }
        visit.company.break_(&switch.touchpoint, Some(&switch.fault)).unwrap();
        let worst = worst(&walk(&plan).await);
        // What costs and does not stop the customer.
        let mild = ["slow", "wrong-name", "garbled-name", "late", "dkim-fail", "too-many", "careless"];
        let expected = match (switch.touchpoint.as_str(), switch.fault.as_str()) {
            // Below a half it would be a failed attempt, and three of them an outage.
            ("email" | "notices", "late" | "dkim-fail") => 0.5..=0.9,
            (_, fault) if mild.contains(&fault) => 0.2..=0.9,
            _ => 0.0..=0.0,
        };
        assert!(expected.contains(&worst[&switch.touchpoint]), "{switch:?}: {worst:?}");
        let hurt: BTreeSet<_> = worst.iter().filter(|(_, quality)| **quality < 0.5).map(|(name, _)| name).collect();
        assert!(hurt.is_subset(&BTreeSet::from([&switch.touchpoint])), "{switch:?}: {worst:?}");
        visit.mend();
    }
}

#[tokio::test]
async fn what_must_agree_disagrees_when_it_should() {
    let visit = Visit::new().await;
    let mut plan = plan(&visit);
    let checks: Vec<_> = plan.map.journeys.iter().flat_map(|journey| journey.consistency.clone()).collect();
    let tells = |probe: &ProbeId| checks.iter().flat_map(|check| &check.values).any(|source| source.probe == *probe);
    plan.errands.retain(|errand| tells(&errand.id));
    let distinct = async || {
        let readings = walk(&plan).await;
        let values = |check: &unbroken::model::Consistency| {
            let values = check.values.iter().map(|source| {
                let reading = readings.iter().find(|reading| reading.probe == source.probe).unwrap();
                let mut captured = reading.outcome.steps.iter().flat_map(|step| &step.captured);
                captured.find(|captured| *captured.name == *source.value).unwrap().value.clone()
            });
            values.collect::<BTreeSet<_>>().len()
        };
        checks.iter().map(values).collect::<Vec<_>>()
    };
    assert_eq!(distinct().await, [1, 1]);
    for (touchpoint, fault, expected) in [
        ("web", "wrong-price", [2, 1]),
        ("ads", "wrong-price", [2, 1]),
        ("shop", "wrong-price", [2, 1]),
        ("app", "wrong-price", [2, 1]),
        ("billing", "wrong-price", [2, 1]),
        ("web", "wrong-hours", [1, 2]),
        ("phone", "wrong-hours", [1, 2]),
    ] {
        visit.break_(touchpoint, fault);
        assert_eq!(distinct().await, expected, "{touchpoint} {fault}");
        visit.mend();
    }
}

#[tokio::test]
async fn mail_tells_what_is_wrong_with_it() {
    use unbroken::model::FaultCode;
    let visit = Visit::new().await;
    let mut plan = plan(&visit);
    plan.errands.retain(|errand| errand.id.touchpoint.as_str() == "email");
    for (fault, code, told) in [
        ("missing", FaultCode::MailMissing, "no such mail"),
        ("wrong-name", FaultCode::Expectation, "found John"),
        ("wrong-amount", FaultCode::Expectation, "expected 29.99, found 34.99"),
        ("dkim-fail", FaultCode::Expectation, ": expected pass, found fail"),
        // In this order: their mails stay, and of two defects the careless one is told.
        ("too-many", FaultCode::MailTooMany, "at most 3"),
        ("careless", FaultCode::MailCareless, "recommends `Flat M`"),
        ("late", FaultCode::Latency, "good is up to 1000ms"),
    ] {
        visit.break_("email", fault);
        let readings = walk(&plan).await;
        // What an earlier fault has left in the mailbox is found as well: each finding is looked at.
        let steps = readings.iter().flat_map(|reading| &reading.outcome.steps);
        let findings = steps.flat_map(|step| step.findings.iter().map(|finding| &finding.fault).chain(&step.fault));
        let samples = readings.iter().flat_map(|reading| &reading.outcome.samples);
        let faults: Vec<_> = findings.chain(samples.filter_map(|sample| sample.fault.as_ref())).collect();
        let found = faults.iter().any(|fault| fault.code == code && fault.text.contains(told));
        assert!(found, "{fault}: {faults:?}");
        visit.mend();
    }
}
