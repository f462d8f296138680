//! Folders and certificates for real servers, which drop their privileges before they look at them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that servers running as somebody else can enter.
pub(crate) struct Shared(tempfile::TempDir);

impl Shared {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("unbroken-parts").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Hands it, with all that is in it, to a system user.
    pub(crate) fn owned_by(&self, name: &str, owner: &str) -> PathBuf {
        let path = self.folder(name);
        run(Command::new("chown").arg("-R").arg(owner).arg(&path));
        path
    }

    /// A certificate for `localhost` and 127.0.0.1 that signs itself: `cert.pem` and `key.pem`.
    pub(crate) fn certificate(&self) -> (PathBuf, PathBuf) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let (cert, key) =
            (self.write("cert.pem", &made.cert.pem()), self.write("key.pem", &made.signing_key.serialize_pem()));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        (cert, key)
    }
}

/// Runs a program to its end; one that fails fails the test.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}
