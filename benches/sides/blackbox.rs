//! `blackbox_exporter` as Prometheus would drive it: one scrape a run, 64 at once.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Load, Usage};

const AT_ONCE: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(2);
/// A closed loop needs no longer; much longer, and it runs out of local ports.
const SECONDS_MAX: u64 = 5;
const MODULES: &str = "modules:\n  web:\n    prober: http\n    http: { valid_status_codes: [200], fail_if_body_not_matches_regexp: [ok] }\n";

/// `None` where it is not installed.
pub(crate) fn measure(target: SocketAddr, load: Load) -> Option<Usage> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("blackbox.yml");
    fs::write(&file, MODULES).expect("writes");
    let listen = super::server::free_address();
    let child = Command::new("prometheus-blackbox-exporter")
        .args([format!("--config.file={}", file.display()), format!("--web.listen-address={listen}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    crate::wait_for("blackbox_exporter", || std::net::TcpStream::connect(listen).is_ok());
    let before = super::cpu_of(child.id());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let runs = runtime.block_on(drive(listen, target, Duration::from_secs(load.seconds.min(SECONDS_MAX))));
    let usage = Usage {
        runs,
        cpu: super::cpu_of(child.id()).saturating_sub(before),
        peak_rss: super::peak_rss_of(child.id()),
        lateness: "closed loop, 64 at once".to_owned(),
    };
    crate::end(child);
    Some(usage)
}

async fn drive(listen: SocketAddr, target: SocketAddr, length: Duration) -> u64 {
    let (until, good) = (Instant::now() + length, Arc::new(AtomicU64::new(0)));
    let request = format!("GET /probe?module=web&target=http://{target}/ HTTP/1.1\r\nhost: {listen}\r\n\r\n");
    let drivers = (0..AT_ONCE).map(|_| {
        let (good, request) = (Arc::clone(&good), request.clone());
        tokio::spawn(async move {
            let Ok(mut stream) = TcpStream::connect(listen).await else { return };
            let mut answer = vec![0; 64 * 1024];
            while Instant::now() < until {
                if stream.write_all(request.as_bytes()).await.is_err() {
                    return;
                }
                let mut length = 0;
                // The exporter ends its answer with this metric. A run that failed, or hangs, ends its driver.
                while !answer[..length].windows(16).any(|w| w == b"\nprobe_success 1") {
                    match tokio::time::timeout(PATIENCE, stream.read(&mut answer[length..])).await {
                        Ok(Ok(n)) if n > 0 => length += n,
                        _ => return,
                    }
                }
                good.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    futures::future::join_all(drivers).await;
    good.load(Ordering::Relaxed)
}
