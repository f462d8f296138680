//! The command line, used as a newcomer uses it: exit codes, what stands on which stream, and no panic.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use unbroken::clock::Clock;
use unbroken::demo::{Closed, Company, Ports, Settings, control};
use unbroken::telemetry::CATALOGUE;

use crate::world::{Hook, Target, World};

fn unbroken(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command
}

/// Exit code, stdout, stderr.
fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = unbroken(folder, args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_answer_that_cannot_be_written_is_our_failure_and_one_that_nobody_reads_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["schema"][..], &["man"], &["completions", "bash"], &["check"], &["check", "--format", "json"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = unbroken(folder.path(), args).stdout(full).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {errors}");
        assert!(errors.contains("No space left") && !errors.contains("panicked"), "{args:?}: {errors}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = unbroken(folder.path(), args).stdout(writer).output().unwrap();
        let expected = i32::from(args[0] == "check");
        assert_eq!(output.status.code(), Some(expected), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_missing_configuration_is_one_problem_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, errors) = run(folder.path(), &["check"]);
    assert_eq!((code, errors.as_str()), (1, ""));
    assert!(out.ends_with("1 error\n") && out.contains("`unbroken init` writes"), "{out}");
    let (code, out, _) = run(folder.path(), &["check", "--format", "json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["ok"], answer["problems"].as_array().unwrap().len()), (1, &Value::Bool(false), 1));
    let (code, out, errors) = run(folder.path(), &["walk"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(errors.contains("`unbroken init` writes"), "{errors}");
}

#[test]
fn init_writes_what_check_accepts_and_never_writes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = run(folder.path(), &["init"]);
    assert_eq!(code, 0);
    assert!(out.contains("wrote config/unbroken.yaml") && out.contains("\n  unbroken check\n"), "{out}");
    let (code, out, errors) = run(folder.path(), &["check"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let (well, advice) = out.split_once('\n').unwrap();
    assert_eq!(well, "well: 1 journey, 1 touchpoint, 1 probe");
    let gain = "With one vantage an outage of what is probed every ";
    assert!(advice.starts_with(gain) && advice.contains("see `vantages:`"), "{advice}");
    let (code, out, errors) = run(folder.path(), &["init"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(errors.contains("is there already"), "{errors}");
}

#[test]
fn junit_is_what_walk_answers_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["check", "schema", "status", "run"] {
        let (code, out, errors) = run(folder.path(), &[command, "--format", "junit"]);
        assert_eq!((code, out.as_str()), (2, ""), "{command}: {errors}");
    }
}

#[test]
fn metrics_tells_all_that_is_counted_to_people_and_to_programs() {
    let (code, text, errors) = run(Path::new("."), &["metrics"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let (code, json, _) = run(Path::new("."), &["metrics", "--format", "json"]);
    let answer: Value = serde_json::from_str(&json).unwrap();
    let items = answer["items"].as_array().unwrap();
    assert_eq!((code, items.len()), (0, CATALOGUE.len()));
    for (family, item) in CATALOGUE.iter().zip(items) {
        let line = text.lines().find(|line| line.split(' ').next() == Some(family.name)).unwrap();
        assert!(line.contains(family.of.as_str()) && line.ends_with(&family.labels.join(", ")), "{line}");
        assert!(text.contains(family.help), "{}", family.name);
        assert_eq!((&item["name"], &item["help"]), (&family.name.into(), &family.help.into()));
    }
    let duration = items.iter().find(|item| item["name"] == "unbroken_probe_duration_seconds").unwrap();
    let told = (&duration["type"], &duration["unit"], &duration["labels"][1]);
    assert_eq!(told, (&"histogram".into(), &"s".into(), &"probe".into()));
}

#[test]
fn the_manual_has_every_command_in_one_page() {
    let (code, page, _) = run(Path::new("."), &["man"]);
    assert_eq!(code, 0);
    for part in ["unbroken demo break", "unbroken walk", "\\-\\-at\\-least", "EXIT STATUS"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("internal"), "what is hidden stays hidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_answers_in_the_shapes_of_the_api() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let world = World::new(&target, &hook);
    let walk = |code: i32| {
        let (found, out, errors) = world.run(&["walk", "buy", "--format", "json"]);
        assert_eq!(found, code, "{errors}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let well = walk(0);
    assert_eq!(well["journeys"][0]["score"], 100.0);
    assert!(well["readings"][0]["took_seconds"].is_f64(), "{well}");
    target.break_();
    let ill = walk(1);
    let element = &ill["journeys"][0]["stages"][0]["elements"][0];
    assert_eq!((&element["touchpoint"], &element["share"]), (&"shop".into(), &100.0.into()), "{ill}");
    assert_eq!(ill["readings"][0]["fault"]["code"], "status");
    // What fails and stops nobody is told, and is no "no".
    let journeys = std::fs::read_to_string(world.path("config/journeys.yaml")).unwrap();
    world.write("config/journeys.yaml", &journeys.replace("[shop]", "[{ shop: important }]"));
    assert_eq!(walk(0)["journeys"][0]["score"], 40.0);
    let (code, _, _) = world.run(&["walk", "buy", "--at-least", "50"]);
    assert_eq!(code, 1);
}

#[tokio::test]
async fn nobody_listens_to_strangers_without_saying_so() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let world = World::new(&target, &hook);
    let (code, out, errors) = world.run(&["run", "--listen", "0.0.0.0:0"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(errors.contains("there is no sign-in") && errors.contains("public: true"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_knows_what_was_meant() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    let page = world.page().to_owned();
    let (code, out, errors) = world.run(&["explain", "bu", "--url", &page]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(errors.contains("there is no journey `bu`; did you mean `buy`?"), "{errors}");
}

#[tokio::test]
async fn two_companies_do_not_take_each_others_word_away() {
    let data = tempfile::tempdir().unwrap();
    let settings = Settings { data: data.path().to_owned(), ports: Ports::Free };
    let first = Company::start(&settings, Clock::system()).await.unwrap();
    let second = Company::start(&settings, Clock::system()).await;
    assert!(matches!(second, Err(Closed::Taken(_))));
    assert_eq!(control::address(data.path()).unwrap(), first.control());
    assert!(std::fs::exists(&first.environment()["HALCYON_PASSWORD_FILE"]).unwrap());
    // As if it had been killed: its word stays, and nobody believes it.
    drop(first);
    assert!(std::fs::exists(data.path().join("demo/control")).unwrap());
    control::address(data.path()).unwrap_err();
    control::environment(data.path()).unwrap_err();
}

/// A demo in a folder without a configuration; ended by its own signal.
struct Demo(Child);

impl Demo {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut child = unbroken(folder, &[&["demo"], args].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let page = lines.map_while(Result::ok).find(|line| line.starts_with("Journey health page"));
        assert!(page.is_some(), "the demo did not start");
        Self(child)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn where_a_demo_runs_every_command_means_it() {
    let folder = tempfile::tempdir().unwrap();
    let _demo = Demo::start(folder.path(), &[]);
    let (code, out, errors) = run(folder.path(), &["check"]);
    assert_eq!(code, 0, "{out}{errors}");
    let (code, out, errors) = run(folder.path(), &["probe", "billing/read-latest-bill", "--persona", "li-wei"]);
    assert_eq!(code, 0, "{out}{errors}");
    assert!(out.contains("captured addressee = 李伟"), "{out}");
    let (code, out, errors) = run(folder.path(), &["status"]);
    assert!(code == 0 && out.starts_with("Halcyon Mobile"), "{out}{errors}");
    let (code, out, errors) = run(folder.path(), &["demo", "break", "billing", "wrong-nam"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(errors.contains("`wrong-name`"), "{errors}");
}

#[test]
fn a_demo_in_a_folder_of_its_own_is_found_by_that_folder() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = folder.path().join("kept here");
    let _demo = Demo::start(folder.path(), &["--data", "kept here"]);
    let named = ["--data", data.to_str().unwrap()];
    for args in
        [&["status"][..], &["explain", "pay-my-bill"], &["check"], &["demo", "break", "chat"], &["demo", "mend"]]
    {
        let (code, out, errors) = run(elsewhere.path(), &[args, &named[..]].concat());
        assert!(code == 0 && !out.is_empty(), "{args:?}: {out}{errors}");
        let output = unbroken(elsewhere.path(), args).env("UNBROKEN_DATA", &data).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let (code, _, errors) = run(elsewhere.path(), &["demo", "mend"]);
    assert!(code == 2 && errors.contains("--data"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_tells_its_owner_what_costs_though_nothing_fails() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let world = World::new(&target, &hook);
    world.write(
        "config/journeys.yaml",
        "journeys:\n  buy:\n    stages: { buy: { touchpoints: [shop] } }\n    consistency:\n      \
         - { name: One price, values: [shop/home.price, shop/basket.price] }\n",
    );
    let probe = |name: &str, more: &str| {
        let http = format!("http: {{ get: '{}' }}, capture: {{ price: {{ field: status }} }}", target.url());
        format!("  {name}: {{ every: 5s, timeout: 3s, steps: [ {{ name: Look, {http}, {more} }} ] }}\n")
    };
    world.write(
        "probes/shop.yaml",
        &format!(
            "title: The shop\nprobes:\n{}{}",
            probe("home", "expect: { good: 1ms, poor: 2s }"),
            probe("basket", "severity: major, expect: { body: 2.99 }")
        ),
    );
    target.answer_after(Duration::from_millis(300));
    let (code, out, errors) = world.run(&["probe", "shop"]);
    assert_eq!(code, 0, "{errors}");
    let lines: Vec<&str> = out.lines().collect();
    let has = |start: &str, end: &str| lines.iter().any(|line| line.trim().starts_with(start) && line.ends_with(end));
    assert!(has("shop/home  slow", ""), "{out}");
    assert!(has("“Look” took 3", "ms; good is up to 1ms"), "{out}");
    assert!(has("→ see in the phases where the time goes", ""), "{out}");
    assert!(has("shop/basket  with a defect", ""), "{out}");
    let compared = "`price` with shop/basket.price; `unbroken explain buy` says whether it is so";
    assert!(has("“One price” compares", compared), "{out}");
    // Once, where the fault's own words say it.
    assert_eq!(out.matches("expected 2.99").count(), 1, "{out}");
}
