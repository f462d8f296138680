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

/// Runs start on a grid of this, as the daemon's do.
pub(crate) const GRID: Duration = Duration::from_millis(10);
/// Upper bounds in milliseconds: those of the daemon's own histogram.
const LATENESS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 250, 500, 1000];

/// What the loop counts.
#[derive(Default)]
struct Tally {
    done: AtomicU64,
    late: [AtomicU64; LATENESS.len()],
}

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
    let lateness = numbers[3..].iter().map(|bound| format!("<= {} s", *bound as f64 / 1000.0));
    Usage {
        runs: numbers[0],
        cpu: Duration::from_micros(numbers[1]),
        peak_rss: numbers[2],
        lateness: lateness.collect::<Vec<_>>().join(" / "),
    }
}

pub(crate) fn run(target: SocketAddr, load: Load) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let tally = Arc::new(Tally::default());
    // In a task of its own, as the daemon's pulse: from outside the runtime every start would have to be passed in.
    let pace = runtime.spawn(pace(target, load, Arc::clone(&tally)));
    runtime.block_on(pace).expect("it does not panic");
    let pid = std::process::id();
    let lateness = [0.5, 0.99, 1.0].map(|share| tally.late(share));
    println!(
        "{} {} {} {} {} {}",
        tally.done.load(Ordering::Relaxed),
        super::cpu_of(pid).as_micros(),
        super::peak_rss_of(pid),
        lateness[0],
        lateness[1],
        lateness[2]
    );
}

impl Tally {
    /// The bound of the bucket below which `share` of the runs began.
    fn late(&self, share: f64) -> u64 {
        let counts = self.late.each_ref().map(|count| count.load(Ordering::Relaxed));
        let wanted = counts.iter().sum::<u64>() as f64 * share;
        let mut below = 0;
        let at = counts.iter().position(|count| {
            below += count;
            below as f64 >= wanted
        });
        LATENESS[at.unwrap_or(LATENESS.len() - 1)]
    }
}

async fn pace(target: SocketAddr, load: Load, tally: Arc<Tally>) {
    let began = Instant::now();
    let per_grid = load.probes as f64 * GRID.as_secs_f64() / load.every.as_secs_f64();
    let mut started = 0.0;
    let mut at = began;
    while at < began + Duration::from_secs(load.seconds) {
        tokio::time::sleep_until(at).await;
        started += per_grid;
        while started >= 1.0 {
            started -= 1.0;
            let tally = Arc::clone(&tally);
            tokio::spawn(async move {
                let late = at.elapsed().as_secs_f64() * 1000.0;
                let bucket = LATENESS.iter().position(|bound| late <= *bound as f64);
                tally.late[bucket.unwrap_or(LATENESS.len() - 1)].fetch_add(1, Ordering::Relaxed);
                if once(target).await.is_some() {
                    tally.done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        at += GRID;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
}

async fn once(target: SocketAddr) -> Option<()> {
    let stream = tokio::net::TcpStream::connect(target).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (mut send, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let driver = tokio::spawn(connection);
    // What the daemon asks, header by header.
    let request = hyper::Request::get("/")
        .header("user-agent", "unbroken/0.1.0 (+synthetic)")
        .header("accept", "*/*")
        .header("accept-encoding", "gzip, br, zstd")
        .header("host", "127.0.0.1:10000")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .body(Empty::<Bytes>::new())
        .ok()?;
    let answer = send.send_request(request).await.ok()?;
    answer.into_body().collect().await.ok()?;
    driver.abort();
    Some(())
}
