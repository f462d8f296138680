//! The folders in, a [`Plan`] out, or every problem at once.
//!
//! `check`, start and reload call [`load`]: what one accepts, all accept. Raw YAML shapes stay in here; past a plan
//! nothing is checked again, and nobody but the daemon and the commands names this module.

mod alerts;
mod build;
mod decode;
mod depends;
mod former;
mod hours;
mod interpolate;
mod journeys;
mod maintenance;
mod map;
mod names;
mod personas;
mod probes;
mod problem;
mod read;
mod reports;
mod rule;
mod schema;
mod steps;
mod telemetry;
mod templates;
mod touchpoint;
mod tree;
mod unbroken;
mod vantages;
mod vault;
mod written;
mod yaml;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use crate::model::{JourneyMap, TouchpointId};
use crate::{alert, probe, report, store};

pub use problem::{Problem, Severity};
pub use schema::schema;
pub use vantages::Vantage;

use build::Draft;
use read::Doc;
use unbroken::{Index, Top};
use vault::Vault;

/// Everything that the daemon needs to know, checked.
#[derive(Clone, Debug)]
pub struct Plan {
    pub map: Arc<JourneyMap>,
    /// One per probe that runs by itself.
    pub errands: Vec<Arc<probe::Errand>>,
    pub listen: SocketAddr,
    /// Where others reach the page, if not where it listens.
    pub url: Option<Url>,
    /// Others may reach the page without sign-in.
    pub public: bool,
    pub store: store::Settings,
    pub telemetry: crate::telemetry::Settings,
    pub browser: probe::browser::pool::Settings,
    pub alerts: alert::Settings,
    pub reports: Vec<report::Order>,
    /// At least one, in the order of their turns.
    pub vantages: Vec<Vantage>,
    /// Each touchpoint's file as its page may show it.
    pub written: Arc<BTreeMap<TouchpointId, Arc<str>>>,
    /// What was read, for watching.
    pub files: Vec<PathBuf>,
}

/// Where the configuration lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    pub config: PathBuf,
    /// Overrides `probes:`.
    pub probes: Option<PathBuf>,
}

impl Folders {
    pub fn new(config: impl Into<PathBuf>) -> Self {
        Self { config: config.into(), probes: None }
    }
}

/// The environment's variables, as they are given to the configuration.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    pub fn new<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// This process's own; a variable that is no text is left out.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// Whether secrets are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    Needed,
    /// Elsewhere than where the daemon runs: references are checked, nothing is looked up.
    Without,
}

/// What came of reading the folders. There is a plan if no problem is an error.
#[derive(Debug)]
pub struct Loaded {
    pub plan: Option<Plan>,
    /// By file and line.
    pub problems: Vec<Problem>,
}

/// Reads the folders. Creates nothing and connects to nothing.
pub fn load(folders: &Folders, environment: &Environment, secrets: Secrets) -> Loaded {
    std::thread::scope(|scope| {
        let work = || load_here(folders, environment, secrets);
        match std::thread::Builder::new().name("config".into()).stack_size(STACK_BYTES).spawn_scoped(scope, work) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => work(),
        }
    })
}

/// Collections in collections are read by recursion: as deep as a file may be, a caller's own stack may be too small.
const STACK_BYTES: usize = 64 * 1024 * 1024;

fn load_here(folders: &Folders, environment: &Environment, secrets: Secrets) -> Loaded {
    let problems = RefCell::new(Vec::new());
    let plan = read_all(folders, environment, secrets, &problems);
    let mut problems = problems.into_inner();
    let order = |problem: &Problem| {
        (problem.file.clone(), problem.line, problem.column, problem.severity, problem.text.clone())
    };
    problems.sort_by_cached_key(order);
    problems.dedup_by(|a, b| order(a) == order(b));
    let plan = if problems.iter().any(|problem| problem.severity == Severity::Error) { None } else { plan };
    Loaded { plan, problems }
}

fn read_all(
    folders: &Folders,
    environment: &Environment,
    secrets: Secrets,
    problems: &RefCell<Vec<Problem>>,
) -> Option<Plan> {
    let mut files = read::list(&folders.config, &mut problems.borrow_mut());
    if let Some(unread) = problems.borrow_mut().iter_mut().find(|problem| problem.file == folders.config) {
        // Nothing more can be said of what is not there.
        unread.hint = Some("`unbroken init` writes a first configuration; --config names another folder".to_owned());
        return None;
    }
    if files.is_empty() && problems.borrow().is_empty() {
        let nothing = Problem::whole(&folders.config, "the folder holds no `*.yaml`");
        problems.borrow_mut().push(nothing.hint("`unbroken init` writes an example"));
    }
    let docs: Vec<Option<Doc>> = read_each(&files, environment, problems);
    let all_read = docs.iter().all(Option::is_some);
    let docs: Vec<Doc> = docs.into_iter().flatten().collect();
    let index = Index::of(&docs, problems);
    let whole = if all_read { index.whole } else { build::Whole::No };
    let named = index.find("secrets").map(|(doc, entry)| (&entry.value, &doc.source));
    let vault = Vault::new(environment, secrets, named);
    let top = Top::decode(&index, &vault, problems);

    let folder = match (&folders.probes, &top.probes) {
        (Some(folder), _) => folder.clone(),
        (None, stands) => {
            let written = stands.as_ref().and_then(|stands| stands.value.as_deref());
            beside(&folders.config, written.unwrap_or("../probes"))
        }
    };
    let probe_files = read::list(&folder, &mut problems.borrow_mut());
    let probe_docs: Vec<Option<Doc>> = read_each(&probe_files, environment, problems);
    let drafts: Vec<Draft<'_>> = probe_files
        .iter()
        .zip(&probe_docs)
        .map(|(path, doc)| Draft::new(path, doc.as_ref(), &vault, problems))
        .collect();
    files.extend(probe_files.iter().cloned());
    let by_id = drafts.iter().map(|draft| (draft.id.as_str(), draft)).collect();
    let mut plan =
        build::plan(&build::Read { top: &top, drafts: &drafts, by_id, whole, folder: &folder, folders, problems })?;
    plan.telemetry = telemetry::settle(plan.telemetry, top.telemetry.as_ref(), environment, secrets, problems);
    if let Some(veil) = written::Veil::new() {
        let texts = drafts.iter().zip(&probe_docs).filter_map(|(draft, doc)| Some((draft, doc.as_ref()?)));
        plan.written = Arc::new(texts.map(|(draft, doc)| (draft.id.clone(), veil.over(&doc.source.text))).collect());
    }
    Some(Plan { files, ..plan })
}

/// A path relative to a folder, without `folder/..` in it where that says nothing.
fn beside(folder: &Path, path: &str) -> PathBuf {
    let plain = folder.file_name().is_some() && !folder.is_symlink();
    match path.strip_prefix("../") {
        Some(path) if plain => folder.parent().unwrap_or(Path::new("")).join(path),
        _ => folder.join(path),
    }
}

fn read_each(paths: &[PathBuf], environment: &Environment, problems: &RefCell<Vec<Problem>>) -> Vec<Option<Doc>> {
    paths.iter().map(|path| read::read(path, environment, &mut problems.borrow_mut())).collect()
}
