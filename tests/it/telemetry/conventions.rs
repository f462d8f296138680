//! Every attribute that we write down is one of OpenTelemetry's, or says by its name that it is ours.

use std::path::{Path, PathBuf};

use opentelemetry_semantic_conventions::SCHEMA_URL;
use regex::Regex;
use unbroken::model::Reading;
use unbroken::telemetry::{Value, spans};

use crate::web::halcyon::{Mood, snapshot};

/// The registry of the version that we state with everything we send: names and types.
const REGISTRY: &str = include_str!("../../fixtures/semantic-conventions-1.42.0.txt");
const VERSION: &str = "1.42.0";

/// What the crate `log` calls what it hands to tracing: looked at to leave it out, never sent.
const FROM_LOG: [&str; 4] = ["log.target", "log.module_path", "log.file", "log.line"];

/// Of which type an attribute is; ours are of any.
fn of(name: &str) -> Option<&'static str> {
    if name.starts_with("unbroken.") {
        return Some("any");
    }
    REGISTRY.lines().filter_map(|line| line.split_once(' ')).find(|(known, _)| *known == name).map(|(_, of)| of)
}

fn is_known(name: &str) -> bool {
    of(name).is_some()
}

/// Holds an attribute against the registry.
#[track_caller]
fn hold_one(name: &str, value: &Value<'_>) {
    let Some(wanted) = of(name) else {
        panic!("`{name}` is not in the registry {VERSION} and does not begin with `unbroken.`");
    };
    let is = match value {
        Value::Text(_) => "string",
        Value::Texts(_) => "string[]",
        Value::Integer(_) => "int",
        Value::Number(_) => "double",
        Value::Flag(_) => "boolean",
    };
    assert!(wanted == is || wanted == "any", "`{name}` is {wanted} in the registry {VERSION}, and here {value:?}");
}

/// Holds every attribute of a reading's trace; every run that a test makes comes by here.
#[track_caller]
pub(crate) fn hold(reading: &Reading) {
    let trace = spans(reading, &snapshot(Mood::BillingDown).map);
    let events = trace.iter().flat_map(|span| &span.events).flat_map(|event| &event.attributes);
    let links = trace.iter().flat_map(|span| &span.links).flat_map(|link| &link.attributes);
    for (name, value) in trace.iter().flat_map(|span| &span.attributes).chain(events).chain(links) {
        hold_one(name, value);
    }
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else {
            into.push(path);
        }
    }
}

#[test]
fn the_registry_is_of_the_version_that_we_state() {
    assert!(SCHEMA_URL.ends_with(&format!("/{VERSION}")), "{SCHEMA_URL}: the registry in fixtures is of {VERSION}");
    assert!(REGISTRY.lines().count() > 500 && is_known("http.request.method"));
    // Names that were in it once are not in it any more.
    assert!(!is_known("http.status_code") && !is_known("rpc.system") && !is_known("made.up"));
    assert_eq!((of("http.response.status_code"), of("error.type")), (Some("int"), Some("string")));
}

#[test]
fn no_name_of_an_attribute_is_made_up() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // In the kinds whatever is written down by a name, in telemetry whatever looks like one.
    let written = Regex::new(r#"(?:attribute|put)\(\s*(?:run,\s*)?"([^"]+)""#).unwrap();
    let dotted = Regex::new(r#""([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)""#).unwrap();
    let (mut seen, mut unknown) = (0, Vec::new());
    for (folder, names) in [("probe", &written), ("telemetry", &dotted)] {
        let mut files = vec![src.join(format!("{folder}.rs"))];
        sources(&src.join(folder), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            // What stands in its tests is anything.
            let text = text.split("#[cfg(test)]").next().unwrap();
            if file.file_name().is_some_and(|name| name == "tests.rs") {
                continue;
            }
            for found in names.captures_iter(text) {
                seen += 1;
                if !is_known(&found[1]) && !FROM_LOG.contains(&&found[1]) {
                    unknown.push(format!("{}: {}", file.display(), &found[1]));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "not in the registry {VERSION}:\n{}", unknown.join("\n"));
    assert!(seen > 60, "only {seen} names were found: do they look different now?");
}

#[test]
fn what_is_sent_of_a_run_has_known_names_and_types() {
    let reading = super::failing();
    assert!(reading.outcome.steps.iter().map(|step| step.attributes.len()).sum::<usize>() > 5);
    hold(&reading);
}

#[test]
#[should_panic(expected = "`http.response.status_code` is int in the registry")]
fn a_number_that_is_sent_as_a_text_is_found() {
    let mut reading = super::failing();
    let attributes = &mut reading.outcome.steps[1].attributes;
    attributes.retain(|(name, _)| name != "http.response.status_code");
    attributes.push(("http.response.status_code".into(), "five hundred".into()));
    hold(&reading);
}
