//! `http` against real servers: Caddy over HTTP/3, httpbin, squid.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::json;
use unbroken::model::{FaultCode, Phase};

use crate::parts::{Running, free_address, program, python_program};
use crate::support::certificates::{Authority, Identity, Valid};
use crate::support::probe::{get, http, network, prober, run, trusting};
use crate::support::raw::{Act, Raw, say};

/// Caddy, over TCP and QUIC on one port.
fn caddy(identity: &Identity) -> (Running, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let at = free_address();
    let (certificate, key) = identity.pem();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("cert.pem"), certificate).unwrap();
    std::fs::write(path("key.pem"), key).unwrap();
    let config = json!({
        "admin": { "disabled": true },
        "apps": {
            // Without this it would make the machine trust an authority of its own.
            "pki": { "certificate_authorities": { "local": { "install_trust": false } } },
            "tls": { "certificates": { "load_files": [{ "certificate": path("cert.pem"), "key": path("key.pem") }] } },
            "http": { "servers": { "s": {
                "listen": [at.to_string()], "protocols": ["h1", "h2", "h3"],
                "automatic_https": { "disable": true }, "tls_connection_policies": [{}],
                "routes": [
                    { "match": [{ "path": ["/echo"] }], "handle": [{ "handler": "static_response",
                        "body": "{http.request.method} {http.request.proto} {http.request.header.x-a} {http.request.body}" }] },
                    { "match": [{ "path": ["/moved"] }], "handle": [{ "handler": "static_response", "status_code": 302,
                        "headers": { "Location": ["/"] } }] },
                    { "handle": [{ "handler": "encode", "encodings": { "gzip": {} }, "minimum_length": 10 },
                        { "handler": "static_response", "headers": { "Content-Type": ["text/plain"] },
                            "body": "the price is 9.99 ".repeat(40) }] },
                ],
            } } },
        },
    });
    std::fs::write(path("caddy.json"), config.to_string()).unwrap();
    let mut command = Command::new(python_program("caddy"));
    command.args(["run", "--config", &path("caddy.json")]);
    command.env("XDG_DATA_HOME", path("data")).env("XDG_CONFIG_HOME", path("config"));
    (Running::start(&mut command, at), at, folder)
}

#[tokio::test]
async fn a_page_is_visited_over_http3() {
    let authority = Authority::new("Test");
    let (_caddy, at, _folder) = caddy(&authority.sign(&["shop.test"], Valid::Now));
    let url = |path: &str| format!("https://shop.test:{}{path}", at.port());
    let met = http(json!({ "get": url("/moved"), "version": "3" }))
        .expect(json!({ "version": "3", "status": 200, "body": { "contains": "the price is 9.99" }, "certificate": { "expires_after": "1d" } }))
        .run_in(trusting(authority.roots()))
        .await
        .good();
    assert_eq!(met.attribute("network.protocol.version"), Some("3"));
    assert_eq!(met.attribute("network.transport"), Some("quic"));
    let phases = met.phases();
    assert_eq!(phases[phases.len() - 6..], ["dns", "connect", "send", "wait", "receive", "assert"], "{phases:?}");
    let posted = json!({ "post": url("/echo"), "version": "3", "body": "a phone", "headers": { "x-a": "b" } });
    let expect = json!({ "body": "POST HTTP/3.0 b a phone" });
    http(posted).expect(expect).run_in(trusting(authority.roots())).await.good();
    // Over TCP it is the same site.
    http(json!({ "get": url("/"), "version": "2" })).run_in(trusting(authority.roots())).await.good();
}

#[tokio::test]
async fn http3_tells_bad_certificates_and_silence() {
    let authority = Authority::new("Test");
    let (_caddy, at, _folder) = caddy(&authority.sign(&["shop.test"], Valid::LastYear));
    let settings = json!({ "get": format!("https://shop.test:{}/", at.port()), "version": "3" });
    let met = http(settings.clone()).run_in(trusting(authority.roots())).await;
    assert!(met.last().certificate.is_some());
    met.failed(FaultCode::CertExpired, Phase::Tls);
    let (_other, at, _folder) = caddy(&authority.sign(&["shop.test"], Valid::Now));
    let settings = json!({ "get": format!("https://shop.test:{}/", at.port()), "version": "3" });
    http(settings).run().await.failed(FaultCode::CertUntrusted, Phase::Tls);
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("https://shop.test:{}/", silent.local_addr().unwrap().port());
    http(json!({ "get": url, "version": "3" })).within(700).run().await.failed(FaultCode::Timeout, Phase::Connect);
}

fn httpbin() -> (Running, SocketAddr) {
    let at = free_address();
    let mut command = Command::new(python_program("gunicorn"));
    command.args(["-b", &at.to_string(), "-w", "1", "--threads", "4", "httpbin:app"]);
    (Running::start(&mut command, at), at)
}

