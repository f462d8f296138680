//! Before a campaign: its link is followed as a click on the ad would, and everything on the way is looked at.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::get;
use serde_json::Value;

use crate::world::World;

/// An ad's server: `/go` keeps what it is asked with, `/lost` does not; the offer has a card, `/bare` has none.
async fn shop() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let card = format!(
        "<html><head><title>Sale</title><meta property=\"og:title\" content=\"Spring sale\">\
        <meta property=\"og:description\" content=\"20 % off\"><meta property=\"og:image\" content=\"{base}/card.png\"></head>\
        <body>Say SPRING20 and pay less</body></html>"
    );
    let picture = || async {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(600, 315).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        ([(header::CONTENT_TYPE, "image/png")], bytes.into_inner()).into_response()
    };
    let router =
        Router::new()
            .route(
                "/go",
                get(|RawQuery(query): RawQuery| async move {
                    Redirect::to(&format!("/offer?{}", query.unwrap_or_default()))
                }),
            )
            .route("/lost", get(|| async { Redirect::to("/offer") }))
            .route("/offer", get(move || async move { Html(card) }))
            .route("/bare", get(|| async { Html("<p>SPRING20</p>") }))
            .route("/card.png", get(picture));
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_ready_when_its_page_its_marks_its_code_and_its_card_are() {
    let base = shop().await;
    let world = World::empty();
    let fly = |path: &str, more: &[&str]| {
        let url = format!("{base}{path}");
        let (code, out, errors) = world.run(&[&["preflight", &url], more].concat());
        (code, out + &errors)
    };
    let (code, said) = fly("/go?utm_source=poster", &["--shows", "SPRING20"]);
    assert!(code == 0 && said.ends_with("ready\n") && said.matches('✓').count() == 4, "{said}");
    let (code, said) = fly("/lost", &[]);
    assert!(
        code == 1 && said.contains("✗ It is still known which ad people came from"),
        "it gets marks of ours: {said}"
    );
    assert!(said.contains("✓ The landing page opens") && said.ends_with("not ready\n"), "{said}");
    let (code, said) = fly("/go?utm_source=poster", &["--shows", "SPRING20", "--shows", "SPRING30"]);
    assert!(
        code == 1 && said.contains("✓ The page shows “SPRING20”") && said.contains("✗ The page shows “SPRING30”"),
        "{said}"
    );
    let (code, said) = fly("/bare?utm_source=poster", &[]);
    assert!(code == 1 && said.contains("✗ It looks well where it is shared") && said.contains("og:image"), "{said}");
    let (code, said) = fly("/none?utm_source=poster", &["--format", "json"]);
    let told: Value = serde_json::from_str(&said).expect("JSON");
    assert!(
        code == 1 && told["ready"] == false && told["checks"].as_array().is_some_and(|all| all.len() == 3),
        "{said}"
    );
    for wrong in
        [&["preflight", "ftp://127.0.0.1/"][..], &["preflight", "http://127.0.0.1/?a=${HOME}"], &["preflight", "sale"]]
    {
        assert_eq!(world.run(wrong).0, 2, "{wrong:?}");
    }
    let (code, said) = fly("/go", &["--within", "soon"]);
    assert!(code == 2 && said.contains("soon"), "{said}");
}
