//! An honest web server over TLS or without, HTTP/1.1 and 2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::Task;

/// Answers every request with what it was, as JSON.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    _task: Task,
}

impl Web {
    pub(crate) async fn plain() -> Self {
        Self::start(None, None).await
    }

    pub(crate) async fn secure(config: rustls::ServerConfig) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config))), None).await
    }

    /// Sends everybody to `location`.
    pub(crate) async fn leading_to(location: &str, config: rustls::ServerConfig) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config))), Some(location.into())).await
    }

    async fn start(acceptor: Option<TlsAcceptor>, location: Option<Arc<str>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = Task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, location) = (acceptor.clone(), location.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, location).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, location).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, _task: task }
    }

    /// Under a name, with the scheme that it speaks.
    pub(crate) fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}/", self.address.port())
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, location: Option<Arc<str>>) {
    let service = service_fn(|request: Request<Incoming>| {
        let location = location.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let headers: serde_json::Map<String, serde_json::Value> = head
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
                .collect();
            let told = serde_json::json!({
                "method": head.method.as_str(), "uri": head.uri.to_string(), "version": format!("{:?}", head.version),
                "headers": headers, "body": String::from_utf8_lossy(&body),
            });
            let mut answer = Response::builder().header("content-type", "application/json; charset=utf-8");
            if let Some(location) = location {
                answer = answer.status(302).header("location", &*location);
            }
            Ok::<_, Infallible>(answer.body(Full::new(Bytes::from(told.to_string()))).unwrap())
        }
    });
    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}
