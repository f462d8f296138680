//! Tabs, lent as runs are lent them.

mod closing;
mod gate;
mod lasting;
mod short;
mod used;

use std::sync::Arc;
use std::time::Duration;

use chromiumoxide::error::CdpError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::pool::{Browsers, Settings};
use super::tab::Tab;
use crate::clock::Clock;
use crate::model::{FaultCode, ProbeId, SelfFault, SpanId, TraceId};
use crate::probe::connect::Network;
use crate::probe::connect::address::{Region, Way};
use crate::probe::doubt::Waited;
use crate::probe::push::{Heard, Pushes};
use crate::probe::{Detail, Fields, Needs, Phases, Redactor, Run, Scope, Stop, Told, Tools};

struct Nobody;

#[async_trait::async_trait]
impl Pushes for Nobody {
    async fn last(&self, _: &ProbeId) -> Result<Option<Heard>, String> {
        Ok(None)
    }
}

pub(super) fn tools() -> Tools {
    with(Settings::default(), Network::system(Clock::system()))
}

pub(super) fn with(settings: Settings, network: Network) -> Tools {
    Tools {
        clock: Clock::system(),
        pushes: Arc::new(Nobody),
        random: Arc::new(rand::random),
        network: Arc::new(network),
        program: "unbroken".into(),
        browsers: Browsers::new(settings, Arc::new(rand::random)),
    }
}

pub(super) async fn page(html: impl Into<String>) -> Url {
    let html = html.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let html = html.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(format!("{head}{html}").as_bytes()).await;
            });
        }
    });
    Url::parse(&url).unwrap()
}

/// Opens a tab as a run of `url` would.
pub(super) async fn open(tools: &Tools, url: &Url) -> Result<Tab, Stop> {
    running(tools, async |run| run.tools.browsers.open(run, url).await).await
}