#[tokio::test]
async fn httpbin_takes_digests_forms_and_files() {
    let (_httpbin, at) = httpbin();
    for algorithm in ["MD5", "SHA-256"] {
        let url = format!("http://{at}/digest-auth/auth/anna/pass-w0rd/{algorithm}");
        let digest = |password: &str| json!({ "get": url, "digest": { "user": "anna", "password": password } });
        let expect = json!({ "json": { "$.authenticated": true, "$.user": "anna" } });
        let met = http(digest("pass-w0rd")).expect(expect).run().await.good();
        assert!(!format!("{:?}", met.0).contains("pass-w0rd/\""));
        http(digest("wrong")).run().await.failed(FaultCode::Status, Phase::Receive);
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("me.txt"), "a picture of me").unwrap();
    let form = json!({ "post": format!("http://{at}/post"), "multipart": {
        "fields": { "name": "Li \"Wei\"" },
        "files": { "photo": { "path": folder.path().join("me.txt"), "type": "text/plain" } },
    } });
    let expect = json!({ "json": {
        "$.form.name": "Li \"Wei\"", "$.files.photo": "a picture of me",
        "$.headers['Content-Type']": { "contains": "multipart/form-data; boundary=" },
    } });
    http(form).expect(expect).run().await.good();
    let capture = json!({ "json": "$.slideshow.title" });
    let met = http(get(format!("http://{at}/json"))).capture("title", capture).run().await.good();
    assert_eq!(met.captured("title"), Some("Sample Slide Show"));
}

/// A squid with a name of its own, under which it shares memory that outlives a killed one.
struct Squid {
    at: SocketAddr,
    name: String,
    _running: Running,
    _folder: tempfile::TempDir,
}

impl Squid {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = free_address();
        let here = folder.path().display();
        let config = format!(
            "http_port {at}\npid_filename none\naccess_log none\ncache_log /dev/null\ncache deny all\n\
             coredump_dir {here}\nacl here src 127.0.0.0/8\nhttp_access allow here\nhttp_access deny all\n\
             visible_hostname proxy.test\npinger_enable off\nshutdown_lifetime 1 second\nnetdb_filename none\n\
             logfile_rotate 0\nconnect_timeout 2 seconds\n"
        );
        let path = folder.path().join("squid.conf");
        std::fs::write(&path, config).unwrap();
        let name = format!("unbroken{}", at.port());
        let mut command = Command::new(program("squid"));
        let running = Running::start(command.args(["-N", "-n", &name, "-f"]).arg(&path), at);
        Self { at, name, _running: running, _folder: folder }
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        for part in ["metadata", "queues", "readers"] {
            _ = std::fs::remove_file(format!("/dev/shm/{}-cf__{part}.shm", self.name));
        }
    }
}

