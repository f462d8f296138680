//! Room kept free for what must be written even when the disk is full: incidents and their letters.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

const BYTES: usize = 512 * 1024;
const TRY_EVERY: Duration = Duration::from_secs(1);

/// A file full of nothing, given up when the disk is full and written again as soon as that works.
pub(super) struct Reserve {
    path: PathBuf,
    state: State,
}

enum State {
    Held,
    Spent { tried: Instant },
}

impl Reserve {
    pub(super) fn beside(store: &Path) -> Self {
        let mut path = store.as_os_str().to_owned();
        path.push(".reserve");
        let path = PathBuf::from(path);
        let held = fs::metadata(&path).is_ok_and(|file| file.len() == BYTES as u64) || fill(&path).is_ok();
        Self { path, state: if held { State::Held } else { State::Spent { tried: Instant::now() } } }
    }

    /// Gives the room to whoever must write now.
    pub(super) fn spend(&mut self) -> io::Result<()> {
        if matches!(self.state, State::Spent { .. }) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        fs::remove_file(&self.path)?;
        self.state = State::Spent { tried: Instant::now() };
        Ok(())
    }

    /// Whoever may wait writes only while the reserve is held: else it would eat what was set free for others.
    pub(super) fn regain(&mut self) -> io::Result<()> {
        let State::Spent { tried } = self.state else { return Ok(()) };
        if tried.elapsed() < TRY_EVERY {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.state = State::Spent { tried: Instant::now() };
        fill(&self.path)?;
        self.state = State::Held;
        Ok(())
    }
}

fn fill(path: &Path) -> io::Result<()> {
    let written =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(path).and_then(|mut file| {
            // Written, not allocated: a file system that finds room for holes would promise what it does not have.
            file.write_all(&vec![0x55; BYTES])?;
            file.sync_all()
        });
    if written.is_err() {
        _ = fs::remove_file(path);
    }
    written
}
