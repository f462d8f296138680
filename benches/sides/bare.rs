//! The floor: tokio and hyper, paced alike, nothing looked at and nothing kept.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::{Load, Usage};

const GRID: Duration = Duration::from_millis(10);

/// Runs the loop in a child, so that it is measured like the others.
pub(crate) fn measure(target: SocketAddr, load: Load) -> Usage {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--bare", &target.to_string()])
        .args(["--probes", &load.probes.to_string(), "--every", &load.every.as_secs().to_string()])
        .args(["--seconds", &load.seconds.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("this program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    Usage { runs: numbers[0], cpu: Duration::from_micros(numbers[1]), peak_rss: numbers[2], lateness: "–".to_owned() }
}

pub(crate) fn run(target: SocketAddr, load: Load) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let done = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let began = Instant::now();
        let per_grid = load.probes as f64 * GRID.as_secs_f64() / load.every.as_secs_f64();
        let mut started = 0.0;
        let mut at = began;
        while at < began + Duration::from_secs(load.seconds) {
            tokio::time::sleep_until(at).await;
            started += per_grid;
            while started >= 1.0 {
                started -= 1.0;
                let done = Arc::clone(&done);
                tokio::spawn(async move {
                    if once(target).await.is_some() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            at += GRID;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    });
    let pid = std::process::id();
    println!("{} {} {}", done.load(Ordering::Relaxed), super::cpu_of(pid).as_micros(), super::peak_rss_of(pid));
}

async fn once(target: SocketAddr) -> Option<()> {
    let stream = tokio::net::TcpStream::connect(target).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (mut send, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let driver = tokio::spawn(connection);
    let request = hyper::Request::get("/").header("host", "127.0.0.1").body(Empty::<Bytes>::new()).ok()?;
    let answer = send.send_request(request).await.ok()?;
    answer.into_body().collect().await.ok()?;
    driver.abort();
    Some(())
}
