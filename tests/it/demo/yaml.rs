//! The YAML of the demo company, which users copy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use unbroken::config::{self, Environment, Folders, Secrets};
use unbroken::demo::{CONFIGURATION, PICTURES, Touchpoint, without_browsers};

use super::Visit;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

#[test]
fn every_touchpoint_has_its_file() {
    let stems: BTreeSet<_> = files("probes").iter().map(|path| path.file_stem().unwrap().to_owned()).collect();
    assert_eq!(stems, Touchpoint::ALL.iter().map(|touchpoint| touchpoint.id().into()).collect());
}

#[test]
fn the_program_carries_every_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let carried = CONFIGURATION.iter().map(|(path, _)| root.join(path)).collect::<BTreeSet<_>>();
    assert_eq!(carried, files("config").into_iter().chain(files("probes")).collect());
}

#[tokio::test]
async fn the_configuration_has_no_problem() {
    let visit = Visit::new().await;
    let folders = Folders::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("config"));
    let environment = Environment::new(visit.company.environment().clone());
    let loaded = config::load(&folders, &environment, Secrets::Needed);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(loaded.plan.unwrap().map.journeys.len(), 3);
}

#[tokio::test]
async fn every_variable_is_one_that_the_company_sets() {
    let mut named = BTreeSet::new();
    for path in files("config").into_iter().chain(files("probes")) {
        let text = std::fs::read_to_string(path).unwrap();
        let variables = text.split("${").skip(1).map(|rest| rest.split([':', '}']).next().unwrap().to_owned());
        named.extend(variables);
    }
    let visit = Visit::new().await;
    assert_eq!(named, visit.company.environment().keys().cloned().collect());
}

#[tokio::test]
async fn where_there_is_no_browser_only_the_errands_that_need_one_are_left_out() {
    let visit = Visit::new().await;
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in CONFIGURATION {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, without_browsers(text)).unwrap();
    }
    for (path, bytes) in PICTURES {
        std::fs::write(folder.path().join(path), bytes).unwrap();
    }
    let load = |root: &Path| {
        let environment = Environment::new(visit.company.environment().clone());
        let loaded = config::load(&Folders::new(root.join("config")), &environment, Secrets::Needed);
        let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        loaded.plan.unwrap().errands
    };
    let is_plain = |errand: &unbroken::probe::Errand| errand.steps().all(|step| step.kind.key() != "browser");
    let whole = load(Path::new(env!("CARGO_MANIFEST_DIR")));
    let plain: Vec<String> =
        whole.iter().filter(|errand| is_plain(errand)).map(|errand| errand.id.to_string()).collect();
    assert!(plain.len() < whole.len());
    let left: Vec<String> = load(folder.path()).iter().map(|errand| errand.id.to_string()).collect();
    assert_eq!(left, plain);
}
