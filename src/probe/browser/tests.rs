//! Tabs, lent as runs are lent them.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;
use url::Url;

use super::pool::{Browsers, Settings};
use crate::clock::Clock;
use crate::model::{ProbeId, SpanId, TraceId};
use crate::probe::connect::Network;
use crate::probe::connect::address::Way;
use crate::probe::push::{Heard, Pushes};
use crate::probe::{Needs, Phases, Redactor, Run, Scope, Told, Tools};

struct Nobody;

#[async_trait::async_trait]
impl Pushes for Nobody {
    async fn last(&self, _: &ProbeId) -> Result<Option<Heard>, String> {
        Ok(None)
    }
}

fn tools() -> Tools {
    Tools {
        clock: Clock::system(),
        pushes: Arc::new(Nobody),
        random: Arc::new(rand::random),
        network: Arc::new(Network::system(Clock::system())),
        program: "unbroken".into(),
        browsers: Browsers::new(Settings::default(), Arc::new(rand::random)),
    }
}

async fn page(html: &'static str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
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

#[tokio::test]
async fn a_run_opens_a_page() {
    let tools = tools();
    let url = page("<title>Shop</title>").await;
    for _ in 0..3 {
        let (probe, scope) = (ProbeId::new("shop", "buy"), Scope::default());
        let (mut cookies, mut came_from, mut redactor) = (None, None, Redactor::default());
        let run = Run {
            tools: &tools,
            probe: &probe,
            scope: &scope,
            phases: Phases::new(Instant::now()),
            deadline: Instant::now() + Duration::from_secs(60),
            needs: Needs::Head,
            trace: TraceId(1),
            span: SpanId(1),
            told: Told::Yes,
            cookies: &mut cookies,
            came_from: &mut came_from,
            way: Way::Written,
            peer: None,
            certificate: None,
            captured: Vec::new(),
            attributes: Vec::new(),
            redactor: &mut redactor,
        };
        let begun = Instant::now();
        let tab = tools.browsers.open(&run, &url).await.unwrap();
        let opened = begun.elapsed();
        tab.page.goto(url.as_str()).await.unwrap();
        assert_eq!(tab.page.get_title().await.unwrap().as_deref(), Some("Shop"));
        println!("opened in {opened:?}, done in {:?}, {:?}", begun.elapsed(), tab.passages());
        drop(tab);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tools.browsers.close();
}
