//! Whether notifications get out, and whether anybody hears us.

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::keeper::Tell;
use super::outposts::{OUTBOX_LOOKED_AT_EVERY, Outposts};
use super::signs::{Heard, Part};
use crate::alert::Settings;
use crate::model::SelfFault;
use crate::store::Refused;

/// A notification older than this is stuck.
const MOVES_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// Who takes nothing for so long does not hear us. Longer than the other: that a letter was given up, or that some are
/// stuck, is told as our own trouble after a minute, and taking that is enough.
const HEARD_WITHIN: SignedDuration = SignedDuration::from_mins(2);

impl Outposts {
    /// Notices when notifications do not get out.
    pub(super) async fn watch_outbox(self, alerts: watch::Receiver<Settings>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(OUTBOX_LOOKED_AT_EVERY)).await.is_some() {
            let Ok(depth) = self.store.outbox().await else { continue };
            self.signs.give(Part::Outbox);
            self.signs.depth(depth);
            let stuck = depth.oldest.filter(|oldest| self.clock.now().duration_since(*oldest) > MOVES_WITHIN);
            let tell = match stuck {
                Some(since) => Tell::Trouble(
                    SelfFault::OutboxStuck,
                    format!("{} notifications wait, the oldest since {since}", depth.pending),
                ),
                None => Tell::Well(SelfFault::OutboxStuck),
            };
            self.tells.send(tell).ok();
            if depth.dead == 0 {
                self.tells.send(Tell::Well(SelfFault::DeadLetter)).ok();
            }
            let hearers = alerts.borrow().hearers();
            if let Ok(heard) = self.heard_by(&hearers).await {
                self.signs.heard_by(heard);
            }
        }
    }

    /// Who was told nothing may well hear: when another does not, he is told of that.
    async fn heard_by(&self, hearers: &[String]) -> Result<Heard, Refused> {
        let now = self.clock.now();
        for hearer in hearers {
            let owed = self.store.owed(hearer).await?;
            if owed.is_none_or(|since| now.duration_since(since) <= HEARD_WITHIN) {
                return Ok(Heard::Somebody);
            }
        }
        Ok(if hearers.is_empty() { Heard::Somebody } else { Heard::Nobody })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use jiff::Timestamp;
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::Clock;
    use crate::daemon::outposts::tests::outposts;
    use crate::model::{Cause, Incident, IncidentId, Notification, NotificationKind, Severity};
    use crate::store::sqlite::Sqlite;
    use crate::store::{Decision, Fate, Retention, Store};

    /// Hook and mail hear of our own troubles, the machine does not.
    fn settings() -> Settings {
        let hook = || serde_json::json!({ "webhook": { "url": "http://127.0.0.1:9/" } });
        let receivers = serde_json::json!({ "hook": hook(), "mail": hook(), "machine": hook() });
        let settings = serde_json::json!({ "receivers": receivers, "self": ["hook", "mail"] });
        serde_json::from_value(settings).expect("settings")
    }

    /// A daemon that looks at its outbox, at a time that the test turns.
    struct Post {
        _folder: tempfile::TempDir,
        store: Arc<dyn Store>,
        wall: Arc<AtomicI64>,
        outposts: Outposts,
        alerts: watch::Sender<Settings>,
        letters: u128,
    }

    impl Post {
        async fn open() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let at = crate::store::Settings { path: folder.path().join("x.db"), retention: Retention::default() };
            let store: Arc<dyn Store> = Arc::new(Sqlite::open(&at).await.expect("a store"));
            let wall = Arc::new(AtomicI64::new(1_800_000_000));
            let turned = Arc::clone(&wall);
            let clock = Clock::new(move || Timestamp::from_second(turned.load(Ordering::Relaxed)).expect("a time"));
            let outposts = outposts(Arc::clone(&store), clock, mpsc::unbounded_channel().0);
            let alerts = watch::Sender::new(settings());
            Self { _folder: folder, store, wall, outposts, alerts, letters: 0 }
        }

        async fn write(&mut self, receiver: &str) {
            self.letters += 1;
            let (id, now) = (IncidentId(uuid::Uuid::from_u128(self.letters)), self.outposts.clock.now());
            let letter = Notification {
                id: self.letters.to_string(),
                receiver: receiver.to_owned(),
                kind: NotificationKind::Open,
                at: now,
                incident: Incident::new(id, Cause::Own(SelfFault::Late), Severity::Page, now),
                headline: String::new(),
                lines: Vec::new(),
                link: None,
                trace_link: None,
                labels: Vec::new(),
            };
            self.store.decide(Decision { outbox: vec![letter], ..Decision::default() }).await.expect("it is written");
        }

        async fn settle(&self, receiver: &str, fate: impl Fn(Timestamp) -> Fate) {
            let now = self.outposts.clock.now();
            for letter in self.store.letters(receiver, now, 9).await.expect("it reads") {
                self.store.settle(letter.number, fate(now)).await.expect("it is written");
            }
        }

        fn minutes_later(&self, minutes: i64) {
            self.wall.fetch_add(minutes * 60, Ordering::Relaxed);
        }

        /// Whether the dead man's switch would be held, after a look at the outbox.
        async fn is_well(&self) -> bool {
            let looked = || self.outposts.signs.last_depth();
            for part in [Part::Schedule, Part::Board, Part::Store] {
                self.outposts.signs.give(part);
            }
            // Other than anything that is found.
            self.outposts.signs.depth(crate::store::OutboxDepth { pending: u64::MAX, ..looked() });
            let stop = CancellationToken::new();
            let watching = tokio::spawn(self.outposts.clone().watch_outbox(self.alerts.subscribe(), stop.clone()));
            // Only the waiting is skipped: what the store does takes its real time.
            tokio::time::pause();
            tokio::time::sleep(OUTBOX_LOOKED_AT_EVERY).await;
            tokio::time::resume();
            while looked().pending == u64::MAX {
                tokio::task::yield_now().await;
            }
            stop.cancel();
            watching.await.expect("it ends");
            self.outposts.signs.well().is_ok()
        }
    }

    #[tokio::test]
    async fn one_receiver_that_is_away_does_not_look_like_our_death_and_all_of_them_do() {
        let delivered = |at| Fate::Delivered { at, receipt: None };
        let mut post = Post::open().await;
        assert!(post.is_well().await);
        post.write("hook").await;
        post.minutes_later(10);
        assert!(post.is_well().await, "the mail may well be taken");
        post.write("mail").await;
        assert!(post.is_well().await, "its time is not up");
        post.minutes_later(3);
        assert!(!post.is_well().await, "nobody takes anything");
        post.write("machine").await;
        post.settle("machine", delivered).await;
        assert!(!post.is_well().await, "it is not told of our troubles");
        post.alerts.send_modify(|alerts| alerts.own = None);
        assert!(post.is_well().await, "unless all are");
        post.alerts.send_replace(settings());
        post.settle("mail", delivered).await;
        assert!(post.is_well().await);
        post.store.close().await;
    }

    #[tokio::test]
    async fn who_refused_all_for_good_is_not_taken_for_one_who_hears() {
        let mut post = Post::open().await;
        post.alerts.send_modify(|alerts| alerts.own = Some(vec!["hook".to_owned()]));
        post.write("hook").await;
        post.settle("hook", |at| Fate::Dead { at, error: "answered 404".into() }).await;
        post.minutes_later(1);
        assert!(post.is_well().await, "that it was given up is being told");
        post.minutes_later(2);
        assert!(!post.is_well().await, "and nothing waits");
        post.write("hook").await;
        post.settle("hook", |at| Fate::Delivered { at, receipt: None }).await;
        post.minutes_later(600);
        assert!(post.is_well().await, "an old loss is no silence");
        post.alerts.send_modify(|alerts| alerts.receivers = BTreeMap::new());
        assert!(post.is_well().await, "there is nobody to tell");
        post.store.close().await;
    }
}
