//! One browser process with all that it starts: found, started in a process group of its own, spoken to, ended.
//!
//! It runs as a user who may do nothing, inside its own sandbox, in a folder that is gone with it, and it knows nothing
//! of our environment.

pub(super) mod account;
mod flags;
mod folder;
mod group;
pub(super) mod herald;
pub(super) mod look;
mod wire;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chromiumoxide::Browser;
use chromiumoxide::cdp::browser_protocol::target::{FilterEntry, SetAutoAttachParams, TargetFilter};
use chromiumoxide::handler::HandlerConfig;
use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use account::Account;
pub(super) use flags::find;
use folder::Folder;
use group::{Group, Scale, Weight};
use herald::Herald;
use look::Look;
use wire::Door;

use crate::units::Bytes;

/// How long it may take to start, on a machine that is busy.
const START: Duration = Duration::from_secs(30);
/// Deadlines are the runner's; this only keeps forgotten questions from being remembered for ever.
const COMMAND: Duration = Duration::from_mins(10);
/// How long the last process may take to go after it was killed.
const END: Duration = Duration::from_secs(5);
/// How long its last words may take once it is gone.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How often a browser in use is weighed.
const WEIGH: Duration = Duration::from_millis(250);
/// Processes of one browser: a page with frames from dozens of sites has one for each.
const PROCESSES_MAX: usize = 48;
/// Of what it says.
const SAID_BYTES_MAX: usize = 16 << 10;
const GIST_CHARS_MAX: usize = 240;

/// Whether Chromium keeps pages in its own sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sandbox {
    Own,
    /// This system lets nobody without privileges make one.
    None,
}

/// How it is to be started.
#[derive(Debug)]
pub(super) struct Birth<'a> {
    pub(super) program: &'a Path,
    pub(super) account: Option<Account>,
    pub(super) sandbox: Sandbox,
    pub(super) look: &'a Look,
    /// Whatever ends is ended in here.
    pub(super) endings: &'a TaskTracker,
    /// The folder's, whose name everybody can read.
    pub(super) number: u64,
    /// Who knows it may speak to the browser: nobody can guess it.
    pub(super) word: u64,
}

/// Why it did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unborn {
    /// No sandbox can be made here.
    Sandbox(String),
    Other(String),
}

/// Why it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// It ended by itself, or was killed by others.
    Crashed,
    /// It took too much, and we ended it.
    TooMuch(String),
}

/// A running browser. Dropped: killed with everything that it started, and its folder deleted.
pub(super) struct Chromium {
    pub(super) browser: Arc<Browser>,
    pub(super) herald: Arc<Herald>,
    /// What it calls itself.
    pub(super) agent: String,
    gone: watch::Sender<Option<Gone>>,
    group: Group,
    /// Knows from run to run which processes are none of it.
    scale: Arc<Mutex<Scale>>,
    /// None: on their way out.
    remains: Option<Remains>,
    endings: TaskTracker,
    rooms: AtomicU64,
}

/// What is left to tidy.
#[derive(Debug)]
struct Remains {
    child: Child,
    group: Group,
    folder: Folder,
    tasks: [JoinHandle<()>; 2],
}

impl Chromium {
    pub(super) async fn start(birth: Birth<'_>) -> Result<Self, Unborn> {
        let other = |error: io::Error| Unborn::Other(error.to_string());
        folder::sweep();
        let folder = Folder::make(birth.account, birth.number).map_err(other)?;
        let mut child = command(&birth, &folder).and_then(|mut command| command.spawn()).map_err(other)?;
        let group = Group::led_by(&child).ok_or_else(|| Unborn::Other("it has no number".to_owned()))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else { return Err(Unborn::Other("no pipes".to_owned())) };
        let (said_in, said) = watch::channel(String::new());
        let listen = tokio::spawn(listen(stderr, said_in));
        let door = Door::new(format!("{:016x}", birth.word)).await.map_err(other)?;
        let url = door.url().map_err(other)?;
        let gone = watch::Sender::new(None);
        let tell = gone.clone();
        let (herald, own) = Herald::new();
        let hearing = Arc::clone(&herald);
        let carry = tokio::spawn(async move {
            // Whichever way it ends, nobody can speak to the browser any more.
            let _ = door.carry((stdin, stdout), (&hearing, own)).await;
            tell.send_if_modified(|gone| gone.is_none().then(|| *gone = Some(Gone::Crashed)).is_some());
        });
        let remains = Remains { child, group, folder, tasks: [listen, carry] };
        let mut unborn = Unready(Some((remains, birth.endings.clone())));
        let (browser, agent) = match timeout(START, meet(url, &gone)).await {
            Ok(Ok(met)) => met,
            Ok(Err(error)) => return Err(unborn.because(&error, said).await),
            Err(_) => {
                let (Unborn::Sandbox(why) | Unborn::Other(why)) =
                    unborn.because(&format!("it does not answer within {START:?}"), said).await;
                return Err(Unborn::Other(why));
            }
        };
        let remains = unborn.0.take().map(|(remains, _)| remains);
        let (endings, rooms) = (birth.endings.clone(), AtomicU64::default());
        let scale = Arc::new(Mutex::new(Scale::of(group)));
        Ok(Self { browser, herald, agent, gone, group, scale, remains, endings, rooms })
    }

