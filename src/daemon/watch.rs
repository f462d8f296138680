//! Notices that the configuration changed: a file, or a SIGHUP.

use std::path::PathBuf;
use std::time::Duration;

use notify_debouncer_full::notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::mpsc;

/// Editors and Kubernetes replace files by renames in several steps; only the last state counts.
const SETTLE: Duration = Duration::from_millis(300);

/// Watches while it is kept.
pub(super) struct Watch {
    _debouncer: Option<Debouncer<RecommendedWatcher, RecommendedCache>>,
    changes: mpsc::Receiver<()>,
}

impl Watch {
    /// Watches the folders, not the files: a replaced file is another file. Where the system cannot watch, SIGHUP remains.
    pub(super) fn new(folders: &[PathBuf]) -> Self {
        let (tell, changes) = mpsc::channel(1);
        let noticed = move |result: DebounceEventResult| {
            let touched = match result {
                Ok(events) => events.iter().any(|event| !matches!(event.kind, EventKind::Access(_))),
                Err(_) => true,
            };
            if touched {
                tell.try_send(()).ok();
            }
        };
        let debouncer = new_debouncer(SETTLE, None, noticed).and_then(|mut debouncer| {
            for folder in folders {
                debouncer.watch(folder, RecursiveMode::NonRecursive)?;
            }
            Ok(debouncer)
        });
        let debouncer = debouncer
            .inspect_err(
                |error| tracing::warn!(%error, "Cannot watch the configuration ({error}); SIGHUP still reloads"),
            )
            .ok();
        Self { _debouncer: debouncer, changes }
    }

    /// Waits for the next change.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
