//! One run's own window into the web: a context of its own in a browser of its own, behind its own gate.

mod blank;
mod closing;
mod unasked;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::browser::BrowserContextId;
use chromiumoxide::cdp::browser_protocol::target::{GetTargetsParams, TargetInfo};
use chromiumoxide::{Browser, Page};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::chromium::Gone;
use super::chromium::herald::Herald;
use super::gate::{Gate, Home, Pages, Passage, Troubles};
use super::pool::Lent;
use crate::model::{Fault, FaultCode, SelfFault};
use crate::probe::Stop;
use crate::probe::connect::Network;

pub(super) use blank::Blank;
pub(super) use closing::Closed;
pub(super) use unasked::Download;
use unasked::Unasked;

/// How long tidying up may take; then the whole browser goes.
const TIDY: Duration = Duration::from_secs(2);

/// Everything of it is gone when it is dropped: pages, cookies, caches, files, connections.
#[derive(Debug)]
pub(super) struct Tab {
    pub(super) page: Page,
    /// What the browser calls itself, as one that a person sits before would.
    pub(super) agent: String,
    /// Tells pages that pages open how to meet them.
    pub(super) herald: Arc<Herald>,
    gate: Gate,
    unasked: Unasked,
    gone: watch::Receiver<Option<Gone>>,
    /// Files that pages were handed.
    handed: AtomicUsize,
    /// None: handed on to be tidied.
    remnant: Option<Remnant>,
    runtime: Handle,
}

/// What must be tidied after a run.
#[derive(Debug)]
struct Remnant {
    lent: Lent,
    context: BrowserContextId,
    /// What this run's pages hand us.
    room: PathBuf,
    /// What they are handed.
    tray: PathBuf,
}

impl Tab {
    /// The page that is there already, or another.
    pub(super) async fn open(mut lent: Lent, network: Arc<Network>, home: Home) -> Result<Self, Stop> {
        let (gone, rack) = (lent.chromium.gone(), lent.rack());
        let made = match lent.blank.take().filter(Blank::is_whole) {
            Some(blank) => Ok(blank),
            None => Blank::make(&lent.chromium).await,
        };
        match made {
            Ok(blank) => Ok(Self::begin(lent, blank, network, home)),
            Err(unopened) => Err(gone.borrow().as_ref().map_or_else(
                || own(&unopened.to_string()),
                |gone| {
                    rack.lost(gone);
                    stop(gone)
                },
            )),
        }
    }

    fn begin(lent: Lent, blank: Blank, network: Arc<Network>, home: Home) -> Self {
        let Blank { page, context, threshold, unasked, room, tray } = blank;
        let herald = Arc::clone(&lent.chromium.herald);
        herald.begin(context.clone());
        let browser = Arc::downgrade(&lent.chromium.browser);
        let pages = Pages { browser, context: context.clone(), herald: Arc::clone(&herald) };
        let gate = Gate::open(threshold, network, home, pages);
        let (agent, gone) = (lent.chromium.agent.clone(), lent.chromium.gone());
        let remnant = Some(Remnant { lent, context, room, tray });
        Self {
            page,
            agent,
            herald,
            gate,
            unasked,
            gone,
            handed: AtomicUsize::new(0),
            remnant,
            runtime: Handle::current(),
        }
    }

    /// Every host (and port) that the pages asked for: where it lies, how long it took, or why it was not reached.
    pub(super) fn passages(&self) -> BTreeMap<(String, u16), Passage> {
        self.gate.passages()
    }

    /// Those that were not reached for a reason of our own, once at least, with that.
    pub(super) fn ours(&self) -> Troubles {
        self.gate.ours()
    }

    /// Hosts that pages led to and must not, with why.
    pub(super) fn refused(&self) -> Vec<(String, String)> {
        let why = |ended| match ended {
            Err(Stop::Fault(fault)) if fault.code == FaultCode::RedirectRefused => Some(fault.text),
            _ => None,
        };
        self.passages().into_iter().filter_map(|((host, _), passage)| Some((host, why(passage.ended)?))).collect()
    }

    /// What dialogs said, each begun by its kind ("alert: …"); all were accepted.
    pub(super) fn dialogs(&self) -> Vec<String> {
        self.herald.dialogs()
    }

    /// What pages made the browser download, the oldest first.
    pub(super) fn downloads(&self) -> Vec<Download> {
        self.unasked.downloads()
    }

