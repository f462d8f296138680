//! What lies in a frame of another origin, as payment forms do: the page around it decides whether anybody gets there.

use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use unbroken::model::FaultCode;

use super::{fault, site, visit, well};

const FORM: &str = "<button onclick=\"got.textContent = 'paid'\">Pay</button><p id=got></p>";

/// Above it and below it there is so much, and over it lies this.
async fn page(above: u32, inner: &str, lid: &str) -> String {
    // Another port is another origin.
    let elsewhere = site(&[("/", inner)]).await;
    format!(
        "<title>Checkout</title><p style='margin:0;height:{above}px'>Checkout</p>\
         <iframe src='http://{elsewhere}/' width=400 height=300 style='margin-left:300px'></iframe>\
         <p style='height:3000px'>The small print</p>{lid}"
    )
}

fn pay() -> Value {
    json!([{ "click": "Pay", "within": "3s", "then": { "text": "paid" } }])
}

#[tokio::test]
async fn a_frame_below_the_screen_is_scrolled_to() {
    for device in ["desktop", "phone"] {
        well(&visit(&[("/", &page(4000, FORM, "").await)], pay(), json!({ "device": device })).await);
    }
}

#[tokio::test]
async fn what_lies_over_a_frame_is_named() {
    let banner = "<div role=dialog aria-label='We use cookies' style='position:fixed;inset:0;background:#eee'></div>";
    let reading = visit(&[("/", &page(100, FORM, banner).await)], pay(), json!({})).await;
    let fault = fault(&reading);
    assert_eq!(fault.code, FaultCode::ElementCovered, "{fault}");
    assert!(fault.text.ends_with("button “Pay” is covered by dialog “We use cookies”: nobody can press it"), "{fault}");
    // Nobody types into it, either.
    let field = page(100, "<label>Card <input></label>", banner).await;
    let reading = visit(&[("/", &field)], json!([{ "fill": "Card", "with": "4111", "within": "3s" }]), json!({})).await;
    let fault = super::fault(&reading);
    assert!(fault.text.contains("textbox “Card” is covered by dialog “We use cookies”"), "{fault}");
    // Another frame is no better than a part of the page.
    let elsewhere = site(&[("/", "<h1>Cookies</h1>")]).await;
    let consent = format!(
        "<iframe title=Consent src='http://{elsewhere}/' style='position:fixed;top:0;left:0;width:100%;height:100%'></iframe>"
    );
    let reading = visit(&[("/", &page(100, FORM, &consent).await)], pay(), json!({})).await;
    let fault = super::fault(&reading);
    assert_eq!(fault.code, FaultCode::ElementCovered, "{fault}");
    assert!(fault.text.contains("is covered by iframe “Consent”"), "{fault}");
}

#[tokio::test]
async fn of_two_frames_the_one_is_used_that_people_get_at() {
    let (first, second) = (site(&[("/", FORM)]).await, site(&[("/", FORM)]).await);
    let page = format!(
        "<title>Checkout</title><iframe src='http://{first}/' width=400 height=200></iframe>\
         <iframe src='http://{second}/' width=400 height=200></iframe>\
         <div role=dialog aria-label='We use cookies' style='position:fixed;left:0;top:0;width:405px;height:210px;background:#eee'></div>"
    );
    well(&visit(&[("/", &page)], pay(), json!({})).await);
}

#[tokio::test]
async fn what_lies_under_the_edge_of_the_screen_is_scrolled_away_from_it() {
    let bar = "<nav style='position:fixed;bottom:0;left:0;right:0;height:300px;background:#eee'>Help</nav>";
    well(&visit(&[("/", &page(600, FORM, bar).await)], pay(), json!({})).await);
}

#[tokio::test]
async fn a_picture_is_taken_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("logo.png");
    let shape = |x: u32, y: u32| (x / 50 + 2 * (y / 50)).is_multiple_of(3);
    let ink = |x, y| if shape(x, y) { Rgb([0, 0, 0]) } else { Rgb([255, 255, 255]) };
    RgbImage::from_fn(200, 200, ink).save(&kept).unwrap();
    let drawn: String = (0..16)
        .map(|n| (n % 4 * 50, n / 4 * 50))
        .filter(|(x, y)| shape(*x, *y))
        .map(|(x, y)| format!("<rect x={x} y={y} width=50 height=50 />"))
        .collect();
    let logo = format!("<p style='height:700px'></p><svg id=logo width=200 height=200>{drawn}</svg>");
    let more = json!({ "picture": { "css": "#logo" }, "expect": { "picture": { "like": kept, "width": 200 } } });
    well(&visit(&[("/", &page(1500, &logo, "").await)], json!([]), more).await);
}
