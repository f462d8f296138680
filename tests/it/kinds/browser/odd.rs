//! Pages that ask, never rest, mix what is encrypted with what is not, and lead where nobody may go.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use unbroken::clock::Clock;
use unbroken::model::{FaultCode, Reading, VantageId};
use unbroken::probe::connect::Network;
use unbroken::probe::connect::egress::Egress;
use unbroken::probe::connect::proxy::Proxy as Way;
use unbroken::probe::{Prober, Tools};

use super::{TIMEOUT, fault, site, visit, well};
use crate::support::certificates::{Authority, Valid};
use crate::support::probe::network;
use crate::support::proxy::Proxy;
use crate::walk::{errand, order, step, tools};

/// One step, in this network.
async fn run(network: Network, written: &Value) -> Reading {
    let tools = Tools { network: Arc::new(network), ..tools() };
    Prober::new(tools).run(&errand(TIMEOUT, vec![step(written)]), order()).await
}

#[tokio::test]
async fn a_page_that_asks_whether_one_is_sure_is_left_all_the_same() {
    let page = "<title>Order</title><label>Name <input></label><a href=/next>Next</a>\
                <script>onbeforeunload = event => { event.preventDefault(); event.returnValue = 'stay' }</script>";
    let next = format!("<h1>The next page</h1>{page}");
    let deeds = json!([
        { "fill": "Name", "with": "Anna" },
        { "click": "Next", "then": { "url": "/next" } },
        { "wait_for": { "text": "The next page" } },
        { "wait_for": { "dialog": "beforeunload" } },
        // Nobody asks at the end, when the tab goes.
        { "fill": "Name", "with": "Anna" },
    ]);
    well(&visit(&[("/", page), ("/next", &next)], deeds, json!({})).await);
}

#[tokio::test]
async fn a_tab_that_asks_before_it_is_there_is_answered() {
    let page = "<title>Home</title><button onclick=\"window.open('/asks')\">Go</button>";
    let asks = "<title>Asks</title><script>alert('Mind the step')</script><p>Come in</p>";
    let deeds = json!([
        { "click": "Go", "then": { "new_tab": "/asks" } },
        { "wait_for": { "text": "Come in" } },
    ]);
    well(&visit(&[("/", page), ("/asks", asks)], deeds, json!({})).await);
}

#[tokio::test]
async fn a_page_that_never_rests_can_be_used_and_what_waits_for_rest_says_so() {
    let page = "<title>x</title><button onclick=\"out.textContent = 'Ordered'\">Order</button><p id=out></p>\
                <script>setInterval(() => fetch('/'), 30)</script>";
    let deeds = json!([
        { "click": "Order", "then": { "text": "Ordered" } },
        { "wait_for": "network_quiet", "within": "1s" },
    ]);
    let reading = visit(&[("/", page)], deeds, json!({})).await;
    assert_eq!(fault(&reading).code, FaultCode::NoEffect);
    assert!(fault(&reading).text.contains(": the network is quiet; the page shows “x”"), "{}", fault(&reading));
}

#[tokio::test]
async fn a_page_of_thousands_of_parts_is_searched_while_a_customer_looks() {
    let parts: String =
        (0..4000).map(|n| format!("<div><span>Plan {n}</span> <a href='/{n}'>More of {n}</a></div>")).collect();
    let page = format!(
        "<title>x</title>{parts}<ul role=menu><li role=menuitem tabindex=0 onclick=\"out.textContent = 'Chosen'\">Choose</ul>\
         <p id=out></p><button onclick=\"out.textContent = 'Ordered'\">Order</button>"
    );
    let deeds = json!([
        { "click": { "role": "menuitem", "name": "Choose" }, "then": { "text": "Chosen" } },
        { "click": "Order", "then": { "element": { "text": "Ordered" } } },
        { "wait_for": { "gone": { "role": "menuitem", "name": "Pay" } } },
    ]);
    well(&visit(&[("/", &page)], deeds, json!({})).await);
}

/// A picture that never comes.
async fn never() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/never.png", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    url
}