#[tokio::test]
async fn squid_carries_and_says_when_it_cannot() {
    let squid = Squid::start();
    let proxy = format!("http://{}", squid.at);
    let raw = Raw::serve([say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")]).await;
    let met = http(json!({ "get": raw.url("/"), "proxy": proxy })).expect(json!({ "body": "hi" })).run().await.good();
    assert_eq!(met.phases(), ["connect", "send", "wait", "receive", "assert"]);
    assert!(raw.heads()[0].to_lowercase().contains("via: "), "{:?}", raw.heads());
    let authority = Authority::new("Test");
    let (_caddy, secure, _folder) = caddy(&authority.sign(&["shop.test", "127.0.0.1"], Valid::Now));
    let tunnelled = json!({ "get": format!("https://{secure}/"), "proxy": proxy });
    let met = http(tunnelled).run_in(trusting(authority.roots())).await.good();
    assert!(met.phases().starts_with(&["connect", "proxy", "tls"]), "{:?}", met.phases());

    let gone = free_address();
    for scheme in ["http", "https"] {
        let settings = json!({ "get": format!("{scheme}://{gone}/"), "proxy": proxy });
        let fault = http(settings).run().await.failed(FaultCode::ProxyGateway, Phase::Proxy);
        assert!(fault.text.contains("503") || fault.text.contains("502"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_or_demands_is_named() {
    let hangs = Raw::serve([Act::Hang]).await;
    let settings = json!({ "get": "https://hidden.example/", "proxy": hangs.url("") });
    http(settings).within(400).run().await.failed(FaultCode::ProxyTimeout, Phase::Proxy);
    let demands = Raw::serve([say("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")]).await;
    let settings = json!({ "get": "http://hidden.example/", "proxy": demands.url("") });
    http(settings).run().await.failed(FaultCode::ProxyAuth, Phase::Proxy);
}

/// A token server and what its tokens open, in one.
async fn guarded(life: u64) -> Raw {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Raw::answer(move |head| {
        let answer = |status: &str, body: String| {
            vec![say(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))]
        };
        if head.starts_with("POST /token") {
            // shop-probe:s3cr%3At
            return if head.contains("authorization: Basic c2hvcC1wcm9iZTpzM2NyJTNBdA==") {
                let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let body =
                    json!({ "access_token": format!("t0ken-{number}"), "token_type": "Bearer", "expires_in": life });
                answer("200 OK", body.to_string())
            } else {
                answer("401 No", json!({ "error": "invalid_client" }).to_string())
            };
        }
        let number = count.load(std::sync::atomic::Ordering::Relaxed);
        let newest = head.contains(&format!("authorization: Bearer t0ken-{}", number.wrapping_sub(1)));
        if newest { answer("200 OK", "the bill".to_owned()) } else { answer("401 No", String::new()) }
    })
    .await
}

fn with_token(raw: &Raw, secret: &str) -> serde_json::Value {
    json!({ "get": raw.url("/bills"), "oauth2": {
        "token_url": raw.url("/token"), "client_id": "shop-probe", "client_secret": secret, "scope": "bills",
    } })
}

#[tokio::test]
async fn a_token_is_fetched_as_a_phase_and_kept_until_it_expires() {
    for (life, fetched) in [(3600, 1), (5, 3)] {
        let raw = guarded(life).await;
        let errand = http(with_token(&raw, "s3cr:t")).expect(json!({ "body": "the bill" })).errand();
        let prober = prober(network());
        for round in 0..3 {
            let met = run(&prober, &errand).await.good();
            let asked = round == 0 || life == 5;
            assert_eq!(met.phases().first() == Some(&"token"), asked, "{:?}", met.phases());
            assert!(!format!("{:?}", met.0).contains("t0ken-"), "{met:?}");
        }
        let tokens = raw.heads().iter().filter(|head| head.starts_with("POST /token")).count();
        assert_eq!(tokens, fetched, "life {life}");
    }
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_fetched_again() {
    let raw = guarded(3600).await;
    let errand = http(with_token(&raw, "s3cr:t")).errand();
    let prober = prober(network());
    run(&prober, &errand).await.good();
    // Somebody else's token makes ours the last but one.
    http(with_token(&raw, "s3cr:t")).run().await.good();
    run(&prober, &errand).await.good();
}

#[tokio::test]
async fn a_refused_client_is_told_without_its_secret() {
    let raw = guarded(3600).await;
    let met = http(with_token(&raw, "wr0ng-secret")).run().await;
    assert!(!format!("{:?}", met.0).contains("wr0ng-secret"), "{met:?}");
    let fault = met.failed(FaultCode::TokenRefused, Phase::Token);
    assert_eq!(fault.text, "asking for a token: 401 Unauthorized, invalid_client");
    let gone = json!({ "get": raw.url("/"), "oauth2": { "token_url": format!("http://{}/", free_address()), "client_id": "a", "client_secret": "b-secret" } });
    let fault = http(gone).run().await.failed(FaultCode::ConnectRefused, Phase::Token);
    assert!(fault.text.starts_with("asking for a token: "), "{fault:?}");
    for body in ["", "{}", "[1]", "{\"access_token\": \"a\\nb\"}", "{\"access_token\": \"x\", \"token_type\": \"mac\"}"]
    {
        let raw = Raw::serve([say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))]).await;
        http(with_token(&raw, "s3cr:t")).run().await.failed(FaultCode::TokenRefused, Phase::Token);
    }
}

#[tokio::test]
async fn errors_in_a_graphql_answer_are_a_failure_by_default() {
    let served = |body: &'static str| async move {
        Raw::serve([say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))]).await
    };
    let asked = |raw: &Raw| {
        json!({ "post": raw.url("/graphql"), "graphql": {
            "query": "query Plan($id: ID!) { plan(id: $id) { price { amount } } }", "variables": { "id": "flat-m" },
        } })
    };
    let raw = served(r#"{"data": {"plan": {"price": {"amount": "29.99"}}}}"#).await;
    let met = http(asked(&raw)).expect(json!({ "json": { "$.data.plan.price.amount": "29.99" } })).run().await.good();
    assert_eq!(met.attribute("http.request.method"), Some("POST"));
    assert!(raw.heads()[0].contains("content-type: application/json"), "{:?}", raw.heads());
    let bad =
        r#"{"data": {"plan": null}, "errors": [{"message": "no such plan", "path": ["plan", 0]}, {"message": "x"}]}"#;
    let raw = served(bad).await;
    // Looking at the data does not make the errors well.
    let met = http(asked(&raw)).expect(json!({ "json": { "$.data": { "exists": true } } })).run().await;
    let fault = met.failed(FaultCode::GraphqlErrors, Phase::Assert);
    assert_eq!(fault.text, "the question is answered with 2 errors: no such plan (at plan.0)");
    let wanted = json!({ "errors": { "contains": "x" } });
    http(asked(&raw)).expect(wanted).run().await.good();
    for body in ["{}", "[]", "<html>"] {
        http(asked(&served(body).await)).run().await.failed(FaultCode::GraphqlErrors, Phase::Assert);
    }
}
