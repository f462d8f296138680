//! What the README says a break costs is what it costs, in the running demo, met as a user meets it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::configure;
use crate::world::World;

/// A row of the README's table.
struct Row {
    /// What follows `unbroken demo break`.
    what: String,
    /// A journey's title.
    journey: String,
    costs: Costs,
    /// In words.
    happens: String,
}

enum Costs {
    Exactly(f64),
    Below(f64),
}

fn rows() -> Vec<Row> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table = readme.split("| break | what it costs |").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (journey, costs) = cells[2].strip_prefix('*').unwrap().split_once("* ").unwrap();
        let costs = match costs.strip_prefix("below ") {
            Some(bound) => Costs::Below(bound.parse().unwrap()),
            None => Costs::Exactly(costs.parse().unwrap()),
        };
        Row {
            what: cells[1].trim_matches('`').to_owned(),
            journey: journey.to_owned(),
            costs,
            happens: cells[3].to_owned(),
        }
    };
    table.lines().skip(2).map(row).collect()
}

impl Row {
    fn is_met(&self, score: f64) -> bool {
        match self.costs {
            Costs::Exactly(points) => (score - points).abs() < 0.05,
            Costs::Below(points) => score < points,
        }
    }

    /// What the row says beside the number.
    async fn explains(&self, world: &World) {
        let status = world.json("/api/v1/status").await;
        let touchpoint = self.what.split(' ').next().unwrap();
        let state = world.json(&format!("/api/v1/touchpoints/{touchpoint}")).await["state"].clone();
        let incidents = world.json("/api/v1/incidents?state=open").await;
        let named =
            incidents["items"].as_array().unwrap().iter().any(|incident| incident["cause"]["touchpoint"] == touchpoint);
        let is_down = self.what == touchpoint || self.happens.starts_with("DOWN");
        assert_eq!((state == "down", named), (is_down, is_down), "{}: {state} {incidents} {status}", self.what);
    }
}

async fn score(world: &World, title: &str) -> Option<f64> {
    let status = world.json("/api/v1/status").await;
    let journey = status["journeys"].as_array()?.iter().find(|journey| journey["title"] == title).cloned();
    journey.unwrap_or_else(|| panic!("no journey is called {title}: {status}"))["score"].as_f64()
}

async fn until(world: &World, row: &Row, what: &str, holds: impl Fn(f64) -> bool) {
    let what = format!("`{}`: {} {what}", row.what, row.journey);
    world.until(&what, async |world: &World| score(world, &row.journey).await.is_some_and(&holds)).await;
}

fn demo(world: &World, args: &str) -> Value {
    let args: Vec<&str> = ["demo"].into_iter().chain(args.split(' ')).chain(["--format", "json"]).collect();
    let (code, out, error) = world.run(&args);
    assert_eq!(code, 0, "{args:?}: {out}{error}");
    serde_json::from_str(&out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_costs_what_the_readme_says() {
    let rows = rows();
    assert!(rows.len() >= 5, "the table is read");
    // Each row takes some twenty seconds to cost all that it costs, and again to heal.
    let demos = (0..DEMOS).map(|first| hold(rows.iter().skip(first).step_by(DEMOS)));
    futures::future::join_all(demos).await;
}

/// Demos side by side. As many of the last rows are the last of a demo: those that take long to heal, as mails that stay
/// in their mailbox.
const DEMOS: usize = 4;

/// Breaks and mends each of these in a demo of their own.
async fn hold(rows: impl Iterator<Item = &Row>) {
    let mut world = World::empty();
    configure(&world, "");
    // A window of ten runs is full in 20 s instead of 50; what it then says is the same.
    let billing = fs::read_to_string(world.path("probes/billing.yaml")).unwrap();
    world.write("probes/billing.yaml", &billing.replace("every: 5s, timeout: 5s", "every: 2s, timeout: 2s"));
    world.start_demo().await;
    for row in rows {
        // Another journey may still heal from the row before.
        until(&world, row, "is whole", |score| score >= 100.0).await;
        demo(&world, &format!("break {}", row.what));
        until(&world, row, "costs what it should", |score| row.is_met(score)).await;
        row.explains(&world).await;
        assert_eq!(demo(&world, "mend").as_array().map(Vec::len), Some(1));
    }
    world.stop().await;
}
