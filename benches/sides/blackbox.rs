//! `blackbox_exporter` as Prometheus would drive it: one scrape a run, paced like the other sides.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::child::Child;
use super::{Load, Usage};

/// Connections kept to the exporter, more than it needs at once. They take turns.
const SCRAPERS: u64 = 64;
const MODULES: &str = "modules:\n  web:\n    prober: http\n    http: { valid_status_codes: [200], fail_if_body_not_matches_regexp: [ok] }\n";

/// `None` where it is not installed.
pub(crate) fn measure(target: SocketAddr, load: Load) -> Option<Usage> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("blackbox.yml");
    fs::write(&file, MODULES).expect("writes");
    let listen = super::child::free_address();
    let exporter = Command::new("prometheus-blackbox-exporter")
        .args([format!("--config.file={}", file.display()), format!("--web.listen-address={listen}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
        .map(Child)?;
    super::child::wait_for("blackbox_exporter", || std::net::TcpStream::connect(listen).is_ok());
    let pid = exporter.0.id();
    let before = super::cpu_of(pid);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let runs = runtime.block_on(drive(listen, target, load));
    Some(Usage {
        runs,
        cpu: super::cpu_of(pid).saturating_sub(before),
        peak_rss: super::peak_rss_of(pid),
        lateness: "not measured".to_owned(),
    })
}

async fn drive(listen: SocketAddr, target: SocketAddr, load: Load) -> u64 {
    let path = format!("/probe?module=web&target=http://{target}/");
    let began = Instant::now();
    let scrapers = (0..SCRAPERS).map(|first| {
        let path = path.clone();
        tokio::spawn(async move {
            let stream = TcpStream::connect(listen).await.expect("the exporter listens");
            let (mut exporter, connection) = http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
            tokio::spawn(connection);
            let mut good = 0;
            for run in (first..).step_by(SCRAPERS as usize) {
                let due = load.every.mul_f64(run as f64 / load.probes as f64);
                if due >= Duration::from_secs(load.seconds) {
                    break;
                }
                tokio::time::sleep_until(began + on_grid(due)).await;
                good += u64::from(scrape(&mut exporter, &path).await);
            }
            good
        })
    });
    futures::future::join_all(scrapers).await.into_iter().map(|good| good.expect("a scraper ends")).sum()
}

/// The start that the other sides would give it.
fn on_grid(due: Duration) -> Duration {
    let grid = super::bare::GRID;
    grid * due.as_nanos().div_ceil(grid.as_nanos()) as u32
}

/// Whether the run was good.
async fn scrape(exporter: &mut SendRequest<Empty<Bytes>>, path: &str) -> bool {
    let request = Request::get(path).header("host", "exporter").body(Empty::new()).expect("a request");
    let answer = exporter.send_request(request).await.expect("the exporter answers");
    let body = answer.into_body().collect().await.expect("to the end").to_bytes();
    body.windows(16).any(|w| w == b"\nprobe_success 1")
}
