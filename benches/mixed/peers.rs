//! The counterparts, one of each kind, in a process of their own. They are small so that they cost little.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

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
    pub(crate) tls: SocketAddr,
    pub(crate) imap: SocketAddr,
    pub(crate) sip: SocketAddr,
    pub(crate) grpc: SocketAddr,
    /// Who vouches for `tls`: a PEM file.
    pub(crate) ca: PathBuf,
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

/// Starts this program as the peers, which say on their first line where they are; their authority goes into `folder`.
pub(crate) fn start(folder: &Path) -> Peers {
    let program = std::env::current_exe().expect("this program");
    let ca = folder.join("ca.pem");
    let mut serve = Command::new(program);
    let mut child = serve.arg("--serve").arg(&ca).stdout(Stdio::piped()).spawn().expect("this program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says where");
    let all: Vec<SocketAddr> = line.split_whitespace().map(|text| text.parse().expect("an address")).collect();
    let [http, tcp, websocket, mqtt, tls, imap, grpc, dns, udp, sip] = all[..] else {
        panic!("ten addresses, not {line}")
    };
    let addresses = Addresses { http, tcp, websocket, mqtt, dns, udp, tls, imap, sip, grpc, ca };
    Peers { child, addresses }
}

/// Serves until it is killed; `ca` is the file for the authority.
pub(crate) fn serve(ca: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let acceptor = acceptor(ca);
        let addresses = [
            listen(http).await,
            listen(tcp).await,
            listen(websocket).await,
            listen(mqtt).await,
            listen(move |stream| {
                let acceptor = acceptor.clone();
                async move { acceptor.accept(stream).await.ok()?.read(&mut [0; 64]).await.ok().map(|_| ()) }
            })
            .await,
            listen(imap).await,
            listen(grpc).await,
            answer(dns).await,
            answer(<[u8]>::to_vec).await,
            answer(sip).await,
        ];
        println!("{}", addresses.map(|address| address.to_string()).join(" "));
        std::future::pending::<()>().await;
    });
}

/// A certificate for this machine, and the authority that signed it, left in a file.
fn acceptor(ca: &str) -> TlsAcceptor {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(ca, params.self_signed(&key).expect("an authority").pem()).expect("writes");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    params.use_authority_key_identifier_extension = true;
    let leaf = params.signed_by(&key, &issuer).expect("a certificate").der().clone();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .expect("a pair");
    TlsAcceptor::from(Arc::new(config))
}

async fn listen<F: Future<Output = Option<()>> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
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

/// Greets as a mail server does, and answers whatever is said until QUIT.
async fn tcp(mut stream: TcpStream) -> Option<()> {
    stream.write_all(b"220 mail.example.com ESMTP\r\n").await.ok()?;
    let mut said = [0; 256];
    while let Ok(read @ 1..) = stream.read(&mut said).await {
        if said[..read].to_ascii_uppercase().starts_with(b"QUIT") {
            stream.write_all(b"221 bye\r\n").await.ok()?;
        } else {
            stream.write_all(b"250-mail.example.com\r\n250 8BITMIME\r\n").await.ok()?;
        }
    }
    Some(())
}

const MAIL: &str =
    "From: orders@example.com\r\nSubject: Your order H-1\r\nContent-Type: text/plain\r\n\r\nDear Anna\r\n";

/// A mailbox with one mail in it (RFC 3501).
async fn imap(stream: TcpStream) -> Option<()> {
    let mut stream = tokio::io::BufReader::new(stream);
    stream.write_all(b"* OK ready\r\n").await.ok()?;
    let mut line = String::new();
    loop {
        line.clear();
        if tokio::io::AsyncBufReadExt::read_line(&mut stream, &mut line).await.ok()? == 0 {
            return None;
        }
        let (tag, command) = line.trim_end().split_once(' ')?;
        let date = jiff::Zoned::now().strftime("%d-%b-%Y %H:%M:%S %z").to_string();
        let part = |name: &str, text: &str| {
            let length = text.len();
            format!("* 1 FETCH (UID 1 INTERNALDATE \"{date}\" BODY[{name}]<0> {{{length}}}\r\n{text})\r\n")
        };
        let told = match command {
            _ if command.starts_with("CAPABILITY") => "* CAPABILITY IMAP4rev1\r\n".to_owned(),
            _ if command.starts_with("UID SEARCH") => "* SEARCH 1\r\n".to_owned(),
            _ if command.contains("BODY.PEEK[HEADER]") => part("HEADER", MAIL.trim_end_matches("Dear Anna\r\n")),
            _ if command.contains("BODY.PEEK[]") => part("", MAIL),
            _ => String::new(),
        };
        stream.write_all(format!("{told}{tag} OK done\r\n").as_bytes()).await.ok()?;
    }
}

/// The health service, which says that it serves.
async fn grpc(stream: TcpStream) -> Option<()> {
    let answer = |_: Request<Incoming>| async {
        // A message of two bytes: the status, its first field, is 1.
        let message = Frame::data(Bytes::from_static(&[0, 0, 0, 0, 2, 8, 1]));
        let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from(0))]);
        let frames = [Ok::<_, Infallible>(message), Ok(Frame::trailers(trailers))];
        let body = StreamBody::new(futures::stream::iter(frames));
        let response = Response::builder().header("content-type", "application/grpc").body(body);
        Ok::<_, Infallible>(response.expect("a response"))
    };
    let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    http2.serve_connection(TokioIo::new(stream), service_fn(answer)).await.ok()
}

/// Says that it is there (RFC 3261).
fn sip(request: &[u8]) -> Vec<u8> {
    let request = String::from_utf8_lossy(request);
    let marks = ["Via:", "From:", "Call-ID:", "CSeq:"];
    let mut text = "SIP/2.0 200 OK\r\n".to_owned();
    for line in request.lines() {
        if marks.iter().any(|mark| line.starts_with(mark)) {
            text.extend([line, "\r\n"]);
        } else if line.starts_with("To:") {
            text.extend([line, ";tag=bench\r\n"]);
        }
    }
    (text + "Content-Length: 0\r\n\r\n").into_bytes()
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
