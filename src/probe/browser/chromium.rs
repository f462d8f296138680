//! One Chromium process with all that it starts: found, started in a process group of its own, spoken to, ended.
//!
//! It runs as a user who may do nothing, inside its own sandbox, in a profile folder that is gone with it, and it knows
//! nothing of our environment.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chromiumoxide::Browser;
use chromiumoxide::handler::HandlerConfig;
use futures::StreamExt as _;
use rustix::process::{Pid, Signal, getuid, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::model::SelfFault;
use crate::probe::Stop;

/// Where browsers are installed: the light one first.
const PLACES: &[&str] = &[
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/bin/chromium-headless-shell",
    "/usr/lib/chromium/chromium",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/google-chrome",
    "/opt/google/chrome/chrome",
    "/usr/local/bin/chromium",
];
/// How long it may take to start.
const START: Duration = Duration::from_secs(30);
/// Deadlines are the runner's; this only keeps forgotten questions from being remembered for ever.
const COMMAND: Duration = Duration::from_secs(600);
/// Lines of its standard error that are kept while it starts.
const LINES_MAX: usize = 40;

const FLAGS: &[&str] = &[
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-startup-window",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-component-extensions-with-background-pages",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-domain-reliability",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-dev-shm-usage",
    "--disable-hang-monitor",
    "--disable-prompt-on-repost",
    "--disable-quic",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    // Frames of other sites stay in the page's process, where they are watched and used like the rest of it; the run has
    // the browser for itself.
    "--disable-site-isolation-trials",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--mute-audio",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider,AutofillServerCommunication,\
     CertificateTransparencyComponentUpdater,InterestFeedContentSuggestions,HttpsUpgrades,SpareRendererForSitePerProcess",
];

/// A running browser. Dropped: killed, with everything that it started, and its profile deleted.
pub(super) struct Chromium {
    pub(super) browser: Browser,
    group: Group,
    /// True once it cannot be spoken to any more.
    gone: watch::Receiver<bool>,
    talk: JoinHandle<()>,
    profile: Profile,
}

/// The browser to start, if one is installed.
pub(super) fn find(written: Option<&Path>) -> Option<PathBuf> {
    match written {
        Some(path) => Some(path.to_owned()),
        None => PLACES.iter().map(PathBuf::from).find(|path| path.exists()),
    }
}

impl Chromium {
    pub(super) async fn start(program: &Path, folder: PathBuf) -> Result<Self, Stop> {
        let profile =
            Profile::make(folder).map_err(|error| stop(&format!("its profile folder cannot be made: {error}")))?;
        let mut command = Command::new(program);
        command
            .args(FLAGS)
            .arg("--headless=new")
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .env_clear()
            .env("HOME", &profile.0)
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if getuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().map_err(|error| stop(&format!("`{}`: {error}", program.display())))?;
        let stderr = child.stderr.take();
        let group = Group(child);
        let address = match timeout(START, listen(stderr)).await {
            Ok(heard) => heard.map_err(|said| stop(&said))?,
            Err(_) => return Err(stop(&format!("it does not answer within {START:?}"))),
        };
        let config = HandlerConfig { ignore_https_errors: false, request_timeout: COMMAND, ..HandlerConfig::default() };
        let config = HandlerConfig { viewport: None, ..config };
        let (browser, mut handler) =
            Browser::connect_with_config(address, config).await.map_err(|error| stop(&error.to_string()))?;
        let (tell, gone) = watch::channel(false);
        let talk = tokio::spawn(async move {
            while let Some(Ok(())) = handler.next().await {}
            let _ = tell.send(true);
        });
        Ok(Self { browser, group, gone, talk, profile })
    }

    pub(super) fn gone(&self) -> watch::Receiver<bool> {
        self.gone.clone()
    }

    pub(super) fn lives(&self) -> bool {
        !*self.gone.borrow()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.talk.abort();
        self.group.kill();
    }
}

impl std::fmt::Debug for Chromium {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chromium").field("profile", &self.profile.0).finish_non_exhaustive()
    }
}

const NOBODY: u32 = 65_534;

/// Waits until it says where it listens; reads on afterwards, so that it never waits for us.
async fn listen(stderr: Option<impl AsyncRead + Unpin + Send + 'static>) -> Result<String, String> {
    let Some(stderr) = stderr else { return Err("it has no standard error".to_owned()) };
    let mut lines = BufReader::new(stderr).lines();
    let mut said = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = line.strip_prefix("DevTools listening on ") {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(address.to_owned());
        }
        if said.len() < LINES_MAX {
            said.push(line);
        }
    }
    Err(format!("it ends at once: {}", said.join("; ")))
}

fn stop(why: &str) -> Stop {
    Stop::Own(SelfFault::Unsupported, format!("Chromium does not start: {why}"))
}

/// The process and all that it started.
struct Group(Child);

impl Group {
    fn kill(&self) {
        if let Some(group) = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // None left is as well.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder that is gone with this.
struct Profile(PathBuf);

impl Profile {
    fn make(folder: PathBuf) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(&folder)?;
        if getuid().is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(Self(folder))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
