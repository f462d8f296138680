//! Writes readings and score points in groups; what the store cannot take for long is dropped and counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::model::Reading;
use crate::store::{Batch, ScorePoint, Store};

/// Readings kept in memory while the store refuses; the oldest go first.
const READINGS_KEPT_MAX: usize = 20_000;
/// A group is written when it is this large, or this old.
const GROUP_MAX: usize = 2_000;
const GROUP_AGE_MAX: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Entry {
    Reading(Arc<Reading>),
    Scores(Vec<ScorePoint>),
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
) {
    let mut batch = Batch::default();
    let mut open = true;
    while open {
        let full_at = Instant::now() + GROUP_AGE_MAX;
        loop {
            tokio::select! {
                entry = entries.recv() => match entry {
                    Some(entry) => add(&mut batch, entry),
                    None => { open = false; break; }
                },
                () = tokio::time::sleep_until(full_at) => break,
            }
            if batch.readings.len() >= GROUP_MAX {
                break;
            }
        }
        write(&*store, &mut batch, &fared).await;
    }
}

fn add(batch: &mut Batch, entry: Entry) {
    match entry {
        Entry::Reading(reading) => batch.readings.push(reading),
        Entry::Scores(scores) => batch.scores.extend(scores),
    }
}

async fn write(store: &dyn Store, batch: &mut Batch, fared: &mpsc::UnboundedSender<Fared>) {
    if batch.readings.is_empty() && batch.scores.is_empty() {
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
