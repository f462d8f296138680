//! Pages that ask for more than is kept of them.

use super::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_bounded() {
    let stage = Stage::new().await;
    stage.open("/flood").await;
    let seen = stage.seen(|seen| seen.left_out > 0 && seen.uncaught.len() >= 50).await;
    assert_eq!((seen.console.len(), seen.uncaught.len(), seen.requests.len()), (50, 50, 600));
    assert!(seen.left_out >= 50, "{}", seen.left_out);
    assert!(seen.console.iter().all(|said| said.text.chars().count() <= 501));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_page_answers_is_known_after_a_flood() {
    let stage = Stage::new().await;
    stage.open("/flood").await;
    stage.seen(|seen| seen.left_out > 0).await;
    stage.open("/api").await;
    let seen = stage.seen(|seen| seen.page().is_some_and(|page| page.url == stage.here("/api"))).await;
    let page = seen.page().unwrap();
    assert_eq!((&*page.url, page.failure().as_deref()), (&*stage.here("/api"), Some("answers 500")));
}
