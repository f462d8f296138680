//! What is shipped for Prometheus and Grafana: its rules are tested, and it names nothing that is not counted.

mod names;
mod scraped;
mod sent;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::parts::program;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/observability")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&read(name)).unwrap()
}

/// The rules of all groups that alert, or that record.
fn rules(of: &str) -> Vec<Value> {
    let groups = yaml("rules.yaml")["groups"].as_array().unwrap().clone();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules.filter(|rule| !rule[of].is_null()).collect()
}

/// What it says, where it finds something wrong.
fn promtool(arguments: &[&str], input: &str) {
    use std::io::Write as _;
    let mut command = Command::new(program("promtool"));
    command.args(arguments).current_dir(folder());
    let mut promtool = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let wrong = ["FAILED", "error", "no_type", "should", "duplicate"].iter().any(|word| said.contains(word));
    assert!(output.status.success() && !wrong, "promtool {arguments:?}: {said}");
}

#[test]
fn promtool_accepts_the_rules_and_each_alert_fires_when_it_should() {
    promtool(&["check", "config", "prometheus.yaml"], "");
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"], "");
    promtool(&["test", "rules", "rules.test.yaml"], "");
    let tests = yaml("rules.test.yaml")["tests"].as_array().unwrap().clone();
    let cases: Vec<&Value> = tests.iter().filter_map(|test| test["alert_rule_test"].as_array()).flatten().collect();
    for rule in rules("alert") {
        let name = &rule["alert"];
        let of = |fires: bool| {
            let these = cases.iter().filter(|case| case["alertname"] == *name);
            these.filter(|case| case["exp_alerts"].as_array().unwrap().is_empty() != fires).count()
        };
        assert!(of(true) > 0, "no test lets {name} fire");
        assert!(of(false) > 0, "no test keeps {name} silent");
        assert!(["page", "ticket"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
        assert!(rule["annotations"]["summary"].is_string(), "{name} says nothing");
    }
    for rule in rules("record") {
        let name = rule["record"].as_str().unwrap();
        let tested = read("rules.test.yaml").contains(name);
        let alerts = rules("alert").iter().any(|alert| alert["expr"].as_str().unwrap().contains(name));
        assert!(tested || alerts, "nothing tests {name}");
    }
}
