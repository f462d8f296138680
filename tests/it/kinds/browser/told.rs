//! What a visit leaves in its trace, where somebody takes traces.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use unbroken::model::{Episode, FaultCode, Reading, Scalar, Side, StepOutcome};
use unbroken::probe::{Detail, Prober};

use super::TIMEOUT;
use crate::walk::{errand, order, step, tools};

/// Lets in whoever has it.
const KEY: &str = "0123456789abcdef00";

/// Who was asked for what, and who asked: method, path, and the span that `traceparent` names.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// A shop, and what it was asked; its script comes from somebody else.
async fn shop() -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let listen = async |host: &str| {
        let listener = TcpListener::bind((host.parse::<IpAddr>().unwrap(), 0)).await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::clone(&asked));
        (listener, address, asked)
    };
    let (other, third, theirs) = listen("127.0.0.2").await;
    let (listener, first, ours) = listen("127.0.0.1").await;
    for (listener, asked) in [(other, theirs), (listener, ours)] {
        let answer = move |method: Method, uri: Uri, headers: HeaderMap| {
            let parent =
                headers.get("traceparent").map(|value| value.to_str().unwrap().split('-').nth(2).unwrap().into());
            asked.lock().unwrap().push((format!("{method} {}", uri.path()), parent));
            async move { page(third, uri.path()) }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    }
    (first, asked)
}

fn page(third: SocketAddr, path: &str) -> Response {
    let whole = |page: String| Html(format!("<!doctype html><html lang=en><link rel=icon href='data:,'>{page}"));
    match path {
        "/" => whole(format!(
            "<title>Shop</title><link rel=stylesheet href=/look.css><script src='http://{third}/count.js?u=http://www.127.0.0.1/'></script><h1>Shop</h1>\
             <img src=/gone.png width=9 height=9 alt=x><form method=post action='/order?token={KEY}'><button>Order</button></form>"
        ))
        .into_response(),
        "/look.css" => ([(header::CONTENT_TYPE, "text/css")], "h1 { color: navy }").into_response(),
        "/count.js" => ([(header::CONTENT_TYPE, "text/javascript")], "1").into_response(),
        "/order" => Redirect::to("/thanks").into_response(),
        "/thanks" => {
            whole("<title>Thanks</title><h1>Thank you</h1><button onclick=\"fetch('/cancel', { method: 'POST' })\">Cancel</button>".into())
                .into_response()
        }
        "/cancel" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn run(written: Value, timeout: Duration) -> Reading {
    let prober = Prober::new(tools()).telling(Detail::Full);
    let reading = prober.run(&errand(timeout, vec![step(&written)]), order()).await;
    crate::telemetry::conventions::hold(&reading);
    reading
}

/// Somebody orders and cannot cancel.
pub(crate) async fn ordered() -> (Reading, Asked) {
    let (shop, asked) = shop().await;
    let deeds = json!([
        { "click": "Order", "then": { "text": "Thank you" } },
        { "click": "Cancel", "then": { "text": "Cancelled" }, "within": "500ms" },
        { "click": "Never" },
    ]);
    (run(json!({ "browser": { "open": format!("http://{shop}/"), "do": deeds } }), TIMEOUT).await, asked)
}

fn said<'a>(episode: &'a Episode, name: &str) -> Option<&'a Scalar> {
    episode.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn text<'a>(episode: &'a Episode, name: &str) -> &'a str {
    match said(episode, name) {
        Some(Scalar::Text(text)) => text,
        other => panic!("{name} is {other:?} of {episode:?}"),
    }
}

/// `POST /order`, of a request.
fn line(episode: &Episode) -> String {
    let url = reqwest::Url::parse(text(episode, "url.full")).unwrap();
    format!("{} {}", episode.name, url.path())
}

fn one(step: &StepOutcome, fits: impl Fn(&Episode) -> bool) -> &Episode {
    let found: Vec<&Episode> = step.episodes.iter().filter(|episode| fits(episode)).collect();
    let [found] = found[..] else { panic!("{} of one: {:#?}", found.len(), step.episodes) };
    found
}

fn request<'a>(step: &'a StepOutcome, wanted: &str) -> &'a Episode {
    one(step, |episode| episode.side == Side::Client && line(episode) == wanted)
}

#[tokio::test]
async fn what_is_done_and_what_is_asked_for_stand_in_the_trace() {
    let (reading, asked) = ordered().await;
    let step = &reading.outcome.steps[0];
    let own: Vec<&str> =
        step.episodes.iter().filter(|episode| episode.side == Side::Own).map(|episode| &*episode.name).collect();
    assert_eq!(own, ["Click “Order”", "Click “Cancel”", "navigation", "navigation"], "what is never done is not told");
    let [click, cancel, landing, thanks] = &step.episodes[..4] else { panic!("{:?}", step.episodes) };

    // What each was caused by.
    assert_eq!((click.within, cancel.within, landing.within, thanks.within), (None, None, None, Some(click.span)));
    for (wanted, cause) in [
        ("GET /", landing),
        ("GET /look.css", landing),
        ("GET /count.js", landing),
        ("GET /gone.png", landing),
        ("POST /order", thanks),
        ("GET /thanks", thanks),
        ("POST /cancel", cancel),
    ] {
        assert_eq!(request(step, wanted).within, Some(cause.span), "{wanted}");
    }
    // When.
    let end = |episode: &Episode| episode.offset + episode.took;
    for episode in &step.episodes {
        let cause = step.episodes.iter().find(|cause| Some(cause.span) == episode.within);
        let (from, to) = cause.map_or((step.offset, step.offset + step.took), |cause| (cause.offset, end(cause)));
        assert!(from <= episode.offset && episode.offset <= to, "{episode:?} does not begin within {from:?}..{to:?}");
        assert!(end(episode) <= step.offset + step.took, "{episode:?} ends after its step");
    }
    assert!(end(request(step, "POST /cancel")) <= end(cancel) && cancel.took >= Duration::from_millis(500));

    // Each server of the first party knows its caller, nobody else knows anybody.
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 7, "{asked:?}");
    for (wanted, parent) in &asked {
        let own = request(step, wanted).span.to_string();
        let told = (wanted != "GET /count.js").then_some(&own);
        assert_eq!(parent.as_ref(), told, "{wanted}");
    }
    let mut spans: Vec<u64> = step.episodes.iter().map(|episode| episode.span.0).collect();
    spans.sort_unstable();
    spans.dedup();
    assert_eq!(spans.len(), step.episodes.len());
}

