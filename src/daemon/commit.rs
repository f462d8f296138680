//! Makes decisions durable, in order, without making the board wait.
//!
//! A store that hangs or refuses delays only what depends on it: decisions gather here and go in together once it works.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::model::Incident;
use crate::store::{Decision, Store};

const PAUSE_BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// What the board hears back.
#[derive(Debug)]
pub(super) enum Verdict {
    /// On disk: may be shown and sent.
    Durable(Vec<Incident>),
    /// Not yet; it is tried again.
    Refused { text: String, waiting: Decision },
}

/// Until the sender of decisions is gone and the last one is written, or has been refused after that.
pub(super) async fn run(
    store: Arc<dyn Store>,
    mut decisions: mpsc::UnboundedReceiver<Decision>,
    verdicts: mpsc::UnboundedSender<Verdict>,
) {
    while let Some(mut decision) = decisions.recv().await {
        let mut closing = false;
        let mut said = String::new();
        loop {
            while let Ok(more) = decisions.try_recv() {
                merge(&mut decision, more);
            }
            match store.decide(decision.clone()).await {
                Ok(()) => {
                    verdicts.send(Verdict::Durable(decision.incidents)).ok();
                    break;
                }
                Err(refused) => {
                    let text = super::chain(&refused);
                    if said != text {
                        tracing::error!(error = %text, "The store refused a decision; it is kept and tried again: {text}");
                        said.clone_from(&text);
                    }
                    verdicts.send(Verdict::Refused { text, waiting: decision.clone() }).ok();
                }
            }
            if closing {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE_BETWEEN_TRIES) => {}
                more = decisions.recv() => match more {
                    Some(more) => merge(&mut decision, more),
                    None => closing = true,
                }
            }
        }
    }
}

/// The later state of an incident and of the memory wins; notifications only add up.
fn merge(into: &mut Decision, more: Decision) {
    for incident in more.incidents {
        into.incidents.retain(|known| known.id != incident.id);
        into.incidents.push(incident);
    }
    if !more.memory.is_empty() {
        let mut merged: BTreeMap<_, _> = std::mem::take(&mut into.memory).into_iter().collect();
        merged.extend(more.memory);
        into.memory = merged.into_iter().collect();
    }
    into.outbox.extend(more.outbox);
}
