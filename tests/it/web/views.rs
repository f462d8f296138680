//! The pages as people see them.

use super::halcyon::Mood;
use super::site::start;
use crate::parts::chromium;

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

#[tokio::test]
async fn a_blind_page_shows_no_number_and_says_why() {
    let site = start(Mood::Blind).await;
    let home = site.page("/").await;
    assert!(home.contains("We cannot see whether customers can pay their bill"), "{home}");
    assert!(!home.contains(">100<"), "no number where nothing is seen: {home}");
    let journey = site.page("/journeys/pay-my-bill").await;
    let (_, path) = journey.split_once("id=\"path\"").expect("the path");
    let (path, _) = path.split_once("</section>").expect("its end");
    assert!(!path.contains('−'), "nothing is laid to anybody's charge: {path}");
}
