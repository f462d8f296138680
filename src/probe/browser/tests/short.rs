//! What a page lacks because of us is nothing against it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{running, with};
use crate::clock::Clock;
use crate::model::SelfFault;
use crate::probe::browser::Settings;
use crate::probe::browser::pool;
use crate::probe::connect::Network;
use crate::probe::connect::egress::Egress;
use crate::probe::connect::proxy::Proxy;
use crate::probe::{Act as _, Reply, Stop};

const PAGE: &str = "<title>Shop</title><h1>Flat M</h1><script src='http://static.shop.test:81/app.js'></script>";

/// A proxy that brings the page, and is away afterwards.
async fn proxy() -> (Proxy, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut buffer = [0; 4096];
        let page =
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{PAGE}", PAGE.len());
        for answer in ["HTTP/1.1 200 Through\r\n\r\n", &page] {
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    });
    (proxy, serving)
}

async fn visit(steps: &str) -> Result<Reply, Stop> {
    let (proxy, serving) = proxy().await;
    let tools = with(pool::Settings::default(), Network::system(Clock::system()).by(Egress::Proxy(proxy)));
    let settings: Settings = serde_yaml::from_str(&format!("open: http://shop.test/\n{steps}")).unwrap();
    let reply = running(&tools, async |run| settings.act(run).await).await;
    serving.abort();
    tools.browsers.close().await;
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_we_could_not_fetch_is_nothing_against_its_page() {
    for steps in ["", "do: [ { wait_for: { text: Thank you }, within: 2s } ]\n"] {
        match visit(steps).await {
            Err(Stop::Own(SelfFault::NetworkUnreachable, text)) => {
                let whole = ["http://static.shop.test:81/app.js did not come", "the vantage's proxy"];
                assert!(whole.iter().all(|part| text.contains(part)), "{text}");
            }
            Err(other) => panic!("{steps}: {other:?}"),
            Ok(_) => panic!("{steps}: taken as it is"),
        }
    }
}
