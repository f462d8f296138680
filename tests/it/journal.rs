//! The daemon's own log, as those find it who read it or search it.

mod record;

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use self::record::{events, records, roots};
use crate::telemetry::collector::{Collector, Reply};
use crate::world::{Hook, Manner, Target, World};

/// Two probes of the one shop, one of them as three customers.
fn shop(url: &str) -> String {
    let probe = |name: &str, more: &str| {
        format!(
            "  {name}:\n    every: 1s\n    timeout: 900ms\n    recheck: 1s\n{more}    steps:\n      - name: Open the shop\n        http: {{ get: \"{url}\" }}\n        expect: {{ status: 200 }}\n"
        )
    };
    let three = "    personas: [anna, ben, cleo]\n";
    format!("title: The shop\nchannel: web\nprobes:\n{}{}", probe("home", ""), probe("visit", three))
}

const PERSONAS: &str = "personas:\n  anna: { name: Anna }\n  ben: { name: Ben }\n  cleo: { name: Cleo }\n";

/// Breaks the shop and mends it, with a receiver that is deaf for a while.
async fn break_and_mend(flags: &[&str]) -> World {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.write("probes/shop.yaml", &shop(&target.url()));
    world.write("config/personas.yaml", PERSONAS);
    world.start_logging(flags).await;
    world.until_score("buy", 100.0).await;
    hook.be(Manner::Refuse);
    target.break_();
    world.until_score("buy", 0.0).await;
    world.until("the receiver was asked again", async |_: &World| hook.letters().len() >= 3).await;
    hook.be(Manner::Take);
    world.until("it is told", async |_: &World| !hook.taken("open").is_empty()).await;
    target.mend();
    world.until("it is over", async |_: &World| !hook.taken("resolve").is_empty()).await;
    world.until_score("buy", 100.0).await;
    world.stop().await;
    world
}

fn lines(world: &World) -> Vec<Value> {
    let log = world.log();
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(line).collect()
}

#[tokio::test]
async fn every_failure_stands_in_the_log_once() {
    let world = break_and_mend(&["--format", "json"]).await;
    let lines = lines(&world);
    let log = world.log();
    for line in &lines {
        for key in ["timestamp", "level", "message", "target"] {
            assert!(line[key].as_str().is_some_and(|text| !text.is_empty()), "no {key}: {line}");
        }
        line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().expect("a time");
    }
    let said = |event: &str, more: &[(&str, &str)]| -> Vec<&Value> {
        let fits = |line: &&Value| line["event"] == event && more.iter().all(|(key, value)| line[key] == *value);
        lines.iter().filter(fits).collect()
    };
    let only = |event: &str, more: &[(&str, &str)]| -> &Value {
        let found = said(event, more);
        assert_eq!(found.len(), 1, "{event} {more:?} in\n{log}");
        found[0]
    };

    // The touchpoint, with what was behind it.
    let down = only("unbroken.touchpoint.state_changed", &[("state.to", "down")]);
    assert_eq!(
        (&down["touchpoint"], &down["fault.code"], &down["level"]),
        (&"shop".into(), &"status".into(), &"INFO".into())
    );
    assert!(down["message"].as_str().unwrap().starts_with("`shop` is down, was up: Open the shop: "), "{down}");
    only("unbroken.touchpoint.state_changed", &[("state.to", "up")]);
    // One probe of it is said by it, the other once, though three customers met it.
    assert_eq!(said("unbroken.probe.state_changed", &[("state.to", "down")]).len(), 1, "{log}");
    assert!(said("unbroken.probe.state_changed", &[("state.to", "up")]).len() <= 1, "{log}");

    // The incident, from its opening to its end; nothing else is a warning but the receiver that was deaf.
    let opened = only("unbroken.incident.opened", &[]);
    let closed = only("unbroken.incident.closed", &[]);
    assert_eq!(opened["incident.id"], closed["incident.id"]);
    assert_eq!((&opened["touchpoint"], &opened["level"]), (&"shop".into(), &"WARN".into()));
    assert_eq!((&opened["journeys"], &closed["closed.why"]), (&serde_json::json!(["buy"]), &"recovered".into()));
    assert!(closed["lasted_seconds"].as_f64().is_some_and(|lasted| lasted > 0.0), "{closed}");
    let deaf: Vec<&Value> = lines.iter().filter(|line| line["receiver"] == "hook").collect();
    let levels: Vec<&str> = deaf.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["WARN", "INFO"], "told when it begins and when it is over: {deaf:?}");
    assert!(deaf[1]["times"].as_u64().is_some_and(|times| times >= 2), "{deaf:?}");
    let grave: Vec<&Value> = lines.iter().filter(|line| line["level"] == "WARN" || line["level"] == "ERROR").collect();
    assert!(
        grave.iter().all(|line| line["event"] == "unbroken.incident.opened" || line["receiver"] == "hook"),
        "{grave:?}"
    );

    // The score falls by what the shop costs, and rises again.
    let fell = said("unbroken.journey.score_changed", &[("color", "broken")]);
    let fell = fell.iter().find(|line| line["score.to"] == 0.0).unwrap_or_else(|| panic!("it fell: {log}"));
    assert_eq!((&fell["journey"], &fell["loss_share"]), (&"buy".into(), &serde_json::json!({ "shop": 100.0 })));
    assert!(fell["felt"].is_number() && fell["observed"].as_f64().is_some_and(|seen| seen > 0.5), "{fell}");
    let scores = said("unbroken.journey.score_changed", &[]);
    assert_eq!(scores.last().unwrap()["score.to"], 100.0, "{log}");
    assert!(scores.len() < 30, "one break is no flood: {log}");

    // Both point at the run that did it.
    for line in [down, fell] {
        for (key, digits) in [("trace_id", 32), ("span_id", 16)] {
            assert!(
                line[key].as_str().is_some_and(|id| id.len() == digits && id != "0".repeat(digits)),
                "{key}: {line}"
            );
        }
    }
    assert_eq!(opened["trace_id"].as_str().map(str::len), Some(32), "{opened}");
    let told: BTreeSet<String> = lines.iter().map(|line| format!("{}{}", line["timestamp"], line["message"])).collect();
    assert_eq!(told.len(), lines.len(), "nothing is said twice: {log}");
}

