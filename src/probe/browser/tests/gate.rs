//! Where pages may lead to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::page::NavigateParams;
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{open, with};
use crate::clock::Clock;
use crate::model::{FaultCode, SelfFault};
use crate::probe::browser::pool::Settings;
use crate::probe::browser::tab::Tab;
use crate::probe::browser::visit::way::unreachable;
use crate::probe::connect::Network;
use crate::probe::connect::egress::Egress;
use crate::probe::connect::proxy::Proxy;
use crate::probe::{Stop, Tools};

/// A server that notes what is asked of it; what it answers is told by the path.
async fn server(answers: Vec<(&'static str, String)>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (answers, noted) = (answers.clone(), Arc::clone(&noted));
            tokio::spawn(async move {
                let mut buffer = vec![0; 8192];
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let answer = answers.iter().find(|(known, _)| *known == path).map(|(_, answer)| answer.clone());
                noted.lock().unwrap().push(path);
                let text = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\naccess-control-allow-origin: *\r\nconnection: close\r\n\r\n";
                let answer = answer.unwrap_or_else(|| "<title>inside</title>".to_owned());
                let answer = answer.replace("PORT", &port.to_string());
                let all = if answer.starts_with("HTTP/") { answer } else { format!("{text}{answer}") };
                let _ = stream.write_all(all.as_bytes()).await;
            });
        }
    });
    (port, asked)
}

/// A vantage behind a proxy, where every name is one server's: there names count as public.
async fn public(port: u16, settings: Settings) -> Tools {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut from, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(from.read_u8().await?);
                }
                let mut to = TcpStream::connect(("127.0.0.1", port)).await?;
                from.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    with(settings, Network::system(Clock::system()).by(Egress::Proxy(proxy)))
}

async fn until(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done() && Instant::now() < end {
        sleep(Duration::from_millis(20)).await;
    }
}

