//! `exec` with programs that answer, complain, hang, breed and never stop talking.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use unbroken::model::{FaultCode, Phase, SelfFault, Verdict};
use unbroken::probe::Prober;

use super::{code, fault_of};
use crate::walk::{errand, order, run, step, tools};
use crate::world::World;

fn sh(script: &str) -> Value {
    json!({ "run": ["/bin/sh", "-c", script] })
}

#[tokio::test]
async fn a_program_answers_in_json() {
    let reading = run(json!([{
        "exec": { "run": ["/bin/cat"], "stdin": r#"{"value": 29.90, "unit": "EUR", "text": "{{greeting}}", "queue": {"length": 7}}"# },
        "expect": { "value": { "above": 29.8, "below": 30 }, "text": "hello", "exit": 0, "json": { "$.queue.length": 7 } },
        "capture": { "price": { "field": "value" } },
    }]))
    .await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    let step = &reading.outcome.steps[0];
    assert_eq!(step.captured[0].value.as_deref(), Some("29.90"));
    assert!(step.attributes.iter().any(|(name, value)| name == "unbroken.unit" && value == "EUR"));
}

#[tokio::test]
async fn no_shell_reads_its_arguments_and_nothing_is_inherited() {
    let text = |exec: Value| async move {
        let reading = run(json!([{ "exec": exec, "capture": { "said": { "field": "text" } } }])).await;
        assert_eq!(reading.outcome.verdict, Verdict::Good);
        reading.outcome.steps[0].captured[0].value.clone().unwrap()
    };
    let words = json!({ "run": ["/bin/echo", "$HOME;", "`id`", "{{greeting}} *"] });
    assert_eq!(text(words).await, "$HOME; `id` hello *");
    let named = json!({ "run": ["/usr/bin/env"], "env": { "NAME": "{{greeting}} there" } });
    assert_eq!(text(named).await, "NAME=hello there");
    assert!(text(json!({ "run": ["/usr/bin/env"], "env": {} })).await.is_empty());
}

#[tokio::test]
async fn a_bad_end_has_its_code() {
    let failing = sh("echo it is stuck >&2; exit 3");
    let reading = run(json!([{ "exec": failing }])).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!((fault.code, &*fault.text), (FaultCode::Exit, "the program ended with exit code 3: it is stuck"));
    assert_eq!(code(json!({ "exec": failing, "expect": { "exit": 3 } })).await, None);
    let reading = run(json!([{ "exec": sh("kill -SEGV $$") }])).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!((fault.code, &*fault.text), (FaultCode::Exit, "the program was killed by signal 11"));
    for program in ["/nonexistent/check", "/etc/passwd"] {
        let reading = run(json!([{ "exec": { "run": [program] } }])).await;
        let Verdict::Inconclusive { why: SelfFault::Misconfigured, text } = reading.outcome.verdict else {
            panic!("a program that does not start is our own trouble: {:?}", reading.outcome.verdict);
        };
        assert!(text.contains(program), "{text}");
    }
}

/// Whether a process lives; one that nobody waits for yet is dead.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

async fn until_dead(file: &Path) {
    let pid = std::fs::read_to_string(file).unwrap();
    for _ in 0..1000 {
        if !lives(pid.trim()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{pid} lives on");
}

#[tokio::test]
async fn the_deadline_ends_it_and_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("(sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait) & wait", file.display());
    let steps = vec![step(&json!({ "exec": sh(&script) }))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_secs(2), steps), order()).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!((fault.code, fault.phase), (FaultCode::Timeout, Some(Phase::Run)));
    until_dead(&file).await;
}

#[tokio::test]
async fn what_it_leaves_behind_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // The grandchild holds the pipes open; nobody waits for it.
    let script = format!("sleep 600 & echo $! > {}; echo '{{\"value\": 1}}'", file.display());
    // Waited for, it would be a timeout.
    assert_eq!(code(json!({ "exec": sh(&script), "expect": { "value": 1 } })).await, None);
    until_dead(&file).await;
}

#[tokio::test]
async fn what_it_may_print_has_an_end() {
    let steps = vec![step(&json!({ "exec": { "run": ["/bin/cat", "/dev/zero"] } }))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_secs(60), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Decode));
    assert!(reading.outcome.took < Duration::from_secs(30));
    let complaining = sh("head -c 1000000 /dev/zero >&2; echo fine");
    assert_eq!(code(json!({ "exec": complaining, "expect": { "text": "fine" } })).await, None);
    let deaf = json!({ "run": ["/bin/true"], "stdin": "x".repeat(200_000) });
    assert_eq!(code(json!({ "exec": deaf })).await, None);
}

#[test]
fn a_programs_secret_is_not_told() {
    let mut world = World::empty();
    world.set("QUEUE_TOKEN", "canary-exec-4b1d");
    world.set("STDIN", "canary-stdin-77");
    world.write("config/unbroken.yaml", "company: Test\nstore: ../unbroken.db\n");
    world.write("config/journeys.yaml", "journeys: { buy: { stages: { buy: { touchpoints: [queue] } } } }\n");
    let script = "printenv; cat; printenv TOKEN >&2; exit 1";
    world.write(
        "probes/queue.yaml",
        &format!(
            "probes:\n  length:\n    steps:\n      - exec: {{ run: [/bin/sh, -c, \"{script}\"], env: {{ PATH: \"${{PATH}}\", TOKEN: {{ env: QUEUE_TOKEN }} }}, stdin: {{ env: STDIN }} }}\n        expect: {{ exit: 1, text: nothing like it }}\n"
        ),
    );
    for format in ["text", "json"] {
        let (code, out, error) = world.run(&["-vv", "probe", "queue", "--format", format]);
        assert_eq!(code, 1, "{out}{error}");
        assert!(out.contains("TOKEN=•••"), "it was there, and is masked: {out}{error}");
        assert!(!(out + &error).contains("canary"));
    }
}

#[test]
fn what_is_run_is_written_out() {
    use unbroken::probe::Kind;
    for (wrong, why) in [
        (json!({ "run": [] }), "no program is named"),
        (json!({ "run": ["{{program}}"] }), "the program is written out"),
        (json!({ "run": ["/bin/true"], "env": { "A=B": "1" } }), "cannot be a variable's name"),
        (json!({ "run": ["/bin/true"], "max_output": "2MiB" }), "at most 1MiB"),
    ] {
        let error = Kind::decode("exec", wrong).unwrap().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
