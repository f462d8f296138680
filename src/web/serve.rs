//! Accepts connections, few and not for ever.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections at once; more wait in the listener's backlog.
pub(super) const CONNECTIONS_MAX: usize = 256;
/// From the first byte of a request, or the end of the one before, to the end of its head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long a stop waits for answers that are under way.
const DRAIN_WITHIN: Duration = Duration::from_secs(3);
/// After a failed accept: no file descriptors, mostly.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Serves until `stopping`, then finishes what is under way, for at most three seconds.
pub async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(64 * 1024);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_WITHIN).max_concurrent_streams(32);
    let builder = Arc::new(builder);
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &seats) => accepted,
        };
        let (stream, seat) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "A visitor's connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let watcher = graceful.watcher();
        let (builder, service) = (Arc::clone(&builder), TowerToHyperService::new(router.clone()));
        connections.spawn(async move {
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            // Broken connections are the visitors' own affair.
            let _ = watcher.watch(connection).await;
            drop(seat);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN_WITHIN, graceful.shutdown()).await;
    connections.abort_all();
}

type Seat = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, seats: &Arc<Semaphore>) -> std::io::Result<(TcpStream, Seat)> {
    let seat = Arc::clone(seats).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Small answers go out at once; losing this costs time only.
    let _ = stream.set_nodelay(true);
    Ok((stream, seat))
}
