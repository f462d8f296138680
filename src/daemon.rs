//! The daemon: wires everybody to everybody. It contains no rule about health.
//!
//! ```text
//! pulse ─readings▶ keeper ─decisions▶ commit ─▶ store ─▶ courier
//!   ◀──────rechecks──┘ └──entries──▶ record ─▶ store
//! ```
//!
//! Every arrow is a bounded or drained queue; nothing on the right can make anything on the left wait.

mod canary;
mod commit;
pub mod errands;
mod keeper;
mod minutes;
mod outposts;
mod pulse;
mod punctuality;
mod record;
mod reload;
mod signs;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, watch as cell};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::alert::Bell;
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Environment, Folders, Plan};
use crate::store::sqlite::Sqlite;
use crate::store::{Refused, Store};
use crate::telemetry::{Exporter, Identity, Metrics};
use crate::web::{self, Audience, Site};

/// Readings on their way to the board; beyond it runs that have ended wait, and the schedule says so.
const READINGS_QUEUED_MAX: usize = 8_192;
const ASKS_QUEUED_MAX: usize = 4_096;
/// Readings on their way to the store; beyond it they are counted and dropped.
const ENTRIES_QUEUED_MAX: usize = 65_536;
const EVENTS_QUEUED_MAX: usize = 1_024;
/// What runs at a stop may still take so long.
const RUNS_GRACE: Duration = Duration::from_secs(3);
/// What is concluded gets so long to reach the disk, and those outside to finish.
const WRITE_GRACE: Duration = Duration::from_secs(3);
/// Then the last spans get so long to leave, and the store to close.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// What a daemon is started with.
pub struct Setup {
    pub plan: Plan,
    pub folders: Folders,
    /// What `${NAME}` in the configuration stands for, and what `command` receivers may be given of.
    pub variables: BTreeMap<String, String>,
    pub listener: TcpListener,
    pub clock: Clock,
    /// The path of this program, for what runs in a child process.
    pub program: PathBuf,
    pub stop: CancellationToken,
}

