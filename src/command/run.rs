//! `unbroken run`: the daemon.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::terminal::say;
use super::{Exit, Global, Stop, logging};
use crate::clock::Clock;
use crate::config::{Plan, Secrets};
use crate::daemon::{self, Setup};
use crate::telemetry::Relay;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Listen here instead of where the configuration says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let relay = logging::to_stderr(global);
        let plan = global.plan(Secrets::Needed)?;
        let at = self.listen.unwrap_or(plan.listen);
        if !at.ip().is_loopback() && !plan.public {
            return Err(Stop::usage(format!(
                "{at} is reached by others, and there is no sign-in: listen on 127.0.0.1 behind a proxy, or say \
                 `public: true` in unbroken.yaml"
            )));
        }
        let listener =
            TcpListener::bind(at).await.map_err(|error| Stop::own(&format!("cannot listen on {at}"), &error))?;
        let stop = until_told();
        serve(global, plan, (listener, relay), stop).await
    }
}

/// Ends with SIGTERM or SIGINT.
pub(super) fn until_told() -> CancellationToken {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let stop = stop.clone();
        if let Ok(mut told) = signal(kind) {
            tokio::spawn(async move {
                told.recv().await;
                stop.cancel();
            });
        }
    }
    stop
}

/// Runs the daemon until `stop`, and prints the page's address when it answers.
pub(super) async fn serve(
    global: &Global,
    plan: Plan,
    (listener, relay): (TcpListener, Relay),
    stop: CancellationToken,
) -> Result<Exit, Stop> {
    let address = listener.local_addr().map_err(|error| Stop::own("cannot read the address", &error))?;
    let (company, touchpoints) = (plan.map.company.clone(), plan.map.touchpoints.len());
    let opened = Box::new(move || {
        say!("http://{address}/");
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!(version, touchpoints, %address, "Watching {company} at {touchpoints} touchpoints; the page is http://{address}/");
    });
    let setup = Setup {
        plan,
        folders: global.folders(),
        variables: global.variables(),
        listener,
        clock: Clock::system(),
        program: program()?,
        stop,
        relay,
        opened,
    };
    daemon::run(setup).await.map_err(|error| Stop::failure(crate::words::chain(&error)))?;
    tracing::info!("Stopped; everything that was concluded is on disk");
    Ok(Exit::Well)
}

/// This program, for what runs in a child process.
pub(super) fn program() -> Result<std::path::PathBuf, Stop> {
    std::env::current_exe().map_err(|error| Stop::own("cannot find this program's own file", &error))
}
