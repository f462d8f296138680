//! A receiver over HTTP that does as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// With more headers, each ended by CRLF.
    Status(u16, &'static str),
    /// This a thousand times.
    Says(u16, &'static str),
    Hang,
    /// 200, and then a gigabyte.
    Endless,
    /// Reads everything, then drops the connection.
    Drop,
}

#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default()
    }
}

pub(crate) struct Deaf {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    poured: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Deaf {
    /// Gives these answers in turn, then 200.
    pub(crate) async fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
        let log = Arc::clone(&heard);
        let poured = Arc::new(AtomicUsize::new(0));
        let bytes = Arc::clone(&poured);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&answers), Arc::clone(&log), Arc::clone(&bytes)));
            }
        });
        Self { address, heard, poured, task }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Bytes of endless answers that went out.
    pub(crate) fn poured(&self) -> usize {
        self.poured.load(Ordering::Relaxed)
    }

    /// What happened, by type.
    pub(crate) fn types(&self) -> Vec<String> {
        self.heard().iter().map(|heard| heard.body["type"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    mut stream: TcpStream,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    log: Arc<Mutex<Vec<Heard>>>,
    poured: Arc<AtomicUsize>,
) {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
                log.lock().unwrap().push(Heard { head, body });
                break;
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&part[..read]),
        }
    }
    let next = answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(200, ""));
    match next {
        Answer::Drop => {}
        Answer::Hang => std::future::pending().await,
        Answer::Endless => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1 << 30);
            _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&[b'.'; 8_192]).await.is_ok() {
                poured.fetch_add(8_192, Ordering::Relaxed);
            }
        }
        Answer::Says(status, words) => {
            let body = words.repeat(1000);
            let head =
                format!("HTTP/1.1 {status} As told\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            _ = stream.write_all(head.as_bytes()).await;
            _ = stream.write_all(body.as_bytes()).await;
        }
        Answer::Status(status, headers) => {
            let reply =
                format!("HTTP/1.1 {status} As told\r\n{headers}content-length: 4\r\nconnection: close\r\n\r\nso\x1b!");
            _ = stream.write_all(reply.as_bytes()).await;
        }
    }
}
