//! The folder of one browser: its profile, and what pages hand over. Gone with the browser, or with the next one that
//! starts after us.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use rustix::process::getuid;

use super::account::Account;

const PREFIX: &str = "unbroken-browser-";
/// Held as long as the folder has an owner that lives.
const LOCK: &str = "lock";

/// Deleted when dropped.
#[derive(Debug)]
pub(in crate::probe::browser) struct Folder {
    path: PathBuf,
    account: Option<Account>,
    #[cfg_attr(not(test), expect(dead_code, reason = "held, not used"))]
    lock: File,
}

impl Folder {
    /// A new one; what the browser may write to is `account`'s.
    pub(super) fn make(account: Option<Account>, number: u64) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("{PREFIX}{number:016x}"));
        // Others may pass through, and see nothing.
        DirBuilder::new().mode(0o711).create(&path)?;
        let lock = hold(&path).inspect_err(|_| _ = fs::remove_dir_all(&path))?;
        let folder = Self { path, account, lock };
        folder.room("profile")?;
        Ok(folder)
    }

    pub(super) fn profile(&self) -> PathBuf {
        self.path.join("profile")
    }

    /// A folder in it that the browser may write to.
    pub(in crate::probe::browser) fn room(&self, name: &str) -> io::Result<PathBuf> {
        let room = self.path.join(name);
        DirBuilder::new().mode(0o700).create(&room)?;
        self.give(&room)?;
        Ok(room)
    }

    /// A folder in it that the browser may read from, and nobody but us may write to: what lay there under a name of
    /// ours could lead us anywhere.
    pub(in crate::probe::browser) fn tray(&self, name: &str) -> io::Result<PathBuf> {
        let tray = self.path.join(name);
        DirBuilder::new().mode(0o755).create(&tray)?;
        Ok(tray)
    }

    /// A file in it that the browser alone may read.
    pub(super) fn keep(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        File::options().write(true).create_new(true).mode(0o600).open(&path)?.write_all(content)?;
        self.give(&path)?;
        Ok(path)
    }

    /// Lets the browser have a file or a folder.
    fn give(&self, path: &Path) -> io::Result<()> {
        self.account.map_or(Ok(()), |account| chown(path, Some(account.user), Some(account.group)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// It is held before it has its name: whoever sweeps just then never finds it free.
fn hold(folder: &Path) -> io::Result<File> {
    let nameless = folder.join("lock.new");
    let lock = File::create_new(&nameless)?;
    lock.lock()?;
    fs::rename(nameless, folder.join(LOCK))?;
    Ok(lock)
}

/// Deletes what browsers of a daemon that was killed have left.
pub(super) fn sweep() {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in ours {
        let is_ours = entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == getuid().as_raw());
        if !is_ours {
            continue;
        }
        // One without a lock is about to get it.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if !matches!(lock.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_))) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_daemon_left_is_swept_and_what_is_in_use_stays() {
        let kept = Folder::make(None, rand::random()).expect("a folder");
        let left = Folder::make(None, rand::random()).expect("a folder");
        let path = left.path.clone();
        // A killed process holds no lock, and deletes nothing.
        left.lock.unlock().expect("unlocked");
        std::mem::forget(left);
        sweep();
        assert!(kept.profile().exists());
        assert!(!path.exists());
        let path = kept.path.clone();
        drop(kept);
        assert!(!path.exists());
    }
}
