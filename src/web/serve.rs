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
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::patient::Patient;
use crate::lasting::{Lasting, Telling};

/// Connections at once; more wait in the listener's backlog.
pub(super) const CONNECTIONS_MAX: usize = 256;
/// From the first byte of a request, or the end of the one before, to the end of its head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A visitor who takes next to nothing of an answer for so long is dropped.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
/// Of an answer that a visitor does not take, beside what the HTTP library holds.
const UNREAD_BYTES_MAX: usize = 64 << 10;
/// How long a stop waits for answers that are under way.
const DRAIN_WITHIN: Duration = Duration::from_secs(3);
/// When none has failed for so long, they are accepted again.
const FAILURE_OVER_AFTER: Duration = Duration::from_mins(1);
/// After a failed accept: no file descriptors, mostly.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Serves until `stopping`, then finishes what is under way, for at most three seconds.
pub async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    // HTTP/2 comes from the proxy that adds encryption; here a stream that nobody reads would not even stop the connection.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(64 * 1024);
    let builder = Arc::new(builder);
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut failing = Lasting::over_after(FAILURE_OVER_AFTER);
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &seats) => accepted,
        };
        let (stream, seat) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if failing.failed(&error.to_string(), Instant::now()) == Telling::News {
                    tracing::warn!(%error, "Visitors' connections cannot be accepted: {error}");
                }
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let watcher = graceful.watcher();
        let (builder, service) = (Arc::clone(&builder), TowerToHyperService::new(router.clone()));
        connections.spawn(async move {
            let connection =
                builder.serve_connection(TokioIo::new(Patient::new(stream, TAKEN_WITHIN)), service).into_owned();
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
    // What a visitor does not read waits in the kernel: so much of it and no more.
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, UNREAD_BYTES_MAX);
    Ok((stream, seat))
}
