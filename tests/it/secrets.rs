//! A secret appears in no log, page, API answer, metric, trace, log record, alert, store or command line.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use self::desk::Desk;
use self::mailbox::Mailbox;
use crate::parts::alertmanager;
use crate::telemetry::collector::{Collector, Reply, Taken};
use crate::world::{Hook, Target, World, client, files_holding};

mod desk;
mod mailbox;
mod typed;

const BEARER: &str = "canary-bearer-7d1f0c9e5b3a48f2a6e4c8d0b1f39e77";
const BODY: &str = "canary-body-0a9b8c7d6e5f41324354657687980a1b";
const TOKEN: &str = "canary-captured-5566778899aabbccddeeff0011223344";
const HOOK: &str = "whsec_Y2FuYXJ5LWhvb2stc2VjcmV0LTEyMzQ1Njc4OTAxMjM0NTY=";
const OTLP: &str = "canary-otlp-header-998877665544332211ffeeddccbbaa00";
const MAIL: &str = "canary-mail-password-1b2c3d4e5f60718293a4b5c6d7e8f901";
const ALL: [&str; 6] = [BEARER, BODY, TOKEN, "Y2FuYXJ5LWhvb2stc2VjcmV0", OTLP, MAIL];

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

/// Every receiver there is, each told of everything.
fn receivers(hook: &Hook, mailbox: &Mailbox, desk: &Desk, alertmanager: &str) -> String {
    format!(
        r#"alerts:
  receivers:
    hook: {{ webhook: {{ url: "{}", secret: {{ env: HOOK }} }} }}
    mail:
      email: {{ smtp: "{}", from: unbroken@example.com, to: [cx@example.com], user: unbroken, password: {{ env: MAIL }} }}
    manager: {{ alertmanager: {{ url: "{alertmanager}" }} }}
    program: {{ command: {{ run: [/bin/sh, -c, "cat >> told.json; env >> told.env"] }} }}
{}"#,
        hook.url(),
        mailbox.url(),
        desk.yaml(),
    )
}

/// What every command says of it, for people and for machines.
fn commands(world: &World) -> Vec<(String, String)> {
    let page = world.page();
    let told: [&[&str]; 14] = [
        &["check"],
        &["check", "--format", "json"],
        &["schema"],
        &["walk"],
        &["walk", "--format", "json"],
        &["walk", "--format", "junit"],
        &["-vv", "probe", "account"],
        &["probe", "account", "--format", "json"],
        &["explain", "buy", "--url", page],
        &["explain", "buy", "--url", page, "--format", "json"],
        &["status", "--url", page],
        &["status", "--url", page, "--format", "json"],
        &["run"],
        &["run", "--format", "json"],
    ];
    let run = |args: &&[&str]| {
        let (code, out, error) = world.run(args);
        // Of these only a second daemon fails by itself.
        assert!(if args.contains(&"run") { code == 3 } else { code < 2 }, "{args:?}: {code} {out}{error}");
        (args.join(" "), out + &error)
    };
    let tests: Vec<_> = Desk::names().map(|name| ["alert", "test", name]).collect();
    told.into_iter().chain(tests.iter().map(<[_; 3]>::as_slice)).map(|args| run(&args)).collect()
}

