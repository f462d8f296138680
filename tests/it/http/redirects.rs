//! Where a reply may send us.

use serde_json::{Value, json};
use unbroken::model::{FaultCode, Verdict};

use crate::support::certificates::{Authority, Valid};
use crate::support::probe::{Met, get, http};
use crate::support::raw::{Raw, say};
use crate::support::web::Web;

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

#[tokio::test]
async fn ten_hops_are_followed_and_eleven_are_not() {
    let stairs = |last: u32| async move {
        Raw::answer(move |head| {
            let at: u32 = head.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
            if at == last {
                vec![say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]
            } else {
                vec![say(format!("HTTP/1.1 301 Moved\r\nlocation: /{}\r\ncontent-length: 0\r\n\r\n", at + 1))]
            }
        })
        .await
    };
    let ten = stairs(10).await;
    let met = http(get(ten.url("/0"))).expect(json!({ "redirects": { "length": 10 } })).run().await.good();
    assert_eq!(hops(&met).len(), 10, "each hop is told");
    let eleven = stairs(11).await;
    let met = http(get(eleven.url("/0"))).run().await;
    assert_eq!(met.0.outcome.verdict.fault().unwrap().code, FaultCode::TooManyRedirects);
    assert_eq!(eleven.heads().len(), 11, "the twelfth page is not asked for");
}

fn hops(met: &Met) -> Vec<&str> {
    let told = met.last().attributes.iter().filter(|(name, _)| name == "unbroken.http.redirect");
    told.map(|(_, value)| &**value).collect()
}

#[tokio::test]
async fn each_hop_tells_the_end_of_its_certificate_and_encryption_given_up_is_noted() {
    let authority = Authority::new("Test");
    let plain = leads_to("/").await;
    let second = plain.url_as("customer:hunter22@other.test", "/end");
    let second = Web::leading_to(&second, authority.sign(&["pay.test"], Valid::Now).server(&["http/1.1"])).await;
    let first = second.url("https", "pay.test");
    let first = Web::leading_to(&first, authority.sign(&["shop.test"], Valid::LastYear).server(&["http/1.1"])).await;
    let met = http(json!({
        "get": first.url("https", "shop.test"), "tls": { "insecure": true }, "bearer": "t0ken",
    }))
    .expect(json!({ "status": 200 }))
    .run()
    .await
    .good();
    let hops = hops(&met);
    assert_eq!(hops.len(), 2, "{hops:?}");
    assert!(hops[0].ends_with("certificate until 2021-01-01T00:00:00Z"), "an expired hop shows: {hops:?}");
    assert!(hops[1].ends_with("certificate until 2090-01-01T00:00:00Z"), "{hops:?}");
    assert!(met.last().certificate.is_none(), "the last hop has none");
    assert_eq!(met.attribute("unbroken.http.redirect.downgraded"), Some("true"));
    let head = plain.heads().pop().unwrap();
    assert!(!head.contains("t0ken") && !head.to_lowercase().contains("authorization"), "{head}");
    assert!(!format!("{met:?}").contains("hunter22"), "credentials in an address are neither used nor told");
}

#[tokio::test]
async fn a_secret_goes_to_no_other_origin_wherever_it_stands() {
    let other = leads_to("/").await;
    let moved = |status: u16| {
        let to = other.url_as("other.test", "/b");
        move |_: &str| vec![say(format!("HTTP/1.1 {status} Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"))]
    };
    let secret = |name: &str| {
        let mut step = json!({ "get": "" });
        step[name] = json!({ "password": "{{login_token}}" });
        step
    };
    let token = Raw::answer(|_| vec![say("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhunter22")]).await;
    let with =
        |settings: Value| http(get(token.url("/"))).capture("login_token", json!({ "text": "(.+)" })).then(settings);
    // A header of the user's own, filled in with a captured token, is left behind.
    let raw = Raw::answer(moved(302)).await;
    let mut settings = secret("headers");
    settings["get"] = raw.url_as("shop.test", "/").into();
    with(settings).run().await.good();
    assert!(raw.heads()[0].contains("hunter22"));
    assert!(!other.heads().pop().unwrap().contains("hunter22"));
    // A form that keeps its body cannot be sent on.
    let raw = Raw::answer(moved(307)).await;
    let form = json!({ "post": raw.url_as("shop.test", "/"), "form": { "password": "{{login_token}}" } });
    let fault = with(form).run().await.0.outcome.verdict.fault().cloned().unwrap();
    assert_eq!(fault.code, FaultCode::RedirectRefused, "{fault:?}");
    assert_eq!(other.heads().len(), 1);
    // Without one it goes on, as in a browser.
    let form = json!({ "post": raw.url_as("shop.test", "/"), "form": { "colour": "blue" } });
    http(form).run().await.good();
    assert_eq!(other.heads().len(), 2);
}
