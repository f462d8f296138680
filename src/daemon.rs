//! The daemon: wires everybody to everybody. It contains no rule about health.
//!
//! ```text
//! pulse ─readings▶ keeper ─decisions▶ commit ─▶ store ─▶ courier
//!   ◀──────rechecks──┘ └──entries──▶ record ─▶ store
//! ```
//!
//! Every arrow is a bounded or drained queue; nothing on the right can make anything on the left wait.

mod asked;
mod canary;
mod commit;
mod desk;
mod direct;
pub mod errands;
mod footprint;
mod journal;
mod keeper;
pub mod key;
mod minutes;
mod outbox;
mod outposts;
mod post;
mod pulse;
mod punctuality;
mod record;
mod reload;
mod reports;
mod signs;
mod tell;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{broadcast, mpsc, watch as cell};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::alert::{Bell, Ledger};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Environment, Folders, Plan};
use crate::model::{Notification, Reading, Snapshot};
use crate::probe::Detail;
use crate::probe::browser::pool::Browsers;
use crate::probe::connect::Network;
use crate::store::sqlite::Sqlite;
use crate::store::{Decision, Refused, Store};
use crate::telemetry::{Buckets, Exporter, Identity, Metrics, Relay, Signal, Unbuilt};
use crate::web::{self, Audience, Site, Tokens, Written};
use crate::words::chain;

/// Readings on their way to the board; beyond it runs that have ended wait, and the schedule says so.
const READINGS_QUEUED_MAX: usize = 8_192;
const ASKS_QUEUED_MAX: usize = 4_096;
/// Groups of readings on their way to the store; beyond it they gather.
const ENTRIES_QUEUED_MAX: usize = 8;
const EVENTS_QUEUED_MAX: usize = 1_024;
/// What runs at a stop may still take so long.
const RUNS_GRACE: Duration = Duration::from_secs(3);
/// What is concluded gets so long to reach the disk, and those outside to finish.
const WRITE_GRACE: Duration = Duration::from_secs(3);
/// Then the store gets so long to close.
const CLOSE_GRACE: Duration = Duration::from_secs(3);
/// In it, the last spans, numbers and log records get so long to leave.
const SEND_GRACE: Duration = Duration::from_millis(2_700);

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
    /// Where the log's lines come from that collectors are to have.
    pub relay: Relay,
    /// Called once, when the store is open and the page answers.
    pub opened: Box<dyn FnOnce() + Send>,
}

