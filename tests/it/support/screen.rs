//! A screen that nobody sits before, with a hand on its mouse and its keyboard (`Xvfb`, `xdotool`).

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A display on a free number. It lets in only who has its cookie, and is gone when dropped.
pub(crate) struct Screen {
    server: Child,
    number: String,
    folder: TempDir,
}

impl Screen {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cookie"), cookie()).unwrap();
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp", "-auth"]);
        command.arg(folder.path().join("cookie")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().expect("Xvfb starts");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Self { server, number: format!(":{}", number.trim()), folder }
    }

    /// What programs find it by.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        [("DISPLAY", self.number.clone()), ("XAUTHORITY", self.folder.path().join("cookie").display().to_string())]
    }

    /// What the hand does, in the words of `xdotool`; what it says.
    pub(crate) fn hand(&self, args: &[&str]) -> String {
        let output = Command::new("xdotool").args(args).envs(self.variables()).output().expect("xdotool runs");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// `Xau(3)`: any host, any display, a cookie of sixteen bytes.
fn cookie() -> Vec<u8> {
    let mut entry = vec![0xff, 0xff];
    let secret: [u8; 16] = rand::random();
    for field in [&b""[..], b"", b"MIT-MAGIC-COOKIE-1", &secret] {
        entry.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
        entry.write_all(field).unwrap();
    }
    entry
}