#[tokio::test]
async fn a_person_reads_sentences() {
    let world = break_and_mend(&["-v"]).await;
    let log = world.log();
    let line = |part: &str| log.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part}: {log}"));
    let down = line("`shop` is down, was up");
    assert!(down.contains(" INFO `shop` is down, was up: Open the shop: "), "{down}");
    assert!(
        down.contains(" trace_id=") && !down.contains("touchpoint="),
        "what the sentence says is said once: {down}"
    );
    assert!(line("`buy` scores 0.0 (broken)").contains("`shop` costs 100.0"), "{log}");
    // Asked for more, it tells of each series; of each run only when it is asked for still more.
    assert_eq!(
        log.matches("DEBUG Probe `shop/visit` is down as `").count()
            + log.matches(" INFO Probe `shop/visit` is down as `").count(),
        3,
        "{log}"
    );
    assert!(!log.contains("Probed `"), "{log}");
    assert!(!log.contains('\u{1b}'), "no colour where nobody sees it");
}

/// What changed, to a collector: the events with what costs the score, and nothing of what the export says of itself.
#[tokio::test]
async fn collectors_get_what_changed_and_why() {
    let (target, hook, collector) = (Target::start().await, Hook::start().await, Collector::start().await);
    let mut world = World::new(&target, &hook);
    let unbroken = format!(
        "company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\ntelemetry:\n  otlp:\n    - {{ endpoint: \"http://{}\", protocol: http/protobuf }}\n    - {{ endpoint: \"http://127.0.0.1:9\", protocol: http/protobuf }}\n",
        collector.address
    );
    world.write("config/unbroken.yaml", &unbroken);
    world.start_logging(&["--format", "json"]).await;
    world.until_score("buy", 100.0).await;
    target.break_();
    world.until_score("buy", 0.0).await;
    target.mend();
    world.until_score("buy", 100.0).await;
    world.until("it is over", async |_: &World| !events(&collector, "unbroken.incident.closed").is_empty()).await;
    world.stop().await;

    let log = world.log();
    assert!(log.contains("takes no logs at present"), "the other collector is away, and the log says so: {log}");
    let all = records(&collector);
    assert!(all.iter().all(|record| record.text("unbroken.module").starts_with("unbroken::")), "{all:?}");
    assert!(!all.iter().any(|record| record.text("unbroken.module").starts_with("unbroken::telemetry")), "{all:?}");
    assert!(
        all.iter().any(|record| record.body().starts_with("Watching Test at 1 touchpoints")),
        "the first line: {all:?}"
    );

    let down = events(&collector, "unbroken.touchpoint.state_changed");
    let down: Vec<_> = down.iter().filter(|record| record.text("unbroken.state.to") == "down").collect();
    assert_eq!(down.len(), 1, "{all:?}");
    assert_eq!((down[0].text("unbroken.fault.code"), down[0].0.severity_text.as_str()), ("status", "INFO"));
    // Every change of a series and of a score is told, though the log was asked for no details.
    let series = events(&collector, "unbroken.probe.state_changed");
    assert!(series.iter().any(|record| record.text("unbroken.state.to") == "down"), "{all:?}");
    assert!(!log.contains("Probe `shop/home` is down"), "{log}");
    let scores = events(&collector, "unbroken.journey.score_changed");
    let fell = scores.iter().find(|record| record.number("unbroken.score.to") == Some(0.0)).expect("it fell");
    assert_eq!(fell.map("unbroken.loss_share"), [("shop".to_owned(), 100.0)], "{fell:?}");
    assert!(fell.number("unbroken.felt").is_some() && fell.number("unbroken.observed").is_some(), "{fell:?}");
    for name in ["unbroken.incident.opened", "unbroken.incident.closed"] {
        assert_eq!(events(&collector, name).len(), 1, "{name}: {all:?}");
    }
    // The runs that did it are among the traces, root and all.
    for record in [down[0], fell] {
        let root = (record.0.trace_id.clone(), record.0.span_id.clone());
        assert!(roots(&collector).contains(&root), "{record:?} is in none of {:?}", roots(&collector));
    }
}