    /// How many pages this page has opened.
    pub(super) fn opened(&self) -> usize {
        self.unasked.tabs().len()
    }

    /// The pages that this page opened, the oldest first.
    pub(super) async fn others(&self) -> Vec<Page> {
        self.others_since(0).await
    }

    /// The same without the first ones.
    pub(super) async fn others_since(&self, first: usize) -> Vec<Page> {
        let Some(remnant) = &self.remnant else { return Vec::new() };
        let mut others = Vec::new();
        for id in self.unasked.tabs().into_iter().skip(first) {
            others.extend(remnant.lent.chromium.browser.get_page(id).await.ok());
        }
        others
    }

    /// Whether any of its pages is still open.
    pub(super) async fn is_open(&self) -> bool {
        let Some(remnant) = &self.remnant else { return false };
        let targets = remnant.lent.chromium.browser.execute(GetTargetsParams::default()).await;
        let ours = |target: &TargetInfo| {
            target.r#type == "page" && target.browser_context_id.as_ref() == Some(&remnant.context)
        };
        targets.is_ok_and(|told| told.result.target_infos.iter().any(ours))
    }

    /// Where it lies. None: no more.
    pub(super) fn context(&self) -> Option<(&Browser, &BrowserContextId)> {
        self.remnant.as_ref().map(|remnant| (&*remnant.lent.chromium.browser, &remnant.context))
    }

    /// A file that the page can be handed, of this content: gone with the tab.
    pub(super) async fn file(&self, name: &Path, content: &[u8]) -> Result<PathBuf, Stop> {
        let failed = |error: std::io::Error| own(&format!("a file cannot be handed to the page: {error}"));
        let remnant = self.remnant.as_ref().ok_or_else(|| own("the tab is closed"))?;
        let name = name.file_name().ok_or_else(|| own("a file without a name"))?;
        // Others of that name may be handed over, too.
        let folder = remnant.tray.join(self.handed.fetch_add(1, Ordering::Relaxed).to_string());
        tokio::fs::create_dir(&folder).await.map_err(failed)?;
        let path = folder.join(name);
        tokio::fs::write(&path, content).await.map_err(failed)?;
        Ok(path)
    }

    /// Pending until the browser is gone, or the page's part of it: what the run then ends with.
    pub(super) async fn gone(&self) -> Stop {
        let (mut browser, mut page) = (self.gone.clone(), self.unasked.fallen());
        let page = async {
            // Whoever watches the page stops with the browser.
            if page.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! { _ = browser.wait_for(Option::is_some) => {}, () = page => {} }
        let gone = self.gone.borrow().clone();
        let gone = gone.or_else(|| self.unasked.fallen().borrow().clone());
        stop(gone.as_ref().unwrap_or(&Gone::Crashed))
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        if let Some(remnant) = self.remnant.take() {
            let fallen = self.unasked.fallen().borrow().clone();
            let rack = remnant.lent.rack();
            self.runtime.spawn(rack.outlast(remnant.tidy(fallen)));
        }
    }
}

impl Remnant {
    async fn tidy(self, fallen: Option<Gone>) {
        let Self { lent, context, room, tray } = self;
        let gone = lent.chromium.gone().borrow().clone();
        if let Some(gone) = gone.or(fallen) {
            lent.rack().lost(&gone);
            return;
        }
        let browser = Arc::clone(&lent.chromium.browser);
        let disposed = timeout(TIDY, async {
            browser.dispose_browser_context(context.clone()).await.ok()?;
            // One that is not gone now hangs.
            let targets = browser.execute(GetTargetsParams::default()).await.ok()?.result.target_infos;
            targets.iter().all(|target| target.browser_context_id.as_ref() != Some(&context)).then_some(())
        });
        let tidy = disposed.await;
        let swept =
            tokio::task::spawn_blocking(move || [room, tray].iter().try_for_each(std::fs::remove_dir_all)).await;
        match (tidy, swept) {
            (Ok(Some(())), Ok(Ok(()))) => lent.back().await,
            // It is not what it was, and ends with this.
            _ => drop(lent),
        }
    }
}

fn stop(gone: &Gone) -> Stop {
    match gone {
        Gone::Crashed => stop_of_crash(),
        Gone::TooMuch(why) => Fault::new(FaultCode::BrowserOom, why.as_str()).into(),
    }
}

fn stop_of_crash() -> Stop {
    own("it ended under the page")
}

fn own(why: &str) -> Stop {
    Stop::Own(SelfFault::Browser, why.to_owned())
}
