//! What pages do beyond measure, and what goes away under one's hands.

use std::net::SocketAddr;
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::browser::DownloadProgressState;
use chromiumoxide::cdp::browser_protocol::target::GetTargetsParams;
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use url::Url;

use super::{ask, open, page, tools};
use crate::probe::Scope;
use crate::probe::browser::Settings;
use crate::probe::browser::lack::vanished;
use crate::probe::browser::tab::Tab;
use crate::probe::browser::window::{FIND, Landed, State, Window};

const PATIENCE: Duration = Duration::from_mins(1);

/// As if a person had done it.
async fn act(tab: &Tab, script: &str) {
    let asked = EvaluateParams::builder().expression(script).user_gesture(true).build().unwrap();
    tab.page.execute(asked).await.unwrap();
}

/// The tab as a customer without a name looks at it.
fn window(tab: &Tab) -> Window {
    let settings: Settings = serde_json::from_value(json!({ "open": "http://shop.example/" })).unwrap();
    Window::new(tab.page.clone(), settings.guise(&Scope::default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_tabs_is_kept_small() {
    let tools = tools();
    let url = page("<title>Shop</title>").await;
    let tab = open(&tools, &url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    act(&tab, "window.storm = []").await;
    for number in 0..20 {
        act(&tab, &format!("storm.push(open('/storm{number}'))")).await;
    }
    // Those that the browser itself would not open are none.
    let left = async || {
        let asked =
            tab.page.evaluate("[storm.filter(tab => tab).length, storm.filter(tab => tab && !tab.closed).length]");
        asked.await.unwrap().into_value::<(usize, usize)>().unwrap()
    };
    let until = Instant::now() + PATIENCE;
    while left().await != (20, 8) {
        assert!(Instant::now() < until, "{:?}", left().await);
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(tab.others().await.len(), 8);
    drop(tab);
    tools.browsers.close().await;
}

/// The page itself does not know of those that it opened so.
#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_name_no_opener_are_counted_too() {
    let tools = tools();
    let url = page("<title>Shop</title>").await;
    let tab = open(&tools, &url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    for number in 0..12 {
        act(&tab, &format!("open('/storm{number}', '_blank', 'noopener')")).await;
    }
    act(&tab, "window.last = open('/last')").await;
    let is_closed = async || tab.page.evaluate("last.closed").await.unwrap().into_value::<bool>().unwrap();
    let count = async || {
        let all = tab.page.execute(GetTargetsParams::default()).await.unwrap().result.target_infos;
        let context = all.iter().find(|it| it.target_id == *tab.page.target_id()).unwrap().browser_context_id.clone();
        all.iter().filter(|it| it.r#type == "page" && it.browser_context_id == context).count()
    };
    let until = Instant::now() + PATIENCE;
    while !is_closed().await || count().await != 9 {
        assert!(Instant::now() < until, "closed: {}, tabs: {}", is_closed().await, count().await);
        sleep(Duration::from_millis(20)).await;
    }
    drop(tab);
    tools.browsers.close().await;
}

/// A page with a file that never ends, and how many bytes of it were taken when they were taken no more.
async fn endless() -> (SocketAddr, watch::Receiver<Option<u64>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ended, taken) = watch::channel(None);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let ended = ended.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let read = stream.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                if !head.starts_with("GET /endless") {
                    let page =
                        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<title>x</title>";
                    let _ = stream.write_all(page.as_bytes()).await;
                    return;
                }
                let file = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(file.as_bytes()).await;
                let (chunk, mut written) = (vec![0; 1 << 20], 0);
                while written < 1 << 30 && stream.write_all(&chunk).await.is_ok() {
                    written += chunk.len() as u64;
                }
                ended.send_replace(Some(written));
            });
        }
    });
    (address, taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_an_end_is_broken_off_and_not_kept() {
    let tools = tools();
    let (address, mut taken) = endless().await;
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let tab = open(&tools, &url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    act(&tab, "location = '/endless.bin'").await;
    let taken = *tokio::time::timeout(PATIENCE, taken.wait_for(Option::is_some)).await.unwrap().unwrap();
    // A browser says twice a second how much it has: of a line as fast as this one that is more than it may have.
    assert!(taken.unwrap() < 512 << 20, "{taken:?} bytes");
    let until = Instant::now() + PATIENCE;
    while tab.downloads().first().is_none_or(|file| file.state != DownloadProgressState::Canceled) {
        assert!(Instant::now() < until, "{:?}", tab.downloads());
        sleep(Duration::from_millis(20)).await;
    }
    let files = tab.downloads();
    assert_eq!((files.len(), &*files[0].name), (1, "endless.bin"));
    drop(tab);
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pressed_in_a_frame_that_is_gone_is_the_pages_fault() {
    let tools = tools();
    let url = page("<title>x</title><iframe srcdoc='<button>Pay</button>'></iframe>").await;
    let tab = open(&tools, &url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    let window = window(&tab);
    let query = json!({ "named": "Pay", "field": false });
    let until = Instant::now() + PATIENCE;
    let spot = loop {
        match window.ask(&query, "click", "").await.unwrap() {
            Some(spot) if spot.answer.state == State::Ready => break spot,
            other => assert!(Instant::now() < until, "{other:?}"),
        }
    };
    assert_eq!(window.click(&spot).await.unwrap(), Landed::There);
    act(&tab, "document.querySelector('iframe').remove()").await;
    assert_eq!(window.click(&spot).await.unwrap(), Landed::Nowhere);
    let fault = vanished(&spot);
    assert!(fault.text.starts_with("button “Pay” is taken away"), "{fault}");
    drop(tab);
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_html_alone_says_of_an_element_chromium_says_too() {
    let tools = tools();
    let named = include_str!("named.html");
    let modal = "<dialog id=d><button>In</button></dialog><script>d.showModal()</script>";
    for (page_text, own) in [(named.to_owned(), 20..40), (format!("{named}{modal}"), 0..1)] {
        let url = page(page_text).await;
        let tab = open(&tools, &url).await.unwrap();
        ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
        let script = format!(
            "async () => {{ let said; await ({FIND})({{ css: '*' }}, 'name', (found, {{ html, squeeze }}) => {{ said = found \
             .map(el => [html(el), el]).filter(([own]) => own).map(([own, el]) => [el.outerHTML, \
             `${{own.role}} ${{own.name}}`, `${{el.computedRole}} ${{squeeze(el.computedName)}}`]); }}); return said; }}"
        );
        let said: Vec<[String; 3]> = window(&tab).main(&script, Vec::new()).await.unwrap().unwrap();
        assert!(own.contains(&said.len()), "{said:#?}");
        for [element, own, chromium] in said {
            assert_eq!(own, chromium, "{element}");
        }
    }
    tools.browsers.close().await;
}

/// A form that makes a second value of the first once typing has come to rest, and sends it from a menu.
const SYNCED: &str = "<label>Title <input id=title></label><input id=slug type=hidden><button id=more>More</button>\
    <button id=go hidden>Publish</button><script>\
    let due;\
    title.onkeyup = title.onchange = () => { clearTimeout(due); due = setTimeout(() => { slug.value = title.value }, 100) };\
    more.onclick = () => { go.hidden = false };\
    go.onclick = () => { document.title = slug.value || 'nothing' };\
    </script>";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_presses_the_next_thing_before_he_can_have_seen_it() {
    let tools = tools();
    let url = page(SYNCED).await;
    let tab = open(&tools, &url).await.unwrap();
    tab.page.execute(Window::preparation()).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    let window = window(&tab);
    let ready = async |name: &str, doing: &str| {
        let query = json!({ "named": name, "field": doing == "fill" });
        let spot = window.wait(&query, doing, "", PATIENCE).await.unwrap().unwrap();
        assert_eq!(spot.answer.state, State::Ready, "{name}");
        spot
    };
    ready("Title", "fill").await;
    window.type_text("Spring sale").await.unwrap();
    for button in ["More", "Publish"] {
        assert_eq!(window.click(&ready(button, "click").await).await.unwrap(), Landed::There);
    }
    let sent = tab.page.evaluate("document.title").await.unwrap().into_value::<String>().unwrap();
    assert_eq!(sent, "Spring sale");
    drop(tab);
    tools.browsers.close().await;
}
