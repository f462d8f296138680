//! The child process: started, fed, heard, and ended with everything that it started.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::model::{Fault, FaultCode, SelfFault};
use crate::probe::Stop;
use crate::probe::connect::dial;
use crate::units::Bytes;

/// What is kept of its standard error; the rest is read and dropped, so that it never waits for us.
const COMPLAINT_BYTES_MAX: usize = 4 << 10;
/// How long what it has printed may take to arrive once it has ended: something outside its group may hold the pipe.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// How a program ended, and what it said.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) printed: Vec<u8>,
    /// The end of its standard error.
    pub(super) complaint: Vec<u8>,
}

/// Runs it to its end. Dropping this kills the whole group.
pub(super) async fn run(mut command: Command, input: &[u8], most: Bytes) -> Result<Ended, Stop> {
    let mut child = command.spawn().map_err(|error| not_started(&command, &error))?;
    let group = Group::of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut printed, mut complaint) = (Vec::new(), Vec::new());
    let mut status = None;
    {
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that does not care to read is no failure: its exit code tells.
                let _ = stdin.write_all(input).await;
            }
            Ok(())
        };
        // All at once: a program may fill one pipe before it empties another.
        let mut talk = pin!(async {
            tokio::try_join!(write, hear(stdout, &mut printed, most), complain(stderr, &mut complaint)).map(|_| ())
        });
        let mut talking = true;
        while status.is_none() {
            tokio::select! {
                ended = child.wait() => status = Some(ended.map_err(|error| broken(&error))?),
                ended = &mut talk, if talking => {
                    ended?;
                    talking = false;
                }
            }
        }
        // What it left behind would keep the pipes open, and itself alive.
        drop(group);
        if talking {
            timeout(AFTERWARDS, talk).await.unwrap_or(Ok(()))?;
        }
    }
    let status =
        status.ok_or_else(|| Stop::Own(SelfFault::Unsupported, "the program was never waited for".to_owned()))?;
    Ok(Ended { status, printed, complaint })
}

async fn hear(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, most: Bytes) -> Result<(), Stop> {
    let Some(pipe) = pipe else { return Ok(()) };
    let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
    pipe.take(most as u64 + 1).read_to_end(into).await.map_err(|error| broken(&error))?;
    if into.len() > most {
        let size = Bytes::new(most as u64);
        return Err(Fault::new(FaultCode::Decode, format!("the program prints more than {size} (`max_output`)")).into());
    }
    Ok(())
}

async fn complain(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> Result<(), Stop> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        // The last words say why.
        into.extend_from_slice(&buffer[..read]);
        let over = into.len().saturating_sub(COMPLAINT_BYTES_MAX);
        into.drain(..over);
    }
    Ok(())
}

/// A program that is not there is a mistake in our files, and says nothing of the touchpoint.
fn not_started(command: &Command, error: &io::Error) -> Stop {
    let program = command.as_std().get_program().to_string_lossy();
    let is_path = program.contains('/');
    let is_there = is_path && Path::new(&*program).exists();
    let why = match error.kind() {
        io::ErrorKind::NotFound if is_there => "it is there, and the interpreter in its first line is not".to_owned(),
        io::ErrorKind::NotFound if is_path => {
            "there is no such file on this machine; install it, or correct the path".to_owned()
        }
        io::ErrorKind::NotFound => {
            "there is none of this name in the usual folders; write its whole path, or hand it `env: { PATH: … }`"
                .to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "the user whom Unbroken runs as may not execute it: is it a program, and executable?".to_owned()
        }
        _ if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
            "it is no program for this machine, and no script with `#!` in its first line".to_owned()
        }
        _ => {
            let own = dial::own(error).unwrap_or(SelfFault::Unsupported);
            return Stop::Own(own, format!("the program `{program}` does not start: {error}"));
        }
    };
    Stop::Own(SelfFault::Misconfigured, format!("`run:` names the program `{program}`: {why}"))
}

fn broken(error: &io::Error) -> Stop {
    Stop::Own(SelfFault::Unsupported, format!("the program cannot be listened to: {error}"))
}

/// The program and all that it started; killed when this goes.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // None left is as well.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
