//! The browsers that runs are lent: one run at a time each, bounded in number, kept warm, and not for ever.
//!
//! Rejected: one browser for several runs at once. A page that takes all memory, or never lets go, would end its
//! neighbours' runs with its own, and whose memory it is could only be guessed. A second browser costs something only
//! while two runs overlap.

mod rack;
mod settings;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

pub(super) use rack::Lent;
use rack::Rack;
pub use settings::Settings;

pub use super::chromium::look::Display;
use super::chromium::look::Look;
use super::gate::Home;
use super::tab::Tab;
use crate::model::SelfFault;
use crate::probe::connect::Network;
use crate::probe::connect::address::Way;
use crate::probe::{Run, Stop};

/// What is left of a run's time must be enough to say that there was none.
const MARGIN: Duration = Duration::from_millis(100);
/// How long all browsers may take to end.
const CLOSE: Duration = Duration::from_secs(8);

/// Random numbers: names that nobody can guess.
pub type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// All browsers of this program, across reloads.
pub struct Browsers {
    random: Random,
    /// What the browsers do is done here, whoever asks for them. None: wherever the first is asked for.
    runtime: Option<Handle>,
    rack: Mutex<Arc<Rack>>,
    health: Health,
}

/// Ends of browsers in a row that were no page's doing, and the last one's words.
pub type Crashes = (u32, String);

/// Where every browser's end is noted.
pub(super) type Health = watch::Sender<Crashes>;

impl fmt::Debug for Browsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browsers").field("rack", &self.rack()).finish_non_exhaustive()
    }
}

impl Browsers {
    /// Starts none before one is asked for.
    pub fn new(settings: Settings, random: Random) -> Arc<Self> {
        let health = Health::default();
        let rack = Mutex::new(Rack::new((settings, Look::Unseen), Arc::clone(&random), health.clone()));
        Arc::new(Self { random, runtime: Handle::try_current().ok(), rack, health })
    }

    /// Takes other settings. Browsers as they were end when their runs do.
    pub fn adjust(&self, settings: &Settings) {
        let mut rack = self.rack.lock().unwrap_or_else(PoisonError::into_inner);
        if rack.settings != *settings {
            rack.empty();
            let how = (settings.clone(), rack.look.clone());
            *rack = Rack::new(how, Arc::clone(&self.random), self.health.clone());
        }
    }

    /// From now on a person sees what they do.
    pub fn show(&self, display: Display) {
        let mut rack = self.rack.lock().unwrap_or_else(PoisonError::into_inner);
        rack.empty();
        let how = (rack.settings.clone(), Look::On(display));
        *rack = Rack::new(how, Arc::clone(&self.random), self.health.clone());
    }

    /// Starts one to see whether it can; or says why not. What a person should know about how it runs, if anything.
    pub async fn try_out(&self) -> Result<Option<String>, String> {
        self.rack().try_out().await
    }

    /// How many runs in a row ended because the browser did, and how the last one did.
    pub fn health(&self) -> watch::Receiver<Crashes> {
        self.health.subscribe()
    }

    /// Ends all browsers, and waits until they are gone. What is asked for afterwards is refused.
    pub async fn close(&self) {
        let rack = self.rack();
        rack.empty();
        let _ = timeout(CLOSE, rack.ended()).await;
    }

    /// An empty page of the run's own, behind its own gate. Where `written` leads may be anywhere (as the run's way
    /// says); where its pages lead is judged by where it lies.
    pub(super) async fn open(&self, run: &Run<'_>, written: &Url) -> Result<Tab, Stop> {
        // A run that finds no browser in time says nothing of the touchpoint.
        let until = run.deadline.checked_sub(MARGIN).unwrap_or(run.deadline);
        let opened = timeout_at(until, self.tab(Arc::clone(&run.tools.network), run.way, written)).await;
        opened.unwrap_or_else(|_| Err(own("no browser of ours was ready in time")))
    }

    /// The same, for whoever has no run and waits as long as it takes.
    pub(super) async fn tab(&self, network: Arc<Network>, way: Way, written: &Url) -> Result<Tab, Stop> {
        let host = written.host().ok_or_else(|| own(&format!("`{written}` names no host")))?;
        let home: Home = (host.to_owned(), way);
        let runtime = self.runtime.clone().or_else(|| Handle::try_current().ok());
        let runtime = runtime.ok_or_else(|| own("there is nothing that a browser could run in"))?;
        let rack = self.rack();
        let opening = runtime.spawn(async move { Tab::open(rack.lend().await?, network, home).await });
        // Dropped: whatever is opened meanwhile is closed again.
        let opened = AbortOnDropHandle::new(opening).await;
        opened.unwrap_or_else(|_| Err(Stop::Own(SelfFault::Panicked, "opening a browser panicked".to_owned())))
    }

    fn rack(&self) -> Arc<Rack> {
        Arc::clone(&self.rack.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn own(why: &str) -> Stop {
    Stop::Own(SelfFault::Browser, why.to_owned())
}
