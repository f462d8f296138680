//! Servers that say exactly what they are told, byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Task;

/// One thing that a server does once it has read a request's head.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Say(Vec<u8>),
    /// One byte at a time, for ever over again.
    Drip(Vec<u8>, Duration),
    /// As fast as the peer reads, for ever.
    Flood(Vec<u8>),
    /// Keeps the connection open and says nothing.
    Hang,
    /// Drops the connection with a reset.
    Reset,
}

/// Says `text`.
pub(crate) fn say(text: impl AsRef<[u8]>) -> Act {
    Act::Say(text.as_ref().to_vec())
}

/// A listener with a script.
pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _task: Task,
}

impl Raw {
    /// Does the same on every connection, then closes it.
    pub(crate) async fn serve(script: impl Into<Vec<Act>>) -> Self {
        let script = script.into();
        Self::answer(move |_| script.clone()).await
    }

    /// Waits for some bytes, of whatever protocol, and acts.
    pub(crate) async fn greet(script: Vec<Act>) -> Self {
        Self::start(Start::AnyByte, move |_| script.clone()).await
    }

    /// Decides by the head of the request.
    pub(crate) async fn answer(script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::start(Start::Head, script).await
    }

    async fn start(start: Start, script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::accept(TcpListener::bind("127.0.0.1:0").await.unwrap(), start, script)
    }

    /// Decides by the head of the request, on a listener that stands somewhere else.
    pub(crate) fn on(listener: TcpListener, script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::accept(listener, Start::Head, script)
    }

    fn accept(listener: TcpListener, start: Start, script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, script) = (Arc::clone(&heads), Arc::new(script));
        let task = Task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                tokio::spawn(async move {
                    let mut stream = stream;
                    let Some(head) = read_start(&mut stream, start).await else { return };
                    let acts = script(&head);
                    seen.lock().unwrap().push(head);
                    play(stream, acts).await;
                });
            }
        });
        Self { address, heads, _task: task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same under a name.
    pub(crate) fn url_as(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// What is read before the script begins.
#[derive(Clone, Copy)]
enum Start {
    Head,
    AnyByte,
}

async fn read_start(stream: &mut TcpStream, start: Start) -> Option<String> {
    let mut head = Vec::new();
    let enough = |head: &[u8]| match start {
        Start::Head => head.windows(4).any(|window| window == b"\r\n\r\n"),
        Start::AnyByte => !head.is_empty(),
    };
    while !enough(&head) {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

async fn play(mut stream: TcpStream, acts: Vec<Act>) {
    for act in acts {
        let played = match act {
            Act::Say(bytes) => stream.write_all(&bytes).await,
            Act::Drip(bytes, pause) => loop {
                for byte in &bytes {
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                }
            },
            Act::Flood(bytes) => loop {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            },
            Act::Hang => stream.read_to_end(&mut Vec::new()).await.map(drop),
            Act::Reset => stream.set_zero_linger(),
        };
        if played.is_err() {
            return;
        }
    }
}
