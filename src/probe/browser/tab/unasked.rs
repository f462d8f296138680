//! What pages do that no step asked for: new tabs, downloads, and falling over. Nothing of it waits for a person.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chromiumoxide::cdp::browser_protocol::browser::{
    BrowserContextId, CancelDownloadParams, DownloadProgressState, EventDownloadProgress, EventDownloadWillBegin,
};
use chromiumoxide::cdp::browser_protocol::target::{
    CloseTargetParams, EventTargetCrashed, EventTargetCreated, TargetId,
};
use chromiumoxide::error::CdpError;
use chromiumoxide::{Browser, Page};
use futures::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::probe::browser::chromium::Gone;
use crate::units::Bytes;

/// Of a file's name and address.
const WORDS_CHARS_MAX: usize = 300;
/// Tabs that pages may open; further ones are closed at once.
const TABS_MAX: usize = 8;
/// Downloads of one run; further ones are broken off.
const DOWNLOADS_MAX: usize = 16;
/// A larger download is broken off.
const DOWNLOAD: Bytes = Bytes::new(64 << 20);

/// A file that a page gave. It is deleted with the tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe::browser) struct Download {
    /// As the page would have it called.
    pub(in crate::probe::browser) name: String,
    pub(in crate::probe::browser) url: String,
    /// So far.
    pub(in crate::probe::browser) size: Bytes,
    pub(in crate::probe::browser) state: DownloadProgressState,
}

impl Download {
    /// It was broken off by us.
    pub(in crate::probe::browser) fn is_too_large(&self) -> bool {
        self.size > DOWNLOAD
    }
}

/// Watches until dropped.
#[derive(Debug)]
pub(super) struct Unasked {
    seen: Arc<Mutex<Seen>>,
    fallen: watch::Receiver<Option<Gone>>,
    _watching: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    tabs: Vec<TargetId>,
    /// By the browser's number, the oldest first.
    downloads: Vec<(String, Download)>,
}

impl Unasked {
    pub(super) async fn watch(
        browser: &Arc<Browser>,
        page: &Page,
        context: &BrowserContextId,
    ) -> Result<Self, CdpError> {
        let seen = Arc::default();
        let (fall, fallen) = watch::channel(None);
        let eyes = Eyes {
            browser: Arc::clone(browser),
            context: context.clone(),
            main: page.target_id().clone(),
            seen: Arc::clone(&seen),
            fall,
        };
        let created = browser.event_listener::<EventTargetCreated>().await?;
        let crashed = browser.event_listener::<EventTargetCrashed>().await?;
        let begun = browser.event_listener::<EventDownloadWillBegin>().await?;
        let progress = browser.event_listener::<EventDownloadProgress>().await?;
        let watching = tokio::spawn(eyes.look((created, crashed), (begun, progress)));
        Ok(Self { seen, fallen, _watching: AbortOnDropHandle::new(watching) })
    }

    /// Why the page's process is gone, once it is.
    pub(super) fn fallen(&self) -> watch::Receiver<Option<Gone>> {
        self.fallen.clone()
    }

    pub(super) fn downloads(&self) -> Vec<Download> {
        lock(&self.seen).downloads.iter().map(|(_, download)| download.clone()).collect()
    }

    pub(super) fn tabs(&self) -> Vec<TargetId> {
        lock(&self.seen).tabs.clone()
    }
}

struct Eyes {
    browser: Arc<Browser>,
    context: BrowserContextId,
    main: TargetId,
    seen: Arc<Mutex<Seen>>,
    fall: watch::Sender<Option<Gone>>,
}

impl Eyes {
    async fn look(
        self,
        (mut created, mut crashed): (
            impl Stream<Item = Arc<EventTargetCreated>> + Unpin,
            impl Stream<Item = Arc<EventTargetCrashed>> + Unpin,
        ),
        (mut begun, mut progress): (
            impl Stream<Item = Arc<EventDownloadWillBegin>> + Unpin,
            impl Stream<Item = Arc<EventDownloadProgress>> + Unpin,
        ),
    ) {
        loop {
            tokio::select! {
                Some(event) = created.next() => self.opened(&event).await,
                Some(event) = crashed.next() => self.crashed(&event),
                Some(event) = begun.next() => self.begun(&event).await,
                Some(event) = progress.next() => self.progressed(&event).await,
                else => return,
            }
        }
    }

    async fn opened(&self, event: &EventTargetCreated) {
        let target = &event.target_info;
        let ours = target.browser_context_id.as_ref() == Some(&self.context) && target.r#type == "page";
        if !ours || target.target_id == self.main {
            return;
        }
        if lock(&self.seen).tabs.len() >= TABS_MAX {
            let _ = self.browser.execute(CloseTargetParams::new(target.target_id.clone())).await;
            return;
        }
        lock(&self.seen).tabs.push(target.target_id.clone());
    }

    fn crashed(&self, event: &EventTargetCrashed) {
        let ours = event.target_id == self.main || lock(&self.seen).tabs.contains(&event.target_id);
        if ours {
            let gone = match event.status.as_str() {
                "oom" => Gone::TooMuch("the page takes more memory than the browser can give".to_owned()),
                _ => Gone::Crashed,
            };
            self.fall.send_replace(Some(gone));
        }
    }

    async fn begun(&self, event: &EventDownloadWillBegin) {
        let is_one_too_many = {
            let mut seen = lock(&self.seen);
            let is_one_too_many = seen.downloads.len() >= DOWNLOADS_MAX;
            if !is_one_too_many {
                let (name, url) = (clip(&event.suggested_filename), clip(&event.url));
                let state = DownloadProgressState::InProgress;
                seen.downloads.push((event.guid.clone(), Download { name, url, size: Bytes::new(0), state }));
            }
            is_one_too_many
        };
        if is_one_too_many {
            self.break_off(&event.guid).await;
        }
    }

    async fn progressed(&self, event: &EventDownloadProgress) {
        // Chromium counts in floating point.
        let size = Bytes::new(event.received_bytes.max(0.0) as u64);
        if let Some((_, download)) = lock(&self.seen).downloads.iter_mut().find(|(guid, _)| *guid == event.guid) {
            // What is tried again, or given up, begins at nothing.
            download.size = download.size.max(size);
            download.state = event.state.clone();
        }
        if size > DOWNLOAD && event.state == DownloadProgressState::InProgress {
            self.break_off(&event.guid).await;
        }
    }

    async fn break_off(&self, guid: &str) {
        let mut cancel = CancelDownloadParams::new(guid);
        cancel.browser_context_id = Some(self.context.clone());
        let _ = self.browser.execute(cancel).await;
    }
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS_CHARS_MAX).collect()
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
