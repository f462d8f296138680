//! The real daemon and every service at once: reminded, called for help, quiet once somebody has it, told the end.

use std::time::Duration;

use serde_json::{Value, json};

use super::chats::{DISCORD, SLACK_BOT, SLACK_HOOK, TEAMS, TELEGRAM};
use super::pagers::{NTFY, OPSGENIE, PAGERDUTY};
use super::{Heard, Vendor, Ways};
use crate::world::{Hook, Target, World};

/// Who is on duty, and who is called if they do not answer.
struct Duty {
    crew: Vec<(&'static str, Vendor)>,
    help: Vec<(&'static str, Vendor)>,
}

impl Duty {
    async fn begin() -> Self {
        let crew = [
            ("pagerduty", PAGERDUTY),
            ("opsgenie", OPSGENIE),
            ("ntfy", NTFY),
            ("slack", SLACK_HOOK),
            ("slack-bot", SLACK_BOT),
            ("teams", TEAMS),
            ("discord", DISCORD),
            ("telegram", TELEGRAM),
        ];
        let help = [("boss-pagerduty", PAGERDUTY), ("boss-opsgenie", OPSGENIE), ("boss-slack", SLACK_BOT)];
        Self { crew: started(crew).await, help: started(help).await }
    }

    fn all(&self) -> impl Iterator<Item = &(&'static str, Vendor)> {
        self.crew.iter().chain(&self.help)
    }

    fn write_down(&self, world: &mut World) {
        let receivers: serde_json::Map<_, _> =
            self.all().map(|(name, vendor)| ((*name).to_owned(), written(world, name, vendor))).collect();
        let names = |of: &[(&'static str, Vendor)]| of.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let route = json!({ "to": names(&self.crew), "escalate": { "after": "5s", "to": names(&self.help) } });
        let alerts = json!({ "receivers": receivers, "repeat": "2s", "routes": [route] });
        let yaml = format!(
            "company: Test\nlisten: 127.0.0.1:0\nurl: http://127.0.0.1:8080\nstore: ../unbroken.db\nalerts: {alerts}\n"
        );
        world.write("config/unbroken.yaml", &yaml);
    }

    /// Waits until each of these has heard something of the kind, and nothing that does not fit its schema.
    async fn hears(&self, world: &World, who: &[(&'static str, Vendor)], what: &str, fits: fn(&Heard) -> bool) {
        for (name, vendor) in who {
            let wanted = format!("{name} hears {what}");
            world.until(&wanted, async |_: &World| vendor.taken().iter().any(fits)).await;
        }
        self.all().for_each(|(_, vendor)| vendor.is_content());
    }

    fn heard(&self) -> Vec<usize> {
        self.all().map(|(_, vendor)| vendor.heard().len()).collect()
    }
}

async fn started(all: impl IntoIterator<Item = (&'static str, Ways)>) -> Vec<(&'static str, Vendor)> {
    let mut vendors = Vec::new();
    for (name, ways) in all {
        vendors.push((name, Vendor::start(ways, &[]).await));
    }
    vendors
}

/// A receiver as people write it: secrets come from the environment.
fn written(world: &mut World, name: &str, vendor: &Vendor) -> Value {
    fn referring(value: &mut Value, name: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Array(secret) => {
                let variable = format!("KEY_{}", name.replace('-', "_"));
                found.push((variable.clone(), secret[1].as_str().unwrap().to_owned()));
                *value = json!({ "env": variable });
            }
            Value::Object(fields) => fields.values_mut().for_each(|value| referring(value, name, found)),
            _ => {}
        }
    }
    let mut receiver = (vendor.desk.ways.settings)(&format!("http://{}", vendor.address));
    let mut found = Vec::new();
    referring(&mut receiver, name, &mut found);
    found.iter().for_each(|(variable, secret)| world.set(variable, secret));
    receiver
}

fn says(heard: &Heard, words: &str) -> bool {
    heard.body.to_string().contains(words)
}

fn answers(heard: &Heard) -> bool {
    heard.body["event_action"] == "acknowledge" || says(heard, "Anna has it")
}

fn ends(heard: &Heard) -> bool {
    heard.body["event_action"] == "resolve" || says(heard, "Mended")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_is_reminded_and_helped_hears_who_has_it_and_that_it_is_over() {
    let (target, hook, duty) = (Target::start().await, Hook::start().await, Duty::begin().await);
    let mut world = World::new(&target, &hook);
    duty.write_down(&mut world);
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    duty.hears(&world, &duty.crew, "a reminder", |heard| says(heard, "Still")).await;
    duty.hears(&world, &duty.help, "that nobody answers", |heard| says(heard, "Nobody answers")).await;

    let (code, out, errors) = world.run(&["ack", "shop", "--by", "Anna", "--url", world.page()]);
    assert_eq!(code, 0, "{out}{errors}");
    duty.hears(&world, &duty.crew, "who has it", answers).await;
    duty.hears(&world, &duty.help, "who has it", answers).await;
    // What was on its way when somebody answered may arrive with the answer, nothing after it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = duty.heard();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(duty.heard(), before, "nobody is reminded of what somebody has");

    target.mend();
    duty.hears(&world, &duty.crew, "the end", ends).await;
    duty.hears(&world, &duty.help, "the end", ends).await;
    one_alert_each(&duty, &world.json("/api/v1/incidents?state=closed").await["items"][0]["id"]);
}

/// What keeps alerts has one: opened, answered and resolved under the incident's id.
fn one_alert_each(duty: &Duty, incident: &Value) {
    let id = incident.as_str().unwrap();
    for (name, vendor) in duty.all() {
        let taken = vendor.taken();
        let mut steps: Vec<String> = match *name {
            "pagerduty" | "boss-pagerduty" => {
                assert!(taken.iter().all(|heard| heard.body["dedup_key"] == id), "{name}: {taken:?}");
                taken.iter().map(|heard| heard.body["event_action"].as_str().unwrap().to_owned()).collect()
            }
            "opsgenie" | "boss-opsgenie" => {
                assert!(taken.iter().all(|heard| heard.body["alias"] == id || heard.path.contains(id)), "{taken:?}");
                let step = |heard: &Heard| heard.path.replace(&format!("/{id}"), "");
                taken.iter().map(step).filter(|step| !step.contains("/notes")).collect()
            }
            _ => continue,
        };
        steps.dedup();
        let wanted = if name.contains("pagerduty") {
            ["trigger", "acknowledge", "resolve"]
        } else {
            ["/v2/alerts", "/v2/alerts/acknowledge?identifierType=alias", "/v2/alerts/close?identifierType=alias"]
        };
        assert_eq!(steps, wanted, "{name}");
    }
}
