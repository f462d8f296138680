//! The README is true: its YAML loads, its commands exist, its promises have their tests.

use std::fs;
use std::path::Path;

use unbroken::alert::Receiver;
use unbroken::probe::Kind;

use crate::world::World;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README is there")
}

/// The YAML blocks, each with the file that the comment above names.
fn blocks(readme: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    for part in readme.split("<!-- file: ").skip(1) {
        let (path, rest) = part.split_once(" -->").expect("a closed comment");
        let yaml = rest.split_once("```yaml\n").and_then(|(_, rest)| rest.split_once("```")).expect("a YAML block").0;
        blocks.push((path.to_owned(), yaml.to_owned()));
    }
    blocks
}

#[test]
fn the_yaml_by_example_loads() {
    let readme = readme();
    let blocks = blocks(&readme);
    assert_eq!(blocks.len(), readme.matches("```yaml").count(), "every YAML block names its file");
    let mut world = World::empty();
    for (path, yaml) in &blocks {
        world.write(path, yaml);
    }
    // The two touchpoints that the example names and does not show.
    let catalogue = "  checkout:\n    steps:\n      - http: { get: \"http://127.0.0.1:7002/\" }\n        capture: { price: { json: $.price } }\n";
    world.write("probes/shop.yaml", &format!("probes:\n{catalogue}"));
    world.write(
        "probes/chat.yaml",
        "probes: { hello: { steps: [ { websocket: { open: \"ws://127.0.0.1:7005/\" } } ] } }\n",
    );
    world.set("BILLING_PASSWORD", "x");
    world.set("CHAT_PASSWORD", "x");
    world.set("MAILBOX_PASSWORD", "x");
    world.set("BROKER_PASSWORD", "x");
    world.set("SURVEY_TOKEN", "x");
    world.set("SURVEY_TOKEN_NEXT", "y");
    world.set("QUEUE_PASSWORD", "x");
    world.set("OTLP_KEY", "x");
    world.set("PAGERDUTY_KEY", "x");
    world.set("SLACK_TOKEN", "x");
    world.set("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let (code, out, error) = world.run(&["check"]);
    assert_eq!(code, 0, "{out}{error}");
}

#[test]
fn every_kind_has_its_row() {
    let readme = readme();
    for about in Kind::ALL {
        let row = format!("| `{}` | {} |", about.key, about.does);
        assert!(readme.contains(&row), "the README lacks the row {row}");
    }
}

#[test]
fn every_receiver_has_its_row() {
    let readme = readme();
    for key in Receiver::KEYS {
        assert!(readme.contains(&format!("| `{key}` | ")), "the README lacks the row of `{key}`");
    }
}

#[test]
fn every_command_exists_and_is_told() {
    let readme = readme();
    let world = World::empty();
    let (code, help, _) = world.run(&["--help"]);
    assert_eq!(code, 0);
    let listed = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("a list");
    for command in listed.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()) {
        if command != "help" {
            assert!(
                readme.contains(&format!("`unbroken {command}")) || readme.contains(&format!("`{command}`")),
                "{command}"
            );
        }
    }
    for told in
        readme.split("unbroken ").skip(1).filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next())
    {
        assert!(told.is_empty() || listed.contains(&format!("  {told}")), "`unbroken {told}` does not exist");
    }
}

#[test]
fn every_promise_has_its_test() {
    let readme = readme();
    let table =
        readme.split("| promise | held by |").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a table");
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut sources);
    }
    let names: Vec<&str> = table.lines().flat_map(|row| row.rsplit('|').nth(1).unwrap_or("").split('`')).collect();
    let names: Vec<&&str> = names.iter().filter(|name| name.contains('_')).collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "no test is called `{name}`");
    }
}

fn read(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            read(&entry.path(), into);
        } else if entry.path().extension().is_some_and(|e| e == "rs") {
            into.push_str(&fs::read_to_string(entry.path()).expect("utf-8"));
        }
    }
}
