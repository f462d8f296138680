//! Where browsers wait for runs: started when one is wanted, kept while they are light and lately used.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::warn;

use super::{Health, Random, Settings, own};
use crate::model::SelfFault;
use crate::probe::Stop;
use crate::probe::browser::chromium::account::Account;
use crate::probe::browser::chromium::look::{self, Look};
use crate::probe::browser::chromium::{self, Birth, Chromium, Gone, Guard, Sandbox, Unborn};
use crate::probe::browser::tab::Blank;
use crate::units::{Bytes, FilePath};

/// Runs of one browser; then a fresh one takes over, whatever the old has gathered.
const RUNS_MAX: u32 = 50;
/// Memory of its own at which a browser without a page is no longer light.
const LIGHT: Bytes = Bytes::new(160 << 20);
/// How long a browser waits beside another one.
const LINGER: Duration = Duration::from_mins(1);
/// How long the last one waits.
const REST: Duration = Duration::from_mins(15);
/// How long a browser may take for its next page.
const READY: Duration = Duration::from_secs(5);
/// Whoever gives up earlier had little patience: that a browser hangs cannot be told from it.
const HANGS: Duration = Duration::from_secs(10);

/// The browsers under one set of settings.
pub(in crate::probe::browser) struct Rack {
    pub(super) settings: Settings,
    pub(super) look: Look,
    random: Random,
    health: Health,
    room: Arc<Semaphore>,
    waiting: Mutex<Vec<Waiting>>,
    endings: TaskTracker,
    sandbox: Mutex<Sandbox>,
}

/// A browser that no run has.
struct Waiting {
    number: u64,
    chromium: Chromium,
    /// Where its next run begins.
    blank: Blank,
    runs: u32,
    /// Ends it when it has waited too long; dropped when it is taken.
    _patience: AbortOnDropHandle<()>,
}

impl Waiting {
    fn is_whole(&self) -> bool {
        self.chromium.lives() && self.blank.is_whole()
    }
}

/// A browser that one run has for itself. Dropped: it ends.
#[derive(Debug)]
pub(in crate::probe::browser) struct Lent {
    /// The page that it waited with; none: it is new.
    pub(in crate::probe::browser) blank: Option<Blank>,
    pub(in crate::probe::browser) chromium: Chromium,
    runs: u32,
    rack: Arc<Rack>,
    _guard: Guard,
    _permit: OwnedSemaphorePermit,
}

impl fmt::Debug for Rack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiting().iter().filter(|one| one.is_whole()).count();
        f.debug_struct("Rack").field("settings", &self.settings).field("waiting", &waiting).finish_non_exhaustive()
    }
}

