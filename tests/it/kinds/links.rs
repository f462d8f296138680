//! `links` against nginx, with a site of dead and living links.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use unbroken::model::{FaultCode, Phase, Reading, Verdict};
use unbroken::probe::Prober;

use super::fault_of;
use crate::parts::{Running, free_address, program};
use crate::support::raw::{Act, Raw, say};
use crate::walk::{errand, order, run, step, tools};

/// nginx with a site, and another site beside it; everything that is asked of either is written down.
struct Site {
    at: SocketAddr,
    other: SocketAddr,
    folder: tempfile::TempDir,
    _nginx: Running,
}

impl Site {
    fn start(pages: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (at, other) = (free_address(), free_address());
        for (path, text) in pages {
            let path = folder.path().join("site").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text.replace("OTHER", &other.to_string())).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("other")).unwrap();
        std::fs::write(folder.path().join("other/alive.html"), "<title>Alive</title>").unwrap();
        let config = folder.path().join("nginx.conf");
        std::fs::write(&config, config_of(folder.path(), at, other)).unwrap();
        let mut command = Command::new(program("nginx"));
        let nginx = Running::start(command.arg("-c").arg(&config).arg("-p").arg(folder.path()), at);
        Self { at, other, folder, _nginx: nginx }
    }

    fn links(&self, settings: Value) -> Value {
        let mut links = json!({ "open": format!("http://{}/", self.at), "rate": 100 });
        links.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        json!({ "links": links })
    }

    /// Method and path of what was asked.
    fn asked(&self, site: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join(format!("{site}.log"))).unwrap();
        log.lines().map(str::to_owned).collect()
    }
}

fn config_of(folder: &Path, at: SocketAddr, other: SocketAddr) -> String {
    let here = folder.display();
    let mut config = format!(
        "daemon off; pid {here}/pid; error_log {here}/error.log; master_process off; user root;\n\
         events {{ worker_connections 64; }}\nhttp {{ log_format asked '$request_method $request_uri';\n\
         types {{ text/html html; text/css css; }} default_type application/octet-stream;\n"
    );
    for part in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(config, "{part}_temp_path {here}/{part};").unwrap();
    }
    for (address, site) in [(at, "site"), (other, "other")] {
        writeln!(
            config,
            "server {{ listen {address}; root {here}/{site}; index index.html; access_log {here}/{site}.log asked;\n\
             location = /moved {{ return 301 /plans/; }} location = /gone {{ return 302 /404.html; }}\n\
             location = /fails {{ return 500; }} location = /login {{ return 401; }} location = /robotless {{ return 403; }}\n\
             location = /round {{ return 302 /round; }} location = /no-head {{ if ($request_method = HEAD) {{ return 405; }} return 200 x; }} }}"
        )
        .unwrap();
    }
    config + "}\n"
}

fn broken(reading: &Reading) -> Vec<String> {
    let value = reading.outcome.steps[0].captured.iter().find(|it| it.name == "broken").unwrap().value.clone().unwrap();
    serde_json::from_str(&value).unwrap()
}

/// Runs the step and gives what is broken, and how many were checked.
async fn crawled(mut written: Value) -> (Vec<String>, String) {
    written["expect"] = json!({ "broken": { "exists": true } });
    written["capture"] = json!({ "broken": { "field": "broken" }, "checked": { "field": "checked" } });
    let reading = run(json!([written])).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good, "{reading:?}");
    let checked = reading.outcome.steps[0].captured.iter().find(|it| it.name == "checked").unwrap();
    let mut broken = broken(&reading);
    broken.sort();
    (broken, checked.value.clone().unwrap())
}

