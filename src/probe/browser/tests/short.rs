//! What a page lacks because of us is nothing against it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{running, with};
use crate::clock::Clock;
use crate::model::{FaultCode, SelfFault};
use crate::probe::browser::Settings;
use crate::probe::browser::pool;
use crate::probe::connect::Network;
use crate::probe::connect::egress::Egress;
use crate::probe::connect::proxy::Proxy;
use crate::probe::{Act as _, Field, Reply, Stop};

const SCRIPT: &str = "<script src='http://static.shop.test:81/app.js'></script>";
const PICTURE: &str = "<img src='http://static.shop.test:81/flat.png' width=40 height=40 alt='Flat M'>";
const LINK: &str = "<a href='http://pay.shop.test:82/'>Pay</a>";

/// A proxy that brings the page with this on it, and is away afterwards.
async fn proxy(part: &str) -> (Proxy, JoinHandle<()>) {
    let page = format!("<title>Shop</title><h1>Flat M</h1>{part}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut buffer = [0; 4096];
        let page =
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len());
        for answer in ["HTTP/1.1 200 Through\r\n\r\n", &page] {
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    });
    (proxy, serving)
}

async fn visit(part: &str, steps: &str) -> Result<Reply, Stop> {
    let (proxy, serving) = proxy(part).await;
    let tools = with(pool::Settings::default(), Network::system(Clock::system()).by(Egress::Proxy(proxy)));
    let settings: Settings = serde_yaml::from_str(&format!("open: http://shop.test/\n{steps}")).unwrap();
    let reply = running(&tools, async |run| settings.act(run).await).await;
    serving.abort();
    tools.browsers.close().await;
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_we_could_not_fetch_is_nothing_against_its_page() {
    for (part, steps, lost) in [
        (SCRIPT, "", "static.shop.test:81/app.js"),
        (SCRIPT, "do: [ { wait_for: { text: Thank you }, within: 2s } ]\n", "static.shop.test:81/app.js"),
        (LINK, "do: [ { click: Pay, then: { text: Paid }, within: 2s } ]\n", "pay.shop.test:82/"),
    ] {
        match visit(part, steps).await {
            Err(Stop::Own(SelfFault::NetworkUnreachable, text)) => {
                let whole = [&format!("http://{lost} did not come"), "the vantage's proxy"];
                assert!(whole.iter().all(|part| text.contains(part)), "{text}");
            }
            Err(other) => panic!("{steps}: {other:?}"),
            Ok(_) => panic!("{steps}: taken as it is"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_we_could_not_fetch_decides_nothing() {
    let reply = visit(PICTURE, "").await.unwrap_or_else(|stop| panic!("{stop:?}"));
    for field in [Field::Pictures, Field::Requests] {
        assert_eq!(reply.value(field), Some(&Vec::<String>::new().into()), "{field:?}");
    }
    assert_eq!(reply.defects(), []);
    match visit(PICTURE, "do: [ { wait_for: { text: Thank you }, within: 2s } ]\n").await {
        Err(Stop::Fault(fault)) => assert_eq!(fault.code, FaultCode::NoEffect, "{fault}"),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("nobody said so"),
    }
}