/// Why the daemon did not start. Each names its cause as its source.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("cannot open the store")]
    Store(#[from] Refused),
    #[error("cannot set up telemetry")]
    Telemetry(#[from] Unbuilt),
    #[error("cannot read the address that was bound")]
    Address(#[from] std::io::Error),
    #[error("cannot set up the thread that probes")]
    Thread(#[source] std::io::Error),
    #[error("a part of the daemon crashed; the log says where")]
    Crashed(#[from] JoinError),
}

/// Runs until `stop`; then ends within ten seconds, with everything that was concluded on disk.
pub async fn run(setup: Setup) -> Result<(), Failure> {
    let Assembled { shared, pulse, asks, parts, closing, stop, opened } = assemble(setup).await?;
    opened();
    let own = Builder::new_current_thread().enable_all().build().map_err(Failure::Thread)?;
    let beaten = tokio::task::spawn_blocking(move || own.block_on(pulse.beat(asks, stop, RUNS_GRACE))).await;
    closing.cancel();
    shared.close(parts).await.and(beaten.map_err(Failure::from))
}

/// A daemon at work on everything but probing.
struct Assembled {
    shared: Shared,
    pulse: pulse::Pulse,
    asks: mpsc::Receiver<pulse::Ask>,
    parts: [JoinHandle<()>; 5],
    closing: CancellationToken,
    stop: CancellationToken,
    opened: Box<dyn FnOnce() + Send>,
}

async fn assemble(setup: Setup) -> Result<Assembled, Failure> {
    let exporter = Arc::new(exporter(&setup.plan)?);
    setup.relay.attach(&exporter);
    let assembled = assemble_with(setup, Arc::clone(&exporter)).await;
    if assembled.is_err() {
        // What led to it is told outside, too.
        exporter.shutdown(SEND_GRACE).await;
    }
    assembled
}

async fn assemble_with(setup: Setup, exporter: Arc<Exporter>) -> Result<Assembled, Failure> {
    let Setup { plan, folders, variables, listener, clock, program, stop, opened, .. } = setup;
    let shared = Shared::open(&plan, clock, exporter).await?;
    let (page, base) = (listener.local_addr()?, plan.url.clone().or(base_url(&listener)?));
    let restored = shared.store.restore().await?;
    let ids = Box::new(uuid::Uuid::now_v7);
    if let Some(written) = Board::last_looked(&restored.memory) {
        shared.clock.follow(written);
    }
    let now = shared.clock.now();
    let before = keeper::Before {
        open: restored.incidents.clone(),
        ledger: Ledger::new(restored.told),
        silences: shared.store.silences(now, u32::MAX).await?,
    };
    let (board, first) = Board::restore(Arc::clone(&plan.map), ids, restored.memory, restored.incidents, now);
    let (outlets, inlets, ends) = lay_lines(&shared, board.snapshot(now));
    shared.exporter.measure(&shared.asked().source(outlets.snapshot.subscribe()));
    let (tokens_in, tokens) = cell::channel(Arc::new(reload::tokens(&plan)));
    let (written_in, written) = cell::channel(Arc::clone(&plan.written));
    let network = Arc::new(Network::system(shared.clock.clone()));
    let site = shared.site(&plan, base.clone(), &outlets, (tokens, written), &ends.tells, stop.clone());
    let reloader = reload::Reloader {
        folders,
        environment: Environment::new(variables.clone()),
        asks: outlets.asks.clone(),
        tells: ends.tells.clone(),
        tokens: tokens_in,
        written: written_in,
        metrics: Arc::clone(&shared.metrics),
        snapshot: outlets.snapshot.subscribe(),
        outposts: shared.outposts(variables, base.clone(), ends.tells, Arc::clone(&network)),
        page,
    };
    let browsers = Arc::clone(&shared.browsers);
    let prober = errands::prober((network, browsers), &shared.clock, &program, Some(Arc::clone(&shared.store)))
        .showing(errands::Shown::new(Arc::clone(&shared.store)))
        .telling(if shared.exporter.wants(Signal::Traces) { Detail::Full } else { Detail::Brief });
    let watched = Arc::new(pulse::Watched::of(&plan));
    let (metrics, signs) = (Arc::clone(&shared.metrics), Arc::clone(&shared.signs));
    let others = Handle::current();
    let pulse = pulse::Pulse::new(watched, &prober, shared.clock.clone(), ends.readings, metrics, signs, others);
    let (map, alerts) = (Arc::clone(&plan.map), Arc::new(plan.alerts.clone()));
    let keeper = keeper::Keeper::new(board, map, alerts, shared.clock.clone(), base, before, outlets);

    let closing = inlets.closing.clone();
    let (store, signs) = (Arc::clone(&shared.store), Arc::clone(&shared.signs));
    let parts = [
        vital(&stop, keeper.keep(inlets, first)),
        vital(&stop, commit::run(Arc::clone(&store), ends.decisions, ends.verdicts, ends.backlog)),
        vital(&stop, record::run(store, ends.entries, ends.fared, signs)),
        vital(&stop, web::serve(listener, web::router(site), stop.clone())),
        vital(&stop, reloader.run(plan, ends.direct, stop.clone())),
    ];
    Ok(Assembled { shared, pulse, asks: ends.asks, parts, closing, stop, opened })
}

fn exporter(plan: &Plan) -> Result<Exporter, Unbuilt> {
    let identity = Identity {
        instance: uuid::Uuid::now_v7().to_string(),
        vantage: plan.map.vantages.first().cloned().unwrap_or_default(),
    };
    Exporter::new(&plan.telemetry, &identity)
}

/// What nearly every part needs.
struct Shared {
    store: Arc<dyn Store>,
    clock: Clock,
    exporter: Arc<Exporter>,
    metrics: Arc<Metrics>,
    signs: Arc<signs::Signs>,
    bell: Bell,
    browsers: Arc<Browsers>,
}

impl Shared {
    async fn open(plan: &Plan, clock: Clock, exporter: Arc<Exporter>) -> Result<Self, Failure> {
        let buckets = if exporter.wants(Signal::Metrics) { plan.telemetry.buckets() } else { Buckets::Fixed };
        Ok(Self {
            store: Arc::new(Sqlite::open(&plan.store).await?),
            metrics: Arc::new(Metrics::new(clock.now(), buckets)),
            clock,
            exporter,
            signs: Arc::new(signs::Signs::new()),
            bell: Bell::default(),
            browsers: errands::browsers(plan),
        })
    }

    fn site(
        &self,
        plan: &Plan,
        base: Option<Url>,
        outlets: &keeper::Outlets,
        (tokens, written): (cell::Receiver<Arc<Tokens>>, cell::Receiver<Arc<Written>>),
        tells: &mpsc::UnboundedSender<keeper::Tell>,
        stopping: CancellationToken,
    ) -> Site {
        Site {
            clock: self.clock.clone(),
            snapshot: outlets.snapshot.subscribe(),
            store: Arc::clone(&self.store),
            events: outlets.events.clone(),
            tokens,
            written,
            desk: Arc::new(desk::Desk(tells.clone())),
            key: key::lay(&plan.store.path),
            base,
            audience: if plan.public { Audience::Everybody } else { Audience::Insiders },
            vitals: Arc::new(self.asked()),
            stopping,
        }
    }

    fn asked(&self) -> asked::Asked {
        asked::Asked {
            signs: Arc::clone(&self.signs),
            metrics: Arc::clone(&self.metrics),
            exporter: Arc::clone(&self.exporter),
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
        }
    }

    fn outposts(
        &self,
        environment: BTreeMap<String, String>,
        base: Option<Url>,
        tells: mpsc::UnboundedSender<keeper::Tell>,
        network: Arc<Network>,
    ) -> outposts::Outposts {
        outposts::Outposts {
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            environment,
            bell: self.bell.clone(),
            base,
            tells,
            metrics: Arc::clone(&self.metrics),
            signs: Arc::clone(&self.signs),
            network,
            browsers: Arc::clone(&self.browsers),
            told: Arc::default(),
        }
    }

    /// Waits for the parts, which end one after the other, then closes what they shared.
    async fn close(self, parts: [JoinHandle<()>; 5]) -> Result<(), Failure> {
        let ended = tokio::time::timeout(WRITE_GRACE, futures::future::join_all(parts)).await;
        if ended.is_err() {
            tracing::warn!("Not everything ended in time: what was still under way is lost");
        }
        let Self { store, exporter, browsers, .. } = self;
        let closed = async { tokio::join!(exporter.shutdown(SEND_GRACE), store.close(), browsers.close()) };
        tokio::time::timeout(CLOSE_GRACE, closed).await.ok();
        ended.unwrap_or_default().into_iter().collect::<Result<(), _>>().map_err(Failure::from)
    }
}

/// The other ends of the keeper's lines.
struct Ends {
    readings: mpsc::Sender<Arc<Reading>>,
    asks: mpsc::Receiver<pulse::Ask>,
    entries: mpsc::Receiver<record::Entry>,
    fared: mpsc::UnboundedSender<record::Fared>,
    decisions: mpsc::UnboundedReceiver<Decision>,
    verdicts: mpsc::UnboundedSender<commit::Verdict>,
    tells: mpsc::UnboundedSender<keeper::Tell>,
    direct: mpsc::UnboundedReceiver<Vec<Notification>>,
    backlog: Arc<commit::Backlog>,
}

fn lay_lines(shared: &Shared, snapshot: Snapshot) -> (keeper::Outlets, keeper::Inlets, Ends) {
    let (readings_in, readings) = mpsc::channel(READINGS_QUEUED_MAX);
    let (asks, asks_out) = mpsc::channel(ASKS_QUEUED_MAX);
    let (entries, entries_out) = mpsc::channel(ENTRIES_QUEUED_MAX);
    let (fared_in, fared) = mpsc::unbounded_channel();
    let (decisions, decisions_out) = mpsc::unbounded_channel();
    let (verdicts_in, verdicts) = mpsc::unbounded_channel();
    let (tells_in, tells) = mpsc::unbounded_channel();
    let (direct, direct_out) = mpsc::unbounded_channel();
    let backlog = Arc::new(commit::Backlog::default());
    let outlets = keeper::Outlets {
        asks,
        decisions,
        readings: record::Gathering::new(entries),
        snapshot: cell::channel(Arc::new(snapshot)).0,
        events: broadcast::channel(EVENTS_QUEUED_MAX).0,
        bell: shared.bell.clone(),
        direct,
        exporter: Arc::clone(&shared.exporter),
        metrics: Arc::clone(&shared.metrics),
        signs: Arc::clone(&shared.signs),
        backlog: Arc::clone(&backlog),
    };
    let inlets = keeper::Inlets { readings, tells, verdicts, fared, closing: CancellationToken::new() };
    let ends = Ends {
        readings: readings_in,
        asks: asks_out,
        entries: entries_out,
        fared: fared_in,
        decisions: decisions_out,
        verdicts: verdicts_in,
        tells: tells_in,
        direct: direct_out,
        backlog,
    };
    (outlets, inlets, ends)
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

/// Where this daemon's pages are, for links in notifications; unknown, if it listens on every address.
fn base_url(listener: &TcpListener) -> std::io::Result<Option<Url>> {
    let address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        return Ok(None);
    }
    Url::parse(&format!("http://{address}/")).map(Some).map_err(std::io::Error::other)
}

#[cfg(test)]
mod hour;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod unstarted;
#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_link_leads_nowhere() {
        let every = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        assert_eq!(base_url(&every).expect("an address"), None);
        let one = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        assert!(base_url(&one).expect("an address").is_some_and(|url| url.as_str().starts_with("http://127.0.0.1:")));
    }

    #[tokio::test]
    async fn a_part_that_crashes_stops_the_rest() {
        let stop = CancellationToken::new();
        let part = vital(&stop, async { panic!("on purpose") });
        stop.cancelled().await;
        assert!(part.await.expect_err("it crashed").is_panic());
    }
}
