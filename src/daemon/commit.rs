//! Makes decisions durable, in order, without making the board wait.
//!
//! A store that hangs or refuses delays only what depends on it: decisions gather here and go in together once it works.
//! Nothing about an alert is lost: what gathers is bounded by drawing it together and, should incidents still grow in
//! number, by the board taking no more readings (which are dropped, counted and said) until the store has caught up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Decisions that wait for the store, as the board sees them.
#[derive(Debug, Default)]
pub(super) struct Backlog(AtomicUsize);

/// Incidents that may wait in memory; beyond it the board takes no readings.
pub(super) const INCIDENTS_WAITING_MAX: usize = 2_000;

impl Backlog {
    fn is(&self, waiting: &Decision) {
        self.0.store(waiting.incidents.len(), Ordering::Relaxed);
    }

    /// How many incidents wait.
    pub(super) fn incidents(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Until the sender of decisions is gone and the last one is written, or has been refused after that.
pub(super) async fn run(
    store: Arc<dyn Store>,
    mut decisions: mpsc::UnboundedReceiver<Decision>,
    verdicts: mpsc::UnboundedSender<Verdict>,
    backlog: Arc<Backlog>,
) {
    let mut waiting = Decision::default();
    let mut open = true;
    let mut said = String::new();
    while open || !is_empty(&waiting) {
        if is_empty(&waiting) {
            match decisions.recv().await {
                Some(decision) => waiting = decision,
                None => return,
            }
        }
        gather(&mut decisions, &mut waiting);
        backlog.is(&waiting);
        let last = !open;
        let trying = std::mem::take(&mut waiting);
        let deciding = store.decide(trying.clone());
        let decided = {
            // A store that hangs must not let decisions pile up one by one: they are drawn together meanwhile.
            let mut deciding = std::pin::pin!(deciding);
            loop {
                tokio::select! {
                    decided = &mut deciding => break decided,
                    more = decisions.recv(), if open => match more {
                        Some(more) => {
                            merge(&mut waiting, more);
                            backlog.0.store(trying.incidents.len() + waiting.incidents.len(), Ordering::Relaxed);
                        }
                        None => open = false,
                    }
                }
            }
        };
        let Err(refused) = decided else {
            if !std::mem::take(&mut said).is_empty() {
                tracing::info!("The store takes decisions again; everything that waited is on disk");
            }
            backlog.is(&waiting);
            verdicts.send(Verdict::Durable(trying.incidents)).ok();
            continue;
        };
        let text = super::chain(&refused);
        if said != text {
            tracing::error!(error = %text, "The store refused a decision; it is kept and tried again: {text}");
            said.clone_from(&text);
        }
        let later = std::mem::replace(&mut waiting, trying);
        merge(&mut waiting, later);
        verdicts.send(Verdict::Refused { text, waiting: waiting.clone() }).ok();
        if last {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE_BETWEEN_TRIES) => {}
            more = decisions.recv(), if open => match more {
                Some(more) => merge(&mut waiting, more),
                None => open = false,
            }
        }
    }
}

fn gather(decisions: &mut mpsc::UnboundedReceiver<Decision>, into: &mut Decision) {
    while let Ok(more) = decisions.try_recv() {
        merge(into, more);
    }
}

fn is_empty(decision: &Decision) -> bool {
    decision.incidents.is_empty()
        && decision.outbox.is_empty()
        && decision.memory.is_empty()
        && decision.renamed.is_empty()
}

/// The later state of an incident and of the memory wins. Notifications add up, but for those that the store would not
/// send either, because a newer one of the same incident for the same receiver replaces them.
fn merge(into: &mut Decision, more: Decision) {
    into.renamed.extend(more.renamed);
    into.together.extend(more.together);
    for incident in more.incidents {
        into.incidents.retain(|known| known.id != incident.id);
        into.incidents.push(incident);
    }
    if !more.memory.is_empty() {
        let mut merged: BTreeMap<_, _> = std::mem::take(&mut into.memory).into_iter().collect();
        merged.extend(more.memory);
        into.memory = merged.into_iter().collect();
    }
    for newer in more.outbox {
        into.outbox.retain(|older| {
            let replaced = newer.kind.replaces().contains(&older.kind);
            !(replaced && older.incident.id == newer.incident.id && older.receiver == newer.receiver)
        });
        into.outbox.push(newer);
    }
}

#[cfg(test)]
mod tests {

