//! One signal on its way to one collector.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Source;
use super::carrier::{Carried, Carrier};
use super::parcel::{Envelope, Parcel};
use super::queue::Queue;

/// Empties a queue, batch by batch.
pub(super) struct Lane<T, P> {
    queue: Arc<Queue<T>>,
    pack: P,
    carrier: Carrier,
}

impl<T: Send, P: FnMut(Vec<T>) -> Vec<Parcel> + Send> Lane<T, P> {
    pub(super) fn new(queue: Arc<Queue<T>>, pack: P, carrier: Carrier) -> Self {
        Self { queue, pack, carrier }
    }

    /// Until the end is near and the queue empty, or given up.
    pub(super) async fn run(mut self) {
        loop {
            let pace = self.queue.pace;
            if self.carrier.unless_ending(self.queue.reach(1)).await.is_some() {
                let full = tokio::time::timeout(pace.within, self.queue.reach(pace.batch));
                self.carrier.unless_ending(full).await;
            }
            let ending = self.carrier.is_ending();
            let batch = self.queue.take();
            if batch.is_empty() {
                if ending {
                    return;
                }
                continue;
            }
            let mut parcels = (self.pack)(batch).into_iter();
            for parcel in parcels.by_ref() {
                if self.carrier.carry(parcel, pace.offered_for).await == Carried::TooLate {
                    let rest: u64 = parcels.map(|parcel| parcel.items).sum();
                    return self.carrier.give_up(rest + self.queue.empty());
                }
            }
        }
    }
}

/// Sends what is measured: every so often, and once more at the end.
pub(super) async fn measure(every: Duration, source: Source, envelope: Arc<Envelope>, mut carrier: Carrier) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let ends = Arc::default();
    loop {
        let ending = carrier.unless_ending(ticks.tick()).await.is_none();
        let mut parcels = envelope.metrics(source(&ends));
        while let Some(parcel) = parcels.next() {
            // What is measured now replaces what could not be sent before.
            if carrier.carry(parcel, every).await != Carried::Done {
                carrier.give_up(parcels.map(|parcel| parcel.items).sum());
                break;
            }
        }
        if ending {
            return;
        }
    }
}
