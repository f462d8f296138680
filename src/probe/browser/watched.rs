//! Real pages in a real browser, watched.

mod flood;

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::get;
use chromiumoxide::cdp::browser_protocol::page::NavigateParams;
use chromiumoxide::{Browser, BrowserConfig, Page};
use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::audit;
use super::evidence::exhibits;
use super::seen::{Crypt, End, Party, Resource, Seen};
use super::sight::Sight;
use super::vitals::{Gauge, Vitals};
use super::weigh::third_parties;
use super::world::World;
use crate::model::{Exhibit, Sort};
use crate::probe::Redactor;

const PATIENCE: Duration = Duration::from_mins(2);

/// A browser for which every host is this machine.
struct Stage {
    browser: Browser,
    page: Page,
    sight: Sight,
    gauge: Gauge,
    port: u16,
    _talk: JoinHandle<()>,
    _profile: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable("/usr/bin/chromium")
            .no_sandbox()
            .respect_https_errors()
            .viewport(None)
            .disable_https_first()
            .user_data_dir(profile.path())
            .request_timeout(Duration::from_mins(1))
            .args(["disable-gpu", "disable-quic", "disable-background-networking", "disable-component-update"])
            .arg("disable-site-isolation-trials")
            .arg(("host-resolver-rules", "MAP *.test 127.0.0.1, MAP gone.example ~NOTFOUND"))
            .build()
            .unwrap();
        let (browser, mut handler) = Browser::launch(config).await.unwrap();
        let talk = tokio::spawn(async move { while handler.next().await.is_some() {} });
        let page = browser.new_page("about:blank").await.unwrap();
        let sight = Sight::watch(&page).await.unwrap();
        let gauge = Gauge::install(&page, 7).await.unwrap();
        Self { browser, page, sight, gauge, port: serve().await, _talk: talk, _profile: profile }
    }

    async fn open(&self, path: &str) {
        let url = format!("http://shop.test:{}{path}", self.port);
        // Not by `goto`: it has a patience of its own, half a minute, and a flood may take longer.
        timeout(PATIENCE, async {
            self.page.execute(NavigateParams::new(url)).await.unwrap();
            let state = async || self.page.evaluate("document.readyState").await.ok()?.into_value::<String>().ok();
            while state().await.as_deref() != Some("complete") || self.sight.quiet_for() < Duration::from_millis(300) {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
    }

    async fn vitals(&self) -> Vitals {
        self.gauge.read().await
    }

    /// What is seen as soon as it is `enough`.
    async fn seen(&self, enough: impl Fn(&Seen) -> bool) -> Seen {
        let until = Instant::now() + PATIENCE;
        loop {
            let seen = self.sight.seen();
            if enough(&seen) || Instant::now() > until {
                return seen;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn here(&self, rest: &str) -> String {
        format!("http://shop.test:{}{rest}", self.port)
    }
}

/// Served with the port in place of PORT.
#[expect(clippy::too_many_lines, reason = "a list of pages")]
fn html(name: &str) -> Option<&'static str> {
    Some(match name {
        "faults" => {
            "<!doctype html><title>Shop</title><h1>Shop</h1><link rel=stylesheet href=/gone.css>\
             <img src=/gone.png width=10 height=10><img src=/text.png><img src=/logo.svg>\
             <img src=http://tracker.test:PORT/pixel.svg><script src=http://gone.example/x.js></script>\
             <img src=/far.png loading=lazy style='margin-top:20000px'>\
             <script src=/shop.js></script><script>console.error('cannot load', {cart: 1}, 'prices'); \
             for (let i = 0; i < 3; i++) console.warn('careful'); console.log('no error'); \
             fetch('/api').then(answer => { throw new RangeError('no total') }); \
             fetch('http://tracker.test:PORT/collect').catch(() => {});</script>"
        }
        "hostile" => {
            "<!doctype html><title>x</title><script>\
             for (const name of ['log', 'warn', 'error', 'assert']) console[name] = () => {};\
             for (const name of ['now', 'getEntriesByType', 'mark']) performance[name] = () => { throw 1 };\
             window.webVitals = { onLCP: f => f({ name: 'LCP', value: 1 }) };\
             window.PerformanceObserver = class { observe() { throw 1 } takeRecords() { throw 1 } };\
             JSON.stringify = () => '{}'; Array.prototype.filter = () => []; window.Promise = null;\
             Object.defineProperty(HTMLImageElement.prototype, 'naturalWidth', { get: () => 5 });\
             window.requestAnimationFrame = () => {}; window.requestIdleCallback = () => {};\
             </script><h1>Big</h1><img src=/text.png><script>null.f()</script>"
        }
        "flood" => {
            "<!doctype html><title>x</title><script>\
             for (let i = 0; i < 60; i++) console.error('error ' + i + 'x'.repeat(5000));\
             for (let i = 0; i < 60; i++) setTimeout(() => { throw new Error('thrown ' + i) });\
             for (let i = 0; i < 650; i++) new Image().src = '/pixel.svg?' + i;</script>"
        }
        "shifts" => {
            "<!doctype html><title>x</title><body style=margin:0><div id=late></div>\
             <h1 style='font-size:60px;height:400px'>A large heading</h1>\
             <button id=b style='width:300px;height:100px' onclick=\"const t = Date.now(); \
             while (Date.now() - t < 250); this.textContent = 'done'\">press</button>\
             <script>setTimeout(() => { document.getElementById('late').style.height = '300px' }, 600)</script>"
        }
        "still" => "<!doctype html><title>x</title><h1>Nothing moves</h1><a href='/popup' target=_blank>new</a>",
        "popup" => "<!doctype html><title>y</title><img src=/gone.png><script>null.popup()</script>",
        "framed" => "<!doctype html><title>x</title><iframe src=http://frame.other.test:PORT/inner></iframe>",
        "inner" => {
            "<!doctype html><title>y</title><img src=/text.png><img src=/gone.png><script>null.inside()</script>"
        }
        "echo" => {
            "<!doctype html><title>Hello canary-4711-secret</title><h1>Welcome <span>canary-4711-secret</span></h1>\
             <p>split: <b>canary-</b><i>4711</i><u>-secret</u></p><input value=canary-4711-secret>\
             <input type=password value=hunter><p style='text-transform:uppercase'>canary-4711-secret</p>\
             <img alt=canary-4711-secret src=/gone.png><style>em::after { content: attr(data-x) }</style>\
             <em data-x=canary-4711-secret></em><div id=shadow></div><iframe src='/inside?token=canary-4711-secret'></iframe>\
             <script>document.getElementById('shadow').attachShadow({ mode: 'open' }).innerHTML = '<p>canary-4711-secret</p>';\
             console.error('canary-4711-secret'); fetch('/api?session=canary-4711-secret&page=2'); fetch('/canary-4711-secret');\
             fetch('/api?sid=unheard-of-0815');\
             throw new Error('no canary-4711-secret')</script>"
        }
        "inside" => "<!doctype html><p>canary-4711-secret</p>",
        "closed" => {
            "<!doctype html><title>x</title><div id=shadow></div><script>\
             document.getElementById('shadow').attachShadow({ mode: 'closed' }).innerHTML = '<p>CANARY-4711-secret</p>'</script>"
        }
        "stubborn" => {
            "<!doctype html><title>x</title><p id=p></p><script>const put = () => { if (p.textContent !== 'canary-4711-secret') \
             p.textContent = 'canary-4711-secret' }; put(); new MutationObserver(put).observe(p, \
             { childList: true, characterData: true, subtree: true })</script>"
        }
        "dull" => {
            "<!doctype html><html><title>x</title><img src=/logo.svg>\
             <form><input type=text name=mail></form><p style='color:#ccc;background:#fff'>pale words</p>"
        }
        _ => return None,
    })
}

async fn answer(Path(name): Path<String>, port: u16) -> Response {
    if let Some(page) = html(&name) {
        return Html(page.replace("PORT", &port.to_string())).into_response();
    }
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><path d='M0 0h9v9z'/></svg>";
    match name.as_str() {
        "shop.js" => ([(header::CONTENT_TYPE, "text/javascript")], "\n\n  undefinedThing.start();\n").into_response(),
        "logo.svg" | "pixel.svg" => ([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response(),
        "text.png" => ([(header::CONTENT_TYPE, "image/png")], "no picture").into_response(),
        "api" => (StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response(),
        "collect" => {
            sleep(Duration::from_millis(150)).await;
            ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], "x".repeat(20_000)).into_response()
        }
        "old" => Redirect::temporary("/still").into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let pages = Router::new().route("/{name}", get(move |name| answer(name, port)));
    tokio::spawn(async move { axum::serve(listener, pages).await });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_in_words() {
    let stage = Stage::new().await;
    stage.open("/faults").await;
    let seen = stage.seen(|seen| seen.uncaught.len() >= 2).await;
    let here = |rest: &str| stage.here(rest);
    let errors = seen.errors();
    let expected = [
        format!("the script {} stops with: ReferenceError: undefinedThing is not defined, line 3", here("/shop.js")),
        format!("the script {} stops with: RangeError: no total (in a promise), line 1", here("/faults")),
        format!("the script {} says: cannot load Object prices, line 1", here("/faults")),
    ];
    assert_eq!(errors, expected);
    assert!(seen.console.iter().any(|said| said.text == "careful" && said.times == 3), "{:?}", seen.console);
    let mut failures = seen.failures();
    failures.sort();
    let expected = [
        format!("the call of {} answers 500", here("/api")),
        format!("the picture {} answers 404", here("/gone.png")),
        "the script http://gone.example/x.js has a name that cannot be looked up (NAME_NOT_RESOLVED)".to_owned(),
        format!("the style sheet {} answers 404", here("/gone.css")),
    ];
    assert_eq!(failures, expected);
    let broken = audit::pictures(&stage.page, stage.gauge.world(), &seen).await;
    let expected = [
        format!("the picture {} answers 404", here("/gone.png")),
        format!("the picture {} cannot be shown", here("/text.png")),
    ];
    assert_eq!(broken, expected);
    let third = third_parties(&seen);
    let hosts: Vec<_> = third.iter().map(|party| (party.host.as_str(), party.requests)).collect();
    assert_eq!(hosts, [("tracker.test", 2), ("gone.example", 1)]);
    assert!(third[0].bytes > 20_000 && third[0].took >= Duration::from_millis(150), "{third:?}");
    let page = seen.page().unwrap();
    assert_eq!((page.answer.as_ref().unwrap().status, page.party, page.crypt), (200, Party::First, Crypt::AsThePage));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_replaces_what_it_can_fools_nobody() {
    let stage = Stage::new().await;
    stage.open("/hostile").await;
    let seen = stage.seen(|seen| !seen.uncaught.is_empty()).await;
    assert_eq!(seen.errors().len(), 1, "{:?}", seen.errors());
    assert!(seen.errors()[0].contains("stops with: TypeError: Cannot read properties of null"), "{:?}", seen.errors());
    let broken = audit::pictures(&stage.page, stage.gauge.world(), &seen).await;
    assert_eq!(broken, [format!("the picture {} cannot be shown", stage.here("/text.png"))]);
    let vitals = stage.vitals().await;
    assert!(vitals.lcp.unwrap() > 1.0 && vitals.cls == Some(0.0), "{vitals:?}");
    let names: Vec<String> =
        stage.page.evaluate("Object.getOwnPropertyNames(window)").await.unwrap().into_value().unwrap();
    assert!(!names.iter().any(|name| name.contains("00000000")), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn vitals_are_those_of_a_customer() {
    let stage = Stage::new().await;
    stage.open("/shifts").await;
    sleep(Duration::from_millis(800)).await;
    let before = stage.vitals().await;
    assert!(before.cls.unwrap() > 0.15 && before.inp.is_none(), "{before:?}");
    assert!(before.ttfb.unwrap() <= before.fcp.unwrap() && before.fcp.unwrap() <= before.lcp.unwrap(), "{before:?}");
    stage.page.find_element("#b").await.unwrap().click().await.unwrap();
    let until = Instant::now() + PATIENCE;
    let inp = loop {
        match stage.vitals().await.inp {
            Some(inp) => break inp,
            None => assert!(Instant::now() < until, "no interaction was seen"),
        }
    };
    assert!((240.0..2000.0).contains(&inp), "{inp}");
    // Another page has vitals of its own; the worst stay.
    stage.open("/still").await;
    let after = stage.vitals().await;
    assert!(after.cls >= before.cls && after.inp >= Some(inp), "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_and_new_tabs_are_watched() {
    let mut stage = Stage::new().await;
    stage.open("/framed").await;
    let seen = stage.seen(|seen| !seen.uncaught.is_empty()).await;
    assert!(seen.errors()[0].contains("reading 'inside'"), "{:?}", seen.errors());
    let frame = seen.requests.iter().find(|request| request.resource == Resource::Frame).unwrap();
    assert_eq!(frame.party, Party::Third);
    let broken = audit::pictures(&stage.page, stage.gauge.world(), &seen).await;
    assert_eq!(broken.len(), 2, "{broken:?}");
    stage.open("/still").await;
    stage.page.find_element("a").await.unwrap().click().await.unwrap();
    let until = Instant::now() + PATIENCE;
    let other = loop {
        let pages = stage.browser.pages().await.unwrap();
        let mut others = Vec::new();
        for page in pages {
            if page.url().await.unwrap().is_some_and(|url| url.ends_with("/popup")) {
                others.push(page);
            }
        }
        match others.pop() {
            Some(page) => break page,
            None => assert!(Instant::now() < until, "no tab opened"),
        }
    };
    sleep(Duration::from_millis(500)).await;
    stage.sight.also(&other).await.unwrap();
    stage.sight.also(&other).await.unwrap();
    let seen = stage.seen(|seen| seen.errors().len() >= 3).await;
    let errors = seen.errors().join("\n");
    assert!(errors.contains("reading 'popup'") && errors.contains("/gone.png: Failed to load"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_requests_of_their_own() {
    let stage = Stage::new().await;
    stage.open("/old").await;
    let seen = stage.seen(|seen| seen.requests.len() >= 2).await;
    let told: Vec<_> =
        seen.requests.iter().take(2).map(|it| (it.url.as_str(), it.answer.as_ref().map(|it| it.status))).collect();
    assert_eq!(told, [(stage.here("/old").as_str(), Some(307)), (stage.here("/still").as_str(), Some(200))]);
    assert!(matches!(seen.requests[0].end, Some(End::SentOn(_))), "{:?}", seen.requests[0]);
    let begun = seen.clock.offset(seen.requests[0].begun);
    assert!(begun < PATIENCE, "{begun:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_people_out_is_named() {
    let stage = Stage::new().await;
    stage.open("/dull").await;
    let found = audit::accessibility(&stage.page, stage.gauge.world()).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|violation| violation.id.as_str()).collect();
    for id in ["color-contrast", "html-has-lang", "image-alt", "label"] {
        assert!(ids.contains(&id), "{id} in {found:?}");
    }
    let words = found.iter().find(|it| it.id == "image-alt").unwrap().to_string();
    assert_eq!(words, "critical: Images must have alternative text (image-alt, 1 element, the first `img`)");
}

async fn shown(stage: &Stage) -> Vec<Exhibit> {
    let mut redactor = Redactor::default();
    redactor.hide("canary-4711-secret");
    let world = World::new(9);
    exhibits(&stage.page, &world, &stage.sight.seen(), &redactor, Timestamp::UNIX_EPOCH).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_failed_run_shows_tells_a_secret() {
    let stage = Stage::new().await;
    stage.open("/echo").await;
    stage.seen(|seen| !seen.uncaught.is_empty()).await;
    let exhibits = shown(&stage).await;
    let sorts: Vec<Sort> = exhibits.iter().map(|exhibit| exhibit.sort).collect();
    assert_eq!(sorts, Sort::ALL);
    let text = |sort| {
        let found = exhibits.iter().find(|exhibit| exhibit.sort == sort).unwrap();
        String::from_utf8_lossy(&found.bytes).into_owned()
    };
    for exhibit in &exhibits {
        let text = String::from_utf8_lossy(&exhibit.bytes).to_lowercase();
        for secret in ["canary-4711", "4711-secret", "unheard-of"] {
            assert!(!text.contains(secret), "{secret} in {:?}: {text}", exhibit.sort);
        }
    }
    assert!(text(Sort::Outline).contains("heading “Welcome •••"), "{}", text(Sort::Outline));
    assert!(text(Sort::Console).contains("stops with: Error: no •••"), "{}", text(Sort::Console));
    let har: serde_json::Value = serde_json::from_str(&text(Sort::Requests)).unwrap();
    let urls: Vec<&str> =
        har["log"]["entries"].as_array().unwrap().iter().map(|it| it["request"]["url"].as_str().unwrap()).collect();
    assert!(
        urls.contains(&&*stage.here("/api?session=•••&page=2")) && urls.contains(&&*stage.here("/•••")),
        "{urls:?}"
    );
    assert!(exhibits[0].bytes.starts_with(b"RIFF"), "a picture");
    let left: String = stage
        .page
        .evaluate("document.body.innerText + document.querySelector('input').value")
        .await
        .unwrap()
        .into_value()
        .unwrap();
    assert!(left.contains("Welcome •••") && !left.to_lowercase().contains("canary") && left.ends_with("•••"), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_would_show_a_secret_is_not_taken() {
    let stage = Stage::new().await;
    for page in ["/closed", "/stubborn"] {
        stage.open(page).await;
        let sorts: Vec<Sort> = shown(&stage).await.iter().map(|exhibit| exhibit.sort).collect();
        assert!(!sorts.contains(&Sort::Picture) && sorts.contains(&Sort::Outline), "{page}: {sorts:?}");
    }
    stage.open("/still").await;
    assert!(shown(&stage).await.iter().any(|exhibit| exhibit.sort == Sort::Picture));
}
