//! Telephone exchanges that behave as badly as they are told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use crate::walk::serve;

/// What an exchange has heard so far.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

/// An exchange over UDP: `answer` is shown each request with its number and says what to send back.
pub(crate) async fn exchange(
    mut answer: impl FnMut(usize, &str) -> Vec<Vec<u8>> + Send + 'static,
) -> (SocketAddr, Log) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let log = Log::default();
    let heard = Arc::clone(&log);
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let count = heard.lock().unwrap().len();
            heard.lock().unwrap().push(request.clone());
            for datagram in answer(count, &request) {
                let _ = socket.send_to(&datagram, from).await;
            }
        }
    });
    (address, log)
}

/// An exchange over TCP that answers each first request with these bytes, then keeps the line.
pub(crate) async fn line(answer: impl Fn(&str) -> Vec<u8> + Clone + Send + 'static) -> SocketAddr {
    serve(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut buffer = vec![0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                // Several may come at once; what stands behind a blank line may also be a body.
                let heard = String::from_utf8_lossy(&buffer[..read]).into_owned();
                for request in heard.split("\r\n\r\n").filter(|part| part.contains(" SIP/2.0\r\n")) {
                    if !request.starts_with("ACK") && stream.write_all(&answer(request)).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await
}

/// A reply to `request`: its status, further headers, its body.
pub(crate) fn reply(request: &str, status: &str, headers: &str, body: &str) -> Vec<u8> {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in request.lines() {
        let name = line.split(':').next().unwrap_or_default();
        match name {
            "Via" | "From" | "Call-ID" | "CSeq" => text += &format!("{line}\r\n"),
            "To" if line.contains(";tag=") || status.starts_with("100") => text += &format!("{line}\r\n"),
            "To" => text += &format!("{line};tag=desk\r\n"),
            _ => {}
        }
    }
    (text + headers + &format!("Content-Length: {}\r\n\r\n{body}", body.len())).into_bytes()
}

/// A header's value in a message.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {message}"))
}

/// The methods of what was heard, in order, each run of tries once.
pub(crate) fn methods(log: &Log) -> Vec<String> {
    let mut methods: Vec<String> =
        log.lock().unwrap().iter().map(|text| text.split(' ').next().unwrap().to_owned()).collect();
    methods.dedup();
    methods
}