    use jiff::Timestamp;
    use sqlx::{Connection as _, SqliteConnection};

    use super::*;
    use crate::model::{Cause, IncidentId, Notification, NotificationKind, SelfFault, Severity};
    use crate::store::sqlite::Sqlite;
    use crate::store::{Retention, Settings};

    fn incident(number: u128) -> Incident {
        let id = IncidentId(uuid::Uuid::from_u128(number));
        Incident::new(id, Cause::Own(SelfFault::Late), Severity::Page, Timestamp::UNIX_EPOCH)
    }

    fn letter(number: u128, id: &str, kind: NotificationKind) -> Notification {
        Notification {
            id: id.to_owned(),
            receiver: "hook".to_owned(),
            kind,
            at: Timestamp::UNIX_EPOCH,
            incident: incident(number),
            headline: String::new(),
            lines: Vec::new(),
            link: None,
            trace_link: None,
            labels: Vec::new(),
        }
    }

    #[test]
    fn what_waits_is_bounded_and_what_must_be_told_is_kept() {
        let mut waiting = Decision::default();
        let tell = |id: &str, kind| Decision { outbox: vec![letter(1, id, kind)], ..Decision::default() };
        merge(&mut waiting, tell("open", NotificationKind::Open));
        for day in 0..1000 {
            merge(&mut waiting, tell(&format!("remind {day}"), NotificationKind::Remind));
            merge(&mut waiting, tell(&format!("update {day}"), NotificationKind::Update));
            merge(
                &mut waiting,
                Decision { incidents: vec![incident(1)], memory: vec![("a".into(), None)], ..Decision::default() },
            );
        }
        merge(
            &mut waiting,
            Decision { outbox: vec![letter(2, "other", NotificationKind::Open)], ..Decision::default() },
        );
        merge(&mut waiting, tell("resolve", NotificationKind::Resolve));
        let ids: Vec<&str> = waiting.outbox.iter().map(|letter| &*letter.id).collect();
        assert_eq!(ids, ["open", "other", "resolve"]);
        assert_eq!((waiting.incidents.len(), waiting.memory.len()), (1, 1));
    }

    #[tokio::test]
    async fn a_store_that_hangs_lets_nothing_pile_up_and_loses_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        let store: Arc<dyn Store> = Arc::new(
            Sqlite::open(&Settings { path: path.clone(), retention: Retention::default() }).await.expect("a store"),
        );
        // Somebody else holds the file: what is decided hangs.
        let mut other = SqliteConnection::connect(path.to_str().expect("utf-8")).await.expect("a connection");
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("it is free");
        let (decisions_in, decisions) = mpsc::unbounded_channel();
        let (verdicts_in, mut verdicts) = mpsc::unbounded_channel();
        let backlog = Arc::new(Backlog::default());
        let running = tokio::spawn(run(Arc::clone(&store), decisions, verdicts_in, Arc::clone(&backlog)));
        for number in 1..=100 {
            decisions_in.send(Decision { incidents: vec![incident(number)], ..Decision::default() }).expect("it runs");
            // They are drawn together although the store has not answered the first.
            while backlog.incidents() < number as usize {
                tokio::task::yield_now().await;
            }
        }
        sqlx::query("ROLLBACK").execute(&mut other).await.expect("it was held");
        drop(decisions_in);
        running.await.expect("it ends");
        let mut durable = 0;
        while let Some(verdict) = verdicts.recv().await {
            if let Verdict::Durable(incidents) = verdict {
                durable += incidents.len();
            }
        }
        assert_eq!(durable, 100);
        assert_eq!(store.restore().await.expect("it reads").incidents.len(), 100);
        store.close().await;
    }
}
