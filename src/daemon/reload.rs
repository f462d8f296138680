//! Takes a changed configuration: whole or not at all, while everything unchanged keeps its streaks and phases.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch as cell};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::errands;
use super::keeper::Tell;
use super::outposts::Outposts;
use super::pulse::{Ask, Watched};
use super::reports;
use super::watch::Watch;
use crate::config::{self, Environment, Folders, Plan, Secrets, Severity};
use crate::model::{Notification, Snapshot};
use crate::probe::Kind;
use crate::telemetry::{Metrics, Reload};
use crate::web::{Tokens, Written};

/// The tokens with which outside systems may push.
pub(super) fn tokens(plan: &Plan) -> Tokens {
    let mut tokens = Tokens::new();
    for errand in &plan.errands {
        for step in errand.steps() {
            if let Kind::Push(push) = &step.kind {
                tokens.entry(errand.id.clone()).or_default().extend(push.token.all().iter().cloned());
            }
        }
    }
    tokens
}

/// Who must hear of a new plan.
pub(super) struct Reloader {
    pub(super) folders: Folders,
    pub(super) environment: Environment,
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) tells: mpsc::UnboundedSender<Tell>,
    pub(super) tokens: cell::Sender<Arc<Tokens>>,
    pub(super) written: cell::Sender<Arc<Written>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) snapshot: cell::Receiver<Arc<Snapshot>>,
    pub(super) outposts: Outposts,
    /// Where the page is, as long as this daemon runs.
    pub(super) page: SocketAddr,
}

impl Reloader {
    /// Keeps the outposts of the present plan running, and takes the next one when files change or SIGHUP comes.
    pub(super) async fn run(
        self,
        mut plan: Plan,
        direct: mpsc::UnboundedReceiver<Vec<Notification>>,
        stop: CancellationToken,
    ) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut watch = Watch::new(&folders_of(&plan));
        let mut always = JoinSet::new();
        let (alerts_in, alerts) = cell::channel(plan.alerts.clone());
        always.spawn(self.outposts.clone().watch_outbox(alerts.clone(), stop.clone()));
        always.spawn(self.outposts.clone().tidy(stop.clone()));
        let (browsers, tells) = (Arc::clone(&self.outposts.browsers), self.tells.clone());
        always.spawn(errands::watch_browsers(browsers, tells, stop.clone()));
        always.spawn(self.outposts.clone().send_direct(alerts, direct, stop.clone()));
        let mut present = self.man(&plan, &stop);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = watch.changed() => {}
                // Whoever asks for it by hand has looked at what we complained about.
                () = hung_up(hangup.as_mut()) => self.outposts.clock.confirm(),
            }
            let Some(next) = self.load(&plan).await else { continue };
            let at_start =
                |plan: &Plan| (plan.listen, plan.url.clone(), plan.public, plan.store.clone(), plan.telemetry.clone());
            if at_start(&next) != at_start(&plan) {
                tracing::warn!(
                    "`listen`, `url`, `public`, `store`, `retention` and `telemetry` take effect at the next start"
                );
            }
            present.end().await;
            alerts_in.send_replace(next.alerts.clone());
            self.hand_on(&next).await;
            if folders_of(&next) != folders_of(&plan) {
                watch = Watch::new(&folders_of(&next));
            }
            plan = next;
            present = self.man(&plan, &stop);
        }
        present.end().await;
        always.join_all().await;
    }

    async fn load(&self, present: &Plan) -> Option<Plan> {
        let (folders, environment) = (self.folders.clone(), self.environment.clone());
        let loading = tokio::task::spawn_blocking(move || config::load(&folders, &environment, Secrets::Needed)).await;
        let Ok(loaded) =
            loading.inspect_err(|error| tracing::error!(%error, "Reading the configuration crashed: {error}"))
        else {
            self.metrics.reloaded(Reload::Refused);
            return None;
        };
        for problem in &loaded.problems {
            let (file, line, column, said) =
                (problem.file.display(), problem.line, problem.column, problem.in_one_line());
            match problem.severity {
                Severity::Error => tracing::error!(%file, line, column, "{said}"),
                Severity::Warning => tracing::warn!(%file, line, column, "{said}"),
            }
        }
        let plan = loaded.plan.filter(|plan| plan.listen == present.listen || self.can_listen(plan.listen));
        if let Some(plan) = &plan {
            self.metrics.reloaded(Reload::Taken);
            let (probes, journeys) = (plan.errands.len(), plan.map.journeys.len());
            tracing::info!(probes, journeys, "Took the new configuration; probes: {probes}, journeys: {journeys}");
        } else {
            self.metrics.reloaded(Reload::Refused);
            let problems = loaded.problems.len().max(1);
            tracing::error!(problems, "The new configuration is wrong; nothing was changed");
        }
        plan
    }

    /// Whether the next start could listen there. Found out now, while the old page still answers.
    fn can_listen(&self, at: SocketAddr) -> bool {
        // What holds our own port is ourselves.
        let bound = if at.port() == self.page.port() { Ok(()) } else { TcpListener::bind(at).map(drop) };
        bound.inspect_err(|error| tracing::error!(%error, "Cannot listen on {at} at the next start: {error}")).is_ok()
    }

    async fn hand_on(&self, plan: &Plan) {
        self.tokens.send_replace(Arc::new(tokens(plan)));
        self.outposts.browsers.adjust(&plan.browser);
        self.written.send_replace(Arc::clone(&plan.written));
        let tell = Tell::Reload { map: Arc::clone(&plan.map), alerts: Arc::new(plan.alerts.clone()) };
        self.tells.send(tell).ok();
        self.asks.send(Ask::Reload(Arc::new(Watched::of(plan)))).await.ok();
    }

    /// Starts what depends on the plan.
    fn man(&self, plan: &Plan, stop: &CancellationToken) -> Present {
        let leave = stop.child_token();
        let mut posts = JoinSet::new();
        posts.spawn(self.outposts.clone().carry(plan.alerts.clone(), Arc::clone(&plan.map), leave.clone()));
        if let Some(heartbeat) = &plan.alerts.heartbeat {
            posts.spawn(self.outposts.clone().beat(heartbeat.clone(), leave.clone()));
        }
        posts.spawn(self.outposts.clone().recall_spending(Arc::clone(&plan.map), leave.clone()));
        let desk =
            reports::Desk { orders: plan.reports.clone(), map: Arc::clone(&plan.map), snapshot: self.snapshot.clone() };
        posts.spawn(self.outposts.clone().report(desk, leave.clone()));
        for vantage in &plan.vantages {
            posts.spawn(self.outposts.clone().ask_canaries(vantage.clone(), leave.clone()));
        }
        Present { posts, leave }
    }
}

/// The outposts of one plan.
struct Present {
    posts: JoinSet<()>,
    leave: CancellationToken,
}

impl Present {
    async fn end(self) {
        self.leave.cancel();
        self.posts.join_all().await;
    }
}

async fn hung_up(hangup: Option<&mut tokio::signal::unix::Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The folders in which the plan's files stand.
fn folders_of(plan: &Plan) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = plan.files.iter().filter_map(|file| file.parent().map(PathBuf::from)).collect();
    folders.sort();
    folders.dedup();
    folders
}
