//! How the store fares: refused is told once, and so is that it works again.

use super::Keeper;
use crate::daemon::record::Fared;
use crate::model::SelfFault;

/// What is written, and may be refused alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Writing {
    Decisions,
    Readings,
}

impl Keeper {
    pub(super) async fn fare(&mut self, fared: Fared) {
        match fared {
            Fared::Written { took } => {
                self.out.metrics.wrote(took);
                self.written(Writing::Readings).await;
            }
            Fared::Refused { text, dropped } => {
                if !self.refused.contains(&Writing::Readings) {
                    tracing::error!(error = text, "The store refuses readings, they wait in memory: {text}");
                }
                if dropped > 0 && self.dropped == 0 {
                    tracing::error!(
                        error = text,
                        "No more readings can wait for the store, the oldest are dropped: {text}"
                    );
                }
                self.dropped += dropped;
                self.refused(Writing::Readings, &text).await;
            }
        }
    }

    pub(super) async fn refused(&mut self, what: Writing, text: &str) {
        self.refused.insert(what);
        let changes = self.board.trouble(SelfFault::StoreRefused, text, self.clock.now());
        self.conclude(changes).await;
    }

    /// The store is well again once it takes everything: one that takes readings and no incidents is not.
    pub(super) async fn written(&mut self, what: Writing) {
        if self.refused.remove(&what) && what == Writing::Readings {
            let dropped = std::mem::take(&mut self.dropped);
            tracing::info!(dropped, "The store takes readings again; {dropped} were dropped meanwhile");
        }
        if self.refused.is_empty() {
            let changes = self.board.well(SelfFault::StoreRefused, self.clock.now());
            self.conclude(changes).await;
        }
    }
}
