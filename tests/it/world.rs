//! A small world for the real daemon: a target that can be broken, a receiver that remembers, a folder of YAML.

mod hook;
mod inside;
mod target;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

pub(crate) use hook::{Hook, Letter, Manner};
pub(crate) use inside::Inside;
pub(crate) use target::Target;

/// How long anything may take before a test says that it did not happen. Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A configuration on disk and, while it runs, the daemon.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    daemon: Option<Daemon>,
    variables: Vec<(String, String)>,
}

struct Daemon {
    child: Child,
    page: String,
}

impl World {
    /// One touchpoint `shop` with the probe `home` (every second), one journey `buy` that needs it, one webhook.
    pub(crate) fn new(target: &Target, hook: &Hook) -> Self {
        let world = Self::empty();
        world.write(
            "config/unbroken.yaml",
            &format!(
                "company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\nalerts:\n  receivers:\n    hook: {{ webhook: {{ url: \"{}\" }} }}\n",
                hook.url()
            ),
        );
        world.write(
            "config/journeys.yaml",
            "journeys:\n  buy:\n    title: Buy a phone\n    stages:\n      buy: { touchpoints: [shop] }\n",
        );
        world.write("probes/shop.yaml", &shop(&target.url()));
        world
    }

    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), daemon: None, variables: Vec::new() }
    }

    pub(crate) fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file as an editor does: aside, then renamed.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        let aside = path.with_extension("new");
        fs::write(&aside, text).expect("writes");
        fs::rename(aside, path).expect("renames");
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
        command.args(["--config".as_ref(), self.path("config").as_os_str()]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end: exit code, stdout, stderr.
    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        Self::answer(self.command().args(args))
    }

    /// The same, by a program that becomes it.
    pub(crate) fn run_under(&self, tracer: &[&str], args: &[&str]) -> (i32, String, String) {
        Self::answer(self.under(tracer).args(args))
    }

    /// Our program with its configuration, as another one is told to start it.
    fn under(&self, tracer: &[&str]) -> Command {
        let inner = self.command();
        let mut command = Command::new(tracer[0]);
        command.args(&tracer[1..]).arg(inner.get_program()).args(inner.get_args());
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).current_dir(self.folder.path());
        command
    }

    fn answer(command: &mut Command) -> (i32, String, String) {
        let output = command.stdin(Stdio::null()).output().expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// Starts the daemon and waits until its page answers.
    pub(crate) async fn start(&mut self) {
        self.start_as(self.command()).await;
    }

    /// Starts the daemon in a network namespace, from where only itself can be asked.
    pub(crate) async fn start_inside(&mut self, namespace: &str) {
        let inner = self.command();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(inner.get_program()).args(inner.get_args());
        command.current_dir(self.folder.path());
        command.args(["run", "-vv"]);
        self.launch(command, "http").await;
    }

    /// Starts the demo company and the daemon that watches it.
    pub(crate) async fn start_demo(&mut self) {
        let mut command = self.command();
        command.arg("demo");
        self.launch(command, "Journey health page").await;
        self.until("the page answers", async |world: &Self| world.ask("/readyz").await.is_some()).await;
    }

    /// Starts the daemon under a tracer that becomes its grandchild; how it ended, if it did so before its page answered.
    pub(crate) async fn start_under(&mut self, tracer: &[&str]) -> Option<ExitStatus> {
        let mut command = self.under(tracer);
        command.args(["run", "-vv"]);
        self.spawn(command);
        let began = Instant::now();
        loop {
            if let Some(ended) = self.ended() {
                return Some(ended);
            }
            if self.announced("http") && self.ask("/readyz").await.is_some() {
                return None;
            }
            assert!(began.elapsed() < PATIENCE, "the daemon does not start:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn start_as(&mut self, command: Command) {
        self.start_saying(command, &["-vv"]).await;
    }

    /// Starts the daemon with a log of that kind.
    pub(crate) async fn start_logging(&mut self, flags: &[&str]) {
        self.start_saying(self.command(), flags).await;
    }

    async fn start_saying(&mut self, mut command: Command, flags: &[&str]) {
        command.arg("run").args(flags);
        self.launch(command, "http").await;
        self.until("the page answers", async |world: &Self| world.ask("/readyz").await.is_some()).await;
    }

    fn spawn(&mut self, mut command: Command) {
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let out = fs::File::create(self.path("stdout")).expect("a file");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(log).spawn().expect("it starts");
        self.daemon = Some(Daemon { child, page: String::new() });
    }

    /// Waits for the line that begins with `announcing` and ends with the page's address.
    async fn launch(&mut self, command: Command, announcing: &str) {
        self.spawn(command);
        let began = Instant::now();
        while !self.announced(announcing) {
            let ended = self.ended();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "the daemon did not start ({ended:?}):\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it has said where its page is.
    fn announced(&mut self, announcing: &str) -> bool {
        let text = fs::read_to_string(self.path("stdout")).unwrap_or_default();
        let said = text.split_inclusive('\n').find(|line| line.starts_with(announcing) && line.ends_with('\n'));
        let page = said.and_then(|line| line.split_whitespace().last());
        if let (Some(page), Some(daemon)) = (page, &mut self.daemon) {
            page.clone_into(&mut daemon.page);
        }
        page.is_some()
    }

    pub(crate) fn page(&self) -> &str {
        &self.daemon.as_ref().expect("it runs").page
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("it runs").child.id()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.daemon.as_mut().and_then(|daemon| daemon.child.try_wait().ok().flatten())
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.child.kill().expect("ours to kill");
            daemon.child.wait().expect("ours to wait for");
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid().to_string()]).status().expect("kill is there");
        assert!(status.success());
    }

    /// SIGTERM; how long it took to end, and its exit code.
    pub(crate) async fn stop(&mut self) -> (Duration, Option<i32>) {
        self.signal("-TERM");
        let began = Instant::now();
        let mut daemon = self.daemon.take().expect("it runs");
        loop {
            if let Some(status) = daemon.child.try_wait().expect("ours to wait for") {
                return (began.elapsed(), status.code());
            }
            if began.elapsed() > PATIENCE {
                daemon.child.kill().ok();
                panic!("the daemon did not stop:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it answers, if it does and means well.
    pub(crate) async fn ask(&self, path: &str) -> Option<String> {
        let url = format!("{}{path}", self.page().trim_end_matches('/'));
        let answer = client().get(url).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.text().await.ok()
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.ask(path).await.unwrap_or_else(|| panic!("{path} did not answer:\n{}", self.log()))
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await).expect("JSON")
    }

    /// A journey's score; `None` where there is no number.
    pub(crate) async fn score(&self, journey: &str) -> Option<f64> {
        self.json(&format!("/api/v1/journeys/{journey}")).await["score"].as_f64()
    }

    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self).await {
            assert!(began.elapsed() < PATIENCE, "waited in vain until {what}:\n{}", tail(&self.log()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn until_score(&self, journey: &str, score: f64) {
        self.until(&format!("`{journey}` scores {score}"), async |world: &Self| {
            world.score(journey).await.is_some_and(|now| (now - score).abs() < 0.05)
        })
        .await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The touchpoint `shop` whose one probe opens `url`.
pub(crate) fn shop(url: &str) -> String {
    format!(
        "title: The shop\nchannel: web\nowner: shop-team\nprobes:\n  home:\n    title: A customer opens the shop\n    every: 1s\n    timeout: 900ms\n    recheck: 1s\n    steps:\n      - name: Open the shop\n        http: {{ get: \"{url}\" }}\n        expect: {{ status: 200 }}\n"
    )
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client")
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// Whether a file under `folder` holds `text` anywhere.
pub(crate) fn files_holding(folder: &Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_holding(&path, text));
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes())) {
            found.push(path);
        }
    }
    found
}
