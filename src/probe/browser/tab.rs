//! One run's own window into the web: a context of its own in a browser of its own, behind its own gate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::browser::BrowserContextId;
use chromiumoxide::cdp::browser_protocol::target::GetTargetsParams;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::gate::{Gate, Passage};
use super::pool::{Browsers, Lent};
use crate::model::{FaultCode, SelfFault};
use crate::probe::Stop;

/// How long tidying up may take; then the whole browser goes.
const TIDY: Duration = Duration::from_secs(3);
/// Tabs that a page opened, which are looked at.
const TABS_MAX: usize = 16;

/// Everything of it is gone when it is dropped: pages, cookies, caches, connections.
#[derive(Debug)]
pub(super) struct Tab {
    pub(super) page: Page,
    context: BrowserContextId,
    gate: Gate,
    /// None: handed on to be tidied.
    lent: Option<Lent>,
    pool: Arc<Browsers>,
}

impl Tab {
    pub(super) fn new(page: Page, context: BrowserContextId, gate: Gate, lent: Lent, pool: Arc<Browsers>) -> Self {
        Self { page, context, gate, lent: Some(lent), pool }
    }

    /// Every host (and port) that the pages asked for: where it lies, how long it took, or why it was not reached.
    pub(super) fn passages(&self) -> BTreeMap<(String, u16), Passage> {
        self.gate.passages()
    }

    /// Hosts that pages led to and must not, with why.
    pub(super) fn refused(&self) -> Vec<(String, String)> {
        let why = |ended| match ended {
            Err(Stop::Fault(fault)) if fault.code == FaultCode::RedirectRefused => Some(fault.text),
            _ => None,
        };
        self.passages().into_iter().filter_map(|((host, _), passage)| Some((host, why(passage.ended)?))).collect()
    }

    /// The pages that this page opened.
    pub(super) async fn others(&self) -> Vec<Page> {
        let Some(lent) = &self.lent else { return Vec::new() };
        let browser = &lent.chromium.browser;
        let Ok(targets) = browser.execute(GetTargetsParams::default()).await else { return Vec::new() };
        let mut others = Vec::new();
        for target in targets.result.target_infos {
            let ours = target.browser_context_id.as_ref() == Some(&self.context);
            if ours && target.r#type == "page" && target.target_id != *self.page.target_id() && others.len() < TABS_MAX
            {
                others.extend(browser.get_page(target.target_id).await.ok());
            }
        }
        others
    }

    /// Pending until the browser is gone: what the run then ends with.
    pub(super) async fn gone(&self) -> Stop {
        if let Some(lent) = &self.lent {
            let mut gone = lent.chromium.gone();
            let _ = gone.wait_for(|gone| *gone).await;
        }
        Stop::Own(SelfFault::Unsupported, "our browser crashed".to_owned())
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        let (context, pool) = (self.context.clone(), Arc::clone(&self.pool));
        // Without a runtime the browser ends here, and all is tidy as well.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let disposed = timeout(TIDY, lent.chromium.browser.dispose_browser_context(context)).await;
            if let Ok(Ok(())) = disposed {
                pool.back(lent);
            }
        });
    }
}
