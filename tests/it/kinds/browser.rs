//! `browser` on pages as people write them, in a real Chromium.

mod changing;
mod daemon;
mod effects;
mod forms;
mod framed;
mod heavy;
mod odd;
mod recorded;
mod seeking;
mod session;
pub(crate) mod told;
mod ways;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use unbroken::model::{Fault, FaultCode, Reading, Verdict};
use unbroken::probe::Prober;

use crate::parts::free_address;
use crate::walk::{errand, order, step, tools};

/// Long enough for a browser that starts on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Serves these pages, by their paths; of anything else a 404. `TRACE` in a page is what its request said of the trace.
async fn site(pages: &[(&str, &str)]) -> SocketAddr {
    let pages: Vec<(String, String)> = pages.iter().map(|(path, page)| ((*path).into(), (*page).into())).collect();
    let pages = Arc::new(pages);
    let answer = move |uri: Uri, headers: HeaderMap| {
        let pages = Arc::clone(&pages);
        async move { page(&pages, &uri, &headers) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

fn page(pages: &[(String, String)], uri: &Uri, headers: &HeaderMap) -> Response {
    let Some((path, page)) = pages.iter().find(|(path, _)| path == uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let said = |name: &str| headers.get(name).map_or("none", |value| value.to_str().unwrap());
    let page = page.replace("TRACE", said("traceparent")).replace("AGENT", said("user-agent"));
    let page = page.replace("LANGUAGE", said("accept-language"));
    if path == "/bill.csv" {
        return ([(header::CONTENT_DISPOSITION, "attachment")], page).into_response();
    }
    let whole = "<!doctype html><html lang=en><meta name=viewport content='width=device-width, initial-scale=1'>";
    Html(format!("{whole}<link rel=icon href='data:,'>{page}")).into_response()
}

/// Opens the first of these pages and does this there.
async fn visit(pages: &[(&str, &str)], deeds: Value, more: Value) -> Reading {
    visit_by(&Prober::new(tools()), pages, deeds, more).await
}

/// The same with browsers that are warm.
async fn visit_by(prober: &Prober, pages: &[(&str, &str)], deeds: Value, more: Value) -> Reading {
    let open = format!("http://{}{}", site(pages).await, pages[0].0);
    let mut written = json!({ "browser": { "open": open, "do": deeds } });
    for (key, value) in more.as_object().unwrap() {
        match key.as_str() {
            "expect" | "capture" => written[key] = value.clone(),
            key => written["browser"][key] = value.clone(),
        }
    }
    let reading = prober.run(&errand(TIMEOUT, vec![step(&written)]), order()).await;
    crate::telemetry::conventions::hold(&reading);
    if let Verdict::Inconclusive { why, text } = &reading.outcome.verdict {
        panic!("inconclusive: {why}: {text}");
    }
    reading
}

#[track_caller]
fn fault(reading: &Reading) -> &Fault {
    reading.outcome.verdict.fault().unwrap_or_else(|| panic!("{:?}", reading.outcome))
}

#[track_caller]
fn well(reading: &Reading) {
    // How fast it was is the machine's affair.
    assert!(matches!(reading.outcome.verdict, Verdict::Good | Verdict::Slow), "{:?}", reading.outcome.steps);
    assert!(reading.outcome.steps.iter().all(|step| step.findings.is_empty()), "{:?}", reading.outcome.steps);
}

fn captured<'a>(reading: &'a Reading, name: &str) -> &'a str {
    let all = reading.outcome.steps.iter().flat_map(|step| &step.captured);
    all.filter(|captured| captured.name == name).find_map(|captured| captured.value.as_deref()).unwrap()
}

#[tokio::test]
async fn a_page_tells_what_was_to_be_seen_and_whom_it_met() {
    let page = "<title>Shop</title><h1>Welcome</h1><p>TRACE</p><p id=agent>AGENT</p><p id=language>LANGUAGE</p>\
                <p id=zone></p><p id=wide></p><script>\
                zone.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone + ' ' + \
                  matchMedia('(prefers-color-scheme: dark)').matches + ' ' + (1234.5).toLocaleString();\
                wide.textContent = innerWidth + ' ' + navigator.maxTouchPoints</script>";
    let more = json!({
        "device": "phone", "locale": "de-DE", "timezone": "Europe/Berlin", "scheme": "dark",
        "expect": {
            "status": 200, "title": "Shop", "url": { "contains": "http://127.0.0.1:" }, "text": { "contains": "Welcome" },
            "lcp": { "below": "30s" }, "ttfb": { "below": "30s" }, "cls": { "below": 0.1 },
            "console": { "length": 0 }, "requests": { "length": 0 }, "phases": { "load": { "below": "30s" } },
        },
        "capture": {
            "trace": { "text": "00-([0-9a-f]{32})-" }, "agent": { "html": "#agent" }, "language": { "html": "#language" },
            "zone": { "html": "#zone" }, "wide": { "html": "#wide" },
        },
    });
    let reading = visit(&[("/", page)], json!([]), more).await;
    well(&reading);
    assert_eq!(captured(&reading, "trace"), reading.trace.to_string());
    let agent = captured(&reading, "agent");
    assert!(agent.contains("Android") && agent.contains("Mobile") && agent.contains("unbroken/"), "{agent}");
    assert!(captured(&reading, "language").starts_with("de-DE"), "{}", captured(&reading, "language"));
    assert_eq!(captured(&reading, "zone"), "Europe/Berlin true 1.234,5");
    assert!(captured(&reading, "wide").starts_with("412 "), "{}", captured(&reading, "wide"));
    assert!(!captured(&reading, "wide").ends_with(" 0"), "fingers");
}

/// Somebody who uses a page ends the search for its largest paint: quick hands must not be quicker than the eye.
#[tokio::test]
async fn a_page_is_seen_before_it_is_used() {
    let page = "<title>Shop</title><style>p { filter: blur(1px) drop-shadow(2px 2px 2px red) }</style><body hidden>\
                <label>Name <input></label><script>\
                for (let n = 0; n < 400; n++) document.body.append(Object.assign(document.createElement('p'), \
                  { textContent: 'Everything that the shop has to offer, number ' + n }));\
                addEventListener('load', () => { document.body.hidden = false })</script>";
    let more = || json!({ "capture": { "lcp": { "field": "lcp" } } });
    let prober = Prober::new(tools());
    for _ in 0..10 {
        let fill = json!([{ "fill": "Name", "with": "Anna" }]);
        let reading = visit_by(&prober, &[("/", page)], fill, more()).await;
        well(&reading);
        captured(&reading, "lcp");
    }
}

#[tokio::test]
async fn what_customers_notice_costs_without_being_asked_for() {
    let page = "<title>Shop</title><h1>Welcome</h1><img src=/gone.png width=60 height=60 alt=Phone>\
                <script src=/gone.js></script><script>\nnull.price</script>";
    let reading = visit(&[("/", page)], json!([]), json!({})).await;
    let found: Vec<FaultCode> = reading.outcome.steps[0].findings.iter().map(|finding| finding.fault.code).collect();
    assert_eq!(found, [FaultCode::ScriptError, FaultCode::RequestFailed, FaultCode::PictureBroken]);
    let text = &reading.outcome.steps[0].findings[0].fault.text;
    assert!(text.contains("Cannot read properties of null (reading 'price')"), "{text}");
    assert!(text.contains("line 2"), "{text}");
    assert!(matches!(reading.outcome.verdict, Verdict::Slow));
    // What is expected by name is judged by that alone.
    let forgiven = json!({ "expect": {
        "console": { "length": 2 }, "requests": { "length": { "above": 0 } }, "pictures": { "length": 1 } } });
    let reading = visit(&[("/", page)], json!([]), forgiven).await;
    assert!(reading.outcome.steps[0].findings.is_empty(), "{:?}", reading.outcome.steps[0].findings);
}

#[tokio::test]
async fn a_page_that_answers_with_an_error_or_does_not_come_is_a_fault() {
    let closed = format!("http://{}/", free_address());
    let reading = visit(&[("/", "<title>x</title>")], json!([]), json!({ "open": closed })).await;
    assert_eq!(fault(&reading).code, FaultCode::ConnectRefused);
    let missing = format!("http://{}/missing", site(&[("/", "x")]).await);
    let reading = visit(&[("/", "x")], json!([]), json!({ "open": missing })).await;
    assert_eq!((fault(&reading).code, &*fault(&reading).text), (FaultCode::Status, "answers 404"));
}

#[tokio::test]
async fn a_page_that_jumps_or_is_slow_to_show_is_worth_less() {
    let jumps = "<title>Shop</title><div id=ad></div><h1>Welcome</h1><p style='height:50vh'>text</p>\
                 <script>setTimeout(() => ad.style.height = '400px', 300)</script>";
    let deeds = json!([{ "wait_for": { "text": "Welcome" } }, { "wait_for": "network_quiet" }]);
    let reading = visit(&[("/", jumps)], deeds, json!({})).await;
    let sample = &reading.outcome.samples[0];
    let why = sample.fault.as_ref().unwrap_or_else(|| panic!("{:?}", reading.outcome));
    assert_eq!(why.code, FaultCode::LayoutShift, "{why}");
    assert!(why.text.contains("good is up to 0.1 (CLS)"), "{why}");
    assert!(sample.quality.get() < 1.0);
}

#[tokio::test]
async fn links_and_accessibility_and_looks_are_looked_at_when_asked_for() {
    let page = "<title>Shop</title><h1>Welcome</h1><a href=/there>There</a> <a href=/nowhere>Nowhere</a>\
                <img src='data:image/gif;base64,R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=' width=40 height=40>";
    let more = json!({ "expect": {
        "checked": 2, "broken": { "length": 1 }, "accessibility": { "contains": "image-alt" },
        "picture": { "width": 40, "height": 40, "format": "png" } }, "picture": { "css": "img" } });
    well(&visit(&[("/", page), ("/there", "<title>There</title>")], json!([]), more).await);
}
