//! The files of a folder, read with care: a configuration may be anything that lies there.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::Environment;
use crate::config::interpolate::interpolate;
use crate::config::problem::{Problem, Severity, Source};
use crate::config::tree::Node;
use crate::config::vault::plain;
use crate::config::yaml;

/// One file: 100 000 probes fit.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Files in one folder.
const FILES_MAX: usize = 10_000;

/// A file that was read and understood as YAML.
#[derive(Debug)]
pub(super) struct Doc {
    pub(super) source: Source,
    pub(super) root: Node,
}

/// All `*.yaml` directly in a folder, in the order of their names.
pub(super) fn list(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(Problem::whole(folder, format!("the folder cannot be read: {}", plain(&error))));
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yml")) {
        let problem = Problem::whole(path, "the file is not read: its name ends in `.yml`");
        let hint = "rename it so that it ends in `.yaml`";
        problems.push(Problem { severity: Severity::Warning, ..problem.hint(hint) });
    }
    // Editors leave hidden files beside the one that is edited.
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml") && !hidden(path));
    if paths.len() > FILES_MAX {
        problems.push(Problem::whole(folder, format!("more than {FILES_MAX} files in one folder")));
        paths.truncate(FILES_MAX);
    }
    paths
}

/// Reads one file into a tree, with the environment's values in it.
pub(super) fn read(path: &Path, environment: &Environment, problems: &mut Vec<Problem>) -> Option<Doc> {
    let text = match text_of(path) {
        Ok(text) => text,
        Err(why) => {
            problems.push(Problem::whole(path, format!("the file cannot be read: {why}")));
            return None;
        }
    };
    let source = Source::new(path.to_owned(), text);
    let root = yaml::parse(&source, problems)?;
    interpolate(&root, &source, environment, problems);
    Some(Doc { source, root })
}

fn text_of(path: &Path) -> Result<String, String> {
    // Without O_NONBLOCK, opening a FIFO waits for a writer.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let open = File::options().read(true).custom_flags(nonblocking).open(path);
    let file = open.map_err(|error| plain(&error))?;
    let facts = file.metadata().map_err(|error| plain(&error))?;
    if facts.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !facts.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err("it is larger than 8MiB".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let sound = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        format!("it is not UTF-8 text (line {})", sound.split('\n').count())
    })?;
    // A byte order mark says only what we know already.
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}
