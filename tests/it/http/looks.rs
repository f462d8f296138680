//! What a page looks like where it is shared, what a picture shows, what a bill says, where a campaign ends.

use std::io::Cursor;
use std::time::Duration;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde::Deserialize as _;
use serde_json::{Value, json};
use unbroken::model::{FaultCode, Phase};
use unbroken::probe::expect::Expect;
use unbroken::probe::{Prober, Tools};

use crate::parts::chromium;
use crate::support::probe::{get, http};
use crate::support::raw::{Act, Raw, say};
use crate::walk::{errand, order, step, tools};

fn logo(side: u32, ink: Rgb<u8>) -> DynamicImage {
    let round = |x: f64, y: f64| ((x - 0.3).powi(2) + (y - 0.4).powi(2)).sqrt() < 0.2 || (x > 0.6 && y > 0.5);
    let paint = |x, y| {
        let inside = round(f64::from(x) / f64::from(side), f64::from(y) / f64::from(side));
        if inside { ink } else { Rgb([250, 250, 245]) }
    };
    RgbImage::from_fn(side, side, paint).into()
}

fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn answer(media: &str, body: &[u8]) -> Vec<Act> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ncontent-length: {}\r\n\r\n", body.len());
    vec![say(head), Act::Say(body.to_vec())]
}

/// A page with these tags in its head, beside pictures of several kinds.
async fn shared(tags: &'static str) -> Raw {
    Raw::answer(move |head| {
        let own = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        match head.split(' ').nth(1).unwrap_or_default() {
            "/" => answer("text/html", tags.replace("OWN", &format!("http://{own}")).as_bytes()),
            "/good.png" => answer("image/png", &file(&logo(300, Rgb([20, 40, 160])), ImageFormat::Png)),
            "/small.png" => answer("image/png", &file(&logo(64, Rgb([20, 40, 160])), ImageFormat::Png)),
            "/page.png" => answer("image/png", b"<html>not found</html>"),
            "/huge.png" => vec![say("HTTP/1.1 200 OK\r\n\r\n"), Act::Flood(vec![0; 65536])],
            "/reset.png" => vec![Act::Reset],
            _ => vec![say("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")],
        }
    })
    .await
}

const WORDS: &str = "<meta property=og:title content='Flat M'><meta property=og:description content='40 GB'>";

#[tokio::test]
async fn a_card_is_whole_with_a_picture_that_loads() {
    let page = shared("<meta property=og:title content='Flat M'><meta property=og:description content='40 GB'><meta property=og:image content=OWN/good.png>").await;
    let expect = json!({ "status": 200, "card": { "title": "Flat M", "description": { "length": { "above": 3 } }, "width": 300 } });
    http(get(page.url("/"))).expect(expect).run().await.good();
    http(get(page.url("/"))).expect(json!({ "card": {} })).run().await.good();
    let wrong = json!({ "card": { "title": { "contains": "Flat L" } } });
    let fault = http(get(page.url("/"))).expect(wrong).run().await.failed(FaultCode::Expectation, Phase::Assert);
    assert_eq!(fault.text, "card title: expected containing Flat L, found Flat M");
}

#[tokio::test]
async fn each_defect_of_a_card_is_named() {
    for (image, said) in [
        ("", "no `og:image`"),
        ("<meta property=og:image content=''>", "no `og:image`"),
        ("<meta property=og:image content=/good.png>", "is not absolute: /good.png"),
        ("<meta property=og:image content='data:image/png;base64,AA'>", "is no web address"),
        ("<meta property=og:image content=OWN/gone.png>", "answers 404"),
        ("<meta property=og:image content=OWN/small.png>", "64x64, smaller than 200x200"),
        ("<meta property=og:image content=OWN/page.png>", "no picture of a format"),
        ("<meta property=og:image content=OWN/huge.png>", "larger than 1MiB"),
        ("<meta property=og:image content=OWN/reset.png>", "does not load"),
    ] {
        let page = shared(Box::leak(format!("{WORDS}{image}").into_boxed_str())).await;
        let met = http(get(page.url("/"))).expect(json!({ "card": {} })).run().await;
        let fault = met.failed(FaultCode::Expectation, Phase::Assert);
        assert!(fault.text.contains(said), "{image}: {fault}");
    }
    let bare = shared("<title>Shop</title>").await;
    let fault = http(get(bare.url("/"))).expect(json!({ "card": {} })).run().await;
    let fault = fault.failed(FaultCode::Expectation, Phase::Assert);
    assert!(fault.text.ends_with("no `og:title`; no `og:description`; no `og:image`"), "{fault}");
}