#[tokio::test]
async fn what_fails_says_so_and_nothing_says_what_lets_in() {
    let (reading, _) = ordered().await;
    let step = &reading.outcome.steps[0];
    let cancel = one(step, |episode| episode.name.contains("Cancel"));
    let fault = cancel.fault.as_ref().unwrap();
    assert_eq!((fault.code, text(cancel, "unbroken.browser.verb")), (FaultCode::NoEffect, "click"));
    assert_eq!(fault.text, step.fault.as_ref().unwrap().text);
    assert_eq!(one(step, |episode| episode.name.contains("Order")).fault, None);
    for (wanted, status, class) in [("GET /gone.png", 404, "404"), ("POST /cancel", 500, "500")] {
        let request = request(step, wanted);
        assert_eq!(said(request, "http.response.status_code"), Some(&Scalar::Integer(status)));
        assert_eq!(text(request, "error.type"), class);
        assert_eq!(request.fault.as_ref().unwrap().code, FaultCode::RequestFailed);
    }
    let look = request(step, "GET /look.css");
    assert!(matches!(said(look, "http.response.size"), Some(Scalar::Integer(bytes)) if *bytes > 18), "{look:?}");
    assert_eq!(text(look, "network.protocol.version"), "1.1");
    assert_eq!(
        (text(look, "unbroken.browser.resource"), text(look, "unbroken.browser.party")),
        ("stylesheet", "first")
    );
    assert_eq!(text(request(step, "GET /count.js"), "unbroken.browser.party"), "third");
    assert!(text(request(step, "POST /order"), "url.full").ends_with("/order?token=•••"));
    assert!(!format!("{:?}", step.episodes).contains(KEY));
}

#[tokio::test]
async fn nobody_is_told_more_than_he_takes() {
    let (shop, asked) = shop().await;
    let deeds =
        json!([{ "click": "Order", "then": { "text": "Thank you" } }, { "click": "Cancel", "then": "network_quiet" }]);
    let written = json!({ "browser": { "open": format!("http://{shop}/"), "do": deeds } });
    let reading = Prober::new(tools()).run(&errand(TIMEOUT, vec![step(&written)]), order()).await;
    assert_eq!(reading.outcome.steps[0].episodes[..], []);
    // Whose pages and calls they are, servers are told all the same.
    let asked = asked.lock().unwrap().clone();
    let told = |wanted: &str| asked.iter().find(|(line, _)| line == wanted).unwrap().1.clone();
    let visit = told("GET /");
    assert!(visit.is_some(), "{asked:?}");
    for (line, parent) in &asked {
        let program = matches!(line.as_str(), "GET /" | "POST /order" | "GET /thanks" | "POST /cancel");
        assert_eq!(parent, if program { &visit } else { &None }, "{line}");
    }
    assert_eq!(asked.len(), 7, "{asked:?}");
}

#[tokio::test]
async fn what_is_cut_off_has_its_true_times() {
    let (shop, _) = shop().await;
    let wait = json!({ "wait_for": { "text": "Nobody says this" }, "within": "5m" });
    let written = json!({ "browser": { "open": format!("http://{shop}/"), "do": [wait] } });
    let reading = run(written, Duration::from_secs(20)).await;
    let step = &reading.outcome.steps[0];
    let wait = one(step, |episode| episode.name.starts_with("Wait"));
    assert!(wait.fault.is_some() && wait.took >= Duration::from_millis(500), "{wait:?}");
    let rest = (step.offset + step.took).saturating_sub(wait.offset + wait.took);
    assert!(rest < wait.took, "it was what lasted: {wait:?} of {:?}", step.took);
    assert!(request(step, "GET /").took < wait.took);
}

#[tokio::test]
async fn of_very_many_requests_those_that_matter_are_told() {
    let (shop, _) = shop().await;
    // A hundred and thirty that fail, after what the page itself needs.
    let many =
        "<script>for (let i = 0; i < 130; i++) document.write(`<img src=/gone-${i}.png width=1 height=1>`)</script>";
    let page = super::site(&[("/", &format!("<title>x</title><img src=http://{shop}/look.css>{many}"))]).await;
    let reading = run(json!({ "browser": { "open": format!("http://{page}/") } }), TIMEOUT).await;
    let step = &reading.outcome.steps[0];
    let requests = || step.episodes.iter().filter(|episode| episode.side == Side::Client);
    assert_eq!(requests().count(), 100);
    assert!(requests().filter(|request| request.fault.is_some()).count() >= 98, "{:?}", step.episodes);
    let left_out = step.attributes.iter().find(|(name, _)| name == "unbroken.browser.requests.left_out");
    assert_eq!(left_out.map(|(_, value)| value.as_str()), Some("32"));
}
