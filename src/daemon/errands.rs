//! Errands run once because a person asked (`walk`, `probe`), and the prober that the daemon's own runs share.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rand::RngCore as _;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::tell::Tell;
use crate::clock::Clock;
use crate::config::Plan;
use crate::model::{JourneyMap, PersonaId, ProbeId, Proof, Reading, SelfFault, Trigger, VantageId};
use crate::probe::browser::pool::{Browsers, Display};
use crate::probe::connect::Network;
use crate::probe::{Errand, Heard, Order, Prober, Proofs, Pushes, Tools};
use crate::store::Store;
use crate::store::sqlite::Sqlite;

/// A prober; what outside systems pushed is read from `store`, if there is one.
pub(super) fn prober(
    (network, browsers): (Arc<Network>, Arc<Browsers>),
    clock: &Clock,
    program: &Path,
    store: Option<Arc<dyn Store>>,
) -> Prober {
    Prober::new(Tools {
        clock: clock.clone(),
        pushes: Arc::new(Pushed(store)),
        random: Arc::new(|| rand::rng().next_u64()),
        network,
        program: program.to_owned(),
        browsers,
    })
}

/// Browsers as a plan wants them; none is started before a run asks for it.
pub fn browsers(plan: &Plan) -> Arc<Browsers> {
    Browsers::new(plan.browser.clone(), Arc::new(|| rand::rng().next_u64()))
}

/// Tells of browsers that end again and again, until one does not.
pub(super) async fn watch_browsers(
    browsers: Arc<Browsers>,
    tells: mpsc::UnboundedSender<Tell>,
    stop: CancellationToken,
) {
    let mut health = browsers.health();
    while let Some(Ok(())) = stop.run_until_cancelled(health.changed()).await {
        let (times, text) = health.borrow_and_update().clone();
        let tell = match times {
            0 => Tell::Well(SelfFault::Browser),
            // Once may be anything.
            1 => continue,
            _ => Tell::Trouble(SelfFault::Browser, format!("{times} times in a row; the last time: {text}")),
        };
        tells.send(tell).ok();
    }
}

/// Proofs on their way to the store; beyond it they are lost, and so is none that waits long.
const PROOFS_WAITING_MAX: usize = 4;

/// Hands proofs to the store, beside the runs.
pub(super) struct Shown {
    store: Arc<dyn Store>,
    room: Arc<Semaphore>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("room", &self.room).finish_non_exhaustive()
    }
}

impl Shown {
    pub(super) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, room: Arc::new(Semaphore::new(PROOFS_WAITING_MAX)) })
    }
}

impl Proofs for Shown {
    fn keep(&self, proof: Proof) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else { return };
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            if let Err(refused) = store.keep_proof(proof).await {
                let why = super::chain(&refused);
                tracing::debug!(error = why, "What a failed run shows cannot be kept: {why}");
            }
            drop(room);
        });
    }
}

/// The pushes that a store remembers.
struct Pushed(Option<Arc<dyn Store>>);

#[async_trait]
impl Pushes for Pushed {
    async fn last(&self, probe: &ProbeId) -> Result<Option<Heard>, String> {
        let Some(store) = &self.0 else { return Ok(None) };
        let last = store.last_push(probe).await.map_err(|refused| super::chain(&refused))?;
        Ok(last.map(|push| Heard {
            at: push.received,
            value: push.value.map(|value| value.to_string()),
            failure: (push.ok == Some(false)).then(|| push.message.unwrap_or_else(|| "no reason given".to_owned())),
        }))
    }
}

/// The personas an errand runs as: one anonymous customer, if none are named.
pub fn personas(plan: &Plan, errand: &Errand) -> Vec<Option<PersonaId>> {
    match plan.map.probe(&errand.id) {
        Some(probe) if !probe.personas.is_empty() => probe.personas.iter().cloned().map(Some).collect(),
        _ => vec![None],
    }
}

/// Runs errands outside any schedule.
pub struct Walker {
    prober: Prober,
    clock: Clock,
    map: Arc<JourneyMap>,
    browsers: Arc<Browsers>,
}

impl Walker {
    /// `program` is this program's own file, for what runs in a child process.
    pub async fn new(plan: &Plan, program: &Path) -> Self {
        let clock = Clock::system();
        let store = Sqlite::peek(&plan.store).await.ok().map(|store| Arc::new(store) as Arc<dyn Store>);
        let network = Arc::new(Network::system(clock.clone()));
        let vantages = plan.vantages.iter().map(|vantage| (vantage.id.clone(), vantage.egress.clone()));
        let browsers = browsers(plan);
        let prober = prober((network, Arc::clone(&browsers)), &clock, program, store).from(vantages);
        Self { prober, clock, map: Arc::clone(&plan.map), browsers }
    }

    /// Ends what runs have left running for the next one.
    pub async fn close(self) {
        self.browsers.close().await;
    }

    /// The same; what failed runs leave to be looked at is handed on.
    #[must_use]
    pub fn showing(self, proofs: Arc<dyn Proofs>) -> Self {
        Self { prober: self.prober.showing(proofs), ..self }
    }

    /// The same; browsers do what they do in windows on this screen.
    #[must_use]
    pub fn headed(self, display: Display) -> Self {
        self.browsers.show(display);
        self
    }

    /// Once, from a vantage.
    pub async fn walk(&self, errand: &Arc<Errand>, persona: Option<PersonaId>, from: &VantageId) -> Reading {
        let order = Order {
            persona: persona.and_then(|id| self.map.personas.get(&id)).cloned().map(Arc::new),
            vantage: from.clone(),
            trigger: Trigger::Person,
            asked_by: None,
            scheduled: self.clock.now(),
        };
        self.prober.run(errand, order).await
    }

    /// From where it can run, in the order of their turns.
    pub fn vantages(&self, probe: &ProbeId) -> Vec<VantageId> {
        self.map.probe(probe).map(|probe| self.map.vantages_of(probe).cloned().collect()).unwrap_or_default()
    }
}
