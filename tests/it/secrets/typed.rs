//! What is typed into a page comes out in nothing that the page makes of it: not in what a failed run shows, nor
//! anywhere else.

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse as _};
use tokio::net::TcpListener;

use crate::telemetry::collector::Collector;
use crate::world::{Hook, Target, World, files_holding};

const PASSWORD: &str = "canary-typed-5d41402abc4b2a76b9719d911017c592";
const CARD: &str = "canary-card-7c211433f02071597741e6ff5a8ea34d";
/// Base32; the codes that it makes are found out from what the page was given.
const CODES: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// Does with what it is given all that a careless page does.
const RUDE: &str = "<!doctype html><title>Sign in</title><link rel=icon href='data:,'><h1>Sign in</h1>\
    <label>Password <input type=password id=p></label><label>Card <input id=c></label><label>Code <input id=t></label>\
    <button onclick=go()>Go</button><h2 id=h></h2><p id=s></p><p id=u style='text-transform:uppercase'></p><img id=i width=80 height=20>\
    <iframe id=f></iframe><div id=d></div><style>#v::after { content: attr(data-v) }</style><p id=v></p><script>\
    const go = () => { const all = [p.value, c.value, 'code ' + t.value].join(' '); document.title = 'Hello ' + all;\
      h.textContent = all; u.textContent = all; i.alt = all; v.dataset.v = all; f.srcdoc = '<p>' + all + '</p>';\
      s.innerHTML = [...c.value].map((l, n) => n % 9 ? l : '<b>' + l + '</b>').join('');\
      d.attachShadow({ mode: 'open' }).innerHTML = '<p>' + all + '</p><input value=\"' + all + '\">';\
      history.pushState(0, '', '/in/' + encodeURIComponent(all) + '?key=' + btoa(p.value));\
      document.cookie = 'seen=' + p.value; localStorage.seen = all; console.error(all, { all }); console.warn(all);\
      fetch('/api?password=' + encodeURIComponent(p.value) + '&card=' + c.value, { headers: { 'x-card': c.value } });\
      fetch('/code/' + t.value); fetch('/heard', { method: 'POST', body: all });\
      new Image().src = '/pixel/' + c.value; performance.mark(all); alert(all);\
      setTimeout(() => { throw new Error('no account for ' + all) }); Promise.reject(new Error(all)); };</script>";

