//! Metrics and labels in rules and dashboard are those of the catalogue.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;
use unbroken::model::{SelfFault, Verdict};
use unbroken::score::Budget;
use unbroken::telemetry::{CATALOGUE, Family, Type};

use super::{read, rules, yaml};

/// What Prometheus puts on everything that it scrapes.
const OF_PROMETHEUS: [&str; 2] = ["job", "instance"];

/// The family that a series' name is of, and whether it is a bucket.
fn family(name: &str) -> Option<(&'static Family, bool)> {
    CATALOGUE.iter().find_map(|family| match name.strip_prefix(family.name)? {
        "" if family.of != Type::Histogram => Some((*family, false)),
        "_bucket" if family.of == Type::Histogram => Some((*family, true)),
        "_sum" | "_count" if family.of == Type::Histogram => Some((*family, false)),
        _ => None,
    })
}

fn recorded() -> BTreeSet<String> {
    rules("record").iter().map(|rule| rule["record"].as_str().unwrap().to_owned()).collect()
}

fn known_labels() -> BTreeSet<&'static str> {
    let all = CATALOGUE.iter().flat_map(|family| family.labels.iter().copied());
    all.chain(OF_PROMETHEUS).chain(["le"]).collect()
}

/// Every mistake in an expression.
fn wrong(expression: &str, recorded: &BTreeSet<String>, used: &mut BTreeSet<&'static str>) -> Vec<String> {
    let mut wrong = Vec::new();
    let selector =
        Regex::new(r"([a-zA-Z_:][a-zA-Z0-9_:]*unbroken_[a-z0-9_:]+|(?:unbroken|process)_[a-z0-9_]+)(\{[^}]*\})?")
            .unwrap();
    let matcher = Regex::new(r#"([a-z_]+)\s*(?:=~|!~|!=|=)\s*"([^"]*)""#).unwrap();
    let grouping = Regex::new(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)").unwrap();
    for found in selector.captures_iter(expression) {
        let name = &found[1];
        let labels: BTreeSet<&str> = match family(name) {
            Some((family, bucket)) => {
                used.insert(family.name);
                let own = family.labels.iter().copied().chain(OF_PROMETHEUS);
                own.chain(bucket.then_some("le")).collect()
            }
            None if recorded.contains(name) => known_labels(),
            None => {
                wrong.push(format!("`{name}` is not counted: {expression}"));
                continue;
            }
        };
        for matched in matcher.captures_iter(found.get(2).map_or("", |labels| labels.as_str())) {
            if !labels.contains(&matched[1]) {
                wrong.push(format!("`{name}` has no label `{}`: {expression}", &matched[1]));
            }
            wrong.extend(unknown_value(&matched[1], &matched[2]));
        }
    }
    for found in grouping.captures_iter(expression) {
        let labels = found[1].split(',').map(str::trim).filter(|label| !label.is_empty());
        wrong.extend(labels.filter(|label| !known_labels().contains(label)).map(|label| format!("no label `{label}`")));
    }
    wrong
}

/// Labels whose values are known here must have one of these.
fn unknown_value(label: &str, value: &str) -> Option<String> {
    let known: Vec<String> = match label {
        "verdict" => Verdict::LABELS.iter().map(|label| (*label).to_owned()).collect(),
        "trouble" => SelfFault::ALL.iter().map(|what| what.code().to_owned()).collect(),
        "severity" => vec!["page".to_owned(), "ticket".to_owned()],
        "window" => windows(),
        _ => return None,
    };
    value.split('|').find(|one| !known.iter().any(|known| known == one)).map(|one| format!("no {label} is `{one}`"))
}

/// Of objectives, as the daemon has them.
fn windows() -> Vec<String> {
    let mut budget = Budget::new(99.0);
    (0..=unbroken::score::KEPT).for_each(|minute| budget.set(minute, 0.0));
    let burns = budget.burns(unbroken::score::KEPT);
    burns.iter().flat_map(|burn| [burn.long.0, burn.short.0]).map(|minutes| format!("{minutes}m")).collect()
}

/// Everything in the dashboard that is asked of Prometheus.
fn asked(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                match inner {
                    Value::String(text) if ["expr", "query", "definition"].contains(&key.as_str()) => {
                        into.push(text.clone());
                    }
                    _ => asked(inner, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| asked(item, into)),
        _ => {}
    }
}

/// What the dashboard asks of Prometheus, its variables filled in; without the questions for names.
pub(super) fn questions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    let mut all = Vec::new();
    asked(&dashboard, &mut all);
    let variable = Regex::new(r"\$[a-z]+").unwrap();
    let all = all.iter().filter(|text| text.contains("unbroken") && !text.contains("label_values("));
    all.map(|text| variable.replace_all(&text.replace("$__rate_interval", "1m"), ".*").into_owned()).collect()
}

#[test]
fn rules_and_dashboard_name_only_what_is_counted_and_all_of_it() {
    let dashboard: Value = serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    let mut expressions = Vec::new();
    asked(&dashboard, &mut expressions);
    assert!(expressions.len() > 30, "{expressions:?}");
    let rules = [rules("alert"), rules("record")].concat();
    expressions.extend(rules.iter().map(|rule| rule["expr"].as_str().unwrap().to_owned()));
    let annotations = rules.iter().filter_map(|rule| rule["annotations"].as_object()).flat_map(|all| all.values());
    expressions.extend(annotations.map(|text| text.as_str().unwrap().to_owned()));
    let (recorded, mut used) = (recorded(), BTreeSet::new());
    let wrong: Vec<String> = expressions.iter().flat_map(|text| wrong(text, &recorded, &mut used)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unseen: Vec<&str> = CATALOGUE.iter().map(|family| family.name).filter(|name| !used.contains(name)).collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}");
}

#[test]
fn what_alerts_and_legends_say_has_the_labels_that_it_names() {
    let known = known_labels();
    let named = Regex::new(r"\$labels\.([a-z_]+)|\{\{([a-z_]+)\}\}").unwrap();
    for file in ["rules.yaml", "grafana-dashboard.json"] {
        let text = read(file);
        let labels: BTreeSet<&str> = named
            .captures_iter(&text)
            .filter_map(|found| found.get(1).or_else(|| found.get(2)))
            .map(|label| label.as_str())
            .collect();
        assert!(labels.len() > 5, "{labels:?}");
        let unknown: Vec<_> = labels.iter().filter(|label| !known.contains(*label)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn panels_lie_beside_each_other_and_ask_the_chosen_prometheus() {
    let dashboard: Value = serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let place = |panel: &Value| ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
    for (number, panel) in panels.iter().enumerate() {
        let [left, top, width, height] = place(panel);
        assert!(left + width <= 24 && height > 0, "{}", panel["title"]);
        for other in &panels[number + 1..] {
            let [x, y, w, h] = place(other);
            let apart = left + width <= x || x + w <= left || top + height <= y || y + h <= top;
            assert!(apart, "{} lies on {}", panel["title"], other["title"]);
            assert_ne!(panel["id"], other["id"]);
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        }
    }
    for file in ["prometheus.yaml", "rules.yaml"] {
        assert!(yaml(file).is_object(), "{file}");
    }
}