/// Why the daemon did not start. Each names its cause as its source.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("cannot open the store")]
    Store(#[from] Refused),
    #[error("cannot set up telemetry")]
    Telemetry(#[from] crate::telemetry::Unbuilt),
    #[error("cannot read the address that was bound")]
    Address(#[from] std::io::Error),
    #[error("a part of the daemon crashed; the log says where")]
    Crashed(#[from] JoinError),
}

/// An error with its sources, for one line of a log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// Runs until `stop`; then ends within ten seconds, with everything that was concluded on disk.
pub async fn run(setup: Setup) -> Result<(), Failure> {
    let Setup { plan, folders, variables, listener, clock, program, stop } = setup;
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(&plan.store).await?);
    let identity = Identity {
        instance: uuid::Uuid::now_v7().to_string(),
        vantage: plan.map.vantages.first().cloned().unwrap_or_default(),
    };
    let exporter = Arc::new(Exporter::new(&plan.telemetry, &identity)?);
    let metrics = Arc::new(Metrics::default());
    let signs = Arc::new(signs::Signs::new());
    let base = base_url(&listener)?;

    let restored = store.restore().await?;
    let ids = Box::new(uuid::Uuid::now_v7);
    let open = restored.incidents.clone();
    let (board, first) = Board::restore(Arc::clone(&plan.map), ids, restored.memory, restored.incidents, clock.now());

    let (readings_in, readings) = mpsc::channel(READINGS_QUEUED_MAX);
    let (asks_in, asks) = mpsc::channel(ASKS_QUEUED_MAX);
    let (entries_in, entries) = mpsc::channel(ENTRIES_QUEUED_MAX);
    let (decisions_in, decisions) = mpsc::unbounded_channel();
    let (verdicts_in, verdicts) = mpsc::unbounded_channel();
    let (fared_in, fared) = mpsc::unbounded_channel();
    let (tells_in, tells) = mpsc::unbounded_channel();
    let (direct_in, direct) = mpsc::unbounded_channel();
    let (events, _) = broadcast::channel(EVENTS_QUEUED_MAX);
    let (snapshot_in, snapshot) = cell::channel(Arc::new(board.snapshot(clock.now())));
    let (tokens_in, tokens) = cell::channel(Arc::new(reload::tokens(&plan)));
    let bell = Bell::default();

    let alerts = Arc::new(plan.alerts.clone());
    let out = keeper::Outlets {
        asks: asks_in.clone(),
        decisions: decisions_in,
        entries: entries_in,
        snapshot: snapshot_in,
        events: events.clone(),
        bell: bell.clone(),
        direct: direct_in,
        exporter: Arc::clone(&exporter),
        metrics: Arc::clone(&metrics),
        signs: Arc::clone(&signs),
    };
    let keeper = keeper::Keeper::new(
        board,
        Arc::clone(&plan.map),
        Arc::clone(&alerts),
        clock.clone(),
        Some(base.clone()),
        open,
        out,
    );
    let closing = CancellationToken::new();
    let inlets = keeper::Inlets { readings, tells, verdicts, fared, closing: closing.clone() };

    let watched = Arc::new(pulse::Watched::of(&plan));
    let prober = Arc::new(errands::prober(&clock, &program, Some(Arc::clone(&store))));
    let pulse =
        pulse::Pulse::new(watched, prober, clock.clone(), readings_in, Arc::clone(&metrics), Arc::clone(&signs));

    let site = Site {
        clock: clock.clone(),
        snapshot,
        store: Arc::clone(&store),
        events,
        tokens,
        hosts: Vec::new(),
        audience: if plan.public { Audience::Everybody } else { Audience::Insiders },
        vitals: Arc::new(signs::Asked {
            signs: Arc::clone(&signs),
            metrics: Arc::clone(&metrics),
            exporter: Arc::clone(&exporter),
            store: Arc::clone(&store),
        }),
        stopping: stop.clone(),
    };

    let outposts = outposts::Outposts {
        store: Arc::clone(&store),
        clock: clock.clone(),
        environment: variables.clone(),
        bell,
        tells: tells_in.clone(),
        metrics: Arc::clone(&metrics),
        signs: Arc::clone(&signs),
    };
    let reloader = reload::Reloader {
        folders,
        environment: Environment::new(variables),
        asks: asks_in,
        tells: tells_in,
        tokens: tokens_in,
        metrics,
        outposts,
    };

    let committing = vital(&stop, commit::run(Arc::clone(&store), decisions, verdicts_in));
    let recording = vital(&stop, record::run(Arc::clone(&store), entries, fared_in, signs));
    let keeping = vital(&stop, keeper.keep(inlets, first));
    let serving = vital(&stop, web::serve(listener, web::router(site), stop.clone()));
    let outside = vital(&stop, reloader.run(plan, direct, stop.clone()));
    pulse.beat(asks, stop, RUNS_GRACE).await;
    closing.cancel();

    // The keeper ends when no reading is left, then those who write for it.
    let ended = tokio::time::timeout(WRITE_GRACE, async {
        let (kept, committed, recorded, outside, served) =
            tokio::join!(keeping, committing, recording, outside, serving);
        kept.and(committed).and(recorded).and(outside).and(served)
    })
    .await;
    if ended.is_err() {
        tracing::warn!("Not everything ended in time");
    }
    tokio::time::timeout(CLOSE_GRACE, async {
        let spans = async {
            if let Ok(exporter) = Arc::try_unwrap(exporter) {
                exporter.shutdown().await;
            }
        };
        tokio::join!(spans, store.close())
    })
    .await
    .ok();
    ended.unwrap_or(Ok(())).map_err(Failure::from)
}

/// Starts a part without which there is no daemon: should it end, by a panic too, everything stops, and whoever
/// started us starts us again.
fn vital(stop: &CancellationToken, part: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let guard = stop.clone().drop_guard();
    tokio::spawn(async move {
        let _guard = guard;
        part.await;
    })
}

/// Where this daemon's pages are, for links in notifications.
fn base_url(listener: &TcpListener) -> std::io::Result<Url> {
    let address = listener.local_addr()?;
    Url::parse(&format!("http://{address}/")).map_err(std::io::Error::other)
}