    /// Why it is gone, once it is.
    pub(super) fn gone(&self) -> watch::Receiver<Option<Gone>> {
        self.gone.subscribe()
    }

    pub(super) fn lives(&self) -> bool {
        self.gone.borrow().is_none()
    }

    /// Memory of its own that it takes, asked from a thread that may wait.
    pub(super) fn weight(&self) -> impl FnOnce() -> Bytes + Send + 'static {
        let scale = Arc::clone(&self.scale);
        move || Bytes::new(weigh(&scale).memory)
    }

    /// Ends it as soon as it takes more than this; until dropped.
    pub(super) fn guard(&self, memory: Bytes) -> Guard {
        let (group, scale, gone) = (self.group, Arc::clone(&self.scale), self.gone.clone());
        Guard(tokio::spawn(async move {
            while gone.borrow().is_none() {
                // What is lent was weighed when it came back.
                sleep(WEIGH).await;
                // A few milliseconds of looking at files that are none.
                let scale = Arc::clone(&scale);
                let weight = tokio::task::spawn_blocking(move || weigh(&scale)).await.unwrap_or_default();
                if let Some(why) = weight.over(memory, PROCESSES_MAX) {
                    gone.send_if_modified(|gone| gone.is_none().then(|| *gone = Some(Gone::TooMuch(why))).is_some());
                    group.kill();
                }
            }
        }))
    }

    /// A folder for the files of one run, whom they are deleted by.
    pub(super) fn room(&self) -> io::Result<PathBuf> {
        let number = self.rooms.fetch_add(1, Ordering::Relaxed);
        self.folder()?.room(&format!("run-{number}"))
    }

    /// A folder for files that one run hands to pages, whom they are deleted by.
    pub(super) fn tray(&self) -> io::Result<PathBuf> {
        let number = self.rooms.fetch_add(1, Ordering::Relaxed);
        self.folder()?.tray(&format!("run-{number}"))
    }

    fn folder(&self) -> io::Result<&Folder> {
        self.remains.as_ref().map(|remains| &remains.folder).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn weigh(scale: &Mutex<Scale>) -> Weight {
    scale.lock().unwrap_or_else(PoisonError::into_inner).weigh()
}

/// Weighs a browser until dropped.
#[derive(Debug)]
pub(super) struct Guard(JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if let Some(remains) = self.remains.take() {
            remains.end_in(&self.endings);
        }
    }
}

impl fmt::Debug for Chromium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chromium").field("group", &self.group).finish_non_exhaustive()
    }
}

impl Remains {
    fn end_in(self, endings: &TaskTracker) {
        self.group.kill();
        match Handle::try_current() {
            Ok(runtime) => drop(endings.spawn_on(self.end(), &runtime)),
            // Nobody is left to wait: the folder of a process that is about to go may stay, for the next to sweep.
            Err(_) => drop(self),
        }
    }

    async fn end(mut self) {
        self.group.kill();
        let _ = timeout(END, self.child.wait()).await;
        self.group.gone(END).await;
        let [listen, carry] = &mut self.tasks;
        carry.abort();
        if timeout(LAST_WORDS, &mut *listen).await.is_err() {
            listen.abort();
        }
        // Some hundred files.
        let _ = tokio::task::spawn_blocking(move || drop(self.folder)).await;
    }
}

/// One that does not answer yet, and may never.
struct Unready(Option<(Remains, TaskTracker)>);