#[tokio::test]
async fn no_secret_comes_out_anywhere() {
    let (target, hook, mailbox) = (Target::start().await, Hook::start().await, Mailbox::start().await);
    let (base, collector, desk) = (rude().await, Collector::start().await, Desk::start().await);
    // As rude as the rest.
    collector.answers([Reply::Page(400, "text/plain", format!("{OTLP} is no key of ours"))]);
    let mut world = World::new(&target, &hook);
    let (_running, manager) = alertmanager(world.folder.path());
    let manager = format!("http://{manager}");
    for (name, value) in [("BEARER", BEARER), ("HOOK", HOOK), ("OTLP", OTLP), ("MAIL", MAIL)] {
        world.set(name, value);
    }
    desk.tell(&mut world);
    world.write("secret-body", &format!("{BODY}\n"));
    world.write(
        "config/unbroken.yaml",
        &format!(
            "company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\nsecrets: {{ body: {{ file: ../secret-body }} }}\n\
             telemetry: {{ otlp: {{ endpoint: \"http://{}\", protocol: http/protobuf, headers: {{ x-key: \"${{OTLP}}\" }} }} }}\n\
             {}",
            collector.address,
            receivers(&hook, &mailbox, &desk, &manager)
        ),
    );
    world
        .write("config/journeys.yaml", "journeys:\n  buy:\n    stages:\n      buy: { touchpoints: [shop, account] }\n");
    world.write("probes/account.yaml", &account(&base));
    world.start().await;
    world.until("the hook heard of it", async |_: &World| !hook.taken("open").is_empty()).await;
    let sent = |signal: &str| -> String {
        let of = |taken: &&Taken| taken.path == format!("/v1/{signal}");
        collector.taken().iter().filter(of).map(|taken| String::from_utf8_lossy(&taken.body).into_owned()).collect()
    };
    world.until("a trace was sent", async |_: &World| !sent("traces").is_empty()).await;
    world.until("a letter came", async |_: &World| mailbox.sessions().contains("The account is down")).await;
    world.until("the program was told", async |world: &World| world.path("told.json").exists()).await;
    world.until("every pager and chat was told", async |_: &World| desk.was_told_by_all()).await;
    let managed = async || {
        let answer = client().get(format!("{manager}/api/v2/alerts")).send().await.expect("an answer");
        answer.text().await.expect("a text")
    };
    world.until("Alertmanager knows", async |_: &World| managed().await.contains("The account is down")).await;
    let signed_in = mailbox.sign_ins();
    assert!(signed_in.iter().any(|given| given.contains(MAIL)), "the password was given: {signed_in:?}");

    let mut outputs: Vec<(String, String)> = Vec::new();
    let incidents = world.json("/api/v1/incidents").await;
    let incident = incidents["items"][0]["id"].as_str().expect("an incident").to_owned();
    let routes = [
        "/",
        "/journeys/buy",
        "/touchpoints/account",
        "/api/v1/status",
        "/api/v1/journeys/buy/history",
        "/api/v1/journeys/buy",
        "/api/v1/touchpoints",
        "/api/v1/touchpoints/account",
        "/api/v1/probes/account/read/readings",
        "/api/v1/incidents",
        "/api/v1/outbox",
        "/api/v1/annotations",
        "/api/v1/silences",
        "/api/v1/maintenance",
        "/wall",
        "/card/buy",
        "/feed.atom",
        "/metrics",
        "/badge/buy.svg",
        "/api/v1/openapi.json",
    ];
    for route in routes
        .iter()
        .map(ToString::to_string)
        .chain(["", ".md"].map(|kind| format!("/incidents/{incident}{kind}")))
        .chain([format!("/api/v1/incidents/{incident}")])
    {
        outputs.push((route.clone(), world.get(&route).await));
    }
    let readings = world.json("/api/v1/probes/account/read/readings").await.to_string();
    assert!(readings.contains("no account") || readings.contains("500"), "evidence is there, only masked: {readings}");
    outputs.extend(commands(&world));
    outputs.push(("e-mail".into(), mailbox.sessions()));
    outputs.push(("Alertmanager".into(), managed().await));
    outputs.push(("webhook".into(), format!("{:?}", hook.letters())));
    outputs.push(("pagers and chats".into(), desk.rest()));
    let of_process = |file: &str| std::fs::read(format!("/proc/{}/{file}", world.pid())).expect("it runs");
    outputs.push(("command line".into(), String::from_utf8_lossy(&of_process("cmdline")).into_owned()));
    world.stop().await;
    outputs.push(("log".into(), world.log()));
    let wanted = ["probe account/read", "unbroken_journey_score", "unbroken.incident.opened"];
    for (signal, wanted) in ["traces", "metrics", "logs"].into_iter().zip(wanted) {
        assert!(sent(signal).contains(wanted), "no {wanted} among the {signal}");
        outputs.push((signal.into(), sent(signal)));
    }

    assert!(world.log().contains("answered 503"), "what they answered is told, only masked");
    assert!(world.log().contains("*** is no key of ours"), "what the collector answered, too");
    for secret in ALL.into_iter().chain(Desk::canaries()) {
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
