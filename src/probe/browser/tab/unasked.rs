//! What pages do that no step asked for: new tabs, downloads, and falling over. Nothing of it waits for a person.

use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chromiumoxide::cdp::browser_protocol::browser::{
    BrowserContextId, CancelDownloadParams, DownloadProgressState, EventDownloadProgress, EventDownloadWillBegin,
};
use chromiumoxide::cdp::browser_protocol::target::{
    EventTargetCrashed, EventTargetCreated, EventTargetDestroyed, TargetId,
};
use chromiumoxide::error::CdpError;
use chromiumoxide::{Browser, Page};
use futures::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::probe::browser::chromium::Gone;
use crate::probe::browser::chromium::herald::OPENED_MAX;
use crate::units::Bytes;

/// Of a file's name and address.
const WORDS_CHARS_MAX: usize = 300;
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
    main: TargetId,
    seen: Arc<Mutex<Seen>>,
    fallen: watch::Receiver<Option<Gone>>,
    /// Tabs that are no more, by themselves.
    closed: watch::Receiver<Vec<TargetId>>,
    _watching: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    tabs: Vec<Opened>,
    /// By the browser's number, the oldest first.
    downloads: Vec<(String, Download)>,
}

#[derive(Debug)]
struct Opened {
    id: TargetId,
    opener: Option<TargetId>,
}

impl Unasked {
    pub(super) async fn watch(
        browser: &Arc<Browser>,
        page: &Page,
        context: &BrowserContextId,
    ) -> Result<Self, CdpError> {
        let seen = Arc::default();
        let (fall, fallen) = watch::channel(None);
        let (close, closed) = watch::channel(Vec::new());
        let main = page.target_id().clone();
        let eyes = Eyes {
            browser: Arc::clone(browser),
            context: context.clone(),
            main: main.clone(),
            seen: Arc::clone(&seen),
            fall,
            close,
        };
        let created = browser.event_listener::<EventTargetCreated>().await?;
        let crashed = browser.event_listener::<EventTargetCrashed>().await?;
        let destroyed = browser.event_listener::<EventTargetDestroyed>().await?;
        let begun = browser.event_listener::<EventDownloadWillBegin>().await?;
        let progress = browser.event_listener::<EventDownloadProgress>().await?;
        let watching = tokio::spawn(eyes.look((created, crashed, destroyed), (begun, progress)));
        Ok(Self { main, seen, fallen, closed, _watching: AbortOnDropHandle::new(watching) })
    }

    /// Why the page's process is gone, once it is.
    pub(super) fn fallen(&self) -> watch::Receiver<Option<Gone>> {
        self.fallen.clone()
    }

    pub(super) fn downloads(&self) -> Vec<Download> {
        lock(&self.seen).downloads.iter().map(|(_, download)| download.clone()).collect()
    }

    pub(super) fn tabs(&self) -> Vec<TargetId> {
        lock(&self.seen).tabs.iter().map(|tab| tab.id.clone()).collect()
    }

    /// Those that have closed themselves, as they do.
    pub(super) fn closed(&self) -> watch::Receiver<Vec<TargetId>> {
        self.closed.clone()
    }

    /// Those that are still open, the nearest first: what opened this one, what opened that, the first page, the others.
    pub(super) fn around(&self, tab: &TargetId) -> Vec<TargetId> {
        let (seen, closed) = (lock(&self.seen), self.closed.borrow());
        let opener = |tab: &TargetId| seen.tabs.iter().find(|it| it.id == *tab)?.opener.clone();
        let openers = iter::successors(opener(tab), opener).take(OPENED_MAX);
        let others = seen.tabs.iter().rev().map(|tab| tab.id.clone());
        let all = openers.chain(iter::once(self.main.clone())).chain(others);
        all.filter(|tab| !closed.contains(tab)).collect()
    }
}

struct Eyes {
    browser: Arc<Browser>,
    context: BrowserContextId,
    main: TargetId,
    seen: Arc<Mutex<Seen>>,
    fall: watch::Sender<Option<Gone>>,
    close: watch::Sender<Vec<TargetId>>,
}

impl Eyes {
    async fn look(
        self,
        (mut created, mut crashed, mut destroyed): (
            impl Stream<Item = Arc<EventTargetCreated>> + Unpin,
            impl Stream<Item = Arc<EventTargetCrashed>> + Unpin,
            impl Stream<Item = Arc<EventTargetDestroyed>> + Unpin,
        ),
        (mut begun, mut progress): (
            impl Stream<Item = Arc<EventDownloadWillBegin>> + Unpin,
            impl Stream<Item = Arc<EventDownloadProgress>> + Unpin,
        ),
    ) {
        loop {
            tokio::select! {
                Some(event) = created.next() => self.opened(&event),
                Some(event) = crashed.next() => self.crashed(&event),
                Some(event) = destroyed.next() => self.closed(&event.target_id),
                Some(event) = begun.next() => self.begun(&event).await,
                Some(event) = progress.next() => self.progressed(&event).await,
                else => return,
            }
        }
    }

    fn opened(&self, event: &EventTargetCreated) {
        let target = &event.target_info;
        let ours = target.browser_context_id.as_ref() == Some(&self.context) && target.r#type == "page";
        if !ours || target.target_id == self.main {
            return;
        }
        let mut seen = lock(&self.seen);
        // Others are closed at once.
        if seen.tabs.len() < OPENED_MAX {
            seen.tabs.push(Opened { id: target.target_id.clone(), opener: target.opener_id.clone() });
        }
    }

    fn crashed(&self, event: &EventTargetCrashed) {
        if self.is_ours(&event.target_id) {
            let gone = match event.status.as_str() {
                "oom" => Gone::TooMuch("the page takes more memory than the browser can give".to_owned()),
                _ => Gone::Crashed,
            };
            self.fall.send_replace(Some(gone));
        }
    }

    fn closed(&self, tab: &TargetId) {
        if self.is_ours(tab) {
            self.close.send_modify(|closed| closed.push(tab.clone()));
        }
    }

    fn is_ours(&self, tab: &TargetId) -> bool {
        *tab == self.main || lock(&self.seen).tabs.iter().any(|known| known.id == *tab)
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
