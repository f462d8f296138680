//! The key beside the store: whoever may read the store's folder may say what becomes of letters, and nobody else.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rand::RngCore as _;

use crate::secret::Secret;

const KEY_BYTES: usize = 32;

/// Lays a new key beside the store, for the owner's eyes only. Where that fails there is a key all the same, which
/// nobody has.
pub(super) fn lay(store: &Path) -> Secret {
    let mut bytes = [0; KEY_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let mut key = String::with_capacity(2 * KEY_BYTES);
    for byte in bytes {
        _ = write!(key, "{byte:02x}");
    }
    if let Err(error) = put(store, &key) {
        tracing::warn!(%error, "The key for commands cannot be written beside the store: {error}");
    }
    Secret::new(place(store).display().to_string(), key)
}

/// The key that the daemon of this store laid down.
///
/// # Errors
/// If there is none, or it belongs to another user.
pub fn read(store: &Path) -> io::Result<Secret> {
    let place = place(store);
    let key = fs::read_to_string(&place)?;
    Ok(Secret::new(place.display().to_string(), key.trim()))
}

fn put(store: &Path, key: &str) -> io::Result<()> {
    let place = place(store);
    let aside = place.with_extension("key-new");
    fs::remove_file(&aside)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut file: File = File::options().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(key.as_bytes())?;
    fs::rename(aside, place)
}

fn place(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_reads_the_key_and_every_start_makes_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("x.db");
        let first = lay(&store);
        assert_eq!(read(&store).expect("a key").expose(), first.expose());
        let mode = fs::metadata(place(&store)).expect("a file").permissions().mode();
        assert_eq!((mode & 0o777, first.expose().len()), (0o600, 64));
        assert_ne!(lay(&store).expose(), first.expose());
        assert!(!lay(&folder.path().join("nowhere/x.db")).expose().is_empty(), "a key that nobody has");
    }
}