/// Its address; it repeats what it is asked for.
async fn page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let answer = |uri: Uri| async move {
        if uri.path() == "/" {
            Html(RUDE).into_response()
        } else {
            (StatusCode::NOT_FOUND, uri.to_string()).into_response()
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

fn probe(page: &str) -> String {
    format!(
        r#"title: The account
channel: web
probes:
  page:
    every: 15s
    timeout: 15s
    recheck: 1s
    steps:
      - browser:
          open: "{page}"
          do:
            - {{ fill: Password, with: {{ env: PASSWORD }} }}
            - {{ fill: Card, with: {{ env: CARD }} }}
            - {{ fill: Code, totp: {{ env: CODES }} }}
            - {{ click: Go, then: {{ text: Your account }}, within: 1s }}
"#
    )
}

/// What a failed run shows: its files, by what they end with.
fn shown(world: &World, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (code, said, errors) = world.run(&["probe", "account/page", "--pictures", folder.to_str().expect("utf-8")]);
    assert!(code == 1 && said.contains("“Go” was pressed, but not within 1 s"), "{said}{errors}");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().rsplit('-').next().unwrap().to_owned();
    files.map(|file| (name(&file.path()), std::fs::read(file.path()).expect("a file"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_into_a_page_comes_out_nowhere() {
    let (target, hook, collector) = (Target::start().await, Hook::start().await, Collector::start().await);
    let mut world = World::new(&target, &hook);
    for (name, value) in [("PASSWORD", PASSWORD), ("CARD", CARD), ("CODES", CODES)] {
        world.set(name, value);
    }
    let yaml = std::fs::read_to_string(world.path("config/unbroken.yaml")).expect("it is there");
    let otlp =
        format!("telemetry: {{ otlp: {{ endpoint: \"http://{}\", protocol: http/protobuf }} }}", collector.address);
    world.write("config/unbroken.yaml", &format!("{yaml}{otlp}\n"));
    world
        .write("config/journeys.yaml", "journeys:\n  buy:\n    stages:\n      buy: { touchpoints: [shop, account] }\n");
    world.write("probes/account.yaml", &probe(&page().await));
    world.start().await;
    world.until("the hook heard of it", async |_: &World| !hook.taken("open").is_empty()).await;
    let sent = |signal: &str| -> String {
        let taken = collector.taken().into_iter().filter(|taken| taken.path == format!("/v1/{signal}"));
        taken.map(|taken| String::from_utf8_lossy(&taken.body).into_owned()).collect()
    };
    world.until("its trace was sent", async |_: &World| sent("traces").contains("probe account/page")).await;
    let proofs = async |world: &World| -> Vec<String> {
        let page = world.get("/touchpoints/account").await;
        page.split('"').filter(|part| part.starts_with("/proofs/")).map(str::to_owned).collect()
    };
    world.until("it is shown", async |world: &World| !proofs(world).await.is_empty()).await;

    let incidents = world.json("/api/v1/incidents").await;
    let incident = incidents["items"][0]["id"].as_str().expect("an incident").to_owned();
    let mut outputs: Vec<(String, String)> = Vec::new();
    let mut routes: Vec<String> = [
        "/",
        "/touchpoints/account",
        "/api/v1/probes/account/page/readings",
        "/api/v1/touchpoints/account",
        "/metrics",
    ]
    .map(str::to_owned)
    .into();
    routes.extend(["", ".md"].map(|kind| format!("/incidents/{incident}{kind}")));
    for route in routes.into_iter().chain(proofs(&world).await.into_iter().filter(|path| !path.contains("/page.webp")))
    {
        outputs.push((route.clone(), world.get(&route).await));
    }
    let readings = &outputs[2].1;
    assert!(readings.contains("was pressed, but not within"), "the fault is there, only masked: {readings}");
    let show = world.path("shown");
    let first = shown(&world, &show.join("first"));
    assert_eq!(first.keys().collect::<Vec<_>>(), ["console.txt", "page.txt", "page.webp", "requests.har"]);
    outputs.extend(first.iter().map(|(name, bytes)| (name.clone(), String::from_utf8_lossy(bytes).into_owned())));
    let text = |name: &str| String::from_utf8_lossy(&first[name]).into_owned();
    assert!(text("console.txt").contains("no account for •••"), "it is told, only masked: {}", text("console.txt"));
    assert!(text("requests.har").contains("password=•••"), "{}", text("requests.har"));
    assert!(text("page.txt").contains("•••"), "{}", text("page.txt"));
    let (_, said, errors) = world.run(&["-vv", "probe", "account", "--format", "json"]);
    outputs.push(("probe".into(), said + &errors));
    outputs.push(("webhook".into(), format!("{:?}", hook.letters())));
    world.stop().await;
    outputs.push(("log".into(), world.log()));
    outputs.extend(["traces", "metrics", "logs"].map(|signal| (signal.to_owned(), sent(signal))));
    for (name, output) in &outputs {
        for secret in [PASSWORD, CARD, CODES, "Y2FuYXJ5LXR5cGVk"] {
            let at = output.to_lowercase().find(&secret.to_lowercase());
            assert!(at.is_none(), "{secret} came out in {name}: {output}");
        }
        // A one-time code is six digits that follow its word.
        let code = output.split("code ").skip(1).find(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let is_code = |rest: &str| rest.chars().take(6).filter(char::is_ascii_digit).count() == 6;
        assert!(!code.is_some_and(is_code), "a code came out in {name}: {output}");
    }
    for secret in [PASSWORD, CARD, CODES] {
        let kept = files_holding(world.folder.path(), secret);
        assert!(kept.is_empty(), "{secret} is kept in {kept:?}");
    }

    // A picture cannot be searched; but whoever types something else gets the same one.
    world.set("PASSWORD", "another-word-of-another-length");
    world.set("CARD", "4111-1111-1111-1111-which-is-long-and-longer-than-the-line-is");
    world.set("CODES", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let second = shown(&world, &show.join("second"));
    assert!(
        first["page.webp"].starts_with(b"RIFF") && first["page.webp"] == second["page.webp"],
        "the pictures differ"
    );
}
