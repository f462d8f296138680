//! References to secrets, resolved.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::decode::{Desk, Wrong};
use crate::config::problem::{Severity, Source};
use crate::config::tree::Node;
use crate::config::{Environment, Secrets};
use crate::secret::NOT_LOOKED_UP;
use crate::words::nearest;

/// Keys and tokens are short; a file beyond this is some other file.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
const EXPECTED: &str = "expected a reference to a secret: `{ env: NAME }`, `{ file: PATH }` or `{ secret: NAME }`";

/// Where secrets come from.
pub(super) struct Vault<'a> {
    environment: &'a Environment,
    secrets: Secrets,
    /// What stands under `secrets:`.
    named: Option<(&'a Node, &'a Source)>,
    warned: RefCell<BTreeSet<PathBuf>>,
}

/// How a secret is referred to, and its value.
type Resolved = (String, String);

impl<'a> Vault<'a> {
    pub(super) const KEYS: [&'static str; 3] = ["env", "file", "secret"];

    pub(super) fn new(environment: &'a Environment, secrets: Secrets, named: Option<(&'a Node, &'a Source)>) -> Self {
        Self { environment, secrets, named, warned: RefCell::default() }
    }

    /// Resolves the reference that stands at a node.
    pub(super) fn resolve(&self, node: &Node, desk: &Desk<'_>) -> Result<Resolved, Wrong> {
        let [entry] = node.entries() else {
            return Err(if node.text().is_some() { Wrong::exposed(EXPECTED) } else { Wrong::text(EXPECTED) });
        };
        let key = entry.key.text().unwrap_or_default();
        let Some(name) = entry.value.text().filter(|name| !name.is_empty()) else {
            return Err(Wrong::text(EXPECTED));
        };
        let resolved = match key.as_str() {
            "env" => self.in_environment(&name),
            "file" => self.in_file(&name, entry.value.place.line, desk),
            "secret" => return self.by_name(&name, desk).map_err(|wrong| wrong.at(entry.value.place)),
            _ => return Err(Wrong::text(EXPECTED).at(entry.key.place)),
        };
        resolved.map_err(|wrong| wrong.at(entry.value.place))
    }

    fn in_environment(&self, name: &str) -> Result<Resolved, Wrong> {
        let reference = format!("env {name}");
        match (self.secrets, self.environment.get(name)) {
            (Secrets::Without, _) => Ok((reference, NOT_LOOKED_UP.to_owned())),
            (Secrets::Needed, Some(value)) if !value.is_empty() => Ok((reference, value.to_owned())),
            (Secrets::Needed, Some(_)) => Err(Wrong::text(format!("the environment variable `{name}` is empty"))),
            (Secrets::Needed, None) => Err(Wrong::hinted(
                format!("the environment variable `{name}` is not set"),
                "set it; `unbroken check --without-secrets` checks the rest",
            )),
        }
    }

    fn by_name(&self, name: &str, desk: &Desk<'_>) -> Result<Resolved, Wrong> {
        let names = || self.named.iter().flat_map(|(node, _)| node.entries()).filter_map(|entry| entry.key.text());
        let found = self.named.and_then(|(node, source)| Some((node.get(name)?, source)));
        let Some((entry, source)) = found else {
            let known: Vec<String> = names().collect();
            let text = format!("no secret is named `{name}`");
            return Err(match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => Wrong::hinted(text, format!("did you mean `{near}`?")),
                None => Wrong::hinted(text, format!("define it under `secrets:` as `{name}: {{ env: NAME }}`")),
            });
        };
        if entry.value.get("secret").is_some() {
            return Err(Wrong::text(format!("the secret `{name}` refers to another name; only `env` or `file` may")));
        }
        let there = Desk { source, vault: self, problems: desk.problems };
        // What is wrong with the definition is reported there, when `secrets:` itself is decoded.
        let (_, value) = self.resolve(&entry.value, &there).unwrap_or_else(|_| (String::new(), NOT_LOOKED_UP.into()));
        Ok((format!("secret {name}"), value))
    }

    fn in_file(&self, path: &str, line: usize, desk: &Desk<'_>) -> Result<Resolved, Wrong> {
        let reference = format!("file {path}");
        if self.secrets == Secrets::Without {
            return Ok((reference, NOT_LOOKED_UP.to_owned()));
        }
        let folder = desk.source.path.parent().unwrap_or(Path::new("."));
        let full = folder.join(path);
        let cannot = |why: &dyn std::fmt::Display| {
            let text = format!("the secret's file `{path}` cannot be read: {why}");
            Wrong::hinted(text, "`unbroken check --without-secrets` checks the rest")
        };
        let facts = full.metadata().map_err(|error| cannot(&plain(&error)))?;
        if !facts.is_file() {
            return Err(cannot(&"it is not a regular file"));
        }
        if facts.len() > SECRET_BYTES_MAX {
            return Err(cannot(&"it is larger than 64KiB"));
        }
        let mut bytes = Vec::new();
        let file = File::open(&full).map_err(|error| cannot(&plain(&error)))?;
        file.take(SECRET_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| cannot(&plain(&error)))?;
        let text = String::from_utf8(bytes).map_err(|_| cannot(&"it is not UTF-8 text"))?;
        // Editors and `echo` end a file with a line break that is no part of the secret.
        let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        if text.is_empty() {
            return Err(cannot(&"it is empty"));
        }
        if facts.permissions().mode() & 0o004 != 0 && self.warned.borrow_mut().insert(full) {
            let place = crate::config::problem::Place { line, column: 1, width: 1 };
            let place = desk.source.find_in_line(place, path);
            let problem = desk.source.problem(place, format!("the secret's file `{path}` can be read by everyone"));
            let problem = problem.hint(format!("chmod 600 {path}"));
            desk.report(crate::config::Problem { severity: Severity::Warning, ..problem });
        }
        Ok((reference, text.to_owned()))
    }
}

/// An operating system's error without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
