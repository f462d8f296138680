//! One touchpoint's server: accepts connections, and does to them what the switched-on fault says.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{self, Next};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::certificate::Certificates;
use super::fault::Fault;
use super::page;
use super::service::{self, Service};

/// What a slow touchpoint adds to each answer: felt, and below any patience.
pub const SLOW: Duration = Duration::from_millis(800);
/// A hanging touchpoint lets go of a connection after this long, so that forgotten ones do not pile up.
const HANG_MAX: Duration = Duration::from_mins(1);
const CONNECTIONS_MAX: usize = 512;
/// Of what is no web server.
const CONVERSATIONS_MAX: usize = 128;

pub(super) struct Stand {
    router: Router,
    fault: watch::Receiver<Option<Fault>>,
    /// Present where the touchpoint speaks TLS.
    pub(super) certificates: Option<Arc<Certificates>>,
    /// Present where somebody may be told of what it does.
    pub(super) service: Option<Service>,
}

impl Stand {
    pub(super) fn new(router: Router, fault: watch::Receiver<Option<Fault>>) -> Self {
        let router = router.layer(middleware::from_fn_with_state(fault.clone(), behind_the_route));
        Self { router, fault, certificates: None, service: None }
    }

    /// Serves until `shutdown`; connections are then cut.
    pub(super) async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        let stand = Arc::new(self);
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let connections = TaskTracker::new();
        let accept = async {
            loop {
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file descriptors, mostly; trying again at once would only burn the processor.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let (stand, shutdown) = (Arc::clone(&stand), shutdown.clone());
                connections.spawn(async move {
                    let _permit = permit;
                    // An error here is the customer's to see.
                    let _ended = shutdown.run_until_cancelled(stand.receive(stream)).await;
                });
            }
        };
        shutdown.run_until_cancelled(accept).await;
        connections.close();
        connections.wait().await;
    }

    async fn receive(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut fault = self.fault.clone();
        if matches!(*fault.borrow(), Some(Fault::Drops)) {
            // Closing with nothing to linger for is a reset.
            return stream.set_zero_linger();
        }
        wait_while_hanging(&mut fault).await;
        let expired = matches!(*fault.borrow(), Some(Fault::ExpiredCertificate));
        match &self.certificates {
            None => self.converse(stream).await,
            Some(certificates) => {
                let acceptor = if expired { &certificates.expired } else { &certificates.good };
                self.converse(acceptor.accept(stream).await?).await
            }
        }
    }

    async fn converse(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<()> {
        let answer = service_fn(|request: Request<Incoming>| {
            let visit = self.service.as_ref().and_then(|service| service.receive(&request));
            let answer = answer(self.router.clone(), self.fault.clone(), request);
            async {
                let answer = answer.await;
                if let (Some(visit), Ok(answer)) = (visit, &answer) {
                    visit.answer(answer);
                }
                answer
            }
        });
        auto::Builder::new(TokioExecutor::new())
            .serve_connection_with_upgrades(TokioIo::new(stream), answer)
            .await
            .map_err(io::Error::other)
    }
}

async fn answer(
    router: Router,
    mut fault: watch::Receiver<Option<Fault>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, io::Error> {
    let now = *fault.borrow();
    match now {
        // A browser's connection that is still open from better times.
        Some(Fault::Drops) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::Hangs) => wait_while_hanging(&mut fault).await,
        Some(Fault::Slow) => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    let answered: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
    Ok(answered.unwrap_or_else(|never| match never {}))
}

/// What is broken is found by the right department, and breaks there.
async fn behind_the_route(
    State(fault): State<watch::Receiver<Option<Fault>>>,
    request: axum::extract::Request,
    next: Next,
) -> Response<Body> {
    let route = service::route_of(&request);
    let broken = *fault.borrow() == Some(Fault::Broken);
    let mut answer = if broken { page::sorry(StatusCode::INTERNAL_SERVER_ERROR) } else { next.run(request).await };
    service::note_route(route, &mut answer);
    answer
}

pub(super) async fn wait_while_hanging(fault: &mut watch::Receiver<Option<Fault>>) {
    let mended = fault.wait_for(|fault| *fault != Some(Fault::Hangs));
    // Either way the connection goes on: mended, or tired of hanging.
    let _either = tokio::time::timeout(HANG_MAX, mended).await;
}

/// Serves each connection with `session`, until `shutdown`: for what is no web server.
pub(super) async fn serve<F, S>(listener: TcpListener, shutdown: CancellationToken, session: S)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
    S: Fn(TcpStream) -> F + Send,
{
    let sessions = TaskTracker::new();
    let accept = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if sessions.len() < CONVERSATIONS_MAX {
                let (work, shutdown) = (session(stream), shutdown.clone());
                // An error here is the customer's to see.
                sessions.spawn(async move { drop(shutdown.run_until_cancelled(work).await) });
            }
        }
    };
    shutdown.run_until_cancelled(accept).await;
    sessions.close();
    sessions.wait().await;
}
