//! Processes that a benchmark starts beside itself, and ends.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

/// Ends with whoever holds it.
pub(crate) struct Child(pub(crate) std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A part of this program in a process of its own, which is not counted.
pub(crate) struct Beside {
    pub(crate) address: SocketAddr,
    _child: Child,
}

impl Beside {
    /// This program once more, with an argument and an address, on which it listens.
    pub(crate) fn start(argument: &str) -> Self {
        let address = free_address();
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args([argument, &address.to_string()])
            .spawn()
            .expect("this program starts");
        let beside = Self { address, _child: Child(child) };
        wait_for(argument, || TcpStream::connect(address).is_ok());
        beside
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Waits for `what` to come true, or panics with its name after half a minute.
pub(crate) fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what} did not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
}
