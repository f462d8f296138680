//! Writes readings and score points in groups; what the store cannot take for long is dropped and counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::signs::{Part, Signs};
use crate::model::Reading;
use crate::store::{Batch, ScorePoint, Store};

/// Readings kept in memory while the store refuses; the oldest go first.
const READINGS_KEPT_MAX: usize = 20_000;
/// A group is handed on, and written, when it is this large, or this old.
const GROUP_MAX: usize = 2_000;
const GROUP_AGE_MAX: Duration = Duration::from_secs(1);

/// Readings taken at one go.
pub(super) const READINGS_AT_ONCE: usize = 256;

#[derive(Debug)]
pub(super) enum Entry {
    Readings(Vec<Arc<Reading>>),
    Scores(Vec<ScorePoint>),
}

/// Readings on their way to the store's task: to wake it for each one would cost as much as writing it.
pub(super) struct Gathering {
    readings: Vec<Arc<Reading>>,
    entries: mpsc::Sender<Entry>,
    /// Found no room.
    lost: u64,
}

impl Gathering {
    pub(super) fn new(entries: mpsc::Sender<Entry>) -> Self {
        Self { readings: Vec::new(), entries, lost: 0 }
    }

    pub(super) fn add(&mut self, reading: Arc<Reading>) {
        self.readings.push(reading);
        if self.readings.len() >= GROUP_MAX {
            self.hand_on();
        }
    }

    pub(super) fn scores(&self, points: Vec<ScorePoint>) {
        if !points.is_empty() {
            self.entries.try_send(Entry::Scores(points)).ok();
        }
    }

    /// What has gathered goes to the store; what finds no room waits, within limits.
    pub(super) fn hand_on(&mut self) {
        if self.readings.is_empty() {
            return;
        }
        let full = match self.entries.try_send(Entry::Readings(std::mem::take(&mut self.readings))) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(entry) | mpsc::error::TrySendError::Closed(entry)) => entry,
        };
        if let Entry::Readings(mut readings) = full {
            let over = readings.len().saturating_sub(READINGS_KEPT_MAX);
            readings.drain(..over);
            self.lost += over as u64;
            self.readings = readings;
        }
    }

    /// Counts a reading that may not go on.
    pub(super) fn lose(&mut self) {
        self.lost += 1;
    }

    /// Readings that found no room since the last call.
    pub(super) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

/// How the last group fared.
#[derive(Debug)]
pub(super) enum Fared {
    Written { took: Duration },
    Refused { text: String, dropped: u64 },
}

/// Until the sender of entries is gone; then what is left is written once.
pub(super) async fn run(
    store: Arc<dyn Store>,
    mut entries: mpsc::Receiver<Entry>,
    fared: mpsc::UnboundedSender<Fared>,
    signs: Arc<Signs>,
) {
    let mut batch = Batch::default();
    let mut open = true;
    while open {
        let full_at = Instant::now() + GROUP_AGE_MAX;
        // What the store has just refused waits its second: it is not tried again with every reading that comes.
        let full = batch.readings.len() + GROUP_MAX;
        loop {
            tokio::select! {
                entry = entries.recv() => {
                    let Some(entry) = entry else {
                        open = false;
                        break;
                    };
                    add(&mut batch, entry);
                }
                () = tokio::time::sleep_until(full_at) => break,
            }
            if batch.readings.len() >= full {
                break;
            }
        }
        write(&*store, &mut batch, &fared).await;
        // A store that was asked nothing is well too.
        if is_empty(&batch) {
            signs.give(Part::Store);
        }
    }
}

fn is_empty(batch: &Batch) -> bool {
    batch.readings.is_empty() && batch.scores.is_empty()
}

fn add(batch: &mut Batch, entry: Entry) {
    match entry {
        Entry::Readings(readings) => batch.readings.extend(readings),
        Entry::Scores(scores) => batch.scores.extend(scores),
    }
}

async fn write(store: &dyn Store, batch: &mut Batch, fared: &mpsc::UnboundedSender<Fared>) {
    if is_empty(batch) {
        return;
    }
    let began = Instant::now();
    match store.record(batch.clone()).await {
        Ok(()) => {
            *batch = Batch::default();
            fared.send(Fared::Written { took: began.elapsed() }).ok();
        }
        Err(refused) => {
            let over = batch.readings.len().saturating_sub(READINGS_KEPT_MAX);
            batch.readings.drain(..over);
            let scores_over = batch.scores.len().saturating_sub(READINGS_KEPT_MAX);
            batch.scores.drain(..scores_over);
            fared.send(Fared::Refused { text: super::chain(&refused), dropped: over as u64 }).ok();
        }
    }
}

/// The next readings, not before `at`; none once their sender is gone.
pub(super) async fn next(from: &mut mpsc::Receiver<Arc<Reading>>, into: &mut Vec<Arc<Reading>>, at: Instant) -> usize {
    // A sender that is gone, or has no room, need not wait.
    if from.len() < READINGS_AT_ONCE && !from.is_closed() {
        tokio::time::sleep_until(at).await;
    }
    from.recv_many(into, READINGS_AT_ONCE).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::Sqlite;
    use crate::store::{Retention, Settings};

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_asked_nothing_shows_that_it_is_well() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings { path: folder.path().join("x.db"), retention: Retention::default() };
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&settings).await.expect("a store"));
        let signs = Arc::new(Signs::new());
        let (sender, entries) = mpsc::channel(1);
        let (fared, _fared) = mpsc::unbounded_channel();
        let running = tokio::spawn(run(Arc::clone(&store), entries, fared, Arc::clone(&signs)));
        tokio::time::sleep(Duration::from_mins(1)).await;
        for part in [Part::Schedule, Part::Board, Part::Outbox] {
            signs.give(part);
        }
        assert_eq!(signs.alive(), Ok(()), "probes may be minutes apart");
        drop(sender);
        running.await.expect("it ends");
        store.close().await;
    }
}
