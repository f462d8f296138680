//! The counterparts, one of each kind, in a process of their own. They are small so that they cost little.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const PAGE: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\nconnection: close\r\n\r\n{\"price\": 29.90}";

/// Where each is.
pub(crate) struct Addresses {
    pub(crate) http: SocketAddr,
    pub(crate) tcp: SocketAddr,
    pub(crate) websocket: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    pub(crate) dns: SocketAddr,
    pub(crate) udp: SocketAddr,
}

pub(crate) struct Peers {
    child: Child,
    pub(crate) addresses: Addresses,
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Starts this program as the peers, which say on their first line where they are.
pub(crate) fn start() -> Peers {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program).arg("--serve").stdout(Stdio::piped()).spawn().expect("this program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says where");
    let all: Vec<SocketAddr> = line.split_whitespace().map(|text| text.parse().expect("an address")).collect();
    let [http, tcp, websocket, mqtt, dns, udp] = all[..] else { panic!("six addresses, not {line}") };
    Peers { child, addresses: Addresses { http, tcp, websocket, mqtt, dns, udp } }
}

pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let addresses = [
            listen(http).await,
            listen(tcp).await,
            listen(websocket).await,
            listen(mqtt).await,
            answer(dns).await,
            answer(<[u8]>::to_vec).await,
        ];
        println!("{}", addresses.map(|address| address.to_string()).join(" "));
        std::future::pending::<()>().await;
    });
}

async fn listen<F: Future<Output = Option<()>> + Send + 'static>(serve: fn(TcpStream) -> F) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn answer(answer: fn(&[u8]) -> Vec<u8>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            socket.send_to(&answer(&buffer[..length]), from).await.ok();
        }
    });
    address
}

async fn http(mut stream: TcpStream) -> Option<()> {
    let mut request = [0; 2048];
    let read = stream.read(&mut request).await.ok()?;
    if read == 0 {
        return None;
    }
    stream.write_all(PAGE).await.ok()?;
    stream.shutdown().await.ok()
}

async fn tcp(mut stream: TcpStream) -> Option<()> {
    stream.write_all(b"220 mail.example.com ESMTP\r\n").await.ok()?;
    let read = stream.read(&mut [0; 64]).await.ok()?;
    if read == 0 {
        return None;
    }
    stream.write_all(b"221 bye\r\n").await.ok()?;
    stream.read(&mut [0; 64]).await.ok().map(|_| ())
}

/// Says what it hears.
async fn websocket(stream: TcpStream) -> Option<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            break;
        }
        socket.send(message).await.ok()?;
    }
    Some(())
}

/// A broker with one customer at a time: accepts, and sends back what is published.
async fn mqtt(mut stream: TcpStream) -> Option<()> {
    loop {
        let first = stream.read_u8().await.ok()?;
        let length = stream.read_u8().await.ok()?;
        let mut body = vec![0; length.into()];
        stream.read_exact(&mut body).await.ok()?;
        match first >> 4 {
            1 => stream.write_all(&[0x20, 2, 0, 0]).await.ok()?,
            8 => stream.write_all(&[0x90, 3, body[0], body[1], 0]).await.ok()?,
            3 => stream.write_all(&[&[first, length][..], &body].concat()).await.ok()?,
            _ => return None,
        }
    }
}

/// One address for every name (RFC 1035, 4.1): the question as it came, without what EDNS adds behind it.
fn dns(question: &[u8]) -> Vec<u8> {
    let name = question.get(12..).unwrap_or_default().iter().position(|byte| *byte == 0).unwrap_or(0);
    let asked = question.get(12..12 + name + 5).unwrap_or_default();
    let id = question.get(..2).unwrap_or(&[0, 0]);
    let counts = [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7];
    [id, &counts, asked, &record].concat()
}
