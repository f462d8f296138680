//! What a process and all that it starts use, also what has ended: Chromium's processes come and go.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};

/// Runs a command, and waits for every process that it leaves without a parent: what such a one has used is counted here
/// then (proc(5), `cutime`). Ends when the command does.
pub(crate) fn lead(command: &[String]) {
    set_child_subreaper(Some(getpid())).expect("orphans come here");
    let (program, args) = command.split_first().expect("a command");
    #[expect(clippy::zombie_processes, reason = "it is waited for with whatever else ends")]
    let child = Command::new(program).args(args).spawn().expect("it starts");
    while let Ok(Some((ended, _))) = wait(WaitOptions::empty()) {
        if ended.as_raw_nonzero().get().cast_unsigned() == child.id() {
            return;
        }
    }
}

/// Processes with their parents' numbers.
struct Tree(HashMap<u32, Process>);

struct Process {
    parent: u32,
    /// Its own, and that of its children that ended and were waited for.
    cpu: Duration,
}

impl Tree {
    fn read() -> Self {
        let entries = fs::read_dir("/proc").expect("processes").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Self(pids.filter_map(|pid| Some((pid, Process::read(pid)?))).collect())
    }

    /// A process and its children, and theirs.
    fn below(&self, root: u32) -> Vec<u32> {
        let mut found = vec![root];
        let mut at = 0;
        while let Some(&parent) = found.get(at) {
            found.extend(self.0.iter().filter(|(_, process)| process.parent == parent).map(|(pid, _)| *pid));
            at += 1;
        }
        found
    }
}

impl Process {
    /// None: it is gone.
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_whitespace().collect();
        // Counted from the state, the third: the parent is the fourth, the times are the 14th to the 17th, in ticks.
        let ticks: u64 = fields.get(11..15)?.iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Some(Self { parent: fields.get(1)?.parse().ok()?, cpu: Duration::from_millis(ticks * 10) })
    }
}

/// Of all processes that were ever below this one, and of itself.
pub(crate) fn cpu(root: u32) -> Duration {
    let tree = Tree::read();
    tree.below(root).iter().map(|pid| tree.0[pid].cpu).sum()
}

/// Memory of the browsers below it, bytes: what processes share is shared out among them (`Pss`). None where it may not
/// be read.
pub(crate) fn browsers_pss(root: u32) -> Option<u64> {
    let pids = Tree::read().below(root);
    let is_browser = |pid: &u32| {
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        program.file_name().is_some_and(|name| name.to_string_lossy().contains("chrom"))
    };
    let browsers: Vec<u32> = pids.into_iter().filter(is_browser).collect();
    assert!(!browsers.is_empty(), "no browser waits");
    browsers.into_iter().map(pss).sum()
}

fn pss(pid: u32) -> Option<u64> {
    let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = memory.lines().find(|line| line.starts_with("Pss:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
