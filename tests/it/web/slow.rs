//! Visitors who ask and do not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use unbroken::web::serve;

const CHUNK: usize = 16 << 10;
/// A page, or metrics, of a size that no buffer on the way holds.
const PAGE: usize = 32 << 20;
/// What may wait for one visitor, in our memory and in the kernel's: both its sides and what the library holds.
const WAITING_MAX: u64 = 4 << 20;

struct Site {
    address: std::net::SocketAddr,
    /// Bytes of the endless stream that were asked for.
    streamed: Arc<AtomicU64>,
    _stop: tokio_util::sync::DropGuard,
}

async fn site() -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let streamed = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&streamed);
    let stream = move || {
        let counted = Arc::clone(&counted);
        let chunks = futures::stream::repeat_with(move || {
            counted.fetch_add(CHUNK as u64, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; CHUNK]))
        });
        async move { Body::from_stream(chunks) }
    };
    let router = Router::new().route("/page", get(|| async { vec![b'x'; PAGE] })).route("/events", get(stream));
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, router, stop.clone()));
    Site { address, streamed, _stop: stop.drop_guard() }
}

async fn visitor(site: &Site, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let mut stream = socket.connect(site.address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// What is left to be read, to the end of the connection.
async fn rest(mut stream: TcpStream) -> u64 {
    let (mut read, mut buffer) = (0, vec![0; CHUNK]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return read,
            Ok(more) => read += more as u64,
        }
        assert!(read < PAGE as u64, "everything was kept for who did not read");
    }
}

/// The clock stands still but for timers: when it moves on, whatever could be sent was sent.
#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_dropped_and_costs_little_until_then() {
    let site = site().await;
    for path in ["/page", "/events"] {
        let stream = visitor(&site, path).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let read = rest(stream).await;
        assert!(read > 0 && read < WAITING_MAX, "{path}: {read} bytes");
    }
    let streamed = site.streamed.load(Ordering::Relaxed);
    assert!(streamed > 0 && streamed < WAITING_MAX, "no more is made than can be sent: {streamed} bytes");
}

#[tokio::test(start_paused = true)]
async fn who_reads_slowly_and_steadily_is_served() {
    let site = site().await;
    let mut stream = visitor(&site, "/page").await;
    let (mut read, mut buffer) = (0, vec![0; 256 << 10]);
    while read < PAGE / 4 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        read += stream.read(&mut buffer).await.expect("it is still served");
    }
}

/// A byte now and then keeps nobody's seat.
#[tokio::test(start_paused = true)]
async fn who_takes_an_answer_by_the_byte_is_dropped() {
    let site = site().await;
    for path in ["/page", "/events"] {
        let mut stream = visitor(&site, path).await;
        let (mut byte, mut read) = ([0; 1024], 0);
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            read += stream.read(&mut byte).await.unwrap_or(0) as u64;
        }
        read += rest(stream).await;
        assert!(read < WAITING_MAX, "{path}: {read} bytes");
    }
}

/// What asks by the byte: a head, a body that is wanted, a body that nobody wants.
#[tokio::test(start_paused = true)]
async fn who_asks_by_the_byte_is_dropped() {
    let site = super::site::start(super::halcyon::Mood::Well).await;
    let body = "POST /api/v1/push/shop/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\ncontent-length: 9000\r\n\r\n";
    let unwanted = "GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\r\n";
    for head in ["GET / HTTP/1.1\r\nhost: localhost\r\nx: ", body, unwanted] {
        let stream = TcpStream::connect(site.address).await.unwrap();
        let (mut answers, mut asks) = stream.into_split();
        asks.write_all(head.as_bytes()).await.unwrap();
        let drips = tokio::spawn(async move {
            let mut dripped = 0;
            while dripped < 200 && asks.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                dripped += 1;
            }
            dripped
        });
        let mut answer = Vec::new();
        let _ = answers.read_to_end(&mut answer).await;
        drop(answers);
        let dripped = drips.await.unwrap();
        assert!(dripped < 60, "{head}: it was heard for {dripped} s: {}", String::from_utf8_lossy(&answer));
    }
}
