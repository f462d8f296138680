//! Networks of our own: namespaces joined by cables, gone with the test. The machine's own network never changes with
//! them: browsers beside us would drop what they load.

use std::fs::File;
use std::net::{IpAddr, TcpListener};
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
}

impl Net {
    /// Nobody else is in it. Named by this process and a `part`: another test, or test run, on this machine has another.
    pub(crate) fn new(part: &str) -> Self {
        let net = Self { name: format!("ub{}-{part}", std::process::id()) };
        run("ip", &["netns", "add", &net.name]);
        net.link("lo", "up");
        net
    }

    /// Lays a cable to another, called `link` at both ends: here is `prefix`.1, there `prefix`.2.
    pub(crate) fn cable(&self, link: &str, there: &Self, prefix: &str) {
        self.inside(&["link", "add", link, "type", "veth", "peer", "name", link, "netns", &there.name]);
        for (net, host) in [(self, 1), (there, 2)] {
            net.inside(&["addr", "add", &format!("{prefix}.{host}/24"), "dev", link]);
            net.link(link, "up");
        }
    }

    /// `ip` within.
    pub(crate) fn inside(&self, args: &[&str]) {
        run("ip", &[&["-n", &self.name][..], args].concat());
    }

    pub(crate) fn link(&self, name: &str, state: &str) {
        self.inside(&["link", "set", name, state]);
    }

    /// Writes a setting of the kernel's, by its file under `net/ipv4`.
    pub(crate) fn set(&self, file: &str, value: &str) {
        let script = format!("echo '{value}' > /proc/sys/net/ipv4/{file}");
        run("ip", &["netns", "exec", &self.name, "sh", "-c", &script]);
    }

    /// A socket within, which works from anywhere once it is bound.
    pub(crate) fn listen(&self, ip: IpAddr) -> tokio::net::TcpListener {
        let listener = self.within(|| TcpListener::bind((ip, 0)).unwrap());
        listener.set_nonblocking(true).unwrap();
        tokio::net::TcpListener::from_std(listener).unwrap()
    }

    /// Does `work` on a thread that stands within, with a runtime of its own.
    pub(crate) fn enter<W: Future<Output = ()>>(&self, work: impl FnOnce() -> W + Send) {
        self.within(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(work());
        });
    }

    fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        std::thread::scope(|scope| {
            let within = scope.spawn(move || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                work()
            });
            within.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "del", &self.name]).status().ok();
    }
}