#[tokio::test]
async fn a_logo_is_the_right_one_in_any_size_and_format() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("logo.png");
    std::fs::write(&kept, file(&logo(256, Rgb([20, 40, 160])), ImageFormat::Png)).unwrap();
    let like = json!({ "picture": { "like": kept, "width": { "above": 90 } } });
    for (side, format) in [(300, ImageFormat::Png), (128, ImageFormat::Jpeg), (100, ImageFormat::Gif)] {
        let bytes = file(&logo(side, Rgb([20, 40, 160])), format);
        let page = Raw::serve(answer("image/x", &bytes)).await;
        http(get(page.url("/"))).expect(like.clone()).run().await.good();
    }
    let other = DynamicImage::from(image::imageops::rotate180(&logo(256, Rgb([20, 40, 160])).to_rgb8()));
    let page = Raw::serve(answer("image/png", &file(&other, ImageFormat::Png))).await;
    let fault = http(get(page.url("/"))).expect(like.clone()).run().await;
    let fault = fault.failed(FaultCode::Expectation, Phase::Assert);
    assert!(fault.text.starts_with("picture difference to logo.png (of 512): expected below 21, found "), "{fault}");
    let page = Raw::serve(answer("image/png", b"<svg/>")).await;
    http(get(page.url("/"))).expect(like).run().await.failed(FaultCode::Expectation, Phase::Assert);
    let refused = |expect: Value| Expect::deserialize(expect).unwrap_err().to_string();
    assert!(refused(json!({ "picture": { "like": "/none.png" } })).contains("/none.png"));
    assert!(refused(json!({ "picture": { "tolerance": 3 } })).contains("needs `like`"));
    assert!(refused(json!({ "card": { "titel": "x" } })).contains("titel"));
}

#[tokio::test]
async fn a_campaign_survives_the_redirects_or_not() {
    let keeps = Raw::answer(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        match path.split_once('?') {
            Some(("/go", query)) => {
                vec![say(format!("HTTP/1.1 302 F\r\nlocation: /land?{query}\r\ncontent-length: 0\r\n\r\n"))]
            }
            Some(("/lose", _)) => vec![say("HTTP/1.1 302 F\r\nlocation: /land\r\ncontent-length: 0\r\n\r\n")],
            _ => answer("text/html", b"hi"),
        }
    })
    .await;
    let expect = json!({ "url": { "query": { "utm_source": "poster", "utm_campaign": { "exists": true } }, "contains": "/land" } });
    http(get(keeps.url("/go?utm_source=poster&utm_campaign=a%20b"))).expect(expect.clone()).run().await.good();
    let fault = http(get(keeps.url("/lose?utm_source=poster"))).expect(expect).run().await;
    let fault = fault.failed(FaultCode::Expectation, Phase::Assert);
    assert_eq!(fault.text, "url query utm_source: expected poster, found nothing");
    assert!(Expect::deserialize(json!({ "url": { "query": "x" } })).unwrap_err().to_string().contains("takes a map"));
}

#[tokio::test]
async fn a_real_bill_has_its_pages_and_amounts() {
    let folder = tempfile::tempdir().unwrap();
    let (page, bill) = (folder.path().join("bill.html"), folder.path().join("bill.pdf"));
    let html = "<meta charset=utf-8><p>Anna Schmidt, bill of 21.11.2026</p><p>Flat M 29.99 EUR</p><p>Roaming 1.204,50 EUR</p>\
                <p style='page-break-before: always'>Total: <b>1.234,49</b> EUR</p>";
    std::fs::write(&page, html).unwrap();
    let print = format!("--print-to-pdf={}", bill.display());
    chromium(&[&print], &format!("file://{}", page.display())).await;
    let raw = Raw::serve(answer("application/pdf", &std::fs::read(&bill).unwrap())).await;
    let read = async |pdf: Value| {
        let program = env!("CARGO_BIN_EXE_unbroken").into();
        let steps = vec![step(&json!({ "http": { "get": raw.url("/") }, "expect": { "pdf": pdf } }))];
        Prober::new(Tools { program, ..tools() }).run(&errand(Duration::from_secs(20), steps), order()).await
    };
    let good = json!({ "pages": 2, "contains": ["Anna Schmidt"], "amounts": { "contains": [29.99, "1204.50", 1234.49], "length": 3 } });
    let reading = read(good).await;
    assert_eq!(reading.outcome.verdict.fault(), None, "{reading:?}");
    for (pdf, said) in [
        (json!({ "pages": 1 }), "pdf pages: expected 1, found 2"),
        (json!({ "amounts": { "contains": 234.49 } }), "pdf amounts: expected containing 234.49, found"),
        (json!({ "amounts": { "below": 1000 } }), "pdf amounts: expected below 1000"),
        (json!({ "contains": "Bob" }), "pdf: expected containing Bob"),
    ] {
        let reading = read(pdf).await;
        let fault = reading.outcome.verdict.fault().unwrap();
        assert!(fault.text.starts_with(said), "{fault}");
    }
}
