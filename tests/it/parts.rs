//! Real counterparts that tests start for themselves.

mod address;
pub(crate) mod folder;
pub(crate) mod island;
pub(crate) mod names;
pub(crate) mod phoenix;
pub(crate) mod postoffice;
pub(crate) mod prosody;

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) use address::free_address;

/// A program of another project. A machine without it fails the test: skipping would hide what is not tested.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/bin", "/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not installed: run ./tests/run, it installs what the tests need"))
}

/// A running program, killed with the test.
pub(crate) struct Running {
    child: Child,
    /// What it says, where it has no log of its own.
    output: Option<File>,
}

impl Running {
    /// Starts it and waits until it listens.
    pub(crate) fn start(command: &mut Command, listening: SocketAddr) -> Self {
        let output = tempfile::tempfile().unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output.try_clone().unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut running = Self { child, output: Some(output) };
        running.wait_for(listening);
        running
    }

    /// One that has a log of its own.
    fn logging(child: Child) -> Self {
        Self { child, output: None }
    }

    /// Waits until it listens there too.
    pub(crate) fn wait_for(&mut self, listening: SocketAddr) {
        #[expect(clippy::disallowed_methods, reason = "a process of another project is waited for")]
        let begun = Instant::now();
        let mut ended = None;
        while ended.is_none() && TcpStream::connect(listening).is_err() {
            let process = self.child.id();
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "process {process} does not listen on {listening}: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
            ended = self.child.try_wait().unwrap();
        }
        assert!(ended.is_none(), "ended before it listened on {listening}, {ended:?}: {}", self.said());
    }

    fn said(&mut self) -> String {
        let mut said = Vec::new();
        if let Some(output) = &mut self.output {
            output.rewind().and_then(|()| output.read_to_end(&mut said)).unwrap();
        }
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first: servers with children of their own take them along.
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Alertmanager with an empty memory.
pub(crate) fn alertmanager(folder: &Path) -> (Running, SocketAddr) {
    let address = free_address();
    let config = folder.join("am.yml");
    std::fs::write(&config, "route: { receiver: nobody }\nreceivers: [ { name: nobody } ]\n").unwrap();
    let running = Running::start(
        Command::new(program("prometheus-alertmanager"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("am").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address="),
        address,
    );
    (running, address)
}

/// A real OpenTelemetry collector that prints what it gets of one signal.
pub(crate) struct Rotel {
    _running: Running,
    log: PathBuf,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

impl Rotel {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::printing("traces", folder)
    }

    /// It prints one of `traces`, `metrics`, `logs`, and takes all.
    pub(crate) fn printing(signal: &str, folder: &Path) -> Self {
        Self::start_at(signal, folder, free_address(), free_address())
    }

    /// Ends it; another one may take its place.
    pub(crate) fn stop(self) -> (SocketAddr, SocketAddr) {
        (self.grpc, self.http)
    }

    /// With an empty log.
    pub(crate) fn start_at(signal: &str, folder: &Path, grpc: SocketAddr, http: SocketAddr) -> Self {
        let log = folder.join(format!("rotel-{signal}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let mut command = Command::new(rotel_agent());
        command
            .args(["start", "--otlp-grpc-endpoint", &grpc.to_string(), "--otlp-http-endpoint", &http.to_string()])
            .args(["--exporter", "blackhole", "--debug-log", signal, "--debug-log-verbosity", "detailed"])
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        let running = Running::logging(command.spawn().unwrap());
        let rotel = Self { _running: running, log, grpc, http };
        for address in [grpc, http] {
            rotel.wait("listening", || TcpStream::connect(address).is_ok());
        }
        rotel
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn wait(&self, what: &str, done: impl Fn() -> bool) {
        for _ in 0..400 {
            if done() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("rotel is not {what}: {}", self.text());
    }
}

/// Where `tests/run` put it.
fn rotel_agent() -> PathBuf {
    part("rotel-agent")
}

/// What `tests/run` put below `target/parts`.
pub(crate) fn part(path: &str) -> PathBuf {
    let parts = std::env::var_os("UNBROKEN_TEST_PARTS").map_or_else(|| "target/parts".into(), PathBuf::from);
    // Who starts it may do so from another folder.
    let part = std::path::absolute(parts.join(path)).unwrap();
    assert!(part.exists(), "`{path}` is not installed: run ./tests/run, it installs what the tests need");
    part
}

/// A program that `tests/run` installed from Python's index.
pub(crate) fn python_program(name: &str) -> PathBuf {
    part(&format!("venv/bin/{name}"))
}

/// Real Chromium, headless, with a profile of its own.
pub(crate) async fn chromium(arguments: &[&str], url: &str) -> std::process::Output {
    let profile = tempfile::tempdir().unwrap();
    tokio::process::Command::new(program("chromium"))
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--log-level=0", "--timeout=4000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(url)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

#[test]
#[should_panic(expected = "ended before it listened")]
fn a_program_that_ends_is_not_waited_for() {
    Running::start(Command::new("/bin/sh").args(["-c", "echo the port is taken >&2; exit 3"]), free_address());
}