#[tokio::test]
async fn a_page_that_is_never_complete_is_waited_for_once() {
    let page = format!(
        "<title>x</title><button onclick=\"out.textContent += 'Ordered'\">Order</button><p id=out></p><img src='{}'>",
        never().await
    );
    // Without `then`, each of these would wait for where it leads.
    let deeds = json!([{ "click": "Order" }, { "click": "Order" }, { "click": "Order" }, { "click": "Order" }]);
    let begun = tokio::time::Instant::now();
    let more = json!({ "expect": { "text": { "contains": "OrderedOrderedOrderedOrdered" } } });
    well(&visit(&[("/", &page)], deeds, more).await);
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(19), "{took:?}: it was not waited for");
    assert!(took < Duration::from_secs(45), "{took:?}: it was waited for again and again");
}

/// Answers every request over TLS with this page.
async fn secure(page: String) -> u16 {
    let identity = Authority::new("Test").sign(&["shop.test"], Valid::Now);
    let acceptor = TlsAcceptor::from(Arc::new(identity.server(&["http/1.1"])));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, page) = (acceptor.clone(), page.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let _ = stream.read(&mut [0; 4096]).await?;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n";
                stream.write_all(format!("{head}{page}").as_bytes()).await?;
                stream.shutdown().await
            });
        }
    });
    port
}

#[tokio::test]
async fn what_a_secure_page_fetches_without_encryption_is_told() {
    let plain = site(&[("/app.js", "1"), ("/prices", "1")]).await.port();
    let page = format!(
        "<!doctype html><title>Shop</title><link rel=icon href='data:,'><h1>Welcome</h1>\
         <script src='http://scripts.test:{plain}/app.js'></script>"
    );
    let port = secure(page).await;
    let open = json!({ "open": format!("https://shop.test:{port}/"), "tls": { "insecure": true } });
    let reading = run(network(), &json!({ "browser": open })).await;
    let findings = &reading.outcome.steps[0].findings;
    let mixed = findings.iter().find(|finding| finding.fault.code == FaultCode::MixedContent);
    let text = &mixed.unwrap_or_else(|| panic!("{:?}", reading.outcome)).fault.text;
    let wanted =
        format!("the script http://scripts.test:{plain}/app.js is asked for without encryption by a secure page");
    assert_eq!(*text, wanted);
    let forgiven = json!({ "browser": open, "expect": { "mixed": { "length": 1 } } });
    let reading = run(network(), &forgiven).await;
    let findings = &reading.outcome.steps[0].findings;
    assert!(findings.iter().all(|finding| finding.fault.code != FaultCode::MixedContent), "{findings:?}");
    // And without `insecure` its certificate is what a customer meets first.
    let reading = run(network(), &json!({ "browser": { "open": format!("https://shop.test:{port}/") } })).await;
    assert_eq!(fault(&reading).code, FaultCode::CertUntrusted);
}

/// Notes who comes.
async fn inside() -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            drop::<TcpStream>(stream);
        }
    });
    (port, came)
}

#[tokio::test]
async fn links_of_a_public_page_are_followed_to_no_private_address() {
    let (port, came) = inside().await;
    let page = format!(
        "<title>Shop</title><a href='http://127.0.0.1:{port}/'>1</a><a href='http://[::ffff:127.0.0.1]:{port}/'>2</a>\
         <a href='http://2130706433:{port}/'>3</a><a href='http://169.254.169.254/latest/meta-data/'>4</a>\
         <a href='/there'>5</a>"
    );
    // Behind a proxy names are public, and every one is this server's.
    let proxy = Proxy::to(site(&[("/", &page), ("/there", "x")]).await).await;
    let way = Way::parse(&format!("http://{}", proxy.address)).unwrap();
    let written = json!({ "browser": { "open": "http://shop.example/" },
        "expect": { "checked": 4, "broken": { "length": 3 } } });
    let here = Network::system(Clock::system()).by(Egress::Proxy(way));
    let reading = run(here, &written).await;
    assert_eq!(reading.vantage, VantageId::default());
    well(&reading);
    assert_eq!(came.load(std::sync::atomic::Ordering::SeqCst), 0);
    let asked = proxy.heads();
    assert!(asked.iter().all(|head| head.lines().next().unwrap().contains("shop.example")), "{asked:?}");
}
