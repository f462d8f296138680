//! The processes of one browser: all in one process group, weighed, counted and ended together.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid};
use tokio::time::{Instant, sleep};

use crate::units::Bytes;

/// How often is looked whether the last process is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How often a group is weighed by what is known of the other processes.
const LOOKS_BLIND: u32 = 8;

/// A process group, by the process that leads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe::browser) struct Group(Pid);

/// What a group takes of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::probe::browser) struct Weight {
    pub(in crate::probe::browser) processes: usize,
    /// Memory of its own: files that it maps are not counted, for they are shared.
    pub(in crate::probe::browser) memory: u64,
}

impl Group {
    pub(super) fn led_by(child: &tokio::process::Child) -> Option<Self> {
        child.id().and_then(|id| Pid::from_raw(id.cast_signed())).map(Self)
    }

    /// Ends every process. Only while the leader is not waited for: its number may be another's afterwards.
    pub(in crate::probe::browser) fn kill(self) {
        // None left is as well.
        let _ = kill_process_group(self.0, Signal::KILL);
    }

    /// Waits until no process is left, once the leader is waited for.
    pub(super) async fn gone(self, within: Duration) -> bool {
        let until = Instant::now() + within;
        while self.is_there() {
            if Instant::now() > until {
                return false;
            }
            sleep(LOOK_AGAIN).await;
        }
        true
    }

    fn is_there(self) -> bool {
        // Where we are the system's first process, orphans become our children, and nobody else waits for them.
        while let Ok(Some(_)) = waitpgid(self.0, WaitOptions::NOHANG) {}
        test_kill_process_group(self.0).is_ok() && processes().any(|pid| self.has(pid))
    }

    fn has(self, pid: i32) -> bool {
        group_of(pid) == Some(self.0.as_raw_nonzero().get())
    }
}

/// Weighs a group again and again.
#[derive(Debug)]
pub(super) struct Scale {
    group: Group,
    /// Processes that are none of it: for a while they are not looked at again.
    others: HashSet<i32>,
    looks: u32,
}

impl Scale {
    pub(super) fn of(group: Group) -> Self {
        Self { group, others: HashSet::new(), looks: 0 }
    }

    /// What it takes now. Looks at every process of the machine: a few milliseconds at first.
    pub(super) fn weigh(&mut self) -> Weight {
        // A number may have become another's.
        if self.looks.is_multiple_of(LOOKS_BLIND) {
            self.others.clear();
        }
        self.looks += 1;
        let mut weight = Weight::default();
        for pid in processes() {
            if self.others.contains(&pid) {
                continue;
            }
            if self.group.has(pid) {
                weight.processes += 1;
                weight.memory += memory_of(pid);
            } else {
                self.others.insert(pid);
            }
        }
        weight
    }
}

impl Weight {
    /// What is too much, in words.
    pub(super) fn over(self, memory: Bytes, processes: usize) -> Option<String> {
        if self.memory > memory.get() {
            let taken = Bytes::new(self.memory >> 20 << 20);
            return Some(format!("the page takes {taken} of memory, and may take {memory}"));
        }
        let many = self.processes > processes;
        many.then(|| format!("the page keeps {} processes busy, and may keep {processes}", self.processes))
    }
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// `proc(5)`: the fifth field of `stat`; the second, in brackets, may hold anything. What has ended has none, though
/// whoever adopted it may take seconds to wait for it.
fn group_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let lives = !matches!(fields.next()?, "Z" | "X");
    fields.nth(1).filter(|_| lives)?.parse().ok()
}

/// `status` may be read of any process, `smaps_rollup` not of one that is in a sandbox.
fn memory_of(pid: i32) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return 0 };
    let kilobytes = |line: &str| line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
    let own = status.lines().filter(|line| line.starts_with("RssAnon:") || line.starts_with("RssShmem:"));
    own.filter_map(kilobytes).sum::<u64>() << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_said() {
        let weight = Weight { processes: 9, memory: 600 << 20 };
        assert_eq!(weight.over(Bytes::new(1 << 30), 9), None);
        let heavy = weight.over(Bytes::new(512 << 20), 9).expect("too heavy");
        assert_eq!(heavy, "the page takes 600MiB of memory, and may take 512MiB");
        assert_eq!(
            weight.over(Bytes::new(1 << 30), 8).expect("too many"),
            "the page keeps 9 processes busy, and may keep 8"
        );
    }

    #[tokio::test]
    async fn a_group_is_weighed_and_ended_whole() {
        let mut command = tokio::process::Command::new("/bin/sh");
        let mut child = command.args(["-c", "sleep 60 & sleep 60 & wait"]).process_group(0).spawn().expect("a shell");
        let group = Group::led_by(&child).expect("a leader");
        while Scale::of(group).weigh().processes < 3 {
            sleep(LOOK_AGAIN).await;
        }
        let mut scale = Scale::of(group);
        assert!(scale.weigh().memory > 0);
        // By what it knows of the others from the second time on.
        assert_eq!([(); 3].map(|()| scale.weigh().processes), [3; 3]);
        group.kill();
        child.wait().await.expect("waited for");
        assert!(group.gone(Duration::from_secs(10)).await);
        assert_eq!(scale.weigh(), Weight::default());
    }
}
