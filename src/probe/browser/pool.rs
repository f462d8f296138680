//! The browsers that runs are lent: one run at a time each, bounded, warm.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chromiumoxide::cdp::browser_protocol::target::{CreateBrowserContextParams, CreateTargetParams};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use url::Url;

use super::chromium::{self, Chromium};
use super::gate::Gate;
use super::tab::Tab;
use crate::model::SelfFault;
use crate::probe::{Run, Stop};
use crate::units::FilePath;

/// How Chromium is run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Browser")]
pub struct Settings {
    /// The browser's program; found where systems install it by default.
    pub chromium: Option<FilePath>,
}

/// The pool. One for the whole program: what is learnt and kept survives a reload of the settings.
pub struct Browsers {
    settings: Settings,
    random: Arc<dyn Fn() -> u64 + Send + Sync>,
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Chromium>>,
}

/// A browser that one run has for itself.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) chromium: Chromium,
    _permit: OwnedSemaphorePermit,
}

impl fmt::Debug for Browsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browsers").field("settings", &self.settings).finish_non_exhaustive()
    }
}

const AT_MOST: usize = 2;

impl Browsers {
    /// Starts nothing yet. `random` names folders.
    pub fn new(settings: Settings, random: Arc<dyn Fn() -> u64 + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { settings, random, room: Arc::new(Semaphore::new(AT_MOST)), idle: Mutex::default() })
    }

    /// An empty page of the run's own, behind its own gate. What `written` names may be anywhere (as the run's way
    /// says); where its pages lead is judged by where it lies.
    pub(super) async fn open(self: &Arc<Self>, run: &Run<'_>, written: &Url) -> Result<Tab, Stop> {
        timeout_at(run.deadline, self.tab(run, written))
            .await
            .unwrap_or_else(|_| Err(stop("no browser is free in time")))
    }

    async fn tab(self: &Arc<Self>, run: &Run<'_>, written: &Url) -> Result<Tab, Stop> {
        let Some(host) = written.host() else { return Err(stop(&format!("`{written}` names no host"))) };
        let lent = self.lend().await?;
        let network = Arc::clone(&run.tools.network);
        let gate = Gate::open(network, (host.to_owned(), run.way)).await.map_err(|error| stop(&error.to_string()))?;
        let context = CreateBrowserContextParams::builder()
            .dispose_on_detach(true)
            .proxy_server(format!("socks5://{}", gate.address))
            .proxy_bypass_list("<-loopback>")
            .build();
        let browser = &lent.chromium.browser;
        let context = browser.create_browser_context(context).await.map_err(|error| stop(&error.to_string()))?;
        let mut target = CreateTargetParams::new("about:blank");
        target.browser_context_id = Some(context.clone());
        let page = browser.new_page(target).await.map_err(|error| stop(&error.to_string()))?;
        Ok(Tab::new(page, context, gate, lent, Arc::clone(self)))
    }

    async fn lend(&self) -> Result<Lent, Stop> {
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|_| stop("we are about to end"))?;
        let warm = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let chromium = match warm.filter(Chromium::lives) {
            Some(warm) => warm,
            None => self.start().await?,
        };
        Ok(Lent { chromium, _permit: permit })
    }

    async fn start(&self) -> Result<Chromium, Stop> {
        let written = self.settings.chromium.as_ref().map(FilePath::as_path);
        let program = chromium::find(written).ok_or_else(|| {
            stop("there is no Chromium on this machine; install it (Debian: `apt-get install chromium-headless-shell`)")
        })?;
        Chromium::start(&program, self.folder()).await
    }

    fn folder(&self) -> PathBuf {
        std::env::temp_dir().join(format!("unbroken-browser-{:016x}", (self.random)()))
    }

    /// Takes a browser back that is empty again.
    pub(super) fn back(&self, lent: Lent) {
        if lent.chromium.lives() && !self.room.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(lent.chromium);
        }
    }

    /// Ends every browser that no run has; those that runs have end with them.
    pub fn close(&self) {
        self.room.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn stop(why: &str) -> Stop {
    Stop::Own(SelfFault::Unsupported, why.to_owned())
}
