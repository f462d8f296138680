//! What a page that says too much costs us in memory, measured in a process of its own.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use unbroken::model::{FaultCode, Proof};
use unbroken::probe::{Prober, Proofs};

use super::site;
use crate::hostile::memory::peak_kib;
use crate::walk::{errand, order, step, tools};

/// Of our own: an answer of the browser that is as long as may be, several times.
const GROWN_KIB_MAX: usize = 96 << 10;
const PAGE: &str = "UNBROKEN_TEST_HEAVY_PAGE";
const OTHER: &str = "kinds::browser::heavy::the_other_process";

/// As long as a page of a gigabyte can say it.
const PAGES: [(&str, &str); 6] = [
    ("console", "console.error('x'.repeat(1e8)); for (let i = 0; i < 300; i++) console.error(i + 'x'.repeat(5e5))"),
    ("uncaught", "setTimeout(() => { throw new Error('x'.repeat(5e7)) }); Promise.reject('y'.repeat(5e7))"),
    ("names", "document.title = 'x'.repeat(5e7); history.pushState(0, '', '/?' + 'x'.repeat(1e6))"),
    ("dialogs", "setTimeout(() => { for (let i = 0; i < 20; i++) alert('x'.repeat(5e6)) })"),
    (
        "document",
        "const p = document.createElement('p'); p.textContent = 'x'.repeat(5e7); document.body.append(p); \
         for (let i = 0; i < 2e5; i++) { const b = document.createElement('button'); b.textContent = 'No ' + i; \
         b.ariaLabel = 'x'.repeat(200) + i; document.body.append(b) }",
    ),
    (
        "requests",
        "for (let i = 0; i < 200; i++) fetch('/?' + i + 'x'.repeat(5e5)).catch(() => {}); \
         for (let i = 0; i < 30; i++) { const f = document.createElement('iframe'); \
         f.src = 'data:text/html,' + 'x'.repeat(1e6); document.body.append(f) }",
    ),
];

#[tokio::test]
async fn a_page_that_says_too_much_costs_little() {
    let mut problems = Vec::new();
    for (name, script) in PAGES {
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", OTHER, "--nocapture"])
            .env(PAGE, script)
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().find_map(|line| line.strip_prefix("grown "));
        let Some((grown, code)) = line.and_then(|line| line.split_once(' ')) else {
            problems.push(format!("{name}: {said}{}", String::from_utf8_lossy(&output.stderr)));
            continue;
        };
        println!("{name}: {grown} KiB, {code}");
        if grown.parse::<usize>().unwrap() > GROWN_KIB_MAX || code == "none" {
            problems.push(format!("{name}: {grown} KiB, {code}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Takes what a failed run shows, and keeps nothing.
#[derive(Debug)]
struct Shredder;

impl Proofs for Shredder {
    fn keep(&self, _: Proof) {}
}

/// In the other process: what it grew by, and how the run ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_process() {
    // On its own, in an ordinary run, it has nothing to do.
    let Some(script) = std::env::var_os(PAGE).and_then(|text| text.into_string().ok()) else { return };
    let page = format!("<title>x</title><h1>Welcome</h1><script>{script}</script>");
    let address = site(&[("/", "<title>x</title><h1>Welcome</h1>"), ("/heavy", &page)]).await;
    let prober = Prober::new(tools()).showing(Arc::new(Shredder));
    let visit = |path: &str| {
        // It fails, and so all is looked at.
        let deeds = json!([{ "click": "Nothing of the kind", "within": "3s" }]);
        let written = json!({ "browser": { "open": format!("http://{address}{path}"), "do": deeds } });
        errand(Duration::from_secs(40), vec![step(&written)])
    };
    // Code and threads are paid for before.
    prober.run(&visit("/"), order()).await;
    let before = peak_kib();
    let reading = prober.run(&visit("/heavy"), order()).await;
    let grown = peak_kib() - before;
    let code = reading.outcome.verdict.fault().map(|fault| fault.code);
    assert!(
        matches!(code, Some(FaultCode::ElementMissing | FaultCode::Timeout | FaultCode::BrowserOom)),
        "{:?}",
        reading.outcome.verdict
    );
    println!("\ngrown {grown} {}", code.map_or("none", |code| code.code()));
}
