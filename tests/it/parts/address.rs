//! Addresses that a test's own servers may have.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Mutex;

/// Below those that the kernel hands out: no connection of anybody's gets one.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// The ports that this process holds, each by the lock of a file of its name.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// An address that nobody listens on, nor has bound for datagrams: some servers want both.
///
/// It is this process's until that ends: no test that runs beside it is given the same, however long the server that it is meant
/// for takes to begin.
pub(crate) fn free_address() -> SocketAddr {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ports");
    fs::create_dir_all(&folder).unwrap();
    let mut held = HELD.lock().unwrap();
    for _ in PORTS {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(PORTS)));
        let lock = File::create(folder.join(address.port().to_string())).unwrap();
        if lock.try_lock().is_ok() && TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            held.push(lock);
            return address;
        }
    }
    panic!("no port of {PORTS:?} is free")
}
