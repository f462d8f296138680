//! A program of the user's.

use std::collections::BTreeMap;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::echo;
use crate::alert::{Failure, Program, Taken};

/// What every program gets of our environment; nothing else leaks into it.
const HANDED_ON: &[&str] = &["PATH", "HOME", "LANG", "TZ"];
/// Most that is read of what it says.
const OUTPUT_MAX_BYTES: u64 = 64 * 1024;

pub(super) async fn run(program: Program, environment: &BTreeMap<String, String>) -> Result<Taken, Failure> {
    let passing = |text: String| Failure::Passing { text, retry_after: None };
    let (name, arguments) = program.run.split_first().ok_or_else(|| passing("no program is named".into()))?;
    let names = HANDED_ON.iter().copied().chain(program.env.iter().map(String::as_str));
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env_clear()
        .envs(names.filter_map(|name| Some((name, environment.get(name)?))))
        .envs(program.variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A group of its own, so that what it starts dies with it.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| passing(format!("does not start: {error}")))?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let finished = tokio::time::timeout(program.timeout, converse(&mut child, &program.stdin)).await;
    drop(group);
    match finished {
        Err(_) => Err(passing(format!("did not end within {:?}", program.timeout))),
        Ok(Err(error)) => Err(passing(error.to_string())),
        Ok(Ok((status, _))) if status.success() => Ok(Taken { said: format!("ended with {status}"), receipt: None }),
        Ok(Ok((status, said))) => Err(passing(format!("{status}: {}", echo(&said)).trim_end_matches(": ").to_owned())),
    }
}

/// Writes, reads and waits at once: a program may fill one pipe before it empties the other.
async fn converse(child: &mut Child, input: &str) -> std::io::Result<(std::process::ExitStatus, Vec<u8>)> {
    let stdin = child.stdin.take();
    let stderr = child.stderr.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not care to read is no failure; its exit code tells.
            _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let read = async {
        let mut said = Vec::new();
        if let Some(mut stderr) = stderr {
            _ = (&mut stderr).take(OUTPUT_MAX_BYTES).read_to_end(&mut said).await;
            _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
        said
    };
    let ((), said, status) = tokio::join!(write, read, child.wait());
    Ok((status?, said))
}

/// Kills the whole group when the run is over or given up, daemons it left behind too.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            _ = kill_process_group(group, Signal::KILL);
        }
    }
}
