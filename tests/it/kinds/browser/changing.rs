//! Our own network changes while a page loads, as where containers come and go: Chromium drops what it was connecting.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use unbroken::model::{SelfFault, Verdict};
use unbroken::probe::Prober;

use super::{TIMEOUT, site};
use crate::support::net::Net;
use crate::walk::{errand, order, step, tools};

/// A server that takes nobody in any more; as long as both are there.
fn full() -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let only = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener, only)
}

/// Waits until somebody asks to be taken in there (`proc_pid_net(5)`: `tcp`, state `SYN_SENT`).
async fn asked_in(server: SocketAddr) {
    let asks = format!("0100007F:{:04X} 02", server.port());
    while !fs::read_to_string("/proc/thread-self/net/tcp").unwrap().contains(&asks) {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Visits a page with such a part, and does this there; the part is on its way when the network changes.
async fn visit(part: &str, deeds: Value, change: impl FnOnce()) -> Verdict {
    let (server, _only) = full();
    let server = server.local_addr().unwrap();
    let part = part.replace("PART", &format!("http://{server}/part"));
    let page = site(&[("/", &format!("<title>Shop</title><h1>Flat M</h1>{part}"))]).await;
    let written = json!({
        "browser": { "open": format!("http://{page}/"), "do": deeds },
        "expect": { "pictures": { "length": 0 }, "requests": { "length": 0 } }
    });
    let tools = tools();
    let (prober, plan) = (Prober::new(tools.clone()), errand(TIMEOUT, vec![step(&written)]));
    let changes = async {
        asked_in(server).await;
        change();
        std::future::pending::<()>().await;
    };
    let verdict = tokio::select! {
        reading = prober.run(&plan, order()) => reading.outcome.verdict,
        () = changes => unreachable!(),
    };
    tools.browsers.close().await;
    verdict
}

#[test]
fn what_our_changing_network_takes_from_a_page_is_nothing_against_it() {
    let (here, there) = (Net::new("here"), Net::new("there"));
    here.enter(|| async {
        let pay = json!([{ "click": "Pay", "then": { "text": "Paid" } }]);
        let parts = [
            ("<script src='PART'></script>", json!([])),
            ("<iframe src='PART'></iframe>", json!([])),
            ("<a href='PART'>Pay</a>", pay),
        ];
        for (number, (part, deeds)) in parts.into_iter().enumerate() {
            let change = || here.cable(&format!("cable{number}"), &there, &format!("10.99.{number}"));
            match visit(part, deeds, change).await {
                Verdict::Inconclusive { why: SelfFault::NetworkUnreachable, text } => {
                    assert!(text.contains("/part did not come") && text.contains("our own network changed"), "{text}");
                }
                other => panic!("{part}: {other:?}"),
            }
        }
        let aside = |part| visit(part, json!([]), || here.cable("aside", &there, "10.99.9"));
        assert_eq!(aside("<img src='PART' alt='Flat M'>").await, Verdict::Good);
    });
}
