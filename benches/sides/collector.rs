//! A collector that takes everything and keeps nothing, in a process of its own: OTLP by gRPC and by HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};

/// An empty message, not compressed: everything was taken.
const ACCEPTED: &[u8] = &[0; 5];

pub(crate) fn serve(address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            tokio::spawn(async move {
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                builder.serve_connection(TokioIo::new(stream), service_fn(take)).await.ok();
            });
        }
    });
}

async fn take(mut request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let kind = request.headers().get("content-type").cloned();
    while let Some(Ok(_)) = request.body_mut().frame().await {}
    let by_grpc = kind.as_ref().is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let body = if by_grpc {
        let well = HeaderMap::from_iter([("grpc-status".parse().expect("a name"), "0".parse().expect("a value"))]);
        Full::from(ACCEPTED).with_trailers(std::future::ready(Some(Ok(well)))).boxed()
    } else {
        Full::from("").boxed()
    };
    let mut answer = Response::new(body);
    if let Some(kind) = kind {
        answer.headers_mut().insert("content-type", kind);
    }
    Ok(answer)
}
