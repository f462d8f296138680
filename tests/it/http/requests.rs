//! What goes out and what comes back.

use std::time::Duration;

use serde_json::json;
use unbroken::model::{FaultCode, Phase};

use crate::support::probe::{get, http, network, prober, refused, run};
use crate::support::raw::{Act, Raw, say};
use crate::support::web::Web;

#[tokio::test]
async fn a_page_is_visited_phase_by_phase() {
    let web = Web::plain().await;
    let met = http(get(web.url("http", "shop.test"))).expect(json!({ "status": 200 })).run().await.good();
    assert_eq!(met.phases(), ["dns", "connect", "send", "wait", "receive", "assert"]);
    let times = &met.last().phases;
    for pair in times.windows(2) {
        assert!(pair[0].offset + pair[0].took <= pair[1].offset + Duration::from_millis(1), "{times:?}");
    }
    assert_eq!(met.last().peer, Some(web.address));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("url.full", &*web.url("http", "shop.test")),
        ("server.address", "shop.test"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(met.attribute(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn requests_are_written_as_asked() {
    let web = Web::plain().await;
    let met = http(json!({
        "post": format!("{}search?a=1", web.url("http", "127.0.0.1")),
        "headers": { "x-shop": "north", "accept": "text/html" },
        "query": { "q": "a b&c", "n": "2" },
        "json": { "user": "anna", "tags": ["x", 1, null, true], "deep": { "price": 1.5 } },
        "bearer": "t0ken",
    }))
    .expect(json!({ "json": {
        "$.method": "POST",
        "$.uri": "/search?a=1&q=a+b%26c&n=2",
        "$.headers['x-shop']": "north",
        "$.headers.accept": "text/html",
        "$.headers['content-type']": "application/json",
        "$.headers.authorization": "Bearer t0ken",
        "$.headers['user-agent']": { "matches": "^unbroken/[0-9.]+ \\(\\+synthetic\\)$" },
        "$.headers.traceparent": { "matches": "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$" },
        "$.headers['content-length']": { "matches": "^[0-9]+$" },
    } }))
    .capture("sent", json!({ "json": "$.body" }))
    .run()
    .await
    .good();
    assert_eq!(met.captured("sent"), Some(r#"{"user":"anna","tags":["x",1,null,true],"deep":{"price":1.5}}"#));
    let form = json!({ "put": web.url("http", "127.0.0.1"), "form": { "a": "1 2", "b": "ü" }, "basic": { "user": "u", "password": "p" } });
    let expect = json!({ "json": { "$.body": "a=1+2&b=%C3%BC", "$.headers.authorization": "Basic dTpw" } });
    http(form).expect(expect).run().await.good();
}

#[tokio::test]
async fn every_method_is_sent() {
    for method in ["get", "post", "put", "patch", "delete", "options"] {
        let web = Web::plain().await;
        let expect = json!({ "json": { "$.method": method.to_uppercase() } });
        http(json!({ method: web.url("http", "127.0.0.1") })).expect(expect).run().await.good();
    }
    // HEAD has the length of a body that it does not send.
    let raw = Raw::serve([say("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n")]).await;
    http(json!({ "head": raw.url("/") })).expect(json!({ "status": 200 })).run().await.good();
}

#[tokio::test]
async fn a_status_other_than_good_fails_unless_it_is_expected() {
    let raw = Raw::serve([say("HTTP/1.1 503 Out\r\ncontent-length: 0\r\n\r\n")]).await;
    let fault = http(get(raw.url("/"))).run().await.failed(FaultCode::Status, Phase::Receive);
    assert!(fault.text.contains("503"), "{fault:?}");
    http(get(raw.url("/"))).expect(json!({ "status": 503 })).run().await.good();
    // Without a body by definition, whatever is said of one.
    let raw = Raw::serve([say("HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n")]).await;
    http(get(raw.url("/"))).run().await.good();
}

#[tokio::test]
async fn cookies_last_as_long_as_the_run() {
    let raw = Raw::answer(|head| {
        let body = head.lines().find(|line| line.starts_with("cookie:")).unwrap_or("none").to_owned();
        let set = "set-cookie: sid=s3cret42; Path=/; HttpOnly\r\nset-cookie: lang=de\r\nset-cookie: x=1; Domain=evil.example\r\n";
        vec![say(format!("HTTP/1.1 200 OK\r\n{set}content-length: {}\r\n\r\n{body}", body.len()))]
    })
    .await;
    let errand = http(get(raw.url_as("shop.test", "/a")))
        .expect(json!({ "body": "none" }))
        .then(get(raw.url_as("shop.test", "/b")))
        .expect(json!({ "body": { "contains": ["sid=s3cret42", "lang=de"] } }))
        .then(get(raw.url_as("pay.test", "/")))
        .expect(json!({ "body": "none" }))
        .then(json!({ "get": raw.url_as("shop.test", "/"), "cookies": "off" }))
        .expect(json!({ "body": "none" }))
        .errand();
    let prober = prober(network());
    for _ in 0..2 {
        run(&prober, &errand).await.good();
    }
    // What scripts may not read, readers may not either.
    let met = http(get(raw.url_as("shop.test", "/")))
        .then(get(raw.url_as("shop.test", "/")))
        .expect(json!({ "body": "something else" }))
        .run()
        .await;
    assert!(!format!("{:?}", met.0).contains("s3cret42"), "{met:?}");
}

#[tokio::test]
async fn bodies_are_decoded() {
    use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
    use tokio::io::AsyncWriteExt as _;
    macro_rules! packed {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            encoder.write_all(b"the price is 9.99").await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }};
    }
    let packed = [
        ("gzip", packed!(GzipEncoder)),
        ("br", packed!(BrotliEncoder)),
        ("zstd", packed!(ZstdEncoder)),
        ("deflate", packed!(ZlibEncoder)),
    ];
    for (coding, body) in packed {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", body.len());
        let raw = Raw::serve([say(head), Act::Say(body)]).await;
        http(get(raw.url("/"))).expect(json!({ "body": "the price is 9.99" })).run().await.good();
    }
}

#[tokio::test]
async fn a_refusal_is_quoted_and_never_hides_the_status() {
    let refusal = |headers: &str, body: &str| {
        let length = body.len();
        [say(format!("HTTP/1.1 503 Service Unavailable\r\n{headers}content-length: {length}\r\n\r\n{body}"))]
    };
    let told = async |headers: &str, body: &str| {
        let raw = Raw::serve(refusal(headers, body)).await;
        let met = http(get(raw.url("/"))).run().await;
        let fault = met.0.outcome.verdict.fault().expect("it is down").clone();
        assert_eq!(fault.code, FaultCode::Status);
        fault.excerpt
    };
    let page = "<title>Sorry</title><script>no()</script><p>No database since <b>noon</b></p>";
    assert_eq!(told("content-type: text/html\r\n", page).await.as_deref(), Some("Sorry No database since noon"));
    assert_eq!(told("content-encoding: gzip\r\n", "this is not packed").await, None);
    assert_eq!(told("", "").await, None);
    let long = told("content-type: text/plain\r\n", &"x".repeat(100_000)).await.expect("an excerpt");
    assert_eq!(long.chars().count(), 300);
    // Who expects a refusal is content with it.
    let raw = Raw::serve(refusal("content-encoding: gzip\r\n", "this is not packed")).await;
    http(get(raw.url("/"))).expect(json!({ "status": 503 })).run().await.good();
}

#[tokio::test]
async fn a_captured_address_is_followed_but_never_inwards() {
    let web = Web::plain().await;
    let answer = |address: String| {
        let body = json!({ "pdf": address }).to_string();
        [say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))]
    };
    let capture = json!({ "json": "$.pdf" });
    let raw = Raw::serve(answer(web.url("http", "127.0.0.1"))).await;
    http(get(raw.url("/"))).capture("pdf", capture.clone()).then(get("{{pdf}}")).run().await.good();
    for bad in ["http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/", "http://bent.test/"] {
        let raw = Raw::serve(answer(bad.to_owned())).await;
        let met = http(get(raw.url("/"))).capture("pdf", capture.clone()).then(get("{{pdf}}")).run().await;
        let Some(fault) = met.0.outcome.verdict.fault() else { panic!("{bad} was asked: {met:?}") };
        assert_eq!(fault.code, FaultCode::RedirectRefused, "{bad}");
    }
    let raw = Raw::serve(answer("no address".to_owned())).await;
    let met = http(get(raw.url("/"))).capture("pdf", capture).then(get("{{pdf}}")).run().await;
    assert_eq!(met.0.outcome.verdict.fault().unwrap().code, FaultCode::Expectation);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (settings, said) in [
        (json!({}), "needs its method"),
        (json!({ "get": "http://a/", "post": "http://a/" }), "here stand `get` and `post`"),
        (json!({ "get": "shop.example.com" }), "is not an address"),
        (json!({ "get": "ftp://shop.example.com" }), "begins with `http://`"),
        (json!({ "get": "http://u:p@shop.example.com" }), "write `basic:"),
        (json!({ "get": "http://a/", "json": 1, "body": "x" }), "only one of `json`, `form`, `body`"),
        (
            json!({ "get": "http://a/", "bearer": "x", "basic": { "user": "u", "password": "p" } }),
            "only one of `bearer`",
        ),
        (json!({ "get": "http://a/", "headers": { "a b": "c" } }), "`a b` is not a header's name"),
        (json!({ "get": "http://a/", "headers": { "Content-Length": "1" } }), "is ours to set"),
        (json!({ "get": "http://a/", "version": "4" }), "`4` is none of `1.1`, `2`, `3`"),
        (json!({ "get": "https://a/", "version": "3", "proxy": "http://b:1" }), "does not go through"),
        (json!({ "get": "http://a/", "graphql": { "query": "{ a }" } }), "is posted"),
        (json!({ "post": "http://a/", "multipart": { "files": { "f": { "path": "/none" } } } }), "/none"),
        (json!({ "get": "http://a/", "ip": "5" }), "`5` is none of `any`, `4`, `6`"),
        (json!({ "get": "http://a/", "cookies": "maybe" }), "`maybe` is none of"),
        (json!({ "get": "http://a/", "redirects": 99 }), "between 0 and 20"),
        (json!({ "get": "http://a/", "max_body": "1GiB" }), "at most 2MiB"),
        (json!({ "get": "http://a/", "proxy": "socks5://a" }), "begins with `http://`"),
        (json!({ "get": "https://a/", "tls": { "cert": "x" } }), "no `key`"),
        (json!({ "get": "https://a/", "tls": { "server_name": "a b" } }), "not a server's name"),
        (json!({ "get": "http://a/", "oauth2": {} }), "missing field `token_url`"),
        (json!({ "get": "http://a/{{1+1}}" }), "holds no name"),
    ] {
        let text = refused(settings.clone());
        assert!(text.contains(said), "{settings}: {text}");
    }
}
