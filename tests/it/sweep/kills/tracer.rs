//! strace, which counts a process' calls and does something to it at one of them.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::parts::program;
use crate::world::PATIENCE;

pub(super) struct Tracer(Child);

impl Tracer {
    /// Counts from now on, in every thread of its own.
    pub(super) async fn attach(process: u32, inject: &str) -> Self {
        let mut tracer = Self::begin(process, inject);
        let began = Instant::now();
        while !is_traced(process) {
            assert!(began.elapsed() < PATIENCE, "strace does not attach");
            if tracer.0.try_wait().unwrap().is_some() {
                // A thread that ended while it was attached to.
                tracer = Self::begin(process, inject);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tracer
    }

    fn begin(process: u32, inject: &str) -> Self {
        let mut command = Command::new(program("strace"));
        command.args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("inject={inject}"), "-p", &process.to_string()]);
        Self(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // What it traces goes on without it.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Every thread of a process is traced, or is gone already: it may meet its call at once.
fn is_traced(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return true };
    threads.flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n") || status.contains("State:\tZ")
    })
}