impl Unready {
    /// Ends it, and says why it did not start: in its own words, if it has some.
    async fn because(&mut self, error: &str, said: watch::Receiver<String>) -> Unborn {
        if let Some((remains, _)) = self.0.take() {
            remains.group.kill();
            remains.end().await;
        }
        let words = gist(&said.borrow());
        let text = if words.is_empty() { error.to_owned() } else { format!("{error}: {words}") };
        // Much else that it says has the word in it, and pages are to be kept in one wherever that can be.
        let gives_up = words.contains("FATAL") || words.contains("--no-sandbox");
        let is_sandbox = gives_up && words.to_lowercase().contains("sandbox");
        if is_sandbox { Unborn::Sandbox(text) } else { Unborn::Other(text) }
    }
}

impl Drop for Unready {
    fn drop(&mut self) {
        if let Some((remains, endings)) = self.0.take() {
            remains.end_in(&endings);
        }
    }
}

fn command(birth: &Birth<'_>, folder: &Folder) -> io::Result<Command> {
    let home = folder.profile();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", flags::SHELL]).arg(birth.program).args(flags::flags(birth.look));
    if birth.sandbox == Sandbox::None {
        command.arg("--no-sandbox");
    }
    command
        .arg(format!("--user-data-dir={}", home.display()))
        .current_dir("/")
        .env_clear()
        .env("HOME", &home)
        .env("TMPDIR", &home)
        // Scripts that start it need a few programs; it opens no link with another, for it has no session to do so in.
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
        .envs(birth.look.variables(folder)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(account) = birth.account {
        command.uid(account.user).gid(account.group);
    }
    Ok(command)
}

/// Connects, and asks it who it is.
async fn meet(url: String, gone: &watch::Sender<Option<Gone>>) -> Result<(Arc<Browser>, String), String> {
    let config = HandlerConfig { ignore_https_errors: false, request_timeout: COMMAND, ..HandlerConfig::default() };
    let (browser, mut handler) = Browser::connect_with_config(url, config).await.map_err(|error| error.to_string())?;
    let mut end = gone.subscribe();
    tokio::spawn(async move {
        // At the end of its connection the handler waits for ever; whoever waits for an answer then must hear of it.
        let talk = async { while let Some(Ok(())) = handler.next().await {} };
        tokio::select! { () = talk => {}, _ = end.wait_for(Option::is_some) => {} }
    });
    let mut end = gone.subscribe();
    // Pages wait until they are let go: what they open asks for nothing before it knows how.
    let mut waiting = SetAutoAttachParams::new(true, true);
    waiting.flatten = Some(true);
    waiting.filter = Some(TargetFilter::new([FilterEntry::builder().r#type("page").build()]));
    let asked = async {
        browser.execute(waiting).await?;
        browser.version().await
    };
    tokio::select! {
        version = asked => {
            let agent = version.map_err(|error| error.to_string())?.user_agent;
            Ok((Arc::new(browser), agent.replace("HeadlessChrome", "Chrome")))
        }
        _ = end.wait_for(Option::is_some) => Err("it ends at once".to_owned()),
    }
}

/// Reads what it says, so that it never waits for us, and keeps how that begins.
async fn listen(stderr: Option<impl AsyncRead + Unpin>, said: watch::Sender<String>) {
    let Some(mut stderr) = stderr else { return };
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        if said.borrow().len() < SAID_BYTES_MAX {
            said.send_modify(|said| said.push_str(&String::from_utf8_lossy(&chunk[..read])));
        }
    }
}

/// The line that says most: the last before it gave up.
fn gist(said: &str) -> String {
    let line = said.lines().find(|line| line.contains("FATAL")).or_else(|| said.lines().last()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(GIST_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_browser_whose_daemon_is_killed_ends_by_itself() {
        let (look, endings) = (Look::Unseen, TaskTracker::new());
        let program = find(None, &look).expect("a browser");
        let account = Account::find(None).expect("somebody");
        let (sandbox, number, word) = (Sandbox::Own, rand::random(), rand::random());
        let birth = Birth { program: &program, account, sandbox, look: &look, endings: &endings, number, word };
        let mut chromium = Chromium::start(birth).await.expect("it starts");
        let mut remains = chromium.remains.take().expect("it lives");
        assert!(Scale::of(remains.group).weigh().processes > 2);
        // All that a killed process does: its pipes are closed.
        remains.tasks[1].abort();
        timeout(Duration::from_secs(20), remains.child.wait()).await.expect("in time").expect("it ended");
        assert!(remains.group.gone(Duration::from_secs(20)).await);
    }
}
