//! The YAML of the demo company, which users copy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use unbroken::demo::Touchpoint;

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
