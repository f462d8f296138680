//! An empty page in a context of its own, nobody's yet: what a run begins with, made before one asks for it.

use std::path::PathBuf;
use std::sync::Arc;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::browser::{
    BrowserContextId, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams,
};
use chromiumoxide::cdp::browser_protocol::target::{CreateBrowserContextParams, CreateTargetParams};
use chromiumoxide::error::CdpError;
use futures::try_join;
use thiserror::Error;

use super::unasked::Unasked;
use crate::probe::browser::chromium::Chromium;
use crate::probe::browser::gate::Threshold;

/// It goes with its browser.
#[derive(Debug)]
pub(in crate::probe::browser) struct Blank {
    pub(super) page: Page,
    pub(super) context: BrowserContextId,
    pub(super) threshold: Threshold,
    pub(super) unasked: Unasked,
    /// What the run's pages hand us.
    pub(super) room: PathBuf,
    /// What they are handed.
    pub(super) tray: PathBuf,
}

/// Why there is none.
#[derive(Debug, Error)]
pub(in crate::probe::browser) enum Unopened {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Browser(#[from] CdpError),
}

impl Blank {
    pub(in crate::probe::browser) async fn make(chromium: &Chromium) -> Result<Self, Unopened> {
        let browser = Arc::clone(&chromium.browser);
        let threshold = Threshold::new().await?;
        let (room, tray) = (chromium.room()?, chromium.tray()?);
        let context = CreateBrowserContextParams::builder()
            .dispose_on_detach(true)
            .proxy_server(format!("socks5://{}", threshold.address()?))
            .proxy_bypass_list("<-loopback>")
            .build();
        let context = browser.create_browser_context(context).await?;
        let mut downloads = SetDownloadBehaviorParams::new(SetDownloadBehaviorBehavior::AllowAndName);
        downloads.browser_context_id = Some(context.clone());
        downloads.download_path = Some(room.to_string_lossy().into_owned());
        downloads.events_enabled = Some(true);
        let mut target = CreateTargetParams::new("about:blank");
        target.browser_context_id = Some(context.clone());
        let (_, page) = try_join!(browser.execute(downloads), browser.new_page(target))?;
        let unasked = Unasked::watch(&browser, &page, &context).await?;
        Ok(Self { page, context, threshold, unasked, room, tray })
    }

    /// Nothing of it has fallen over while it waited.
    pub(in crate::probe::browser) fn is_whole(&self) -> bool {
        self.unasked.fallen().borrow().is_none()
    }
}
