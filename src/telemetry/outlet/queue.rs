//! What waits to be sent, up to a bound.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::telemetry::settings::Pace;

/// Takes whatever comes; beyond its bound the oldest goes.
pub(super) struct Queue<T> {
    pub(super) pace: Pace,
    waiting: Mutex<Waiting<T>>,
    grown: Notify,
}

struct Waiting<T> {
    items: VecDeque<(T, usize)>,
    weight: usize,
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("pace", &self.pace).field("weight", &self.weight()).finish_non_exhaustive()
    }
}

impl<T> Queue<T> {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, waiting: Mutex::new(Waiting { items: VecDeque::new(), weight: 0 }), grown: Notify::new() }
    }

    /// Returns the weight of what had to go.
    pub(super) fn push(&self, item: T, weight: usize) -> u64 {
        if weight > self.pace.queued_max {
            return weight as u64;
        }
        // What goes is let go of after the lock.
        let mut gone = Vec::new();
        let mut waiting = self.lock();
        let before = waiting.weight;
        while waiting.weight + weight > self.pace.queued_max {
            let Some((item, weight)) = waiting.items.pop_front() else { break };
            waiting.weight -= weight;
            gone.push((item, weight));
        }
        waiting.items.push_back((item, weight));
        waiting.weight += weight;
        let after = waiting.weight;
        drop(waiting);
        // Whoever waits is woken when there is something and when there is a batch, not a thousand times between.
        if before == 0 || (before < self.pace.batch && after >= self.pace.batch) {
            self.grown.notify_one();
        }
        gone.iter().map(|(_, weight)| *weight as u64).sum()
    }

    /// The oldest, about a batch of it.
    pub(super) fn take(&self) -> Vec<T> {
        let mut waiting = self.lock();
        let (mut taken, mut weight) = (Vec::new(), 0);
        while weight < self.pace.batch
            && let Some((item, of)) = waiting.items.pop_front()
        {
            weight += of;
            taken.push(item);
        }
        waiting.weight -= weight;
        taken
    }

    /// Lets go of everything; returns its weight.
    pub(super) fn empty(&self) -> u64 {
        let mut waiting = self.lock();
        let items = std::mem::take(&mut waiting.items);
        let weight = std::mem::take(&mut waiting.weight);
        drop(waiting);
        drop(items);
        weight as u64
    }

    pub(super) fn weight(&self) -> usize {
        self.lock().weight
    }

    /// Waits until so much waits; for one task only.
    pub(super) async fn reach(&self, weight: usize) {
        while self.weight() < weight {
            self.grown.notified().await;
        }
    }

    /// A panic elsewhere leaves a queue that is whole.
    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn queue() -> Queue<&'static str> {
        Queue::new(Pace {
            queued_max: 10,
            batch: 4,
            within: Duration::from_secs(1),
            offered_for: Duration::from_secs(1),
        })
    }

    #[test]
    fn the_oldest_goes_whole_and_is_weighed() {
        let queue = queue();
        assert_eq!([queue.push("a", 4), queue.push("b", 4), queue.push("c", 4), queue.push("d", 11)], [0, 0, 4, 11]);
        assert_eq!(queue.weight(), 8);
        assert_eq!(queue.take(), ["b"]);
        assert_eq!(queue.push("e", 1), 0);
        assert_eq!((queue.empty(), queue.take()), (5, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_batch_gets_it() {
        let queue = std::sync::Arc::new(queue());
        let waits = tokio::spawn({
            let queue = std::sync::Arc::clone(&queue);
            async move {
                queue.reach(1).await;
                queue.reach(queue.pace.batch).await;
            }
        });
        for _ in 0..4 {
            tokio::task::yield_now().await;
            assert!(!waits.is_finished());
            queue.push("a", 1);
        }
        waits.await.expect("it is there");
    }
}