impl Rack {
    pub(super) fn new((settings, look): (Settings, Look), random: Random, health: Health) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(settings.at_most.get()));
        let (waiting, endings, sandbox) = (Mutex::default(), TaskTracker::new(), Mutex::new(Sandbox::Own));
        Arc::new(Self { settings, look, random, health, room, waiting, endings, sandbox })
    }

    /// A browser that was used last and waits, or a new one.
    pub(super) async fn lend(self: &Arc<Self>) -> Result<Lent, Stop> {
        let closed = |_| Stop::Own(SelfFault::Cancelled, "our browsers are being closed".to_owned());
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(closed)?;
        let (blank, chromium, runs) = match self.take() {
            Some(waiting) => (Some(waiting.blank), waiting.chromium, waiting.runs),
            None => (None, self.start().await?, 0),
        };
        let guard = chromium.guard(self.settings.memory.get());
        Ok(Lent { blank, chromium, runs, rack: Arc::clone(self), _guard: guard, _permit: permit })
    }

    /// One that died while it waited is gone: nobody's run suffered.
    fn take(&self) -> Option<Waiting> {
        let mut waiting = self.waiting();
        std::iter::from_fn(|| waiting.pop()).find(|next| next.chromium.lives())
    }

    /// Ends what waits, and lends nothing any more.
    pub(super) fn empty(&self) {
        self.room.close();
        self.waiting().clear();
        self.endings.close();
    }

    /// What is still done to a browser must be over before it is said that all are gone.
    pub(in crate::probe::browser) fn outlast<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        self.endings.track_future(work)
    }

    /// Pending until every browser that was ever lent is gone.
    pub(super) async fn ended(&self) {
        self.endings.wait().await;
    }

    /// Starts one to see whether it can; what a person should know about how.
    pub(super) async fn try_out(&self) -> Result<Option<String>, String> {
        let text = |stop| match stop {
            Stop::Own(_, text) => text,
            Stop::Fault(fault) => fault.text,
        };
        self.start().await.map_err(text)?;
        Ok((*self.sandbox() == Sandbox::None).then(|| UNSAFE.to_owned()))
    }

    async fn start(&self) -> Result<Chromium, Stop> {
        let misplaced = |text: String| Stop::Own(SelfFault::Misconfigured, text);
        let written = self.settings.chromium.as_ref().map(FilePath::as_path);
        let program = chromium::find(written, &self.look).ok_or_else(|| match (written, &self.look) {
            (Some(path), Look::On(_)) if path.exists() => {
                misplaced(format!("`{}` has no windows: install `chromium` and leave `chromium:` out", path.display()))
            }
            (Some(path), _) => {
                misplaced(format!("`browser: chromium:` names `{}`, which is not there", path.display()))
            }
            (None, Look::Unseen) => Stop::Own(SelfFault::Unsupported, MISSING.to_owned()),
            (None, Look::On(_)) => Stop::Own(SelfFault::Unsupported, WINDOWLESS.to_owned()),
        })?;
        let account = Account::find(self.settings.user.as_deref()).map_err(misplaced)?;
        loop {
            let sandbox = *self.sandbox();
            let (look, endings) = (&self.look, &self.endings);
            let (number, word) = ((self.random)(), (self.random)());
            let birth = Birth { program: &program, account, sandbox, look, endings, number, word };
            let mut hanging = Hanging { rack: self, program: &program, since: Some(Instant::now()) };
            let started = Chromium::start(birth).await;
            hanging.since = None;
            match started {
                Ok(chromium) => return Ok(chromium),
                Err(Unborn::Sandbox(why)) if sandbox == Sandbox::Own => {
                    warn!("{UNSAFE} (`{why}`)");
                    *self.sandbox() = Sandbox::None;
                }
                Err(Unborn::Sandbox(why) | Unborn::Other(why)) => {
                    let hint = if *look == Look::Unseen { String::new() } else { format!("; {}", look::REFUSED) };
                    let text = format!("`{}` does not start: {why}{hint}", program.display());
                    self.crashed(&text);
                    return Err(own(&text));
                }
            }
        }
    }

    /// It ended under a run.
    pub(in crate::probe::browser) fn lost(&self, gone: &Gone) {
        if *gone == Gone::Crashed {
            self.crashed("it ended under a page");
        }
    }

    fn crashed(&self, how: &str) {
        self.health.send_modify(|(times, text)| {
            *times = times.saturating_add(1);
            how.clone_into(text);
        });
    }

    /// It waits with a page, and so that nobody waits for that.
    async fn keep(self: &Arc<Self>, chromium: Chromium, runs: u32) {
        let made = timeout(READY, Blank::make(&chromium)).await;
        // One that cannot open a page is of no use.
        let Ok(Ok(blank)) = made else { return };
        let number = (self.random)();
        let patience = tokio::spawn(wait(Arc::downgrade(self), number));
        let mut waiting = self.waiting();
        // Looked at while nothing can be taken: it is emptied once only.
        if chromium.lives() && !self.room.is_closed() {
            waiting.push(Waiting { number, chromium, blank, runs, _patience: AbortOnDropHandle::new(patience) });
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sandbox(&self) -> MutexGuard<'_, Sandbox> {
        self.sandbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a browser that nobody takes.
async fn wait(rack: Weak<Rack>, number: u64) {
    let since = Instant::now();
    loop {
        sleep(LINGER).await;
        let Some(rack) = rack.upgrade() else { return };
        let mut waiting = rack.waiting();
        let Some(place) = waiting.iter().position(|one| one.number == number) else { return };
        if place + 1 < waiting.len() || since.elapsed() >= REST {
            // The last look of this task, which ends with what it looks after.
            waiting.remove(place);
            return;
        }
    }
}

impl Lent {
    /// Gives it back when no page of its run is left in it.
    pub(in crate::probe::browser) async fn back(self) {
        let Self { chromium, runs, rack, _guard, _permit, blank: _ } = self;
        if !chromium.lives() || rack.room.is_closed() {
            return;
        }
        rack.health.send_if_modified(|(times, _)| std::mem::take(times) > 0);
        let group = chromium.weight();
        // One that showed its windows goes with them.
        if rack.look != Look::Unseen {
            return;
        }
        let heavy = tokio::task::spawn_blocking(group).await.is_ok_and(|memory| memory > LIGHT);
        if runs + 1 < RUNS_MAX && !heavy {
            rack.keep(chromium, runs + 1).await;
            return;
        }
        drop(chromium);
        if rack.room.is_closed() {
            return;
        }
        // Before the next run wants it: what is used is used again.
        if let Ok(fresh) = rack.start().await {
            rack.keep(fresh, 0).await;
        }
    }

    /// Whom to tell that it ended.
    pub(in crate::probe::browser) fn rack(&self) -> Arc<Rack> {
        Arc::clone(&self.rack)
    }
}

/// A start that its run does not wait for any longer: nobody else could say that it came to nothing.
struct Hanging<'a> {
    rack: &'a Rack,
    program: &'a Path,
    /// None: it is over.
    since: Option<Instant>,
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        let waited = self.since.map(|since| since.elapsed()).filter(|waited| *waited >= HANGS);
        if let Some(waited) = waited {
            self.rack.crashed(&format!(
                "`{}` was not ready after {:.0} s",
                self.program.display(),
                waited.as_secs_f64()
            ));
        }
    }
}

const MISSING: &str = "there is no Chromium on this machine: install it (Debian and Ubuntu: `apt-get install \
     chromium-headless-shell`; `chromium` does as well, and takes half as much memory again), or name its program as \
     `browser: { chromium: PATH }`";

const WINDOWLESS: &str = "there is no Chromium on this machine that has windows: install it (Debian and Ubuntu: `apt-get \
     install chromium`), or name its program as `browser: { chromium: PATH }`";

const UNSAFE: &str = "this system lets nobody without privileges make a sandbox, so Chromium runs pages without one: let \
     it make user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone), or probe only pages \
     that you trust";
