//! The pages as people see them.

use super::halcyon::Mood;
use super::site::start;

/// Serves every mood until stopped, for whoever wants to look: `cargo test --test it look -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "for people"]
async fn look() {
    for mood in [Mood::BillingDown, Mood::Well, Mood::Pending, Mood::Blind, Mood::Hostile] {
        let site = start(mood).await;
        println!("{mood:?} {}", site.url("/"));
        std::mem::forget(site);
    }
    std::future::pending::<()>().await;
}

/// Real Chromium, headless, with a profile of its own.
async fn chromium(arguments: &[&str], url: &str) -> std::process::Output {
    let profile = tempfile::tempdir().unwrap();
    tokio::process::Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--log-level=0", "--timeout=4000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(url)
        .kill_on_drop(true)
        .output()
        .await
        .expect("chromium is not here: run ./tests/run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_scores_with_and_without_its_script() {
    let site = start(Mood::BillingDown).await;
    for path in ["/", "/journeys/pay-my-bill", "/touchpoints/billing"] {
        let output = chromium(&["--dump-dom"], &site.url(path)).await;
        let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(dom.contains("answers with an error"), "{path}: {dom}\n{log}");
        // The script ran, whether or not its events have come through when the tree is dumped.
        assert!(!dom.contains("data-live=\"off\""), "{path}: {dom}");
        assert!(!log.contains("CONSOLE"), "{path} complains: {log}");
        // Headless Chromium cannot do without scripts itself, so what stands there without ours is read as it comes.
        let plain = site.page(path).await;
        assert!(plain.contains("answers with an error") && plain.contains("data-live=\"off\""), "{path}: {plain}");
    }
    let dir = tempfile::tempdir().unwrap();
    let picture = dir.path().join("page.png");
    let argument = format!("--screenshot={}", picture.display());
    chromium(&[&argument, "--window-size=1280,900"], &site.url("/")).await;
    assert!(std::fs::metadata(&picture).expect("a picture").len() > 50_000);
}
