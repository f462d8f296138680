//! A collector that keeps what it is sent, over gRPC and HTTP, and answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::Task;

/// One request, unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) at: tokio::time::Instant,
}

/// What it answers; it takes everything once nothing more is said.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Take,
    /// A body: a message of the protocol.
    Saying(Vec<u8>),
    Status(u16, Vec<(&'static str, String)>),
    /// A status, a content type and a text.
    Page(u16, &'static str, String),
    /// Of gRPC: trailers and nothing else.
    Trailers(Vec<(&'static str, String)>),
    /// No answer at all.
    Silence,
}

pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    kept: Arc<Kept>,
    _task: Task,
}

#[derive(Default)]
struct Kept {
    taken: Mutex<Vec<Taken>>,
    replies: Mutex<VecDeque<Reply>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), None)
    }

    pub(crate) async fn secured(mut tls: ServerConfig) -> Self {
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), Some(TlsAcceptor::from(Arc::new(tls))))
    }

    pub(crate) fn serve(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().unwrap();
        let kept = Arc::<Kept>::default();
        let keeping = Arc::clone(&kept);
        let task = Task::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, tls) = (Arc::clone(&keeping), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => speak(stream, kept).await,
                        // A client that is not known is sent away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                speak(stream, kept).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, kept, _task: task }
    }

    pub(crate) fn answers(&self, replies: impl IntoIterator<Item = Reply>) {
        self.kept.replies.lock().unwrap().extend(replies);
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.kept.taken.lock().unwrap().clone()
    }

    /// The bodies of one signal: `trace`, `metrics`, `logs`.
    pub(crate) fn of<M: prost::Message + Default>(&self, signal: &str) -> Vec<M> {
        let of = |taken: &&Taken| taken.path.to_lowercase().contains(signal);
        self.taken().iter().filter(of).map(|taken| M::decode(&*taken.body).unwrap()).collect()
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, kept: Arc<Kept>) {
    let service = hyper::service::service_fn(move |request| {
        let kept = Arc::clone(&kept);
        async move { Ok::<_, Infallible>(answer(request, &kept).await) }
    });
    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await.ok();
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>, kept: &Kept) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Response::new(Full::default().boxed()) };
    let kind = parts.headers.get("content-type").map(HeaderValue::as_bytes).unwrap_or_default();
    let grpc = kind.starts_with(b"application/grpc");
    let body = unpacked(&body.to_bytes(), grpc, &parts.headers);
    let at = tokio::time::Instant::now();
    kept.taken.lock().unwrap().push(Taken { path: parts.uri.path().to_owned(), headers: parts.headers, body, at });
    let reply = kept.replies.lock().unwrap().pop_front().unwrap_or(Reply::Take);
    match reply {
        Reply::Take if grpc => framed(&[]),
        Reply::Saying(message) if grpc => framed(&message),
        Reply::Take => Response::new(Full::default().boxed()),
        Reply::Saying(message) => Response::new(Full::from(message).boxed()),
        Reply::Silence => std::future::pending().await,
        Reply::Status(status, headers) => {
            let mut response = Response::new(Full::default().boxed());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            *response.headers_mut() = map(&headers);
            response
        }
        Reply::Page(status, kind, text) => {
            let mut response = Response::new(Full::from(text).boxed());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
            response
        }
        Reply::Trailers(headers) => {
            let mut response = Response::new(Full::default().boxed());
            *response.headers_mut() = map(&headers);
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            response
        }
    }
}

fn map(headers: &[(&'static str, String)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

/// gRPC frames a message by a byte for compression and four for its length; HTTP packs the body whole.
fn unpacked(body: &[u8], grpc: bool, headers: &HeaderMap) -> Vec<u8> {
    let (body, packed) = if grpc {
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        assert_eq!(body.len(), 5 + length, "one message");
        (&body[5..], body[0] == 1)
    } else {
        (body, headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip"))
    };
    if !packed {
        return body.to_vec();
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut plain).unwrap();
    plain
}

fn framed(message: &[u8]) -> Response<Body> {
    let mut data = BytesMut::new();
    data.put_u8(0);
    data.put_u32(message.len() as u32);
    data.put(message);
    let end = map(&[("grpc-status", "0".to_owned())]);
    let frames = [Frame::data(data.freeze()), Frame::trailers(end)].map(Ok::<_, Infallible>);
    let mut response = Response::new(BoxBody::new(StreamBody::new(futures::stream::iter(frames))));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
