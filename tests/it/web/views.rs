//! The pages as people see them.

use jiff::SignedDuration;
use unbroken::model::{JourneyMap, Scope, Silence, SilenceId, Snapshot};
use unbroken::web::Audience;

use super::halcyon::{self, Mood};
use super::site::{start, start_for};
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

#[tokio::test]
async fn a_journey_is_silenced_on_its_page_and_says_so() {
    let site = start(Mood::BillingDown).await;
    let page = site.page("/journeys/pay-my-bill").await;
    assert!(page.contains("action=\"/silences\"") && page.contains("name=\"journey\" value=\"pay-my-bill\""), "{page}");
    assert!(!page.contains("Held back now"), "{page}");
    let silence = |of: Scope| Silence {
        id: SilenceId(uuid::Uuid::from_u128(7)),
        of,
        from: halcyon::now() - SignedDuration::from_mins(5),
        until: halcyon::now() + SignedDuration::from_mins(55),
        by: "Anna".into(),
        why: "we are moving".into(),
        ended: None,
    };
    for (of, held) in [
        (Scope::Journey("pay-my-bill".into()), true),
        (Scope::Touchpoint("billing".into()), true),
        (Scope::Journey("another".into()), false),
    ] {
        site.publish(Snapshot { silences: vec![silence(of.clone())], ..halcyon::snapshot(Mood::BillingDown) });
        let page = site.page("/journeys/pay-my-bill").await;
        assert_eq!(page.contains("Anna: we are moving"), held, "{of:?}: {page}");
    }
    let public = start_for(Mood::BillingDown, Audience::Everybody).await.page("/journeys/get-help").await;
    assert!(!public.contains("action=\"/silences\""), "{public}");
}

#[tokio::test]
async fn a_journey_page_gives_what_puts_it_into_another_page() {
    let site = start(Mood::Well).await;
    let mut snapshot = halcyon::snapshot(Mood::Well);
    let mut map = JourneyMap::clone(&snapshot.map);
    map.journeys.iter_mut().for_each(|journey| journey.title = "Pay [my] \"bill\"".into());
    snapshot.map = map.into();
    site.publish(snapshot);
    let page = site.page("/journeys/pay-my-bill").await;
    let card = "&lt;iframe src=&quot;https://status.halcyon.example/card/pay-my-bill&quot; \
                title=&quot;Pay [my] &amp;quot;bill&amp;quot;&quot;";
    let badge = "[![Pay  my  &quot;bill&quot;](https://status.halcyon.example/badge/pay-my-bill.svg)]\
                 (https://status.halcyon.example/journeys/pay-my-bill)";
    let page = page.replace("&#34;", "&quot;").replace("&#38;", "&amp;").replace("&#60;", "&lt;");
    assert!(page.contains(card), "{page}");
    assert!(page.contains(badge), "{page}");
}

#[tokio::test]
async fn what_a_failed_run_showed_is_looked_at_and_never_runs() {
    let site = start(Mood::BillingDown).await;
    for path in [format!("/incidents/{}", halcyon::incident_id().0), "/touchpoints/billing".to_owned()] {
        let page = site.page(&path).await;
        assert!(page.contains("<img src=\"/proofs/00000000000000000000000000000007/page.webp\""), "{path}: {page}");
    }
    for (file, media, shown) in
        [("page.webp", "image/webp", "inline"), ("console.txt", "text/plain; charset=utf-8", "attachment")]
    {
        let answer = site.get(&format!("/proofs/7/{file}")).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), media);
        assert!(
            header("content-disposition").starts_with(shown) && header("content-security-policy").contains("sandbox")
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
    }
    for lost in ["/proofs/8/page.webp", "/proofs/7/other.html", "/proofs/7/..%2fpage.webp", "/proofs/x/page.webp"] {
        assert_eq!(site.get(lost).send().await.unwrap().status(), 404, "{lost}");
    }
    let public = start_for(Mood::BillingDown, Audience::Everybody).await;
    assert_eq!(public.get("/proofs/7/page.webp").send().await.unwrap().status(), 404);
    assert!(!public.page("/journeys/get-help").await.contains("/proofs/"));
}
