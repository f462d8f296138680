//! Our side: the errands as a user writes them, run by what `unbroken probe` runs.

use std::fs;
use std::io::{BufRead as _, Write as _};
use std::path::Path;

use unbroken::config::{self, Environment, Folders, Secrets};
use unbroken::daemon::errands::Walker;
use unbroken::model::{Reading, VantageId, Verdict};

const PROBES: &str = r#"
probes:
  look:
    every: 5m
    timeout: 40s
    steps:
      - browser:
          open: "http://ADDRESS/plans/flat-m"
          do: [ { wait_for: { element: { role: heading, name: Flat M } } } ]
        capture: { lcp: { field: lcp }, ttfb: { field: ttfb } }
  buy:
    every: 5m
    timeout: 40s
    steps:
      - browser:
          open: "http://ADDRESS/plans/flat-m"
          do:
            - fill: Your e-mail address
              with: anna@example.com
            - click: { role: button, name: Order with obligation to pay }
              then: { text: Thank you }
        capture: { lcp: { field: lcp }, ttfb: { field: ttfb } }
"#;

/// Runs the errand that each line of its input names, until that ends.
pub(crate) fn run(folder: &Path, address: &str, chromium: &str) {
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).and_then(|()| fs::write(path, text)).expect("writes");
    };
    let browser = format!("browser: {{ chromium: {chromium} }}");
    write("config/unbroken.yaml", &format!("company: Bench\nlisten: 127.0.0.1:0\nstore: ../bench.db\n{browser}\n"));
    write("config/journeys.yaml", "journeys:\n  all:\n    stages:\n      use: { touchpoints: [shop] }\n");
    write("probes/shop.yaml", &format!("channel: web{}", PROBES.replace("ADDRESS", address)));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(errands(folder));
}

async fn errands(folder: &Path) {
    let loaded = config::load(&Folders::new(folder.join("config")), &Environment::default(), Secrets::Needed);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let walker = Walker::new(&plan, &std::env::current_exe().expect("this program")).await;
    let (told, mut orders) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for name in std::io::stdin().lock().lines().map_while(Result::ok) {
            if told.blocking_send(name).is_err() {
                return;
            }
        }
    });
    while let Some(name) = orders.recv().await {
        let errand = plan.errands.iter().find(|errand| *errand.id.name == *name).expect("an errand");
        let reading = walker.walk(errand, None, &VantageId::default()).await;
        println!("{}", told_of(&reading));
        std::io::stdout().flush().expect("somebody listens");
    }
    walker.close().await;
}

/// LCP and TTFB in milliseconds, or what went wrong.
fn told_of(reading: &Reading) -> String {
    let captured = reading.outcome.steps.iter().flat_map(|step| &step.captured);
    let value = |name: &str| {
        let value = captured.clone().find(|captured| captured.name == name)?.value.as_deref()?;
        value.parse::<f64>().ok().map(|seconds| seconds * 1000.0)
    };
    match (&reading.outcome.verdict, value("lcp"), value("ttfb")) {
        (Verdict::Good, Some(lcp), Some(ttfb)) => format!("{lcp} {ttfb}"),
        (verdict, ..) => format!("{verdict:?}"),
    }
}
