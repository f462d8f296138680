//! What others ask of the daemon: whether it lives, and what it counts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::footprint::footprint;
use super::signs::Signs;
use crate::clock::Clock;
use crate::model::Snapshot;
use crate::store::{OutboxDepth, Store};
use crate::telemetry::{Exporter, Exposition, Gauges, Life, Metrics, Outbox, Source};
use crate::web::{Scrape, Vitals};

/// Asked by the site, for who scrapes, and by the exporter, for who is sent metrics.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) signs: Arc<Signs>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) exporter: Arc<Exporter>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
}

impl Asked {
    /// What collectors are sent. Nothing is waited for: the outbox is as it was at the last look.
    pub(super) fn source(&self, snapshot: watch::Receiver<Arc<Snapshot>>) -> Source {
        let Self { signs, metrics, clock, .. } = self.clone();
        // The exporter keeps the source: of each other they would never let go.
        let weak = Arc::downgrade(&self.exporter);
        Arc::new(move |ends| {
            let (snapshot, now) = (Arc::clone(&snapshot.borrow()), clock.now());
            let exported = weak.upgrade().map_or_else(Vec::new, |exporter| exporter.tallies());
            let outbox = outbox(signs.last_depth(), &clock);
            Box::new(metrics.measure(
                &snapshot,
                Gauges { life: life(&signs), outbox, exported, footprint: footprint() },
                now,
                ends,
            ))
        })
    }
}

#[async_trait]
impl Vitals for Asked {
    fn alive(&self) -> Result<(), String> {
        self.signs.alive()
    }

    /// The site is served only after the store is open and the plan is loaded.
    fn ready(&self) -> Result<(), String> {
        self.signs.alive()
    }

    async fn metrics(&self, snapshot: &Arc<Snapshot>, accept: &str) -> Scrape {
        let depth = self.store.outbox().await.unwrap_or_else(|_| self.signs.last_depth());
        let outbox = outbox(depth, &self.clock);
        let gauges =
            Gauges { life: life(&self.signs), outbox, exported: self.exporter.tallies(), footprint: footprint() };
        let exposition = Exposition::accepted(accept);
        let pieces = self.metrics.render(snapshot, gauges, exposition, self.clock.now());
        Scrape { content_type: exposition.content_type(), pieces: Box::new(pieces) }
    }
}

fn life(signs: &Signs) -> Life {
    if signs.alive().is_ok() { Life::Moves } else { Life::Stuck }
}

fn outbox(OutboxDepth { pending, dead, oldest }: OutboxDepth, clock: &Clock) -> Outbox {
    let stuck = oldest.and_then(|since| Duration::try_from(clock.now().duration_since(since)).ok());
    Outbox { pending, dead, stuck: stuck.unwrap_or_default() }
}