async fn go(tools: &Tools, url: &str) -> Tab {
    let url = Url::parse(url).unwrap();
    let tab = open(tools, &url).await.unwrap();
    // A page that is led astray has no answer.
    let _ = tokio::time::timeout(Duration::from_secs(3), tab.page.goto(url.as_str())).await;
    tab
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_page_leads_nowhere_inside() {
    let (inside, asked) = server(Vec::new()).await;
    let at = |path: &str| format!("http://127.0.0.1:{inside}{path}");
    let form = format!("<form id=f method=post action={}></form><script>f.submit()</script>", at("/form"));
    let pages = vec![
        ("/link", format!("<script>location = '{}'</script>", at("/link"))),
        ("/redirect", format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", at("/redirect"))),
        ("/frame", format!("<iframe src='{}'></iframe>", at("/frame"))),
        ("/fetch", format!("<script>fetch('{}', {{ mode: 'no-cors' }})</script>", at("/fetch"))),
        ("/form", form),
        (
            "/window",
            format!(
                "<a id=a target=_blank href='{}'>x</a><script>a.click(); window.open(a.href)</script>",
                at("/window")
            ),
        ),
        ("/socket", format!("<script>new WebSocket('ws://127.0.0.1:{inside}/socket')</script>")),
        ("/picture", format!("<img src='http://127.0.0.1:{inside}/picture'>")),
        (
            "/disguise",
            format!(
                "<img src='http://0x7f.1:{inside}/disguise'><img src='http://2130706433:{inside}/disguise'><img src='http://[::ffff:127.0.0.1]:{inside}/disguise'>"
            ),
        ),
        ("/prefetch", format!("<link rel=prefetch href='{0}'><link rel=preconnect href='{0}'>", at("/prefetch"))),
        ("/metadata", "<img src='http://169.254.169.254/latest/meta-data/'>".to_owned()),
    ];
    let paths: Vec<&str> = pages.iter().map(|(path, _)| *path).collect();
    let (port, _) = server(pages.clone()).await;
    let tools = public(port, Settings::default()).await;
    for path in paths {
        let tab = go(&tools, &format!("http://shop.example{path}")).await;
        if path == "/window" {
            // A browser opens windows for people only.
            press(&tab, "a", || !tab.refused().is_empty()).await;
        }
        until(|| !tab.refused().is_empty()).await;
        let refused = tab.refused();
        assert!(!refused.is_empty(), "{path}: nothing was refused, and nothing asked: {:?}", tab.passages());
        assert!(refused[0].1.contains("inside a private network"), "{refused:?}");
    }
    tools.browsers.close().await;
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
}

/// How pages lead to a target.
const LURES: [(&str, &str); 6] = [
    ("link", "<title>HERE</title><script>location = 'TARGET'</script>"),
    ("frame", "<title>HERE</title><iframe src='TARGET'></iframe>"),
    (
        "fetch",
        "<title>HERE</title><script>fetch('TARGET').then(r => r.text()).then(t => document.title = 'got ' + t)</script>",
    ),
    ("form", "<title>HERE</title><form id=f action='TARGET'></form><script>f.submit()</script>"),
    (
        "window",
        "<title>HERE</title><a id=a target=_blank href='TARGET'>x</a><script>a.click(); window.open('TARGET')</script>",
    ),
    ("redirect", "HTTP/1.1 302 Found\r\nlocation: TARGET\r\ncontent-length: 0\r\n\r\n"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_web_page_is_never_opened() {
    let mark = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(mark.path(), "<title>secret</title>").unwrap();
    let targets = [
        format!("file://{}", mark.path().display()),
        "file:///etc/passwd".to_owned(),
        "chrome://version".to_owned(),
        "chrome://settings".to_owned(),
        "devtools://devtools/bundled/inspector.html".to_owned(),
        "view-source:http://shop.example/".to_owned(),
        "ftp://shop.example/".to_owned(),
        "filesystem:http://shop.example/temporary/x".to_owned(),
    ];
    // A browser each: most of the time goes by waiting for pages that never come.
    join_all(LURES.map(|lure| nothing_comes_of(lure, &targets))).await;
}

/// A page that leads to a target so is not led there.
async fn nothing_comes_of((name, make): (&str, &str), targets: &[String]) {
    let pages = targets.iter().enumerate().map(|(n, target)| {
        let path: &'static str = Box::leak(format!("/{n}").into_boxed_str());
        (path, make.replace("TARGET", target))
    });
    let (port, _) = server(pages.collect()).await;
    let tools = public(port, Settings::default()).await;
    for (n, target) in targets.iter().enumerate() {
        let tab = go(&tools, &format!("http://shop.example/{n}")).await;
        if name == "window" {
            let open = format!("window.open('{target}')");
            let open = EvaluateParams::builder().expression(open).user_gesture(true).build().unwrap();
            tab.page.execute(open).await.unwrap();
        }
        sleep(Duration::from_millis(150)).await;
        let mut pages = vec![tab.page.clone()];
        pages.extend(tab.others().await);
        for page in pages {
            let frames = page.evaluate("[...document.querySelectorAll('iframe')].map(f => { try { return f.contentDocument.title + f.contentDocument.body.textContent } catch (e) { return '' } }).join()").await;
            let frames: String = frames.ok().and_then(|it| it.into_value().ok()).unwrap_or_default();
            let (url, title) = (
                page.url().await.ok().flatten().unwrap_or_default(),
                page.get_title().await.ok().flatten().unwrap_or_default(),
            );
            let is_web = ["http://", "https://", "about:", "chrome-error:", ""]
                .iter()
                .any(|scheme| if scheme.is_empty() { url.is_empty() } else { url.starts_with(scheme) });
            assert!(is_web, "{name} to {target}: {url}");
            assert!(
                !title.contains("secret") && !title.contains("root:") && !title.starts_with("got"),
                "{name} to {target}: {title}"
            );
            assert!(!frames.contains("secret") && !frames.contains("root:"), "{name} to {target}: {frames}");
        }
    }
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_ours_may_use_what_is_ours_until_a_stranger_looks_on() {
    let (other, asked) = server(Vec::new()).await;
    let ask = |path: &str| format!("<script>fetch('http://127.0.0.1:{other}{path}', {{ mode: 'no-cors' }})</script>");
    let (port, _) =
        server(vec![("/own", ask("/own")), ("/metadata", "<img src=http://169.254.169.254/>".to_owned())]).await;
    let tools = super::tools();
    // Two names of this machine: another host than the one that is written.
    let tab = go(&tools, &format!("http://localhost:{port}/own")).await;
    until(|| !asked.lock().unwrap().is_empty()).await;
    assert_eq!(*asked.lock().unwrap(), ["/own"], "{:?}", tab.passages());
    drop(tab);
    let tab = go(&tools, &format!("http://localhost:{port}/metadata")).await;
    until(|| !tab.refused().is_empty()).await;
    assert_eq!(tab.refused()[0].0, "169.254.169.254");
    drop(tab);
    tools.browsers.close().await;
}

/// As if a person had pressed it, again and again until it is `done`: a page that is only coming knows no link yet.
async fn press(tab: &Tab, id: &str, done: impl Fn() -> bool) {
    let script = format!("document.getElementById('{id}')?.click()");
    let click = EvaluateParams::builder().expression(script).user_gesture(true).build().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while !done() && Instant::now() < end {
        // One that is just leaving does not say that it was pressed.
        let _ = tab.page.execute(click.clone()).await;
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_private_host_leads_to_another() {
    let (wiki, asked) = server(Vec::new()).await;
    let link = format!("<a id=a href='http://127.0.0.1:{wiki}/wiki'>Wiki</a>");
    let (portal, _) = server(vec![("/portal", link)]).await;
    let tools = super::tools();
    let tab = go(&tools, &format!("http://localhost:{portal}/portal")).await;
    press(&tab, "a", || !asked.lock().unwrap().is_empty()).await;
    assert_eq!(asked.lock().unwrap().first().map(String::as_str), Some("/wiki"), "{:?}", tab.passages());
    drop(tab);
    tools.browsers.close().await;
}

/// Pages that have met somebody public; whether they get to another private host then.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_frame_of_a_stranger_is_led_nowhere_else_inside() {
    let wiki = "<a id=a href='http://127.0.0.2:4711/wiki'>Wiki</a>";
    let back = "<script>if (location.search != '?back') location = 'http://login.test/login'</script>";
    let (port, asked) = server(vec![
        ("/script", format!("<script src=http://cdn.test/script.js></script>{wiki}")),
        ("/script.js", "document.title = 'public'".to_owned()),
        ("/frame", format!("<iframe src=http://weather.test/weather></iframe>{wiki}")),
        ("/window", format!("<a id=b href=http://weather.test/weather target=_blank>x</a>{wiki}")),
        ("/weather", "<title>weather</title>".to_owned()),
        ("/login", "<script>location = `http://127.0.0.1:PORT/shop?back`</script>".to_owned()),
        ("/shop", format!("{back}{wiki}")),
        ("/shop?back", format!("{back}{wiki}")),
        ("/leads", "<a id=a href=http://away.test/away>x</a>".to_owned()),
        ("/away", "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:4711/wiki\r\ncontent-length: 0\r\n\r\n".to_owned()),
    ])
    .await;
    let tools = public(port, Settings::default()).await;
    for (page, met, leads) in [
        ("script", "/script.js", true),
        ("shop", "/shop?back", true),
        ("frame", "/weather", false),
        ("window", "/weather", false),
        ("leads", "/leads", false),
    ] {
        asked.lock().unwrap().clear();
        let tab = go(&tools, &format!("http://127.0.0.1:{port}/{page}")).await;
        let has = |path: &str| asked.lock().unwrap().iter().any(|asked| asked == path);
        if page == "window" {
            press(&tab, "b", || has(met)).await;
        }
        until(|| has(met)).await;
        let led = || has("/wiki");
        press(&tab, "a", || led() || !tab.refused().is_empty()).await;
        assert_eq!(led(), leads, "{page}: {:?}", tab.passages());
        drop(tab);
    }
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_datagram_leaves_beside_the_gate() {
    let ear = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = ear.local_addr().unwrap().port();
    let script = format!(
        "const c = new RTCPeerConnection({{ iceServers: [{{ urls: 'stun:127.0.0.1:{port}' }}] }}); \
         c.createDataChannel('x'); c.createOffer().then(o => c.setLocalDescription(o)); \
         c.onicegatheringstatechange = () => document.title = c.iceGatheringState; \
         try {{ new WebTransport('https://127.0.0.1:{port}/') }} catch (e) {{}}"
    );
    let (web, _) = server(vec![("/", format!("<title>x</title><script>{script}</script>"))]).await;
    let tools = super::tools();
    let tab = go(&tools, &format!("http://localhost:{web}/")).await;
    let mut heard = [0; 2048];
    let came = tokio::time::timeout(Duration::from_secs(3), ear.recv_from(&mut heard)).await;
    assert!(came.is_err(), "{came:?}");
    drop(tab);
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_leaves_behind_is_a_stranger() {
    let reach = |path: &str| format!("http://127.0.0.2:4711{path}");
    // A page of ours with a frame of somebody public, who goes on where no address tells who he is.
    let fetch = format!("<script>fetch(`{}`, {{ mode: `no-cors` }})<\\/script>", reach("/secret"));
    let (port, asked) = server(vec![
        ("/ours", "<iframe src=http://stranger.test/stranger></iframe>".to_owned()),
        ("/stranger", format!("<script>location.replace('data:text/html,{fetch}')</script>")),
        ("/neighbour", "<iframe src=http://stranger.test/port></iframe>".to_owned()),
        ("/port", format!("<img src={}>", reach("/secret"))),
    ])
    .await;
    let tools = public(port, Settings::default()).await;
    for page in ["ours", "neighbour"] {
        // The address that is written is inside, and the proxy leads both to one server.
        let tab = go(&tools, &format!("http://127.0.0.1:{port}/{page}")).await;
        until(|| !tab.refused().is_empty()).await;
        let refused: Vec<_> = tab.refused().into_iter().map(|(host, _)| host).collect();
        assert_eq!(refused, ["127.0.0.2"], "{page}: {:?}", tab.passages());
        drop(tab);
    }
    let asked = asked.lock().unwrap().clone();
    assert!(asked.contains(&"/port".to_owned()) && !asked.contains(&"/secret".to_owned()), "{asked:?}");
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vantage_whose_proxy_is_away_says_nothing_of_the_page() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = Proxy::parse(&format!("http://{free}")).unwrap();
    let tools = with(Settings::default(), Network::system(Clock::system()).by(Egress::Proxy(proxy)));
    let tab = go(&tools, "http://shop.test/").await;
    until(|| !tab.passages().is_empty()).await;
    match tab.passages().remove(&("shop.test".to_owned(), 80)).unwrap().ended {
        Err(Stop::Own(SelfFault::NetworkUnreachable, text)) => assert!(text.contains("the vantage's proxy"), "{text}"),
        ended => panic!("{ended:?}"),
    }
    drop(tab);
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_sent_inside_says_where_to() {
    let away = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:4711/\r\ncontent-length: 0\r\n\r\n";
    let (port, _) = server(vec![("/away", away.to_owned())]).await;
    let tools = public(port, Settings::default()).await;
    let url = Url::parse("http://shop.test/away").unwrap();
    let tab = open(&tools, &url).await.unwrap();
    let told = tab.page.execute(NavigateParams::new(url.as_str())).await.unwrap().result;
    match unreachable(&told.error_text.unwrap(), &url, &tab) {
        Stop::Fault(fault) => {
            assert_eq!(fault.code, FaultCode::RedirectRefused);
            assert_eq!(fault.text, "the page leads to `127.0.0.2`, which lies inside a private network");
        }
        stop @ Stop::Own(..) => panic!("{stop:?}"),
    }
    drop(tab);
    tools.browsers.close().await;
}
