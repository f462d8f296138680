//! An HTTP/3 server that never stops.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use quinn::crypto::rustls::QuicServerConfig;
use serde_json::json;
use unbroken::model::{FaultCode, Phase};

use super::memory::Flood;
use crate::support::certificates::Identity;

pub(super) fn floods() -> Vec<Flood> {
    let http = json!({ "get": format!("https://{}/", serve()), "version": "3", "tls": { "insecure": true } });
    let step = json!({ "http": http, "expect": { "body": { "contains": "never" } } });
    vec![Flood::capped("http/3: a body without an end", step, FaultCode::Expectation, Phase::Assert)]
}

fn serve() -> SocketAddr {
    let mut tls = Identity::alone(&["localhost", "127.0.0.1"]).server(&["h3"]);
    tls.max_early_data_size = u32::MAX;
    let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let endpoint = quinn::Endpoint::server(config, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    answer(connection).await;
                }
            });
        }
    });
    address
}

/// Whatever goes wrong, the client has gone.
async fn answer(connection: quinn::Connection) -> Option<()> {
    let mut connection = h3::server::Connection::<_, Bytes>::new(h3_quinn::Connection::new(connection)).await.ok()?;
    let (_, mut stream) = connection.accept().await.ok()??.resolve_request().await.ok()?;
    stream.send_response(Response::new(())).await.ok()?;
    let chunk = Bytes::from(vec![b'x'; 64 << 10]);
    while stream.send_data(chunk.clone()).await.is_ok() {}
    Some(())
}