/// As within a run.
async fn running<T>(tools: &Tools, work: impl AsyncFnOnce(&mut Run<'_>) -> T) -> T {
    let (probe, scope) = (ProbeId::new("shop", "buy"), Scope::default());
    let (mut cookies, mut came_from, mut redactor, mut waited) = (None, None, Redactor::default(), Waited::default());
    let mut run = Run {
        tools,
        probe: &probe,
        scope: &scope,
        phases: Phases::new(Instant::now()),
        deadline: Instant::now() + Duration::from_mins(1),
        needs: Needs::Head,
        asked: Fields::default(),
        trace: TraceId(1),
        span: SpanId(1),
        told: Told::Yes,
        detail: Detail::Brief,
        cookies: &mut cookies,
        came_from: &mut came_from,
        way: Way::Written,
        peer: None,
        certificate: None,
        captured: Vec::new(),
        attributes: Vec::new(),
        witness: None,
        chronicle: None,
        since: Instant::now(),
        waited: &mut waited,
        redactor: &mut redactor,
    };
    work(&mut run).await
}

/// Why the run ends.
fn fault(stop: Stop) -> FaultCode {
    match stop {
        Stop::Fault(fault) => fault.code,
        Stop::Own(why, text) => panic!("{why}: {text}"),
    }
}

/// How long the news may take that a browser is gone which does not answer any more.
const NEWS: Duration = Duration::from_millis(500);

/// Why a question has no answer.
#[derive(Debug)]
enum Asked {
    /// The browser is gone, and the run with it.
    Gone(Stop),
    /// The browser says no.
    Refused(#[expect(dead_code, reason = "a test that fails shows it")] CdpError),
}

/// What is asked of the page, or what the run ends with because the browser is gone.
async fn ask<T>(tab: &Tab, asked: impl Future<Output = Result<T, CdpError>>) -> Result<T, Asked> {
    tokio::select! {
        biased;
        stop = tab.gone() => Err(Asked::Gone(stop)),
        answer = asked => match answer {
            Ok(answer) => Ok(answer),
            // Whoever dies does not answer, and the news of it may come later.
            Err(CdpError::ChannelSendError(_) | CdpError::NoResponse) => {
                Err(Asked::Gone(timeout(NEWS, tab.gone()).await.expect("it is gone")))
            }
            Err(error) => Err(Asked::Refused(error)),
        }
    }
}

#[tokio::test]
async fn one_browser_serves_run_after_run() {
    let tools = tools();
    let url = page("<title>Shop</title><script>document.cookie = 'seen=1'</script>").await;
    for _ in 0..5 {
        let tab = open(&tools, &url).await.unwrap();
        tab.page.goto(url.as_str()).await.unwrap();
        assert_eq!(tab.page.get_title().await.unwrap().as_deref(), Some("Shop"));
        assert!(tab.agent.contains(" Chrome/"), "{}", tab.agent);
        let reached: Vec<_> = tab.passages().into_values().map(|it| it.region).collect();
        assert_eq!(reached, [Some(Region::Inside)]);
        drop(tab);
    }
    tools.browsers.close().await;
    assert!(matches!(open(&tools, &url).await, Err(Stop::Own(SelfFault::Cancelled, _))));
}

#[tokio::test]
async fn a_page_that_takes_all_memory_is_ended_and_named() {
    let tools = tools();
    let hog =
        "const a = []; setInterval(() => { for (let i = 0; i < 20; i++) a.push(new Array(1 << 18).fill(i)) }, 10)";
    let url = page(format!("<script>{hog}</script>")).await;
    let tab = open(&tools, &url).await.unwrap();
    tab.page.goto(url.as_str()).await.unwrap();
    assert_eq!(fault(tab.gone().await), FaultCode::BrowserOom);
    match ask(&tab, tab.page.get_title()).await {
        Err(Asked::Gone(stop)) => assert_eq!(fault(stop), FaultCode::BrowserOom, "as often as one asks"),
        other => panic!("{other:?}"),
    }
    drop(tab);
    tools.browsers.close().await;
    assert_eq!(tools.browsers.health().borrow().0, 0, "no crash of ours");
}

#[tokio::test]
async fn a_script_without_an_end_keeps_nobody() {
    let tools = tools();
    let url = page("<title>x</title><script>setTimeout(() => { while (true) {} }, 100)</script>").await;
    let tab = open(&tools, &url).await.unwrap();
    tab.page.goto(url.as_str()).await.unwrap();
    let hanging = async { while ask(&tab, tab.page.get_title()).await.is_ok() {} };
    assert!(timeout(Duration::from_secs(3), hanging).await.is_err(), "the page answers no more");
    drop(tab);
    let tab = open(&tools, &url).await.unwrap();
    drop(tab);
    tools.browsers.close().await;
}

#[tokio::test]
async fn what_nobody_asked_for_is_answered_counted_and_gone() {
    let tools = tools();
    let script = "alert('hi'); confirm('sure'); prompt('who', 'me'); document.getElementById('d').click(); \
         for (let i = 0; i < 100; i++) window.open('/pop' + i); print(); document.title = 'done'";
    let link = "<a id=d href='data:application/octet-stream,hello' download=hello.bin>d</a>";
    let url = page(format!("{link}<script>setTimeout(() => {{ {script} }}, 100)</script>")).await;
    let tab = open(&tools, &url).await.unwrap();
    tab.page.goto(url.as_str()).await.unwrap();
    while ask(&tab, tab.page.get_title()).await.unwrap().as_deref() != Some("done") || tab.downloads().is_empty() {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(tab.dialogs(), ["alert: hi", "confirm: sure", "prompt: who"]);
    let downloads: Vec<_> = tab.downloads().into_iter().map(|it| it.name).collect();
    assert_eq!(downloads, ["hello.bin"]);
    assert!(tab.others().await.len() <= 8);
    drop(tab);
    tools.browsers.close().await;
}
