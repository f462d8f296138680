//! Where a reply may send us.

use serde_json::json;
use unbroken::model::{FaultCode, Verdict};

use crate::support::probe::{get, http};
use crate::support::raw::{Raw, say};

/// `/a` leads to `location`; everything else is the end and shows what came along.
async fn leads_to(location: &str) -> Raw {
    let location = location.to_owned();
    Raw::answer(move |head| {
        if head.contains("/a HTTP/1.1\r\n") {
            vec![say(format!(
                "HTTP/1.1 302 Found\r\nlocation: {location}\r\nset-cookie: seen=1\r\ncontent-length: 0\r\n\r\n"
            ))]
        } else {
            vec![say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len()))]
        }
    })
    .await
}

#[tokio::test]
async fn hops_are_followed_and_told() {
    let raw = leads_to("/b?code=s3cr3t").await;
    let met = http(json!({ "get": raw.url("/a"), "bearer": "t0ken" }))
        .expect(json!({
            "status": 200, "url": raw.url("/b?code=s3cr3t"), "redirects": { "length": 1 },
            "body": { "contains": ["authorization: Bearer t0ken", "cookie: seen=1"] },
        }))
        .run()
        .await
        .good();
    assert_eq!(met.phases(), ["connect", "send", "wait", "receive", "connect", "send", "wait", "receive", "assert"]);
    assert_eq!(met.attribute("http.request.resend_count"), Some("1"));
    assert_eq!(met.attribute("url.full"), Some(&*raw.url("/b?code=REDACTED")));
    assert!(met.attribute("unbroken.http.redirect").unwrap().starts_with("302 "));
}

#[tokio::test]
async fn credentials_do_not_go_to_another_origin() {
    let other = leads_to("/").await;
    let raw = leads_to(&other.url_as("other.test", "/b")).await;
    http(json!({ "get": raw.url_as("shop.test", "/a"), "bearer": "t0ken", "headers": { "x-api-key": "k", "x-plain": "1" } }))
        .expect(json!({ "body": { "contains": "x-plain: 1" } }))
        .run()
        .await
        .good();
    let head = other.heads().pop().unwrap();
    assert!(!head.contains("t0ken") && !head.contains("x-api-key") && !head.contains("cookie"), "{head}");
}

#[tokio::test]
async fn circles_end() {
    let raw = leads_to("/a").await;
    let met = http(get(raw.url("/a"))).run().await;
    assert!(
        matches!(&met.0.outcome.verdict, Verdict::Failed(fault) if fault.code == FaultCode::TooManyRedirects),
        "{met:?}"
    );
    assert_eq!(raw.heads().len(), 11);
    http(json!({ "get": raw.url("/a"), "redirects": 0 })).expect(json!({ "status": 302 })).run().await.good();
}

#[tokio::test]
async fn unsafe_places_are_not_visited() {
    for location in [
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/1",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://2852039166/",
        "http://bent.test/",
    ] {
        let raw = leads_to(location).await;
        let met = http(get(raw.url("/a"))).run().await;
        let Verdict::Failed(fault) = &met.0.outcome.verdict else { panic!("{location} was visited: {met:?}") };
        assert_eq!(fault.code, FaultCode::RedirectRefused, "{location}: {fault:?}");
    }
    // Through a proxy a name cannot be judged, an address can.
    let raw = leads_to("http://10.0.0.1/").await;
    let proxied = json!({ "get": "http://shop.example.com/a", "proxy": raw.url("") });
    let met = http(proxied).run().await;
    assert_eq!(met.0.outcome.verdict.fault().unwrap().code, FaultCode::RedirectRefused);
}