/// What somebody refuses, and what people do: once each, in a sentence that needs no other line, with fields to search by.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_what_people_do_stand_in_the_log_once() {
    let (target, hook, collector) = (Target::start().await, Hook::start().await, Collector::start().await);
    collector.answers([Reply::Status(400, Vec::new()), Reply::Status(400, Vec::new())]);
    let mut world = World::new(&target, &hook);
    let good = std::fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    let otlp = format!("{{ endpoint: \"http://{}\", protocol: http/protobuf, signals: [traces] }}", collector.address);
    let good = format!("{good}telemetry: {{ otlp: {otlp} }}\n");
    world.write("config/unbroken.yaml", &good);
    world.start_logging(&["--format", "json"]).await;
    world.until_score("buy", 100.0).await;
    world.until("the collector was asked again", async |_: &World| collector.taken().len() > 3).await;
    let url = world.page().to_owned();
    for command in [
        ["silence", "--touchpoint", "shop", "--for", "1h", "--why", "the move", "--by", "Anna", "--url", &url]
            .as_slice(),
        &["annotate", "Spring sale", "--kind", "campaign", "--by", "Ben", "--url", &url],
    ] {
        let (code, _, errors) = world.run(command);
        assert_eq!(code, 0, "{errors}");
    }
    world.write("config/unbroken.yaml", &format!("{good}colour: red\n"));
    world.until("it refused the file", async |world: &World| world.log().contains("nothing was changed")).await;
    world.write("config/unbroken.yaml", &good);
    world.until("it took the file", async |world: &World| world.log().contains("Took the new")).await;
    world.stop().await;

    let (lines, log) = (lines(&world), world.log());
    let only = |part: &str| -> &Value {
        let found: Vec<&Value> =
            lines.iter().filter(|line| line["message"].as_str().is_some_and(|text| text.contains(part))).collect();
        assert_eq!(found.len(), 1, "`{part}` in\n{log}");
        found[0]
    };
    let refused = only("refuses spans, which are lost: ");
    assert!(refused["message"].as_str().unwrap().starts_with(&format!("http://{}", collector.address)), "{refused}");
    assert!(refused["collector"].as_str().is_some_and(|at| at.contains(&collector.address.to_string())), "{refused}");
    assert_eq!((&refused["signal"], &refused["level"]), (&"traces".into(), &"WARN".into()));
    assert!(refused["items"].as_u64().is_some_and(|items| items > 0), "{refused}");
    let silenced = only("Anna silenced notifications until ");
    assert_eq!((&silenced["by"], &silenced["level"]), (&"Anna".into(), &"INFO".into()));
    assert!(silenced["silence.id"].is_string() && silenced["message"].as_str().unwrap().ends_with("the move"), "{log}");
    let noted = only("Noted by Ben: Spring sale");
    assert!(noted["annotation.id"].is_string(), "{noted}");
    let wrong = only("`colour`");
    assert!(wrong["file"].as_str().is_some_and(|file| file.ends_with("unbroken.yaml")), "{wrong}");
    assert!(wrong["line"].is_u64() && wrong["column"].is_u64() && wrong["level"] == "ERROR", "{wrong}");
    assert_eq!(only("The new configuration is wrong; nothing was changed")["problems"], 1);
    assert_eq!(only("Took the new configuration; probes: 1, journeys: 1")["journeys"], 1);
}

/// Each line above the details is a sentence: it begins like one, and tells the error that it has as a field.
#[test]
fn every_line_of_the_log_reads_alone() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let call = Regex::new(r"(?s)tracing::(?:info|warn|error)!\((.*?)\);").unwrap();
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
    let error = Regex::new(r"[(\s%,](?:error|why)\b\s*(?:=|,)").unwrap();
    let (mut files, mut seen, mut wrong) = (vec![src], 0, Vec::new());
    while let Some(file) = files.pop() {
        if file.is_dir() {
            files.extend(std::fs::read_dir(file).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for call in call.captures_iter(text.split("#[cfg(test)]").next().unwrap()) {
            let Some(said) = literal.captures_iter(&call[1]).last() else { continue };
            seen += 1;
            let (said, fields) = (said[1].to_owned(), call[1].split(&said[0]).next().unwrap().to_owned());
            let begins = said.chars().next().is_some_and(|c| c.is_uppercase() || matches!(c, '`' | '{'));
            let told = !error.is_match(&format!(" {fields}")) || said.contains(": {") || said.contains("({");
            if !begins || !told || said.ends_with('.') {
                wrong.push(format!("{}: {said}", file.display()));
            }
        }
    }
    assert!(seen > 40, "only {seen} lines were found: do they look different now?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
