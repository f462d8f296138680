//! `unbroken init`: a commented starting configuration for one's own company.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::terminal::say;
use super::{Exit, Stop};

/// What is written, by path under the folder.
const FILES: &[(&str, &str)] = &[
    ("config/unbroken.yaml", include_str!("init/unbroken.yaml")),
    ("config/journeys.yaml", include_str!("init/journeys.yaml")),
    ("config/personas.yaml", include_str!("init/personas.yaml")),
    ("probes/website.yaml", include_str!("init/website.yaml")),
];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write into
    #[arg(default_value = ".")]
    dir: PathBuf,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Stop> {
        // All or nothing: what somebody has written is never overwritten.
        if let Some((path, _)) = FILES.iter().find(|(path, _)| self.dir.join(path).exists()) {
            return Err(Stop::usage(format!(
                "{} is there already; nothing was written",
                self.dir.join(path).display()
            )));
        }
        let here = self.dir.as_path() == Path::new(".");
        let dir = if here { Path::new("") } else { &self.dir };
        for (path, text) in FILES {
            let path = dir.join(path);
            write(&path, text).map_err(|error| Stop::own(&format!("cannot write {}", path.display()), &error))?;
            say!("wrote {}", path.display());
        }
        let website = dir.join("probes/website.yaml");
        let option = if here { String::new() } else { format!(" --config {}", dir.join(super::CONFIG).display()) };
        say!("\nNext: put your own addresses into {}, then", website.display());
        say!("  unbroken{option} check\n  unbroken{option} walk\n  unbroken{option} run");
        Ok(Exit::Well)
    }
}

fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
