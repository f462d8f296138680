//! A secret appears in no log, page, API answer, metric, trace, alert, store or command line.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::world::{Hook, Target, World, files_holding};

const BEARER: &str = "canary-bearer-7d1f0c9e5b3a48f2a6e4c8d0b1f39e77";
const BODY: &str = "canary-body-0a9b8c7d6e5f41324354657687980a1b";
const TOKEN: &str = "canary-captured-5566778899aabbccddeeff0011223344";
const HOOK: &str = "whsec_Y2FuYXJ5LWhvb2stc2VjcmV0LTEyMzQ1Njc4OTAxMjM0NTY=";
const OTLP: &str = "canary-otlp-header-998877665544332211ffeeddccbbaa00";
const ALL: [&str; 5] = [BEARER, BODY, TOKEN, "Y2FuYXJ5LWhvb2stc2VjcmV0", OTLP];

/// A rude server: it repeats every secret it hears in its error, its headers and its redirect.
async fn rude() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let login = async |headers: HeaderMap, body: String| {
        let heard = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
        assert!(heard.contains(BEARER) && body.contains(BODY), "the secrets must have been sent: {heard} {body}");
        (
            [("x-echo", heard.clone())],
            format!("{{\"token\":\"{TOKEN}\",\"heard\":\"{heard} {}\"}}", body.replace('"', "'")),
        )
    };
    let account = async |headers: HeaderMap| {
        let heard = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
        assert!(heard.contains(TOKEN), "the captured token must have been sent: {heard}");
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            [("location", format!("/x?token={TOKEN}"))],
            format!("no account for {heard}"),
        )
    };
    let router = Router::new().route("/login", post(login)).route("/account", get(account));
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

/// Keeps what a collector would get.
async fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let kept: Arc<Mutex<Vec<u8>>> = Arc::default();
    let seen = Arc::clone(&kept);
    let take = move |body: Bytes| {
        let seen = Arc::clone(&seen);
        async move { seen.lock().expect("not poisoned").extend_from_slice(&body) }
    };
    let router = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, kept)
}

fn account(base: &str) -> String {
    format!(
        r#"title: The account
channel: app
probes:
  read:
    every: 1s
    timeout: 900ms
    steps:
      - name: Sign in
        http: {{ post: "{base}/login", bearer: {{ env: BEARER }}, json: {{ password: {{ secret: body }} }} }}
        expect: {{ status: 200 }}
        capture: {{ token: {{ json: $.token }}, heard: {{ json: $.heard }} }}
      - name: Sign in wrongly
        http: {{ post: "{base}/login", bearer: {{ env: BEARER }}, json: {{ password: {{ secret: body }} }} }}
        expect: {{ body: {{ contains: nothing like it }}, headers: {{ x-echo: other }}, json: {{ $.heard: silence }} }}
        severity: minor
      - name: Open the account
        http: {{ get: "{base}/account?key={{{{token}}}}", bearer: "{{{{token}}}}" }}
        expect: {{ status: 200 }}
"#
    )
}

#[tokio::test]
async fn no_secret_comes_out_anywhere() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let (base, (collector, spans)) = (rude().await, collector().await);
    let mut world = World::new(&target, &hook);
    world.set("BEARER", BEARER);
    world.set("HOOK", HOOK);
    world.set("OTLP", OTLP);
    world.write("secret-body", &format!("{BODY}\n"));
    world.write(
        "config/unbroken.yaml",
        &format!(
            "company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\nsecrets: {{ body: {{ file: ../secret-body }} }}\n\
             telemetry: {{ otlp: {{ endpoint: \"{collector}\", protocol: http/protobuf, headers: {{ x-key: \"${{OTLP}}\" }} }} }}\n\
             alerts: {{ receivers: {{ hook: {{ webhook: {{ url: \"{}\", secret: {{ env: HOOK }} }} }} }} }}\n",
            hook.url()
        ),
    );
    world
        .write("config/journeys.yaml", "journeys:\n  buy:\n    stages:\n      buy: { touchpoints: [shop, account] }\n");
    world.write("probes/account.yaml", &account(&base));
    world.start().await;
    world.until("the hook heard of it", async |_: &World| !hook.taken("open").is_empty()).await;
    world.until("a trace was sent", async |_: &World| !spans.lock().expect("not poisoned").is_empty()).await;

    let mut outputs: Vec<(String, String)> = Vec::new();
    let incidents = world.json("/api/v1/incidents").await;
    let incident = incidents["items"][0]["id"].as_str().expect("an incident").to_owned();
    let routes = [
        "/",
        "/journeys/buy",
        "/touchpoints/account",
        "/api/v1/status",
        "/api/v1/journeys/buy",
        "/api/v1/touchpoints",
        "/api/v1/touchpoints/account",
        "/api/v1/probes/account/read/readings",
        "/api/v1/incidents",
        "/metrics",
        "/badge/buy.svg",
        "/api/v1/openapi.json",
    ];
    for route in routes
        .iter()
        .map(ToString::to_string)
        .chain([format!("/incidents/{incident}"), format!("/api/v1/incidents/{incident}")])
    {
        outputs.push((route.clone(), world.get(&route).await));
    }
    let readings = world.json("/api/v1/probes/account/read/readings").await.to_string();
    assert!(readings.contains("no account") || readings.contains("500"), "evidence is there, only masked: {readings}");
    for args in [
        &["check"][..],
        &["-vv", "probe", "account"],
        &["walk"],
        &["probe", "account", "--format", "json"],
        &["explain", "buy"],
        &["schema"],
    ] {
        let (_, out, error) = world.run(args);
        outputs.push((args.join(" "), out + &error));
    }
    outputs.push(("webhook".into(), format!("{:?}", hook.letters())));
    outputs.push(("traces".into(), String::from_utf8_lossy(&spans.lock().expect("not poisoned")).into_owned()));
    let of_process = |file: &str| std::fs::read(format!("/proc/{}/{file}", world.pid())).expect("it runs");
    outputs.push(("command line".into(), String::from_utf8_lossy(&of_process("cmdline")).into_owned()));
    world.stop().await;
    outputs.push(("log".into(), world.log()));

    for secret in ALL {
        for (name, output) in &outputs {
            if let Some(at) = output.find(secret) {
                let shown: String =
                    output[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect();
                panic!("{secret} came out in {name}, after: {shown}");
            }
        }
        let kept: Vec<_> =
            files_holding(world.folder.path(), secret).into_iter().filter(|f| !f.ends_with("secret-body")).collect();
        assert!(kept.is_empty(), "{secret} is kept in {kept:?}");
    }
}
