//! A network of our own: a namespace joined to this one by a veth pair, gone with the test.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Runs a program to its good end.
pub(crate) fn run(program: &str, args: &[&str]) {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program} is missing ({error}): run ./tests/run, it installs it"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) struct Net {
    pub(crate) name: String,
    /// This side's address.
    pub(crate) outside: String,
    inner: String,
}

impl Net {
    /// Named and numbered by this process and a `slot` (0..8): another test, or test run, on this machine has another.
    pub(crate) fn new(slot: u32) -> Self {
        let id = std::process::id() * 8 + slot;
        let prefix = format!("10.{}.{}", 200 + id / 250 % 50, id % 250);
        let net = Self { name: format!("ub{id}"), outside: format!("{prefix}.1"), inner: format!("ubi{id}") };
        let outer = format!("ubo{id}");
        run("ip", &["netns", "add", &net.name]);
        run("ip", &["link", "add", &outer, "type", "veth", "peer", "name", &net.inner, "netns", &net.name]);
        run("ip", &["addr", "add", &format!("{}/24", net.outside), "dev", &outer]);
        run("ip", &["link", "set", &outer, "up"]);
        net.inside(&["addr", "add", &format!("{prefix}.2/24"), "dev", &net.inner]);
        net.inside(&["link", "set", &net.inner, "up"]);
        net.inside(&["link", "set", "lo", "up"]);
        net
    }

    /// `ip` within.
    pub(crate) fn inside(&self, args: &[&str]) {
        run("ip", &[&["-n", &self.name][..], args].concat());
    }

    pub(crate) fn link(&self, state: &str) {
        self.inside(&["link", "set", &self.inner, state]);
    }

    /// The local ports that connections may begin from, first and last.
    pub(crate) fn ports(&self, range: &str) {
        let script = format!("echo '{range}' > /proc/sys/net/ipv4/ip_local_port_range");
        run("ip", &["netns", "exec", &self.name, "sh", "-c", &script]);
    }

    /// Does `work` on a thread that stands within, with a runtime of its own.
    pub(crate) fn enter<W: Future<Output = ()>>(&self, work: impl FnOnce() -> W + Send) {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        std::thread::scope(|scope| {
            let within = scope.spawn(move || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(work());
            });
            if let Err(panic) = within.join() {
                std::panic::resume_unwind(panic);
            }
        });
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "del", &self.name]).status().ok();
    }
}
