//! A mail server that takes every letter and keeps every word of every session.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Task;

pub(super) struct Mailbox {
    address: SocketAddr,
    said: Arc<Mutex<Vec<String>>>,
    _serving: Task,
}

impl Mailbox {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&said);
        let serving = Task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, Arc::clone(&kept)));
            }
        });
        Self { address, said, _serving: serving }
    }

    pub(super) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// What signed in: the only place for the receiver's own password.
    pub(super) fn sign_ins(&self) -> Vec<String> {
        let said = self.said.lock().expect("not poisoned");
        let given = said.iter().filter_map(|line| line.strip_prefix("AUTH PLAIN "));
        given.map(|given| String::from_utf8_lossy(&STANDARD.decode(given).expect("base64")).into_owned()).collect()
    }

    /// The whole sessions without the signing in, as they came and as a reader sees them.
    pub(super) fn sessions(&self) -> String {
        let said = self.said.lock().expect("not poisoned");
        let lines = said.iter().filter(|line| !line.starts_with("AUTH ")).map(|line| format!("{line}\n"));
        let raw: String = lines.collect();
        format!("{raw}\n{}", read(&raw))
    }
}

/// Undoes the encodings that mail has for long lines and foreign letters.
fn read(raw: &str) -> String {
    let mut text = raw.replace("=\n", "").replace("\n ", " ");
    for part in raw.split("\n--") {
        if let Some((head, body)) = part.split_once("\n\n").filter(|(head, _)| head.contains("base64")) {
            let body: String = body.split_whitespace().take_while(|line| *line != ".").collect();
            let decoded = STANDARD.decode(&body).unwrap_or_else(|error| panic!("{error} in {head}: {body}"));
            text += &String::from_utf8_lossy(&decoded);
        }
    }
    text
}

async fn talk(stream: TcpStream, said: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut answer = Some("220 mailbox");
    let mut letter = false;
    loop {
        if let Some(answer) = answer
            && write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err()
        {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        answer = match line.split(' ').next().unwrap_or_default() {
            "." if letter => {
                letter = false;
                Some("250 taken")
            }
            _ if letter => None,
            "EHLO" => Some("250-mailbox\r\n250 AUTH PLAIN"),
            "AUTH" => Some("235 welcome"),
            "DATA" => {
                letter = true;
                Some("354 go on")
            }
            _ => Some("250 fine"),
        };
        said.lock().expect("not poisoned").push(line);
    }
}