#[tokio::test]
async fn every_dead_link_is_named_with_its_page() {
    let site = Site::start(&[
        (
            "index.html",
            r##"<title>Start</title><link rel=stylesheet href=/style.css><a href=/plans/>Plans</a><a href=/moved>m</a>
            <a href=/dead.html>d</a><a href=/gone>g</a><a href=/login>l</a><a href=/fails>f</a><a href=/round>r</a>
            <a href=/odd.html>o</a><a href=mailto:a@b.example>mail</a><a href="#top">top</a>
            <img src=/ok.png srcset="/ok.png 1x, /big.png 2x"><script src=/no-head></script>"##,
        ),
        ("plans/index.html", r#"<a href="../dead.html">again</a><a href=deep.html>deep</a><img src=missing.png>"#),
        ("plans/deep.html", "<a href=/deeper-dead.html>not read at depth 1</a>"),
        ("style.css", "body { background: url('bg.png') } @import \"/more.css\";"),
        ("404.html", "<title>Oh no</title>"),
        ("odd.html", "<title>Page not found</title>"),
        ("ok.png", "png"),
    ]);
    let at = format!("http://{}", site.at);
    let (broken, checked) = crawled(site.links(json!({}))).await;
    let told = |path: &str, why: &str, page: &str| format!("{at}{path} ({why}) on {at}{page}");
    let mut wanted = vec![
        told("/bg.png", "404", "/style.css"),
        told("/big.png", "404", "/"),
        told("/dead.html", "404", "/"),
        told("/fails", "500", "/"),
        told("/gone", &format!("soft 404: sent on to {at}/404.html, which says that there is no such page"), "/"),
        told("/more.css", "404", "/style.css"),
        told("/odd.html", "soft 404: answers 200, and says that there is no such page", "/"),
        told("/plans/missing.png", "404", "/plans/"),
        told("/round", &format!("too_many_redirects: more than 10 redirects, the last to {at}/round"), "/"),
    ];
    wanted.sort();
    assert_eq!(broken, wanted);
    assert_eq!(checked, "16");
    let asked = site.asked("site");
    assert!(asked.contains(&"HEAD /ok.png".to_owned()), "{asked:?}");
    assert!(!asked.iter().any(|line| line.contains("deeper")), "{asked:?}");

    let (deeper, _) = crawled(site.links(json!({ "depth": 2 }))).await;
    assert!(deeper.contains(&told("/deeper-dead.html", "404", "/plans/deep.html")), "{deeper:?}");
    let (shallow, _) = crawled(site.links(json!({ "depth": 0, "skip": ["gone", "/round$"] }))).await;
    assert_eq!(shallow.len(), 6, "{shallow:?}");
}

#[tokio::test]
async fn a_broken_link_is_a_fault_that_says_where() {
    let site = Site::start(&[("index.html", "<a href=/dead>x</a><a href=/alive.html>y</a>"), ("alive.html", "")]);
    let reading = run(json!([site.links(json!({}))])).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    let at = format!("http://{}", site.at);
    assert_eq!((fault.code, fault.phase), (FaultCode::LinkBroken, Some(Phase::Assert)));
    assert_eq!(fault.text, format!("1 of 2 links leads nowhere: {at}/dead (404) on {at}/"));
    let phases: Vec<Phase> = reading.outcome.steps[0].phases.iter().map(|time| time.phase).collect();
    assert_eq!(phases.last(), Some(&Phase::Assert));
    assert!(phases.contains(&Phase::Crawl) && phases.contains(&Phase::Wait), "{phases:?}");
}

#[tokio::test]
async fn robots_txt_is_obeyed() {
    let site = Site::start(&[
        ("index.html", "<a href=/private/dead>x</a><a href=/private/open>y</a><a href=/c.html>z</a>"),
        ("c.html", ""),
        ("robots.txt", "User-agent: *\nDisallow: /private\nAllow: /private/open\n"),
    ]);
    let (broken, checked) = crawled(site.links(json!({}))).await;
    let at = format!("http://{}", site.at);
    assert_eq!((broken, &*checked), (vec![format!("{at}/private/open (404) on {at}/")], "2"));
    assert!(!site.asked("site").iter().any(|line| line.contains("/private/dead")));
}

#[tokio::test]
async fn other_sites_are_asked_once_a_day() {
    let site = Site::start(&[(
        "index.html",
        "<a href=http://OTHER/alive.html>a</a><a href=http://OTHER/dead.html>d</a><a href=http://OTHER/robotless>r</a>",
    )]);
    let written = site.links(json!({}));
    let errand = errand(Duration::from_secs(20), vec![step(&written)]);
    let dead = format!("http://{}/dead.html (404) on http://{}/", site.other, site.at);
    for _ in 0..3 {
        let reading = Prober::new(tools()).run(&errand, order()).await;
        assert_eq!(fault_of(&reading), Some(FaultCode::LinkBroken));
        assert!(reading.outcome.verdict.fault().unwrap().text.ends_with(&dead), "{reading:?}");
    }
    let mut asked = site.asked("other");
    asked.sort();
    // HEAD first, and GET where that is not answered well.
    let wanted = ["GET /dead.html", "GET /robotless", "HEAD /alive.html", "HEAD /dead.html", "HEAD /robotless"];
    assert_eq!(asked, wanted);
    assert_eq!(site.asked("site").iter().filter(|line| *line == "GET /").count(), 3);
    let (none, checked) = crawled(site.links(json!({ "external": "never" }))).await;
    assert_eq!((none.len(), &*checked), (0, "0"));
}

#[tokio::test]
async fn a_crawl_stays_within_its_bounds() {
    let links: String = (0..50).map(|n| format!("<a href=/p{n}.html>{n}</a>")).collect();
    let site = Site::start(&[("index.html", &links)]);
    let bounded = |settings: Value, count: usize| {
        let mut written = site.links(settings);
        written["expect"] = json!({ "broken": { "length": count }, "checked": count });
        async move { assert_eq!(fault_of(&run(json!([written])).await), None) }
    };
    bounded(json!({ "at_most": 10 }), 10).await;
    // Twenty a second: nineteen waits of 50 ms.
    let begun = tokio::time::Instant::now();
    bounded(json!({ "at_most": 20, "rate": 20 }), 20).await;
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn hostile_sites_end_in_time_with_a_code() {
    // A page without end, whose links lead to hanging ones.
    let hostile = Raw::answer(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        match &*path {
            "/robots.txt" => vec![say("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n")],
            "/" => vec![
                say("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<a href=/hang>x</a><a href=/reset>y</a>"),
                Act::Flood(b"<p>and on and on and on ".repeat(500)),
            ],
            "/reset" => vec![Act::Reset],
            _ => vec![Act::Hang],
        }
    })
    .await;
    let written = json!({ "links": { "open": hostile.url("/"), "each": "500ms", "rate": 100 } });
    let reading = run(json!([written])).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::LinkBroken));
    let text = &reading.outcome.verdict.fault().unwrap().text;
    assert!(text.contains("/hang (no answer within 500ms)"), "{text}");
    assert!(text.contains("/reset (reset"), "{text}");

    // Its time is up: what is known is told, and with nothing to tell it is a timeout that names the crawl.
    let slow = json!({ "links": { "open": hostile.url("/"), "each": "30s", "rate": 100 } });
    let reading = Prober::new(tools()).run(&errand(Duration::from_secs(2), vec![step(&slow)]), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::LinkBroken));
    let none = json!({ "links": { "open": hostile.url("/"), "each": "30s", "skip": ["reset"] } });
    let reading = Prober::new(tools()).run(&errand(Duration::from_secs(1), vec![step(&none)]), order()).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!((fault.code, fault.phase), (FaultCode::Timeout, Some(Phase::Crawl)));

    let closed = Raw::answer(|head| {
        let status = if head.starts_with("GET /robots.txt") { "503 No" } else { "200 OK" };
        vec![say(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"))]
    })
    .await;
    let reading = run(json!([{ "links": { "open": closed.url("/") } }])).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!((fault.code, fault.phase), (FaultCode::Status, Some(Phase::Crawl)));
    assert!(fault.text.starts_with("robots.txt answers 503"), "{fault}");
}
